"""A strategy instance as an actor: its checkpoint is durable before its intents leave."""

import asyncio
from typing import Any, Final

import strategies
from actors import user_code
from actors.config import RunConfig, StrategyConfig
from actors.lines import Refused
from actors.metrics import LatencyBuckets
from actors.notes import KEEPER
from actors.peer import Peer, Unreachable
from actors.shell import Shell
from messages import Message, decode, encode
from messages import orders as m
from messages.base import ClientOrderId, RunId
from messages.control import LoadStrategy, StrategyCheckpoint
from messages.market import BookDeltaBatch, QuoteBatch, TradeBatch
from trading.machine import Machine
from trading.strategy_core import StrategyCore
from trading.strategy_state import StrategyConfig as CoreConfig
from trading.strategy_state import StrategyState
from trading.strategy_view import described

_CALL_S: Final = 2.0
_RETRY_S: Final = 0.02
_DECISIONS_MAX: Final = 10_000
_MARKET: Final = (QuoteBatch, TradeBatch, BookDeltaBatch)


class Strategy(Shell[StrategyState]):
    """One strategy on its instruments."""

    async def open(self) -> Machine[StrategyState]:
        config = self.config
        mine = config.strategy(self.name.removeprefix("strategy-"))
        self._keeper = Peer(config.run_id, KEEPER, _CALL_S)
        self._feed_to_strategy = LatencyBuckets()
        self._decision_to_ack = LatencyBuckets()
        self._decided: dict[ClientOrderId, int] = {}
        core = self._core = make_core(config, mine, self.incarnation)
        machine = Machine(self.name, core, config.directory, self.incarnation)
        raw = await self._ask_keeper("restore", mine.strategy_id, self.incarnation)
        if raw:
            checkpoint = decode(raw)
            assert isinstance(checkpoint, StrategyCheckpoint), "the keeper keeps checkpoints"
            machine.restore(checkpoint, core.restore(checkpoint))
            self._log("INFO", "restored", intents=checkpoint.intents, cursor=checkpoint.cursor)
        return machine

    async def checkpoint(self, checkpoint: StrategyCheckpoint) -> None:
        await self._ask_keeper("checkpoint", self.incarnation, encode(checkpoint))

    async def _ask_keeper(self, method: str, *args: Any) -> Any:
        """Ask until there is an answer: without it nothing may leave."""
        while True:
            try:
                return await self._keeper.call(method, *args)
            except Unreachable:
                await asyncio.sleep(_RETRY_S)
            except Refused as e:
                if "Outlived" in str(e):
                    raise  # a newer incarnation of this strategy exists: end here
                await asyncio.sleep(_RETRY_S)

    def heard(self, message: Message, now_ns: int) -> None:
        if isinstance(message, _MARKET):
            self._feed_to_strategy.add_ns(now_ns - message.ts_init)
        elif isinstance(message, m.OrderAccepted):
            decided_ns = self._decided.pop(message.client_order_id, None)
            if decided_ns is not None and not message.reconciliation:
                self._decision_to_ack.add_ns(message.ts_init - decided_ns)

    def said(self, message: Message) -> None:
        if isinstance(message, m.OrderIntent) and len(self._decided) < _DECISIONS_MAX:
            self._decided.setdefault(message.order.client_order_id, message.ts_event)

    async def look(self, what: str = "status") -> Any:
        """Plain data for people: what is shown of the strategy's state is durable."""
        async with self._turn:
            return self.view(what)

    def view(self, what: str) -> Any:
        if what == "state":
            machine = self.machine
            return described(self._core, machine.state) if machine is not None else None
        if what == "latency":
            return {
                "feed_to_strategy": self._feed_to_strategy.to_json(),
                "decision_to_ack": self._decision_to_ack.to_json(),
            }
        return super().view(what) | {"lag_ms": self._feed_to_strategy.percentile_ms(0.5)}


def make_core(config: RunConfig, mine: StrategyConfig, incarnation: int) -> StrategyCore:
    """The core of one instance: a built-in strategy, or the user's own code out of a message."""
    if mine.source.startswith("{"):
        message = decode(mine.source.encode())
        assert isinstance(message, LoadStrategy), "a source is a name or a LoadStrategy"
        strategy = user_code.load(message)
    else:
        strategy = strategies.load_live(mine.source)
    instance = CoreConfig(
        run_id=RunId(config.run_id),
        strategy_id=mine.strategy_id,
        instrument_ids=mine.instruments,
        params=mine.params,
        interval_ns=config.bar_intervals_ns[0],
        incarnation=incarnation,
    )
    return StrategyCore(instance, strategy)
