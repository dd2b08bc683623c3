"""Packets on the wire between actors: flat tuples of primitives, the message as encoded bytes.

Ray pickles arguments; tuples of str, int and bytes cost it least, and the message inside keeps its
one wire form, so what is hashed and journaled here is what arrives there.
"""

from typing import Final, cast

from messages import Message, decode, encode
from trading.links import Ack, Frame, Hello, Packet

Wire = tuple[str | int | bytes, ...]
_FRAME: Final = "frame"
_ACK: Final = "ack"
_HELLO: Final = "hello"
_SEQ: Final = 5  # where a frame's link number stands; 0 marks an unreliable stream


class Encoder:
    """`encode` that remembers its last message: a multicast is encoded once."""

    def __init__(self) -> None:
        self._message: Message | None = None
        self._raw = b""

    def __call__(self, message: Message) -> bytes:
        if message is not self._message:
            self._raw = encode(message)
            self._message = message
        return self._raw


def pack(packet: Packet, encoder: Encoder) -> Wire:
    """One packet as a flat tuple."""
    p = packet
    match p:
        case Frame():
            raw = encoder(p.message)
            return (_FRAME, p.sender, p.to, p.incarnation, p.session, p.seq, p.base, raw)
        case Ack():
            return (_ACK, p.sender, p.to, p.incarnation, p.session, p.cursor)
        case Hello():
            return (_HELLO, p.sender, p.to, p.incarnation, p.session, p.cursor)


def unpack(wire: Wire) -> Packet:
    """Inverse of `pack`.

    raises  ValueError (pydantic's included) on anything that is not a packet
    """
    match wire:
        case (str(tag), str(sender), str(to), int(inc), int(session), int(cursor)):
            if tag == _ACK:
                return Ack(sender, to, inc, session, cursor)
            if tag == _HELLO:
                return Hello(sender, to, inc, session, cursor)
        case ("frame", str(sender), str(to), int(inc), int(session), int(seq), int(base), raw):
            return Frame(sender, to, inc, session, seq, base, decode(cast(bytes, raw)))
    raise ValueError(f"not a packet: {wire[:2]!r}")


def reliable(wire: Wire) -> bool:
    """Whether the links send it again when it is lost: numbered frames are, streams are not."""
    return wire[0] != _FRAME or wire[_SEQ] != 0
