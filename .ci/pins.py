"""Exact versions without a lock file: writes and checks the pins in pyproject.toml.

    python .ci/pins.py write             pin what resolves now; pinned packages stay as they are
    python .ci/pins.py write --upgrade   forget the pins first
    python .ci/pins.py check             this environment holds exactly the pinned set

A uv.lock names the registry it was resolved from, and the registry is not the project's business
(docs/decisions/006-pins-without-a-lock-file.md). So git ignores uv.lock, and every package of every
group stands as `name==version` in `[tool.uv] constraint-dependencies`.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = ROOT / "pyproject.toml"
BLOCK = re.compile(r"^constraint-dependencies = \[\n(.*?)^\]\n", re.MULTILINE | re.DOTALL)
EXPORT = ("uv", "export", "--quiet", "--no-hashes", "--no-header", "--no-annotate")
SCOPE = ("--no-emit-project", "--all-groups", "--all-extras")
# Where the project runs (`[tool.uv] environments`): a marker true on all of them says nothing.
PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
PYTHONS = ("3.11", "3.12", "3.13")
NOT_PINNED = {"manta", "pip", "setuptools", "wheel"}  # ourselves, and what a venv may bring along


def always(marker: Marker) -> bool:
    """Whether `marker` holds in every environment that the project supports."""
    worlds = [
        {
            "sys_platform": platform,
            "platform_machine": machine,
            "python_version": python,
            "python_full_version": f"{python}.9",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        for platform, machine in PLATFORMS
        for python in PYTHONS
    ]
    return all(marker.evaluate(dict(world)) for world in worlds)


def resolved() -> list[str]:
    """One `name==version` (with a marker where versions differ by platform) for every package."""
    text = subprocess.run([*EXPORT, *SCOPE], cwd=ROOT, check=True, capture_output=True, text=True)
    pins: list[str] = []
    for line in text.stdout.splitlines():
        requirement = Requirement(line)
        marker = requirement.marker
        bare = f"{canonicalize_name(requirement.name)}{requirement.specifier}"
        pins.append(bare if marker is None or always(marker) else f"{bare} ; {marker}")
    return sorted(pins)


def pinned() -> list[str]:
    """The pins that stand in pyproject.toml."""
    uv = tomllib.loads(PYPROJECT.read_text())["tool"]["uv"]
    return list(uv["constraint-dependencies"])


def put(pins: Iterable[str]) -> None:
    """Replace the pins in pyproject.toml."""
    lines = "".join(f"  {_quoted(pin)},\n" for pin in pins)
    text, found = BLOCK.subn(
        lambda _: f"constraint-dependencies = [\n{lines}]\n", PYPROJECT.read_text()
    )
    if found != 1:
        sys.exit("pyproject.toml: no constraint-dependencies list: put an empty one into [tool.uv]")
    PYPROJECT.write_text(text)


def write(*, upgrade: bool) -> None:
    """Resolve and pin."""
    if upgrade:
        put(())
        subprocess.run(["uv", "lock", "--quiet", "--upgrade"], cwd=ROOT, check=True)
    pins = resolved()
    put(pins)
    print(f"pyproject.toml: {len(pins)} packages pinned")


def check() -> int:
    """Compare this environment with the pins; 1 if it differs."""
    want: dict[str, str] = {}
    for text in pinned():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate():
            want[canonicalize_name(requirement.name)] = str(requirement.specifier)
    have = {canonicalize_name(d.name): f"=={d.version}" for d in metadata.distributions()}
    for name in NOT_PINNED - want.keys():
        have.pop(canonicalize_name(name), None)
    wrong = [
        f"{name}: pinned {want.get(name, 'not at all')}, installed {have.get(name, 'not at all')}"
        for name in sorted(want.keys() | have.keys())
        if want.get(name) != have.get(name)
    ]
    for line in wrong:
        print(f"{line}: run `uv sync`, or `just pin` after changing a dependency", file=sys.stderr)
    print(f"{len(want)} packages pinned, {len(wrong)} differ")
    return 1 if wrong else 0


def _quoted(pin: str) -> str:
    return f'"{pin}"' if '"' not in pin else f"'{pin}'"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write"]:
            write(upgrade=False)
        case ["write", "--upgrade"]:
            write(upgrade=True)
        case ["check"]:
            sys.exit(check())
        case _:
            sys.exit(__doc__)
