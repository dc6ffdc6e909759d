"""Model files cut, flipped or made up, each refused by a sentence; and a killed save, which leaves a whole file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from logitwise.calibration import Calibration
from logitwise.model.file import read_model_file
from logitwise.model.model import Model, ModelFileError, load
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing


def made_model(shift: float = 0.0) -> Model:
    """Return a small model: one number, one category, three classes."""
    one = np.ones(1)
    preprocessing = Preprocessing(
        ("n", "t"), (None, ("é", "b", "c")), 0 * one, one, 0 * one, np.array([True]), (np.array([0.0, 1.0, 3.0]),)
    )
    linear = np.linspace(-1, 1, 42, dtype=np.float32).reshape(2, 7, 3)
    network = Network((), None, linear, np.full((2, 1, 3), shift, np.float32))
    return Model(np.array(["x", "y", "z"], object), preprocessing, network, Calibration.none(3, 0.01))


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "m.safetensors"
    made_model().save(path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "m.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as raised:
        load(path)
    sentence = str(raised.value)
    assert sentence.startswith("path must be ")
    assert str(path) in sentence
    assert sentence.endswith(".")
    return sentence


def header_bytes(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")


def test_the_last_bytes_are_the_sha256_of_all_others(content):
    assert content[-32:] == hashlib.sha256(content[:-32]).digest()


def test_numbers_begin_at_multiples_of_their_width(content):
    start = header_bytes(content)
    entries = json.loads(content[8:start])
    entries.pop("__metadata__")
    width = {"F64": 8, "F32": 4, "BOOL": 1, "U8": 1}
    places = [(start + entry["data_offsets"][0]) % width[entry["dtype"]] for entry in entries.values()]
    assert places == [0] * len(entries)


def test_the_safetensors_package_reads_the_same(content, path):
    path.write_bytes(content)
    ours = read_model_file(path)
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["logitwise"]) == ours.header
        assert set(file.keys()) == {*ours.tensors, "sha256"}
        for name, tensor in ours.tensors.items():
            np.testing.assert_array_equal(file.get_tensor(name), tensor, strict=True)
        assert file.get_tensor("sha256").tobytes() == content[-32:]


def test_a_file_cut_at_any_length_is_refused(content, path):
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert "cut short" in refusal(path)


def test_a_file_with_bytes_added_is_refused(content, path):
    path.write_bytes(content + b"\0")
    assert "is cut short or was altered" in refusal(path)


def test_every_single_flipped_bit_is_refused(content, path):
    path.write_bytes(content)
    with path.open("r+b", buffering=0) as file:
        for place, byte in enumerate(content):
            for bit in range(8):
                file.seek(place)
                file.write(bytes([byte ^ 1 << bit]))
                refusal(path)
            file.seek(place)
            file.write(bytes([byte]))
    np.testing.assert_array_equal(load(path).predict_proba([[1.0, "b"]]), made_model().predict_proba([[1.0, "b"]]))


def signed(header: object, numbers: bytes = b"") -> bytes:
    """Return a file with this header (a text, or what is written as one), these numbers, and their SHA-256."""
    text = header if isinstance(header, str) else json.dumps(header)
    beginning = len(text.encode()).to_bytes(8, "little") + text.encode() + numbers
    return beginning + hashlib.sha256(beginning).digest()


OURS = {"logitwise": json.dumps({"version": 2})}


def entry(dtype: object = "F64", shape: object = (1,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


SHA = entry("U8", [32], [8, 40])
NOT_ONE = "path must be a model file (safetensors); got {path!r}, which is not one or is cut short ({why})."
MADE_UP = [
    ({"__metadata__": OURS, "a": entry(), "b": entry(), "sha256": SHA}, "its tensors overlap or leave a gap"),
    ({"__metadata__": OURS, "a": entry("F32", [1], [0, 4]), "sha256": SHA}, "its tensors overlap or leave a gap"),
    ({"__metadata__": OURS, "a": entry("U8", [40], [0, 40])}, "its last 32 bytes are not a tensor named 'sha256'"),
    (
        {"__metadata__": OURS, "a": entry("U8", [8], [32, 40]), "sha256": entry("U8", [32], [0, 32])},
        "its last 32 bytes are not a tensor named 'sha256'",
    ),
    (
        {"__metadata__": OURS, "a": entry(), "sha256": entry("F64", [4], [8, 40])},
        "its last 32 bytes are not a tensor named 'sha256'",
    ),
    ({"__metadata__": OURS, "a": entry(shape=[2]), "sha256": SHA}, "tensor 'a' does not have the bytes of its shape"),
    (
        {"__metadata__": OURS, "a": entry(shape=[2**62, 2**62], offsets=[0, 2**70])},
        "tensor 'a' does not have the bytes of its shape",
    ),
    ({"__metadata__": OURS, "a": entry(offsets=[8, 0])}, "tensor 'a' does not have the bytes of its shape"),
    ({"__metadata__": OURS, "a": entry(offsets=[0, 8, 8])}, "tensor 'a' has no place"),
    ({"__metadata__": OURS, "a": entry(offsets=[-8, 0])}, "tensor 'a' has no place"),
    ({"__metadata__": OURS, "a": entry(offsets=None)}, "tensor 'a' has no place"),
    ({"__metadata__": OURS, "a": entry(shape=[True])}, "tensor 'a' has no dtype and shape of this format"),
    ({"__metadata__": OURS, "a": entry(shape=8)}, "tensor 'a' has no dtype and shape of this format"),
    ({"__metadata__": OURS, "a": entry("O")}, "tensor 'a' has no dtype and shape of this format"),
    ({"__metadata__": OURS, "a": entry(["F64"])}, "tensor 'a' has no dtype and shape of this format"),
    ({"__metadata__": OURS, "a": 3}, "tensor 'a' has no dtype and shape of this format"),
    ({"__metadata__": OURS, "a": {**entry(), "more": 1}}, "tensor 'a' has no dtype and shape of this format"),
    ("[1, 2]", "its header is not a JSON object"),
    ('{"a": 1, "a": 2}', "its header is not JSON: key 'a' is there twice"),
    ('{"a": {"dtype": "F64", "dtype": "F32"}}', "its header is not JSON: key 'dtype' is there twice"),
    ('{"a": NaN}', "its header is not JSON: NaN is not a JSON number"),
    ('{"a": 1e999}', "its header is not JSON: 1e999 is not a JSON number"),
]


@pytest.mark.parametrize(("header", "why"), MADE_UP)
def test_a_container_that_is_not_whole_is_refused(header, why, path):
    path.write_bytes(signed(header, bytes(8)))
    assert refusal(path) == NOT_ONE.format(path=str(path), why=why)


@pytest.mark.parametrize("header", ["{ ", "[" * 100_000, '"\\ud800"', '{"a": ' + "9" * 5000 + "}", "\0\0", "nul"])
def test_a_header_that_is_no_json_is_refused(header, path):
    path.write_bytes(signed(header, bytes(8)))
    assert "which is not one or is cut short (its header is not JSON" in refusal(path)


def test_a_header_that_is_no_text_is_refused(path):
    path.write_bytes((4).to_bytes(8, "little") + b"\xff\xfe\xff\xfe" + bytes(40))
    assert "its header is not JSON: 'utf-8' codec can't decode byte 0xff" in refusal(path)


TOO_LONG = "its header would be longer than the file"


@pytest.mark.parametrize(
    ("length", "why"),
    [(95, TOO_LONG), (10**9, TOO_LONG), (2**63, TOO_LONG), (2**64 - 1, TOO_LONG), (0, "its header would be empty")],
)
def test_a_header_of_a_length_that_cannot_be_is_not_read(length, why, path):
    path.write_bytes(length.to_bytes(8, "little") + b"{}" + bytes(92))
    assert refusal(path) == NOT_ONE.format(path=str(path), why=why)


def test_a_header_of_a_gigabyte_is_not_read_even_where_it_is_there(path):
    with path.open("wb") as file:
        file.write((10**9).to_bytes(8, "little"))
        file.truncate(10**9 + 100)  # a hole: it takes no room on the disk
    assert refusal(path) == NOT_ONE.format(path=str(path), why="its header would be longer than 100,000,000 bytes")


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "{}", '{"version": 2, "version": 2}', "{", "[" * 100_000, None, 7])
def test_a_header_that_is_not_ours_is_refused(text, path):
    path.write_bytes(signed({"__metadata__": {"logitwise": text}, "sha256": entry("U8", [32], [0, 32])}))
    expected = f"path must be a model saved by logitwise; got {str(path)!r}, a safetensors file without its header."
    assert refusal(path) == expected


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/dev/null", "", "network.linear\0", "__import__('os')"])
def test_a_tensor_of_an_unknown_name_is_refused_whatever_it_is(name, path, content):
    start = header_bytes(content)
    header = json.loads(content[8:start])
    size = len(content) - start - 32
    header[name] = entry("U8", [0], [size, size])
    path.write_bytes(signed(header, content[start:-32]))
    assert f"got an unknown tensor {name!r} in" in refusal(path)


def test_a_boolean_that_is_neither_is_refused(path, content):
    start = header_bytes(content)
    place = json.loads(content[8:start])["numbers.had_gaps"]["data_offsets"][0]
    numbers = bytearray(content[start:-32])
    numbers[place] = 2
    path.write_bytes(signed(content[8:start].decode(), bytes(numbers)))
    assert "got tensor 'numbers.had_gaps' with a number that is not 0 or 1 in" in refusal(path)


def test_a_file_that_does_not_fit_in_memory_is_refused(path, content, monkeypatch):
    path.write_bytes(content)

    def empty(*args, **options):
        raise MemoryError

    monkeypatch.setattr(np, "empty", empty)
    assert refusal(path) == f"path must be readable; got {str(path)!r} (it does not fit in memory)."


# Forks once for each point (this process has neither threads nor torch), and each child kills itself at its point: a
# point is a call or a return of any function, Python's or C's, inside `save`.
KILLED = """
import os, signal, sys
from model.test_damaged_files import made_model
from logitwise.model.model import load

