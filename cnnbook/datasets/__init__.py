"""Data for the chapters, all of it readable without a network."""

from cnnbook.datasets.photographs import PHOTOGRAPHS, photograph

__all__ = ["PHOTOGRAPHS", "photograph"]
