"""What a picture shows: a frozen set of fields that draws itself, and one that slides a window."""

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnnbook.figures.scene import ROOM, Frame
from cnnbook.shapes import effective_kernel_size, output_size, per_axis


def state(cls):
    """Make the annotated names of a class its fields, which nobody changes."""
    return dataclass(frozen=True, eq=False, repr=False)(cls)


class each_step(cached_property):
    """A value that is computed once and holds for one step only; see `State.at`."""


BY_ROOM = "by room"  # what a state and its copies at other steps know for each room


class each_room:
    """A value that is computed once for each `ROOM` that a picture has."""

    def __init__(self, compute):
        self.compute = compute

    def __get__(self, state, owner):
        known, where = vars(state).setdefault(BY_ROOM, {}), (self.compute, ROOM.get())
        if where not in known:
            known[where] = self.compute(state)
        return known[where]


class State:
    """Fields that show themselves: a subclass adds `picture()`, and `description` in words.

    A state that goes through steps has the field `step` and the property `steps`. Values of
    `cached_property` are those of all steps, values of `each_step` those of one.
    """

    def __repr__(self):
        return self.picture().description

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.picture()._repr_mimebundle_()

    def at(self, step):
        """Return this state at another step, or refuse it; what does not depend on it is kept."""
        vars(self).setdefault(BY_ROOM, {})
        other = object.__new__(type(self))
        for name, value in vars(self).items():
            if not isinstance(getattr(type(self), name, None), each_step):
                object.__setattr__(other, name, value)
        if step not in range(self.steps):
            raise ValueError(f"step is {step}, expected 0 to {self.steps - 1}")
        object.__setattr__(other, "step", step)
        return other

    def highest(self, draw):
        """Return the height of the block `draw(state)` at the step where it is highest."""
        known, where = vars(self).setdefault(BY_ROOM, {}), (draw, ROOM.get())
        if where not in known:
            known[where] = max(draw(self.at(step)).height for step in range(self.steps))
        return known[where]

    hint = ""
    """What can be touched in the picture, in one line."""
    inner = None
    """The state whose picture this is, where settings are prepared first."""

    def touched(self, *part):
        """Return the fields that a click on a part of the picture changes."""
        return self.inner.touched(*part) if self.inner else {}

    def hovered(self, *part):
        """Return the state to show while a pointer is over a part of the picture, or None."""
        return self.inner.hovered(*part) if self.inner else None

    def _within(self, name, count):
        """Refuse a field that is no number from 0 to count − 1."""
        value = getattr(self, name)
        if not 0 <= value < count:
            raise ValueError(f"{name} is {value}, expected 0 to {count - 1}")

    def _one_of(self, name, known):
        """Refuse a field that is none of these."""
        if getattr(self, name) not in tuple(known):
            raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {tuple(known)}")

    def _array(self, name, *ranks):
        """Make a field an array of finite floats of one of these ranks; None stays."""
        if getattr(self, name) is None:
            return
        array = np.asarray(getattr(self, name), dtype=float)
        if array.ndim not in ranks:
            expected = " or ".join(map(str, ranks))
            raise ValueError(f"{name} has {array.ndim} axes, expected {expected}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds {array[~np.isfinite(array)][0]}, not a finite number")
        object.__setattr__(self, name, array)


