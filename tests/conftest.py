"""For all tests: no quiet skips while the data is there, settings of hypothesis and of Ray."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

DATA = Path(__file__).parents[2] / "shared" / "data"

# A busy machine is not a failing test, so no deadlines. In CI a red run must be red again.
settings.register_profile("manta", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("manta")

# Read by Ray when it is imported. Tests start clusters of their own on loopback: no tokens, and no
# second virtual environment for the workers of a driver under `uv run`.
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Runs keep compiled strategies beside themselves, and every test has folders of its own: without
# this each would compile the same code again, for seconds. CI begins with none.
CODE = Path(__file__).parents[1] / "runs" / ".cache" / "numba"
os.environ.setdefault("NUMBA_CACHE_DIR", str(CODE))
# Every actor is a process of its own: with byte-code on disk it imports in a third of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure() -> None:
    """Strategies and engines are compiled, so without the compiler nothing could be tested."""
    if os.environ.get("NUMBA_DISABLE_JIT", "") not in ("", "0"):
        raise pytest.UsageError("NUMBA_DISABLE_JIT: strategies have to be compiled: unset it")


# Tests of actors by themselves; the other Ray tests are whole runs, with a venue and its traders.
_ACTORS = ("test_shell", "test_supervision", "test_sweep")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under `-n`, whole runs share one worker: two at a time would take each other's cores."""
    for item in items:
        if item.get_closest_marker("ray") is not None:
            group = "actors" if item.path.name.startswith(_ACTORS) else "runs"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that reads ../shared/data may be skipped only where that folder is absent."""
    report = yield
    _refuse_quiet_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for whole modules."""
    report = yield
    _refuse_quiet_skip(report)
    return report


def _refuse_quiet_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and DATA.is_dir() and "shared/data" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped although ../shared/data is there: {report.longrepr}"
