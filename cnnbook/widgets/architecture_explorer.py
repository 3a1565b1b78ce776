"""Step through the layers of a network, and change the size of what comes in."""

import re
from dataclasses import dataclass
from functools import lru_cache

import ipywidgets as widgets

from cnnbook.figures.architecture import Architecture
from cnnbook.figures.architecture_step import LayerStep, draw_layer_step
from cnnbook.figures.layer_formulas import times
from cnnbook.widgets.explorer import LABELS, Explorer, factory

OWN = "your own"
LARGEST = 4096  # pixels along an axis


@dataclass(frozen=True, eq=False)
class Example:
    """A network that can be chosen.

    Parameters
    ----------
    build : callable
        Makes the module; called once.
    input_size : tuple of int
        What it is made for, without the batch.
    depth : int, optional
        As `cnnbook.models.summary` takes it.
    """

    build: callable
    input_size: tuple
    depth: int | None = None


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


@dataclass(frozen=True, eq=False)
class ArchitectureState:
    """A network, what comes in, and one of its layers.

    Parameters
    ----------
    examples : dict of str to Example
    network : str
        A name among `examples`.
    input_size : tuple of int
        (C, H, W), or (C, W) for a network along one axis.
    step : int
        0 is the whole network.

    Raises
    ------
    ValueError
        If there is no such network or step, or it does not run on such an input.
    """

    examples: dict
    network: str
    input_size: tuple
    step: int = 0

    def __post_init__(self):
        if self.network not in self.examples:
            names = ", ".join(self.examples)
            raise ValueError(f"no network {self.network!r}, expected one of {names}")
        if max(self.input_size) > LARGEST:
            raise ValueError(f"{times(self.input_size)} is too large: at most {LARGEST} an axis")
        self.layer_step  # noqa: B018 - refuse an impossible setting now

    @property
    def layer_step(self):
        """The layer with its arithmetic."""
        example = self.examples[self.network]
        try:
            result = _summary(example, self.input_size)
        except ValueError as error:
            usual = times(example.input_size)
            raise ValueError(f"{error} ({self.network} is made for {usual})") from None
        return LayerStep(result, _module(example), self.step)

    @property
    def steps(self):
        """Number of layers to step through, and one for the whole."""
        return LayerStep(self.layer_step.summary, None).steps

    def picture(self):
        """Draw the network with the layer marked."""
        return draw_layer_step(self.layer_step)


def parse_size(text):
    """Read the shape of an input: "3×227×227", "3 x 227 x 227" or "3, 227, 227".

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If there are not two or three positive whole numbers.

    Examples
    --------
    >>> parse_size("3x227x227")
    (3, 227, 227)
    """
    words = re.split(r"[\s×xX,;*]+", text.strip().strip("()"))
    if not all(word.isdecimal() and int(word) for word in words) or not 2 <= len(words) <= 3:
        raise ValueError(
            f"{text!r} is no size: type channels × rows × columns, as in 3×227×227 "
            "(channels × length for a network along one axis)"
        )
    return tuple(map(int, words))


@factory
def architecture_explorer(model="AlexNet (2012)", input_size=None, *, step=0):
    """Open an explorer of a network's layers: shapes, parameters, multiply-adds and fields.

    Parameters
    ----------
    model : str or torch.nn.Module
        A name out of `NETWORKS`, or a network of one's own; the list offers all of them.
    input_size : tuple of int, optional
        (C, H, W), or (C, W) along one axis; what a named network is made for when not given.
    step : int
        Layer to start at, 0 for the whole.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If there is no such network, it does not run on such an input, or it cannot be drawn.

    Examples
    --------
    >>> architecture_explorer("LeNet", step=1).state.layer_step.lines["size"]
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
    controls = {
        "network": widgets.Dropdown(
            options=list(examples), value=name, description="network", style=LABELS,
            layout=widgets.Layout(width="250px"),
        ),
        "input_size": widgets.Text(
            times(state.input_size), description="input", continuous_update=False, style=LABELS,
            layout=widgets.Layout(width="200px"),
            tooltip="channels × rows × columns; Enter applies",
        ),
    }  # fmt: skip

    def to_usual_size(change):
        controls["input_size"].value = times(examples[change["new"]].input_size)

    controls["network"].observe(to_usual_size, "value")  # before the explorer sees the change
    return Explorer(state, controls, {"input_size": parse_size})


def _drawable(model, input_size):
    """Greatest depth at which the picture holds the network; None is all of it."""
    from cnnbook.models import summary

    depths = (None, 3, 2, 1)
    for depth in depths:
        try:
            Architecture.of(summary(model, tuple(input_size), depth))
        except ValueError as error:
            if depth == depths[-1] or "picture holds" not in str(error):
                raise
        else:
            return depth
