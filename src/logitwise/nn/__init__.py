"""Torch modules: drop-in replacements for those of `torch.nn`, focal losses, and the network of the tutorial.

The losses and activations of torch are subclassed. So their arguments, defaults, buffers, `repr` and `isinstance` are
torch's, and only their results are computed by this library.
"""

from logitwise._extras import needed_for

with needed_for("logitwise.nn"):
    from logitwise.nn.activations import LogSigmoid, LogSoftmax, Sigmoid, Softmax, Softmax2d
    from logitwise.nn.drop_in import InputError, InputTypeError
    from logitwise.nn.feed_forward import FeedForward
    from logitwise.nn.focal_losses import BinaryFocalLossWithLogits, FocalLoss
    from logitwise.nn.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, KLDivLoss, NLLLoss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "BinaryFocalLossWithLogits",
    "CrossEntropyLoss",
    "FeedForward",
    "FocalLoss",
    "InputError",
    "InputTypeError",
    "KLDivLoss",
    "LogSigmoid",
    "LogSoftmax",
    "NLLLoss",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
]

for _error in (InputError, InputTypeError):
    _error.__module__ = __name__  # an error is named by its public place
