"""What every entry of a tensor sees, and how tensors hand it on.

For each axis of the image a tensor has an array of its own rank, with size 1 along the dimensions
that make no difference, so that it is small. Its last dimension holds five numbers: the first
pixel, minus the last, the place along the axis, which tells where it lies when all entries see the
same, and both pixels again on an axis without ends, where maps go on in their pattern. So what
several entries see together is the minimum of their numbers, and whatever moves the tensor's
numbers around moves these along.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

import numpy as np

from cnnbook.receptive_field.field import NOTHING, AxisField

LARGEST = 2**22
"""Units along one axis."""
OUT = np.iinfo(np.int64).min  # a place that is none, to fill a row of places
_SIGNS = np.array([1.0, -1.0])  # of a move by so many pixels, in (first, -last)
_BLOCK = 2**20  # numbers at a time


def bounded(units, what="units"):
    """Refuse more units than can be listed."""
    if units > LARGEST:
        raise ValueError(f"{units} {what} along one axis are too many to follow: at most {LARGEST}")
    return units


# --- one line of units: what those of a new one see, who take from some of them -------------------


def window_taps(size, kernel_size, stride, padding, dilation=1):
    """For units of a sliding window the places that they take from, as far as a map has them."""
    entries = np.arange(min(kernel_size, -(-size // dilation)))  # more never lie on it

    def taps(units):
        start = units[:, None] * stride - padding
        entry = np.maximum(0, -(start // dilation)) + entries
        return np.where(entry < kernel_size, start + dilation * entry, OUT)

    return taps


def hulls(units, taps, rows):
    """What new units see: the minimum over the ``rows`` at the places ``taps(units)``."""
    units, block = np.arange(bounded(units)), _BLOCK
    if len(units):
        block = max(1, _BLOCK // rows(taps(units[:1])).size)
    found = [rows(taps(units[n : n + block])).min(axis=1) for n in range(0, len(units), block)]
    return np.concatenate(found) if found else rows(np.zeros((0, 1), int)).min(axis=1)


def existing(line, border=None):
    """The rows of a line at some places; beyond its ends is nothing, or what `border` leads to."""

    def rows(places):
        places = places if border is None else border(places)
        inside = (places >= 0) & (places < len(line))
        found = line[np.where(inside, places, 0)]
        found[~inside] = np.inf
        return found

    return rows


def going_on(line, turn):
    """The rows of a line that goes on in its pattern; unknown beyond its ends if there is none."""
    period, advance = turn or (1, 0)

    def rows(places):
        inside = (places >= 0) & (places < len(line))
        turns, place = np.divmod(np.where(inside | (places != OUT), places, 0), period)
        if turn is None:
            turns, place = np.zeros_like(places), np.where(inside, places, 0)
        moves = (turns * advance).reshape(*places.shape, *[1] * (line.ndim - 1)) * _SIGNS
        found = line[place] + moves
        if turn is None:
            found[~inside] = -np.inf
        found[places == OUT] = np.inf
        return found

    return rows


def _fits(line, turn):
    """Whether nothing in a line speaks against a turn."""
    period, advance = turn
    return bool((line[period:] == line[:-period] + advance * _SIGNS).all())


def _pattern(line):
    """The smallest turn that fits a line and comes twice in it; None if it does not move along."""
    first, half = line.reshape(len(line), -1)[:, 0] if line.size else line, len(line) // 2
    start = np.argmax(np.isfinite(first)) if line.size else 0
    if not half or start >= len(line) - half or np.isinf(first[start]):
        return None
    periods = np.arange(1, half + 1)
    advances = first[start + periods] - first[start]
    good = np.isfinite(advances) & ((advances != 0) | (periods == 1))
    with np.errstate(invalid="ignore"):
        for n in {*range(16), *(2**k for k in range(4, 22))}:  # a few places first, for all at once
            if n < len(line) - half:
                good &= first[n + periods] == first[n] + advances
    turns = zip(periods[good].tolist(), advances[good].tolist(), strict=True)
    return next((turn for p, a in turns if _fits(line, turn := (p, int(a)))), None)


def _turned(turn, units, below):
    """The turn of new units: so many of them for so many units below."""
    period, advance = turn
    times = period // math.gcd(period, below)
    return units * times, advance * below * times // period


# --- one axis of the image -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Seen:
    """What the entries of a tensor see along one axis of the image."""

    pairs: np.ndarray  # (*dimensions, 5)
    turn: tuple  # (period, advance): on the axis without ends so many units on, so many pixels on

    @classmethod
    def pixels(cls, size, dim, rank):
        """The image itself: pixel u sees pixel u."""
        first = np.arange(bounded(size, "pixels"), dtype=float)
        pairs = np.stack([first, -first, first, first, -first], -1)
        return cls(pairs.reshape(*[size if n == dim else 1 for n in range(rank)], 5), (1, 1))

    @classmethod
    def settled(cls, pairs, turn, certain=True):
        """With a turn that is found anew if it may be wrong; None if no rule holds."""
        if turn is None:
            pairs, turn = pairs.copy(), (1, 0)
            pairs[..., 3:] = -np.inf
        seen = cls(compact(pairs, pairs.ndim - 1), turn)
        if len(seen.dims) == 1 and not (certain and seen.turns):
            seen = cls(seen.pairs, _pattern(seen.pairs[..., 3:].reshape(-1, 2)) or turn)
        return seen

    @property
    def dims(self):
        """The dimensions along which it makes a difference where an entry is."""
        return _varying(self.pairs)

    @property
    def turns(self):
        """Whether nothing speaks against the turn."""
        if len(self.dims) != 1:
            return True
        return _fits(self.pairs[..., 3:].reshape(-1, 2), self.turn)

    def line(self, dim, size):
        """The numbers with one dimension in front."""
        shape = list(self.pairs.shape)
        shape[dim] = size
        return np.moveaxis(np.broadcast_to(self.pairs, shape), dim, 0)

    def gathered(self, dim, size, units, taps, shift=None, border=None):
        """Take new units along a dimension of `size` entries from those that lie there.

        ``taps(units)`` are the places that each takes, a row a unit; with `shift`, so many units on
        they are so many further. `border` leads from a place beyond the map into it.
        """
        line = self.line(dim, size)
        free = line[..., 3:]
        turn = self.turn if _fits(free, self.turn) else _pattern(free)
        turn = turn if turn and turn[0] <= size else None
        seen = hulls(units, taps, existing(line[..., :3], border))
        free = hulls(units, taps, going_on(free, turn))
        pairs = np.moveaxis(np.concatenate([seen, free], -1), 0, dim)
        if shift is None:
            return Seen.settled(pairs, _pattern(free))
        return Seen(compact(pairs, pairs.ndim - 1), _turned(self.turn, *shift))

    @property
    def numbers(self):
        """The entries numbered, in the shape of the tensor."""
        shape = self.pairs.shape[:-1]
        return np.arange(math.prod(shape)).reshape(shape)

    def taken(self, numbers):
        """Entries that see what those of the given numbers see; -1 stands for nothing at all."""
        numbers, turn = compact(numbers, numbers.ndim), self.turn
        rows = np.concatenate([self.pairs.reshape(-1, 5), np.full((1, 5), np.inf)])
        shift = None
        if len(self.dims) == 1 == sum(size > 1 for size in numbers.shape):
            places = numbers.ravel().astype(float)
            shift = (1, 1) if len(places) == len(rows) - 1 and (np.diff(places) == 1).all() \
                else _pattern(np.stack([places, -places], -1))  # fmt: skip
            turn = _turned(turn, *shift) if shift else turn
        return Seen.settled(rows[numbers], turn, shift is not None)

    def collapsed(self, gone):
        """Put together all entries along the dimensions `gone`, which keep one."""
        seen = self
        for dim in sorted(self.dims & set(gone)):
            line, turn = seen.line(dim, seen.pairs.shape[dim])[..., 3:], seen.turn
            alone = seen.dims == {dim}
            if (turn[0] < len(line) or alone) and _fits(line, turn):  # one moves by as many as were
                turn = _turned(turn, 1, len(line))
            elif alone:
                first = np.unique(line[..., 0][np.isfinite(line[..., 0])])
                whole = len(first) and np.ptp(first) * turn[0] == (len(first) - 1) * turn[1]
                turn = _turned(turn, 1, len(first) if whole else 1)
            seen = Seen.settled(seen.pairs.min(dim, keepdims=True), turn, len(seen.dims) < 3)
        return seen

    def told(self, dim, size):
        """As a `Field` tells it: unit by unit along a dimension, or all together if it is None."""
        rank = self.pairs.ndim - 1
        seen = self.collapsed(set(range(rank)) - {dim})
        line = seen.pairs.reshape(1, 5) if dim is None else seen.line(dim, size).reshape(size, 5)
        free = line[:, 3:]
        turn = seen.turn if _fits(free, seen.turn) else _pattern(free)
        if turn is None or np.isneginf(free).any():
            return AxisField(listed(line[:, :2]), None, Fraction(0))
        return AxisField(listed(line[:, :2]), listed(free[: turn[0]]), Fraction(turn[1], turn[0]))


def listed(line):
    """The pairs (first, last) of a line of units."""
    return tuple((int(a), int(-b)) if a < np.inf else NOTHING for a, b in line.tolist())


def _varying(pairs):
    return {dim for dim, size in enumerate(pairs.shape[:-1]) if size > 1}


def compact(array, rank):
    """Leave one entry along each of the first dimensions that makes no difference."""
    for dim in range(rank):
        first = array[(slice(None),) * dim + (slice(0, 1),)]
        if array.shape[dim] > 1 and (array.strides[dim] == 0 or (array == first).all()):
            array = first
    return array


def _common_turn(seens):
    """The turn of axes that are joined; None if their units move by different numbers of pixels."""
    most = max((seen.dims for seen in seens), key=len)
    turns = [seen.turn for seen in seens if seen.dims in (most, set()) and seen.turns]
    jumps = {Fraction(advance, period) for period, advance in turns}
    if len(jumps) > 1:
        return None
    if not turns:
        return seens[0].turn
    period = math.lcm(*(period for period, _ in turns))
    return period, int(jumps.pop() * period)


# --- all axes of the image -----------------------------------------------------------------------


class Tracked(tuple):
    """What the entries of a tensor see: a `Seen` for each axis of the image."""

    __slots__ = ()

    @classmethod
    def image(cls, sizes, rank):
        """Axes along the last dimensions, in order."""
        first = rank - len(sizes)
        return cls(Seen.pixels(size, first + n, rank) for n, size in enumerate(sizes))

    @property
    def rank(self):
        """Number of dimensions."""
        return self[0].pairs.ndim - 1

    @property
    def dims(self):
        """All dimensions along which some axis makes a difference."""
        return set().union(*(seen.dims for seen in self))

    def same(self, other):
        """Whether entries of both see the same pixels."""
        if other is None or self.rank != other.rank:
            return False
        pixels = ([seen.pairs[..., [0, 1, 3, 4]] for seen in tracked] for tracked in (self, other))
        return all((a == b).all() for a, b in zip(*pixels, strict=True))

    def arranged(self, change):
        """Move what entries see as entries are moved: ``change`` moves an array of numbers."""
        return Tracked(seen.taken(change(seen.numbers)) for seen in self)

    def collapsed(self, gone):
        """See `Seen.collapsed`."""
        return Tracked(seen.collapsed(gone) for seen in self)

    def mixed(self, dims, size=None):
        """Let all entries along some dimensions see the same; the last may get `size` new ones."""
        mixed = []
        for old, new in zip(self, self.collapsed(dims), strict=True):
            places = old.pairs[..., 2]
            if size and old.dims & dims:
                places = new.pairs[..., 2] + np.arange(size)
            pairs = np.broadcast_to(new.pairs, (*places.shape, 5)).copy()
            pairs[..., 2] = places
            mixed.append(Seen(compact(pairs, places.ndim), new.turn))
        return Tracked(mixed)

    def without(self, gone):
        """Collapse the dimensions `gone` and drop them."""
        gone = tuple(gone)
        return self.collapsed(gone).arranged(lambda array: array.squeeze(gone))

    def fitted(self, rank):
        """Line up for broadcasting to `rank` dimensions."""
        more = (1,) * (rank - self.rank)
        return self.arranged(lambda array: array.reshape(more + array.shape)) if more else self

    def told(self, shape):
        """One `AxisField` an axis; where axes are merged, all their units together.

        An axis runs along the dimension where a batch of images has it, else along the only one
        that is its own and where it does not come again and again.
        """
        axes = []
        for number, seen in enumerate(self):
            others = set().union(*(other.dims for other in self if other is not seen))
            own, dim = seen.dims - others, None
            if self.rank == len(self) + 2 and (number + 2 in own or not seen.dims):
                dim = number + 2
            elif len(seen.dims) == len(own) == 1:
                line = seen.line(*own, seen.pairs.shape[min(own)]).reshape(-1, 5)
                changes = (line[1:] != line[:-1]).any(1).sum()
                dim = min(own) if changes + 1 == len(np.unique(line, axis=0)) else None
            axes.append(seen.told(dim, 1 if dim is None else shape[dim]))
        return tuple(axes)


class Operand(NamedTuple):
    """A tensor that sees something among the arguments of an operation."""

    name: str
    field: Tracked
    shape: tuple
    tensor: object = None

    @property
    def rank(self):
        """Number of dimensions."""
        return len(self.shape)


def join(fields):
    """Unite tensors that are added or multiplied: each entry sees what its operands see."""
    joined = []
    for seens in zip(*fields, strict=True):
        pairs = reduce(np.minimum, (seen.pairs for seen in seens))
        pairs[..., 2] = reduce(np.maximum, (seen.pairs[..., 2] for seen in seens))
        joined.append(Seen.settled(pairs, _common_turn(seens)))
    return Tracked(joined)


def beside(parts, dim):
    """Join tensors one behind the other along a dimension, where they have the sizes given.

    None in place of a `Tracked` sees nothing.
    """
    known = [field for field, _ in parts if field is not None]
    nothing = np.full((1,) * known[0].rank + (5,), np.inf)
    joined = []
    for number in range(len(known[0])):
        arrays = [nothing if field is None else field[number].pairs for field, _ in parts]
        shapes = [list(array.shape) for array in arrays]
        for shape in shapes:
            shape[dim] = 1
        full = list(np.broadcast_shapes(*shapes))
        arrays = [
            np.broadcast_to(array, [*full[:dim], size, *full[dim + 1 :]])
            for array, (_, size) in zip(arrays, parts, strict=True)
        ]
        turn = _common_turn([field[number] for field in known])
        joined.append(Seen.settled(np.concatenate(arrays, dim), turn))
    return Tracked(joined)
