"""Compiled drivers: one call takes a whole batch across the border between Python and machine code.

A driver calls one handler row by row and returns early, right after a row on which it asked for
something, so that Python can turn the requests into intents and show them as working orders
before the next row. Returns (rows done, requests written).

Theory of caching. An actor that was killed must serve again within a second, so machine code is
kept on disk between processes (numba's `cache=True`; NUMBA_CACHE_DIR says where). Numba's cache
cannot find a function that closes over a dispatcher again: the dispatcher's identity differs in
each process. So a driver is made from text, once per strategy, with the handler as a *global*,
which numba resolves when it compiles. Two things make the cached code the right one: the text is
compiled under the file name of the strategy's own module, whose size and time numba checks, and
the function's name ends in the digest of all code behind the handler.

Measured, processor time on a 2-core machine: the first compile takes 1 s for an `on_bar`, 2.5 s for
an `on_book` (0.8 s of each is numba's own start). A process that finds the code cached needs 0.2 s,
nearly all of it numba's start; 0.02 s if it has imported `trading.kernels.strategy_ready` before.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from numba import njit

from trading.kernels.book import apply_side
from trading.strategy import function_digest

_ROWS: Final = """
def {name}(states, params, accounts, i, rows, start, orders):
    account = accounts[i]
    for k in range(start, len(rows)):
        event = rows[k]
        account.ts = event.ts_event
        {touch}
        count = handler(states[i], params[0], event, account, orders)
        if count != 0 and account.acting != 0:
            return k + 1, count
    return len(rows), 0
"""
_TOUCH: Final = "account.bid, account.ask = event.bid_price, event.ask_price"
# One update of a book is all rows of one time: the handler sees the book only between updates.
_BOOK: Final = """
def {name}(states, params, accounts, i, rows, start, orders,
           bid_px, bid_sz, bids, ask_px, ask_sz, asks, books, one_px, one_sz):
    account = accounts[i]
    event = books[0]
    for k in range(start, len(rows)):
        one_px[0] = rows[k].price
        one_sz[0] = rows[k].size
        if rows[k].side > 0:
            bids = apply_side(bid_px, bid_sz, bids, 1.0, one_px, one_sz)
        else:
            asks = apply_side(ask_px, ask_sz, asks, -1.0, one_px, one_sz)
        if k + 1 < len(rows) and rows[k + 1].ts_event == rows[k].ts_event:
            continue
        if bids == 0 or asks == 0:
            continue
        event.ts_event = rows[k].ts_event
        event.ts_init = rows[k].ts_init
        event.bids = min(bids, len(event.bid_px))
        event.asks = min(asks, len(event.ask_px))
        for j in range(len(event.bid_px)):
            event.bid_px[j] = bid_px[bids - 1 - j] if j < bids else 0.0
            event.bid_sz[j] = bid_sz[bids - 1 - j] if j < bids else 0.0
            event.ask_px[j] = ask_px[asks - 1 - j] if j < asks else 0.0
            event.ask_sz[j] = ask_sz[asks - 1 - j] if j < asks else 0.0
        account.ts = event.ts_event
        account.bid, account.ask = event.bid_px[0], event.ask_px[0]
        count = handler(states[i], params[0], event, account, orders)
        if count != 0 and account.acting != 0:
            return k + 1, count, bids, asks
    return len(rows), 0, bids, asks
"""
Driver = Callable[..., Any]
# The drivers' own part of the key: numba sees their text change, but not what they call.
_OWN_DIGEST: Final = function_digest(apply_side)[:8]


@cache
def driver(handler_name: str, handler: Any, digest: str) -> Driver:
    """The compiled loop around `handler`; compiled or loaded at its first call."""
    plain = getattr(handler, "py_func", handler)
    name = f"drive_{handler_name}_{digest[:16]}{_OWN_DIGEST}"
    text = _BOOK if handler_name == "on_book" else _ROWS
    touch = _TOUCH if handler_name == "on_quote" else "pass"
    # numba asks for the module again when it loads cached code, so it must be importable.
    scope: dict[str, Any] = {"__name__": plain.__module__, "apply_side": apply_side}
    scope["handler"] = handler if hasattr(handler, "py_func") else njit(plain)
    code = compile(text.format(name=name, touch=touch), plain.__code__.co_filename, "exec")
    exec(code, scope)  # our own text above, under the strategy's file name
    try:
        made: Driver = njit(cache=True)(scope[name])
    except RuntimeError:  # typed in at a prompt, or no folder to write to: works, compiles again
        made = njit(scope[name])
    return made
