import asyncio
from pathlib import Path

import pytest

from journal import Draft, Journal, JournalCorrupt
from journal.replay import replay
from messages import Message, encode
from messages.control import Resumed


def resumed(number: int) -> Resumed:
    return Resumed(ts_event=number, ts_init=number, actor="orders", incarnation=number)


def draft(message: Message, direction: str = "in", kind: str = "resumed") -> Draft:
    return Draft(
        ts_ns=message.ts_init,
        direction=direction,  # type: ignore[arg-type]
        actor="orders",
        incarnation=1,
        kind=kind,
        payload=encode(message),
    )


async def replayed(path: Path, drafts: list[Draft], **options: object) -> list[tuple[int, Message]]:
    async with await Journal.open(path, owner="o", lease="L", incarnation=1, now_ns=0) as journal:
        await journal.append(drafts)
        found = replay(journal, **options)  # type: ignore[arg-type]
        return [(record.seq, message) async for record, message in found]


def test_inputs_come_back_as_the_messages_they_were(tmp_path: Path) -> None:
    drafts = [draft(resumed(1)), draft(resumed(2), "out"), draft(resumed(3))]

    found = asyncio.run(replayed(tmp_path / "j.db", drafts))

    assert found == [(1, resumed(1)), (3, resumed(3))]


def test_all_directions_come_in_the_order_of_appending(tmp_path: Path) -> None:
    drafts = [draft(resumed(1)), draft(resumed(2), "out"), draft(resumed(3), "note")]

    found = asyncio.run(replayed(tmp_path / "j.db", drafts, after=1, direction=None))

    assert found == [(2, resumed(2)), (3, resumed(3))]


def test_payload_that_is_no_message_names_its_record(tmp_path: Path) -> None:
    strange = Draft(0, "in", "orders", 1, "resumed", b'{"kind":"from_the_future"}')

    with pytest.raises(JournalCorrupt, match="record 2 holds a 'resumed' that this version") as e:
        asyncio.run(replayed(tmp_path / "j.db", [draft(resumed(1)), strange]))
    assert "\n" not in str(e.value)


def test_message_filed_under_another_kind_names_its_record(tmp_path: Path) -> None:
    with pytest.raises(JournalCorrupt, match="record 1 is filed as 'order_filled'"):
        asyncio.run(replayed(tmp_path / "j.db", [draft(resumed(1), kind="order_filled")]))
