"""What training and evaluation both ask of their arguments."""

import torch

from cnnbook.checks import whole


def device_of(model):
    """Return where the parameters of a network are."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def checked_count(right, count):
    """Return how many answers are right; refuse more than there are, as of labels spread out."""
    if not 0 <= right <= count:
        raise ValueError(f"correct counted {float(right):g} right answers of {count} images")
    return right


def check_data(data, batch_size):
    """Refuse data without images or without one label for each; return the batch size."""
    batch_size = whole("batch_size", batch_size)
    if not len(data.labels):
        raise ValueError("there are no images: len(data.labels) is 0")
    if len(data.images) != len(data.labels):
        raise ValueError(f"data has {len(data.images)} images and {len(data.labels)} labels")
    if data.labels.ndim != 1:  # (N, 1) against (N,) would be broadcast to N×N
        shape = tuple(data.labels.shape)
        raise ValueError(f"data.labels has shape {shape}, expected ({len(data.images)},)")
    return batch_size
