"""The venue's process: what an earlier start left does not start its tape; its plan of faults."""

import json
import os
from pathlib import Path

import pytest

from scenarios import venue_process
from scenarios.folder import RunFolder, create
from scenarios.spec import BadSpec, load
from scenarios.venue_process import Place
from supervisors.process import alive


def test_a_new_simulator_of_an_old_run_waits_for_the_system_again(tmp_path: Path) -> None:
    spec = load("quickstart")
    folder = create(spec, tmp_path)
    venue_process.begin(Place(folder))  # an earlier start of this run served, and died
    started = folder.part("venue", venue_process.START)
    assert started.exists()

    venue = venue_process.start(spec, Place(folder), venue_process.instruments_of(spec))
    try:
        waits = not started.exists()
    finally:
        venue.stop()

    assert waits
    assert not alive(venue.pid)


def test_a_process_that_got_the_id_of_a_dead_simulator_is_neither_adopted_nor_ended(
    tmp_path: Path,
) -> None:
    spec = load("quickstart")
    folder = create(spec, tmp_path)
    stranger = {"pid": os.getpid(), "born": "1", "port": 1, "api_key": "k", "secret": "s"}
    folder.write("venue/process.json", stranger)

    venue = venue_process.start(spec, Place(folder), venue_process.instruments_of(spec))
    venue.stop()
    left = venue_process.VenueProcess(1, os.getpid(), "1", venue.keys, "BINANCE")
    left.stop()  # this very test would end

    assert venue.pid != os.getpid()


def test_a_simulator_that_outlived_its_run_is_found_again(tmp_path: Path) -> None:
    spec = load("quickstart", ["venue.outlives_run=true"])
    folder = create(spec, tmp_path)
    venue = venue_process.start(spec, Place(folder), venue_process.instruments_of(spec))
    venue.wait(Place(folder))
    try:
        found = venue_process.start(spec, Place(folder), venue_process.instruments_of(spec))
    finally:
        venue.stop()

    assert (found.pid, found.port) == (venue.pid, venue.port)


def test_a_plan_that_cannot_be_read_is_refused_before_anything_starts(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nkind = "FLOOD"\n')
    spec = load("quickstart", [f"venue.faults={plan}"])
    place = Place(RunFolder(tmp_path))

    with pytest.raises(BadSpec, match=r"^venue\.faults: .*plan\.toml: fault\.0\.kind: .*"):
        venue_process.start(spec, place, venue_process.instruments_of(spec))

    assert not place.path().exists()


def test_a_plan_is_part_of_what_the_simulator_is_told(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('seed = 3\n[[fault]]\nkind = "THROTTLE"\nat_s = 2\nfor_s = 1\n')
    spec = load("quickstart", [f"venue.faults={plan}"])
    place = Place(create(spec, tmp_path))

    venue = venue_process.start(spec, place, venue_process.instruments_of(spec))
    venue.stop()

    told = json.loads(place.path("config.json").read_text())["faults"]
    assert told["seed"] == 3
    assert [(rule["kind"], rule["at_s"], rule["for_s"]) for rule in told["rules"]] == [
        ("THROTTLE", 2.0, 1.0)
    ]
