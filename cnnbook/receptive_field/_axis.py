"""What the units along one axis see, as pairs (first, last) of input pixels.

Every operation that keeps a grid is a `gather`: it says from which units below each new unit takes
its values. From that alone follow the exact pairs of every unit, the border included, and the
pairs on an endless axis, which repeat: `advance` pixels further every `len(repeat)` units.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, chain, groupby, pairwise

NOTHING = (math.inf, -math.inf)  # no pixel at all; min and max pass over it
LARGEST = 2**22
"""Units along one axis; each costs about a hundred bytes."""


def hull(pairs):
    """The smallest pair that holds all of `pairs`."""
    firsts, lasts = zip(NOTHING, *pairs, strict=True)
    return min(firsts), max(lasts)


def bounded(units, what="units"):
    """Refuse more units than can be listed."""
    if units > LARGEST:
        raise ValueError(f"{units} {what} along one axis are too many to follow: at most {LARGEST}")
    return units


def within(taps, units):
    """Those of the units `taps` that exist; of a range without walking over it."""
    if not isinstance(taps, range):
        return [t for t in taps if 0 <= t < units]
    if taps.step < 0:
        taps = taps[::-1]
    skipped = max(0, -(taps.start // taps.step))
    return range(taps.start + skipped * taps.step, min(taps.stop, units), taps.step)


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
    pieces : tuple of AxisField
        Axes whose units these are, one axis behind the other, each with its own rule.
    """

    seen: tuple
    repeat: tuple | None
    advance: int
    pieces: tuple = ()

    @classmethod
    def pixels(cls, size):
        """The input itself: pixel u sees pixel u."""
        return cls(tuple((u, u) for u in range(bounded(size, "pixels"))), ((0, 0),), 1)

    @classmethod
    def joined(cls, axes):
        """The units of several axes, one axis behind the other."""
        pieces = tuple(piece for axis in axes for piece in axis.pieces or (axis,))
        if len(pieces) == 1:
            return pieces[0]
        return cls(sum((piece.seen for piece in pieces), ()), None, 0, pieces)

    @property
    def units(self):
        """Number of units."""
        return len(self.seen)

    @cached_property
    def _ordered(self):
        """Whether each unit begins and ends no earlier than the one before it."""
        return NOTHING not in self.seen and all(
            one[0] <= two[0] and one[1] <= two[1] for one, two in pairwise(self.seen)
        )

    def _hull(self, below):
        """What the existing units `below` see together."""
        if self._ordered and isinstance(below, range) and len(below):
            return self.seen[below[0]][0], self.seen[below[-1]][1]
        return hull(self.seen[t] for t in below)

    def _endless_hull(self, below):
        """What the units `below` see together on an axis without ends."""
        period = len(self.repeat)
        if isinstance(below, range) and len(below) > 2 * period:  # the middle lies within
            below = chain(below[:period], below[-period:])
        return hull(map(self.endless, below))

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

        `shift` None stands for no such rule.

        Returns
        -------
        AxisField
        """
        seen = []
        for u in range(bounded(units)):
            below = taps(u) if border is None else list(map(border, taps(u)))
            seen.append(self._hull(within(below, self.units)))
        if self.repeat is None or shift is None:
            return AxisField(tuple(seen), None, 0)
        period = len(self.repeat)
        turns = period // math.gcd(period, shift[1])
        repeat = tuple(self._endless_hull(taps(u)) for u in range(bounded(shift[0] * turns)))
        return AxisField(tuple(seen), repeat, self.advance * (shift[1] * turns // period))

    def pick(self, taps, shift=None):
        """Take each new unit from a list of units.

        The endless axis goes on as the list does: if it comes back, moved along, after a part of
        its length. One unit alone stands for a window that moves by its own width.

        Parameters
        ----------
        taps : list of tuple of int
            For each new unit the units below, in order.
        shift : (int, int), optional
            As in `gather`, where the list shows none.
        """
        if self.pieces:
            return AxisField.joined(list(self._runs(taps)))
        if taps == [(u,) for u in range(self.units)]:
            return self
        if len(taps) == 1 and taps[0]:
            shift = (1, taps[0][-1] - taps[0][0] + 1)
        shift = _found_shift(taps) or shift
        if shift is None or self.repeat is None:
            return self.gather(len(taps), taps.__getitem__, None)

        def endless_taps(u):
            turns, place = divmod(u, shift[0])
            return [t + turns * shift[1] for t in taps[place]]

        ended = self.gather(len(taps), taps.__getitem__, None)
        endless = self.gather(0, endless_taps, shift)
        return AxisField(ended.seen, endless.repeat, endless.advance)

    def window(self, units, kernel_size, stride, padding, dilation=1):
        """Slide a convolution or a pooling over the axis."""
        return self.gather(units, window_taps(kernel_size, stride, padding, dilation), (1, stride))

    def spread(self, units, kernel_size, stride, padding, dilation=1):
        """Take a transposed convolution: a unit below reaches every `stride`-th new unit."""
        common = math.gcd(dilation, stride)
        step, back = stride // common, dilation // common
        inverse = pow(back, -1, step)

        def taps(u):  # the entries j of the kernel with u + padding - dilation * j = stride * t
            place, rest = divmod(u + padding, common)
            first = place * inverse % step
            if rest or first >= kernel_size:
                return range(0)
            nearest = (u + padding - dilation * first) // stride
            count = (kernel_size - 1 - first) // step + 1
            return range(nearest - back * (count - 1), nearest + 1, back)

        return self.gather(units, taps, (stride, 1))

    def scaled(self, units, taps):
        """Resize to `units`: the pattern repeats after the ratio in lowest terms."""
        common = math.gcd(units, self.units)
        return self.gather(units, taps, (units // common, self.units // common))

    def bins(self, units):
        """Pool over `units` bins as even as possible, as adaptive pooling does."""
        size = self.units
        return self.scaled(units, lambda u: range(u * size // units, -(-(u + 1) * size // units)))

    def _runs(self, taps):
        """The new units that take from the same pieces, run by run: what these give together."""
        starts = [0, *accumulate(piece.units for piece in self.pieces)]

        def kind(ts):
            return {bisect_right(starts, t) - 1 for t in ts if 0 <= t < self.units}

        for pieces, run in groupby(taps, kind):
            run = list(run)
            picks = []
            for number in pieces:
                start, stop = starts[number : number + 2]
                own = [tuple(t - start for t in ts if start <= t < stop) for ts in run]
                picks.append(self.pieces[number].pick(own))
            yield union(picks) if picks else AxisField((NOTHING,) * len(run), None, 0)


def _found_shift(taps):
    """The smallest (p, s) with ``taps[u + p]`` all `s` further than ``taps[u]``; seen twice."""
    for period in range(1, len(taps) // 2 + 1):
        move = None
        for one, two in zip(taps, taps[period:], strict=False):
            if len(one) != len(two):
                break
            if move is None and one:
                move = two[0] - one[0]
            if any(b - a != move for a, b in zip(one, two, strict=True)):
                break
        else:
            if move is not None:
                return period, move
    return None


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
