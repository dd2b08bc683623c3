"""The `manta` command: the one place where errors become exit codes.

Whoever presses Ctrl-C while the verbs are still loading has interrupted a command like any other.
So all that takes time to load is imported within `main`; here is only what Python has loaded.
"""

import os
import sys

_INTERRUPTED = 130  # 128 + SIGINT; `scenarios.cli_output`, which has it too, may not be loaded yet


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. Never raises, never shows a traceback."""
    try:
        prepare_environment()
        _speak_to_nobody()
        from scenarios.cli_output import FAILED, exit_code  # noqa: PLC0415 - see above
        from scenarios.cli_verbs import app  # noqa: PLC0415

        try:
            code = app(args=arguments, prog_name="manta", standalone_mode=False)
        except BrokenPipeError:
            # `manta orders | head`: the reader has seen enough; Python must not complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:  # noqa: BLE001 - the top: it says what it was
            return exit_code(error)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if code == _INTERRUPTED:  # or typer has made this of it
        sys.stderr.write("manta: interrupted\n")
    return code if isinstance(code, int) else 0


def _speak_to_nobody() -> None:
    """Where a stream is closed (`manta ... >&-`), what is said goes nowhere.

    Else the next file that is opened would be called stdout, and be written to as such.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)


def prepare_environment() -> None:
    """What Ray and every actor's process read when they start; must precede `import ray`."""
    # Under `uv run`, Ray would build a second environment for its workers: seconds an actor.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Every actor is a fresh process: without byte-code on disk each compiles its imports again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


if __name__ == "__main__":
    sys.exit(main())
