"""What the commands read: rows in words, columns as in training, and which rows are held out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import logitwise as lw
from cli.made_fruit import made_rows, write_csv
from logitwise import data
from logitwise._listing import listed
from logitwise.classifier.folds import split_rows
from logitwise.cli.columns import Columns
from logitwise.cli.sources import MeasuringOptions, ReadOptions, data_name, read_to_measure, read_to_train, split
from logitwise.evidence.labels import LABELS_SHOWN, known_indices
from logitwise.evidence.rows import LabelledRows


def rows_of(count: int, **changes) -> LabelledRows:
    labels = np.array(["ab"[place % 2] for place in range(count)], dtype=object)
    parts = {"features": np.zeros((count, 3, 2)), "labels": labels, "name": "f.csv", "positions": np.arange(count) + 5}
    return LabelledRows(**{**parts, "target_name": "y", "has_header": True, **changes})


def test_rows_are_told_in_words():
    assert [rows_of(count).where for count in (1, 2, 1234)] == [
        "the one row of f.csv",
        "the 2 rows of f.csv",
        "the 1,234 rows of f.csv",
    ]
    assert rows_of(2).n_features == 6
    assert rows_of(2, features=pl.DataFrame({"a": [1, 2], "b": [3, 4]})).n_features == 2


def test_some_rows_keep_their_labels_and_places():
    features = np.arange(12).reshape(6, 2)
    chosen = rows_of(6, features=features).rows(np.array([4, 1]))
    assert (chosen.labels.tolist(), chosen.positions.tolist()) == (["a", "b"], [9, 6])
    assert chosen.features.tolist() == [[8, 9], [2, 3]]
    assert (chosen.name, chosen.target_name, chosen.has_header) == ("f.csv", "y", True)


@pytest.mark.parametrize("seed", [0, 4])
def test_a_fifth_of_each_class_is_held_out_by_the_seed(seed):
    rows = rows_of(40, features=np.arange(40)[:, None])
    parts = split(rows, None, None, seed)
    trained, held_out = split_rows(np.arange(40) % 2, 0.2, np.random.default_rng(seed))
    assert parts.trained_on.features[:, 0].tolist() == trained.tolist()
    assert parts.measured_on.features[:, 0].tolist() == held_out.tolist()
    assert parts.measured_on.positions.tolist() == (held_out + 5).tolist()
    assert (parts.measured_as, parts.where) == (
        "DATA",
        f"8 rows of f.csv, held out from training (a fifth of each class, seed {seed})",
    )


@pytest.mark.parametrize(("test", "argument"), [(None, "DATA"), ("t.csv", "--test")])
def test_rows_that_are_there_to_measure_on_are_measured_on(test, argument):
    rows, others = rows_of(40), rows_of(7, name="t.csv")
    parts = split(rows, others, test, 3)
    assert (parts.trained_on, parts.measured_on) == (rows, others)
    assert (parts.measured_as, parts.where) == (argument, "the 7 rows of t.csv")


COLUMNS = Columns(["size", "colour"], 2, "label")


def test_columns_are_taken_by_name_and_in_the_order_of_training(capsys):
    table = pl.DataFrame({"colour": ["red"], "label": ["ripe"], "size": [1.5]})
    assert COLUMNS.of(table, True, "DATA").to_dict(as_series=False) == {"size": [1.5], "colour": ["red"]}
    assert capsys.readouterr().err == ""
    wide = table.with_columns(pl.lit(1).alias("id"))
    assert COLUMNS.of(wide, True, "--test").columns == ["size", "colour"]
    assert capsys.readouterr().err == "logitwise: note: --test has 1 column not seen in training, ignored: 'id'.\n"


def test_columns_without_names_of_their_own_are_taken_in_order():
    table = pl.DataFrame({"column_0": [1.5], "column_1": ["red"]})
    assert COLUMNS.of(table, False, "DATA").to_dict(as_series=False) == {"size": [1.5], "colour": ["red"]}
    with pytest.raises(ValueError, match=r"^DATA must have every column of training; got none named 'size', 'colou"):
        COLUMNS.of(table, True, "DATA")
    with pytest.raises(ValueError, match=r"^DATA must have the 2 feature columns of training, .*; got 3 columns\."):
        COLUMNS.of(table.with_columns(pl.lit(1).alias("column_2")), False, "DATA")


def test_columns_that_are_not_used_are_not_needed(capsys):
    columns = Columns(["id", "size", "colour"], 3, "label", ["size", "colour"])
    table = pl.DataFrame({"colour": ["red"], "size": [1.5]})
    for given in (table, table.with_columns(pl.lit(1).alias("id"))):
        assert columns.of(given, True, "DATA").to_dict(as_series=False) == {"size": [1.5], "colour": ["red"]}
    in_order = pl.DataFrame({"column_0": [1], "column_1": [1.5], "column_2": ["red"]})
    assert columns.of(in_order, False, "DATA").to_dict(as_series=False) == {"size": [1.5], "colour": ["red"]}
    assert capsys.readouterr().err == ""


def test_a_file_without_a_header_that_has_more_other_columns_than_half_is_another():
    table = pl.DataFrame({"size": [1.5], "colour": ["red"], "x": [0], "y": [0]})
    assert COLUMNS.of(table, False, "DATA").columns == ["size", "colour"]
    wide = table.with_columns(pl.lit(0).alias("z"))
    assert COLUMNS.of(wide, True, "DATA").columns == ["size", "colour"]
    with pytest.raises(ValueError, match=r"^DATA must have the 2 feature columns of training, .*; got 5 columns\."):
        COLUMNS.of(wide, False, "DATA")


def test_arrays_and_models_without_names_go_by_the_number_of_columns():
    nameless = Columns(None, 6, None)
    images, table = np.zeros((4, 3, 2)), pl.DataFrame({f"c{place}": [0] for place in range(6)})
    assert nameless.of(images, None, "DATA") is images
    assert nameless.of(table, True, "DATA") is table
    for features in (images[:, :2], table.drop("c5")):
        with pytest.raises(ValueError, match=r"^DATA must have 6 features per row, as in training; got [45]\.$"):
            nameless.of(features, True, "DATA")


def test_a_test_file_is_read_as_the_data_are(folder):
    write_csv("train.csv", [(1.5, "b", "x"), (2.5, "d", "y")] * 20, None)
    write_csv("test.csv", [("a", "b", "x"), ("c", "d", "y")], None)
    assert data.read("test.csv").has_header  # alone, its first line is taken for one
    rows, test = read_to_train("train.csv", "-1", "test.csv", ReadOptions())
    assert (len(rows.labels), test.labels.tolist()) == (40, ["x", "y"])
    assert (rows.target_name, test.target_name) == ("column_2", "column_2")


def test_the_name_of_the_training_data_is_noted_but_not_of_other_data(folder, fruit, capsys):
    model = lw.load(fruit / "fruit.safetensors")
    write_csv("fruit.csv", made_rows(5, seed=7))
    write_csv("other.csv", made_rows(5, seed=7))
    for name, noted in (("fruit.csv", True), ("other.csv", False)):
        rows = read_to_measure(name, model, MeasuringOptions())
        assert (len(rows.labels), rows.name) == (5, name)
        assert ("DATA has the name of the training data" in capsys.readouterr().err) == noted


def test_a_source_is_called_by_its_last_name(folder):
    assert [data_name(name) for name in ("a/b.csv", "a/b/", "b", ".")] == ["b.csv", "b", "b", folder.name]


@pytest.mark.parametrize(("count", "shown"), [(2, "0, 1"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more")])
def test_three_labels_are_listed_and_the_others_counted(count, shown):
    assert listed(range(count), LABELS_SHOWN, quoted=True) == shown


def test_numbers_are_matched_with_classes_of_text_and_with_classes_of_numbers():
    assert known_indices(np.array([2, 1, 2]), np.array(["1", "2", "x"], dtype=object)).tolist() == [1, 0, 1]
    assert known_indices(np.array([20, 10]), np.array([10, 20])).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"^y must hold only labels .*; got '3', '4' \(in 3 rows\)\."):
        known_indices(np.array([3, 1, 4, 3]), np.array(["1", "2"], dtype=object))
