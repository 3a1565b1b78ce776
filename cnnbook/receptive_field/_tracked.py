"""The fields of one tensor, and how they join with another's.

For each axis of the image a tensor has an array of units: which unit of that axis each of its
entries takes. The array keeps the tensor's rank, with size 1 along the dimensions that make no
difference, so that it is small. Whatever only moves numbers around is done to the array, and so
two axes may be merged, and come apart again.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnbook.receptive_field._axis import AxisField, union

NONE = -(2**26)  # the unit of an entry that sees nothing at all
MOST_PAIRS = 2**24


class CannotFollowError(ValueError):
    """An operation, or a use of it, for which there is no rule."""


def compact(array):
    """Leave one entry along each dimension that makes no difference."""
    for dim, size in enumerate(array.shape):
        first = array[(slice(None),) * dim + (slice(0, 1),)]
        if size > 1 and (array.strides[dim] == 0 or (array == first).all()):
            array = first
    return array


def along(array, dim, rank):
    """Lay a list along one dimension."""
    return np.reshape(array, [len(array) if n == dim else 1 for n in range(rank)])


def varying(units):
    """The dimensions along which it makes a difference where an entry is."""
    return {dim for dim, size in enumerate(units.shape) if size > 1}


def grouped(units, gone):
    """Put together the entries along the dimensions `gone`: their units, and new unit numbers."""
    gone = sorted(varying(units) & set(gone))
    kept = [dim for dim in range(units.ndim) if dim not in gone]
    inner = math.prod(units.shape[dim] for dim in gone)
    rows = units.transpose(kept + gone).reshape(units.size // inner if inner else 1, inner)
    if rows.size > MOST_PAIRS:
        raise CannotFollowError(f"{rows.size} pairs of units are too many")
    rows, places = _distinct(rows)
    found = [tuple(t for t in sorted(set(row)) if t != NONE) for row in rows.tolist()]
    taps = sorted(set(found))  # in order, so that a rule shows
    numbers = {units: number for number, units in enumerate(taps)}
    places = np.array([numbers[units] for units in found])[places]
    shape = [1 if dim in gone else size for dim, size in enumerate(units.shape)]
    return taps, places.reshape(shape)


def _distinct(rows):
    """The rows that differ, and for each row its number among them."""
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    if len(rows) == 1:
        return np.unique(rows)[None], np.zeros(1, int)
    keys = rows.view(np.dtype((np.void, rows.strides[0]))).ravel()  # much faster than by columns
    _, where, places = np.unique(keys, return_index=True, return_inverse=True)
    return rows[where], places


@dataclass(frozen=True, eq=False)
class Tracked:
    """The fields of a tensor.

    Parameters
    ----------
    axes : tuple of AxisField
        One an axis of the network's input.
    units : tuple of ndarray
        For each axis, which of its units the tensor's entries take; `NONE` sees nothing.
    """

    axes: tuple[AxisField, ...]
    units: tuple

    @classmethod
    def image(cls, axes, rank):
        """Axes along the last dimensions, in order."""
        first = rank - len(axes)
        units = [along(np.arange(a.units), first + n, rank) for n, a in enumerate(axes)]
        return cls(tuple(axes), tuple(units))

    @property
    def rank(self):
        """Number of dimensions."""
        return self.units[0].ndim

    def same(self, other):
        """Whether both say the same."""
        return other is not None and all(
            a == b and np.array_equal(u, v)
            for a, b, u, v in zip(self.axes, other.axes, self.units, other.units, strict=True)
        )

    def dims(self):
        """All dimensions along which some field differs."""
        return set().union(*map(varying, self.units))

    def moved(self, change):
        """Do to the units what is done to the tensor's numbers: ``change(array)``."""
        return Tracked(self.axes, tuple(compact(change(array)) for array in self.units))

    def collapsed(self, gone):
        """Put together all units along the dimensions `gone`, which keep one entry."""
        axes, units = [], []
        for axis, places in zip(self.axes, self.units, strict=True):
            if varying(places) & set(gone):
                taps, places = grouped(places, gone)
                axis = axis.pick(taps)
            axes.append(axis)
            units.append(compact(places))
        return Tracked(tuple(axes), tuple(units))

    def without(self, gone):
        """Collapse the dimensions `gone` and drop them."""
        gone = tuple(gone)
        return self.collapsed(gone).moved(lambda array: array.squeeze(gone))

    def straight(self, number, dim, size):
        """The axis `number` as it runs along a dimension of `size` entries."""
        taps, order = grouped(self.units[number], set(range(self.rank)) - {dim})
        order = np.broadcast_to(order.ravel(), size)
        return self.axes[number].pick([taps[n] for n in order.tolist()])

    def told(self, shape):
        """One axis each, as a `Field` tells them: where axes are merged, all units together.

        An axis runs along the dimension where a batch of images has it, else along the only one
        that is its own and where it does not come again and again.
        """
        seen = [varying(places) for places in self.units]
        axes = []
        for number, mine in enumerate(seen):
            usual = number + 2 if self.rank == len(self.axes) + 2 else None
            others = set().union(*seen[:number], *seen[number + 1 :])
            own = mine - others
            if usual is not None and (usual in own or not mine):
                axes.append(self.straight(number, usual, shape[usual]))
            elif len(mine) == len(own) == 1 and _runs(self.units[number]):
                dim = mine.pop()
                axes.append(self.straight(number, dim, shape[dim]))
            else:
                taps, _ = grouped(self.units[number], range(self.rank))
                axes.append(self.axes[number].pick(taps))
        return tuple(axes)


def _runs(units):
    """Whether each unit comes in one run."""
    flat = units.ravel()
    return 1 + np.count_nonzero(np.diff(flat)) == len(np.unique(flat))


