"""Judge a network, on the device where it is."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from cnnbook.recording import evaluating
from cnnbook.training._checks import check_data, checked_count, device_of


class Evaluation(NamedTuple):
    """What a network makes of some images."""

    loss: float
    """Mean over the images."""
    accuracy: float | None
    """Share of right answers, from 0 to 1; None if none were counted."""
    scores: torch.Tensor
    """(N, classes), on the CPU; a named tuple of tensors if the network returns one."""


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


def count_right(scores, labels):
    """Count for how many images the greatest score is that of the label.

    Parameters
    ----------
    scores : tensor of shape (N, classes)
    labels : tensor of shape (N,)

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is not one label for each image, or a label has no class.
    """
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}, scores {tuple(scores.shape)}, "
            "expected (N,) and (N, classes)"
        )
    classes = scores.shape[1]
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels is {labels.dtype}, must be integers")
    for wrong in labels[(labels < 0) | (labels >= classes)][:1].tolist():
        raise ValueError(f"labels holds {wrong}, scores has classes 0 to {classes - 1}")
    return int((scores.argmax(1) == labels).sum())


def evaluate(
    model, data, *, loss=F.cross_entropy, correct=count_right, batch_size=500, device=None
):
    """Run a network over images in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Turns images into scores of shape (N, classes), or into what `loss` and `correct` read; it
        returns to the mode that it was in.
    data : Images
        Anything with tensors `images` and `labels`.
    loss : callable
        (output, labels) to the mean loss.
    correct : callable or None
        (output, labels) to the number of right answers; None counts no accuracy.
    batch_size : int
    device : str or torch.device, optional
        Else where the model is.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If there are no images, the labels are not of shape (N,), `batch_size` is below 1, or
        `correct` counts more right answers than images.
    TypeError
        If `batch_size` is no whole number.
    """
    batch_size = check_data(data, batch_size)
    device = torch.device(device) if device is not None else device_of(model)
    model.to(device)
    parts, total, right = [], 0.0, 0
    with evaluating(model):
        for images, labels in zip(
            data.images.split(batch_size), data.labels.split(batch_size), strict=True
        ):
            output, labels = model(images.to(device)), labels.to(device)
            total += float(loss(output, labels)) * len(labels)
            if correct is not None:
                right += checked_count(correct(output, labels), len(labels))
            parts.append(output)
    accuracy = None if correct is None else float(right / len(data.labels))
    return Evaluation(total / len(data.labels), accuracy, _join(parts))


def _join(parts):
    """Put the outputs of all batches together, on the CPU."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat([part.cpu() for part in parts])
    return type(parts[0])(*(_join(column) for column in zip(*parts, strict=True)))
