"""The page: whole, well formed, alone, small, and made of the evidence."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from logitwise.metrics import calibration_error
from logitwise.report_page import (
    ColumnImportance,
    Evidence,
    Example,
    HeldOutComparison,
    History,
    confidently_wrong,
    render,
)
from report.made_evidence import HOSTILE, hostile_evidence, made_evidence

VOID = {"meta", "img", "br"}


class Outline(HTMLParser):
    """Reads a page, and keeps its tags, headings, anchors and text; refuses one that does not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.links, self.ids, self.text = [], [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


CHAPTERS = [
    "reliability",
    "confusion",
    "classes",
    "training",
    "confidence",
    "threshold",
    "mistakes",
    "columns",
    "origin",
]


def outline(evidence: Evidence) -> Outline:
    return Outline(render(evidence))


def test_has_every_chapter_in_order_and_links_to_each():
    found = outline(made_evidence())
    assert found.ids == ["report", *CHAPTERS]
    assert found.links == ["#report", *(f"#{chapter}" for chapter in CHAPTERS)]
    assert [found.tags.count(tag) for tag in ("main", "nav", "header", "footer", "h1")] == [1] * 5


def test_has_no_script_and_asks_for_nothing():
    page = render(made_evidence(examples=[Example(0, 1, image=np.zeros((2, 2), np.uint8))]))
    found = Outline(page)
    assert "script" not in found.tags
    assert {"link", "iframe", "object", "base"}.isdisjoint(found.tags)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in found.links)
    assert re.findall(r"url\(|@import|https?:", page) == []
    assert "default-src &#x27;none&#x27;" in page


def test_every_picture_has_words_and_its_numbers():
    page = render(made_evidence())
    assert page.count("<svg ") == page.count('role="group" aria-label="') == 4
    assert page.count("<summary>The numbers</summary>") == 4


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"n_classes": 3}, "threshold"),
        ({"history": None}, "training"),
        ({"examples": []}, "mistakes"),
        ({"importance": []}, "columns"),
        ({"command": None, "facts": {}}, "origin"),
        ({"target": np.zeros(400, dtype=int)}, "threshold"),
    ],
)
def test_a_chapter_without_evidence_is_left_out(changes, absent):
    assert outline(made_evidence(**changes)).ids == ["report", *(each for each in CHAPTERS if each != absent)]


def test_hostile_text_stays_text_and_a_thousand_classes_stay_small():
    page = render(hostile_evidence())
    found = Outline(page)
    assert "".join(found.text).count(HOSTILE[:20]) > 50
    assert [found.tags.count(tag) for tag in ("img", "script")] == [0, 0]
    assert len(page.encode("utf-8")) < 1_000_000
    assert "The other 980 classes" in found.text


def test_of_many_classes_the_matrix_shows_those_most_often_taken_for_each_other():
    target = np.repeat(np.arange(100), 3)
    predicted = np.where(target % 10 == 3, 99 - target, target)  # each of ten classes is taken for one other
    probabilities = 0.9 * np.eye(100)[predicted] + 0.001
    evidence = made_evidence(300, 100, target=target, probabilities=probabilities, examples=[], history=None)
    matrix = render(evidence).partition('<table class="confusion')[2].partition("</table>")[0]
    heads = re.findall(r'scope="row">(.*?)</th>', matrix)
    shown = sorted({place for pair in range(3, 100, 10) for place in (pair, 99 - pair)})
    assert [re.sub("<[^>]*>", "", head) for head in heads] == [f"class {place}" for place in shown]
    assert matrix.count(">3</td>") == 20
    assert 'data-told="“class 3” called “class 96”: 3 of 3 rows (100%)"' in matrix
    assert "The 20 classes of the most frequent mistakes: true class down, predicted class across" in matrix


def test_a_class_that_never_occurs_or_is_never_said_is_named():
    target = np.arange(40) % 2
    probabilities = np.tile([0.6, 0.3, 0.1], (40, 1))
    baselines = {"a third each": np.full((40, 3), 1 / 3)}
    text = "".join(outline(Evidence("m", "40 rows", ["a", "b", "c"], target, probabilities, baselines)).text)
    assert "1 class not among these rows, so their recall is unknown: “c”." in text
    assert "1 class never predicted: “b”." in text


def test_before_and_after_calibration_appear_where_both_are_there():
    before = made_evidence(sharpness=3.0).probabilities
    page = render(made_evidence(before_calibration=before))
    assert "before calibration" in page
    assert page.count('class="before"') > 3
    assert "before calibration" not in render(made_evidence())


