"""Calls over direct lines: answers, refusals, death, and who may listen where."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from actors import lines
from actors.lines import Exchange, Line, LineLost, Refused, address


async def double(number: int) -> int:
    return number * 2


def fail() -> None:
    raise ValueError("not today")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "run" / "actor"


async def opened(path: Path) -> Exchange:
    exchange = Exchange(path, {"double": double, "fail": fail, "echo": lambda *a: list(a)})
    assert await exchange.open()
    return exchange


async def connected(path: Path) -> Line:
    line = await Line.connect(path)
    assert line is not None
    return line


async def test_calls_of_many_sizes_are_answered_each_with_its_own(path: Path) -> None:
    await opened(path)
    line = await connected(path)

    texts = ["x" * n for n in (0, 1, 70_000, 3_000_000)]
    answers = await asyncio.gather(*(line.call("echo", t, b"\x00", [1, -2]) for t in texts))

    assert answers == [[t, b"\x00", [1, -2]] for t in texts]
    assert await asyncio.gather(*(line.call("double", n) for n in range(50))) == [
        2 * n for n in range(50)
    ]


@pytest.mark.parametrize(("method", "told"), [("fail", "ValueError: not today"), ("x", "KeyError")])
async def test_what_the_other_side_raises_is_told_and_the_line_lives_on(
    path: Path, method: str, told: str
) -> None:
    await opened(path)
    line = await connected(path)

    with pytest.raises(Refused, match=told):
        await line.call(method)

    assert await line.call("double", 4) == 8


async def test_call_under_way_is_lost_with_the_other_side(path: Path) -> None:
    never = asyncio.Event()
    exchange = Exchange(path, {"wait": never.wait})
    await exchange.open()
    line = await connected(path)
    asked = asyncio.create_task(line.call("wait"))
    await asyncio.sleep(0.05)

    exchange.close()

    with pytest.raises(LineLost):
        await asyncio.wait_for(asked, 2)
    with pytest.raises(LineLost):
        await line.call("wait")


async def test_successor_takes_the_address_over(path: Path) -> None:
    old = await opened(path)
    new = Exchange(path, {"who": lambda: "new"})

    await new.open()

    assert await (await connected(path)).call("who") == "new"
    old.close()
    assert await (await connected(path)).call("who") == "new"


async def test_nobody_listening_is_no_line(path: Path) -> None:
    assert await Line.connect(path) is None
    (await opened(path)).close()
    assert await Line.connect(path) is None


async def test_frame_that_is_too_long_ends_the_connection_not_the_process(path: Path) -> None:
    await opened(path)
    reader, writer = await asyncio.open_unix_connection(str(path))

    writer.write(b"\xff\xff\xff\xff" + b"x" * 100)

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 2)
    assert await (await connected(path)).call("double", 1) == 2


async def test_folder_that_others_may_enter_is_not_used(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o755)

    assert await Exchange(path, {}).open() is False


async def test_folder_with_a_name_too_long_for_a_socket_is_not_used(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path / ("long" * 30) / "run" / "actor", {})

    assert not await exchange.open()  # calls go through Ray, and the actor serves


async def test_sockets_are_the_users_own(path: Path) -> None:
    await opened(path)

    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == os.getuid()


def test_address_is_short_whatever_the_names_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")

    assert len(str(address("r" * 80, "strategy-" + "X" * 32))) < 90
    assert address("r", "a") != address("r", "b") != address("s", "b")


def test_forgotten_run_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    one = address("run", "orders")
    assert lines.private(one.parent)
    one.touch()

    lines.forget("run")
    lines.forget("run")

    assert not one.parent.exists()
