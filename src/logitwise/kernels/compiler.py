"""How kernels are compiled: LLVM optimises the code of a call once, as a whole, when the interpreter first asks for it.

Numba optimises every function and makes machine code of it, then links the result into each of its callers and
optimises it there again. Kernels are nested five levels deep, so most of a first call was spent on code that nothing
calls. Here a function that compiled code calls is a part, which is only linked. A function that the interpreter calls
is a kernel, which is optimised with all of its parts and kept in the cache. One Python function may be both.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from pickle import PickleError
from typing import Any

from numba import _dynfunc  # pyright: ignore[reportAttributeAccessIssue]
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes, LiteralUnroll, WithLifting

# Passes for what kernels do not contain: expressions of whole arrays, closures, `with`, loops over tuples.
_NOT_NEEDED = (NopythonRewrites, InlineClosureLikes, LiteralUnroll, WithLifting)


class _PartLibrary(JITCodeLibrary):
    """The code of a part and of the parts it calls, to be linked: not optimised as a whole, and no machine code."""

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Write a function as LLVM instructions that other functions can link."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags = state.flags.copy()
        state.flags.no_compile = state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        super().run_pass(state)
        state.library.finalize()
        written = state["cr"]
        # Numba wants an object that stands for the function; this one cannot be called.
        name, module = written.fndesc.qualname.rpartition(".")[-1], written.fndesc.lookup_module()
        stand_in = _dynfunc.make_function(module, name, "", 0, written.env, (state.library,))
        state.targetctx.insert_user_function(stand_in, written.fndesc, [state.library])
        state["cr"] = _LowerResult(written.fndesc, written.call_helper, cfunc=stand_in, env=written.env)
        return True


class _KernelCompiler(CompilerBase):
    """The passes of Numba that kernels need."""

    lowering: type = NativeLowering

    def compile_extra(self, func: Callable) -> Any:
        with _collecting_no_garbage():
            return super().compile_extra(func)

    def define_pipelines(self) -> list[PassManager]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state).passes
        pipeline = PassManager(type(self).__name__)
        for each, description in passes:
            if each not in _NOT_NEEDED:
                pipeline.add_pass(self.lowering if each is NativeLowering else each, description)
        pipeline.finalize()
        return [pipeline]


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Let the collector rest: a compilation makes many objects and little garbage, and it would search them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class PartCompiler(_KernelCompiler):
    """The compiler of functions that only compiled code calls."""

    lowering = _PartLowering


class Kernel(CPUDispatcher):
    """A compiled function; `part` is the same for other compiled functions."""

    def __init__(self, function: Callable, **options: Any) -> None:
        options |= {"nopython": True, "boundscheck": None}
        super().__init__(function, targetoptions=options | {"no_cfunc_wrapper": True}, pipeline_class=_KernelCompiler)
        self.part = CPUDispatcher(function, targetoptions=options, pipeline_class=PartCompiler)
        with suppress(RuntimeError):  # Numba found no folder it may write to
            self._cache = _Cache(function)

    @property
    def is_kept(self) -> bool:
        """Whether there is a folder where the compiled code is kept for other processes."""
        return isinstance(self._cache, _Cache)

    @property
    def _numba_type_(self) -> Any:
        return self.part._numba_type_


class _Cache(FunctionCache):
    """A cache that holds for as long as no kernel is changed, and that a broken file does not break."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), stamp_of(Path(__file__).parent)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever the bytes of a broken file make of the attempt to read them
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # not kept, the code serves this process alone
            try:
                super().save_overload(sig, data)
            except (EOFError, ValueError, PickleError):  # the index of what is kept is broken
                self.flush()
                super().save_overload(sig, data)


def stamp_of(folder: Path) -> tuple[bytes, ...]:
    """Return hashes of all sources in a folder: the code of a kernel comes from any of them."""
    return tuple(_hash(file, file.stat().st_mtime_ns) for file in sorted(folder.rglob("*.py")))


@cache
def _hash(file: Path, _changed: int) -> bytes:
    return sha256(file.read_bytes()).digest()
