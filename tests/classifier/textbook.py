"""Members as a textbook has them: one after the other, in float64, with autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from logitwise.classifier.members import Members, views


def leaves(members: Members) -> list[torch.Tensor]:
    """Return the flat parameters in float64; autograd follows them."""
    return [each.double().requires_grad_() for each in members.flat]


def by_name(flat: Sequence[torch.Tensor], members: Members) -> dict[str, torch.Tensor]:
    """Return the views of flat parameters, in float64."""
    decaying, free = members.shape.decaying, members.shape.free
    return views(flat[0].double(), decaying) | views(flat[1].double(), free)


def textbook_logits(
    named: dict[str, torch.Tensor], inputs: torch.Tensor, deep: int, masks: Sequence[torch.Tensor] = ()
) -> torch.Tensor:
    """Return the logits of rows `(members, rows, inputs)`; a mask a hidden layer, or none."""
    logits = []
    for member, rows in enumerate(inputs):
        own = {name: tensor[member] for name, tensor in named.items()}
        scaled = rows.double() * own["scale"]
        total, activations = scaled @ own["linear"] + own["prior"], scaled[:, :deep]
        for place in range(sum(name.startswith("weight.") for name in own)):
            activations = torch.nn.functional.silu(activations @ own[f"weight.{place}"] + own[f"bias.{place}"])
            activations = activations * masks[place][member] if masks else activations
        logits.append(total + activations @ own["output"] if "output" in own else total)
    return torch.stack(logits)


def textbook_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the sum over members of their mean losses."""
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target, reduction="none")
    return (each * weight).sum() / logits.shape[1]


def keep_masks(members: Members) -> list[torch.Tensor]:
    """Return a list that every mask of dropout drawn from now on is added to."""
    masks, draw = [], members._mask

    def kept(rows: int, width: int) -> torch.Tensor:
        masks.append(draw(rows, width).clone())
        return masks[-1]

    members._mask = kept
    return masks
