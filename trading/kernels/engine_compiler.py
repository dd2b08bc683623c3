"""What numba does to the parts of an engine, and what it leaves out, so that it takes seconds.

Theory of operation. Four things cost most of an engine's first compile, and none of them changes
what the code computes:

  passes      numba looks for closures, parallel loops, lists and arrays to rewrite in every
              function; parts have none, and go through the passes that all functions need (`Lean`)
  names       numba writes out the types of all arguments for each pass, which for a record with
              tables in it is a page of text; meanwhile a record's text is its name (`quick`)
  collecting  a compiler makes millions of objects and few cycles (`quick`)
  copies      numba makes machine code of every function that it compiles, with all that it calls:
              what lies seven calls deep was optimised and translated seven times. No part is ever
              called from Python, so for parts numba stops half way, at LLVM's intermediate code;
              what is compiled next links all of them in, and all is optimised and translated once

This works on numba's insides, and `tests/unit/test_engine_compiler.py` says when they change.
"""

import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from numba._dynfunc import make_function
from numba.core import typed_passes, types, untyped_passes
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.cpu import CPUContext

_PASSES: Final = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,  # x ** 2 is a product
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)


_cfunc: Final[Any] = CFunc
_library: Final[Any] = JITCodeLibrary
_OPTIONS: Final = {"error_model": "numpy", "_nrt": False}


class Lean(CompilerBase):
    """Compiles a function of numbers and records: no closures, no lists, no arrays made."""

    def define_pipelines(self) -> "list[Any]":
        """Numba's passes without those that find nothing in such a function."""
        manager: Any = PassManager("lean")
        for one in _PASSES:
            manager.add_pass(one, one.__name__)
        manager.finalize()
        return [manager]


@contextmanager
def quick() -> Iterator[None]:
    """Meanwhile nothing is collected, and the text of a record is its name."""
    collects = gc.isenabled()
    record: Any = types.Record
    plain = record.__repr__
    record.__repr__ = lambda self: self.name
    gc.disable()
    try:
        yield
    finally:
        record.__repr__ = plain
        if collects:
            gc.enable()


def machine_code(function: Any, signature: Any, compile_first: Callable[[], None]) -> int:
    """Address of the function's machine code, from disk, or compiled; it stays for this process.

    numba's cache compares the function's own file alone: the digest of all code behind it has to
    be in its name.

    compile_first  compiles its parts, if the disk does not have it
    """
    made: Any = _cfunc(function, signature, {}, dict(_OPTIONS), Lean)
    plain = made._compile_uncached

    def noted() -> Any:
        compile_first()
        with quick():
            return plain()

    made._compile_uncached = noted
    with suppress(RuntimeError):  # no folder to write to: compiled again in each process
        made.enable_caching()
    made.compile()
    _kept.append(made)
    return int(made.address)


_kept: Final[list[Any]] = []


@contextmanager
def half_way(names: Collection[str]) -> Iterator[None]:
    """Meanwhile functions of these names are compiled to intermediate code only.

    They can be called from compiled functions, not from Python.
    """
    library: Any = _library
    context: Any = CPUContext
    finalize, executable = library.finalize, context.get_executable
    optimize = library._optimize_functions

    def finalize_half(self: Any) -> None:
        if self.name not in names:
            finalize(self)
            return
        self._finalize_dynamic_globals()
        self._finalized = self.half_way = True

    def no_executable(self: Any, made: Any, descriptor: Any, environment: Any) -> Any:
        if made.name not in names:
            return executable(self, made, descriptor, environment)
        made._ensure_finalized()  # half way: who links it may do so when this is over
        name = descriptor.qualname.rpartition(".")[2]
        return make_function(descriptor.lookup_module(), name, "", 0, environment, (made,))

    def leave(self: Any, module: Any) -> None:
        module.data_layout = self._codegen._data_layout
        if self.name not in names:
            optimize(self, module)

    library.finalize, context.get_executable = finalize_half, no_executable
    library._optimize_functions = leave
    try:
        yield
    finally:
        library.finalize, context.get_executable = finalize, executable
        library._optimize_functions = optimize


def _link_all(library: Any) -> None:
    """Let `library` link what those link that stopped half way: once each, however deep."""
    linked = dict.fromkeys(library._linking_libraries)
    more = list(linked)
    while more:
        other = more.pop()
        if hasattr(other, "half_way"):
            more += [one for one in other._linking_libraries if one not in linked]
            linked |= dict.fromkeys(other._linking_libraries)
    library._linking_libraries = list(linked)


def _finalize_whole(self: Any, plain: Any = _library.finalize) -> None:
    _link_all(self)
    plain(self)


_library.finalize = _finalize_whole
