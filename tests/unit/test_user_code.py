import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.user_code import load, pack
from messages import decode, encode
from messages.base import StrategyId
from messages.control import LoadStrategy
from trading.strategy_bench import Bench

ME = StrategyId("MOMO")
COMPILED = '''
"""Buys at every bar."""

import numpy as np

from trading.kernels.strategy import submit_market
from trading.strategy import BUY, CompiledStrategy, StrategyParams


class Params(StrategyParams):
    quantity: float = 0.01


def on_bar(state, params, bar, account, orders):
    return submit_market(orders, 0, BUY, params.quantity)


MOMO = CompiledStrategy(name="momo", params=Params, state=np.dtype([("n", "i8")]), on_bar=on_bar)
NUMBER = 3
'''
WARM = """
import sys
from pathlib import Path
from actors.user_code import load, pack
from messages.base import StrategyId
from trading.strategy_bench import Bench
found = load(pack(StrategyId("MOMO"), Path(sys.argv[1]), "MOMO"), Path(sys.argv[2]))
bench = Bench(found)
bench.bars(100.0)
hits = [sum(d.stats.cache_hits.values()) for d in bench.core.engine._drivers.values()]
print(len(bench.orders), hits)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "momo.py"
    path.write_text(COMPILED)
    return path


def test_a_packed_file_survives_the_wire_and_trades(file: Path, tmp_path: Path) -> None:
    sent = decode(encode(pack(ME, file, "MOMO")))
    assert isinstance(sent, LoadStrategy)

    bench = Bench(load(sent, tmp_path / "code"))
    bench.bars(100.0)

    assert len(bench.orders) == 1


def test_the_same_digest_is_the_same_object_and_an_edit_another(file: Path, tmp_path: Path) -> None:
    first = load(pack(ME, file, "MOMO"), tmp_path / "code")
    again = load(pack(ME, file, "MOMO"), tmp_path / "code")
    file.write_text(COMPILED.replace("0.01", "0.02"))

    edited = load(pack(ME, file, "MOMO"), tmp_path / "code")

    assert again is first
    assert edited is not first
    assert first.params().quantity == 0.01  # type: ignore[union-attr]


def test_a_folder_imports_its_own_modules_and_not_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "strategies"  # the name of a package of ours
    folder.mkdir()
    (folder / "__init__.py").write_text("from .inner import Quiet\n")
    (folder / "inner.py").write_text(
        "from trading.strategy_python import Strategy\n\n\nclass Quiet(Strategy):\n    pass\n"
    )
    path = list(sys.path)

    found = load(pack(ME, folder, "Quiet"), tmp_path / "code")

    assert found.__module__.startswith("user_")
    assert sys.path == path


def test_what_is_no_strategy_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"MOMO: NUMBER is a int: name a CompiledStrategy"):
        load(pack(ME, file, "NUMBER"), tmp_path / "code")
    with pytest.raises(ValueError, match=r"MOMO: Nothing is missing"):
        load(pack(ME, file, "Nothing"), tmp_path / "code")


def test_what_cannot_be_packed_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack(ME, tmp_path / "absent.py", "X")
    with pytest.raises(ValueError, match=r"needs an __init__\.py"):
        pack(ME, tmp_path, "X")


def test_code_that_fails_to_import_is_not_half_there(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise RuntimeError('no')\n")
    sent = pack(ME, tmp_path / "bad.py", "X")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            load(sent, tmp_path / "code")


def test_a_second_process_finds_the_code_compiled(file: Path, tmp_path: Path) -> None:
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", WARM, str(file), str(tmp_path / "code")]

    said = [
        subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]

    assert said == ["1 [0]\n", "1 [1]\n"]
