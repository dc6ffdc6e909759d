"""The door of the readers: which of them reads a source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from logitwise._errors import InvalidTypeError
from logitwise._extras import needed_for
from logitwise.data.arrays import read_arrays
from logitwise.data.bundled import BUNDLED, read_bundled
from logitwise.data.dataset import DataError, Dataset, refuse_names, refuse_target
from logitwise.data.files import check_exists
from logitwise.data.formats import TABLES, format_of
from logitwise.data.images import read_image_file, read_image_folder


def read(
    source: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    header: bool | None = None,
    label_strip: str = "",
    drop_unlabelled: bool = False,
    names: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    decimal: str = ".",
    na_values: Sequence[str] | None = None,
    quotes: bool | None = None,
    text: Sequence[str] = (),
) -> Dataset:
    """Return the features and labels of a file, a folder or a bundled name.

    A string that is exactly a bundled name (`digits`, `iris`, `wine`, `breast_cancer`) means scikit-learn's data set,
    whatever is in the working directory; write `./digits`, or pass a `Path`, for a folder of that name.

    Text (`.csv`, `.tsv`, `.txt`, `.data`) is read by these rules. What is not plain is told in the `notes` of the
    result.

    - It is UTF-8, or UTF-8, UTF-16 or UTF-32 with a byte order mark, or in the `encoding` given.
    - The separator is a tab in `.tsv`; else the one of comma, semicolon, tab and pipe that gives every line as many
      fields, the most of them; else runs of spaces, where these do and a column is numbers. Commas are no separators
      where another one leaves them inside numbers alone. A first line `sep=;` names it, as Excel does.
    - Lines that begin with `#` or `%`, or have fewer fields than all below, are skipped before the table. The last such
      comment may name the columns.
    - Double quotes go around whole fields, doubled inside; such fields may hold separators and line ends. Where no
      field begins with one, quotes are text. Single quotes are taken off in columns where every field that begins with
      one ends with one and has none inside. Spaces around a field are dropped, inside its quotes too.
    - Lines without any field are skipped, and lines of separators alone before the table and at the end. All others
      have the same number of fields; a header may lack the first one where that differs in all rows, as the row names
      of R do. Last columns without a name and a value are dropped.
    - A line right below the header, of units or types, is left out where it alone has words in two or more columns of
      numbers, and no cell of it is a number or is in its column again.
    - A line that repeats the header is left out, and so is a last line that a word such as `Total` marks, where it has
      no label, a gap where no other row has one, or the word above numbers.
    - An empty field is missing, and so are `?` and what pandas takes for it: `NA`, `N/A`, `n/a`, `#N/A`, `<NA>`,
      `None`, `null`, `NULL`, `nan`, `NaN` and their like; or the `na_values` given.
    - A column whose values are all numbers, over all rows, is Int64 or Float64 (also where nothing but missing values
      is left); leading zeros do not make it text, so 00000 is 0 and a postal code 02139 is 2139, unless it is named in
      `text`. A target stays text, too, where a label has a leading zero or more than 15 digits. All else is String,
      `true` and `false` too, and `1,5` without `decimal=","`. Infinity (`inf`) and numbers beyond float64 become
      infinite.
    - The first line is a header if it holds the name of the target, and this or half of its other words are hardly ever
      values of their own columns; if its integers count up, as positions and years do, above other values; or if words
      of it stand above numbers. It is data if any of its fields is a number or missing; else if a field occurs again in
      its own column, or if two of its fields are equal; else it is a header. An empty first field is no sign of data:
      pandas writes one above its index. `header=` overrides this.
    - Columns without a header are `column_0`, `column_1`, ... by their position in the file. A header's columns without
      a name are `unnamed`, `unnamed_2`, ... in their order.

    Text, JSON and ARFF may be packed by gzip, bzip2, xz, Zstandard, or as the one file of a ZIP archive; their first
    bytes tell. Unpacked, they have at most 4 GiB, and beyond 256 MiB at most 1,000 times their packed size.

    JSON (`.json`, `.jsonl`, `.ndjson`) is a list of records, an object of columns, or a record a line. Its blank text
    is missing. It keeps its types, as do ARFF, Parquet, Arrow (`.feather`, `.arrow`, `.ipc`) and Excel files (`.xlsx`;
    the first sheet, of formulas the values stored). An NPZ file holds `X` and perhaps `y`, or `x_train`, `y_train`,
    `x_test` and `y_test` (in any case); an NPY file holds features alone. IDX is a folder with files named as in MNIST
    (`train-images...`, `train-labels...`, perhaps `t10k-images...` and `t10k-labels...`), or one file of images, with
    the labels of the file beside it that has `labels` for `images` in its name.

    Args:
        source: A path or a bundled name.
        target: The column of the labels in a table: its name, or its position, negative from the end, also written as
            digits ("-1"); a name that exists wins. None: every column is a feature. Sources that bring their own
            labels (bundled names, IDX, NPZ) take none.
        header: Whether the first line of a text file names the columns; None detects it. Ignored for other sources.
        label_strip: Characters to drop from both ends of labels that are text, before numbers are told from text.
        drop_unlabelled: Leave out the rows of a table whose target is missing, which is an error otherwise.
        names: What the columns of a text file without a header are called, the target among them. A first line that
            holds all of these names is a header all the same.
        separator: What separates the fields of a text: a character, "tab" or "space" (any number of them).
        encoding: The encoding of a text, such as "cp1252".
        decimal: What stands before the decimals of numbers in a text: "." or ","; with a comma, points group thousands.
        na_values: The fields of a text that are missing, in place of those above; () leaves the empty ones.
        quotes: Whether double quotes go around the fields of a text; False: they are text.
        text: Columns that stay text, whatever their values look like.

    Returns:
        A `Dataset`.

    Raises:
        DataError: The source or the target is not there, or cannot be read; names do not fit the columns. A sentence
            says which and why.
        TypeError: An argument has the wrong type.

    Cost: while a text file is read, memory peaks at about 11 times its size (58 MB of 300,000 x 41 numbers).

    Example:
        >>> digits = read("digits")
        >>> digits.features.shape, digits.target.shape
        ((1797, 8, 8), (1797,))
    """
    _check_types(source, target, header, label_strip, drop_unlabelled)
    known = _known_names(names, header)
    if isinstance(source, str) and source in BUNDLED:
        refuse_target(target, f"the bundled {source!r}, which brings its own labels")
        refuse_names(known, f"the bundled {source!r}")
        with needed_for(f"The data set {source!r}"):
            return read_bundled(source)
    path = Path(source)
    check_exists(path, BUNDLED)
    if path.is_dir():
        refuse_target(target, "a folder of IDX files, which brings its own labels")
        refuse_names(known, "a folder of IDX files, whose pixels have none")
        return read_image_folder(path)
    file_format = format_of(path)
    if file_format == "IDX":
        refuse_target(target, "an IDX file, whose labels are in the file beside it")
        refuse_names(known, "an IDX file, whose pixels have none")
        return read_image_file(path)
    if file_format == "arrays":
        refuse_target(target, "an NPZ or NPY file, which has its labels in an array named y")
        refuse_names(known, "an NPZ or NPY file, whose columns have none")
        return read_arrays(path)
    with needed_for("Reading a table"):
        from logitwise.data.tables import TableOptions, read_table_file  # polars is loaded for tables alone
        from logitwise.data.text.options import TextOptions, checked_texts

        choices = () if known is None else (known,)
        reading = TextOptions.checked(header, separator, encoding, decimal, na_values, quotes, choices)
        kept = checked_texts(text, "text")
        return read_table_file(
            path, file_format, TableOptions(target, label_strip, bool(drop_unlabelled), kept, reading)
        )


def _known_names(names: Sequence[str] | None, header: bool | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise InvalidTypeError("names", "be a list of strings", repr(names))
    if header:
        raise DataError("names", "be left out where the first line names the columns", "both")
    from logitwise.data.text.names import checked_names

    return checked_names(names)


def check_source(source: str | os.PathLike[str]) -> None:
    """Raise what `read` would raise for a source that is missing or not in a readable format; read nothing."""
    if isinstance(source, str) and source in BUNDLED:
        return
    path = Path(source)
    check_exists(path, BUNDLED)
    if not path.is_dir():
        format_of(path)


def is_table_file(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is a table in a file, which `streaming.read_parts` can read in parts."""
    path = Path(source)
    return path.is_file() and not (isinstance(source, str) and source in BUNDLED) and format_of(path) in TABLES


def is_text_file(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is delimited text, which may lack a header."""
    return is_table_file(source) and format_of(Path(source)) == "text"


def _check_types(source: object, target: object, header: object, label_strip: object, drop_unlabelled: object) -> None:
    if not isinstance(source, (str, os.PathLike)):
        raise InvalidTypeError("source", "be a path or a bundled name", _with_type(source))
    is_position = hasattr(target, "__index__") and not isinstance(target, bool)
    if not (target is None or isinstance(target, str) or is_position):
        raise InvalidTypeError("target", "be a column name or position", _with_type(target))
    if header not in (None, True, False):
        raise InvalidTypeError("header", "be True, False or None", repr(header))
    if not isinstance(label_strip, str):
        raise InvalidTypeError("label_strip", "be a string of characters", repr(label_strip))
    if not isinstance(drop_unlabelled, (bool, np.bool_)):
        raise InvalidTypeError("drop_unlabelled", "be True or False", _with_type(drop_unlabelled))


def _with_type(value: object) -> str:
    return f"{value!r} of type {type(value).__name__}"
