"""Downloads survive what networks do, and keep nothing that is not the archive's."""

import hashlib
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from archive_server import FaultyArchive, serving

from scenarios.cli_output import Failure
from scenarios.data_archive import Archive, Fetched, Wanted

NOVEMBER = Wanted("BTCUSDT", date(2024, 11, 1), date(2024, 11, 30), interval="1h")
NAME = "BTCUSDT-1h-2024-11.zip"


class Pauses(list[float]):
    """Notes how long somebody wanted to wait, and does not."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def archive_of(tmp_path: Path, *paths: str) -> FaultyArchive:
    """An archive with these files in it, each of 200 kB, and their checksums."""
    root, sums = tmp_path / "archive", {}
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(file, "w") as made:
            made.writestr(file.stem + ".csv", path.encode() * (200_000 // len(path)))
        sums[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return FaultyArchive(root, sums)


async def fetch(
    served: FaultyArchive, folder: Path, wanted: Wanted, pauses: Pauses | None = None
) -> list[Fetched]:
    """What `Archive.fetch` says."""
    async with serving(served) as url:
        pause = Pauses() if pauses is None else pauses
        return await Archive(folder, url, pause=pause).fetch([wanted])


async def test_a_month_is_fetched_whole_and_mirrors_the_archive(tmp_path: Path) -> None:
    path = NOVEMBER.path(date(2024, 11, 1), "monthly")
    served = archive_of(tmp_path, path)

    (done,) = await fetch(served, tmp_path / "to", NOVEMBER)

    assert path == f"data/spot/monthly/klines/BTCUSDT/1h/{NAME}"
    assert done.outcome == "fetched"
    assert (tmp_path / "to" / path).read_bytes() == (served.root / path).read_bytes()


FAULTS = {
    "cut": ("resumed", ["", "bytes="]),
    "empty": ("fetched", ["", ""]),
    "500": ("fetched", ["", ""]),
    "429": ("fetched", ["", ""]),
    "flip": ("fetched", ["", ""]),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_costs_one_more_request(fault: str, tmp_path: Path) -> None:
    outcome, ranges = FAULTS[fault]
    served = archive_of(tmp_path, NOVEMBER.path(date(2024, 11, 1), "monthly"))
    served.faults[NAME] = [fault]

    (done,) = await fetch(served, tmp_path / "to", NOVEMBER)

    asked = [span for name, span in served.asked if name == NAME]
    assert done.outcome == outcome
    assert [span[:6] for span in asked] == ranges
    assert done.path is not None
    assert hashlib.sha256(done.path.read_bytes()).hexdigest() == served.checksums[NAME]
    assert list(done.path.parent.glob("*.part")) == []


async def test_a_server_that_asks_to_wait_is_obeyed(tmp_path: Path) -> None:
    served = archive_of(tmp_path, NOVEMBER.path(date(2024, 11, 1), "monthly"))
    served.faults[NAME] = ["429"]
    pauses = Pauses()

    await fetch(served, tmp_path / "to", NOVEMBER, pauses)

    assert pauses == [7.0]


async def test_a_part_of_an_earlier_process_is_completed(tmp_path: Path) -> None:
    path = NOVEMBER.path(date(2024, 11, 1), "monthly")
    served = archive_of(tmp_path, path)
    part = tmp_path / "to" / (path + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes((served.root / path).read_bytes()[:100])

    (done,) = await fetch(served, tmp_path / "to", NOVEMBER)

    assert done.outcome == "resumed"
    assert (NAME, "bytes=100-") in served.asked


@pytest.mark.parametrize("rest", ["longer than the file", "of another file"])
async def test_a_part_of_other_content_is_thrown_away(rest: str, tmp_path: Path) -> None:
    path = NOVEMBER.path(date(2024, 11, 1), "monthly")
    served = archive_of(tmp_path, path)
    part = tmp_path / "to" / (path + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (500_000 if rest.startswith("longer") else 50))

    (done,) = await fetch(served, tmp_path / "to", NOVEMBER)

    assert done.path is not None
    assert done.path.read_bytes() == (served.root / path).read_bytes()


async def test_a_server_without_ranges_sends_all_again(tmp_path: Path) -> None:
    path = NOVEMBER.path(date(2024, 11, 1), "monthly")
    served = archive_of(tmp_path, path)
    served.faults[NAME] = ["cut", "ignore-range"]

    (done,) = await fetch(served, tmp_path / "to", NOVEMBER)

    assert done.path is not None
    assert done.path.read_bytes() == (served.root / path).read_bytes()


async def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    served = archive_of(tmp_path, NOVEMBER.path(date(2024, 11, 1), "monthly"))
    await fetch(served, tmp_path / "to", NOVEMBER)

    (again,) = await fetch(served, tmp_path / "to", NOVEMBER)

    assert again.outcome == "present"
    assert [name for name, _ in served.asked].count(NAME) == 1


async def test_a_checksum_that_never_fits_fails_and_leaves_nothing(tmp_path: Path) -> None:
    served = archive_of(tmp_path, NOVEMBER.path(date(2024, 11, 1), "monthly"))
    served.checksums[NAME] = "0" * 64

    with pytest.raises(Failure, match=rf"{NAME}: its SHA-256 is not that of its \.CHECKSUM"):
        await fetch(served, tmp_path / "to", NOVEMBER)

    assert [p for p in (tmp_path / "to").rglob("*") if p.is_file()] == []


async def test_a_month_without_its_file_is_fetched_by_days(tmp_path: Path) -> None:
    days = [NOVEMBER.path(date(2024, 11, d), "daily") for d in (1, 2)]
    served = archive_of(tmp_path, *days)

    done = await fetch(served, tmp_path / "to", NOVEMBER)

    assert [f.outcome for f in done].count("fetched") == 2
    assert [f.outcome for f in done].count("absent") == 28


async def test_part_of_a_month_is_fetched_by_days(tmp_path: Path) -> None:
    wanted = Wanted("BTCUSDT", date(2024, 11, 29), date(2024, 12, 1), "um", "aggTrades")
    served = archive_of(tmp_path)

    done = await fetch(served, tmp_path / "to", wanted)

    assert [f.name for f in done] == [
        f"BTCUSDT-aggTrades-2024-{d}.zip" for d in ("11-29", "11-30", "12-01")
    ]
    assert wanted.path(date(2024, 12, 1), "daily") == (
        "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-01.zip"
    )


async def test_a_server_that_keeps_failing_is_given_up_naming_the_file(tmp_path: Path) -> None:
    served = archive_of(tmp_path, NOVEMBER.path(date(2024, 11, 1), "monthly"))
    served.faults[NAME] = ["500"] * 20
    pauses = Pauses()

    with pytest.raises(Failure, match=rf"{NAME}: the server says 500"):
        await fetch(served, tmp_path / "to", NOVEMBER, pauses)

    assert pauses == sorted(pauses)
    assert len(pauses) == 6