class SlidingWindow(State):
    """A window at one of its positions over the last two axes of `x`.

    A subclass has the fields `x`, `stride`, `padding`, `step`, perhaps `dilation`, and says the
    `kernel_size`, as a pair; one that has a field of this name says its `window_size`.
    """

    dilation = 1
    hint = (
        "Point at an output: how it came about; at an input: what it reaches. Click, drag, arrows."
    )
    pointed: ClassVar = {}
    """Frames of "input" and "output" while a pointer is over an input, and what is said then."""
    said = ""
    around = 0.0
    """What stands in the padding: a subclass whose maximum must not see it says −∞."""

    @property
    def window_size(self):
        """Rows and columns of the kernel."""
        return self.kernel_size

    @property
    def maps(self):
        """The input, of shape (..., H, W)."""
        return self.x

    def pair(self, name):
        """Return a setting for rows and columns."""
        return self.pairs[name]

    @cached_property
    def pairs(self):
        """Stride, padding and dilation for rows and columns, by name."""
        names = "stride", "padding", "dilation"
        return {n: per_axis(n, getattr(self, n), 2, int(n != "padding")) for n in names}

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        settings = self.pairs.values()
        return output_size(self.maps.shape[-2:], self.window_size, *settings)

    @cached_property
    def extent(self):
        """Rows and columns from the first to the last entry of the window."""
        return effective_kernel_size(self.window_size, self.pairs["dilation"])

    @cached_property
    def steps(self):
        """Number of positions."""
        return math.prod(self.output_shape)

    @property
    def position(self):
        """Row and column of the output at this step; positions go row by row."""
        return divmod(self.step, self.output_shape[1])

    @property
    def across(self):
        """Number of positions in a row."""
        return self.output_shape[1]

    def touched(self, name, *place):
        """An output is gone to; of the windows over an input, the one whose middle is nearest."""
        if name == "input":
            axes = place[-2:], self.extent, self.pairs["stride"], self.output_shape
            place = *self.position[:-2], *(nearest(*axis) for axis in zip(*axes, strict=True))
        return {"step": int(np.ravel_multi_index(place, self.output.shape[-len(place) :]))}

    def hovered(self, name, *place):
        """An output shows how it came about; an input shows all outputs that it reaches."""
        if name == "output":
            return self.at(self.touched(name, *place)["step"])
        other, reached = self.at(self.step), place[-2:]
        uses = other.uses(reached)
        frames = {"input": [Frame(*reached, role="input")]}
        frames["output"] = [Frame(*use, role="output") for use in uses]
        said = f"this input takes part in {len(uses)} output{'s' * (len(uses) != 1)}"
        vars(other).update(pointed=frames, said=said)
        return other

    def uses(self, pixel):
        """Rows and columns of all outputs that an entry of the padded input takes part in."""
        each = [
            [n for n in range(count) if 0 <= (over := at - n * stride) < extent and not over % gap]
            for at, count, stride, extent, gap in zip(
                pixel, self.output_shape, self.pairs["stride"], self.extent,
                self.pairs["dilation"], strict=True,
            )
        ]  # fmt: skip
        return list(itertools.product(*each))

    @property
    def done(self):
        """Which outputs there are at this step."""
        return np.arange(self.steps).reshape(self.output_shape) <= self.step

    @property
    def corner(self):
        """Row and column of the padded input where the window starts."""
        (i, j), (down, across) = self.position, self.pairs["stride"]
        return i * down, j * across

    @cached_property
    def outside(self):
        """Which entries of `padded` are padding, as a matrix."""
        pads = [(p, p) for p in self.pairs["padding"]]
        return np.pad(np.zeros(self.maps.shape[-2:], bool), pads, constant_values=True)

    @cached_property
    def padded(self):
        """The input with its padding."""
        padded = np.full((*self.maps.shape[:-2], *self.outside.shape), self.around)
        padded[..., ~self.outside] = self.maps.reshape(*self.maps.shape[:-2], -1)
        return padded

    @each_step
    def under(self):
        """Index of the entries of `padded` under the window, for its last two axes."""
        rows = zip(self.corner, self.pairs["dilation"], self.window_size, strict=True)
        return np.ix_(*(start + step * np.arange(count) for start, step, count in rows))

    @each_step
    def covered(self):
        """The inputs under the window."""
        return self.padded[(..., *self.under)]

    @cached_property
    def size_formula(self):
        """The output size with its numbers put in; where rows and columns differ, the columns'."""
        padding, stride = self.pairs["padding"][1], self.pairs["stride"][1]
        inside = f"{self.maps.shape[-1]} + 2·{padding} − {self.extent[1]}"
        axis = "columns: " if self.x.ndim > 1 and len(set(self.output_shape)) > 1 else ""
        over = f"⌊({inside}) / {stride}⌋" if stride > 1 else inside
        return f"{axis}{over} + 1 = {self.output_shape[1]}"


def nearest(at, extent, stride, count):
    """Number of the window, along one axis, whose middle is nearest."""
    return min(max(round((at - (extent - 1) / 2) / stride), 0), count - 1)
