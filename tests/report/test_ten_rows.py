"""A report of ten rows made by hand: every number on the page, and every shape of its drawings, worked out again."""

from __future__ import annotations

import math
import re
from html import unescape

import numpy as np
import pytest
from scipy.stats import binomtest

from logitwise.report_page import History, render
from report.drawn import drawings
from report.ten_rows import BEFORE, FREQUENCY, HISTORY, RIVAL, STATED, TARGET, ten_rows

MINUS, NONE = "\N{MINUS SIGN}", "\N{EN DASH}"
SIDES = {"0": 0.0, "25%": 0.25, "50%": 0.5, "75%": 0.75, "100%": 1.0}
# Of the bins of the stated probability, from 0 to 0.1 and so on: rows, mean stated, share of class 1.
BINS = [
    ([0.04, 0.08], 0.06, 0 / 2),
    ([0.11], 0.11, 0 / 1),
    ([0.32, 0.34, 0.36], 0.34, 1 / 3),
    ([0.72, 0.76], 0.74, 1 / 2),
    ([0.93, 0.97], 0.95, 1 / 2),
]
BINS_BEFORE = [
    ([0.02, 0.03, 0.06], 0.11 / 3, 0 / 3),
    ([0.21, 0.26, 0.27], 0.74 / 3, 1 / 3),
    ([0.83, 0.87], 0.85, 1 / 2),
    ([0.98, 0.99], 0.985, 1 / 2),
]


@pytest.fixture(scope="module")
def page() -> str:
    return render(ten_rows())


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def table(page: str, caption: str) -> list[list[str]]:
    """Return the cells of the one table whose caption starts like this."""
    [found] = re.findall(rf"<caption>{re.escape(caption)}.*?</table>", page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", found)
    return [[text_of(cell) for cell in re.findall(r"<t[hd]\b.*?>(.*?)</t[hd]>", row)] for row in rows]


def section(page: str, anchor: str) -> str:
    [found] = re.findall(rf'<section aria-labelledby="{anchor}">.*?</section>', page, re.DOTALL)
    return found


def paragraphs(page: str, anchor: str) -> list[str]:
    """Return the sentences beside a figure, without its term."""
    words = section(page, anchor).partition('class="words"')[2].partition('class="shown"')[0]
    return [text_of(each) for each in re.findall(r"<p>(.*?)</p>", words)]


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{0 if value in (0, 1) else digits}f}%"


def signed(value: float, digits: int = 3) -> str:
    return f"{'+' if value > 0 else MINUS}{abs(value):.{digits}f}" if value else "0"


def wilson(hits: float, rows: int) -> tuple[float, float]:
    """Return where |share - p| = z sqrt(p (1 - p) / rows), solved for p as a quadratic equation."""
    z2 = 1.959964**2
    ends = np.roots([rows + z2, -(2 * hits + z2), hits**2 / rows]).real
    return max(0.0, ends.min()), min(1.0, ends.max())


def losses(stated: list[float]) -> list[float]:
    return [-math.log(p if y else 1 - p) for p, y in zip(stated, TARGET, strict=True)]


def squares(stated: list[float]) -> list[float]:
    return [2 * (y - p) ** 2 for p, y in zip(stated, TARGET, strict=True)]


def hits(stated: list[float]) -> list[float]:
    return [float((p > 0.5) == y) for p, y in zip(stated, TARGET, strict=True)]


