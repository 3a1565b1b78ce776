"""The receptive field of a layer's units: size, jump, start, centre, and each unit's rectangle."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from cnnbook.checks import integer

NOTHING = (math.inf, -math.inf)
"""The pair (first, last) of no pixel at all; minimum and maximum pass over it."""


class Span(NamedTuple):
    """Pixels `start` to ``stop - 1`` along one axis, as in a slice; empty if the two are equal."""

    start: int
    stop: int

    @property
    def size(self):
        """Number of pixels."""
        return self.stop - self.start

    @property
    def centre(self):
        """Middle of the pixels' indices: 2.0 for pixels 1, 2, 3."""
        return (self.start + self.stop - 1) / 2


class AxisField(NamedTuple):
    """What each unit along one axis sees, as pairs (first, last) of pixels.

    On an axis without ends `repeat` holds the pairs from unit 0 on, until the pattern comes again,
    moved along; None where units move by different numbers of pixels.
    """

    seen: tuple  # one a unit, within the input; empty where no size was given
    repeat: tuple | None
    jump: Fraction  # pixels from one unit's field to the next one's, on average

    @property
    def units(self):
        """Number of units; 0 if no size was given."""
        return len(self.seen)

    def endless(self, unit):
        """What a unit sees on an axis without ends."""
        turns, place = divmod(unit, len(self.repeat))
        move = int(turns * len(self.repeat) * self.jump)
        return self.repeat[place][0] + move, self.repeat[place][1] + move


def _span(pair):
    return Span(0, 0) if pair == NOTHING else Span(int(pair[0]), int(pair[1]) + 1)


@dataclass(frozen=True)
class Field:
    """What the units of one layer see of the input.

    Pixel indices count from 0 at the first pixel of the unpadded input; negative ones lie in the
    padding. `size`, `jump`, `start` and `centre` speak of an input without borders, as formulas
    do; `rectangle` can clip at the border.

    >>> from cnnbook.receptive_field import receptive_field
    >>> field = receptive_field([(3, 2), (3, 2)], input_size=15)[-1]
    >>> field
    layer 2: field 7, jump 4, start 0, 3 units
    >>> field.rectangle(2)
    Span(start=8, stop=15)
    """

    name: str
    axes: tuple[AxisField, ...]
    plain: bool = False  # give plain numbers for the only axis in place of tuples

    def _shape(self, values):
        """A tuple, or the only value."""
        values = tuple(values)
        return values[0] if self.plain else values

    def _each(self, value):
        """Evaluate for every axis, if there are numbers that hold for all units."""
        if any(axis.repeat is None for axis in self.axes):
            raise ValueError(
                f"{self.name!r} joins branches whose units move by different numbers of pixels: "
                "no size or jump holds for all units; ask for rectangle(unit, clip=True)"
            )
        return self._shape(map(value, self.axes))

    @property
    def units(self):
        """Number of units along each axis; 0 where no input size was given."""
        return self._shape(axis.units for axis in self.axes)

    @property
    def size(self):
        """Pixels from the first to the last that a unit can see; of the largest, if they differ."""
        return self._each(lambda axis: max(_span(pair).size for pair in axis.repeat))

    @property
    def jump(self):
        """Pixels from one unit's field to the next one's; a Fraction if it is no whole number."""
        return self._each(lambda axis: int(j) if (j := axis.jump).denominator == 1 else j)

    @property
    def start(self):
        """First pixel that unit 0 sees; negative if that is padding."""
        return self._each(lambda axis: _span(axis.repeat[0]).start)

    @property
    def centre(self):
        """Middle of what unit 0 sees, as a pixel index: ``start + (size - 1) / 2``."""
        return self._each(lambda axis: _span(axis.repeat[0]).centre)

    def rectangle(self, unit, clip=False):
        """Find the smallest `Span`, one an axis, that holds the input pixels that one unit sees.

        `unit` has one index an axis. `clip`, which needs the input size, leaves out pixels beyond
        the border, and with them all that a unit would see only through a cell of padding: zeros
        that no pixel can change. A dilated kernel may skip pixels in between. There is no answer
        without clipping where branches of different jump are joined.
        """
        if clip and not self.axes[0].units:
            raise ValueError("clipping needs the size of the input: give input_size")
        unit = unit if isinstance(unit, (tuple, list)) else (unit,)
        if len(unit) != len(self.axes):
            raise ValueError(f"unit has {len(unit)} indices, the map has {len(self.axes)} axes")
        unit = [integer("unit", u, 0) for u in unit]
        for u, axis in zip(unit, self.axes, strict=True):
            if u >= axis.units > 0:
                raise ValueError(
                    f"no unit {u} in {self.name!r}: it has {axis.units} along the axis"
                )
        places = iter(unit)
        if clip:
            return self._shape(_span(axis.seen[next(places)]) for axis in self.axes)
        return self._each(lambda axis: _span(axis.endless(next(places))))

    def __repr__(self):
        units = f", {_times(self.units)} units" if self.axes[0].units else ""
        if any(axis.repeat is None for axis in self.axes):
            return f"{self.name}: no common jump{units}"
        size, jump, start = _times(self.size), _times(self.jump), _times(self.start)
        return f"{self.name}: field {size}, jump {jump}, start {start}{units}"


def _times(values):
    return " × ".join(map(str, values)) if isinstance(values, tuple) else str(values)
