"""`manta venue decode`: what the decoders make of recordings, as numbers."""

import json
from pathlib import Path

import pytest
from recorded import CRYPTOFEED, needs_wire
from typer.testing import CliRunner

from scenarios.cli_output import Mistake
from scenarios.cli_verbs import app
from scenarios.spec import BadSpec
from scenarios.venue_decode import adapter_for, decode

FILES = sorted(CRYPTOFEED.glob("*.jsonl.zst"))


@needs_wire
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_recording_is_understood_whole_and_its_books_end_in_step(path: Path) -> None:
    pytest.importorskip("zstandard")
    found = decode(path, adapter_for(path))

    assert found["understood"] == 1.0
    assert (found["unknown"], found["garbled"], found["crossed"]) == ({}, 0, 0)
    assert found["in_step"] == found["books"] > 0
    assert found["checksums_wrong"] == 0


def test_frames_of_a_file_are_counted_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "binance.jsonl"
    path.write_text('{"result":null,"id":1}\n{"e":"news"}\n{"broken\n')

    result = CliRunner().invoke(app, ["venue", "decode", str(path), "--json"])

    (found,) = json.loads(result.output)
    assert (found["kinds"], found["unknown"], found["garbled"]) == ({"ack": 1}, {"news": 1}, 1)
    assert found["understood"] == pytest.approx(1 / 3, abs=1e-5)


@pytest.mark.parametrize(("name", "text"), [("okx.json", "oops"), ("okx.jsonl", '{"a\n{"b\n')])
def test_a_file_of_which_nothing_can_be_read_is_a_failure(
    name: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)

    result = CliRunner().invoke(app, ["venue", "decode", str(path)])

    assert result.exit_code == 1
    assert f"{path}: nothing in it can be read" in result.output
    assert "not used" not in result.output


REST_AND_ACCOUNT = {
    "binance: the account": (
        "binance",
        '{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,'
        '"B":[{"a":"ETH","f":"10.0","l":"0.0"}]}',
        "outboundAccountPosition",
    ),
    "okx: a balance": (
        "okx",
        '{"code":"0","msg":"","data":[{"uTime":"1705474164160","details":[{"ccy":"USDT",'
        '"cashBal":"10","availBal":"9","frozenBal":"1","eq":"10"}]}]}',
        "answer:QUERY_ACCOUNT",
    ),
    "bybit: the clock": (
        "bybit",
        '{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403",'
        '"timeNano":"1688639403423213947"},"retExtInfo":{},"time":1688639403423}',
        "time",
    ),
    "okx: a mark price has a time, and is not the clock": (
        "okx",
        '{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP",'
        '"markPx":"200","ts":"1597026383085"}]}',
        "",
    ),
    "okx: an order is taken, a bare row": (
        "okx",
        '{"ordId":"12","clOrdId":"c1","tag":"","sCode":"0","sMsg":""}',
        "answer:acknowledged:row",
    ),
    "okx: a cancel is taken": (
        "okx",
        '{"code":"0","msg":"","data":[{"algoId":"12","sCode":"0","sMsg":""}]}',
        "answer:acknowledged",
    ),
    "okx: candles that are not closed": (
        "okx",
        '{"code":"0","msg":"","data":[["1625097600000","3","4","2","3","7","0","0","0"]]}',
        "bars:open",
    ),
    "bybit: a kline that is not closed": (
        "bybit",
        '{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":'
        '[["1709891679000","2","3","1","2","12","33"]]},"retExtInfo":{},"time":1709891679050}',
        "bars:open",
    ),
    "bybit: an execution told early": (
        "bybit",
        '{"topic":"execution.fast","creationTime":1716800399338,"data":[{"category":"linear",'
        '"symbol":"ICPUSDT","execId":"e","execPrice":"12","execQty":"3","orderId":"o",'
        '"isMaker":false,"orderLinkId":"l","side":"Sell","execTime":"1716800399334","seq":3}]}',
        "account:execution.fast",
    ),
    "bybit: options are no spot": (
        "bybit",
        '{"retCode":0,"retMsg":"OK","result":{"nextPageCursor":null,"list":[{"symbol":"ETH-P",'
        '"status":"Trading","baseCoin":"ETH","quoteCoin":"USDC","settleCoin":"USDC",'
        '"optionsType":"Put","priceFilter":{"tickSize":"0.1"},"lotSizeFilter":'
        '{"maxOrderQty":"100","minOrderQty":"1","qtyStep":"1"}}]},"retExtInfo":{},"time":1}',
        "",
    ),
    "binance: instruments, none with steps": (
        "binance",
        '{"symbols":[{"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH",'
        '"quoteAsset":"BTC","filters":[]}]}',
        "instruments:others",
    ),
    "coinbase: an empty list says nothing": ("coinbase", '{"orders":[],"has_next":false}', ""),
}


