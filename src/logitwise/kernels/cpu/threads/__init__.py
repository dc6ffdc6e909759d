"""The threads that share the rows of a call.

Kernels release the lock of the interpreter. Numba's own threading layers abort under several calling threads or after a
fork, so the rows are cut into chunks here, and handed out in compiled code (`handing_out.py`): to torch's threads where
torch is there (`openmp.py`), to ours elsewhere (`own_team.py`). The calling thread takes chunks as the others do.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numba import types
from numba.core.compiler_lock import global_compiler_lock as compiler_lock

from logitwise.kernels.cpu.threads import openmp, own_team
from logitwise.kernels.cpu.threads.handing_out import share

# Elements, at least: handing over a chunk takes 1 to 3 microseconds, in which a thread computes a few thousand.
WORK_PER_CHUNK = 8192
CHUNKS_PER_THREAD = 4  # so that a thread held up by the system delays a call by one chunk only


def _available() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_count = _available()
_addresses: dict[tuple, int] = {}
ALONE = (0, 0, 0, 0, 1, 1)  # see `team_for`


def _forget_threads() -> None:
    """Use none of the parent's threads in a forked child, and no lock that they may have held."""
    own_team.forget()
    openmp.forget()
    compiler_lock.release()


if hasattr(os, "register_at_fork"):
    # A thread that makes its first call holds the lock of Numba's compiler for seconds. A child forked meanwhile would
    # wait for that thread, which it does not have, for ever: so a fork waits until the code is compiled.
    os.register_at_fork(
        before=compiler_lock.acquire, after_in_parent=compiler_lock.release, after_in_child=_forget_threads
    )


def number_of_threads() -> int:
    """Return the number of threads that a large call uses."""
    return _count


def set_number_of_threads(count: int) -> None:
    """Set the number of threads that a large call uses, the calling one included."""
    global _count
    _count = count


def split(kernel: Any, rows: int, work: int, *arguments: Any, tile: int = 1) -> None:
    """Call `kernel(*arguments, first, last)` for chunks that cover `rows` rows.

    Args:
        kernel: A compiled function.
        rows: Their number.
        work: The number of elements, which decides whether, and into how many chunks, rows are split.
        arguments: What the kernel takes.
        tile: How many rows the kernel computes at a time; chunks consist of whole tiles.
    """
    team = team_for(rows, work, tile)
    if team is ALONE:
        kernel(*arguments, 0, rows)
    elif not share(team, address_of(kernel, *arguments), rows, tile, arguments):
        raise no_memory(kernel)


def team_for(rows: int, work: int, tile: int) -> tuple[int, ...]:
    """Return who computes the rows of a call, as `share` takes it: ALONE where the calling thread does.

    Returns:
        The address of GOMP_parallel and the size of its team, or 0; the address of the words of our own team, and that
        of the function by which it waits, or 0; how many threads take part; and the number of chunks.
    """
    if work < 2 * WORK_PER_CHUNK:
        return ALONE
    start, size = openmp.start_of_team()
    most = min(_count, size or _count)
    chunks = min(work // WORK_PER_CHUNK, -(-rows // tile), most * CHUNKS_PER_THREAD)
    most = min(most, chunks)
    if most < 2:
        return ALONE
    if start:
        return start, size, 0, 0, most, chunks
    team = own_team.own_team()
    team.wake(most - 1)
    return 0, 0, team.address, own_team.YIELDING, most, chunks


def no_memory(kernel: Any) -> MemoryError:
    """Return the error of a kernel that found no memory for its scratch rows."""
    return MemoryError(f"no memory for the scratch rows of {kernel.__name__}")


def address_of(kernel: Any, *arguments: Any) -> int:
    """Return the address of the machine code of a kernel for arguments of these types; it is compiled if need be."""
    key = (kernel, *map(_type_key, arguments))
    address = _addresses.get(key)
    if address is None:
        signature = (*map(kernel.typeof_pyval, arguments), types.int64, types.int64)
        kernel.compile(signature)
        result = kernel.overloads[signature]
        address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
        _addresses[key] = address
    return address


def _type_key(argument: Any) -> Any:
    """Return what tells the types of arguments apart, at least as finely as Numba does."""
    if type(argument) is np.ndarray:
        return argument.dtype.num, argument.ndim, argument.flags.num
    if isinstance(argument, tuple):
        return type(argument), *map(_type_key, argument)
    return type(argument)
