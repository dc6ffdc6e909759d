"""Memory as kernels take it, and results as the caller gets them."""
