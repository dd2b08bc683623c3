"""What a venue's readers make of a collection of its answers over REST, by what was asked.

A collection is `.json.zst`: `{"routes": {path: {method: [{"data": <answer>}]}}}`. Of a route whose
answers are read, one that is not has a reason in itself; a route of which none is read is another
product's, or not used.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from messages.market import Instrument, Product
from scenarios.spec import BadSpec
from scenarios.venue_payload import OTHER, UNUSED, recognised
from venues.registry import adapter
from venues.wire.adapter import Adapter

# By how a path begins; what begins otherwise is no product of ours.
_PRODUCTS: Final = {"/api/": Product.SPOT, "/fapi/": Product.LINEAR}
_OTHERS: Final = "/dapi/"
NO_ANSWER: Final = "no answer was recorded"


def collected(path: Path) -> Iterator[tuple[str, str, Any]]:
    """(method, path, answer) of everything in a collection; None where no answer was recorded.

    raises  BadSpec if it is none
    """
    import zstandard  # noqa: PLC0415 - a development dependency

    try:
        with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as stream:
            routes = json.loads(stream.read())["routes"]
        for route, methods in routes.items():
            for method, answers in methods.items():
                yield from ((method, route, answer["data"]) for answer in answers)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
        raise BadSpec(f"{path}: is no collection of answers: {e}") from e
    except zstandard.ZstdError as e:
        raise BadSpec(f"{path}: cannot be read: {e}") from e


def decode_collected(path: Path, of: Adapter, pattern: Instrument) -> dict[str, Any]:
    """What was understood of one collection: kinds by count, unknown ones with their reasons.

    raises  BadSpec if it is none, or another venue's
    """
    if of.venue != "BINANCE":
        raise BadSpec(
            f"{path}: of {of.venue} no paths are known; only collections of BINANCE are read"
        )
    kinds, unknown = Counter[str](), Counter[str]()
    reasons: dict[str, set[str]] = {}
    for group in _routes(path).values():
        read: Any = None
        left = list[tuple[str, Any]]()
        for method, route, answer in group:
            kind = _kind(route, answer, of, pattern)
            kinds.update([kind] if kind else [])
            read = answer if kind and kind != "error" else read
            left += [] if kind else [(f"{method} {route}", answer)]
        for name, answer in left:
            unknown[name] += 1
            reasons.setdefault(name, set()).add(_reason(name.partition(" ")[2], answer, read))
    frames = kinds.total() + unknown.total()
    return {
        "file": str(path),
        "venue": of.venue,
        "product": "any",
        "frames": frames,
        "understood": round(kinds.total() / frames, 6) if frames else None,
        "kinds": dict(sorted(kinds.items())),
        "unknown": dict(unknown),
        "reasons": {name: "; ".join(sorted(why)) for name, why in reasons.items()},
        **dict.fromkeys(("garbled", "books", "in_step", "gaps", "crossed"), 0),
        **dict.fromkeys(("checksums", "checksums_wrong"), 0),
    }


def _routes(path: Path) -> dict[tuple[str, str], list[tuple[str, str, Any]]]:
    found: dict[tuple[str, str], list[tuple[str, str, Any]]] = {}
    for one in collected(path):
        found.setdefault(one[:2], []).append(one)
    return found


def _kind(route: str, answer: Any, of: Adapter, pattern: Instrument) -> str:
    product = next((p for start, p in _PRODUCTS.items() if route.startswith(start)), None)
    if product is None or answer is None:
        return ""
    return recognised(json.dumps(answer).encode(), adapter(of.venue, product), pattern)


def _reason(route: str, answer: Any, read: Any) -> str:
    """Why an answer is not known; `read` is one of the same route that is."""
    if answer is None:
        return NO_ANSWER
    if read is None:
        return OTHER if route.startswith(_OTHERS) else UNUSED
    lacks = sorted(_names(read) - _names(answer))
    return f"rows without {', '.join(lacks)}" if lacks else "unlike others of its route"


def _names(answer: Any) -> set[str]:
    """What the first row of an answer, or the answer, has."""
    row = answer[0] if isinstance(answer, list) and answer else answer
    return set(row) if isinstance(row, dict) else set()
