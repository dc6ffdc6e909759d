"""Which framework an array belongs to, what kind of numbers it holds, and its view as rows of classes.

No framework is imported here that the caller did not bring: a tensor can only exist where torch is already in
`sys.modules`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

BLOCK = 1 << 18  # numbers that are converted at a time: 2 MB of float64

_KINDS = {"f": "floating", "i": "integer", "u": "integer", "b": "bool"}


def is_tensor(value: Any) -> bool:
    """Return whether `value` is a torch tensor, without importing torch."""
    if type(value) is np.ndarray:  # the common case, decided in a third of the time
        return False
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def framework_of(value: Any) -> str:
    """Return the name a user would give to the framework of `value`: 'a torch tensor' or 'a NumPy array'."""
    return "a torch tensor" if is_tensor(value) else "a NumPy array"


def is_sparse(value: Any) -> bool:
    """Return whether `value` is a sparse matrix or array of SciPy, without importing SciPy."""
    if type(value) is np.ndarray:
        return False
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(value)


def has_text(value: Any) -> bool:
    """Return whether `value` is text, or holds text."""
    if isinstance(value, (list, tuple)):
        return any(map(has_text, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "US" or (value.dtype.kind == "O" and any(map(has_text, value.reshape(-1).tolist())))
    return isinstance(value, (str, bytes))


def number_kind(array: Any) -> str:
    """Return 'floating', 'integer', 'bool', or the name of the dtype when it is none of these."""
    if is_tensor(array):
        torch = sys.modules["torch"]
        if array.dtype.is_floating_point:
            return "floating"
        if array.dtype == torch.bool:
            return "bool"
        return str(array.dtype) if array.dtype.is_complex or array.is_quantized else "integer"
    return _KINDS.get(array.dtype.kind) or str(array.dtype)


def dtype_name(array: Any) -> str:
    """Return the name of the dtype without its framework: 'float32', 'bfloat16', 'int64'."""
    return str(array.dtype).removeprefix("torch.")


def may_look(array: Any) -> bool:
    """Return whether values may be looked at: not while a compiler, a function transform or a tracer of torch works."""
    if not is_tensor(array):
        return True
    torch = sys.modules["torch"]
    following = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active() or is_traced()
    return not (following or array.is_meta)


def is_followed(tensor: Any) -> bool:
    """Return whether autograd records what is computed from a tensor, or a transform or a compiler traces it."""
    torch = sys.modules["torch"]
    recorded = tensor.requires_grad and torch.is_grad_enabled()
    return recorded or torch.autograd.forward_ad._current_level >= 0 or not may_look(tensor)


def has_derivative(tensor: Any) -> bool:
    """Return whether autograd asks for a derivative with respect to a tensor, in reverse or forward mode."""
    torch = sys.modules["torch"]
    if tensor.requires_grad and torch.is_grad_enabled():
        return True
    forward_mode = torch.autograd.forward_ad
    return forward_mode._current_level >= 0 and forward_mode.unpack_dual(tensor).tangent is not None


def in_32_bits_under_autocast(tensor: Any) -> Any:
    """Return what a loss is computed from: a tensor of 16 bits in 32 where autocast is on, as torch does."""
    torch = sys.modules["torch"]
    if tensor.dtype not in (torch.float16, torch.bfloat16):
        return tensor
    device = tensor.device.type
    is_on = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return tensor.float() if is_on else tensor


def is_traced() -> bool:
    """Return whether torch records the operations themselves (`make_fx`, `torch.jit.trace`) or only their shapes."""
    torch = sys.modules["torch"]
    return torch._C._len_torch_dispatch_stack() > 0 or torch._C._get_tracing_state() is not None


def in_own_memory(tensor: Any) -> Any:
    """Return a detached tensor whose memory holds its values: that of a tensor of `functionalize` holds anything."""
    torch, tensor = sys.modules["torch"], tensor.detach()
    if not torch._is_functional_tensor(tensor):
        return tensor
    torch._sync(tensor)
    return torch._from_functional_tensor(tensor)


def as_numpy(array: Any) -> np.ndarray:
    """Return the values as a NumPy array, whatever the framework or device."""
    return in_own_memory(array).cpu().numpy() if is_tensor(array) else np.asarray(array)


def as_float64(array: Any) -> np.ndarray:
    """Return the values of an array or tensor as float64."""
    if is_tensor(array):
        return in_own_memory(array).to(sys.modules["torch"].float64).cpu().numpy()
    return np.asarray(array, dtype=np.float64)


class Layout(NamedTuple):
    """The shape of logits, seen as rows of classes: `(outer, classes, inner)`, in memory order.

    A row of classes is what one sample owns. With the class axis last, `inner` is 1 and rows are contiguous; with the
    class axis elsewhere, `inner` rows lie side by side. Every kernel and definition of this library takes arrays in
    this form.
    """

    shape: tuple[int, ...]
    axis: int
    outer: int  # blocks of rows
    classes: int  # of a row
    inner: int  # rows side by side in a block

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int) -> Layout:
        """Return the layout of an array of this shape with classes on `axis`, counted from 0."""
        return cls(shape, axis, math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return self.outer * self.inner

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one number per row: the shape of the logits without the class axis."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def column_shape(self) -> tuple[int, ...]:
        """The shape of one number per row with the class axis kept, of length 1."""
        return (*self.shape[: self.axis], 1, *self.shape[self.axis + 1 :])

    def axis_without(self, shape: tuple[int, ...]) -> int | None:
        """Return the first axis without which the shape would be `shape`, or None."""
        return next((i for i in range(len(self.shape)) if self.shape[:i] + self.shape[i + 1 :] == shape), None)

    def blocks(self) -> Iterator[tuple[Any, Any]]:
        """Yield what cuts an array of this shape, and an array of one number per row, into blocks of whole rows.

        A block has about `BLOCK` entries, so that what is computed of it takes little memory.
        """
        others = [i for i in range(len(self.shape)) if i != self.axis]
        entries = math.prod(self.shape)
        if not others or entries <= BLOCK:
            yield ..., ...
            return
        cut = max(others, key=self.shape.__getitem__)
        step = max(1, BLOCK * self.shape[cut] // entries)
        for start in range(0, self.shape[cut], step):
            piece = slice(start, start + step)
            yield (slice(None),) * cut + (piece,), (slice(None),) * (cut - (cut > self.axis)) + (piece,)

    def position(self, flat: int) -> str:
        """Return where the row number `flat` is, as a user would index it: 'row 17' or 'position (3, 5)'."""
        if len(self.row_shape) <= 1:
            return f"row {flat}"
        return f"position {tuple(int(i) for i in np.unravel_index(flat, self.row_shape))}"
