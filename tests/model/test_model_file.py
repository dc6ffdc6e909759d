"""Saving and loading: the same bits in another process, and every damaged file refused by a sentence."""

import hashlib
import os
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from safetensors.numpy import save

from logitwise import DataWarning
from logitwise.calibration import Calibration
from logitwise.classifier import Classifier, Model, ModelFileError, load, refuse_irregular
from logitwise.columns.table import read_table
from logitwise.model import file as module
from logitwise.model.file import read_model_file, replacing, write_model_file
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing
from logitwise.model.provenance import rows_sha256

FRAME = pl.DataFrame({"n": [float(i % 7) for i in range(60)], "t": [None, *"ab", *("c" * 57)]})
LABELS = {"str": ["x", "y", "z"], "int": [-1, 5, 7], "float": [0.0, 1.0, 2.0], "bool": [False, True]}


@pytest.fixture(scope="module")
def model():
    y = [("x", "y", "z")[i % 3] for i in range(60)]
    return Classifier(hidden=(8, 4), epochs=2).fit(FRAME, y).model_


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("kind", LABELS)
def test_a_loaded_model_is_the_saved_one(kind, tmp_path):
    y = [LABELS[kind][i % len(LABELS[kind])] for i in range(60)]
    classifier = Classifier(hidden=(8,), epochs=2).fit(FRAME, y)
    classifier.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), classifier.predict_proba(FRAME))
    np.testing.assert_array_equal(loaded.predict(FRAME), classifier.predict(FRAME))
    assert loaded.classes.dtype == classifier.classes_.dtype
    assert loaded.feature_names == ("n", "t")
    assert loaded.n_features == 2
    assert loaded.metadata["history"] == classifier.history_
    assert loaded.metadata["options"]["epochs"] == 2


