"""Step through the layers of a network, and change the size of what comes in."""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import NamedTuple

import ipywidgets as widgets

from cnnbook.figures.architecture import Architecture
from cnnbook.figures.layer_step import LayerStep
from cnnbook.figures.scene import times
from cnnbook.figures.state import State, each_step, state
from cnnbook.widgets.explorer import LABELS, Explorer, choice, factory

OWN = "your own"
LARGEST = 4096  # pixels along an axis


class Example(NamedTuple):
    """A network that can be chosen."""

    build: Callable  # makes the module; called once
    input_size: tuple  # what it is made for, without the batch
    depth: int | None = None  # as `cnnbook.models.summary` takes it


def _named(name, *args):
    """Call one of `cnnbook.models` on the meta device: shapes without numbers cost no memory."""

    def build():
        import torch

        from cnnbook import models

        with torch.device("meta"):
            return getattr(models, name)(*args)

    return build


NETWORKS = {
    "LeNet": Example(_named("LeNet"), (1, 28, 28)),
    "LeNet-5 (1998)": Example(_named("LeNet5"), (1, 32, 32)),
    "AlexNet (2012)": Example(_named("AlexNet2012"), (3, 227, 227)),
    "AlexNet (one tower)": Example(_named("AlexNet"), (3, 224, 224)),
    "SmallAlexNet": Example(_named("SmallAlexNet"), (3, 32, 32)),
    "Inception 3a": Example(_named("Inception", 192, 64, 96, 128, 16, 32, 32), (192, 28, 28)),
    "GoogLeNet": Example(_named("GoogLeNet"), (3, 224, 224), depth=1),
    "Net1d": Example(_named("Net1d"), (1, 100)),
}


@lru_cache(maxsize=32)
def _module(example):
    return example.build()


@lru_cache(maxsize=64)
def _summary(example, input_size):
    from cnnbook.models import summary

    return summary(_module(example), input_size, example.depth)


@state
class ArchitectureState(State):
    """One of the `examples`, what comes in, and one of its layers: 0 is the whole network."""

    examples: dict  # of name to `Example`
    network: str
    input_size: tuple  # (C, H, W), or (C, W) for a network along one axis
    step: int = 0

    def __post_init__(self):
        if self.network not in self.examples:
            names = ", ".join(self.examples)
            raise ValueError(f"no network {self.network!r}, expected one of {names}")
        if max(self.input_size) > LARGEST:
            raise ValueError(f"{times(self.input_size)} is too large: at most {LARGEST} an axis")
        self._within("step", self.steps)

    @cached_property
    def whole(self):
        """The network before the first step."""
        example = self.examples[self.network]
        try:
            return LayerStep(_summary(example, self.input_size), _module(example))
        except ValueError as error:
            usual = times(example.input_size)
            raise ValueError(f"{error} ({self.network} is made for {usual})") from None

    @property
    def steps(self):
        """Number of layers to step through, and one for the whole."""
        return self.whole.steps

    @each_step
    def inner(self):
        """The layer with its arithmetic."""
        return self.whole.at(self.step)

    def picture(self):
        """Draw the network with the layer marked."""
        return self.inner.picture()


def parse_size(text):
    """Read the shape of an input: "3 × 227 × 227", "3x227x227" or "3, 227, 227"."""
    words = re.split(r"[\s×xX,;*]+", text.strip().strip("()"))
    if not all(word.isdecimal() and int(word) for word in words) or not 2 <= len(words) <= 3:
        hint = "as in 3×227×227 (channels × length for a network along one axis)"
        raise ValueError(f"{text!r} is no size: type channels × rows × columns, {hint}")
    return tuple(map(int, words))


@factory
def architecture_explorer(model="AlexNet (2012)", input_size=None, *, step=0):
    """Open an explorer of a network's layers: shapes, parameters, multiply-adds and fields.

    Parameters
    ----------
    model : str or torch.nn.Module
        A name out of `NETWORKS`, or a network of one's own; the list offers all of them.
    input_size : tuple of int, optional
        What a named network is made for when not given.
    step : int

    Examples
    --------
    >>> architecture_explorer("LeNet", step=1).state.inner.lines["size"]
    '⌊(28 + 2·2 − 5) / 1⌋ + 1 = 28'
    """
    examples, name = dict(NETWORKS), model
    if not isinstance(model, str):
        if input_size is None:
            raise ValueError("input_size is needed for a network of your own: (3, 32, 32)")
        name = OWN
        examples[OWN] = Example(lambda: model, tuple(input_size), _drawable(model, input_size))
    if input_size is None and name in examples:
        input_size = examples[name].input_size
    state = ArchitectureState(examples, name, tuple(input_size or ()), step)
    look = {"description": "input", "style": LABELS, "layout": {"width": "200px"}}
    look["tooltip"] = "channels × rows × columns; Enter applies"
    size = widgets.Text(times(state.input_size), continuous_update=False, **look)
    network, _ = choice(list(examples))("network", name)

    def to_usual_size(change):
        size.value = times(examples[change["new"]].input_size)

    network.observe(to_usual_size, "value")  # before the explorer sees the change
    controls, readers = {"network": network, "input_size": size}, {"input_size": parse_size}
    return Explorer(state, controls, readers, page={"network": ...})


def _drawable(model, input_size):
    """Greatest depth at which the picture holds the network; None is all of it."""
    from cnnbook.models import summary

    for depth in (None, 3, 2, 1):
        try:
            Architecture(summary(model, tuple(input_size), depth))
            return depth
        except ValueError as error:
            if depth == 1 or "picture holds" not in str(error):
                raise
