"""Peers of cross-entropy with its gradient that are compiled for every shape."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from benchmarks import cross_entropy
from benchmarks.grid.measuring import Call
from torch import Tensor

Peer = Callable[[Tensor, Tensor], Call]


@cache
def available() -> dict[str, Peer]:
    """Return the peers that this machine has; a line says which it lacks."""
    found: dict[str, Peer] = {}
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler):
        found["torch.compile"] = cross_entropy.compiled
    else:
        print(f"torch.compile is left out: there is no {compiler}.", flush=True)
    if find_spec("jax"):
        found["JAX jit"] = cross_entropy.jax_jit
    else:
        print("JAX is left out: it is not installed (pip install 'logitwise[bench]').", flush=True)
    return found
