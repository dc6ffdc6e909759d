"""Markup: everything is text unless it was made here."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from logitwise.report.figures import nice_ticks
from logitwise.report.markup import Html, counted, escape, join, name, number, share, tag
from logitwise.report.thumbnail import data_address


def test_text_is_escaped_once():
    assert escape("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#x27;"
    assert escape(escape("<")) == "&lt;"
    assert tag("p", "<i>", tag("b", "x")) == "<p>&lt;i&gt;<b>x</b></p>"
    assert tag("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'
    assert join(["<", Html("<br>")], ", ") == "&lt;, <br>"


def test_attributes():
    assert tag("a", class_="x", aria_label="y", hidden=None, cx=1.5) == '<a class="x" aria-label="y" cx="1.5"></a>'
    assert tag("img", src="a") == '<img src="a">'
    assert tag("svg", viewBox="0 0 1 1") == '<svg viewBox="0 0 1 1"></svg>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\u202eevil", "\ufffdevil"),
        ("a\nb", "a\nb"),
        ("日本", "日本"),
    ],
)
def test_harmful_characters_are_replaced(text, shown):
    assert escape(text) == shown


def test_names_keep_their_direction_and_are_cut():
    assert name("فئة") == "<bdi>فئة</bdi>"
    assert name("x" * 61) == f'<bdi title="{"x" * 61}">{"x" * 59}…</bdi>'
    assert name("") == "<i>(empty)</i>"
    assert name(" ") == "<i>(blank)</i>"


def test_numbers_as_people_write_them():
    assert [share(value) for value in (0, 1, 0.5, 0.99999, 0.00001, np.nan)] == [
        "0%", "100%", "50.0%", "> 99.9%", "< 0.1%", "\N{EN DASH}",
    ]  # fmt: skip
    assert [number(value) for value in (-1.5, 1234.5, -0.0001, np.inf, -np.inf)] == [
        "\N{MINUS SIGN}1.500", "1,234.500", "0.000", "∞", "\N{MINUS SIGN}∞",
    ]  # fmt: skip
    assert [counted(1, "row"), counted(1200, "row"), counted(2, "class", "classes")] == [
        "1 row", "1,200 rows", "2 classes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.31, 0.78], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        ([5, 7], [5.0, 5.5, 6.0, 6.5, 7.0]),
        ([0, 3], [0.0, 1.0, 2.0, 3.0]),
    ],
)
def test_ticks_are_round(values, ticks):
    assert nice_ticks(values) == ticks


def test_ticks_of_one_value_still_span_a_range():
    ticks = nice_ticks([0.5])
    assert ticks[0] <= 0.5 < ticks[-1]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_thumbnails_are_png_that_others_read(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    scheme, _, content = data_address(image).partition(",")
    assert scheme == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), image.squeeze())


def test_large_images_become_small():
    content = base64.b64decode(data_address(np.zeros((1000, 300), np.uint8)).partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (28, 91)
