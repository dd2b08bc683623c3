"""A strategy's file that cannot be loaded is its author's to mend: one line, exit code 2."""

from pathlib import Path

import pytest

from scenarios.cli import main

CODE = {
    "is no Python": ("x = (", "strategy X: SyntaxError: '(' was never closed (line 1)"),
    "wants what is not here": ("import nowhere", "No module named 'nowhere'"),
    "raises": ("raise RuntimeError('boom')", "strategy X: RuntimeError: boom"),
    "exits": ("raise SystemExit(5)", "strategy X: SystemExit: 5"),
    "holds no strategy": ("X = 3", "X is a int: name a CompiledStrategy or a Strategy class"),
}


@pytest.mark.parametrize("case", CODE)
def test_a_file_that_is_no_strategy_is_told_in_one_line(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = CODE[case]
    path = tmp_path / "mine.py"
    path.write_text(text)

    code = main(["strategies", "show", f"{path}:X"])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_what_a_file_prints_is_no_part_of_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "chatty.py"
    path.write_text("print('hello')\nX = 4\n")

    code = main(["strategies", "show", f"{path}:X", "--json"])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "hello" in err
