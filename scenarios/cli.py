"""The `manta` command: every verb, and the one place where errors become exit codes.

Verbs import what they need when they run: `manta --help` must not wait for Ray or a compiler.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from scenarios import (
    cli_backtest,
    cli_bench,
    cli_compare,
    cli_data,
    cli_data_files,
    cli_doctor,
    cli_download,
    cli_journal,
    cli_logs,
    cli_operate,
    cli_report,
    cli_route,
    cli_run,
    cli_simulate,
    cli_strategies,
    cli_sweep,
    cli_venue,
    cli_venue_serve,
)
from scenarios.cli_output import DONE, FAILED, Json, exit_code, facts, show

app = typer.Typer(
    name="manta",
    help="Supervised actors that trade crypto: run, watch, stop and verify a system.",
    epilog="Start with `manta run quickstart`. Every verb has --help with examples, and --json.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
journal = typer.Typer(help="Prove or copy a journal.", no_args_is_help=True, rich_markup_mode=None)
venue = typer.Typer(
    help="Serve a simulated venue, or ask one.", no_args_is_help=True, rich_markup_mode=None
)
data = typer.Typer(help="Market data on disk.", no_args_is_help=True, rich_markup_mode=None)
strategies = typer.Typer(help="Strategies.", no_args_is_help=True, rich_markup_mode=None)
config = typer.Typer(help="Look at settings.", no_args_is_help=True, rich_markup_mode=None)

app.command("run")(cli_run.run)
for verb in (cli_operate.status, cli_operate.orders, cli_operate.positions, cli_operate.actors):
    app.command()(verb)
app.command()(cli_operate.stop)
app.command()(cli_operate.trading)
app.command("kill-switch")(cli_operate.kill_switch)
app.command()(cli_logs.logs)
app.add_typer(journal, name="journal")
journal.command()(cli_journal.verify)
journal.command()(cli_journal.backup)
app.add_typer(venue, name="venue")
venue.command()(cli_venue.ledger)
venue.command()(cli_venue.decode)
for _name in cli_venue_serve.NAMES:
    venue.command(_name)(cli_venue_serve.verb(_name))
app.command()(cli_simulate.simulate)
app.command()(cli_backtest.backtest)
app.command()(cli_doctor.doctor)
app.command()(cli_bench.bench)
app.command()(cli_sweep.sweep)
app.command()(cli_report.report)
app.command()(cli_compare.compare)
app.add_typer(data, name="data")
data.command("import")(cli_data.import_)
data.command("list")(cli_data.list_)
data.command("verify")(cli_data.verify)
data.command("download")(cli_download.download)
data.command("convert")(cli_data_files.convert)
app.add_typer(config, name="config")
app.add_typer(strategies, name="strategies")
strategies.command("list")(cli_strategies.list_)
strategies.command()(cli_strategies.show)
strategies.command()(cli_strategies.state)
app.command()(cli_strategies.params)
app.command()(cli_route.route)
config.command("show")(cli_run.show_config)


@app.command()
def version(as_json: Json = False) -> None:
    """Print the versions of Manta and of what it stands on.

    \b
    Example:
      manta version --json
    """
    from importlib import metadata  # noqa: PLC0415 - see the module's first lines

    names = ("manta", "ray", "numpy", "numba", "pydantic", "ccxt")
    found = {name: metadata.version(name) for name in names}
    found["python"] = sys.version.split()[0]
    show(found, as_json=as_json, text=facts(found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Never raises, never shows a traceback."""
    prepare_environment()
    _speak_to_nobody()
    try:
        code = app(args=arguments, prog_name="manta", standalone_mode=False)
    except BrokenPipeError:
        # `manta orders | head`: the reader has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the top: it says what it was
        return exit_code(error)
    return code if isinstance(code, int) else DONE


def _speak_to_nobody() -> None:
    """Where a stream is closed (`manta ... >&-`), what is said goes nowhere.

    Else the next file that is opened would be called stdout, and be written to as such.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
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
