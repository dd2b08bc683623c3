"""What `manta doctor` finds at each simulated venue, and what it says of each thing gone wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
import served
import simulated_binance
import simulated_bybit
import simulated_coinbase
import simulated_okx

from messages.base import InstrumentId
from messages.market import Product
from scenarios.cli import main
from scenarios.doctor import Check, Patient, State, keys_set
from scenarios.doctor_streams import examine
from venues.binance import codec_errors as binance_codes
from venues.binance.simulator_config import LimitConfig
from venues.binance.simulator_config import SimulatorConfig as BinanceConfig
from venues.bybit import codec_errors as bybit_codes
from venues.bybit.simulator_config import SimulatorConfig as BybitConfig
from venues.coinbase.simulator_config import SimulatorConfig as CoinbaseConfig
from venues.okx import codec_errors as okx_codes
from venues.okx.simulator_config import SimulatorConfig as OkxConfig
from venues.registry import adapter
from venues.remedies import codes_of, remedy_of
from venues.wire.adapter import Endpoints
from venues.wire.keys import Keys


@dataclass(frozen=True)
class Stage:
    """One venue with an instrument, and how its simulator is started."""

    name: InstrumentId
    product: Product
    keys: Keys
    running: Callable[[Any], AbstractAsyncContextManager[Any]]
    config: type[Any]

    @property
    def venue(self) -> str:
        return self.name.rpartition(".")[2]


BINANCE: Final = Stage(
    simulated_binance.BTC,
    Product.SPOT,
    simulated_binance.KEYS,
    simulated_binance.running,
    BinanceConfig,
)
OKX: Final = Stage(
    simulated_okx.SWAP, Product.LINEAR, simulated_okx.KEYS, simulated_okx.running, OkxConfig
)
BYBIT: Final = Stage(
    simulated_bybit.SPOT, Product.SPOT, simulated_bybit.KEYS, simulated_bybit.running, BybitConfig
)
COINBASE: Final = Stage(
    simulated_coinbase.BTC,
    Product.SPOT,
    simulated_coinbase.KEYS,
    simulated_coinbase.running,
    CoinbaseConfig,
)
STAGES: Final = (BINANCE, OKX, BYBIT, COINBASE)
every_venue: Final = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.venue)


@asynccontextmanager
async def patient(stage: Stage, keys: Keys | None = None, **config: Any) -> AsyncIterator[Patient]:
    """Our side of a running simulator, whose book moves."""
    async with stage.running(stage.config(**config)) as world:
        simulator = getattr(world, "simulator", world)
        url = f"127.0.0.1:{simulator.port}"
        endpoints = Endpoints(f"http://{url}", f"ws://{url}", f"ws://{url}")
        moving = asyncio.create_task(_moving(simulator, stage.name))
        try:
            found = adapter(stage.venue, stage.product)
            yield Patient(found, endpoints, keys or stage.keys, (stage.name,))
        finally:
            moving.cancel()


async def _moving(simulator: Any, name: InstrumentId) -> None:
    size = 100.0
    while True:
        await asyncio.sleep(0.1)
        size += 1.0
        simulator.exchange.on_tape(served.book(name, size=size))


def by_name(found: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in found}


async def visited(stage: Stage, keys: Keys | None = None, **config: Any) -> dict[str, Check]:
    async with patient(stage, keys, **config) as p:
        return by_name(await examine(p, within_s=2.0))


@every_venue
async def test_with_nothing_wrong_every_check_is_ok(stage: Stage) -> None:
    found = await visited(stage)

    wrong = [check for check in found.values() if check.state is not State.OK]
    assert wrong == []
    assert len(found) == 8
    assert "smallest order at 60000" in found[f"filters {stage.name}"].seen


@every_venue
async def test_a_wrong_secret_is_named_and_the_user_stream_is_not_tried(stage: Stage) -> None:
    wrong = replace(stage.keys, secret=_another(stage))

    found = await visited(stage, wrong)

    assert found["keys accepted"].state is State.PROBLEM
    assert f"MANTA_{stage.venue}_SECRET" in found["keys accepted"].remedy
    assert found["user stream"].state is State.UNKNOWN
    assert found["public stream"].state is State.OK
    assert all(wrong.secret not in check.seen + check.remedy for check in found.values())


def _another(stage: Stage) -> str:
    if stage is COINBASE:  # a key that can sign, but is not the account's
        rng = simulated_coinbase.np.random.default_rng(8)
        return simulated_coinbase.simulator_keys(rng).secret
    return stage.keys.secret[::-1]


async def test_a_secret_that_cannot_sign_is_a_problem_and_no_traceback() -> None:
    found = await visited(COINBASE, replace(COINBASE.keys, secret="not a key"))

    assert found["keys accepted"].state is State.PROBLEM
    assert "unreadable" in found["keys accepted"].seen


@every_venue
async def test_a_clock_two_seconds_off_is_told_and_nothing_is_signed(stage: Stage) -> None:
    found = await visited(stage, clock_skew_ms=2000)

    assert found["clock"].state is State.PROBLEM
    assert "behind the venue's, more than 250 ms: nothing is signed" in found["clock"].seen
    assert "NTP" in found["clock"].remedy
    assert found["keys accepted"].state is found["user stream"].state is State.UNKNOWN


async def test_a_throttled_address_is_told_how_long_and_asked_nothing_more() -> None:
    async with patient(BINANCE, limits=LimitConfig(weight_max=30)) as p:
        found = by_name(await examine(p, within_s=2.0))

    assert found["request limits"].state is State.PROBLEM
    assert "HTTP 429: throttled for" in found["request limits"].seen
    assert "ask nothing for" in found["request limits"].remedy
    assert found["public stream"].state is State.UNKNOWN


async def test_used_weight_is_what_the_answers_say() -> None:
    found = await visited(BINANCE)

    used, _, limit = found["request limits"].seen.partition(" of ")
    assert int(used) > 40  # instruments and account cost 20 each
    assert limit.startswith("6000 weight in 60 s")


@pytest.mark.parametrize("name", ["BTCUSD.BINANCE", "NO-SUCH.BINANCE"])
async def test_an_unknown_instrument_is_a_problem_of_the_filters_only(name: str) -> None:
    async with patient(BINANCE) as p:
        p.wanted = (InstrumentId(name),)
        found = by_name(await examine(p, within_s=2.0))

    assert [c.name for c in found.values() if c.state is not State.OK] == [f"filters {name}"]
    near = name.startswith("BTC")
    assert ("did you mean BTCUSDT.BINANCE" in found[f"filters {name}"].remedy) is near


async def test_a_silent_book_is_told_as_open_but_silent() -> None:
    async with simulated_binance.running() as world:
        endpoints = Endpoints(world.url, world.socket.url, world.socket.url)
        p = Patient(adapter("BINANCE"), endpoints, BINANCE.keys)
        found = by_name(await examine(p, within_s=0.3))

    assert found["public stream"].state is State.PROBLEM
    assert "open, but silent" in found["public stream"].seen


async def test_a_server_that_speaks_no_tls_is_told_plainly() -> None:
    async with simulated_binance.running() as world:
        url = world.url.replace("http", "https")
        p = Patient(adapter("BINANCE"), Endpoints(url, url, url))
        found = by_name(await examine(p))

    assert "TLS: " in found["reachability"].seen


async def test_a_server_that_says_nothing_is_told_as_a_time_out() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    found = by_name(await examine(Patient(adapter("OKX"), Endpoints(url, "", ""), timeout_s=0.2)))
    server.close()

    assert found["reachability"].state is State.PROBLEM
    assert "no answer in time" in found["reachability"].seen


def test_where_nothing_listens_one_problem_is_told_and_the_exit_code_is_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OKX.keys.environment("OKX").items():
        monkeypatch.setenv(name, value)

    code = main(["doctor", "okx", "--rest-url", "http://127.0.0.1:1", "--json"])

    said = capsys.readouterr().out
    problems = [c for c in json.loads(said)["checks"] if c["state"] == "problem"]
    assert code == 1
    assert [(c["about"], c["name"]) for c in problems] == [("OKX", "reachability")]
    assert "nothing listens there" in problems[0]["seen"]
    assert not any(value in said for value in OKX.keys.environment("OKX").values())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["kraken"], "KRAKEN: no such venue"),
        (["coinbase", "--product", "linear"], "COINBASE has no"),
        (["--rest-url", "http://127.0.0.1:1"], "are of one venue"),
        (["okx", "--rest-url", "127.0.0.1:1"], "write http://HOST:PORT"),
        (["okx", "--rest-url", "http://"], "write http://HOST:PORT"),
        (["okx", "--rest-url", "http://127.0.0.1:99999"], "write http://HOST:PORT"),
        (["okx", "--rest-url", "http://127.0.0.1:x"], "write http://HOST:PORT"),
        (["okx", "--instrument", "BTCUSDT.BINANCE"], "of none of the venues asked"),
        (["okx", "--instrument", "BTC-USDT-SWAP.OKX"], "see --product"),
    ],
)
def test_a_mistake_in_the_command_is_one_line_and_exit_code_2(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", *words])

    told = capsys.readouterr().err
    assert code == 2
    assert reason in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("set_", "named", "state"),
    [
        ((), False, State.UNKNOWN),  # paper trading needs none
        ((), True, State.PROBLEM),
        (("MANTA_OKX_API_KEY", "MANTA_OKX_SECRET"), False, State.PROBLEM),
        (("MANTA_OKX_API_KEY", "MANTA_OKX_SECRET", "MANTA_OKX_PASSPHRASE"), False, State.OK),
    ],
)
def test_keys_are_told_by_the_names_of_their_variables(
    set_: tuple[str, ...], named: bool, state: State
) -> None:
    check, keys = keys_set(adapter("OKX"), dict.fromkeys(set_, "hidden"), named=named)

    assert (check.state, keys is not None) == (state, state is State.OK)
    assert "MANTA_OKX_PASSPHRASE" in check.seen
    assert "hidden" not in check.seen


def test_each_way_to_refuse_keys_has_its_own_remedy() -> None:
    assert "IP not allowed" in remedy_of("OKX", "50110")
    assert "MANTA_OKX_PASSPHRASE" in remedy_of("OKX", "50105")
    assert "permissions" in remedy_of("BYBIT", "10005")
    assert "IP not allowed" in remedy_of("BINANCE", "-2015")
    assert "documentation" in remedy_of("COINBASE", "never heard of")


@pytest.mark.parametrize(
    ("venue", "judged"),
    [
        ("BINANCE", lambda code: binance_codes.judge(400, int(code), "")),
        ("OKX", lambda code: okx_codes.judge(200, code)),
        ("BYBIT", lambda code: bybit_codes.judge(200, int(code))),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_remedy_is_of_a_code_with_which_the_venue_refuses(
    venue: str, judged: Callable[[str], str]
) -> None:
    codes = codes_of(venue)

    assert len(codes) >= 5
    assert {code: judged(code) for code in codes} == dict.fromkeys(codes, "REFUSED")


@pytest.mark.parametrize(
    ("venue", "code", "words"),
    [
        ("OKX", "50035", "add this host's public"),  # "requires that APIKey must be bound to IP"
        ("OKX", "50121", "does not serve"),  # "can't access our services through the IP address"
        ("OKX", "50030", "permissions"),  # "don't have permission to use this API endpoint"
        ("OKX", "50027", "support"),  # "this account is restricted from trading"
        ("BYBIT", "10008", "support"),  # "user has been banned"
        ("BYBIT", "10009", "banned for asking too often"),  # "IP has been banned"
        ("COINBASE", "403", "permissions"),
    ],
)
def test_a_documented_refusal_of_the_account_is_told_with_what_helps(
    venue: str, code: str, words: str
) -> None:
    assert words in remedy_of(venue, code)