def test_says_what_calibration_did_on_these_rows():
    evidence = made_evidence(before_calibration=made_evidence(sharpness=3.0).probabilities, calibrated_by="by luck")
    after, before = (calibration_error(evidence.target, each) for each in _both(evidence))
    said = f"Calibration (by luck) took it from {before:.3f} to {after:.3f} on these rows."
    assert said in "".join(outline(evidence).text)


def _both(evidence: Evidence):
    return evidence.probabilities, evidence.before_calibration


def test_answers_by_cost_are_told_and_counted():
    target = np.arange(200) % 2
    said = np.where(target == 1, 0.4, 0.1)
    said[::20] = 0.3  # a tenth of the zeros
    pairs = np.stack([1 - said, said], axis=1)
    costs = np.array([[0.0, 1.0], [3.0, 0.0]])  # a miss costs three alarms: answer 1 from 25% on
    evidence = made_evidence(200, target=target, probabilities=pairs, costs=costs, examples=[], history=None)
    assert evidence.threshold == 0.25
    assert evidence.predicted.tolist() == (said >= 0.25).astype(int).tolist()
    page = render(evidence)
    assert "the answer is the class of lowest expected cost" in page
    assert ">25%</text>" in page
    assert numbers_of(evidence)[1][1].startswith("95.0% ")
    assert confidently_wrong(target, pairs, 3, costs).tolist() == [0, 20, 40]
    assert "lowest expected cost" not in render(made_evidence())


def test_says_what_was_measured():
    text = "".join(outline(made_evidence(notes=["DATA has the name of the training data."])).text)
    for part in (
        "fruit.safetensors",
        "Measured on 400 rows of fruit.csv",
        "DATA has the name of the training data.",
        "The weights of step 20 of 30 were kept, the one with the lowest loss on held-out rows.",
        "logitwise report fruit.safetensors fruit.csv",
        "00ff",
    ):
        assert part in text


