"""Tensors: their gate for plain calls, and the routes that only they have. Only this folder imports torch."""
