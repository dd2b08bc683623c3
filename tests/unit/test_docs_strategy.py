import re
from pathlib import Path

from actors.user_code import load, pack
from messages.base import StrategyId
from trading.strategy import CompiledStrategy, StrategyParams
from trading.strategy_records import ACCOUNT

PAGE = Path(__file__).parents[2] / "docs" / "write-a-strategy.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_every_code_block_runs_as_shown() -> None:
    scope: dict[str, object] = {"__name__": "write_a_strategy"}

    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"{PAGE.name}:{number}", "exec"), scope)

    assert isinstance(scope["BREAKOUT"], CompiledStrategy)
    assert len(BLOCKS) == 6


def test_the_first_block_is_a_whole_file_that_a_run_can_name(tmp_path: Path) -> None:
    (tmp_path / "breakout.py").write_text(BLOCKS[0])

    found = load(pack(StrategyId("B"), tmp_path / "breakout.py", "BREAKOUT"), tmp_path / "code")

    assert isinstance(found, CompiledStrategy)
    assert issubclass(found.params, StrategyParams)


def test_every_handler_is_in_the_table_and_every_named_column_exists() -> None:
    for name in CompiledStrategy.HANDLERS:
        assert f"| `{name}` |" in TEXT

    paragraph = next(p for p in TEXT.split("\n\n") if p.startswith("`account` is"))
    named = set(re.findall(r"`([a-z_]+)`", paragraph)) - {"account"}
    columns = set(ACCOUNT.names or ()) | set(ACCOUNT["working"].base.names or ())
    assert named <= columns
