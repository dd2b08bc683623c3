"""A running system seen from a second terminal."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import RayError

from actors.names import NAMESPACE
from messages import encode
from messages.base import StrategyId
from messages.control import ParamValue, SetParams
from messages.risk import KillSwitch, SetTradingState, TradingState
from scenarios.folder import RunFolder, ask_to_stop
from scenarios.spec import BadSpec
from scenarios.view import actor, books, look, of_accounts, positions, view, whole_tree
from supervisors.environment import prepare_environment
from supervisors.process import runs
from supervisors.system import find_root
from supervisors.warm import quiet_driver
from trading.wiring import Role, strategy_actor

_STOP_S: Final = 60.0
_POLL_S: Final = 0.2
_COMMAND_S: Final = 5.0
_REVIVED_S: Final = 20.0  # for an order manager that starts again
_ANSWER_S: Final = 0.02  # between two looks for an answer
_PORT_S: Final = 2.0
_TRIES: Final = "RAY_gcs_server_port_wait_time_s"  # how often Ray tries to reach its first process


class NoAnswer(Exception):
    """A running system did not do in time what it was asked; the text is one line for the user."""


class Connected:
    """The verbs of `manta status | orders | positions | actors | stop | trading | kill-switch`."""

    def __init__(self, folder: RunFolder, system: dict[str, Any]) -> None:
        self._folder = folder
        self._system = system
        self._run_id = str(system["run_id"])
        self._tags: list[str] = system.get("accounts", [""])

    def status(self) -> dict[str, Any]:
        """Everything at once."""
        begun_s = self._folder.part("system.json").stat().st_mtime
        return view(self._run_id, find_root(self._run_id), begun_s, self._tags)

    def orders(self, *, every: bool = False, closed: int = 0) -> list[dict[str, Any]]:
        """Orders as the order manager holds them: open ones, the newest closed ones, or all."""
        views = ("orders",) if every else ("open", f"closed:{closed}")[: 2 if closed else 1]
        rows: dict[str, dict[str, Any]] = {}  # one may have closed between the two views
        for what in views:
            found = books(self._run_id, what, self._tags)
            if found is None:
                raise NoAnswer("orders: the order manager is just restarting; ask again")
            rows |= {o["order"]["client_order_id"]: _flat(o) for o in found}
        return list(rows.values())

    def positions(self) -> list[dict[str, Any]]:
        """Positions with their PnL."""
        found = positions(self._run_id, self._tags)
        if found is None:
            raise NoAnswer("positions: the order manager is just restarting; ask again")
        return found

    def actors(self) -> list[dict[str, Any]]:
        """Name, class, pid, node, incarnation and restarts of every actor."""
        rows: list[dict[str, Any]] = self.tree()["actors"]
        return rows

    def tree(self) -> dict[str, Any]:
        """The supervision tree; of the actors themselves only a cell is asked, for its members."""
        return whole_tree(self._run_id, find_root(self._run_id))

    def stop(self, *, cancel_orders: bool = True) -> dict[str, Any]:
        """Ask the run to end in order, and wait for its summary.

        cancel_orders  False leaves working orders at the venue, for a run that resumes this one
        raises         NoAnswer if there is no summary
        """
        ask_to_stop(self._folder, keep_orders=not cancel_orders)
        deadline = time.monotonic() + _STOP_S
        while time.monotonic() < deadline:
            ended = not _runs(self._system)  # before the look: its last act is to write it
            if summary := self._summary():
                return summary
            if ended:
                break
            time.sleep(_POLL_S)
        raise NoAnswer(f"stop: run {self._run_id} did not end in time; see `manta logs`")

    def _summary(self) -> dict[str, Any]:
        """What this start of the run has come to; {} while only an earlier one has ended."""
        written_ns, begun_ns = (
            _written_ns(self._folder.part(name)) for name in ("summary.json", "system.json")
        )
        return self._folder.read("summary.json") if written_ns > begun_ns else {}

    def strategy_state(self, strategy: str) -> dict[str, Any]:
        """A live strategy's own view of itself.

        raises  BadSpec if there is no such strategy; NoAnswer while it restarts
        """
        self._known(strategy)
        found = look(self._run_id, strategy_actor(StrategyId(strategy)), "state")
        if not isinstance(found, dict):
            raise NoAnswer(f"{strategy}: is just restarting; ask again")
        return found

    def set_params(
        self, strategy: str, values: Mapping[str, ParamValue], operator: str
    ) -> dict[str, Any]:
        """Change parameters of a live strategy; returns when they are durable.

        raises  BadSpec if it refuses, with its code; NoAnswer if it does not answer in time
        """
        self._known(strategy)
        name, now_ns = strategy_actor(StrategyId(strategy)), time.time_ns()
        message = SetParams(
            ts_event=now_ns,
            ts_init=now_ns,
            correlation_id=f"{operator}@{now_ns}",
            strategy_id=StrategyId(strategy),
            values=values,
            operator=operator,
        )
        handle = actor(self._run_id, name)
        if handle is None:
            raise NoAnswer(f"params: {strategy} is just restarting; say it again")
        try:
            ray.get(handle.call("command", encode(message)), timeout=_COMMAND_S)
        except (RayError, TimeoutError) as e:
            raise NoAnswer(f"params: {strategy} did not take it; say it again") from e
        deadline = time.monotonic() + _COMMAND_S
        while time.monotonic() < deadline:
            found = look(self._run_id, name, "state") or {}
            answer = found.get("answer") or {}
            if answer.get("correlation_id") == message.correlation_id:
                took_s = round((time.time_ns() - now_ns) / 1e9, 3)
                return _answered(strategy, answer, found, took_s)
            time.sleep(_ANSWER_S)
        raise NoAnswer(f"params: {strategy} did not answer; look with `manta strategies state`")

    def markets(self) -> dict[str, Any]:
        """By instrument: its rules, and what its book shows now."""
        found = [look(self._run_id, n, "market") for n in of_accounts(Role.FEED, self._tags)]
        return {i: about for markets in found if markets for i, about in markets.items()}

    def venues(self) -> dict[str, Any]:
        """By venue: how fast and how reliably it has answered lately, and if it may be asked."""
        found = [look(self._run_id, n, "venue") for n in of_accounts(Role.ORDERS, self._tags)]
        return {about["venue"]: about for about in found if about}

    def _known(self, strategy: str) -> None:
        names = [str(row["name"]) for row in self.tree()["actors"]]
        ids = [n.removeprefix("strategy-") for n in names if n.startswith("strategy-")]
        if strategy not in ids:
            raise BadSpec(
                f"{strategy}: no such strategy in {self._run_id}: use one of {', '.join(ids)}"
            )

    def kill(self, *, reason: str, operator: str) -> dict[str, Any]:
        """Halt trading and cancel everything, now.

        raises  NoAnswer if that is not certain
        """
        now_ns = time.time_ns()
        switch = KillSwitch(ts_event=now_ns, ts_init=now_ns, reason=reason, operator=operator)
        return self._told("kill-switch", switch, TradingState.HALTED)

    def trading(self, state: TradingState, *, reason: str, operator: str) -> dict[str, Any]:
        """Set what the account may do; ACTIVE also starts again whom the root has given up.

        raises  NoAnswer if that is not certain
        """
        if state is TradingState.ACTIVE:
            # First: an actor that stays away could not be traded with, and a halt that the root
            # has yet to tell would come after our word.
            self._revive(operator)
        now_ns = time.time_ns()
        word = SetTradingState(
            ts_event=now_ns, ts_init=now_ns, state=state, reason=reason, operator=operator
        )
        return self._told("trading", word, state)

    def _revive(self, operator: str) -> None:
        root = find_root(self._run_id)
        try:
            ray.get(root.resume.remote(operator), timeout=_COMMAND_S)
        except (RayError, TimeoutError) as e:
            raise NoAnswer("trading: the root supervisor did not answer; say it again") from e
        deadline = time.monotonic() + _REVIVED_S
        while time.monotonic() < deadline and not all(
            look(self._run_id, name) for name in of_accounts(Role.ORDERS, self._tags)
        ):
            time.sleep(_POLL_S)

    def _told(
        self, verb: str, word: KillSwitch | SetTradingState, state: TradingState
    ) -> dict[str, Any]:
        """Tell every order manager, and wait until each shows that state.

        One that does not answer keeps none of the others from hearing it.
        """
        names = of_accounts(Role.ORDERS, self._tags)
        silent = [name for name in names if not self._took(name, word)]
        deadline = time.monotonic() + _COMMAND_S
        while time.monotonic() < deadline:
            shown = [(look(self._run_id, name) or {}).get("trading_state") for name in names]
            if all(found == state for found in shown):
                return {"run_id": self._run_id, "trading_state": str(state), "reason": word.reason}
            if silent and all(s == state or n in silent for n, s in zip(names, shown, strict=True)):
                break
            time.sleep(_POLL_S)
        if silent:
            raise NoAnswer(f"{verb}: {', '.join(silent)} did not take it; say it again")
        raise NoAnswer(f"{verb}: not confirmed in time; see `manta status`, say it again")

    def _took(self, name: str, word: KillSwitch | SetTradingState) -> bool:
        """Whether an order manager has queued the word."""
        handle = actor(self._run_id, name)
        if handle is None:
            return False
        try:
            ray.get(handle.call("command", encode(word)), timeout=_COMMAND_S)
        except (RayError, TimeoutError):
            return False
        return True


def _answered(
    strategy: str, answer: Mapping[str, Any], found: Mapping[str, Any], took_s: float
) -> dict[str, Any]:
    if answer["kind"] == "params_refused":
        raise BadSpec(f"{strategy}: {answer['code']}: {answer['reason']}: nothing was changed")
    return {
        "strategy_id": strategy,
        "changed": answer["values"],
        "params": found["params"],
        "took_s": took_s,
    }


def connect(path: Path) -> Connected:
    """The running system of a run's folder.

    raises  BadSpec if it does not run; NoAnswer if it should, but cannot be reached
    """
    folder = RunFolder(path.expanduser().resolve())
    system = folder.read("system.json")
    if not _runs(system):
        raise BadSpec(f"{folder.run_id}: is not running; start one with `manta run quickstart`")
    prepare_environment(None)  # the command line has set a token; a test needs none
    if not _listens(system["address"]):
        raise NoAnswer(f"{folder.run_id}: its Ray is gone; is it ending?")
    before = os.environ.get(_TRIES)
    os.environ[_TRIES] = "1"  # else Ray waits twelve minutes for one that ends just now
    try:
        ray.init(
            address=system["address"],
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            ignore_reinit_error=True,
        )
    except (ConnectionError, RuntimeError, RayError) as e:
        reason = (str(e) or type(e).__name__).splitlines()[0]
        raise NoAnswer(f"{folder.run_id}: its Ray does not answer ({reason}); is it ending?") from e
    finally:
        os.environ.pop(_TRIES)
        if before is not None:
            os.environ[_TRIES] = before
    quiet_driver()
    return Connected(folder, system)


def _runs(system: dict[str, Any]) -> bool:
    """Whether the command that wrote `system.json` runs still."""
    return runs(int(system.get("pid", 0)), str(system.get("born", "")))


def _listens(address: str) -> bool:
    """Whether Ray's first process is there: the command outlives it by a second or two."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_PORT_S):
            return True
    except OSError:
        return False


def _written_ns(path: Path) -> int:
    """When a file was written; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _flat(order: dict[str, Any]) -> dict[str, Any]:
    return dict(order["order"]) | {k: v for k, v in order.items() if k != "order"}
