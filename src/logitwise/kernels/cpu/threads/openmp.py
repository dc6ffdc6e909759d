"""torch's team of threads, borrowed.

torch's OpenMP threads wait for its next operation by spinning, so a thread of ours would find its core taken. The team
itself can be asked instead: GOMP_parallel is the entry of compiled parallel regions, and libgomp and the runtimes of
LLVM and Intel on Linux all have it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_is_forked_child = False


def start_of_team() -> tuple[int, int]:
    """Return the address of GOMP_parallel in torch's OpenMP runtime, and torch's number of threads; 0 if there is none.

    A forked child has no team: the threads stayed with its parent, and the runtime would wait for them for ever.
    """
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return 0, 0
    return 0 if _is_forked_child else _address_of_start(torch.__file__), torch.get_num_threads()


@cache
def _address_of_start(file_of_torch: str) -> int:
    library = os.path.join(os.path.dirname(file_of_torch), "lib", "libtorch_cpu.so")
    try:
        start = ctypes.CDLL(library).GOMP_parallel
    except (OSError, AttributeError):
        return 0
    return ctypes.cast(start, ctypes.c_void_p).value or 0


def forget() -> None:
    """Use no team of the parent in a forked child."""
    global _is_forked_child
    _is_forked_child = True
