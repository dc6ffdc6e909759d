"""Fused kernels. They fill outputs that are given, raise nothing, and know no framework; all checks happen above."""
