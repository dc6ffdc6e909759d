"""What the README and the page of comparison say, seen to be true: of installed versions, and of our measurements."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from benchmarks import comparison
from benchmarks.grid import results
from scipy import special

import logitwise as lw

CONFIDENT = np.array([20.0, 0.0, 0.0], dtype=np.float32)
EXACT = 4.122307236380407e-09  # log(1 + 2 exp(-20))


def test_confident_cross_entropy():
    assert lw.cross_entropy(CONFIDENT, 0) == np.float32(EXACT)
    tensor = torch.from_numpy(CONFIDENT).requires_grad_()
    loss = torch.nn.functional.cross_entropy(tensor, torch.tensor(0))
    assert loss.item() == 0.0
    assert torch.autograd.grad(loss, tensor)[0][0].item() == 0.0


def test_confident_log_softmax():
    assert lw.log_softmax(CONFIDENT)[0] == -np.float32(EXACT)
    assert torch.log_softmax(torch.from_numpy(CONFIDENT), 0)[0].item() == 0.0
    assert special.log_softmax(CONFIDENT)[0] == 0.0


def test_all_masked_row():
    row = np.full(3, -np.inf)
    np.testing.assert_array_equal(lw.softmax(row), np.zeros(3))
    assert torch.softmax(torch.from_numpy(row), 0).isnan().all()
    with np.errstate(invalid="ignore"):
        assert np.isnan(special.softmax(row)).all()


def test_all_rows_ignored():
    logits, target = torch.zeros(2, 3), torch.tensor([-100, -100])
    with pytest.warns(lw.NoRowsWarning):
        assert lw.cross_entropy(logits, target).item() == 0.0
    assert torch.nn.functional.cross_entropy(logits, target).isnan()


def test_int32_class_indices():
    logits, target = torch.zeros(2, 3), torch.tensor([0, 1], dtype=torch.int32)
    assert lw.cross_entropy(logits, target) == torch.tensor(np.log(3.0), dtype=torch.float32)
    with pytest.raises(RuntimeError, match="target dtype to be Long or Byte"):
        torch.nn.functional.cross_entropy(logits, target)


def sentence_for(code: str) -> str:
    logits, target = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 4
    with lw.checks("raise"), pytest.raises((lw.InvalidArgumentError, lw.LogitwiseWarning)) as caught:
        eval(code, {"lw": lw, "np": np, "logits": logits, "target": target})
    return str(caught.value)


def test_the_readme_shows_the_sentences_for_mistakes():
    text = (comparison.FOLDER.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(lw\..*?)` \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) >= 3
    for code, sentence in rows:
        assert sentence == sentence_for(code)


def test_where_the_readme_says_that_others_are_better_the_results_say_so():
    text = " ".join((comparison.FOLDER.parent / "README.md").read_text(encoding="utf-8").split())
    said = text[text.index("## When not to use it") :]
    ranks = next(line for line in comparison.classifiers() if line.startswith("| mean rank")).strip("| ").split(" | ")
    ours, *theirs = ranks[1:]
    number = {6: "six", 7: "seven"}[len(ranks) - 1]
    assert f"its mean rank by log loss among {number} classifiers was {ours}; the next best was {min(theirs)}." in said
    _, _, *rows = comparison.log_loss()
    for row in rows:
        name, *_, ratio = row.strip("| ").split(" | ")
        assert (f"`{name}`" in said) == (float(ratio) > 1.0), name


def test_the_tables_of_the_page_are_those_of_the_committed_measurements():
    page = comparison.PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- measured: ") == page.count(comparison.END) == len(comparison.TABLES)
    assert page == comparison.with_tables(page), "run: python -m benchmarks.comparison"


@pytest.mark.parametrize("name", comparison.TABLES)
def test_a_table_has_a_cell_for_every_column(name):
    header, _, *rows = comparison.TABLES[name]()
    assert rows
    assert {line.count(" | ") for line in rows} == {header.count(" | ")}


def test_other_measurements_change_the_page(monkeypatch):
    page = comparison.PAGE.read_text(encoding="utf-8")
    monkeypatch.setitem(comparison.TABLES, "accuracy", lambda: iter(["| a | b |"]))
    made = comparison.with_tables(page)
    assert "<!-- measured: accuracy -->\n| a | b |\n<!-- end -->\n\nWhat torch accepts" in made
    assert made.partition("<!-- measured: accuracy")[0] == page.partition("<!-- measured: accuracy")[0]


def test_what_the_page_says_in_a_sentence_follows_from_the_tables():
    kept = results.load()
    assert 0.9 < kept.table("nn.CrossEntropyLoss, forward and backward").mean < 1.2  # "about as long in the mean"
    assert 0.9 < kept.table("training step, nn.CrossEntropyLoss").mean < 1.2
    assert kept.table("cross_entropy_and_gradient, beside torch eager").below == 0  # "is faster"
    header, _, *lines = (line.strip("| ").split(" | ") for line in comparison.classifiers())
    rows = {line[0]: dict(zip(header[1:], map(float, line[1:]), strict=True)) for line in lines[:-1]}
    error, seconds = rows["mean calibration error"], rows["median processor seconds"]
    assert min(error, key=error.get) == "logitwise"  # "better calibrated"
    assert max(seconds["LogisticRegression"], seconds["HistGradientBoosting"]) < seconds["logitwise"]  # "train faster"