@pytest.mark.parametrize("name", REST_AND_ACCOUNT)
def test_payload_of_rest_or_account_is_recognised_or_told_as_unknown(
    name: str, tmp_path: Path
) -> None:
    venue, text, kind = REST_AND_ACCOUNT[name]
    path = tmp_path / f"{venue}.json"
    path.write_text(text)

    found = decode(path, adapter_for(path))

    assert found["kinds"] == ({kind: 1} if kind else {})
    assert (found["understood"], sum(found["unknown"].values())) == (bool(kind), not kind)


@pytest.mark.parametrize(
    ("text", "why"),
    [('{"optionsType":"Put"}', "options: another product"), ('{"n":1}', "nothing here asks")],
)
def test_payload_that_nobody_reads_has_its_reason(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "bybit.json"
    path.write_text(text)

    said = CliRunner().invoke(app, ["venue", "decode", str(path)], env={"COLUMNS": "200"}).output

    assert why in said


def test_collected_answers_are_read_by_their_routes_or_have_their_reason(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    trade = {"a": 7, "p": "1", "q": "2", "T": 1577977445500, "m": True}
    routes = {
        "/api/v3/aggTrades": {"GET": [[trade], [trade], [trade | {"": 1}], [trade]]},
        "/api/v3/ticker/price": {"GET": [{"price": "1"}, None]},
        "/api/v3/userDataStream": {"POST": [{"listenKey": "key"}]},
        "/dapi/v1/aggTrades": {"GET": [[trade]]},
        "/fapi/v1/time": {"GET": [{"serverTime": 1577977445500}]},
    }
    routes["/api/v3/aggTrades"]["GET"][1] = [{k: v for k, v in trade.items() if k != "m"}]
    rows = {
        r: {m: [{"data": a} for a in given]} for r, ms in routes.items() for m, given in ms.items()
    }
    path = tmp_path / "binance.json.zst"
    path.write_bytes(zstandard.compress(json.dumps({"routes": rows}).encode()))

    found = decode(path, adapter_for(path))

    assert found["kinds"] == {"answer:listen_key": 1, "time": 1, "trades": 3}
    assert {name: (n, found["reasons"][name]) for name, n in found["unknown"].items()} == {
        "GET /api/v3/aggTrades": (1, "rows without m"),
        "GET /api/v3/ticker/price": (2, "no answer was recorded; not used: nothing here asks it"),
        "GET /dapi/v1/aggTrades": (1, "contracts of another product"),
    }


def test_collection_of_another_venue_is_refused_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "coinbase.json.zst"
    path.write_bytes(b"")

    with pytest.raises(BadSpec, match="of COINBASE no paths are known"):
        decode(path, adapter_for(path))


def test_collection_that_is_none_is_refused_with_one_line(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "binance.json.zst"
    for raw in (b"no frame", zstandard.compress(b"{}"), zstandard.compress(b"[1]")):
        path.write_bytes(raw)
        result = CliRunner().invoke(app, ["venue", "decode", str(path)])

        assert isinstance(result.exception, Mistake)
        assert "\n" not in str(result.exception)


def test_each_unknown_kind_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "binance.jsonl"
    path.write_text('{"e":"news"}\n{"e":"weather"}\n{"e":"news"}\n')

    said = CliRunner().invoke(app, ["venue", "decode", str(path)]).output

    assert "2 of an unknown kind: news" in said
    assert "1 of an unknown kind: weather" in said


REFUSED = {
    "no file": (["no-okx.json"], "no-okx.json: no such file"),
    "venue": (["okx.json", "--venue", "kraken"], "--venue kraken: not known"),
    "product": (["okx.json", "--product", "moon"], "--product moon: not known"),
    "a product that it has not": (
        ["coinbase.json", "--product", "linear"],
        "coinbase.json: COINBASE has no LINEAR here",
    ),
    "no zstd": (["okx.jsonl.zst"], "okx.jsonl.zst: cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_decoded_is_named(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("okx.json", "coinbase.json", "okx.jsonl.zst"):
        Path(name).write_bytes(b"\xa0\xff{}")
    words, message = REFUSED[case]

    result = CliRunner().invoke(app, ["venue", "decode", *words])

    assert isinstance(result.exception, Mistake)
    assert message in str(result.exception)


def test_file_of_nobody_is_refused_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text("{}\n")

    result = CliRunner().invoke(app, ["venue", "decode", str(path)])

    assert isinstance(result.exception, Mistake)
    assert "say --venue" in str(result.exception)
