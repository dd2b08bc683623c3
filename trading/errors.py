"""Errors, sorted by the only question that matters: did the venue act?

    class        did the venue act?   what to do
    NotSent      no                   may be sent again with the same id
    Throttled    no                   wait `retry_after_s`, then again
    Refused      no                   report; repeating cannot help
    Ambiguous    perhaps              reconcile first, never repeat blindly
    Garbled      perhaps              quarantine the bytes, then reconcile

Adapters raise these inside and answer with `RequestRefused` or `RequestFailed`; cores never see
them. Anything else is a bug: the actor crashes and the supervisor decides.
"""

from typing import ClassVar

from messages.venue import Acted


class VenueError(Exception):
    """Base of every expected failure at a venue; never raised itself."""

    acted: ClassVar[Acted]


class NotSent(VenueError):
    """The request did not leave this host."""

    acted = Acted.NO


class Throttled(VenueError):
    """The venue refused for rate, not for content."""

    acted = Acted.NO

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Refused(VenueError):
    """The venue read the request and said no."""

    acted = Acted.NO


class Ambiguous(VenueError):
    """Timed out or cut off after sending: the order may exist."""

    acted = Acted.PERHAPS


class Garbled(VenueError):
    """The venue sent bytes that the codec cannot read."""

    acted = Acted.PERHAPS

    def __init__(self, reason: str, raw: bytes) -> None:
        super().__init__(reason)
        self.raw = raw


class IllegalTransition(Exception):
    """An order event that the table forbids; the order is unchanged."""

    def __init__(self, order_id: str, status: str, trigger: str) -> None:
        super().__init__(f"{order_id}: {trigger} while {status}")
        self.order_id, self.status, self.trigger = order_id, status, trigger


class RecoveryMismatch(Exception):
    """Folding a journal says something else than was said before: the code changed or is wrong."""

    def __init__(self, actor: str, inputs: int, what: str) -> None:
        super().__init__(
            f"{actor}: folding input {inputs} of its journal differs from what was said then"
            f" ({what}): run the version that wrote the journal, or start a new run"
        )
        self.actor, self.inputs = actor, inputs
