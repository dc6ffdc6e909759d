"""Readers: tables (text, JSON, Parquet and others), NPZ and NPY arrays, IDX images, and the data sets of scikit-learn.

`read` is the one door; it returns a `Dataset`. Tables come by polars, so that a file is parsed by vector operations;
`streaming.read_parts` reads those that are larger than memory a part at a time.
"""

from __future__ import annotations

from logitwise.data.dataset import DataError, Dataset, NamesError, NeedlessTargetError, UnknownColumnError
from logitwise.data.reader import BUNDLED, check_source, is_table_file, is_text_file, read

__all__ = [
    "BUNDLED",
    "DataError",
    "Dataset",
    "NamesError",
    "NeedlessTargetError",
    "UnknownColumnError",
    "check_source",
    "is_table_file",
    "is_text_file",
    "read",
]
