"""Kernels for the CPU, in Numba, on rows split over the threads of `threads`."""
