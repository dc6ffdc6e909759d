"""checks(): where the setting holds, how often a warning is given, and what is not looked at."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import logitwise as lw
from logitwise import DataWarning
from logitwise._warnings import warn_of_data
from logitwise.classifier import Classifier
from mistakes.planted import INDEX, PROBABILITIES, TARGET, TENSOR


def test_the_setting_is_warn_and_a_block_puts_back_what_was():
    assert lw.checks().mode == "warn"
    with lw.checks("off") as setting:
        assert (setting.mode, lw.checks().mode, repr(setting)) == ("off", "off", "<logitwise.checks 'off'>")
        with lw.checks("raise"):
            assert lw.checks().mode == "raise"
        assert lw.checks().mode == "off"
    assert lw.checks().mode == "warn"


def test_asking_changes_nothing():
    with lw.checks("raise"):
        with lw.checks() as setting:
            assert setting.mode == lw.checks().mode == "raise"
        assert lw.checks().mode == "raise"
    assert lw.checks().mode == "warn"


def test_a_block_that_fails_puts_back_what_was():
    with pytest.raises(lw.ProbabilitiesAsLogitsWarning), lw.checks("raise"):
        lw.cross_entropy(PROBABILITIES, TARGET)
    assert lw.checks().mode == "warn"


def test_without_a_block_it_holds_until_it_is_set_again():
    lw.checks("off")
    try:
        lw.cross_entropy(PROBABILITIES, TARGET)
        assert lw.checks().mode == "off"
    finally:
        lw.checks("warn")


def test_another_mode_is_refused():
    with pytest.raises(ValueError, match=r"^mode must be one of 'off', 'warn', 'raise'; got 'error'\.$"):
        lw.checks("error")
    assert lw.checks().mode == "warn"


def test_threads_have_a_setting_each():
    seen, first, second = [], threading.Event(), threading.Event()

    def work() -> None:
        seen.append(lw.checks().mode)
        with lw.checks("raise"):
            first.set()
            second.wait(10)
            seen.append(lw.checks().mode)

    with lw.checks("off"):
        thread = threading.Thread(target=work)
        thread.start()
        first.wait(10)
        seen.append(lw.checks().mode)
        second.set()
        thread.join()
    assert seen == ["warn", "off", "raise"]


def given_in_a_loop(action: str, *inputs: np.ndarray) -> list[str]:
    """Return the texts of the warnings that a line of a loop gives over these logits, under a filter."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        for logits in inputs:
            lw.cross_entropy(logits, TARGET)
    return [str(warning.message) for warning in caught]


SPOILED = [np.where(np.arange(32)[:, None] == row, np.nan, PROBABILITIES * 3) for row in (2, 5, 7)]


def test_a_line_is_warned_of_once_whatever_row_it_is():
    for _ in range(2):  # filters that changed since then make it new
        (message,) = given_in_a_loop("default", *SPOILED)
        assert "at row 2" in message


def test_another_line_is_warned_of_too():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            lw.cross_entropy(SPOILED[0], TARGET)
            lw.cross_entropy(SPOILED[0], TARGET)
    assert len(caught) == 2
    assert caught[1].lineno == caught[0].lineno + 1


def test_two_kinds_on_one_line_are_both_given():
    both = SPOILED[0].copy()
    both[9] = -np.inf
    assert len(given_in_a_loop("default", both, both)) == 2


def test_filters_decide():
    assert len(given_in_a_loop("always", *SPOILED)) == 3
    assert given_in_a_loop("ignore", *SPOILED) == []
    for _ in range(2):
        with pytest.raises(lw.NotFiniteWarning, match="at row 5"):
            given_in_a_loop("error", SPOILED[1])


def test_the_line_is_that_of_the_user_also_through_a_module():
    loss = lw.nn.CrossEntropyLoss()
    with pytest.warns(lw.ProbabilitiesAsLogitsWarning) as caught:
        loss(TENSOR.softmax(1), INDEX)
    assert caught[0].filename == __file__


def run_as(code: str, file: str, **names: object) -> list[warnings.WarningMessage]:
    """Return the warnings of code that is run as if it stood in a file, of a module of `__name__`."""
    namespace = {"lw": lw, "TARGET": TARGET, "SPOILED": SPOILED, **names}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        exec(compile(code, file, "exec"), namespace)
    return caught


def of_library(module: str, body: str, **names: object) -> Callable[..., object]:
    """Return a function `called(*arguments)` of a module of another name, in the second line of `library.py`."""
    namespace = {"__name__": module, **names}
    exec(compile(f"def called(*arguments):\n    {body}\n", "library.py", "exec"), namespace)
    return namespace["called"]


