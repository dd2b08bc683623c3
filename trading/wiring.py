"""Who hears what: the whole message graph of the system as one table.

Both runtimes read it, so a message takes the same way in the Loop and on Ray. A cell that is not
here is a message that this role must not say: the runtime stops the actor that tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, get_args

from messages import accounts, control, health, market, orders, risk, venue
from messages.base import InstrumentId, Message, StrategyId


class Role(StrEnum):
    """What an actor is for. Each but STRATEGY has one actor, of the same name; in a run of several
    accounts feed, risk, orders and reconciler have one for each account: "orders@okx"."""

    FEED = "feed"
    STRATEGY = "strategy"
    RISK = "risk"
    ORDERS = "orders"
    RECONCILER = "reconciler"
    JOURNAL = "journal"
    VENUE = "venue"  # not an actor of ours: the connection that the sender itself holds
    SELF = "self"


_MARKET: Final = (
    market.TradeBatch,
    market.BookDeltaBatch,
    market.BarBatch,
    market.FundingBatch,
)
_STALENESS: Final = (market.FeedStale, market.FeedRecovered)
_EVIDENCE: Final = (
    venue.OrderReport,
    venue.FillReport,
    venue.OrderNotFound,
    venue.OpenOrdersReport,
    venue.FillsReport,
    venue.AccountReport,
)
_QUERIES: Final = (*get_args(venue.VenueQuery), orders.QueryOrder)
_INTENTS: Final = (orders.OrderIntent, orders.CancelIntent, orders.ModifyIntent)
_APPROVED: Final = (orders.ApprovedOrder, orders.ApprovedModify, orders.CancelIntent)
R = Role

Routes = Mapping[type[Message], tuple[Role, ...]]
ROUTES: Final[Mapping[Role, Routes]] = {
    R.FEED: {
        **dict.fromkeys(_MARKET, (R.STRATEGY,)),
        market.QuoteBatch: (R.STRATEGY, R.RISK),
        **dict.fromkeys(_STALENESS, (R.STRATEGY, R.RISK, R.JOURNAL)),
        market.FeedReported: (R.STRATEGY, R.RISK),
        market.InstrumentChanged: (R.STRATEGY, R.RISK, R.ORDERS),
        market.FeedReplay: (R.STRATEGY, R.RISK),  # only to its asker
        market.SnapshotRequested: (R.VENUE,),
        market.RepairStream: (R.VENUE, R.JOURNAL),
        market.HistoryRequested: (R.VENUE,),
        market.RulesRequested: (R.VENUE,),
        market.ChangeStreams: (R.VENUE,),
        market.ProbeStream: (R.VENUE,),
        market.SubscriptionsChanged: (R.JOURNAL,),
        market.FeedGap: (R.STRATEGY, R.JOURNAL),
        market.QualityAlert: (R.JOURNAL,),
        control.SetTimer: (R.SELF,),
    },
    R.STRATEGY: {
        **dict.fromkeys(_INTENTS, (R.RISK,)),
        control.StrategyCheckpoint: (R.JOURNAL,),
        control.ParamsChanged: (R.JOURNAL,),
        control.ParamsRefused: (R.JOURNAL,),
        control.ExecutionEnded: (R.JOURNAL,),
        market.SubscribeFeed: (R.FEED,),
        market.UnsubscribeFeed: (R.FEED,),
        accounts.SyncRequest: (R.ORDERS,),
        control.SetTimer: (R.SELF,),
    },
    R.RISK: {
        **dict.fromkeys(_APPROVED, (R.ORDERS,)),
        orders.RefusedOrder: (R.STRATEGY, R.JOURNAL),
        market.RulesRequested: (R.FEED,),
        market.SubscribeFeed: (R.FEED,),
        accounts.SyncRequest: (R.ORDERS,),
        control.SetTimer: (R.SELF,),
    },
    R.ORDERS: {
        orders.SubmitOrder: (R.VENUE,),
        orders.CancelOrder: (R.VENUE,),
        orders.ModifyOrder: (R.VENUE,),
        **dict.fromkeys(_QUERIES, (R.VENUE,)),
        **dict.fromkeys(get_args(orders.OrderEvent), (R.STRATEGY, R.RISK, R.RECONCILER)),
        accounts.OrderKnown: (R.RISK,),
        accounts.PositionChanged: (R.RISK, R.RECONCILER),
        accounts.AccountSnapshot: (R.STRATEGY, R.RISK, R.RECONCILER),  # only to its asker
        market.InstrumentChanged: (R.RECONCILER,),
        risk.TradingStateChanged: (R.STRATEGY, R.RISK, R.RECONCILER),
        health.Discrepancy: (R.JOURNAL,),
        control.SetTimer: (R.SELF,),
    },
    R.RECONCILER: {
        **dict.fromkeys(_QUERIES, (R.VENUE,)),
        venue.QueryPositions: (R.VENUE,),
        **dict.fromkeys(_EVIDENCE, (R.ORDERS,)),
        health.Discrepancy: (R.JOURNAL,),
        health.DiscrepancyResolved: (R.JOURNAL,),
        health.ReconcileCompleted: (R.JOURNAL,),
        risk.SetTradingState: (R.ORDERS,),
        orders.CancelIntent: (R.ORDERS,),
        accounts.SyncRequest: (R.ORDERS,),
        control.SetTimer: (R.SELF,),
    },
}

# Links whose messages move orders or permission: numbered, acknowledged, re-sent, deduplicated.
# Market data is not re-sent: a newer batch is worth more than an older one, and a gap shows.
RELIABLE: Final = frozenset(
    {
        (R.STRATEGY, R.RISK),
        (R.STRATEGY, R.ORDERS),
        (R.RISK, R.STRATEGY),
        (R.RISK, R.ORDERS),
        (R.RECONCILER, R.ORDERS),
        (R.ORDERS, R.STRATEGY),
        (R.ORDERS, R.RISK),
        (R.ORDERS, R.RECONCILER),
    }
)


# Actors that a fresh incarnation of each role greets: the other ends of its reliable links.
PEERS: Final[Mapping[Role, tuple[Role, ...]]] = {
    role: tuple(r for r in Role if any({role, r} == {a, b} for a, b in RELIABLE) and r is not role)
    for role in Role
}


_ANSWERS: Final = (market.FeedReplay, accounts.AccountSnapshot)
_OF_ACCOUNT: Final = frozenset({R.FEED, R.RISK, R.ORDERS, R.RECONCILER})


class NoRoute(Exception):
    """A role said something that the table does not let it say: a bug in its core."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The actors around one account: its strategy instances, and the instruments each wants.

    account  what follows the "@" in the names of its actors; "" where the run has one account
    """

    strategies: Mapping[StrategyId, frozenset[InstrumentId]]
    account: str = ""

    def actor(self, role: Role) -> str:
        """The name of the one actor of a role (not of STRATEGY)."""
        return f"{role}@{self.account}" if self.account and role in _OF_ACCOUNT else str(role)

    def recipients(self, sender: Role, message: Message) -> tuple[str, ...]:
        """Actor names that `message` from `sender` goes to, in table order.

        "venue" and "self" stand for the sender's own connection and mailbox.
        raises  NoRoute if the table has no cell for it
        """
        roles = ROUTES[sender].get(type(message))
        if roles is None:
            raise NoRoute(f"{sender} must not send {type(message).__name__}")
        if isinstance(message, _ANSWERS) and message.asker is not None:
            return (message.asker,)
        names: list[str] = []
        for role in roles:
            names.extend(self._strategies(message) if role is R.STRATEGY else (self.actor(role),))
        return tuple(names)

    def peers(self, role: Role) -> tuple[str, ...]:
        """Actor names at the other ends of this role's reliable links."""
        names: list[str] = []
        for peer in PEERS[role]:
            if peer is R.STRATEGY:
                names.extend(strategy_actor(s) for s in self.strategies)
            else:
                names.append(self.actor(peer))
        return tuple(names)

    def _strategies(self, message: Message) -> list[str]:
        """Those it is addressed to, else those that want its instrument, else all."""
        said = vars(message)  # its fields; asking for one that it has not got is slow
        owner = said.get("strategy_id")
        if owner is not None:
            # Orders that no strategy of this run placed (adopted ones) have no actor to tell.
            return [strategy_actor(owner)] if owner in self.strategies else []
        instrument = said.get("instrument_id")
        if instrument is None and isinstance(message, market.InstrumentChanged):
            instrument = message.instrument.instrument_id
        return [
            strategy_actor(s)
            for s, wants in self.strategies.items()
            if instrument is None or instrument in wants
        ]


def strategy_actor(strategy_id: StrategyId) -> str:
    """The actor name of a strategy instance."""
    return f"strategy-{strategy_id}"


def role_of(actor: str) -> Role:
    """The role behind an actor name."""
    return R.STRATEGY if actor.startswith("strategy-") else Role(actor.partition("@")[0])
