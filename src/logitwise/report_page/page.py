"""The page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from logitwise.report_page import figures, sections, texts
from logitwise.report_page.evidence import Evidence
from logitwise.report_page.findings import CalibrationFinding, ClassFinding, calibration, class_findings, measures
from logitwise.report_page.markup import Html, name, plain, tag
from logitwise.report_page.verdict import verdict

NO_NETWORK = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Chapter:
    """One section: the term of the field, the question it answers, the words beside it, and what is shown."""

    term: str
    question: str
    words: Html
    shown: Html

    @property
    def anchor(self) -> str:
        """The name that links jump to."""
        return self.term.lower()


def render(evidence: Evidence) -> str:
    """Return the report as one HTML page: no script, no network, light and dark, readable on a phone and on paper.

    Args:
        evidence: What was measured.

    Returns:
        The page, to be written as UTF-8.

    Example:
        >>> import numpy as np
        >>> coin = np.full((40, 2), 0.5)
        >>> target = np.arange(40) % 2
        >>> sure = np.where(target[:, None] == [0, 1], 0.98, 0.02)
        >>> page = render(Evidence("digits", "40 rows", ["even", "odd"], target, sure, {"a coin": coin}))
        >>> "<b>Trust it</b>: it is right in 100% of 40 rows, against 50.0% for a coin" in page
        True
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=NO_NETWORK),
        tag("title", f"{evidence.title}: can it be trusted?"),
        tag("style", Html(_style())),
    )
    body = tag("body", tag("a", "Skip to the report", href="#report", class_="skip"), *_sections(evidence))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def verdict_in_words(evidence: Evidence) -> str:
    """Return the verdict of the page as plain text.

    Example:
        >>> import numpy as np
        >>> coin = np.full((40, 2), 0.5)
        >>> target = np.arange(40) % 2
        >>> sure = np.where(target[:, None] == [0, 1], 0.98, 0.02)
        >>> verdict_in_words(Evidence("digits", "40 rows", ["even", "odd"], target, sure, {"a coin": coin}))[:64]
        'Trust it: it is right in 100% of 40 rows, against 50.0% for a co'
    """
    return plain(verdict(evidence, measures(evidence), calibration(evidence), class_findings(evidence)).sentence)


def _sections(evidence: Evidence) -> list[Html]:
    measured, calibrated, classes = measures(evidence), calibration(evidence), class_findings(evidence)
    judged = verdict(evidence, measured, calibrated, classes)
    chapters = _chapters(evidence, calibrated, classes)
    opening = tag(
        "header",
        tag("p", "Classifier report", class_="term"),
        tag("h1", name(evidence.title)),
        *_dates(evidence),
        tag("p", judged.sentence, class_=f"verdict {judged.trust}"),
        *(tag("p", note, class_="note") for note in _notes(evidence)),
        sections.numbers_table(evidence, measured, calibrated),
        "" if evidence.comparison is None else sections.comparison_table(evidence.comparison),
    )
    contents = (tag("li", tag("a", chapter.term, href=f"#{chapter.anchor}")) for chapter in chapters)
    nav = tag("nav", tag("ul", *contents), aria_label="Sections")
    main = tag("main", opening, nav, *map(_section, chapters), id="report", tabindex="-1")
    return [main, tag("footer", tag("p", "Made by logitwise."))]


def _dates(evidence: Evidence) -> list[Html]:
    """Return when the model was trained and when this was made, as far as that is known."""
    dates = {"trained": evidence.trained_at, "report of": evidence.made_at}
    said = ", ".join(f"{what} {when}" for what, when in dates.items() if when is not None)
    return [tag("p", said, class_="dates")] if said else []


def _notes(evidence: Evidence) -> list[str]:
    if evidence.costs is None:
        return list(evidence.notes)
    costs = (
        "Its answers weigh some mistakes more than others, as training was told to: the answer is the class of lowest "
        "expected cost, which need not be the most probable one, and it need not be right as often."
    )
    return [costs, *evidence.notes]


def _chapters(evidence: Evidence, calibrated: CalibrationFinding, classes: Sequence[ClassFinding]) -> list[Chapter]:
    chapters = [
        Chapter(
            "Reliability",
            "Does it mean what it says?",
            texts.reliability(evidence, calibrated),
            figures.reliability_figure(evidence, calibrated),
        ),
        Chapter(
            "Confusion",
            "Which classes does it confuse?",
            texts.confusion(evidence),
            sections.confusion_table(evidence, classes),
        ),
        Chapter(
            "Classes",
            "How good is it on each class?",
            texts.classes(evidence, classes),
            sections.class_table(evidence, classes),
        ),
        Chapter(
            "Confidence",
            "Is it sure when it is right, and unsure when it is wrong?",
            texts.confidence(evidence),
            figures.confidence_figure(evidence),
        ),
    ]
    if evidence.history is not None:
        words = texts.history(evidence.history)
        chapters.insert(3, Chapter("Training", "Did training go well?", words, figures.loss_figure(evidence.history)))
    return chapters + _chapters_of_some(evidence)


def _chapters_of_some(evidence: Evidence) -> list[Chapter]:
    """Return the chapters that not every report has."""
    chapters = []
    if len(evidence.classes) == 2 and len(set(evidence.target.tolist())) == 2:
        words, picture = texts.thresholds(evidence), figures.threshold_figure(evidence)
        chapters.append(Chapter("Threshold", "Where should the threshold be?", words, picture))
    if evidence.examples:
        words, rows = texts.examples(evidence), sections.examples_list(evidence)
        chapters.append(Chapter("Mistakes", "Where is it most confidently wrong?", words, rows))
    if evidence.importance:
        columns = sections.importance_table(evidence.importance)
        chapters.append(
            Chapter("Columns", "Which columns does it rely on?", texts.importance(evidence.importance), columns)
        )
    if evidence.command is not None or evidence.facts or evidence.columns:
        repeat = sections.repeat_list(evidence)
        chapters.append(Chapter("Origin", "How can this be repeated?", texts.repeat(evidence), repeat))
    return chapters


def _section(chapter: Chapter) -> Html:
    heading = tag("h2", chapter.question, id=chapter.anchor, tabindex="-1")
    words = tag("div", tag("p", chapter.term, class_="term"), heading, chapter.words, class_="words")
    return tag("section", words, tag("div", chapter.shown, class_="shown"), aria_labelledby=chapter.anchor)


@cache
def _style() -> str:
    return files("logitwise.report_page").joinpath("style.css").read_text(encoding="utf-8")
