"""What is written so far: predictions and unknown values counted, and tables of strangers refused."""

import numpy as np
import polars as pl
import pytest

from logitwise.cli.predictions import Predicted, Written
from logitwise.model.model import Batch


def predicted(rows=2, strangers=(0, 0), **unknown):
    return Predicted(Batch(np.zeros(rows, np.intp), np.full((rows, 2), 0.5), unknown, strangers), None)


def test_rows_and_unknown_values_are_counted(capsys):
    written = Written()
    for part in (predicted(3, x=1, y=0), predicted(2, x=2), predicted(1, y=4)):
        assert written.count(part) is part
    assert (written.rows, written.unknown) == (6, {"x": 3, "y": 4})
    written.note()
    assert "4" in capsys.readouterr().err


@pytest.mark.parametrize("strangers", [(0, 0), (19, 19), (10, 20), (50, 100)])
def test_few_strangers_or_values_are_predicted(strangers):
    Written().count(predicted(strangers=strangers))


@pytest.mark.parametrize("strangers", [(20, 20), (11, 20), (51, 100)])
def test_more_strangers_than_half_are_refused(strangers):
    with pytest.raises(ValueError) as raised:
        Written().count(predicted(1, strangers, a=strangers[0] - 1, b=0, c=1))
    assert str(raised.value) == (
        f"DATA must hold categories that training saw; got {strangers[0]} of {strangers[1]} values that it did not, in "
        "a, c. Is it the right file?"
    )


def test_strangers_are_refused_in_the_first_rows_alone():
    written = Written()
    written.count(predicted())
    written.count(predicted(strangers=(20, 20), a=20))
    assert written.rows == 4


def test_what_is_kept_is_told_as_text_from_every_part():
    from types import SimpleNamespace

    from logitwise.cli.predictions import as_json

    model = SimpleNamespace(classes=np.array(["a", "b"], object))
    parts = [Predicted(predicted(2).batch, pl.DataFrame({"id": ids})) for ids in ([1, None], [3, 4])]
    assert as_json(model, parts)["kept"] == {"id": ["1", None, "3", "4"]}
    assert "kept" not in as_json(model, [predicted()])
