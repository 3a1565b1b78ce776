"""Judge a network, on the device where it is."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from cnnbook.checks import whole
from cnnbook.recording import evaluating


class Evaluation(NamedTuple):
    """What a network makes of some images."""

    loss: float  # mean over the images
    accuracy: float | None  # share of right answers; None if none were counted
    scores: torch.Tensor  # (N, classes), on the CPU; a named tuple if the network returns one


def count_right(scores, labels):
    """Count for how many images the greatest of (N, classes) scores is that of the label, (N,)."""
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        shapes = f"{tuple(labels.shape)}, scores {tuple(scores.shape)}"
        raise ValueError(f"labels has shape {shapes}, expected (N,) and (N, classes)")
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels is {labels.dtype}, must be integers")
    for wrong in labels[(labels < 0) | (labels >= scores.shape[1])][:1].tolist():
        raise ValueError(f"labels holds {wrong}, scores has classes 0 to {scores.shape[1] - 1}")
    return int((scores.argmax(1) == labels).sum())


def evaluate(model, data, *, loss=F.cross_entropy, correct=count_right, batch_size=500):
    """Run a network over images in evaluation mode, and set it back; for the rest see `fit`."""
    batch_size, device = check_data(data, batch_size), device_of(model)
    parts, total, right = [], 0.0, 0
    with evaluating(model):
        batches = (part.split(batch_size) for part in (data.images, data.labels))
        for images, labels in zip(*batches, strict=True):
            output, labels = model(images.to(device)), labels.to(device)
            total += float(loss(output, labels)) * len(labels)
            if correct is not None:
                right += check_right(correct(output, labels), len(labels))
            parts.append(output)
    accuracy = None if correct is None else float(right / len(data.labels))
    return Evaluation(total / len(data.labels), accuracy, _join(parts))


def _join(parts):
    if isinstance(parts[0], torch.Tensor):
        return torch.cat([part.cpu() for part in parts])
    return type(parts[0])(*(_join(column) for column in zip(*parts, strict=True)))


def device_of(model):
    """Find where the parameters of a network are."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def check_right(right, count):
    """Refuse more right answers than there are images, as of labels spread out."""
    if not 0 <= right <= count:
        raise ValueError(f"correct counted {float(right):g} right answers of {count} images")
    return right


def check_data(data, batch_size):
    """Refuse data without images or without one label for each; return the batch size."""
    shape, count = tuple(data.labels.shape), len(data.images)
    if not count:
        raise ValueError("there are no images: len(data.images) is 0")
    if shape != (count,):  # (N, 1) against (N,) would be broadcast to N×N
        raise ValueError(f"data.labels has shape {shape}, expected ({count},) as images")
    return whole("batch_size", batch_size)