path, seen, until = sys.argv[1], 0, None
old, new = made_model(), made_model(shift=1.0)
rows = [[0.5, "b"]]

def count(frame, event, argument):
    global seen
    seen += 1
    if seen == until:
        os.kill(os.getpid(), signal.SIGKILL)

def saved():
    sys.setprofile(count)
    new.save(path)
    sys.setprofile(None)

for _ in range(2):
    seen = 0
    saved()
total, counts = seen, {"old": 0, "new": 0}
points = [1 + point * (total - 21) // 79 for point in range(80)] + list(range(total - 19, total + 1))
for point in points:
    old.save(path)
    seen, until = 0, point
    child = os.fork()
    if child == 0:
        saved()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (point, status)
    found = load(path).predict_proba(rows).tolist()
    names = [name for name, model in (("old", old), ("new", new)) if model.predict_proba(rows).tolist() == found]
    counts[names[0]] += 1
print(total > 200, counts["old"] >= 20, counts["new"] > 0, sum(counts.values()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_killed_while_it_saves_leaves_the_old_file_or_the_new_one(path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])}
    args = [sys.executable, "-c", KILLED, str(path)]
    result = subprocess.run(args, capture_output=True, text=True, timeout=120, env=environment)
    assert (result.stdout, result.stderr) == ("True True True 100\n", "")
