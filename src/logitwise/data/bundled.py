"""The data sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise.data.dataset import Dataset

BUNDLED = ("digits", "iris", "wine", "breast_cancer")


def read_bundled(name: str) -> Dataset:
    """Return a bundled data set: digits as images with integer labels, the others as tables with class names."""
    from sklearn import datasets

    loaded: Any = getattr(datasets, f"load_{name}")()
    if name == "digits":
        return Dataset(loaded.images, loaded.target.astype(np.int64), None, name, None)
    import polars as pl

    features = pl.DataFrame(loaded.data, schema=[str(column) for column in loaded.feature_names])
    labels = np.array([str(class_name) for class_name in loaded.target_names], dtype=object)
    return Dataset(features, labels[loaded.target], None, name, None)
