"""A user's strategy as a value: pack it where it was written, load it where it runs.

The files travel in a `LoadStrategy` message and are imported as `user_<digest>` from a private
folder, so sys.path is untouched, two versions can live side by side, and what ran is in the
journal byte for byte. Loading runs the user's code: only an operator's message may cause it.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Final

from messages.base import StrategyId
from messages.control import LoadStrategy, digest
from trading.strategy import CompiledStrategy
from trading.strategy_python import Strategy

_BYTES_MAX: Final = 4 << 20  # a strategy is code; data belongs elsewhere
# The same in every process: numba's cache compares a file's time with the one it compiled.
_MTIME_S: Final = 1_000_000_000
_INIT: Final = "__init__.py"


def pack(strategy_id: StrategyId, path: Path, entry: str, *, ts_ns: int = 0) -> LoadStrategy:
    """A Python file, or a folder with __init__.py, as one message.

    entry   name of the CompiledStrategy or Strategy class in it
    raises  OSError if it cannot be read; ValueError if it is no package, or too large
    """
    if path.is_dir():
        if not (path / _INIT).is_file():
            raise ValueError(f"{path}: a folder needs an {_INIT}: add one that names {entry}")
        found = sorted(p for p in path.rglob("*.py") if p.is_file())
        files = {p.relative_to(path).as_posix(): p.read_text(encoding="utf-8") for p in found}
    else:
        files = {_INIT: path.read_text(encoding="utf-8")}
    size = sum(len(text) for text in files.values())
    if size > _BYTES_MAX:
        raise ValueError(f"{path}: {size} characters of code, of at most {_BYTES_MAX}")
    if not entry.isidentifier():
        raise ValueError(f"{path}: {entry!r} is no name: use path/to/file.py:Name")
    return LoadStrategy(
        ts_event=ts_ns,
        ts_init=ts_ns,
        strategy_id=strategy_id,
        files=files,
        sha256=digest(files),
        entry=entry,
    )


def load(source: LoadStrategy, root: Path | None = None) -> CompiledStrategy | type[Strategy]:
    """What `source.entry` names; in one process, the same digest is the same object.

    root    folder to write to, the same for every process of a host, so that compiled code is
            found again; by default a private one in the host's temporary folder
    raises  ValueError if there is no such name, or it is no strategy; whatever the code raises
    """
    module = _import(source, _private_root() if root is None else root)
    found = getattr(module, source.entry, None)
    if isinstance(found, CompiledStrategy):
        return found
    if isinstance(found, type) and issubclass(found, Strategy):
        return found
    what = "is missing" if found is None else f"is a {type(found).__name__}"
    raise ValueError(
        f"{source.strategy_id}: {source.entry} {what}: name a CompiledStrategy or a Strategy class"
    )


def _import(source: LoadStrategy, root: Path) -> ModuleType:
    name = f"user_{source.sha256[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    folder = root / name
    _write(folder, source)
    spec = importlib.util.spec_from_file_location(
        name, folder / _INIT, submodule_search_locations=[str(folder)]
    )
    assert spec is not None, "a path to a Python file has a spec"
    assert spec.loader is not None, "a path to a Python file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _write(folder: Path, source: LoadStrategy) -> None:
    """Make the folder hold exactly these files; a complete one is never half replaced."""
    for rel, text in source.files.items():
        path = folder / rel
        raw = text.encode()
        if path.is_file() and path.read_bytes() == raw:
            continue
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        os.utime(part, (_MTIME_S, _MTIME_S))
        Path(part).replace(path)


def _private_root() -> Path:
    """A folder of this user's own: nobody else may put code there.

    raises  PermissionError if somebody else made it
    """
    root = Path(tempfile.gettempdir()) / f"manta-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o022:
        raise PermissionError(f"{root}: others may write there: remove it, or set TMPDIR")
    return root
