"""Judge a network, on the device where it is."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from cnnbook.training._checks import check_data, device_of


class Evaluation(NamedTuple):
    """What a network makes of some images."""

    loss: float
    """Mean over the images."""
    accuracy: float
    """Share of right answers, from 0 to 1."""
    scores: torch.Tensor
    """(N, classes), on the CPU."""


def choose_device(device=None):
    """Choose where to compute.

    Parameters
    ----------
    device : str or torch.device, optional
        What was asked for; else CUDA, Apple's MPS or the CPU, whichever is there first.

    Returns
    -------
    torch.device
    """
    if device is not None:
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@torch.no_grad()
def evaluate(model, data, *, loss=F.cross_entropy, batch_size=500, device=None):
    """Run a network over images in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Turns images into scores of shape (N, classes); it returns to the mode that it was in.
    data : Images
        Anything with tensors `images` and `labels`.
    loss : callable
        (scores, labels) to the mean loss.
    batch_size : int
    device : str or torch.device, optional
        Else where the model is.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If there are no images.
    """
    check_data(data, batch_size)
    was_training = model.training
    device = torch.device(device) if device is not None else device_of(model)
    model.to(device).eval()
    parts, total = [], 0.0
    for images, labels in zip(
        data.images.split(batch_size), data.labels.split(batch_size), strict=True
    ):
        scores = model(images.to(device))
        total += float(loss(scores, labels.to(device))) * len(labels)
        parts.append(scores.cpu())
    model.train(was_training)
    scores = torch.cat(parts)
    right = (scores.argmax(1) == data.labels.cpu()).double().mean()
    return Evaluation(total / len(data.labels), float(right), scores)
