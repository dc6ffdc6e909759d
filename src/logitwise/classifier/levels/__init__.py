"""Categories of many levels: which have inputs of their own, what the others tell of the target, and full one-hot."""
