"""The tables and texts of the report, each at the size where it changes, and each comparison in both directions."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from logitwise.metrics.intervals import Interval
from logitwise.report_page import (
    ColumnImportance,
    Evidence,
    Example,
    HeldOutComparison,
    History,
    figures,
    sections,
    texts,
)
from logitwise.report_page.findings import (
    CalibrationFinding,
    ClassFinding,
    Measure,
    calibration,
    class_findings,
    measures,
)
from logitwise.report_page.markup import MINUS
from report.drawn import Drawn
from report.made_evidence import made_evidence
from report.ten_rows import EXAMPLES, GAINS, MEASURES, pairs, ten_rows


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


def first_cells(markup: str) -> list[list[str]]:
    """Return the first cell of each row, table by table."""
    tables = re.findall(r"<tbody>(.*?)</tbody>", markup, re.DOTALL)
    return [[text_of(cell) for cell in re.findall(r'scope="row">(.*?)</th>', each)] for each in tables]


def numbers_of(measure: Measure, names: tuple[str, ...] = ("a coin",)) -> list[str]:
    """Return the cells of one measure in the table of numbers."""
    evidence = ten_rows(baselines=dict.fromkeys(names, pairs([0.4] * 10)))
    shown = sections.numbers_table(evidence, [measure], calibration(evidence))
    row = re.findall(r"<tr>(.*?)</tr>", shown)[1]
    return [text_of(cell) for cell in re.findall(r"<td>(.*?)</td>", row)]


@pytest.mark.parametrize(
    ("name", "own", "other", "gain", "shown"),
    [
        ("Accuracy", 0.9, 0.7, (0.15, 0.24), "70.0% better by 15.0 to 24.0 points"),
        ("Accuracy", 0.7, 0.9, (-0.24, -0.15), "90.0% worse by 15.0 to 24.0 points"),
        ("Accuracy", 0.9, 0.7, (0.0, 0.24), "70.0% no clear difference: 0 to +24.0 points"),
        ("Accuracy", 0.7, 0.9, (-0.24, 0.0), f"90.0% no clear difference: {MINUS}24.0 to 0 points"),
        ("Accuracy", 0.9, 0.7, None, "70.0% better by 20.0 points"),
        ("Accuracy", 0.7, 0.9, None, "90.0% no better"),
        ("Accuracy", 0.7, 0.7, None, "70.0% no better"),
        ("Log loss", 0.3, 0.5, (0.15, 0.24), "0.500 better by 0.150 to 0.240"),
        ("Log loss", 0.5, 0.3, (-0.24, -0.15), "0.300 worse by 0.150 to 0.240"),
        ("Log loss", 0.3, 0.5, (-0.01, 0.24), f"0.500 no clear difference: {MINUS}0.010 to +0.240"),
        ("Log loss", 0.3, np.inf, None, "∞ better by ∞"),
        ("Log loss", np.inf, 0.3, None, "0.300 no better"),
        ("Log loss", np.inf, np.inf, None, "∞ "),
        ("Brier score", 0.2, 0.3, (0.05, 0.15), "0.300 better by 0.050 to 0.150"),
        ("Brier score", 0.3, 0.2, (-0.15, -0.05), "0.200 worse by 0.050 to 0.150"),
    ],
)
def test_a_measure_is_compared_in_both_directions(name, own, other, gain, shown):
    gains = (None if gain is None else Interval(*gain),)
    assert numbers_of(Measure(name, own, None, (other,), gains))[1] == shown


def test_each_baseline_has_its_own_gain_and_the_model_its_interval():
    measure = Measure("Log loss", 0.4, Interval(0.35, 0.46), (0.5, 0.31), (Interval(0.08, 0.12), Interval(-0.1, -0.07)))
    assert numbers_of(measure, ("a", "b")) == [
        "0.400 0.350 to 0.460",
        "0.500 better by 0.080 to 0.120",
        "0.310 worse by 0.070 to 0.100",
    ]
    assert numbers_of(replace(measure, interval=None), ("a", "b"))[0] == "0.400"


def test_a_comparison_of_training_without_some_numbers_leaves_them_out():
    measures = {**MEASURES, "logistic regression": {"accuracy": 0.7}}
    named = sections.comparison_table(HeldOutComparison(1, {**measures, "majority class": measures["model"]}, "Even."))
    assert "the class frequencies alone" in named  # as in the table above it
    assert "majority class" not in named
    shown = sections.comparison_table(HeldOutComparison(1, measures, "Even.", {"trees": GAINS["trees"]}))
    rows = [
        [text_of(cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for row in re.findall(r"<tr>(.*?)</tr>", shown)
    ]
    assert "on 1 row held out in training" in shown
    assert [[text_of(cell) for cell in row] for row in rows[1:]] == [
        ["81.0%", "70.0% ", "85.0% "],
        ["0.420", "\N{EN DASH} ", "0.310 worse by 0.050 to 0.170"],
        ["0.270", "\N{EN DASH} ", "0.220 "],
        ["0.034", "\N{EN DASH} ", "0.026 "],
    ]


def many_classes(n_classes: int, length: int = 3) -> Evidence:
    """Return two rows of each class, of which the last has a mistake."""
    target = np.repeat(np.arange(n_classes), 2)
    predicted = target.copy()
    predicted[-1] = 0
    names = [f"{place:0{length}}" for place in range(n_classes)]
    changes = {"target": target, "probabilities": np.eye(n_classes)[predicted], "classes": names, "examples": []}
    return made_evidence(len(target), n_classes, **changes)


@pytest.mark.parametrize(
    ("n_classes", "length", "kind"),
    [
        (5, 3, "few"),
        (6, 3, "many"),
        (6, 4, "upright"),
        (12, 3, "many"),
        (13, 3, "many crowded"),
        (20, 4, "upright crowded"),
        (21, 3, "upright crowded"),
    ],
)
def test_the_confusion_matrix_takes_the_room_it_needs(n_classes, length, kind):
    evidence = many_classes(n_classes, length)
    shown = sections.confusion_table(evidence, class_findings(evidence))
    assert f'<table class="confusion {kind}">' in shown
    heads = [text_of(each) for each in re.findall(r"<span>(.*?)</span></th>", shown)]
    names = [f"{place:0{length}}" for place in range(min(n_classes, 20))]
    if n_classes > 20:
        names = [*names[:19], "020", "all others"]  # the last, of the one mistake, before that of most others
    assert heads == names
    assert first_cells(shown) == [[each for each in names if each != "all others"]]


def test_the_classes_that_are_not_shown_are_summed():
    """Of 30 classes the last 20 are taken for each other in a circle; of the last a row is taken for the first, too."""
    target, classes = np.repeat(np.arange(30), 4), np.arange(30)
    predicted = target.copy()
    predicted[2::4] = np.where(classes < 10, classes, 10 + (classes + 1) % 20)
    predicted[-1] = 0
    evidence = made_evidence(120, 30, target=target, probabilities=np.eye(30)[predicted], examples=[])
    shown = sections.confusion_table(evidence, class_findings(evidence))
    assert first_cells(shown) == [[f"class {place}" for place in range(10, 30)]]
    row = re.findall(r'scope="row"><bdi>class 29</bdi></th>(.*?)</tr>', shown)[0]
    found = [text_of(each) for each in re.findall(r"<td.*?>(.*?)</td>", row)]
    others = 20
    assert {place: cell for place, cell in enumerate(found) if cell != "·"} == {
        19: "2",
        int(predicted[-2]) - 10: "1",
        others: "1",
    }


@pytest.mark.parametrize(("n_classes", "listed"), [(20, [20]), (21, [20, 1]), (1001, [20, 980])])
def test_classes_beyond_the_first_are_opened_on_demand(n_classes, listed):
    evidence = many_classes(n_classes, 4)
    shown = sections.class_table(evidence, class_findings(evidence))
    found = first_cells(shown)
    assert [len(each) for each in found] == listed
    assert found[0][:3] == ["0000", f"{n_classes - 1:04}", "0001"]  # a mistake each, then in order
    if len(listed) > 1:
        assert found[1][0] == "0019"
        assert f"<summary>The other {listed[1]} classes</summary>" in shown


@pytest.mark.parametrize(("n_columns", "listed"), [(20, [20]), (21, [20, 1]), (1001, [20, 980])])
def test_columns_beyond_the_first_are_opened_on_demand(n_columns, listed):
    columns = [ColumnImportance(f"c{place}", [place / 1000, place / 500]) for place in range(n_columns)]
    shown = sections.importance_table(columns)
    found = first_cells(shown)
    assert [len(each) for each in found] == listed
    assert [name for each in found for name in each] == [f"c{place}" for place in range(n_columns)][::-1][:1000]
    assert len(listed) == 1 or f"<summary>The other {listed[1]} columns</summary>" in shown


def test_where_no_column_is_of_use_no_bar_is_drawn():
    shown = sections.importance_table([ColumnImportance("a", [-0.2]), ColumnImportance("b", [-0.1])])
    assert re.findall(r"--share:([\d.]+)", shown) == ["0.000", "0.000"]
    assert first_cells(shown) == [["b", "a"]]


@pytest.mark.parametrize(("cells", "rest"), [(12, ""), (13, "and 1 more column"), (15, "and 3 more columns")])
def test_a_row_shows_its_first_cells(cells, rest):
    example = Example(3, 41, tuple((f"c{place}", str(place * place)) for place in range(cells)))
    shown = sections.examples_list(ten_rows(examples=[example]))
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", shown)
    assert [(text_of(a), text_of(b)) for a, b in found] == [(f"c{place}", str(place**2)) for place in range(12)]
    assert text_of(shown.partition("</dl>")[2]) == rest


def test_an_image_stands_beside_what_was_said_and_what_it_is():
    images = [replace(each, image=np.full((2, 2), 2 * each.number, np.uint8), cells=()) for each in EXAMPLES]
    shown = sections.examples_list(ten_rows(examples=images))
    assert shown.startswith('<ol class="images">')
    items = re.findall(r"<li>(.*?)</li>", shown)
    assert [text_of(each) for each in items] == [
        "said ripe 93.0%is raw row 41",
        "said ripe 76.0%is raw row 97",
        "said raw 66.0%is ripe row 53",
    ]
    assert re.findall(r'alt="(.*?)"', shown) == ["row 41", "row 97", "row 53"]
    assert len(set(re.findall(r'src="(.*?)"', shown))) == 3
    assert sections.examples_list(ten_rows()).startswith('<ol class="rows">')


def test_the_origin_has_a_command_or_facts_or_both():
    assert sections.repeat_list(ten_rows(command=None)).startswith(
        '<dl class="facts"><div><dt>SHA-256 of fruit.csv</dt>'
    )
    assert "<dl" not in sections.repeat_list(ten_rows(facts={}))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.30, 0.20, ""),
        (0.20, 0.30, "; here it did harm"),
        (0.1, 0.11, "; here it did harm"),
        (0.099, 0.1, "; chance explains both"),
        (0.1, 0.099, "; chance explains both"),
        (0.2, 0.2, ""),
    ],
)
def test_what_calibration_did_is_worth(before, after, said, monkeypatch):
    monkeypatch.setattr(texts, "calibration_error", lambda target, probabilities: before)
    evidence = ten_rows(calibrated_by="")
    found = text_of(texts.reliability(evidence, CalibrationFinding(after, Interval(0.05, 0.1), 0.0)))
    assert f"Calibration took it from {before:.3f} to {after:.3f} on these rows{said}." in found


@pytest.mark.parametrize(
    ("near", "far", "rate", "said"),
    [(0.35, 0.85, 1, "it said 85%, 25% happened"), (0.65, 0.15, 3, "it said 15%, 75% happened")],
)
def test_the_farthest_point_is_named_whether_too_sure_or_not_sure_enough(near, far, rate, said):
    stated = np.repeat([near, far], [400, 200])
    target = (np.arange(600) % 4 < rate).astype(int)  # both come true in as many of four rows
    evidence = made_evidence(600, target=target, probabilities=pairs(stated), examples=[])
    assert f"Farthest off: where {said} (200 rows)." in text_of(texts.reliability(evidence, calibration(evidence)))


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, " and 1 more")])
def test_five_names_are_given_and_the_others_counted(count, more):
    names = [f"c{place}" for place in range(count)]
    listed = ", ".join(f"“{name}”" for name in names[:5]) + more
    harmful = [ColumnImportance(name, [-0.2, -0.1]) for name in names]
    kept = [ColumnImportance("kept", [-0.2, 0.0]), ColumnImportance("good", [0.1])]
    said = f"Below 0, the model predicts these rows better without it: {listed}. Train without it to see."
    assert said in text_of(texts.importance([*kept, *harmful]))
    assert "Below 0" not in texts.importance(kept)
    evidence = made_evidence(40, count + 1, classes=[*names, "z"])
    absent = [ClassFinding(place, 0, 3, 0) for place in range(count)]
    unsaid = [ClassFinding(place, 3, 0, 0) for place in range(count)]
    other = ClassFinding(count, 1, 1, 0)
    found = text_of(texts.classes(evidence, [*absent, other]))
    assert found.endswith(f"95% intervals.{count} classes not among these rows, so their recall is unknown: {listed}.")
    assert text_of(texts.classes(evidence, [*unsaid, other])).endswith(
        f"95% intervals.{count} classes never predicted: {listed}."
    )
    assert text_of(texts.classes(evidence, [other])).endswith("95% intervals.")


def test_five_mistakes_are_named():
    target, predicted = np.repeat(np.arange(7), np.arange(7)), np.full(21, 0)
    evidence = made_evidence(21, 7, target=target, probabilities=np.eye(7)[predicted], examples=[])
    found = [text_of(each) for each in re.findall(r"<li>(.*?)</li>", texts.confusion(evidence))]
    assert found == [f"“class {place}” taken for “class 0”: {place} rows" for place in (6, 5, 4, 3, 2)]
    right = made_evidence(21, 7, target=target, probabilities=np.eye(7)[target], examples=[])
    assert text_of(texts.confusion(right)) == "No row is predicted wrong."


def test_answers_that_are_wrong_and_sure_are_counted_from_90_percent_on():
    stated = np.array([0.9, 0.95, 0.89, 0.08, 0.99])
    target = np.array([0, 0, 0, 1, 1])  # the last is right
    evidence = made_evidence(5, target=target, probabilities=pairs(stated), examples=[])
    assert text_of(texts.confidence(evidence)).endswith("3 wrong answers with a confidence of 90% or more.")


def test_a_long_name_is_cut_where_there_is_little_room():
    evidence = ten_rows(classes=["raw", "r" * 70])
    seen = Drawn(svg(figures.reliability_figure(evidence, calibration(evidence))))
    assert seen.x_label == f"said: probability of “{'r' * 70}"[:60]
    for length, shown in ((18, "r" * 18), (19, "r" * 17 + "…")):
        named = ten_rows(classes=["raw", "r" * length])
        assert f">{shown}</bdi></span>" in sections.confusion_table(named, class_findings(named))
    kept, cut = ("c" * 24, "v" * 40), ("c" * 23 + "…", "v" * 39 + "…")
    shown = sections.examples_list(ten_rows(examples=[Example(3, 1, (kept, ("c" * 25, "v" * 41)))]))
    assert re.findall(r"<bdi[^>]*>([cv…]+)</bdi>", shown) == [*kept, *cut]
    columns = [ColumnImportance("c" * 40, [2.0]), ColumnImportance("c" * 41, [1.0])]
    assert first_cells(sections.importance_table(columns)) == [["c" * 40, "c" * 39 + "…"]]


def test_a_share_of_nothing_is_unknown():
    evidence = made_evidence(4, 3, target=np.array([0, 0, 1, 1]), probabilities=np.eye(3)[[0, 2, 2, 0]], examples=[])
    shown = sections.class_table(evidence, class_findings(evidence))
    cells = {text_of(row[0]): [text_of(cell) for cell in row[1:]] for row in table_rows(shown)}
    assert (cells["class 2"][1], cells["class 1"][2]) == ("\N{EN DASH}", "\N{EN DASH}")
    assert cells["class 1"][1].startswith("0% 0% to 66%")


def table_rows(markup: str) -> list[list[str]]:
    return [re.findall(r"<t[hd]\b.*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", markup)][1:]


def test_more_than_two_classes_are_told_by_their_confidence():
    evidence = made_evidence(200, 3)
    assert "Rows are grouped by the confidence the model states" in text_of(
        texts.reliability(evidence, calibration(evidence))
    )
    assert Drawn(svg(figures.reliability_figure(evidence, calibration(evidence)))).x_label == "said: confidence"


def svg(figure: str) -> str:
    return re.findall(r"<svg .*?</svg>", figure, re.DOTALL)[0]


def test_a_long_training_is_listed_up_to_200_steps_and_drawn_whole():
    steps = list(range(10, 2020, 10))
    train_loss = [1.0 - step / 4000 for step in steps]
    history = History(steps, train_loss, [each + 0.1 for each in train_loss], 2010)
    figure = figures.loss_figure(history)
    assert [len(first_cells(figure)[0]), first_cells(figure)[0][-1]] == [200, "2000"]
    seen = Drawn(svg(figure))
    ticks = {str(step): step for step in range(0, 2001, 500)}
    seen.scaled(ticks, {text: float(text) for text in seen.y_ticks})
    assert len(seen.lines("second")[0]) == 201
    np.testing.assert_allclose(seen.lines("second")[0][-1], (2010, train_loss[-1]), atol=0.8)


@pytest.mark.parametrize(("last", "labels"), [(1, ["0", "1"]), (3, ["0", "1", "2", "3"]), (7, ["0", "2", "4", "6"])])
def test_steps_are_labelled_by_whole_numbers(last, labels):
    history = History(list(range(1, last + 1)), [0.5] * last, [0.6] * last, last)
    assert list(Drawn(svg(figures.loss_figure(history))).x_ticks) == labels


@pytest.mark.parametrize(
    ("n_classes", "labels"),
    [
        (2, "50% 60% 70% 80% 90% 100%"),
        (3, "40% 60% 80% 100%"),
        (7, "20% 40% 60% 80% 100%"),
        (21, "0% 20% 40% 60% 80% 100%"),
    ],
)
def test_confidence_is_labelled_every_tenth_or_every_fifth(n_classes, labels):
    assert list(Drawn(svg(figures.confidence_figure(made_evidence(400, n_classes)))).x_ticks) == labels.split()


@pytest.mark.parametrize(("alike", "highest"), [(3, "30%"), (4, "40%")])
def test_the_scale_ends_at_the_tenth_that_holds_the_highest_bar(alike, highest):
    sure = np.array([0.71] * alike + [0.52, 0.57, 0.62, 0.67, 0.77, 0.82, 0.87][: 10 - alike])
    evidence = made_evidence(10, target=np.ones(10, int), probabilities=pairs(sure), examples=[])
    assert list(Drawn(svg(figures.confidence_figure(evidence))).y_ticks) == ["10%", "0", highest]


def test_where_every_answer_is_right_the_label_says_nothing_of_wrong_ones():
    target = np.arange(40) % 2
    evidence = made_evidence(
        40, target=target, probabilities=np.where(target[:, None] == [0, 1], 0.9, 0.1), examples=[]
    )
    assert Drawn(svg(figures.confidence_figure(evidence))).label == "Confidence: at the median 90.0% when right."
    wrong = replace(evidence, target=1 - target)
    assert Drawn(svg(figures.confidence_figure(wrong))).label == "Confidence: at the median 90.0% when wrong."


def test_the_measures_of_a_report_are_those_of_the_model_not_of_a_baseline():
    accuracy, loss, _ = measures(ten_rows())
    assert (accuracy.value, accuracy.baselines) == (0.7, (0.3, 0.8))
    assert loss.baselines[0] == pytest.approx(-(3 * np.log(0.62) + 7 * np.log(0.38)) / 10)
