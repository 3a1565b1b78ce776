"""What training and evaluation both ask of their arguments."""

import torch


def device_of(model):
    """Return where the parameters of a network are."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def check_data(data, batch_size):
    """Refuse data without images, or with a label too few."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1")
    if not len(data.labels):
        raise ValueError("there are no images: len(data.labels) is 0")
    if len(data.images) != len(data.labels):
        raise ValueError(f"data has {len(data.images)} images and {len(data.labels)} labels")