class Operand(NamedTuple):
    """A tensor with fields among the arguments of an operation."""

    name: str
    field: Tracked
    shape: tuple
    tensor: object = None

    @property
    def rank(self):
        """Number of dimensions."""
        return len(self.shape)

    def fitted(self, rank):
        """Line up for broadcasting to `rank` dimensions."""
        more = (1,) * (rank - self.rank)
        return self.field.moved(lambda array: array.reshape(more + array.shape))


def join(fields):
    """Unite tensors that are added or multiplied: each entry sees what its operands see."""
    first, *others = fields
    for other in others:
        both = zip(first.axes, other.axes, first.units, other.units, strict=True)
        axes, units = zip(*(_joined(*pair) for pair in both), strict=True)
        first = Tracked(axes, tuple(map(compact, units)))
    return first


def _joined(axis, other, units, others):
    """Unite two axes: a new unit for each pair of units that occurs."""
    if axis == other and ((units == others) | (units == NONE) | (others == NONE)).all():
        return axis, np.maximum(units, others)
    units, others = np.broadcast_arrays(units, others)
    if units.size > MOST_PAIRS:
        raise CannotFollowError(f"{units.size} pairs of units are too many")
    low, high = int(others.min()), int(others.max()) + 1
    codes, places = np.unique(units * (high - low) + (others - low), return_inverse=True)
    ones, twos = np.divmod(codes, high - low)
    twos = twos + low
    kinds = list(zip(_piece_of(axis, ones), _piece_of(other, twos), strict=True))
    pieces, number = [], np.empty(len(codes), int)
    for kind in sorted(set(kinds)):
        which = [n for n, one in enumerate(kinds) if one == kind]
        number[which] = sum(piece.units for piece in pieces) + np.arange(len(which))
        pairs = ((axis, ones[which]), (other, twos[which]))
        seen = [one.pick(_single(column)) for one, column in pairs if (column != NONE).any()]
        pieces.append(union(seen or [axis.pick(_single(ones[which]))]))
    return AxisField.joined(pieces), number[places].reshape(units.shape)


def _piece_of(axis, units):
    """The number of the piece of an axis that each unit is of; -1 if it sees nothing."""
    ends = np.cumsum([piece.units for piece in axis.pieces[:-1]])
    return np.where(units == NONE, -1, np.searchsorted(ends, units, side="right")).tolist()


def _single(units):
    return [() if t == NONE else (t,) for t in units.tolist()]


def beside(operands, dim):
    """Join tensors one behind the other along a dimension.

    Parameters
    ----------
    operands : list of (Tracked or None, int)
        And their sizes along the dimension; None sees nothing.
    dim : int
    """
    known = [field for field, _ in operands if field is not None]
    nothing = np.full((1,) * known[0].rank, NONE)
    axes, units = [], []
    for number in range(len(known[0].axes)):
        choices, found = [], []
        for field, size in operands:
            places = nothing
            if field is not None:
                axis, places = field.axes[number], field.units[number]
                if axis not in choices:
                    choices.append(axis)
                start = sum(choice.units for choice in choices[: choices.index(axis)])
                if start:
                    inside = (places >= 0) & (places < axis.units)
                    places = np.where(inside, places + start, NONE)
            found.append((places, size))
        if len(choices) > 1:  # the first ones are numbered as they were
            places = found[0][0]
            inside = (places >= 0) & (places < choices[0].units)
            found[0] = np.where(inside, places, NONE), found[0][1]
        axes.append(AxisField.joined(choices))
        units.append(_chain(found, dim))
    return Tracked(tuple(axes), tuple(units))


def _reach(rows, windows):
    """The one unit of each row wherever a window meets an entry that sees it."""
    found = np.full((len(rows), len(windows)), NONE)
    for place, (first, last) in enumerate(windows):
        if first <= last:
            found[:, place] = rows[:, int(first) : int(last) + 1].max(axis=1)
    return found


def in_rows(field, number, dim, size, change):
    """Change an axis where it lies along one dimension, whatever it does along others.

    ``change(axis)`` is given the axis of each distinct line of entries along the dimension.
    """
    places = field.units[number]
    places = np.broadcast_to(places, [size if n == dim else m for n, m in enumerate(places.shape)])
    lines = np.moveaxis(places, dim, -1)
    table = lines.reshape(math.prod(lines.shape[:-1]), size)
    rows, which = _distinct(table) if len(table) > 1 else (table, np.zeros(1, int))
    if len(rows) > 1 and ((rows == rows.max(axis=1, keepdims=True)) | (rows == NONE)).all():
        # along this dimension the axis stands still: what counts is where something is seen
        numbers = _reach(rows, change(AxisField.pixels(size)).seen)[which.ravel()]
        numbers = numbers.reshape(*lines.shape[:-1], numbers.shape[-1])
        return field.axes[number], compact(np.moveaxis(numbers, -1, dim))
    if rows.size > MOST_PAIRS // 16:
        raise CannotFollowError(f"{len(rows)} unlike channels are too many")
    pieces = [change(field.axes[number].pick(_single(row))) for row in rows]
    units = pieces[0].units
    numbers = which.reshape(*lines.shape[:-1], 1) * units + np.arange(units)
    return AxisField.joined(pieces), compact(np.moveaxis(numbers, -1, dim))


def _chain(arrays, dim):
    """Concatenate compact arrays, with their sizes along the dimension."""
    rest = [array[(slice(None),) * dim + (slice(0, 1),)] for array, _ in arrays]
    shape = np.broadcast_shapes(*(array.shape for array in rest))
    full = [
        np.broadcast_to(array, (*shape[:dim], size, *shape[dim + 1 :])) for array, size in arrays
    ]
    return compact(np.concatenate(full, axis=dim))
