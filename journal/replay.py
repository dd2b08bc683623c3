"""From durable rows back to messages: what an actor folds when it recovers."""

from collections.abc import AsyncIterator

from journal.errors import JournalCorrupt
from journal.log import Journal
from journal.record import Direction, Record
from messages import Message, ValidationError, decode


async def replay(
    journal: Journal, after: int = 0, direction: Direction | None = "in"
) -> AsyncIterator[tuple[Record, Message]]:
    """Records after number `after` with the messages they hold, oldest first.

    direction  None: inputs, outputs and notes, in the order in which they were appended
    raises     JournalCorrupt at the first record that is damaged, or is not a message of ours
    """
    async for record in journal.read(after, direction):
        yield record, message_of(journal, record)


def message_of(journal: Journal, record: Record) -> Message:
    """The message in a record; raises JournalCorrupt if it is none."""
    try:
        message = decode(record.payload)
    except ValidationError as error:
        raise JournalCorrupt(
            journal.path,
            record.seq,
            f"holds a {record.kind!r} that this version cannot decode ({error.error_count()}"
            f" faults, the first: {error.errors()[0]['msg']})",
        ) from error
    if getattr(message, "kind", None) != record.kind:
        raise JournalCorrupt(
            journal.path, record.seq, f"is filed as {record.kind!r} but holds another message"
        )
    return message
