"""Structured arrays as message fields: rows of one dtype, one wire form (base64 of packed rows)."""

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Rows = NDArray[np.void]

# Prices and sizes are float64 here: data for decisions, never for the ledger.
TRADE: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("price", "<f8"),
        ("size", "<f8"),
        ("aggressor", "<i8"),  # +1 the buyer took, -1 the seller took
        ("trade_id", "<i8"),
    ]
)
QUOTE: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("bid_price", "<f8"),
        ("bid_size", "<f8"),
        ("ask_price", "<f8"),
        ("ask_size", "<f8"),
    ]
)
DELTA: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("side", "<i8"),  # +1 bid, -1 ask
        ("price", "<f8"),
        ("size", "<f8"),  # the level's new size; 0 removes it
    ]
)
BAR: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        ("ts_event", "<i8"),  # the close of the interval
        ("ts_init", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
        ("quote_volume", "<f8"),
        ("buy_volume", "<f8"),  # part of `volume` where the buyer was the taker
        ("trades", "<i8"),
    ]
)
FUNDING: Final = np.dtype(
    [
        ("ts_event", "<i8"),
        ("ts_init", "<i8"),
        ("rate", "<f8"),  # per funding interval, as a fraction
        ("mark_price", "<f8"),
        ("ts_next", "<i8"),
    ]
)


class RowsOf:
    """Annotation that makes a field hold rows of one dtype.

    In Python the field takes an array of exactly that dtype and freezes it (writes raise);
    in JSON it is base64 of the packed rows.
    """

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.dtype = dtype

    def _from_python(self, value: Any) -> Rows:
        if not isinstance(value, np.ndarray) or value.dtype != self.dtype or value.ndim != 1:
            raise ValueError(f"expected a 1-d array of dtype {self.dtype.names}")
        value.flags.writeable = False
        return value

    def _from_json(self, value: str) -> Rows:
        raw = base64.b64decode(value, validate=True)
        if len(raw) % self.dtype.itemsize:
            raise ValueError(f"{len(raw)} bytes are no whole number of {self.dtype.itemsize}")
        return np.frombuffer(raw, self.dtype)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                self._from_json, core_schema.str_schema()
            ),
            python_schema=core_schema.no_info_plain_validator_function(self._from_python),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda rows: base64.b64encode(rows.tobytes()).decode(), when_used="always"
            ),
        )
