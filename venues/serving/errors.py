"""An answer that is not a success."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class ApiError(Exception):
    """A refusal in the venue's words; a venue whose body looks otherwise makes a subclass.

    Make one where it is raised: an exception object that is raised twice keeps both its frames.
    code  the venue's own; a number or a word
    """

    def __init__(
        self,
        code: int | str,
        text: str,
        status: int = 400,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers

    def body(self) -> bytes:
        """The answer's body; Binance's form unless a subclass has another."""
        return msgspec.json.encode({"code": self.code, "msg": self.text})
