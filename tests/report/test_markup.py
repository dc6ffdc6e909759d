"""Markup: everything is text unless it was made here."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from logitwise.report_page.figures import nice_ticks
from logitwise.report_page.markup import Html, counted, details, escape, join, name, number, quoted, share, table, tag
from logitwise.report_page.thumbnail import data_address


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
        ("a\tb", "a\tb"),
        ("a\rb", "a\ufffdb"),
        ("\u2066a\u2069", "\ufffda\ufffd"),
        ("a\u200bb", "a\u200bb"),
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
    ("value", "digits", "shown"),
    [
        (0.9994, 1, "99.9%"),
        (0.9996, 1, "> 99.9%"),
        (1.0, 1, "100%"),
        (0.0006, 1, "0.1%"),
        (0.0004, 1, "< 0.1%"),
        (0.0, 1, "0%"),
        (0.996, 0, "> 99%"),
        (0.994, 0, "99%"),
        (0.004, 0, "< 1%"),
        (0.006, 0, "1%"),
        (0.1234, 0, "12%"),
        (0.1234, 1, "12.3%"),
    ],
)
def test_a_share_is_never_rounded_up_to_all_or_down_to_nothing(value, digits, shown):
    assert share(value, digits) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.0004, 3, "0.000"),
        (-0.0004, 3, "0.000"),
        (-0.0006, 3, "\N{MINUS SIGN}0.001"),
        (12345.6789, 2, "12,345.68"),
        (-12345.6789, 4, "\N{MINUS SIGN}12,345.6789"),
        (np.nan, 3, "\N{EN DASH}"),
    ],
)
def test_numbers_have_their_digits_and_a_true_minus(value, digits, shown):
    assert number(value, digits) == shown


def test_names_are_cut_where_they_are_longer_than_there_is_room_for():
    assert name("x" * 60) == f"<bdi>{'x' * 60}</bdi>"
    assert name("abcdef", 6) == "<bdi>abcdef</bdi>"
    assert name("abcdefg", 6) == '<bdi title="abcdefg">abcde…</bdi>'
    assert f'title="{"x" * 500}"' in name("x" * 501)
    assert quoted("<a>") == "“<bdi>&lt;a&gt;</bdi>”"


def test_a_count_of_one_alone_is_singular():
    assert [counted(count, "row") for count in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert [counted(count, "class", "classes") for count in (0, 1)] == ["0 classes", "1 class"]


def test_a_table_names_its_rows_and_columns_and_scrolls_under_its_caption():
    found = table("1 < 2", ("a", "<b>"), [("c", 1), (Html("<i>d</i>"), "2<")], "numbers")
    assert found == (
        '<div class="scroll" tabindex="0" role="region" aria-label="1 &lt; 2"><table class="numbers">'
        '<caption>1 &lt; 2</caption><thead><tr><th scope="col">a</th><th scope="col">&lt;b&gt;</th></tr></thead>'
        '<tbody><tr><th scope="row">c</th><td>1</td></tr><tr><th scope="row"><i>d</i></th><td>2&lt;</td></tr></tbody>'
        "</table></div>"
    )
    assert details("more", "<") == "<details><summary>more</summary>&lt;</details>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, "1"), (1.25, "1.25"), (1.234, "1.23"), (10.0, "10"), (0.0, "0"), (100, "100"), (-0.5, "-0.5")],
)
def test_coordinates_have_two_decimals_at_most(value, shown):
    assert tag("g", x=value) == f'<g x="{shown}"></g>'
    assert tag("g", hidden=False, x=None) == "<g></g>"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.31, 0.78], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        ([5, 7], [5.0, 5.5, 6.0, 6.5, 7.0]),
        ([0, 3], [0.0, 1.0, 2.0, 3.0]),
        ([0, 5], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ([0, 5.1], [0.0, 2.0, 4.0, 6.0]),
        ([0, 11], [0.0, 5.0, 10.0, 15.0]),
        ([-0.31, 0.3], [-0.4, -0.2, 0.0, 0.2, 0.4]),
        ([20, 130], [0.0, 50.0, 100.0, 150.0]),
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


@pytest.mark.parametrize(("side", "shown"), [(96, 96), (97, 49), (192, 96), (193, 65)])
def test_images_are_made_smaller_by_leaving_out_pixels_where_a_side_is_too_long(side, shown):
    image = np.random.default_rng(0).integers(0, 256, (side, 5, 3), np.uint8)
    read = np.asarray(Image.open(io.BytesIO(base64.b64decode(data_address(image).partition(",")[2]))))
    step = -(-side // shown)
    np.testing.assert_array_equal(read, image[::step, ::step])
    assert read.shape[0] == shown


def test_large_images_become_small():
    content = base64.b64decode(data_address(np.zeros((1000, 300), np.uint8)).partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (28, 91)
