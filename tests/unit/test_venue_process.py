"""The venue's process: what an earlier start of a run left does not start its tape."""

from pathlib import Path

from scenarios import venue_process
from scenarios.folder import create
from scenarios.spec import load


def test_a_new_simulator_of_an_old_run_waits_for_the_system_again(tmp_path: Path) -> None:
    spec = load("quickstart")
    folder = create(spec, tmp_path)
    venue_process.begin(folder)  # an earlier start of this run served, and died
    started = folder.part("venue", venue_process.START)
    assert started.exists()

    venue = venue_process.start(spec, folder, venue_process.instruments_of(spec))
    try:
        waits = not started.exists()
    finally:
        venue.stop()

    assert waits
    assert not venue_process.alive(venue.pid)
