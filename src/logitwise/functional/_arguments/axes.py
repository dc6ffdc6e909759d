"""Several axes of classes as one: a view (or copy) of an array in which they are, and the way back."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from logitwise._arrays import is_tensor
from logitwise._errors import InvalidValueError
from logitwise._requirements import check_axis


def is_one_axis(axis: Any) -> bool:
    """Return whether `axis` names one axis, or what is no axis at all, and not several or all of them."""
    return type(axis) is int or not (axis is None or isinstance(axis, (tuple, list)))


class Axes(NamedTuple):
    """Axes of a shape, which `joined` makes one, at the place of the first of them.

    Classes are in the order of the axes of the array, in whichever order the axes were named: one order, one rounding.
    """

    shape: tuple[int, ...]
    together: tuple[int, ...]  # ascending, counted from 0

    @classmethod
    def of(cls, axis: Any, shape: tuple[int, ...]) -> Axes:
        """Return the axes that `axis` names: an integer, some of them, or None for all.

        A single number has one axis, as everywhere: a row of one class. No axes are a row of one class for each number.
        """
        ndim = len(shape)
        if axis is None:
            return cls(shape, tuple(range(ndim)))
        named = [check_axis(each, max(ndim, 1), "logits") for each in ([axis] if is_one_axis(axis) else axis)]
        if len(set(named)) < len(named):
            raise InvalidValueError("axis", "name each axis once", axis)
        return cls(shape, tuple(sorted(named)) if ndim else ())

    @property
    def place(self) -> int:
        """Where the one axis is."""
        return self.together[0] if self.together else len(self.shape)

    @property
    def rows(self) -> tuple[int, ...]:
        """The shape of one number per row."""
        return tuple(self.shape[axis] for axis in self._others())

    @property
    def rows_kept(self) -> tuple[int, ...]:
        """The shape of one number per row, with length 1 on the axes."""
        return tuple(1 if axis in self.together else length for axis, length in enumerate(self.shape))

    def joined(self, array: Any) -> Any:
        """Return an array of this shape with one axis of classes."""
        classes = math.prod([self.shape[axis] for axis in self.together])  # a compiler of torch takes lists alone
        rows = self.rows
        return _permuted(array, self._order()).reshape((*rows[: self.place], classes, *rows[self.place :]))

    def parted(self, array: Any) -> Any:
        """Return an array that `joined` could have made with all its axes again."""
        order = self._order()
        back = tuple(order.index(axis) for axis in range(len(order)))
        return _permuted(array.reshape(tuple(self.shape[axis] for axis in order)), back)

    def _others(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.together)

    def _order(self) -> tuple[int, ...]:
        others = self._others()
        return (*others[: self.place], *self.together, *others[self.place :])


def _permuted(array: Any, order: tuple[int, ...]) -> Any:
    if order == tuple(range(len(order))):
        return array
    return array.permute(order) if is_tensor(array) else array.transpose(order)
