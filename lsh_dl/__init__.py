"""Training neural networks on a few per cent of their neurons, chosen by hashing."""

__version__ = "0.1.0"
