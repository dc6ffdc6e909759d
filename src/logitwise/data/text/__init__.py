"""Delimited text: how it is encoded, what separates its fields, what its columns are called, which rows are none."""
