"""Where the table begins in a text, and what separates its fields: told from its first lines.

Every separator is tried on them. One that gives all of them as many fields is right, be it not the most frequent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from logitwise._listing import listed
from logitwise.data.dataset import Note
from logitwise.data.text.options import TextOptions
from logitwise.data.text.row_names import are_split

HEAD_BYTES = 1 << 20
MOST_RECORDS, MOST_TITLES = 200, 20  # that are looked at; that may stand before the table
SEPARATORS = b",;\t|"
_SPACES = ord(" ")
_SEP_LINE = re.compile(rb'[ \t]*"?sep=(.)"?[ \t,;]*\r?\n', re.IGNORECASE)
_COMMENT = re.compile(rb"[ \t]*[#%][^\n]*\n")
_QUOTED = re.compile(rb'"[^"]*"')
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(rb"[+-]?\d+(\.\d{3})*,\d+%?")
_SIGNS = {"|": "'|'", " ": "spaces"}  # separators that are worth a note


@dataclass(frozen=True)
class Layout:
    """How a text is laid out.

    Attributes:
        separator: The byte between fields; a space stands for any number of spaces and tabs.
        skipped: How many bytes come before the table.
        lines: How many lines come before it.
        comment: The last comment before the table, which may hold the names of its columns.
        before: What belongs before the first record: a separator where the column of row names has no name.
        behind: What belongs behind it: a separator where all others end in one.
        open_end: Whether the first record alone ends in a separator.
        is_split: Whether, where the column of row names has no name, separators seem to stand inside fields.
        first_line: The number of the line of the first record.
        skip_note: What was skipped.
        notes: What else was understood.
    """

    separator: int
    skipped: int = 0
    lines: int = 0
    comment: bytes = b""
    before: bytes = b""
    behind: bytes = b""
    open_end: bool = False
    is_split: bool = False
    first_line: int = 1
    skip_note: Note | None = None
    notes: tuple[Note, ...] = ()

    @property
    def all_notes(self) -> tuple[Note, ...]:
        """All that was understood."""
        return self.notes if self.skip_note is None else (self.skip_note, *self.notes)

    def completed(self, text: bytes) -> bytes:
        """Return a text that begins with the table, its first record completed."""
        if not (self.before or self.behind or self.open_end):
            return text
        begin = len(text) - len(text.lstrip())
        end = begin + len(text[begin:].split(b"\n", 1)[0].rstrip())
        first = text[begin:end].removesuffix(bytes([self.separator])) if self.open_end else text[begin:end]
        return text[:begin] + self.before + first + self.behind + text[end:]


def separator_of(line: bytes, path: Path) -> int:
    """Return what separates the fields of a line: in `.tsv` tabs, else what it has most of, a comma first."""
    if is_tsv(path.name):
        return ord("\t")
    return max(SEPARATORS, key=b"".join(line.split(b'"')[::2]).count)


def is_tsv(name: str) -> bool:
    """Return whether the name of a file promises tabs."""
    return name.lower().removesuffix(".gz").endswith(".tsv")


def begins_field(text: bytes, separators: bytes) -> bool:
    """Return whether a double quote begins a field somewhere; where none does, quotes are text."""
    return re.search(rb"(?:\A|[\r\n" + re.escape(separators) + rb"])[ \t]*\"", text) is not None


def find_layout(text: bytes, path: Path, name: str, options: TextOptions) -> Layout:
    """Return the layout of a text, given its beginning with lines that end in a line feed.

    Args:
        text: At least the first record, and no record that is cut.
        path: The file, for messages.
        name: The name of the file, of which `.tsv` says that tabs separate.
        options: What is known: the separator, and whether there are quotes.
    """
    said, begin = _separator_line(text)
    comments, begin = _comments(text, begin)
    asked = None if options.separator is None else ord(options.separator)
    known = asked or said or (ord("\t") if is_tsv(name) else None)
    begin = _behind_bare_lines(text, begin, bytes([known]) if known else SEPARATORS)
    records = _records(text[begin:], options.quotes)
    candidates = bytes([known]) if known else SEPARATORS if options.decimal == "." else b";\t|"
    found = (
        _from_the_first(records, candidates)
        or _with_longer_first(records, candidates)
        or _with_shorter_begin(records, candidates, may_name=options.header is not False)
    )
    if found is None and not known and _are_columns_of_spaces(records):
        found = _Fit(_SPACES)
    if found is None:
        first = _outside(records[0]) if records else b""
        found = _Fit(known or max(candidates, key=first.count))
    return _layout(text, begin, records, found, comments, said is not None, known is not None)


@dataclass(frozen=True)
class _Fit:
    """A separator that fits, and what must be done for it."""

    separator: int
    titles: int = 0
    before: bytes = b""
    behind: bytes = b""
    open_end: bool = False
    is_split: bool = False


def _behind_bare_lines(text: bytes, begin: int, separators: bytes) -> int:
    """Return where the first line begins that is not blank and not separators alone; `begin` where all are."""
    start = begin
    while start < len(text):
        end = text.find(b"\n", start) + 1 or len(text)
        line = b"".join(text[start:end].split())
        if line.strip(line[:1]) or (line and line[:1] not in separators):
            return start
        start = end
    return begin


def filled_end(text: bytes, separator: int) -> int:
    """Return where the last line ends that is not blank and not separators alone; 0 where all are."""
    end, bare = len(text), bytes([separator]) + b" \t\r\n"
    while end:
        start = text.rfind(b"\n", 0, end - 1) + 1
        if text[start:end].strip(bare):
            break
        end = start
    return end


def _separator_line(text: bytes) -> tuple[int | None, int]:
    """Return the separator that a line for Excel names, and where the text behind that line begins."""
    begin = len(text) - len(text.lstrip())
    found = _SEP_LINE.match(text, begin)
    return (None, 0) if found is None else (found[1][0], found.end())


def _comments(text: bytes, begin: int) -> tuple[list[bytes], int]:
    """Return the comments at the beginning of a text, and where the text behind them begins; none are all lines."""
    comments, end = [], begin
    while True:
        filled = end + len(text[end : end + HEAD_BYTES]) - len(text[end : end + HEAD_BYTES].lstrip(b"\r\n"))
        found = _COMMENT.match(text, filled)
        if found is None:
            return (comments, end) if text[end:].strip() else ([], begin)
        comments.append(found[0].strip())
        end = found.end()


def _records(text: bytes, quotes: bool | None) -> list[bytes]:
    """Return the first records of a text that are not blank, without their line ends."""
    is_quoted = begins_field(text, SEPARATORS + b" ") if quotes is None and b'"' in text else bool(quotes)
    found, begin = [], 0
    while begin < len(text) and len(found) < MOST_RECORDS:
        end = record_end(text, begin) if is_quoted else (text.find(b"\n", begin) + 1 or len(text))
        record = text[begin:end].rstrip(b"\r\n")
        if is_quoted and found and record.count(b'"') % 2:
            break  # the beginning of a text may end inside quotes
        if record.strip():
            found.append(record)
        begin = end
    return found


def record_end(data: bytes, begin: int = 0) -> int:
    """Return where the record that starts at `begin` ends, behind its line end; the length where it does not."""
    end = data.find(b"\n", begin) + 1
    while end and data.count(b'"', begin, end) % 2:
        end = data.find(b"\n", end) + 1
    return end or len(data)


def _outside(record: bytes) -> bytes:
    """Return a record with a letter for each quoted part."""
    return _QUOTED.sub(b"x", record)


def _cells(record: bytes, separator: int) -> list[bytes]:
    outside = _outside(record)
    return outside.split() if separator == _SPACES else [each.strip() for each in outside.split(bytes([separator]))]


def _widths(records: Sequence[bytes], separator: int) -> list[int]:
    return [len(_cells(record, separator)) for record in records]


def _from_the_first(records: Sequence[bytes], separators: bytes) -> _Fit | None:
    """Return the separator that gives all records as many fields, at least 2: the most, and of these the first."""
    widths = {sign: set(_widths(records, sign)) for sign in separators}
    fitting = {sign: found.pop() for sign, found in widths.items() if len(found) == 1 and max(found) > 1}
    if fitting.get(ord(",")) and any(_has_decimal_commas(records, sign) for sign in fitting if sign != ord(",")):
        del fitting[ord(",")]
    return _Fit(max(fitting, key=lambda sign: fitting[sign])) if fitting else None


def _with_longer_first(records: Sequence[bytes], separators: bytes) -> _Fit | None:
    """Return the separator that gives all records as many fields, but for an empty one more at the end of the first."""
    for sign in separators:
        first, *others = _widths(records, sign) or [0]
        if len(others) > 1 and {first - 1} == set(others) and first > 2 and not _cells(records[0], sign)[-1]:
            return _Fit(sign, open_end=True)
    return None


def _has_decimal_commas(records: Sequence[bytes], separator: int) -> bool:
    """Return whether the commas in fields are all those of numbers, the first record aside, which may hold names."""
    rows = records[1:] if len(records) > 1 else records
    cells = [cell for record in rows for cell in _cells(record, separator) if b"," in cell]
    return bool(cells) and all(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)


def _with_shorter_begin(records: Sequence[bytes], separators: bytes, *, may_name: bool) -> _Fit | None:
    """Return the separator that gives all records as many fields but for shorter ones at the beginning.

    One record that lacks a field names the columns (if it may): all but the first (row names) or an empty last one.
    """
    fits = []
    for sign in (*separators, *([_SPACES] if len(separators) > 1 else [])):
        widths = _widths(records, sign)
        same = len(list(takewhile(lambda width, last=widths: width == last[-1], reversed(widths))))
        short, width = len(widths) - same, widths[-1] if widths else 0
        if not short or same < 2 or width < 2 or max(widths[:short]) >= width or short > MOST_TITLES:
            continue
        rows = [_cells(record, sign) for record in records[short:]]
        if short == 1 and widths[0] == width - 1 and not _is_title(records[0], rows):
            if (width == 2 and records[0][:1] not in b"\"'") or (sign == _SPACES and not _has_numbers(rows)):
                continue
            if may_name:
                fits.append((width, _with_shorter_header(records, rows, sign)))
        elif sign != _SPACES and (width > 2 or _is_title(records[0], rows)):
            fits.append((width, _Fit(sign, short)))
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


def _with_shorter_header(records: Sequence[bytes], rows: Sequence[Sequence[bytes]], sign: int) -> _Fit:
    """Return the fit of a header that has no name for the first column, or none for a last one that is empty."""
    mark = b'"" ' if sign == _SPACES else bytes([sign])
    if sign != _SPACES and all(not row[-1] for row in rows):
        return _Fit(sign, behind=mark)
    spaced = [_outside(record).split(mark) for record in records[1:]]
    return _Fit(sign, before=mark, is_split=sign == ord(",") and are_split(records[0], rows, spaced))


def _is_title(record: bytes, rows: Sequence[Sequence[bytes]]) -> bool:
    """Return whether a first record with one field less is no header: the next one has the looks of a header."""
    if any(_NUMBER.fullmatch(cell) for cell in rows[0]):
        return False
    return _has_numbers(rows[1:])


def _has_numbers(rows: Sequence[Sequence[bytes]]) -> bool:
    """Return whether all values of some column are numbers, gaps aside."""
    columns = zip(*rows, strict=True)
    return any(any(column) and all(not cell or _NUMBER.fullmatch(cell) for cell in column) for column in columns)


def _are_columns_of_spaces(records: Sequence[bytes]) -> bool:
    """Return whether runs of spaces separate as many fields in all records, some column of which is all numbers."""
    rows = [_cells(record, _SPACES) for record in records]
    if len(rows) < 2 or len(rows[0]) < 2 or len({len(row) for row in rows}) > 1:
        return False
    return _has_numbers(rows[1:])


def _layout(
    text: bytes, begin: int, records: Sequence[bytes], fit: _Fit, comments: Sequence[bytes], has_sep: bool, known: bool
) -> Layout:
    titles = list(records[: fit.titles])
    if titles:
        begin = text.index(records[fit.titles], begin)
        begin = text.rindex(b"\n", 0, begin) + 1
        begin = _behind_bare_lines(text, begin, bytes([fit.separator]))
    skipped = _skip_note(text[:begin], [*comments, *titles], has_sep=has_sep)
    sign = None if known else _SIGNS.get(chr(fit.separator))
    first = text.find(records[fit.titles], begin) if records else begin
    return Layout(
        fit.separator,
        begin,
        text[:begin].count(b"\n"),
        comments[-1].lstrip(b" \t#%").rstrip() if comments else b"",
        fit.before,
        fit.behind,
        fit.open_end,
        fit.is_split,
        text[:first].count(b"\n") + 1,
        skipped,
        () if sign is None else (Note(f"Fields are separated by {sign}."),),
    )


def _skip_note(before: bytes, skipped: Sequence[bytes], *, has_sep: bool) -> Note | None:
    if not skipped:
        return None
    count = before.count(b"\n") - has_sep
    lines = "The line before the table is" if count == 1 else f"{count} lines before the table are"
    shown = listed((line.decode("utf-8", "replace")[:40] for line in skipped), 2, quoted=True)
    return Note(f"{lines} skipped: {shown}.")
