"""What softmax and cross-entropy do to a few numbers: as data, as text for a terminal, as a page, and as figures.

`explanation` holds the numbers of every step, `text` prints them, `page` makes a page to drag them on, and `figures`
draws the pictures of the tutorial.
"""

from logitwise.explain.explanation import Explanation, Lesson, explain
from logitwise.explain.page import to_html
from logitwise.explain.text import to_text

__all__ = ["Explanation", "Lesson", "explain", "to_html", "to_text"]
