"""`python -m benchmarks.machine_code`: which registers the kernels compute in, counted in their machine code.

Compiles every kernel anew for this processor and counts its multiplications, fused or not, by what they work on:
vectors of 512, 256 or 128 bits, or one number. Loops have a vector body and a rest, so single numbers occur; a kernel
without vectors has lost them.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter

import numpy as np

# x86: vmulps zmm / vfmadd213ps ymm ...; ARM: fmul v0.4s, fmla v0.4s
_X86 = re.compile(r"\s(?:vmul|vfn?m(?:add|sub)\d+)([ps])[sd]\s[^\n]*%([xyz])mm")
_ARM = re.compile(r"\s(?:fmul|fml[as]|fn?madd)\s+([vsd])\d")
_WIDTHS = {"z": "512 bits", "y": "256 bits", "x": "128 bits"}


def main() -> None:
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()  # what comes from a cache cannot be inspected
    print("| kernel | dtype | multiplications by width |\n| --- | --- | --- |")
    for dtype in ("float32", "float64"):
        for name, code in _kernels(dtype):
            counts = ", ".join(f"{width}: {count}" for width, count in sorted(_widths(code).items()))
            print(f"| {name} | {dtype} | {counts} |", flush=True)


def _kernels(dtype: str) -> list[tuple[str, str]]:
    """Return the assembly of the kernels, compiled by one call each."""
    from logitwise.kernels.cpu import binary_cross_entropy, cross_entropy, sigmoid, softmax

    compiled = {
        "softmax, log_softmax, logsumexp": softmax._normalize,
        "cross_entropy of class indices": cross_entropy._cross_entropy,
        "cross_entropy of distributions": cross_entropy._soft_cross_entropy,
        "sigmoid": sigmoid._sigmoid,
        "binary_cross_entropy": binary_cross_entropy._binary_cross_entropy,
    }
    logits, losses = np.zeros((4, 3, 1), dtype), np.zeros(4)
    flat = logits.reshape(-1)
    target = np.zeros(4, np.int64)
    softmax.softmax(logits, softmax.NO_MASK, 0, 1.0, logits.copy())
    options = cross_entropy.Options(-100, cross_entropy.NO_WEIGHTS, cross_entropy.NO_WEIGHTS, 0.0, 0.0, 1.0)
    cross_entropy.cross_entropy(logits, 0, target, options, losses, logits.copy())
    cross_entropy.soft_cross_entropy(logits, 0, logits.copy(), 0, options, losses, logits.copy())
    sigmoid.sigmoid(flat, 0, flat.copy())
    weights, elements = np.ones(1), np.zeros(flat.size)
    binary_cross_entropy.binary_cross_entropy(flat, 0, flat, 0, weights, weights, 0.0, 1.0, elements, flat.copy())
    return [(name, list(kernel.inspect_asm().values())[-1]) for name, kernel in compiled.items()]


def _widths(code: str) -> Counter[str]:
    counts = Counter("one number" if kind == "s" else _WIDTHS[width] for kind, width in _X86.findall(code))
    counts.update("128 bits" if kind == "v" else "one number" for kind in _ARM.findall(code))
    return counts


if __name__ == "__main__":
    main()
