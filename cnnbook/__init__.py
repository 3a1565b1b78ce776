"""A companion to a textbook on convolutional neural networks: reference operations and widgets."""

__version__ = "1.0.0"
