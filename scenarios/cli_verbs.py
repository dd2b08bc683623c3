"""Every verb of the `manta` command.

Verbs import what they need when they run: `manta --help` must not wait for Ray or a compiler.
"""

import sys

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
from scenarios.cli_output import Json, facts, show

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
