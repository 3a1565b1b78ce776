"""Step through activation maximisation: climb in pixel space, with or without remedies."""

from dataclasses import field
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.checks import integer
from cnnbook.datasets import digits
from cnnbook.figures.maximisation import Climb
from cnnbook.figures.state import State, state
from cnnbook.models import pretrained
from cnnbook.recording import caller, calls
from cnnbook.widgets.explorer import choice, explore, factory, slider, switch

STEPS, RATE = 100, 0.5
DECAY, VARIATION, JITTER, BLUR = 0.01, 0.02, 2, 4
SCORE = "class score"
REMEDIES = {
    "from_start": "start from the image",
    "penalty": "norm penalty",
    "blur": "blur",
    "jitter": "jitter",
    "variation": "total variation",
}


def units_of(model, image):
    """List what can be maximised in a network: the units of its convolutions and dense layers.

    By name, each is (layer, how many channels or numbers it yields). The last one is "class
    score", whose layer is the network itself.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}, expected a torch.nn.Module")
    x = torch.from_numpy(np.asarray(image, dtype=np.float32))[None, None]
    try:
        found = calls(model, x)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the model does not run on {tuple(x.shape)}: {error}") from error
    scores = found[-1].output
    if scores.ndim != 2:
        raise ValueError(f"the model returns {tuple(scores.shape)}, expected (1, classes)")
    layers, listed = [call for call in found if isinstance(call.part, nn.Conv2d | nn.Linear)], {}
    for number, call in enumerate(layers[:-1], 1):
        kind, shape = "dense" if call.output.ndim == 2 else "convolution", call.output.shape[1:]
        listed[f"layer {number}: {kind}, {' × '.join(map(str, shape))}"] = call.part, shape[0]
    return {**listed, SCORE: (model, scores.shape[1])}


def _values(run, unit, x):
    """The unit's value for each image; of a feature map, that of its middle unit."""
    output = run(x)[-1].output[:, unit]
    return output if output.ndim == 1 else output[:, output.shape[1] // 2, output.shape[2] // 2]


def climb_images(value, start, *, jitter=0, blur=0, decay=0.0, variation=0.0, steps=STEPS):
    """Climb from (1, 1, H, W) with steps of shrinking length; return (steps + 1, 1, H, W).

    Parameters
    ----------
    value : callable
        Turns (1, 1, H, W) into (1,).
    jitter, blur : int
        Pixels to move by at most before each step, at random; steps between two blurs, 0 for none.
    decay, variation : float
        What the sum of the squared pixels, and of their squared differences, costs.
    """
    generator = torch.Generator().manual_seed(0)
    line = torch.tensor([0.25, 0.5, 0.25])
    x, images = start, [start]
    for t in range(steps):
        x = x.clone().requires_grad_(True)
        shift = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        moved = torch.roll(x, shift, (2, 3))
        edges = moved.diff(dim=2).square().sum() + moved.diff(dim=3).square().sum()
        goal = value(moved).sum() - decay * moved.square().sum() - variation * edges
        (slope,) = torch.autograd.grad(goal, x)
        rate = RATE * (1 - t / steps) / slope.norm().clamp(min=1e-12)
        x = (x + rate * slope).detach()
        if blur and t % blur == blur - 1:
            x = F.conv2d(F.pad(x, (1,) * 4, mode="replicate"), torch.outer(line, line)[None, None])
        x = x.clamp(0, 1)
        images.append(x)
    return torch.cat(images)


@state
class Maximisation(State):
    """A climb to the image that a unit likes most, at one of its steps.

    Each setting is computed once: its climb is kept.
    """

    model: nn.Module
    start: np.ndarray  # (H, W)
    classes: tuple  # at most 12 names
    layers: dict  # as `units_of` lists them
    layer: str = SCORE
    unit: int = 0  # class, number, or channel: the unit in the middle of its map
    from_start: bool = True  # begin with `start`; else with faint noise of its size
    penalty: bool = False
    blur: bool = False
    jitter: bool = False
    variation: bool = False
    step: int = 0
    kept: dict = field(default_factory=dict)

    steps = STEPS + 1  # the start and one image a step

    def __post_init__(self):
        self._one_of("layer", self.layers)
        last = self.layers[self.layer][1] - 1
        object.__setattr__(self, "unit", min(integer("unit", self.unit, 0), last))
        self._within("step", self.steps)

    @property
    def bounds(self):
        """The units of the layer."""
        return {"unit": (0, self.layers[self.layer][1] - 1)}

    @property
    def remedies(self):
        """The remedies that are switched on, in words."""
        chosen = [words for name, words in REMEDIES.items() if getattr(self, name)]
        return ", ".join(chosen) or "nothing"

    @property
    def inner(self):
        """All images of the present setting, at the present step."""
        key = self.layer, self.unit, self.remedies
        if key not in self.kept:
            self.kept[key] = self._compute()
        return self.kept[key].at(self.step)

    def _compute(self):
        layer = self.layers[self.layer][0]
        value = partial(_values, caller(self.model, of=layer, gradients=True), self.unit)
        remedies = {"jitter": JITTER * self.jitter, "blur": BLUR * self.blur}
        remedies |= {"decay": DECAY * self.penalty, "variation": VARIATION * self.variation}
        generator = torch.Generator().manual_seed(0)
        first = 0.2 * torch.rand(1, 1, *self.start.shape, generator=generator)
        first = torch.from_numpy(self.start)[None, None] if self.from_start else first
        images = climb_images(value, first, **remedies)
        with torch.no_grad():
            values = value(images).numpy()
            shares = calls(self.model, images, of=self.model)[0].output.softmax(1).numpy()
        wanted, name = None, f"unit {self.unit} of {self.layer.split(':')[0]}"
        if self.layer == SCORE:
            wanted, name = self.unit, f"class {self.classes[self.unit]}"
        arrays = images[:, 0].numpy(), values, shares
        return Climb(*arrays, self.classes, name, wanted, self.remedies)

    def picture(self):
        """Draw the climb at the step."""
        return self.inner.picture()


@factory
def maximisation_stepper(model=None, start=None, *, classes=None, **settings):
    """Open a stepper through a climb to the image that a unit likes most.

    Parameters
    ----------
    model : torch.nn.Module, optional
        Takes (N, 1, H, W) in float32, returns (N, classes); when not given, a LeNet of MNIST.
    start : ndarray of shape (H, W), values from 0 to 1, optional
        The mean of scikit-learn's digits when not given.
    classes : sequence of str, optional
        Names of at most 12 classes; their numbers when not given.
    **settings
        The other fields of `Maximisation`, `layers` and `kept` apart.
    """
    model = pretrained("mnist_lenet") if model is None else model
    start = digits(as_mnist=True).train.images.mean(0)[0] if start is None else start
    start = np.asarray(start, dtype=np.float32)
    if start.ndim != 2:
        raise ValueError(f"start has {start.ndim} axes, expected 2: (H, W)")
    if not (start.min() >= 0 and start.max() <= 1):
        raise ValueError(f"start holds {start.min():g} to {start.max():g}, expected 0 to 1")
    layers = units_of(model, start)
    names = tuple(classes or map(str, range(layers[SCORE][1])))
    state = Maximisation(model, start, names, layers, **settings)
    least, most = state.bounds["unit"]
    if settings.get("unit", 0) > most:
        raise ValueError(f"unit is {settings['unit']}, must be from 0 to {most}")
    view = explore(
        state,
        page={"unit": tuple(range(most + 1)[:4])},
        layer=choice(list(layers), width="300px"),
        unit=slider(least, most, "unit or class", width="300px"),
        **{name: switch(words) for name, words in REMEDIES.items()},
    )
    view.controls["unit"].continuous_update = False  # each unit is a climb to compute
    return view