def test_another_process_predicts_the_same_bits_with_numpy_alone(model, saved, tmp_path):
    X = np.array([[float(i), "abc"[i % 3]] for i in range(300)], dtype=object)
    np.save(tmp_path / "expected.npy", model.predict_proba(X))
    code = (
        "import sys, numpy as np\n"
        "from logitwise.model.model import load\n"
        "X = np.array([[float(i), 'abc'[i % 3]] for i in range(300)], dtype=object)\n"
        f"same = np.array_equal(load({str(saved)!r}).predict_proba(X), np.load({str(tmp_path / 'expected.npy')!r}))\n"
        "print(same, sorted({'torch', 'sklearn', 'polars'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "True []"


def test_the_same_model_gives_the_same_bytes(model, saved, tmp_path):
    load(saved).save(tmp_path / "again.safetensors")
    assert saved.read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.safetensors", "m.safetensors"]


def test_saving_replaces_a_file_and_follows_a_link(model, tmp_path):
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    model.save(link)
    assert link.is_symlink()
    np.testing.assert_array_equal(load(target).predict_proba(FRAME), model.predict_proba(FRAME))


def test_a_link_to_a_file_is_followed_when_reading(model, saved, tmp_path):
    (tmp_path / "latest").symlink_to(saved)
    np.testing.assert_array_equal(load(tmp_path / "latest").predict_proba(FRAME), model.predict_proba(FRAME))
    saved.unlink()
    with pytest.raises(ModelFileError, match="latest"):
        load(tmp_path / "latest")


def test_a_file_of_before_is_read_as_it_was():
    # Written on 2026-11-27, a file of version 2 without what later ones know of their training.
    old = load(Path(__file__).with_name("version-2.safetensors"))
    X = pl.DataFrame({"size": [0.5, None, -2.0], "colour": ["red", "pink", None], "ripe": ["yes", "no", "yes"]})
    expected = [
        [0.005471408857588029, 0.002206154625517807, 0.9923224365168942],
        [0.0036723211753898373, 0.26520172776710166, 0.7311259510575085],
        [0.9903073320921764, 0.007622088491001705, 0.002070579416821895],
    ]
    with pytest.warns(DataWarning, match=r"not seen in training in 1 column, .*: column 'colour' \(1\)"):
        np.testing.assert_allclose(old.predict_proba(X), expected, rtol=1e-5)  # float32, summed in any order
    with pytest.raises(ValueError, match="Model must know what it was trained on"):
        old.was_trained_on(X, ["lost", "kept", "sold"])


def test_a_model_knows_the_rows_it_was_trained_on(model, saved):
    y = [("x", "y", "z")[i % 3] for i in range(60)]
    found = load(saved)
    assert found.was_trained_on(FRAME, y)
    assert found.was_trained_on(pd.DataFrame({"n": FRAME["n"].to_numpy(), "t": FRAME["t"].to_list()}), np.array(y))
    others = {
        "a value": (FRAME.with_columns(n=pl.col("n") + (pl.int_range(60) == 59)), y),
        "a gap": (FRAME.with_columns(t=pl.col("t").fill_null("a")), y),
        "a name": (FRAME.rename({"n": "m"}), y),
        "the order": (FRAME.reverse(), y[::-1]),
        "a label": (FRAME, ["y", *y[1:]]),
        "the number": (FRAME.head(59), y[:59]),
    }
    assert {what: found.was_trained_on(*rows) for what, rows in others.items()} == dict.fromkeys(others, False)


def test_the_file_holds_how_far_chance_could_have_moved_the_measures(model, saved):
    held_out = load(saved).metadata["held_out"]
    assert held_out["intervals"].keys() == {"log_loss", "accuracy", "brier_score", "calibration_error_by_chance"}
    for name in ("log_loss", "accuracy", "brier_score"):
        low, high = held_out["intervals"][name]
        assert low < held_out["after"][name] < high


def test_extra_columns_and_unknown_values_are_counted_in_a_warning(model):
    expected = model.predict_proba(FRAME.with_columns(t=pl.when(pl.col("t") == "b").then(None).otherwise("t")))
    odd = FRAME.with_columns(t=pl.col("t").replace("b", "new"), more=1, other=2)
    with pytest.warns(DataWarning) as found:
        probabilities = model.predict_proba(odd)
    np.testing.assert_array_equal(probabilities, expected)
    assert [str(each.message) for each in found] == [
        "X has 2 columns not seen in training, ignored: 'more', 'other'.",
        "X has values not seen in training in 1 column, treated as missing: column 't' (1).",
    ]
    assert {each.filename for each in found} == {__file__}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(model, saved, monkeypatch):
    def fail(handle):
        raise OSError(28, "No space left on device")

    before = saved.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelFileError) as raised:
        model.save(saved)
    assert str(raised.value) == f"path must be writable; got {str(saved)!r} (No space left on device)."
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def refusal(call):
    with pytest.raises(ModelFileError) as raised:
        call()
    return str(raised.value)


def test_paths_that_cannot_be_written(tmp_path):
    folder, link, pipe, orphan = tmp_path / "folder", tmp_path / "link", tmp_path / "pipe", tmp_path / "none" / "m"
    folder.mkdir()
    link.symlink_to(tmp_path / "nowhere")
    os.mkfifo(pipe)
    assert (
        refusal(lambda: refuse_irregular(folder))
        == f"path must be a regular file; got {str(folder)!r}, a folder. Choose another name."
    )
    assert (
        refusal(lambda: refuse_irregular(link))
        == f"path must be a regular file; got {str(link)!r}, a link to nothing. Choose another name."
    )
    assert (
        refusal(lambda: refuse_irregular(pipe))
        == f"path must be a regular file; got {str(pipe)!r}, a device, a pipe or a socket. Choose another name."
    )
    assert (
        refusal(lambda: refuse_irregular(orphan))
        == f"path must be in an existing folder; got {str(orphan)!r}. Make the folder first."
    )
    blocked = tmp_path / "file" / "m"
    (tmp_path / "file").write_text("")
    assert (
        refusal(lambda: refuse_irregular(blocked))
        == f"path must be a file that can be written; got {str(blocked)!r} (Not a directory)."
    )
    assert refuse_irregular(tmp_path / "new") == tmp_path / "new"


