"""Run a PyTorch network on one image and keep what each of its layers yields."""

import torch
from torch import nn

from cnnbook.figures.layer_maps import LayerMaps
from cnnbook.recording import calls

# with whatever has a kernel_size: yields a new array, even if its shape is that of the input
WORDS = {nn.Conv2d: "convolution", nn.MaxPool2d: "max pooling", nn.AvgPool2d: "average pooling",
         nn.Linear: "dense"}  # fmt: skip
NEW = (nn.Linear, nn.Bilinear, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)


def read_layers(model, image):
    """Run a network in evaluation mode and keep the feature maps of every layer.

    A layer is what yields a new array: a convolution, a pooling, a dense layer, or a part of the
    reader's own. What keeps the shape, such as an activation or a normalisation that is a module
    of its own, belongs to the layer before it: its output is shown in that one's place. Dropout,
    padding and flattening are not shown.

    Returns
    -------
    list of LayerMaps
        In the order in which they run; the last layer is left out where it yields the scores.
    ndarray of shape (classes,)
        The scores.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}, expected a torch.nn.Module")
    known = next(model.parameters(), torch.zeros(0))
    x = torch.as_tensor(image, dtype=known.dtype, device=known.device)[None, None]
    try:
        found = calls(model, x)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        shape = tuple(x.shape)
        raise ValueError(f"the model does not run on an image of shape {shape}: {error}") from error
    kept, scores = [], found[-1].output
    for call in found:
        if not any(call.part.children()):
            _keep(kept, call)
    shape = tuple(scores.shape) if torch.is_tensor(scores) else type(scores).__name__
    if not torch.is_tensor(scores) or scores.ndim != 2 or len(scores) != 1:
        raise ValueError(f"the model returns {shape} for one image, expected (1, classes)")
    if kept and kept[-1][1].shape == scores.shape and torch.equal(kept[-1][1], scores):
        kept.pop()
    layers = [LayerMaps(title, values[0].float().cpu().numpy()) for title, values in kept]
    return layers, scores[0].float().cpu().numpy()


def _keep(kept, call):
    """Note what a part yields: as a new layer, or in place of the one before it."""
    part, output, x = call.part, call.output, call.inputs[0]
    if not torch.is_tensor(output) or output.ndim not in (2, 4):
        return
    if type(part).__name__.endswith(("Pad1d", "Pad2d", "Dropout", "Dropout2d", "Identity")):
        return
    new = isinstance(part, NEW) or hasattr(part, "kernel_size")
    if new or output.numel() != x.numel():
        kept.append((_name(part), output))
    elif kept and kept[-1][1].shape == output.shape == x.shape:
        kept[-1] = f"{kept[-1][0]}, {_name(part)}", output


def _name(part):
    """Say what a part is, in the words of the book."""
    name, size = WORDS.get(type(part), type(part).__name__), getattr(part, "kernel_size", None)
    if size is not None:
        name += " " + "×".join(map(str, size if isinstance(size, tuple) else (size, size)))
    return name
