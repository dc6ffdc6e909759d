"""Parts of the training loop that cannot be seen from outside."""

import numpy as np
import pytest
import torch

from logitwise.classifier.training import Rows, _dropped, _mean_loss, _schedule, _shifted


def test_images_move_by_whole_pixels_with_their_edge_repeated():
    image = torch.arange(12.0).reshape(1, 3, 4, 1)
    generator = torch.Generator().manual_seed(0)
    padded = np.pad(image[0, :, :, 0].numpy(), 1, mode="edge")
    windows = {padded[down : down + 3, right : right + 4].tobytes() for down in range(3) for right in range(3)}
    moved = _shifted(image.reshape(1, 12).repeat(200, 1), (3, 4), 1, generator).reshape(200, 3, 4)
    assert {row.numpy().tobytes() for row in moved} == windows


def test_colours_move_together():
    images = torch.rand(5, 4 * 4 * 3, generator=torch.Generator().manual_seed(1))
    moved = _shifted(images, (4, 4, 3), 2, torch.Generator().manual_seed(0)).reshape(5, 16, 3)
    colours = [set(map(tuple, image)) for image in images.reshape(5, 16, 3).tolist()]
    for image, known in zip(moved.tolist(), colours, strict=True):
        assert set(map(tuple, image)) <= known


def test_dropout_keeps_the_mean():
    dropped = _dropped(torch.ones(100_000), 0.2, torch.Generator().manual_seed(0))
    assert sorted(set(dropped.tolist())) == pytest.approx([0.0, 1.25])
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)


def test_the_learning_rate_rises_then_falls_to_zero():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = _schedule(optimizer, 100)
    rates = []
    for _ in range(101):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) * 0.2, rtol=1e-12)
    np.testing.assert_allclose([rates[55], rates[100]], [1.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_batch_losses_add_up_to_the_weighted_mean(n_classes):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(8, 1 if n_classes == 2 else 3))
    target, weight = generator.integers(0, n_classes, 8), generator.random(8)
    rows = Rows.of(logits.astype(np.float32), target, weight, "cpu")
    batches = [float(_mean_loss(torch.from_numpy(logits)[part], rows[part])) for part in (slice(0, 3), slice(3, 8))]
    full = np.hstack([np.zeros((8, 1)), logits]) if n_classes == 2 else logits
    losses = np.log(np.exp(full).sum(axis=1)) - full[np.arange(8), target]
    expected = (losses * weight).sum() / weight.sum()
    assert (3 * batches[0] + 5 * batches[1]) / 8 == pytest.approx(expected, rel=1e-6)
