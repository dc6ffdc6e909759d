"""Inputs of a logistic regression: every level of every category, whether a network has an input for it or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from logitwise.model.categories import Category
from logitwise.model.preprocessing import Preprocessing

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def uncut(preprocessing: Preprocessing) -> Preprocessing:
    """Return the preprocessing that has an input for each level of each category, and no effects."""
    return preprocessing.with_categories([Category.of(each.levels) for each in preprocessing.categories])


def numbers_alone(preprocessing: Preprocessing) -> Preprocessing:
    """Return the preprocessing whose inputs are those of the numbers, without ramps."""
    smooth = replace(preprocessing, knots=tuple(knots[:0] for knots in preprocessing.knots))
    return smooth.with_categories([Category(each.levels, 0) for each in preprocessing.categories])


def uncut_inputs(preprocessing: Preprocessing, inputs: np.ndarray, codes: np.ndarray) -> np.ndarray | csr_array:
    """Return rows as the inputs of `uncut(preprocessing)` without ramps, float32; sparse where there are more of them.

    Args:
        preprocessing: What made the inputs.
        inputs: The rows as inputs, those of numbers first; where some level has none of its own, others are not used.
        codes: The levels of the rows, `(rows, categories)`.
    """
    if preprocessing.is_one_hot:
        return inputs[:, : preprocessing.n_deep]
    from scipy.sparse import csr_array, hstack

    numbers = inputs[:, : preprocessing.n_numeric]
    categories = [_one_hot(Category.of(each.levels), codes[:, p]) for p, each in enumerate(preprocessing.categories)]
    return csr_array(hstack([csr_array(numbers), *categories], format="csr"))


def _one_hot(category: Category, codes: np.ndarray) -> csr_array:
    from scipy.sparse import csr_array

    rows = np.flatnonzero(codes >= 0)
    is_wide = len(category.levels) > 2
    columns = codes[rows] if is_wide else np.zeros(len(rows), np.int32)
    values = np.ones(len(rows), np.float32) if is_wide else (1 - 2 * codes[rows]).astype(np.float32)
    return csr_array((values, (rows, columns)), (len(codes), category.n_one_hot))
