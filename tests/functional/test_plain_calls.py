"""Small calls take a short way: the same bits as the general one, and the same sentences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw

OPTIONS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "normalizer": {"normalizer": 7},
    "smoothing": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.01},
    "ignored": {"ignore_index": 2},
}


def inputs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    return generator.normal(size=(30, 7)).astype(dtype) * 3, generator.integers(0, 7, 30)


def general(logits: np.ndarray, target: np.ndarray, options: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return what strided memory gets, which is never a small call."""
    wide = np.empty((30, 14), logits.dtype)
    wide[:, ::2] = logits
    return lw.cross_entropy_and_gradient(wide[:, ::2], target, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_arrays_get_the_same_bits(options, dtype):
    logits, target = inputs(dtype)
    loss, gradient = general(logits, target, options)
    assert lw.cross_entropy(logits, target, **options) == loss
    short_loss, short_gradient = lw.cross_entropy_and_gradient(logits, target, **options)
    assert type(short_loss) is type(loss)
    assert short_loss == loss
    np.testing.assert_array_equal(short_gradient, gradient)
    out = np.empty_like(logits)
    assert lw.cross_entropy_and_gradient(logits, target, out=out, **options)[1] is out
    np.testing.assert_array_equal(out, gradient)
    assert lw.cross_entropy_and_gradient(logits, target, out=logits, **options)[1] is logits
    np.testing.assert_array_equal(logits, gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_tensors_get_the_same_bits(options, dtype):
    array, indices = inputs("float32")
    logits, target = torch.from_numpy(array).to(dtype), torch.from_numpy(indices)
    wide = torch.empty(30, 14, dtype=dtype)
    wide[:, ::2] = logits
    loss, gradient = lw.cross_entropy_and_gradient(wide[:, ::2], target, **options)
    leaf = logits.clone().requires_grad_()
    short_loss, short_gradient = lw.cross_entropy_and_gradient(leaf, target, **options)
    assert not short_loss.requires_grad
    assert not short_gradient.requires_grad
    assert torch.equal(short_loss, loss)
    assert torch.equal(short_gradient, gradient)
    out = torch.empty_like(logits)
    assert lw.cross_entropy_and_gradient(logits, target, out=out, **options)[1] is out
    assert torch.equal(out, gradient)
    assert lw.cross_entropy_and_gradient(logits, target, out=logits, **options)[1] is logits
    assert torch.equal(logits, gradient)


def test_what_is_wrong_is_said():
    logits, target = inputs("float32")
    target[4] = 7
    with pytest.raises(ValueError, match=r"target must be in \[0, 6\]; got 7 at row 4"):
        lw.cross_entropy_and_gradient(logits, target)
    with pytest.raises((ValueError, IndexError), match=r"got 7 at row 4"):
        lw.cross_entropy_and_gradient(torch.from_numpy(logits), torch.from_numpy(target))
    logits[3, 1] = np.nan
    with pytest.warns(lw.LogitwiseWarning, match="row 3"):
        assert np.isnan(lw.cross_entropy(logits, np.zeros(30, np.int64)))


def test_an_out_that_does_not_fit_is_refused():
    logits, target = inputs("float32")
    with pytest.raises(ValueError, match="out must have the shape"):
        lw.cross_entropy_and_gradient(logits, target, out=np.empty((7, 30), np.float32))
    with pytest.raises(TypeError, match="out must have the dtype"):
        lw.cross_entropy_and_gradient(
            torch.from_numpy(logits), torch.from_numpy(target), out=torch.empty(30, 7).double()
        )


# --- functions of logits ----------------------------------------------------------------------------------------------

NORMALIZERS = {"softmax": lw.softmax, "log_softmax": lw.log_softmax}
SIGMOIDS = {"sigmoid": lw.sigmoid, "log_sigmoid": lw.log_sigmoid}
FILLING = {**NORMALIZERS, **SIGMOIDS}
FUNCTIONS = {**FILLING, "logsumexp": lw.logsumexp}


def route(function, logits, **options) -> str:
    return lw.route_of(logits, function=function, **options).name


def with_gaps(logits: np.ndarray) -> np.ndarray:
    """Return the same numbers in memory that is never a small call."""
    return np.repeat(logits, 2, axis=-1)[..., ::2]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def options_of(function) -> list[dict]:
    if function in SIGMOIDS.values():
        return [{}]
    if function is lw.logsumexp:
        return [{}, {"axis": 1}, {"keepdims": True}]
    return [{}, {"axis": 1}, {"temperature": 0.25}, {"temperature": 2.0**100}, {"temperature": 2.0**-100}]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (64, 10), (5, 400), (300, 200), (5000, 30)], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_of_arrays_get_the_same_bits(function, shape, dtype):
    logits = np.random.default_rng(3).normal(size=shape).astype(dtype) * 8
    logits.flat[:: max(logits.size // 3, 2)] = -np.inf if logits.size > 2 else 0.5
    general = with_gaps(logits)
    for options in options_of(function):
        assert route(function, logits, **options) == "plain call"
        if general.size > shape[0]:  # memory of one column has no gaps that count
            assert route(function, general, **options) == "CPU kernels"
        assert same_bits(function(logits, **options), function(general, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", FILLING.values(), ids=FILLING)
def test_out_is_filled_with_the_same_bits(function, dtype):
    logits = inputs(dtype)[0]
    expected = function(with_gaps(logits))
    out = np.empty_like(logits)
    assert function(logits, out=out) is out
    assert same_bits(out, expected)
    gaps = np.zeros((30, 14), dtype)[:, ::2]
    assert function(logits, out=gaps) is gaps
    assert same_bits(np.ascontiguousarray(gaps), expected)
    memory = np.zeros(logits.size + 7, dtype)  # `out` lies one row behind the logits
    shifted, behind = memory[7:].reshape(30, 7), memory[:-7].reshape(30, 7)
    shifted[:] = logits
    assert same_bits(function(shifted, out=behind), expected)
    ahead = memory[7:].reshape(30, 7)
    behind[:] = logits
    assert same_bits(function(behind, out=ahead), expected)
    own = logits.copy()
    assert function(own, out=own) is own
    assert same_bits(own, expected)


REFUSED_OUTS = {
    "read-only": (lambda z: np.broadcast_to(z[:1], z.shape), "out must be writeable"),
    "another shape": (lambda z: np.empty((7, 30), z.dtype), "out must have the shape of the result"),
    "another dtype": (lambda z: np.empty(z.shape, np.float16), "out must have the dtype of the result"),
    "a list": (lambda z: z.tolist(), "out must be a NumPy array like logits"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED_OUTS.values(), ids=REFUSED_OUTS)
@pytest.mark.parametrize("function", FILLING.values(), ids=FILLING)
def test_an_out_that_cannot_be_filled_is_refused(function, make, message):
    logits = inputs("float32")[0]
    with pytest.raises((ValueError, TypeError), match=message):
        function(logits, out=make(logits))


class Labelled(np.ndarray):
    """A subclass with nothing of its own."""


NOT_SMALL = {
    "sixteen bits": lambda z: z.astype(np.float16),
    "integers": lambda z: z.astype(np.int64),
    "the other byte order": lambda z: z.astype(z.dtype.newbyteorder()),
    "a subclass": lambda z: z.view(Labelled),
    "read-only": lambda z: np.frombuffer(z.tobytes(), z.dtype).reshape(z.shape),
    "not aligned": lambda z: np.frombuffer(bytearray(b"0" + z.tobytes()), z.dtype, offset=1).reshape(z.shape),
    "in Fortran order": np.asfortranarray,
    "no rows": lambda z: z[:0],
    "a list": lambda z: z.tolist(),
}


@pytest.mark.parametrize("change", NOT_SMALL.values(), ids=NOT_SMALL)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_other_arrays_take_the_kernels(function, change):
    logits = change(inputs("float32")[0])
    assert route(function, logits) == "CPU kernels"
    result = function(logits)
    assert type(result) is np.ndarray
    plain = np.array(logits, np.float64)
    expected = plain if not plain.size and function in FILLING.values() else np.asarray(function(plain), np.float64)
    if not plain.size:
        expected = np.empty(result.shape)
    np.testing.assert_allclose(result.astype(np.float64), expected, rtol=2e-3, atol=2e-3)


OTHER_AXES = {
    "axis 0": {"axis": 0},
    "axis -2": {"axis": -2},
    "an integer of NumPy": {"axis": np.int64(1)},
    "a mask": {"mask": np.arange(7) != 3},
}


@pytest.mark.parametrize("options", OTHER_AXES.values(), ids=OTHER_AXES)
@pytest.mark.parametrize("function", [*NORMALIZERS.values(), lw.logsumexp], ids=[*NORMALIZERS, "logsumexp"])
def test_other_options_take_the_kernels(function, options):
    logits = inputs("float64")[0]
    assert route(function, logits, **options) == "CPU kernels"
    assert same_bits(function(logits, **options), function(with_gaps(logits), **options))


def test_a_temperature_of_another_type_takes_the_kernels_and_a_wrong_one_is_refused():
    logits = inputs("float64")[0]
    for temperature in (2, np.float64(2.0), np.array([2.0])):
        assert route(lw.softmax, logits, temperature=temperature) == "CPU kernels"
        assert same_bits(lw.softmax(logits, temperature=temperature), lw.softmax(logits, temperature=2.0))
    for temperature in (0.0, -1.0, np.inf, np.nan):
        for function in NORMALIZERS.values():
            with pytest.raises(ValueError, match="temperature must be positive and finite"):
                function(logits, temperature=temperature)


@pytest.mark.parametrize("function", SIGMOIDS.values(), ids=SIGMOIDS)
def test_sigmoids_of_any_shape(function):
    values = inputs("float64")[0]
    for logits in (values[0], values.reshape(5, 6, 7), values.reshape(1, 1, -1)):
        assert route(function, logits) == "plain call"
        assert same_bits(function(logits), function(with_gaps(logits)))
    single = function(np.array(0.5))
    assert route(function, np.array(0.5)) == "CPU kernels"
    assert type(single) is np.float64


@pytest.mark.parametrize("function", [*NORMALIZERS.values(), lw.logsumexp], ids=[*NORMALIZERS, "logsumexp"])
def test_rows_of_another_number_of_axes_take_the_kernels(function):
    values = inputs("float64")[0]
    matrix = function(values)
    assert route(function, values[0]) == route(function, values[None]) == "CPU kernels"
    assert function(values[0]).tobytes() == matrix[0].tobytes()
    assert function(values[None]).tobytes() == matrix.tobytes()


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_masked_arrays_are_refused(function):
    with pytest.raises(TypeError, match="logits must be a plain array; got a masked array"):
        function(np.ma.masked_array(inputs("float64")[0]))


LOSSES_NOT_SMALL = {
    "integers of 32 bits": lambda z, y: (z, y.astype(np.int32), {}),
    "sixteen bits": lambda z, y: (z.astype(np.float16), y, {}),
    "the other byte order": lambda z, y: (z.astype(z.dtype.newbyteorder()), y, {}),
    "gaps": lambda z, y: (with_gaps(z), y, {}),
    "targets with gaps": lambda z, y: (z, np.repeat(y, 2)[::2], {}),
    "a subclass": lambda z, y: (z.view(Labelled), y, {}),
    "a target of a subclass": lambda z, y: (z, y.view(Labelled), {}),
    "an axis of NumPy": lambda z, y: (z, y, {"axis": np.int64(1)}),
    "axis 0": lambda z, y: (np.ascontiguousarray(z.T), y, {"axis": 0}),
    "three axes": lambda z, y: (z[None], y[None], {}),
    "integer smoothing": lambda z, y: (z, y, {"label_smoothing": 0}),
    "integer z-loss": lambda z, y: (z, y, {"z_loss": 0}),
    "a large normalizer": lambda z, y: (z, y, {"normalizer": 2**64}),
}


@pytest.mark.parametrize("change", LOSSES_NOT_SMALL.values(), ids=LOSSES_NOT_SMALL)
def test_other_losses_take_the_kernels(change):
    logits, target, options = change(*inputs("float64"))
    loss = lw.cross_entropy(logits, target, **options)
    expected = lw.cross_entropy(*inputs("float64"))
    if "normalizer" in options:
        expected = expected * 30 / 2**64
    assert lw.route_of(logits, target, **options).name == "CPU kernels"
    np.testing.assert_allclose(np.float64(loss), expected, rtol=2e-3)


def test_a_gradient_is_not_written_over_the_target_while_that_is_read():
    logits, target = inputs("float64")
    expected = lw.cross_entropy_and_gradient(logits, target)
    memory = np.zeros(logits.size)
    indices = memory.view(np.int64)[-30:]
    indices[:] = target
    loss, gradient = lw.cross_entropy_and_gradient(logits, indices, out=memory.reshape(30, 7))
    assert loss == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


def test_the_first_axis_of_a_square_is_not_taken_for_the_last():
    logits, target = inputs("float64")[0][:7], np.array([0, 1, 2, 3, 4, 5, 5])
    assert lw.route_of(logits, target, axis=0).name == "CPU kernels"
    assert lw.cross_entropy(logits, target, axis=0) == lw.cross_entropy(np.ascontiguousarray(logits.T), target)


OVERFLOWS = {
    "cross_entropy": lambda z: lw.cross_entropy(z, np.zeros(len(z), np.int64), reduction="sum"),
    "focal_loss": lambda z: lw.focal_loss(z, np.zeros(len(z), np.int64), reduction="sum"),
    "kl_divergence": lambda z: lw.kl_divergence(z, np.ascontiguousarray(z[:, ::-1]), reduction="sum"),
    "kl_divergence, mean": lambda z: lw.kl_divergence(z, np.ascontiguousarray(z[:, ::-1]), temperature=1e-30),
}


@pytest.mark.parametrize("rows", [3, 40_000])
@pytest.mark.parametrize("call", OVERFLOWS.values(), ids=OVERFLOWS)
def test_a_loss_beyond_the_dtype_is_infinite_without_a_warning(call, rows):
    logits = np.tile(np.float32([[0.0, 3e38]]), (rows, 1))
    assert call(logits) == np.inf
    assert call(with_gaps(logits)) == np.inf


@pytest.mark.parametrize("function", NORMALIZERS.values(), ids=NORMALIZERS)
@pytest.mark.parametrize("ahead", [False, True], ids=["behind", "ahead"])
def test_an_out_that_overlaps_many_rows_is_filled_as_another_is(function, ahead):
    """The first tiles of rows would be written over the next ones before these are read."""
    logits = np.random.default_rng(1).normal(size=(400, 7))
    expected = function(logits)
    memory = np.zeros(401 * 7)
    first, second = memory[:-7].reshape(400, 7), memory[7:].reshape(400, 7)
    source, out = (first, second) if ahead else (second, first)
    source[:] = logits
    assert same_bits(np.array(function(source, out=out)), expected)


def test_a_gradient_is_not_written_over_many_targets_while_they_are_read():
    generator = np.random.default_rng(2)
    logits, target = generator.normal(size=(400, 7)), generator.integers(0, 7, 400)
    expected = lw.cross_entropy_and_gradient(logits, target)
    memory = np.zeros(logits.size)
    indices = memory.view(np.int64)[:400]
    indices[:] = target
    loss, gradient = lw.cross_entropy_and_gradient(logits, indices, out=memory.reshape(400, 7))
    assert loss == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