def numbers_of(evidence: Evidence) -> list[list[str]]:
    """Return the cells of the table of numbers."""
    table = render(evidence).partition('class="numbers"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    return [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)] for row in rows]


def test_each_number_stands_beside_every_baseline():
    target = np.arange(400) % 2
    said = np.where(target == 1, 0.9, 0.1)
    said[::10] = 1 - said[::10]
    model = np.stack([1 - said, said], axis=1)
    baselines = {"a coin": np.full((400, 2), 0.5), "its twin": model, "an oracle": np.eye(2)[target]}
    evidence = Evidence("m", "400 rows", ["a", "b"], target, model, baselines)
    head, accuracy, loss, brier, calibrated = numbers_of(evidence)
    assert head == ["measure", "this model", "a coin", "its twin", "an oracle"]
    assert accuracy[:2] == ["Accuracyshare of right answers", "90.0% 86.7% to 92.6%"]
    assert accuracy[2].startswith("50.0% better by 3")
    assert accuracy[3] == "90.0% no clear difference: 0 to 0 points"
    assert accuracy[4].startswith("100% worse by 7.")
    assert loss[2].startswith("0.693 better by 0.3")
    assert loss[4].startswith("0.000 worse by 0.2")
    assert brier[2].startswith("0.500 better by 0.2")
    assert calibrated[2:] == ["0.000", "0.000", "0.000"]


def test_a_baseline_without_an_interval_is_compared_all_the_same():
    target = np.array([0, 1])
    baselines = {"a coin": np.full((2, 2), 0.5), "a liar": np.eye(2)[1 - target]}
    table = numbers_of(Evidence("m", "2 rows", ["a", "b"], target, np.array([[0.9, 0.1]] * 2), baselines))
    assert table[2][2].startswith("0.693 worse by 0.511") or "no clear difference" in table[2][2]
    assert table[2][3] == "∞ better by ∞"


def test_a_row_is_named_by_its_place_in_the_file():
    cells = render(made_evidence(examples=[Example(0, 1234, cells=(("size", "1"),))]))
    picture = render(made_evidence(examples=[Example(0, 1234, image=np.zeros((2, 2), np.uint8))]))
    assert "row 1,234</small>" in cells
    assert "row 1,234</small>" in picture


def test_the_point_that_is_farthest_off_is_named():
    target = np.repeat([0, 1], [150, 50])
    evidence = Evidence("m", "200 rows", ["a", "b"], target, np.full((200, 2), 0.5), {"half": np.full((200, 2), 0.5)})
    assert "Farthest off: where it said 50%, 25% happened (200 rows)." in "".join(outline(evidence).text)
    assert "Farthest off" not in render(made_evidence(rows=60))


def test_the_simpler_models_of_training_stand_beside_it():
    measures = {
        "model": {"accuracy": 0.9, "log_loss": 0.3, "brier_score": 0.2, "calibration_error": 0.01},
        "logistic regression": {"accuracy": 0.91, "log_loss": 0.25, "brier_score": 0.19, "calibration_error": 0.02},
    }
    gains = {"logistic regression": (-0.07, -0.03)}
    compared = HeldOutComparison(1234, measures, "Logistic regression beats the network.", gains, "logistic regression")
    text = "|".join(outline(made_evidence(comparison=compared)).text)
    assert "Beside simpler models, on 1,234 rows held out in training" in text
    assert "Log loss|0.300|0.250 |worse by |0.030 to 0.070" in text
    assert "Accuracy|90.0%|91.0% |" in text
    assert "Logistic regression beats the network." in text
    assert "Prefer logistic regression" in text


def test_says_how_the_training_went():
    history = History([10, 20], [0.9, 0.5], [0.8, 0.6], 20, ["Patience has run out.", "Folds: each of 8."])
    text = "".join(outline(made_evidence(history=history)).text)
    assert "Patience has run out.Folds: each of 8." in text


def test_columns_come_most_important_first():
    text = [each.strip() for each in outline(made_evidence()).text]
    assert text.index("0.3500") < text.index("0.1500")


def test_the_same_evidence_gives_the_same_page():
    assert render(made_evidence()) == render(made_evidence())


def test_can_be_written_as_utf8():
    assert len(render(hostile_evidence(n_classes=5)).encode("utf-8")) > 10_000


def test_needs_neither_torch_nor_scikit_learn_nor_matplotlib():
    unwanted = {"torch", "sklearn", "matplotlib", "polars"}
    code = f"import sys, logitwise.report_page; print(sorted({unwanted} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_says_where_calibration_did_harm_and_where_chance_explains_it():
    sure, calibrated = made_evidence(sharpness=3.0).probabilities, made_evidence().probabilities
    harmed = "".join(outline(made_evidence(sharpness=3.0, before_calibration=calibrated)).text)
    assert "on these rows; here it did harm." in harmed
    alike = "".join(outline(made_evidence(before_calibration=calibrated)).text)
    assert "on these rows; chance explains both." in alike
    helped = "".join(outline(made_evidence(before_calibration=sure)).text)
    assert "on these rows." in helped


def test_columns_that_do_harm_are_named():
    columns = [ColumnImportance("size", [0.1, 0.2]), ColumnImportance("<noise>", [-0.02, -0.01])]
    text = "".join(outline(made_evidence(importance=columns)).text)
    assert "Below 0, the model predicts these rows better without it: “<noise>”. Train without it to see." in text
    assert "Below 0" not in render(made_evidence())


def test_the_dates_stand_below_the_title_as_far_as_they_are_known():
    known = {"trained_at": "2026-01-02 03:04 UTC", "made_at": "2026-05-06 07:08 UTC"}
    both = "trained 2026-01-02 03:04 UTC, report of 2026-05-06 07:08 UTC"
    assert f'</h1><p class="dates">{both}</p>' in render(made_evidence(**known))
    assert '<p class="dates">report of 2026-05-06 07:08 UTC</p>' in render(made_evidence(made_at=known["made_at"]))
    assert 'class="dates"' not in render(made_evidence())


def test_an_option_of_the_command_is_not_torn_from_what_it_is_given():
    command = "logitwise report my-fruit.safetensors 'a b-c.csv' -o r.html --target -1 --json --seed 3"
    found = re.findall(r"<code>(.*?)</code>", render(made_evidence(command=command)))[0]
    options = ["-o r.html", "--target", "-1", "--json", "--seed 3"]
    assert re.findall(r"<span>(.*?)</span>", found) == options
    assert unescape(re.sub("<[^>]*>", "", found)) == command


@pytest.mark.parametrize("steps", [3, 50, 51, 4999])
def test_of_many_measurements_some_are_told_and_the_last_always(steps):
    step = list(range(10, 10 * steps + 10, 10))
    page = render(made_evidence(history=History(step, [0.5] * steps, [0.6] * steps, 10)))
    told = re.findall(r'aria-label="step ([\d,]+): ', page)
    assert len(told) <= 50
    assert told[-1] == f"{10 * steps:,}"
    assert len(told) == steps or steps > 50