def test_metadata_must_be_json(model, tmp_path):
    odd = replace(model, metadata={"score": np.float32(1)})
    with pytest.raises(TypeError) as raised:
        odd.save(tmp_path / "m")
    assert (
        str(raised.value)
        == "metadata must be JSON values: text, finite numbers, lists, dicts; got Object of type float32 is not JSON "
        "serializable."
    )
    assert list(tmp_path.iterdir()) == []


def test_paths_that_cannot_be_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert (
        refusal(lambda: load(tmp_path))
        == f"path must be a model file; got the folder {str(tmp_path)!r}. Name the file in it."
    )
    assert (
        refusal(lambda: load(pipe)) == f"path must be a regular file; got {str(pipe)!r}, a device, a pipe or a socket."
    )
    none = tmp_path / "none"
    assert refusal(lambda: load(none)) == f"path must be an existing model file; got {str(none)!r}. Check the name."
    link, loop = tmp_path / "link", tmp_path / "loop"
    link.symlink_to(none)
    loop.symlink_to(loop)
    assert (
        refusal(lambda: load(link))
        == f"path must be an existing model file; got {str(link)!r}, a link to nothing. Check the name."
    )
    assert (
        refusal(lambda: load(loop)) == f"path must be readable; got {str(loop)!r} (Too many levels of symbolic links)."
    )
    assert (
        refusal(lambda: load("/dev/null"))
        == "path must be a regular file; got '/dev/null', a device, a pipe or a socket."
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"[:9]])
def test_files_that_are_not_safetensors(content, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(content)
    start = f"path must be a model file (safetensors); got {str(path)!r}, which is not one or is cut short ("
    assert refusal(lambda: load(path)).startswith(start)


def test_a_safetensors_file_of_someone_else(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(save({"w": np.zeros(2)}))
    expected = f"path must be a model saved by logitwise; got {str(path)!r}, a safetensors file without its header."
    assert refusal(lambda: load(path)) == expected


def edited(path, change):
    file = read_model_file(path)
    header, tensors = file.header, {name: tensor.copy() for name, tensor in file.tensors.items()}
    change(header, tensors)
    write_model_file(path, header, tensors)


def test_another_version_is_refused(saved):
    edited(saved, lambda header, tensors: header.update(version=4))
    start = f"path must be a model of format version 2 or 3; got version {{}} in {str(saved)!r}. "
    assert refusal(lambda: load(saved)) == start.format(4) + "Upgrade logitwise."
    for version in (1, True, "2"):
        edited_again = read_beside(saved, version)
        expected = start.replace(saved.name, edited_again.name).format(repr(version))
        assert refusal(lambda: load(edited_again)) == expected + "Train it again with this version of logitwise."  # noqa: B023


def read_beside(path, version):
    beside = path.with_name(f"{version}.safetensors")
    write_model_file(beside, {"version": version}, {})
    return beside


def nan(tensors):
    tensors["network.hidden.1.bias"][0] = np.nan


NOT_SEVEN = "tensor 'network.hidden.0.weight' of float32 (8, 4, 8) where float32 (7, 4, 8) belongs"
NOT_INPUTS = "a category with more inputs than levels, or without their number"
WRONG_INPUTS = [
    *({"one_hot": wrong} for wrong in (-1, 1000, 1.0, True, None, "2")),
    *({"effects": wrong} for wrong in (-1, 1.0, True, None, "2")),
]
UNKNOWN_EFFECTS = "an unknown tensor 'categories.0.effects'"


def category(header):
    return next(entry for entry in header["columns"] if entry["kind"] == "category")


def with_effects(header, value):
    return np.full((len(category(header)["levels"]), 2), value, np.float32)


BAD_CALIBRATION = "a calibration without a valid method and share of the uniform distribution"
EDITS = [
    (lambda h, t: t.pop("network.hidden.0.bias"), "no tensor 'network.hidden.0.bias'"),
    (
        lambda h, t: t.update({"network.hidden.1.weight": np.zeros((8, 9, 4), np.float32)}),
        "tensor 'network.hidden.1.weight' of float32 (8, 9, 4) where float32 (8, 8, 4) belongs",
    ),
    (
        lambda h, t: t.update({"network.hidden.0.bias": np.zeros((8, 1, 8))}),
        "tensor 'network.hidden.0.bias' of float64 (8, 1, 8) where float32 (8, 1, 8) belongs",
    ),
    (
        lambda h, t: t.update({"numbers.fill": np.zeros(2)}),
        "tensor 'numbers.fill' of float64 (2,) where float64 (1,) belongs",
    ),
    (lambda h, t: nan(t), "tensor 'network.hidden.1.bias' with a number that is not finite"),
    (lambda h, t: t.update(stranger=np.zeros(1)), "an unknown tensor 'stranger'"),
    (lambda h, t: h.pop("metadata"), "a header without a valid 'metadata'"),
    (lambda h, t: h.pop("network"), "a header without a valid 'network'"),
    (lambda h, t: h.update(network={"members": 8}), "a network without its number of members and its widths"),
    (
        lambda h, t: h["network"].update(members=0),
        "a network of 0 members and widths [7, 4, 8, 4, 3] where 7 inputs and 3 classes belong",
    ),
    (
        lambda h, t: h["network"].update(widths=[7, 4, 8, 4, 2]),
        "a network of 8 members and widths [7, 4, 8, 4, 2] where 7 inputs and 3 classes belong",
    ),
    (lambda h, t: h["network"].update(members=7), NOT_SEVEN),
    (lambda h, t: h.update(knots=[2]), "numbers of knots that do not fit the columns"),
    (lambda h, t: h.update(knots=[]), "numbers of knots that do not fit the columns"),
    (lambda h, t: (h.update(knots=[3]), t.update({"numbers.knots": np.zeros(3)})), "knots that do not rise"),
    (
        lambda h, t: t.update(costs=np.ones((2, 2))),
        "tensor 'costs' of float64 (2, 2) where float64 (3, 3) belongs",
    ),
    (
        lambda h, t: t.update({"conformal.scores": np.full(3, np.nan)}),
        "tensor 'conformal.scores' with a number that is not finite",
    ),
    (lambda h, t: h["calibration"].update(uniform=1.0), BAD_CALIBRATION),
    (lambda h, t: h["calibration"].update(method="magic"), BAD_CALIBRATION),
    (
        lambda h, t: t.update({"calibration.scale": np.ones(2)}),
        "tensor 'calibration.scale' of float64 (2,) where float64 (3,) belongs",
    ),
    (lambda h, t: h.update(columns=[]), "columns and feature names that do not fit"),
    (lambda h, t: h.update(feature_names=["n"]), "columns and feature names that do not fit"),
    (
        lambda h, t: h.update(columns=[{"kind": "number"}, {"kind": "category", "levels": ["a", "a"]}]),
        "a column that is neither a number nor a category",
    ),
    (lambda h, t: h["classes"].update(type="object"), "classes of an unknown type"),
    (lambda h, t: h["classes"].update(labels=["x", 1, "z"]), "classes of an unknown type"),
    (lambda h, t: h["classes"].update(labels=["x", "y", "y"]), "fewer than two classes, or one twice"),
    (
        lambda h, t: h["classes"].update(labels=["x", "y", "z", "w"]),
        "a network of 8 members and widths [7, 4, 8, 4, 3] where 7 inputs and 4 classes belong",
    ),
    *((lambda h, t, wrong=wrong: category(h).update(wrong), NOT_INPUTS) for wrong in WRONG_INPUTS),
    (lambda h, t: category(h).update(effects=1), "no tensor 'categories.0.effects'"),
    (lambda h, t: t.update({"categories.0.effects": np.zeros((3, 1), np.float32)}), UNKNOWN_EFFECTS),
    (
        lambda h, t: (category(h).update(effects=2), t.update({"categories.0.effects": np.zeros((3, 1), np.float32)})),
        "tensor 'categories.0.effects' of float32 (3, 1) where float32 (3, 2) belongs",
    ),
    (
        lambda h, t: (category(h).update(effects=2), t.update({"categories.0.effects": with_effects(h, np.nan)})),
        "tensor 'categories.0.effects' with a number that is not finite",
    ),
    (
        lambda h, t: (category(h).update(effects=2), t.update({"categories.0.effects": with_effects(h, 1.0)})),
        "a network of 8 members and widths [7, 4, 8, 4, 3] where 9 inputs and 3 classes belong",
    ),
    (
        lambda h, t: category(h).update(one_hot=0),
        "a network of 8 members and widths [7, 4, 8, 4, 3] where 4 inputs and 3 classes belong",
    ),
]


@pytest.mark.parametrize(("change", "what"), EDITS)
def test_contents_that_do_not_fit_are_refused(change, what, saved):
    edited(saved, change)
    assert (
        refusal(lambda: load(saved))
        == f"path must be a whole logitwise model; got {what} in {str(saved)!r}. Save or download it again."
    )


def test_probabilities_by_hand():
    preprocessing = Preprocessing(
        None, (None, None), np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2, bool), (np.zeros(0),) * 2
    )
    hidden = (np.float32([[[1, 0], [0, -1]], [[0, 0], [0, 0]]]), np.float32([[[0, 1]], [[0, 1]]]))
    output = np.float32([[[1, 0, -1], [0, 1, -1]]] * 2)
    linear, prior = np.zeros((2, 2, 3), np.float32), np.float32([[[0, 0, 0.5]], [[0, 0, 0]]])
    linear[1, 0, 0] = 1.0
    network = Network((hidden,), output, linear, prior)
    calibration = Calibration(np.array([0.5, 1.0, 2.0]), np.array([0.0, 0.1, 0.2]), 0.03, "vector")
    three = Model(np.array([3, 4, 5]), preprocessing, network, calibration)

    def levelled(x):
        return x / np.sqrt(1 + (x / 3) ** 2)

    def silu(x):
        return x / (1 + np.exp(-x))

    first, second = levelled(2.0), levelled(-3.0)
    a, b, c = silu(first), silu(1 - second), silu(1.0)
    members = np.array([[a, b, 0.5 - a - b], [first, c, -c]])
    votes = np.log(np.mean(np.exp(members) / np.exp(members).sum(axis=1, keepdims=True), axis=0))
    scaled = np.exp(votes * calibration.scale + calibration.shift)
    expected = 0.97 * scaled / scaled.sum() + 0.01
    np.testing.assert_allclose(three.predict_proba([[2.0, -3.0]])[0], expected, rtol=1e-6)
    np.testing.assert_allclose(three.predict_log_proba([[2.0, -3.0]])[0], np.log(expected), rtol=1e-6)
    assert three.predict([[2.0, -3.0]]).tolist() == [3 + expected.argmax()]


def test_both_tails_of_a_binary_model_are_exact():
    preprocessing = Preprocessing(
        None, (None,), np.zeros(1), np.ones(1), np.zeros(1), np.zeros(1, bool), (np.zeros(0),)
    )
    network = Network((), None, np.float32([[[-32, 32]]]), np.zeros((1, 1, 2), np.float32))
    binary = Model(np.array([False, True]), preprocessing, network, Calibration.none(2))
    x = 3 / np.sqrt(3.0)  # levelled off to 1.5
    tail = np.exp(-96.0)
    np.testing.assert_allclose(binary.predict_proba([[x], [-x]]), [[tail, 1], [1, tail]], rtol=1e-5)
    np.testing.assert_allclose(binary.predict_log_proba([[x]]), [[-96, -tail]], rtol=1e-5)
    np.testing.assert_allclose(binary.decision_function([[x]]), [96.0], rtol=1e-6)
    assert binary.predict([[x], [-x]]).tolist() == [True, False]


def test_a_row_has_the_same_bits_alone_and_among_others(model):
    generator = np.random.default_rng(0)
    X = np.array([[value, "abc"[i % 3]] for i, value in enumerate(generator.normal(size=600))], dtype=object)
    together = model.predict_proba(X)
    for start in (0, 3, 88, 256, 500, 537, 584, 599):  # whole blocks, and last ones of every size
        np.testing.assert_array_equal(model.predict_proba(X[start:]), together[start:])
    assert model.predict_proba(X[:0]).shape == (0, 3)


@pytest.mark.parametrize(("inputs", "hidden", "classes"), [(20, (64, 64), 2), (300, (33, 256), 3), (5, (), 24)])
def test_the_bits_of_a_row_do_not_depend_on_its_place(inputs, hidden, classes):
    generator = np.random.default_rng(inputs)
    widths = (inputs, *hidden, classes)
    draw = [np.float32(generator.normal(size=(4, a, b)) / np.sqrt(a)) for a, b in pairwise(widths)]
    layers = tuple((weight, np.full((4, 1, weight.shape[2]), 0.1, np.float32)) for weight in draw[:-1])
    linear = generator.normal(size=(4, inputs, classes)).astype(np.float32)
    network = Network(layers, draw[-1] if hidden else None, linear, np.zeros((4, 1, classes), np.float32))
    numbers, none = np.zeros(inputs), (np.zeros(0),) * inputs
    preprocessing = Preprocessing(None, (None,) * inputs, numbers, numbers + 1, numbers, numbers > 0, none)
    model = Model(np.arange(classes), preprocessing, network, Calibration.none(classes))
    X = generator.normal(size=(600, inputs))
    together = model.predict_proba(X)
    for start in (1, 3, 8, 88, 255, 500, 537, 599):
        np.testing.assert_array_equal(model.predict_proba(X[start:]), together[start:])
    alone = [model.predict_proba(X[row : row + 1]) for row in range(200)]
    np.testing.assert_array_equal(np.concatenate(alone), together[:200])


def test_the_fingerprint_of_rows_is_as_the_documents_say():
    X = pl.DataFrame({"n": [1.5, None, -0.0], "t": ["ü", None, "b"], "i": [1, 2, 3]})
    numbers = np.array([[1.5, np.nan, 0.0], [1.0, 2.0, 3.0]], dtype="<f8")
    numbers.view("<u8")[0, 1] = 0x7FF8000000000000
    text = ['{"names":["n","t","i"],"rows":3}\n', '["ü",null,"b"]', '["x","y","x"]']
    first, second, last = (part.encode() for part in text)
    content = first + numbers[0].tobytes() + second + numbers[1].tobytes() + last
    found = rows_sha256(read_table(X), np.array(["x", "y", "x"], dtype=object))
    assert found == hashlib.sha256(content).hexdigest()
    numbers = X.select("n", "i").cast(pl.Float64)
    frame = pd.DataFrame(numbers.to_dict(as_series=False))
    frames = (numbers, frame, frame.astype({"i": "int64"}))
    assert len({rows_sha256(read_table(frame), np.array([1, 2, 1])) for frame in frames}) == 1


def mode_of(path):
    return oct(stat.S_IMODE(os.stat(path).st_mode))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o400])
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_who_may_read_a_file_may_read_the_one_that_takes_its_place(mode, umask, model, saved):
    link = saved.with_name("link")
    link.symlink_to(saved)
    before = os.umask(umask)
    try:
        for path in (saved, link):
            saved.chmod(mode)
            model.save(path)
            assert mode_of(saved) == oct(mode)
        with replacing(saved) as file:
            assert mode_of(file.name) == oct(mode)  # from the first byte on
    finally:
        os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_a_new_file_has_the_permissions_of_any_new_file(umask, model, tmp_path):
    before = os.umask(umask)
    try:
        model.save(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == oct(0o666 & ~umask)


def test_bytes_reach_the_disk_before_they_take_the_name(tmp_path, monkeypatch):
    path, seen, sync, replace_file = tmp_path / "m", [], os.fsync, os.replace
    path.write_bytes(b"old")

    def fsync(handle):
        seen.append(("fsync", os.fstat(handle).st_size, path.read_bytes()))
        sync(handle)

    def take_name(source, target):
        seen.append(("replace", Path(source).parent, Path(source).name[:3], path.read_bytes()))
        replace_file(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", take_name)
    with replacing(path) as file:
        file.write(b"news")
    assert seen == [("fsync", 4, b"old"), ("replace", tmp_path, ".m.", b"old")]
    assert path.read_bytes() == b"news"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_whatever_ends_a_write_leaves_the_old_file_and_nothing_else(error, tmp_path):
    path = tmp_path / "m"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_share_a_temporary_one(tmp_path):
    path = tmp_path / "m"
    with replacing(path) as first:
        with replacing(path) as second:
            second.write(b"second")
        first.write(b"first")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


SIZES = [0, 1, 15, 16, 17, 31, 32, 33, 48]


def made_tensors():
    """Return tensors of every dtype, of as many bytes as one part of the file, or as two, and of one more and less."""
    generator = np.random.default_rng(0)
    made = {f"b{size}": generator.integers(0, 2, size).astype(bool) for size in SIZES}
    made |= {f"u{size}": generator.integers(0, 256, size).astype(np.uint8) for size in SIZES}
    made |= {f"f{size}": generator.normal(size=size).astype(np.float32) for size in SIZES}
    made |= {f"d{size}": generator.normal(size=size) for size in SIZES}
    matrix = generator.normal(size=(3, 4))
    return made | {
        "turned": matrix.T,
        "fortran": np.asfortranarray(matrix),
        "strided": matrix[::2],
    }


@pytest.mark.parametrize("at_once", [16, 1 << 20])
def test_tensors_of_any_size_and_layout_are_read_as_they_were(at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BYTES_AT_ONCE", at_once)
    tensors = made_tensors()
    write_model_file(tmp_path / "m", {"version": 2, "é": [1.5, None]}, tensors)
    file = read_model_file(tmp_path / "m")
    assert file.header == {"version": 2, "é": [1.5, None]}
    assert file.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(file.tensors[name], tensor, strict=True)
        assert not file.tensors[name].flags.writeable


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(place, value, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 4)
    numbers = np.zeros((3, 3))
    numbers.flat[place] = value
    write_model_file(tmp_path / "m", {}, {"a": numbers})
    file = read_model_file(tmp_path / "m")
    said = "got tensor 'a' with a number that is not finite in"
    assert said in refusal(lambda: file.tensor("a", np.float64, (3, 3)))
    for shape in ((3,), (3, 4), (3, 3, 1), (9,)):
        assert "got tensor 'a' of float64 (3, 3) where float64" in refusal(lambda: file.tensor("a", np.float64, shape))  # noqa: B023
    assert "where float32 ('any', 3) belongs" in refusal(lambda: file.tensor("a", np.float32, (None, 3)))


def test_readers_return_what_fits(tmp_path):
    write_model_file(tmp_path / "m", {"n": None, "d": {}, "l": [1]}, {"a": np.ones((2, 3)), "b": np.ones(2, bool)})
    file = read_model_file(tmp_path / "m")
    for shape in ((2, 3), (None, 3), (2, None), (None, None)):
        np.testing.assert_array_equal(file.tensor("a", np.float64, shape), np.ones((2, 3)))
    assert file.tensor("b", np.bool_, (None,)).tolist() == [True, True]
    assert file.field("n", (list, type(None))) is None
    assert (file.field("d", dict), file.field("l", list)) == ({}, [1])
    for name, kind in (("d", list), ("n", list), ("q", (list, type(None)))):
        assert f"got a header without a valid {name!r} in" in refusal(lambda: file.field(name, kind))  # noqa: B023


@pytest.mark.parametrize("words", range(9))
def test_numbers_begin_at_a_multiple_of_eight_bytes_whatever_the_header(words, tmp_path):
    write_model_file(tmp_path / "m", {"version": 2, "words": "x" * words}, {"a": np.ones(2)})
    assert int.from_bytes((tmp_path / "m").read_bytes()[:8], "little") % 8 == 0
    assert read_model_file(tmp_path / "m").header["words"] == "x" * words


def test_a_header_may_have_its_longest_length_and_no_byte_more(tmp_path, monkeypatch):
    path = tmp_path / "m"
    write_model_file(path, {"words": "x" * 100}, {})
    longest = int.from_bytes(path.read_bytes()[:8], "little")
    monkeypatch.setattr(module, "LONGEST_HEADER", longest)
    write_model_file(path, {"words": "x" * 100}, {})
    assert read_model_file(path).header["words"] == "x" * 100
    with pytest.raises(ValueError) as raised:
        write_model_file(path, {"words": "x" * 108}, {})
    assert str(raised.value) == (
        f"model must be described in {longest} bytes or fewer; got {longest + 8}. Drop columns or metadata."
    )
    monkeypatch.setattr(module, "LONGEST_HEADER", longest - 1)
    assert f"its header would be longer than {longest - 1:,} bytes" in refusal(lambda: read_model_file(path))


@pytest.mark.parametrize("value", [np.nan, np.inf, "\ud800", {1, 2}])
def test_what_json_cannot_hold_is_refused_before_anything_is_written(value, tmp_path):
    with pytest.raises(TypeError, match=r"^metadata must be JSON values: text, finite numbers, lists, dicts; got "):
        write_model_file(tmp_path / "m", {"odd": value}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_a_refused_file_is_closed(tmp_path, saved):
    def handles():
        return len(list(Path("/proc/self/fd").iterdir()))

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    before = handles()
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "empty"):
        with pytest.raises(ModelFileError):
            load(path)
    load(saved)
    assert handles() == before


def test_an_existing_file_is_named_by_where_its_links_lead(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("")
    link.symlink_to(real)
    assert refuse_irregular(str(link)) == refuse_irregular(real) == real


def test_everything_a_model_knows_is_in_its_file(tmp_path):
    generator = np.random.default_rng(0)
    statistics = generator.normal(size=(3, 3))
    knots = (np.array([0.0, 1.0, 3.0]), np.zeros(0), np.array([-2.0, -1.0, 0.5, 4.0]))
    levels = (None, ("b", "a"), None, ("x", "y", "z"), None)
    had_gaps = np.array([True, False, True])
    preprocessing = Preprocessing(("p", "q", "r", "s", "t"), levels, *statistics, had_gaps, knots)
    widths = (preprocessing.n_deep, 4, 2)
    layers = [generator.normal(size=(2, 1 + a, b)).astype(np.float32) for a, b in pairwise(widths)]
    output, linear, prior = (
        generator.normal(size=(2, rows, 3)).astype(np.float32) for rows in (2, preprocessing.n_inputs, 1)
    )
    network = Network(tuple((layer[:, 1:], layer[:, :1]) for layer in layers), output, linear, prior)
    calibration = Calibration(*generator.normal(size=(2, 3)), 0.125, "vector")
    costs, scores = generator.random((3, 3)), np.sort(generator.random(7))
    whole = Model(np.array([3, -1, 7]), preprocessing, network, calibration, costs, scores, {"a": [1, None]})
    whole.save(tmp_path / "m")
    found = load(tmp_path / "m")
    assert found.metadata == whole.metadata
    assert found.classes.tolist() == [3, -1, 7]
    assert (found.preprocessing.names, found.preprocessing.levels) == (preprocessing.names, levels)
    pairs = [
        *zip(found.preprocessing.knots, knots, strict=True),
        (found.costs, costs),
        (found.conformal_scores, scores),
    ]
    pairs += [(found.preprocessing.tensors()[name], tensor) for name, tensor in preprocessing.tensors().items()]
    pairs += [(found.network.tensors()[name], tensor) for name, tensor in network.tensors().items()]
    pairs += [(found.calibration.scale, calibration.scale), (found.calibration.shift, calibration.shift)]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, theirs, strict=True)
    assert (found.calibration.uniform, found.calibration.method) == (0.125, "vector")
    X = pl.DataFrame({"p": [1.0, None], "q": ["a", "b"], "r": [2.0, -3.0], "s": ["z", None], "t": [None, 0.2]})
    np.testing.assert_array_equal(found.predict_proba(X), whole.predict_proba(X))
