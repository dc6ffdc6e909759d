"""Tensors: their gate for small calls, and the routes that only they have. Only this folder imports torch."""
