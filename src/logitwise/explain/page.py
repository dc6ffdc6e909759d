"""An explanation as a page with sliders: one file that needs nothing else, and no network."""

from __future__ import annotations

import json
import math
from html import escape

from logitwise.explain.explanation import COMPARED_TEMPERATURES, TEMPERATURES, Explanation, Lesson, explain
from logitwise.explain.shapes import LossFrame, circle, line, resource
from logitwise.explain.text import advice, number

LEAST_RANGE = 10.0
FRAME = LossFrame(40, 32, 400, 190)


def to_html(explanation: Explanation) -> str:
    """Return a page on which the logits, the temperature and the right class can be changed, and all numbers follow.

    The page starts with the numbers of the explanation; without a target, the first class is taken for the right one.

    Example:
        >>> from logitwise.explain import explain, to_html
        >>> page = to_html(explain([2.0, 1.0, 0.1], target=0))
        >>> page.splitlines()[0], "0.6590" in page
        ('<!doctype html>', True)
    """
    lesson = explanation.lesson
    if lesson is None:
        return to_html(explain(explanation.logits, 0, explanation.temperature, names=explanation.names))
    places = {
        "style": resource("palette.css") + resource("page.css"),
        "script": resource("page.js"),
        "start": _start(explanation, lesson),
        "rows": "\n".join(_row(explanation, lesson, index) for index in range(len(explanation.names))),
        "temperature": _temperature_control(explanation.temperature),
        "total": number(explanation.total),
        "loss": _loss(explanation, lesson),
        "curve": _curve(explanation, lesson),
        "compared": _compared(explanation),
    }
    page = resource("page.html")
    for place, content in places.items():
        page = page.replace(f"<!-- {place} -->", content, 1)
    return page


def _start(explanation: Explanation, lesson: Lesson) -> str:
    """Return the numbers the page starts with, as JSON that may stand inside a page."""
    start = {
        "names": explanation.names,
        "logits": explanation.logits,
        "temperature": explanation.temperature,
        "target": lesson.target,
        "compared": COMPARED_TEMPERATURES,
        "frame": [FRAME.left, FRAME.top, FRAME.width, FRAME.height],
    }
    return json.dumps(start).replace("<", "\\u003c")


def _slider_range(logit: float) -> tuple[float, float]:
    """Return how far a slider reaches (the same to both sides), and its step, about a two-hundredth of the whole.

    It reaches as far as its own logit needs: one that is huge does not make the others hard to move.
    """
    reach = max(LEAST_RANGE, math.ceil(abs(logit)))
    return reach, 10.0 ** math.floor(math.log10(reach / 100.0))


def _row(explanation: Explanation, lesson: Lesson, index: int) -> str:
    name, logit = escape(explanation.names[index]), explanation.logits[index]
    reach, step = _slider_range(logit)
    chosen = " checked" if index == lesson.target else ""
    return f"""<div class="row" role="group" aria-label="{name}" data-index="{index}">
<label class="name"><input type="radio" name="target" value="{index}"{chosen}>
<span><span class="hidden">The right class is </span>{name}</span></label>
<div class="logit" data-label="logit"><input type="range" min="{-reach:g}" max="{reach:g}" step="{step:g}"
value="{logit!r}" aria-label="Logit of {name}" autocomplete="off"><input type="number" step="any" min="-1e6" max="1e6"
value="{logit!r}" aria-label="Logit of {name}, as a number" autocomplete="off"></div>
<div class="exponential" data-label="exp"><span data-cell="exponential">{number(explanation.exponentials[index])}</span>
</div>
<div class="probability" data-label="probability"><span class="track"><span class="fill"></span></span>
<span data-cell="probability">{number(explanation.probabilities[index])}</span></div>
<div class="gradient" data-label="gradient"><span class="track"><span class="fill"></span></span>
<span data-cell="gradient">{number(lesson.gradient[index])}</span>
<span class="advice" data-cell="advice">{advice(lesson.gradient[index])}</span></div>
</div>"""


def _temperature_control(temperature: float) -> str:
    """Return a slider over the logarithm of the temperature, and a field for the number itself."""
    lowest, highest = TEMPERATURES
    position = math.log10(temperature)
    reach = 1.0 if abs(position) <= 1.0 else 2.0
    return f"""<input type="range" id="temperature" min="{-reach:g}" max="{reach:g}" step="0.01" value="{position:.6g}"
aria-label="Temperature" autocomplete="off"><input type="number" id="exact-temperature" min="{lowest:g}"
max="{highest:g}" step="any" value="{temperature!r}" aria-label="Temperature, as a number" autocomplete="off">"""


def _loss(explanation: Explanation, lesson: Lesson) -> str:
    probability = number(explanation.probabilities[lesson.target])
    return f"""<p class="large"><span data-cell="loss">{number(lesson.loss)}</span> <small>nats</small></p>
<p>The right class, <b data-cell="target-name">{escape(explanation.names[lesson.target])}</b>, was given the probability
<b data-cell="target-probability">{probability}</b>. The loss is minus its logarithm.</p>
<p class="formula"><span data-cell="gap">{number(lesson.gap)}</span> +
log1p(<span data-cell="rest">{number(lesson.rest)}</span>) =
<span data-cell="loss-again">{number(lesson.loss)}</span></p>
<p class="quiet">The same without rounding a probability first: how far the right class is below the largest logit, plus
log1p of the sum of the exponentials without the largest. It keeps its digits however small the loss.</p>"""


def _curve(explanation: Explanation, lesson: Lesson) -> str:
    x, y = FRAME.x(explanation.probabilities[lesson.target]), FRAME.y(lesson.loss)
    shapes = [
        *FRAME.shapes(),
        line(x, FRAME.top + FRAME.height, x, y, "guide").replace("<path", '<path id="guide"'),
        circle(x, y, 6, "point").replace("<circle", '<circle id="point"'),
    ]
    return (
        '<svg viewBox="0 0 460 270" role="img" aria-label="The loss against the probability of the right class: it is '
        '0 at probability 1 and grows without limit towards probability 0">' + "".join(shapes) + "</svg>"
    )


def _compared(explanation: Explanation) -> str:
    heads = "".join(f'<th scope="col">T = {temperature:g}</th>' for temperature in COMPARED_TEMPERATURES)
    cells = "<td></td>" * len(COMPARED_TEMPERATURES)
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>' for name in explanation.names)
    return (
        f'<table id="compared"><thead><tr><th scope="col">class</th>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody><tfoot><tr><th scope="row">loss</th>{cells}</tr></tfoot></table>'
    )
