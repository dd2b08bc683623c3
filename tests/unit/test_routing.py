"""A large order among the strategies of several venues: by score, and never given out twice."""

from decimal import Decimal
from typing import Any

import pytest
from instruments import usdt

from messages.market import Instrument
from messages.orders import OrderSide
from scenarios.cli import main
from scenarios.routing import Part, give_out, part_of, planned
from scenarios.spec import BadSpec

NAMES = {"BUY-BIN": usdt(venue="BINANCE"), "BUY-OKX": usdt(venue="OKX")}


def market(rules: Instrument, ask: float = 100.0, size: float = 10.0, **more: Any) -> Any:
    levels = {"asks": [[ask, size], [ask + 1, size]], "bids": [[ask - 1, size]]}
    return {"instrument": rules.model_dump_json(), "in_step": True, **levels, **more}


def markets(**more: Any) -> dict[str, Any]:
    return {r.instrument_id: market(r, **more) for r in NAMES.values()}


RECORDS: dict[str, Any] = {
    "BINANCE": {"latency_ms": 10.0, "reliability": 1.0, "healthy": True},
    "OKX": {"latency_ms": 80.0, "reliability": 1.0, "healthy": True},
}


def part(name: str, given: str = "0", side: OrderSide = OrderSide.BUY) -> Part:
    return Part(name, NAMES[name].instrument_id, side, Decimal(given))


class Run:
    """A live run as the router meets it: views, and parameters that stay."""

    def __init__(self) -> None:
        self.quantities = dict.fromkeys(NAMES, 0.0)
        self.lost: set[str] = set()

    def strategy_state(self, name: str) -> dict[str, Any]:
        return {
            "params": {"quantity": self.quantities[name], "buy": True},
            "reloadable": ["cancel", "pause", "quantity"],
            "positions": [{"instrument_id": NAMES[name].instrument_id}],
        }

    def markets(self) -> dict[str, Any]:
        return markets()

    def venues(self) -> dict[str, Any]:
        return RECORDS

    def set_params(self, name: str, values: dict[str, Any], operator: str) -> None:
        if name in self.lost:
            raise TimeoutError(name)
        self.quantities[name] = values["quantity"]


def test_the_better_venue_comes_first_and_none_gets_more_than_half() -> None:
    found = planned([part("BUY-OKX"), part("BUY-BIN")], markets(), RECORDS, Decimal(3))

    assert [(s.instrument_id, s.quantity) for s in found.slices] == [
        ("BTCUSDT.BINANCE", Decimal("1.5")),
        ("BTCUSDT.OKX", Decimal("1.5")),
    ]
    assert found.unplaced == 0


@pytest.mark.parametrize("why", ["breaker", "unknown", "book"])
def test_a_venue_that_cannot_be_relied_on_gets_nothing(why: str) -> None:
    records, shown = dict(RECORDS), markets()
    if why == "breaker":
        records["OKX"] = RECORDS["OKX"] | {"healthy": False}
    elif why == "unknown":
        del records["OKX"]
    else:
        shown["BTCUSDT.OKX"]["in_step"] = False

    found = planned([part("BUY-OKX"), part("BUY-BIN")], shown, records, Decimal(3))

    assert [s.instrument_id for s in found.slices] == ["BTCUSDT.BINANCE"]


def test_what_was_given_counts_and_only_what_is_missing_goes_to_those_without_a_part() -> None:
    found = planned([part("BUY-OKX", "1.2"), part("BUY-BIN")], markets(), RECORDS, Decimal(3))

    assert [(s.instrument_id, s.quantity) for s in found.slices] == [
        ("BTCUSDT.BINANCE", Decimal("1.8"))
    ]


def test_saying_it_again_after_a_death_half_way_gives_out_the_rest_and_no_more() -> None:
    run: Any = Run()
    run.lost = {"BUY-OKX"}
    with pytest.raises(TimeoutError):
        give_out(run, ["BUY-BIN", "BUY-OKX"], Decimal(3), None, "op", dry=False)
    run.lost = set()
    again = give_out(run, ["BUY-BIN", "BUY-OKX"], Decimal(3), None, "op", dry=False)
    third = give_out(run, ["BUY-BIN", "BUY-OKX"], Decimal(3), None, "op", dry=False)

    assert run.quantities == {"BUY-BIN": 1.5, "BUY-OKX": 1.5}
    assert again["parts"][0]["given_now"] == "0"
    assert [p["given_now"] for p in third["parts"]] == ["0", "0"]
    assert third["unplaced"] == "0"


def test_a_dry_run_tells_nobody() -> None:
    run: Any = Run()

    found = give_out(run, ["BUY-BIN", "BUY-OKX"], Decimal(3), None, "op", dry=True)

    assert set(run.quantities.values()) == {0.0}
    assert [p["given_now"] for p in found["parts"]] != ["0", "0"]


def test_what_is_not_one_order_is_refused_in_one_line() -> None:
    sells = [part("BUY-OKX"), part("BUY-BIN", side=OrderSide.SELL)]
    others = markets()
    others["BTCUSDT.OKX"] = market(NAMES["BUY-OKX"].model_copy(update={"quote": "USD"}))

    for parts, shown in ((sells, markets()), ([part("BUY-OKX"), part("BUY-BIN")], others)):
        with pytest.raises(BadSpec, match="not about one order"):
            planned(parts, shown, RECORDS, Decimal(3))
    with pytest.raises(BadSpec, match="two strategies are on one instrument"):
        planned([part("BUY-OKX"), part("BUY-OKX")], markets(), RECORDS, Decimal(3))
    with pytest.raises(BadSpec, match="cannot be given a part"):
        part_of("GRID", {"params": {}, "reloadable": [], "positions": [{}]})


def test_a_quantity_that_is_none_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["route", "latest", "A", "--quantity", "-1"])

    assert code == 2
    assert "--quantity -1: is no positive number" in capsys.readouterr().err