@pytest.mark.parametrize("file", ["<stdin>", "<string>"])
def test_each_call_at_the_prompt_is_warned_of(file):
    """There, every line is line 1 of one file."""
    codes = [f"lw.cross_entropy(SPOILED[{place}], TARGET)" for place in range(3)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for code in (*codes, *codes):
            exec(compile(code, file, "exec"), {"lw": lw, "TARGET": TARGET, "SPOILED": SPOILED})
    assert [str(warning.message).partition(" at ")[2][:5] for warning in caught] == ["row 2", "row 5", "row 7"]
    assert {warning.filename for warning in caught} == {file}


def test_a_line_of_a_file_is_warned_of_once_for_each_kind():
    code = "for logits in SPOILED:\n    lw.cross_entropy(logits, TARGET)\nlw.cross_entropy(SPOILED[2], TARGET)\n"
    caught = run_as(code, "made.py")
    assert [(warning.filename, warning.lineno) for warning in caught] == [("made.py", 2), ("made.py", 3)]
    assert ["row 2" in str(warning.message) for warning in caught] == [True, False]


@pytest.mark.parametrize(
    ("module", "is_passed_over"),
    [
        ("sklearn.pipeline", True), ("sklearn", True), ("torch.nn.modules.module", True), ("logitwise.nn", True),
        ("sklearnex.pipeline", False), ("torchvision.ops", False), ("mylogitwise", False), ("__main__", False),
    ],
)  # fmt: skip
def test_the_line_is_the_first_that_is_not_of_a_library(module, is_passed_over):
    library: dict = {"__name__": module, "lw": lw}
    exec(
        compile("def loss(logits, target):\n    return lw.cross_entropy(logits, target)\n", "library.py", "exec"),
        library,
    )
    (warning,) = run_as("\n\nloss(SPOILED[0], TARGET)", "user.py", __name__="user", loss=library["loss"])
    assert (warning.filename, warning.lineno) == (("user.py", 3) if is_passed_over else ("library.py", 2))


def test_filters_go_by_the_module_of_the_user():
    code = "lw.cross_entropy(SPOILED[0], TARGET)"
    for module, times in (("one", 0), ("two", 1)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", module="one")
            exec(code, {"__name__": module, "lw": lw, "SPOILED": SPOILED, "TARGET": TARGET})
        assert len(caught) == times


@pytest.mark.parametrize("mode", ["warn", "off", "raise"])
def test_what_is_said_of_data_goes_by_filters_alone(mode):
    """A line is told once of each text, the lines of scikit-learn and torch passed over."""
    library: dict = {"__name__": "sklearn.base", "warn_of_data": warn_of_data}
    exec(compile("def fit(text):\n    warn_of_data(DeprecationWarning, text)\n", "library.py", "exec"), library)
    with lw.checks(mode):
        caught = run_as(
            "for text in 'abab':\n    fit(text)\nfit('a')\n", "user.py", __name__="user", fit=library["fit"]
        )
    found = [(str(warning.message), warning.category, warning.filename, warning.lineno) for warning in caught]
    assert found == [
        ("a", DeprecationWarning, "user.py", 2),
        ("b", DeprecationWarning, "user.py", 2),
        ("a", DeprecationWarning, "user.py", 3),
    ]


def test_a_note_on_data_through_scikit_learn_points_at_the_users_line():
    X = np.stack([np.random.default_rng(0).normal(size=60), np.ones(60)], axis=1)
    pipeline = make_pipeline(FunctionTransformer(), Classifier((), steps=1))
    with pytest.warns(DataWarning, match="only one value") as caught:
        pipeline.fit(X, np.arange(60) % 2)
    assert [warning.filename for warning in caught] == [__file__]


def test_every_warning_that_is_not_about_data_is_governed_by_the_setting():
    found = {getattr(lw, name) for name in lw.__all__ if name.endswith("Warning")}
    assert len(found) > 10
    assert {category for category in found if not issubclass(category, lw.LogitwiseWarning)} == {
        lw.DataWarning,
        lw.TrainingWarning,
    }
    assert issubclass(lw.ZeroClassWeightWarning, lw.NoRowsWarning)


def test_transforms_and_compiled_code_are_not_looked_at():
    with warnings.catch_warnings():
        warnings.simplefilter("error", lw.LogitwiseWarning)
        probabilities = TENSOR.softmax(1)
        eager = lw.reference.cross_entropy(probabilities.double().numpy(), np.eye(5)[TARGET])[0].mean()
        gradient, loss = torch.func.grad_and_value(lambda z: lw.cross_entropy(z, INDEX))(probabilities)
        compiled = torch.compile(lambda z: lw.cross_entropy(z, INDEX), fullgraph=True, backend="eager")
        for result in (loss, compiled(probabilities), compiled(probabilities.clone().requires_grad_())):
            np.testing.assert_allclose(result.item(), eager, rtol=1e-6)
    assert gradient.shape == TENSOR.shape
