"""The environment that Ray reads, and its processes inherit. Imports no Ray, on purpose."""

import os
import secrets
from pathlib import Path


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
