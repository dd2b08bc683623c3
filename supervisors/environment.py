"""The environment that Ray reads, and its processes inherit. Imports no Ray, on purpose."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_CARRIED: Final = ("NUMBA_",)  # beginnings of names


def worker_environment(own: Mapping[str, str]) -> dict[str, str]:
    """What workers on any node of a cluster must find in their environment.

    A local Ray's workers inherit all of ours. On a cluster they inherit `ray start`'s: what the run
    has set (`own`) and where compiled code is kept would not reach them. Ray writes all of it into
    its logs: keys of a simulator may be in it, keys of a real account must be set at `ray start`.
    """
    return {k: v for k, v in os.environ.items() if k.startswith(_CARRIED)} | dict(own)


def prepare_environment(token: Path | None) -> None:
    """Settings that Ray and its processes read; what the operator has set is left alone.

    To be called before the first `import ray`: Ray reads some of them while it is imported.

    token  file with the token that this Ray asks of its callers, made here if it is missing.
           Ray listens on the host's address even when it is local, and whoever may call it may
           run code: only tests on a closed machine go without (None).
    """
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # else `uv run` wraps each worker
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_AUTH_MODE" in os.environ:
        return
    if token is None:
        os.environ["RAY_AUTH_MODE"] = "disabled"
        return
    if not token.exists():
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32), encoding="ascii")
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
