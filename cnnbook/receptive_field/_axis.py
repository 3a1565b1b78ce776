"""What the units along one axis see, as pairs (first, last) of input pixels.

Every operation that keeps a grid is a `gather`: it says from which units below each new unit takes
its values. From that alone follow the exact pairs of every unit, the border included, and the
pairs on an endless axis, which repeat: `advance` pixels further every `len(repeat)` units.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

NOTHING = (math.inf, -math.inf)  # no pixel at all; min and max pass over it


def hull(pairs):
    """The smallest pair that holds all of `pairs`."""
    firsts, lasts = zip(NOTHING, *pairs, strict=True)
    return min(firsts), max(lasts)


def window_taps(kernel_size, stride, padding, dilation):
    """Units below that unit u of a sliding window takes."""
    extent = dilation * (kernel_size - 1) + 1

    def taps(u):
        return range(u * stride - padding, u * stride - padding + extent, dilation)

    return taps


@dataclass(frozen=True)
class AxisField:
    """The pixels that each unit of one axis sees.

    Parameters
    ----------
    seen : tuple of (first, last)
        One pair a unit; pixels outside the input are left out. Empty where no size was given.
    repeat : tuple of (first, last), or None
        On an axis without ends, from unit 0 on; None where no such rule holds.
    advance : int
        Pixels from one repetition to the next.
    """

    seen: tuple
    repeat: tuple | None
    advance: int

    @classmethod
    def pixels(cls, size):
        """The input itself: pixel u sees pixel u."""
        return cls(tuple((u, u) for u in range(size)), ((0, 0),), 1)

    @property
    def units(self):
        """Number of units."""
        return len(self.seen)

    @property
    def jump(self):
        """Pixels from one unit's field to the next one's, on average; None without a rule."""
        return None if self.repeat is None else Fraction(self.advance, len(self.repeat))

    def endless(self, unit):
        """What a unit sees on an axis without ends; the unit may lie outside the map."""
        turns, place = divmod(unit, len(self.repeat))
        first, last = self.repeat[place]
        return first + turns * self.advance, last + turns * self.advance

    def gather(self, units, taps, shift=(1, 1), border=None):
        """Take each new unit from units of this axis.

        Parameters
        ----------
        units : int
            Number of new units.
        taps : callable
            The units below of new unit u; those outside the map count for nothing at the border.
        shift : (int, int)
            ``taps(u + shift[0])`` are ``taps(u)`` moved by ``shift[1]``.
        border : callable, optional
            Moves a unit below that lies outside the map into it (mirrored padding).

        Returns
        -------
        AxisField
        """
        seen = []
        for u in range(units):
            below = taps(u) if border is None else map(border, taps(u))
            seen.append(hull(self.seen[t] for t in below if 0 <= t < self.units))
        if self.repeat is None:
            return AxisField(tuple(seen), None, 0)
        period = len(self.repeat)
        turns = period // math.gcd(period, shift[1])
        repeat = tuple(hull(map(self.endless, taps(u))) for u in range(shift[0] * turns))
        return AxisField(tuple(seen), repeat, self.advance * (shift[1] * turns // period))

    def window(self, units, kernel_size, stride, padding, dilation=1):
        """Slide a convolution or a pooling over the axis."""
        return self.gather(units, window_taps(kernel_size, stride, padding, dilation), (1, stride))

    def spread(self, units, kernel_size, stride, padding, dilation=1):
        """Take a transposed convolution: a unit below reaches every `stride`-th new unit."""

        def taps(u):
            places = range(u + padding, u + padding - dilation * kernel_size, -dilation)
            return [place // stride for place in places if place % stride == 0]

        return self.gather(units, taps, (stride, 1))

    def scaled(self, units, taps):
        """Resize to `units`: the pattern repeats after the ratio in lowest terms."""
        common = math.gcd(units, self.units)
        return self.gather(units, taps, (units // common, self.units // common))

    def bins(self, units):
        """Pool over `units` bins as even as possible, as adaptive pooling does."""
        size = self.units
        return self.scaled(units, lambda u: range(u * size // units, -(-(u + 1) * size // units)))

    def mixed(self):
        """Let every unit see what any unit sees: normalisation over the whole axis."""
        size = self.units
        return self.gather(size, lambda u: range(size), (1, 0))

    def broadcast(self, units):
        """Repeat the only unit of the axis."""
        return self if self.units == units else self.gather(units, lambda u: [0], (1, 0))


def union(axes):
    """Join branches of equal size: each unit sees what its parts see.

    Parameters
    ----------
    axes : sequence of AxisField

    Returns
    -------
    AxisField
        Without a rule for the endless axis if the jumps differ.
    """
    seen = tuple(map(hull, zip(*(axis.seen for axis in axes), strict=True)))
    jumps = {axis.jump for axis in axes}
    if len(jumps) > 1 or None in jumps:
        return AxisField(seen, None, 0)
    period = math.lcm(*(len(axis.repeat) for axis in axes))
    repeat = tuple(hull(axis.endless(u) for axis in axes) for u in range(period))
    return AxisField(seen, repeat, int(jumps.pop() * period))
