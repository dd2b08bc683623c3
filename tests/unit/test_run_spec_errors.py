"""A run's description: what is refused, in which words, and that it survives being written."""

from pathlib import Path

import pytest

from scenarios.spec import PRESETS, BadSpec, dump, load, resolve

GOOD = {
    "instruments": [{"instrument_id": "BTCUSDT.BINANCE"}],
    "strategies": [{"id": "S1", "strategy": "trend_following"}],
}
CASES = [
    ({"speed": 3}, "speed: unknown key; remove it or mend its spelling"),
    ({"duration_s": -1}, "duration_s: input should be greater than 0; it is -1"),
    ({"duration_s": float("inf")}, "duration_s: input should be a finite number; it is inf"),
    ({"duration_s": float("nan")}, "duration_s: input should be a finite number; it is nan"),
    ({"duration_s": 1e300}, "duration_s: input should be less than or equal to 1000000000"),
    ({"feed": {"rules_s": float("inf")}}, "feed.rules_s: input should be a finite number"),
    ({"venue": {"account": "../x"}}, "venue.account: '../x' names files: write up to 64 letters"),
    ({"venue": {"account": ""}}, "venue.account: '' names files"),
    ({"venue": {"name": "/tmp"}}, "venue.name: '/tmp' names files"),
    ({"instruments": [{"instrument_id": "../x.B"}]}, "instruments.0.instrument_id: '../x.B' names"),
    ({"name": "../x"}, "name: string should match pattern"),
    ({"strategies": [{"id": "../X", "strategy": "x"}]}, "strategies.0.id: string should match"),
    ({"mode": "DRY_RUN"}, "mode: input should be 'PAPER'; it is 'DRY_RUN'"),
    ({"instruments": []}, "instruments: empty; add at least one"),
    ({"strategies": [{"id": "S1"}]}, "strategies.0.strategy: missing; add it"),
    ({"strategies": [{"id": "s 1", "strategy": "x"}]}, "strategies.0.id: string should match"),
    ({"venue": {"speed": 0}}, "venue.speed: input should be greater than 0; it is 0"),
    (
        {"strategies": [{"id": "S1", "strategy": "x", "instruments": ["XRPUSDT.BINANCE"]}]},
        "strategies.S1.instruments: 'XRPUSDT.BINANCE' is not among this run's instruments; use one",
    ),
    (
        {"cell": True, "strategies": [{"id": "S1", "strategy": "x", "node": "far"}]},
        "strategies.S1.node: a cell keeps strategies beside the order manager; remove `node`",
    ),
    ({"instruments": GOOD["instruments"] * 2}, "instruments: 'BTCUSDT.BINANCE' is there twice"),
]


@pytest.mark.parametrize(("change", "complaint"), CASES)
def test_a_bad_spec_is_one_line_with_field_and_remedy(
    change: dict[str, object], complaint: str
) -> None:
    with pytest.raises(BadSpec) as told:
        resolve({**GOOD, **change}, source="my.toml")

    text = str(told.value)
    assert text.startswith(f"my.toml: {complaint}")
    assert "\n" not in text


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_resolves_and_survives_being_written(preset: str, tmp_path: Path) -> None:
    spec = load(preset, ["venue.speed=3", "seed=11"])
    (tmp_path / "again.toml").write_text(dump(spec))

    assert load(str(tmp_path / "again.toml")) == spec
    assert (spec.venue.speed, spec.seed) == (3.0, 11)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("quickstat", "no such preset; use one of quickstart, recorded"), ("no.toml", "cannot be")],
)
def test_an_unknown_source_says_what_there_is(source: str, complaint: str) -> None:
    with pytest.raises(BadSpec, match=complaint):
        load(source)


def test_broken_toml_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("seed = = 3\n")

    with pytest.raises(BadSpec, match=r"not valid TOML .*line 1"):
        load(str(tmp_path / "x.toml"))


@pytest.mark.parametrize("override", ["venue.speed", "=3", "instruments.0.max=3"])
def test_a_bad_override_says_how_to_write_it(override: str) -> None:
    with pytest.raises(BadSpec, match="--set"):
        load("quickstart", [override])
