"""From a RunSpec to the system that runs it: who there is, where, and who watches whom."""

import time
from collections.abc import Sequence
from typing import Final

from actors.config import Accounts, RunConfig, StrategyConfig, governor_name
from actors.names import CELL
from messages.base import NS_PER_S, StrategyId
from messages.market import Instrument
from scenarios.folder import RunFolder
from scenarios.spec import RunSpec
from scenarios.strategy_source import source_of
from scenarios.venue_process import Place, VenueProcess
from supervisors.plan import Plan
from supervisors.tree import ROOT, Child, Team
from trading.wiring import Directory, Role, strategy_actor

# All but strategies live on the node that has this resource: what holds a journal or a socket must,
# and the rest would only add a second machine that the account's trading depends on (cluster.yaml).
PINNED: Final = (("manta_disk", 0.001),)
NODE_RESOURCES: Final = {"manta_disk": 1.0}
FEED: Final = "actors.feed:Feed"
_RESTARTS_MAX: Final = 60
_WINDOW_NS: Final = 120 * NS_PER_S


def run_config(
    spec: RunSpec,
    place: Place,
    instruments: tuple[Instrument, ...],
    venue: VenueProcess,
) -> RunConfig:
    """What the actors around one account are told."""
    folder = place.folder
    account = f"{spec.venue.name}/{spec.venue.account}"
    return RunConfig(
        run_id=folder.run_id,
        folder=str(folder.path),
        tag=place.tag,
        governed=True,
        account=account,
        account_lock=str(folder.account_lock(account)),
        rest_url=venue.rest_url,
        ws_url=venue.ws_url,
        instruments=instruments,
        limits=spec.limits,
        strategies=tuple(
            StrategyConfig(
                strategy_id=StrategyId(s.id),
                source=source_of(s),
                instruments=tuple(sorted(spec.wants(s))),
                params=s.params,
            )
            for s in spec.strategies
        ),
        cell=members(spec) if spec.cell else (),
        bar_intervals_ns=tuple(s * NS_PER_S for s in spec.feed.bar_intervals_s),
        stale_book_ns=round(spec.feed.stale_book_s * NS_PER_S),
        rules_ns=round(spec.feed.rules_s * NS_PER_S),
        reconcile_ns=round(spec.reconciler.interval_s * NS_PER_S),
        grace_ns=round(spec.reconciler.grace_s * NS_PER_S),
        cancel_orphans=spec.reconciler.cancel_orphans,
        record=spec.feed.record,
        log_level=spec.log_level,  # type: ignore[arg-type]  # the spec's pattern allows these only
    )


def members(spec: RunSpec) -> tuple[str, ...]:
    """Who shares the cell's process, in start order."""
    return ("orders", "risk", *(strategy_actor(StrategyId(s.id)) for s in spec.strategies))


def tree(spec: RunSpec, feed: str = FEED) -> Team:
    """The supervision tree, in start order. Every core recovers by itself, so one dies alone.

    Flat where it can be: the processes of one team are made together, so a flat tree starts fast.
    A lost node takes strategies with it and nothing else: supervisors stay where the journals are.

    feed  import path of the feed's class: benchmarks bring their own
    """
    strategies = tuple(
        Child(
            name=strategy_actor(StrategyId(s.id)), actor="actors.strategy:Strategy", prefers=s.node
        )
        for s in spec.strategies
    )
    accounts = [child for tag in spec.parts for child in _account(spec, tag, feed)]
    apart = () if spec.cell else (_team("strategies", *strategies),)
    return _team(ROOT, _pinned("journal", "actors.journal:JournalKeeper"), *accounts, *apart)


def _account(spec: RunSpec, tag: str, feed: str) -> tuple[Child, ...]:
    """The actors of one account, in start order."""
    name = Directory({}, tag).actor
    path: tuple[Child, ...] = (
        _pinned(name(Role.ORDERS), "actors.orders:OrderManager"),
        _pinned(name(Role.RISK), "actors.risk:RiskChecker"),
    )
    if spec.cell:
        path = (_pinned(CELL, "actors.cell:Cell"),)
    return (
        _pinned(governor_name(tag), "actors.governor:RateGovernor"),
        *path,
        _pinned(name(Role.RECONCILER), "actors.reconciler:Reconciler"),
        _pinned(name(Role.FEED), feed),
    )


def _pinned(name: str, actor: str) -> Child:
    return Child(name=name, actor=actor, resources=PINNED)


def plan(spec: RunSpec, folder: RunFolder, configs: Sequence[RunConfig], feed: str = FEED) -> Plan:
    """What the root supervisor is given."""
    return Plan(
        run=folder.run_id,
        session=f"{folder.run_id}@{time.time_ns()}",
        config=Accounts(accounts=tuple(configs)).model_dump_json(),
        ledger=str(folder.part("incarnations")),
        tree=tree(spec, feed),
        hooks=tuple(Directory({}, tag).actor(Role.ORDERS) for tag in spec.parts),
    )


def _team(name: str, *children: Child | Team) -> Team:
    return Team(
        name=name,
        children=children,
        restarts_max=_RESTARTS_MAX,
        window_ns=_WINDOW_NS,
        resources=PINNED,
    )