def resampled(values: list[float]) -> tuple[float, float]:
    """Return the middle 95% of the means of 1000 resamples."""
    generator = np.random.default_rng(0)
    means = [np.mean(np.array(values)[generator.integers(0, 10, 10)]) for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def gain(better: list[float], worse: list[float]) -> str:
    low, high = resampled([b - a for a, b in zip(better, worse, strict=True)])
    return f"no clear difference: {signed(low)} to {signed(high)}"


def calibration_error(stated: list[float]) -> float:
    sums = dict.fromkeys(range(15), 0.0)
    for p, hit in zip(stated, hits(stated), strict=True):
        confidence = max(p, 1 - p)
        sums[math.ceil(15 * confidence) - 1] += hit - confidence
    return sum(map(abs, sums.values())) / 10


def joint(hits: float, rows: int, bins: int) -> tuple[float, float]:
    """Return the exact interval of a share that holds for some bins together with a probability of 95%."""
    peer = binomtest(round(hits), rows).proportion_ci(1 - 0.05 / bins, method="exact")
    return peer.low, peer.high


def by_chance() -> tuple[float, float]:
    """Return the middle 95% of the calibration errors of 250 draws of right and wrong at the confidence of each row."""
    confidence, generator = [max(p, 1 - p) for p in STATED], np.random.default_rng(0)
    errors = []
    for _ in range(250):
        sums = dict.fromkeys(range(15), 0.0)
        for each, drawn in zip(confidence, generator.random(10), strict=True):
            sums[math.ceil(15 * each) - 1] += (drawn < each) - each
        errors.append(sum(map(abs, sums.values())) / 10)
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(low), float(high)


def test_each_chapter_has_its_term_its_question_and_a_link(page):
    chapters = {
        "Reliability": "Does it mean what it says?",
        "Confusion": "Which classes does it confuse?",
        "Classes": "How good is it on each class?",
        "Training": "Did training go well?",
        "Confidence": "Is it sure when it is right, and unsure when it is wrong?",
        "Threshold": "Where should the threshold be?",
        "Mistakes": "Where is it most confidently wrong?",
        "Columns": "Which columns does it rely on?",
        "Origin": "How can this be repeated?",
    }
    found = re.findall(r'<p class="term">(\w+)</p><h2 id="(\w+)" tabindex="-1">(.*?)</h2>', page)
    assert found == [(term, term.lower(), question) for term, question in chapters.items()]
    nav = re.search(r'<nav aria-label="Sections">(.*?)</nav>', page)[1]
    assert re.findall(r'<a href="#(\w+)">(\w+)</a>', nav) == [(term.lower(), term) for term in chapters]
    policy = "default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page


@pytest.mark.parametrize("left", [{"command": None}, {"facts": {}}])
def test_the_origin_is_told_where_any_of_it_is_known(left):
    assert 'id="origin"' in render(ten_rows(**left))


def test_the_opening_says_what_was_measured_on(page):
    [verdict] = re.findall(r'<p class="verdict (\w+)">(.*?)</p>', page)
    sentence = "Too few rows to tell: 10 rows cannot show how good it is; measure it on 30 or more."
    assert (verdict[0], text_of(verdict[1])) == ("no", sentence)
    assert re.findall(r'</p><p class="note">(.*?)</p>', page)[0] == "Mind the gap."
    assert "<title>fruit: can it be trusted?</title>" in page
    assert '<h1><bdi>fruit</bdi></h1><p class="verdict' in page


def test_the_measures_and_what_the_model_gains_on_each_baseline(page):
    head, accuracy, loss, brier, calibrated = table(page, "Measured on 10 rows of fruit.csv; small print: 95% interval")
    assert head == ["measure", "this model", "the class frequencies alone", "logistic regression"]
    frequencies = [FREQUENCY] * 10
    low, high = wilson(7, 10)
    gains = [
        [own - other for own, other in zip(hits(STATED), hits(others), strict=True)] for others in (frequencies, RIVAL)
    ]
    points = [[signed(100 * end, 1) for end in resampled(each)] for each in gains]
    assert accuracy == [
        "Accuracyshare of right answers",
        f"70.0% {percent(low)} to {percent(high)}",
        f"30.0% no clear difference: {points[0][0]} to {points[0][1]} points",
        f"80.0% no clear difference: {points[1][0]} to {points[1][1]} points",
    ]
    for cells, measure in ((loss, losses), (brier, squares)):
        values = [measure(stated) for stated in (STATED, frequencies, RIVAL)]
        assert cells[1:] == [
            f"{np.mean(values[0]):.3f} {resampled(values[0])[0]:.3f} to {resampled(values[0])[1]:.3f}",
            f"{np.mean(values[1]):.3f} {gain(values[0], values[1])}",
            f"{np.mean(values[2]):.3f} {gain(values[0], values[2])}",
        ]
    assert [cells[0].partition(";")[0] for cells in (loss, brier)] == [
        "Log lossminus the log of the probability given to the truth",
        "Brier scoresquared error of the probabilities, 0 to 2",
    ]
    assert calibrated[1:] == [
        "{:.3f} {:.3f} to {:.3f} by chance".format(calibration_error(STATED), *by_chance()),
        f"{calibration_error(frequencies):.3f}",
        f"{calibration_error(RIVAL):.3f}",
    ]


def test_the_simpler_models_of_training(page):
    assert table(page, "Beside simpler models, on 321 rows held out in training; small print: 95% intervals") == [
        ["measure", "this model", "logistic regression", "trees"],
        ["Accuracy", "81.0%", "74.0%", "85.0%"],
        ["Log loss", "0.420", "0.550 better by 0.060 to 0.190", "0.310 worse by 0.050 to 0.170"],
        ["Brier score", "0.270", "0.360", "0.220"],
        ["Calibration error", "0.034", "0.051", "0.026"],
    ]
    assert '<p class="after">Trees are better.</p>' in page


def test_the_words_of_reliability(page):
    reading, error, before = paragraphs(page, "reliability")
    assert reading.startswith("Rows are grouped by the probability of “ripe” the model states; each point compares it ")
    low, high = by_chance()
    assert error == (
        f"The calibration error is {calibration_error(STATED):.3f}; chance alone makes it {low:.3f} to {high:.3f} in a "
        "perfectly calibrated model."
    )
    errors = [f"{calibration_error(stated):.3f}" for stated in (BEFORE, STATED)]
    assert before == (
        f"Calibration (by luck) took it from {errors[0]} to {errors[1]} on these rows; chance explains both."
    )


def test_the_reliability_diagram(page):
    seen = drawings(page)[0].scaled(SIDES, SIDES)
    assert (seen.x_label, seen.y_label) == ("said: probability of “ripe”", "happened")
    error = f"{calibration_error(STATED):.3f}"
    assert seen.label == (
        f"Reliability diagram: 0 of 5 bins away from the diagonal beyond chance; calibration error {error}."
    )
    points = [(said, happened) for _, said, happened in BINS]
    assert_near(
        seen.dots("dot"), points
    )  # also where 0.95 was said, and one of two happened: by chance one time in ten
    assert_near(seen.dots("before"), [(said, happened) for _, said, happened in BINS_BEFORE])
    assert_near(seen.lines("ideal")[0], [(0, 0), (1, 1)])
    ranges = [(said, *joint(happened * len(rows), len(rows), 5)) for rows, said, happened in BINS]
    assert_near(seen.whiskers("whisker"), ranges)
    (low, high), said = map(percent, ranges[0][1:]), percent(BINS[0][1])
    assert seen.told()[0] == f"0 to 10%: 2 rows, on average {said} said; 0% happened (interval {low} to {high})"
    bars = [(said - 0.02, said + 0.02, 0, 0.14 * len(rows) / 3) for rows, said, _ in BINS]
    assert_near(seen.bars("count"), bars)
    assert key(page, "reliability") == [
        ("dot", "as often as said, within chance"),
        ("before", "before calibration"),
        ("ideal", "ideal"),
    ]


def test_the_numbers_of_reliability(page):
    for caption, bins in (("Said and happened<", BINS), ("Said and happened before calibration<", BINS_BEFORE)):
        expected = [
            [
                percent(said),
                percent(happened),
                " to ".join(map(percent, joint(happened * len(rows), len(rows), len(bins)))),
                str(len(rows)),
            ]
            for rows, said, happened in bins
        ]
        [found] = [each for each in re.findall(r"<table>.*?</table>", page, re.DOTALL) if f"<caption>{caption}" in each]
        assert table(found, "Said") == [["said", "happened", "joint 95% interval", "rows"], *expected]


def test_the_confusion_matrix_and_the_most_frequent_mistakes(page):
    assert table(page, "True class down, predicted class across") == [
        ["", "raw", "ripe"],
        ["raw", "5", "2"],
        ["ripe", "1", "2"],
    ]
    cells = re.findall(r'<td class="(\w+)" style="--share:([\d.]+)".*?>(\d)</td>', section(page, "confusion"))
    assert cells == [
        ("right", "0.714", "5"),  # of 7
        ("wrong", "0.286", "2"),
        ("wrong", "0.333", "1"),  # of 3
        ("right", "0.667", "2"),
    ]
    told = re.findall(r'data-told="(.*?)"', section(page, "confusion"))
    assert told[:2] == ["“raw” called “raw”: 5 of 7 rows (71.4%)", "“raw” called “ripe”: 2 of 7 rows (28.6%)"]
    found = re.findall(r"<li>(.*?)</li>", section(page, "confusion"))
    assert [text_of(each) for each in found] == ["“raw” taken for “ripe”: 2 rows", "“ripe” taken for “raw”: 1 row"]


def test_recall_and_precision_of_each_class(page):
    def shown(count: int, of: int) -> str:
        low, high = wilson(count, of)
        return f"{percent(count / of)} {percent(low, 0)} to {percent(high, 0)}"

    assert table(page, "Classes, the most mistakes first") == [
        ["class", "rows", "recall: found", "precision: right when said"],
        ["raw", "7", shown(5, 7), shown(5, 6)],
        ["ripe", "3", shown(2, 3), shown(2, 4)],
    ]
    levels = re.findall(r'class="level" style="--share:([\d.]+)"', section(page, "classes"))
    assert levels == [f"{each:.3f}" for each in (5 / 7, 5 / 6, 2 / 3, 2 / 4)]


def test_the_words_of_training(page):
    assert paragraphs(page, "training")[1:] == [
        "The weights of step 15 of 20 were kept, the one with the lowest loss on held-out rows.",
        "Patience has run out.",
    ]


def test_the_losses_of_training(page):
    seen = drawings(page)[1].scaled(
        {"0": 0, "5": 5, "10": 10, "15": 15, "20": 20},
        {"0.2": 0.2, "0.4": 0.4, "0.6": 0.6, "0.8": 0.8, "1": 1.0, "1.2": 1.2},
    )
    assert (seen.x_label, seen.y_label) == ("step", "log loss (nats)")
    assert seen.label == (
        "Loss by step: training loss from 0.910 to 0.370; the loss on held-out rows that was kept, 0.560, at step 15."
    )
    by_label = {label: class_ for class_, label in key(page, "training")}
    assert by_label == {"training": "second", "held out": "first", "kept: step 15": "mark"}
    steps = HISTORY.step
    assert_near(seen.lines(by_label["training"])[0], list(zip(steps, HISTORY.train_loss, strict=True)), 0.006)
    assert_near(seen.lines(by_label["held out"])[0], list(zip(steps, HISTORY.validation_loss, strict=True)), 0.006)
    assert_near(seen.dots("dot"), [(15, 0.56)])
    assert_near(seen.whiskers("mark"), [(15, 0.2, 1.2)])
    assert [seen.told()[0], len(seen.told())] == ["step 5: log loss 0.9100 in training, 1.1300 held out", 4]
    assert table(page, "Log loss by step") == [
        ["step", "training", "held out"],
        ["5", "0.9100", "1.1300"],
        ["10", "0.5200", "0.6100"],
        ["15", "0.4300", "0.5600"],
        ["20", "0.3700", "0.6400"],
    ]


def test_the_losses_of_training_where_nothing_was_held_out():
    page = render(ten_rows(history=History([5, 10, 20], [0.91, 0.52, 0.37], [], 20)))
    assert paragraphs(page, "training")[1:] == [
        "The weights of step 20 of 20 were kept, the last one: no rows were held out."
    ]
    seen = drawings(page)[1]
    assert seen.label == "Loss by step: training loss from 0.910 to 0.370."
    seen.scaled(
        {"0": 0, "5": 5, "10": 10, "15": 15, "20": 20}, {"0.2": 0.2, "0.4": 0.4, "0.6": 0.6, "0.8": 0.8, "1": 1.0}
    )
    assert_near(seen.dots("dot"), [(20, 0.37)])
    assert seen.told()[2] == "step 20: log loss 0.3700 in training"
    assert key(page, "training") == [("second", "training"), ("mark", "kept: step 20")]
    assert table(page, "Log loss by step")[1:] == [
        ["5", "0.9100", NONE],
        ["10", "0.5200", NONE],
        ["20", "0.3700", NONE],
    ]


# Of each bin of confidence, from 0.5 on: how many of the 7 right answers, how many of the 3 wrong ones.
CONFIDENT = [(0, 0), (0, 0), (1, 0), (1, 1), (1, 0), (0, 1), (0, 0), (1, 0), (1, 1), (2, 0)]


def test_the_confidence_of_right_and_of_wrong_answers(page):
    seen = drawings(page)[2].scaled(
        {"50%": 0.5, "60%": 0.6, "70%": 0.7, "80%": 0.8, "90%": 0.9, "100%": 1.0}, {"40%": -0.4, "0": 0.0, "30%": 0.3}
    )
    assert (seen.x_label, seen.y_label) == ("confidence", "share of the right and of the wrong answers")
    assert seen.label == "Confidence: at the median 89.0% when right and 76.0% when wrong."
    edges = [(0.5 + place / 20, 0.55 + place / 20) for place in range(10)]
    upward = [(*span, 0.0, right / 7) for span, (right, _) in zip(edges, CONFIDENT, strict=True)]
    downward = [(*span, -wrong / 3, 0.0) for span, (_, wrong) in zip(edges, CONFIDENT, strict=True)]
    assert_near(seen.bars("right"), upward)
    assert_near(seen.bars("wrong"), downward)
    assert_near(seen.whiskers("base"), [(0.5, -0.4, 0.3)])
    told = "65 to 70% sure: 14.3% of the right answers (1 row); and 33.3% of the wrong ones (1 row)"
    assert [seen.told()[3], len(seen.told())] == [told, 10]
    assert key(page, "confidence") == [("right", "right: 7 rows"), ("wrong", "wrong: 3 rows")]
    spans = [f"{50 + 5 * place} to {55 + 5 * place}%" for place in range(10)]
    shares = [[percent(right / 7), percent(wrong / 3)] for right, wrong in CONFIDENT]
    expected = [[span, *both] for span, both in zip(spans, shares, strict=True)]
    assert table(page, "Share of the answers") == [["confidence", "right", "wrong"], *expected]
    assert paragraphs(page, "confidence")[1:] == ["1 wrong answer with a confidence of 90% or more."]


def at_threshold(threshold: float) -> tuple[int, int, int]:
    """Return how many rows are flagged, how many of them rightly, and how many are missed."""
    flagged = [y for p, y in zip(STATED, TARGET, strict=True) if p >= threshold]
    return len(flagged), sum(flagged), sum(TARGET) - sum(flagged)


def test_precision_and_recall_by_threshold(page):
    seen = drawings(page)[3].scaled(SIDES, SIDES)
    assert (seen.x_label, seen.y_label) == ("threshold", "precision, recall")
    assert seen.label == "Precision and recall by threshold; at 50% precision is 50.0% and recall 66.7%."
    by_label = {label: class_ for class_, label in key(page, "threshold")}
    assert by_label == {"precision": "first", "recall": "second", "current threshold": "mark"}
    found = [(place / 100, *at_threshold(place / 100)) for place in range(101)]
    precision = [(each, right / flagged) for each, flagged, right, _ in found if flagged]
    assert_near(seen.lines("first")[0], precision)
    assert_near(seen.lines("second")[0], [(each, right / 3) for each, _, right, _ in found])
    assert len(precision) == 98  # up to 97%, the highest stated
    assert_near(seen.whiskers("mark"), [(0.5, 0, 1)])
    assert [seen.notes()[0][0], *np.round(seen.notes()[0][1:], 3)] == ["50%", 0.51, 0.03]
    flagged, right, missed = at_threshold(0.4)
    told = f"from 40%: precision {percent(right / flagged)}, recall {percent(right / 3)}; "
    assert seen.told()[8] == f"{told}{flagged} flagged, {flagged - right} false alarms, {missed} missed"
    rows = [(place, *at_threshold(place / 100)) for place in range(5, 100, 5)]
    expected = [
        [f"{each}%", percent(right / flagged), percent(right / 3), str(flagged), str(flagged - right), str(missed)]
        for each, flagged, right, missed in rows
    ]
    head = ["threshold", "precision", "recall", "flagged", "false alarms", "missed"]
    assert table(page, "What each threshold does") == [head, *expected]
    # From 33% on 6 rows are flagged, 3 of them rightly and none missed: F1 is 2 / (6 / 3 + 3 / 3).
    assert paragraphs(page, "threshold") == [
        "With a lower threshold for “ripe”, more of that class is found, at the price of more false alarms.",
        "Precision and recall balance best (F1 0.667) from 33% on; choose a threshold on rows other than those you "
        "report.",
        f"Over all thresholds: area under the ROC curve {(4 + 5 + 7) / 21:.3f}.",  # zeros below each one, of pairs
    ]


def test_the_threshold_that_costs_set_is_marked():
    # Answer 1 where (1 - p) (3 - 0.5) < p (4 - 1.5), not counted from 0: from 2.5 / (2.5 + 2.5) on; then from 1 / 5 on.
    assert ten_rows(costs=np.array([[0.5, 3.0], [4.0, 1.5]])).threshold == 0.5
    page = render(ten_rows(costs=np.array([[0.5, 1.5], [4.25, 0.25]])))
    seen = drawings(page)[3].scaled(SIDES, SIDES)
    assert seen.label == "Precision and recall by threshold; at 20% precision is 42.9% and recall 100%."
    assert_near(seen.whiskers("mark"), [(0.2, 0, 1)])
    assert [seen.notes()[0][0], round(seen.notes()[0][1], 3)] == ["20%", 0.21]
    assert table(page, "True class down")[1:] == [["raw", "3", "4"], ["ripe", "·", "3"]]
    costs, note = re.findall(r'<p class="note">(.*?)</p>', page)[:2]
    assert costs.startswith("Its answers weigh some mistakes more than others, as training was told to: the answer is ")
    assert note == "Mind the gap."


def test_the_rows_that_are_confidently_wrong(page):
    items = re.findall(r"<li><p>(.*?)</p><dl>(.*?)</dl>", section(page, "mistakes"))
    assert [text_of(head) for head, _ in items] == [
        "said ripe (93.0%), is raw row 41",
        "said ripe (76.0%), is raw row 97",
        "said raw (66.0%), is ripe row 53",
    ]
    cells = [[text_of(each) for each in re.findall(r"<d[td]>(.*?)</d[td]>", cells)] for _, cells in items]
    assert cells == [
        ["size", "1.5", "colour", "red"],
        ["size", "7.25", "colour", "blue"],
        ["size", "0.5", "colour", "green"],
    ]
    assert paragraphs(page, "mistakes")[0] == "The 3 with the highest confidence, of 3 wrong answers."
    fewer = render(ten_rows(examples=ten_rows().examples[:2]))
    assert paragraphs(fewer, "mistakes")[0] == "The 2 with the highest confidence, of 3 wrong answers."


def test_what_each_column_is_worth(page):
    assert table(page, "Columns, the most important first") == [
        ["column", "rise of the log loss (nats)"],
        ["size", "0.2200 0.1600 to 0.3000"],
        ["colour", "0.0500 0.0100 to 0.1000"],
        ["noise", f"{MINUS}0.0300 {MINUS}0.0500 to {MINUS}0.0100"],
    ]
    levels = re.findall(r'class="level" style="--share:([\d.]+)"', section(page, "columns"))
    assert levels == ["1.000", f"{5 / 22:.3f}", "0.000"]
    said = "Below 0, the model predicts these rows better without it: “noise”. Train without it to see."
    assert paragraphs(page, "columns")[1:] == [said]


def test_how_to_repeat_it(page):
    origin = section(page, "origin")
    assert "<code>logitwise report fruit.safetensors fruit.csv</code>" in origin
    facts = [text_of(each) for each in re.findall(r"<d[td]>(.*?)</d[td]>", origin)]
    assert facts == ["SHA-256 of fruit.csv", "00ff", "versions", "logitwise 9"]


def key(page: str, anchor: str) -> list[tuple[str, str]]:
    """Return the key of a figure: the class of each sample, and what it stands for."""
    return re.findall(r'<li><span class="sample ([\w ]+)"></span>(.*?)</li>', section(page, anchor))


def assert_near(found: list, expected: list, tolerance: float = 4e-4) -> None:
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
