"""Sparse training of one network: compiled kernels and the arrays they work on."""
