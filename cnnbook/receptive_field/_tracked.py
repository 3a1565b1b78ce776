"""The fields of one tensor, and how they join with another's.

For each axis of the image a tensor has an array of units: which unit of that axis each of its
entries takes. The array keeps the tensor's rank, with size 1 along the dimensions that make no
difference, so that it is small. Whatever only moves numbers around is done to the array, and so
two axes may be merged, and come apart again.
"""

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
        first = array.take([0], axis=dim)
        if size > 1 and (array.strides[dim] == 0 or (array == first).all()):
            array = first
    return array


def along(array, dim, rank):
    """Lay a list along one dimension."""
    return np.reshape(array, [-1 if n == dim else 1 for n in range(rank)])


def numbered(parts):
    """Small numbers for labels."""
    return compact(np.unique(parts, return_inverse=True)[1].reshape(parts.shape))


def varying(units):
    """The dimensions along which it makes a difference where an entry is."""
    return {dim for dim, size in enumerate(units.shape) if size > 1}


def grouped(units, gone):
    """Put together the entries along the dimensions `gone`: their units, and new unit numbers."""
    gone = sorted(varying(units) & set(gone))
    kept = [dim for dim in range(units.ndim) if dim not in gone]
    table = units.transpose(kept + gone).reshape([units.shape[dim] for dim in kept] + [-1])
    rows = table.reshape(-1, table.shape[-1])
    if rows.size > MOST_PAIRS:
        raise CannotFollowError(f"{rows.size} pairs of units are too many")
    if rows.shape[1] == 1:  # much faster
        rows, places = np.unique(rows, return_inverse=True)
        rows = rows[:, None]
    else:
        rows, places = np.unique(rows, axis=0, return_inverse=True)
    taps = [tuple(t for t in sorted(set(row)) if t != NONE) for row in rows.tolist()]
    shape = [1 if dim in gone else size for dim, size in enumerate(units.shape)]
    return taps, places.reshape(shape)


@dataclass(frozen=True, eq=False)
class Tracked:
    """The fields of a tensor.

    Parameters
    ----------
    axes : tuple of AxisField
        One an axis of the network's input.
    units : tuple of ndarray
        For each axis, which of its units the tensor's entries take; `NONE` sees nothing.
    parts : ndarray
        Numbers the parts of a tensor joined from unlike ones; to each of them the fields of all
        are given. So it must not be that rows are made of them.
    """

    axes: tuple[AxisField, ...]
    units: tuple
    parts: np.ndarray

    @classmethod
    def image(cls, axes, rank):
        """Axes along the last dimensions, in order."""
        first = rank - len(axes)
        units = [along(np.arange(a.units), first + n, rank) for n, a in enumerate(axes)]
        return cls(tuple(axes), tuple(units), np.zeros((1,) * rank, int))

    @property
    def rank(self):
        """Number of dimensions."""
        return self.parts.ndim

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
        *units, parts = (compact(change(array)) for array in (*self.units, self.parts))
        return Tracked(self.axes, tuple(units), parts)

    def collapsed(self, gone):
        """Put together all units along the dimensions `gone`, which keep one entry."""
        axes, units = [], []
        for axis, places in zip(self.axes, self.units, strict=True):
            if varying(places) & set(gone):
                taps, places = grouped(places, gone)
                axis = axis.pick(taps)
            axes.append(axis)
            units.append(compact(places))
        parts = compact(grouped(self.parts, gone)[1])
        return Tracked(tuple(axes), tuple(units), parts)

    def without(self, gone):
        """Collapse the dimensions `gone` and drop them."""
        gone = tuple(gone)
        return self.collapsed(gone).moved(lambda array: array.squeeze(gone))

    def straight(self, number, dim, size):
        """The axis `number` as it runs along a dimension of `size` entries."""
        places = self.units[number]
        if dim in varying(self.parts):
            raise CannotFollowError("channels of unlike fields are laid along an axis")
        taps, order = grouped(places, set(range(self.rank)) - {dim})
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
        axes, units = [], []
        for n, pair in enumerate(zip(first.axes, other.axes, strict=True)):
            axis, places = _joined(pair, (first.units[n], other.units[n]))
            axes.append(axis)
            units.append(compact(places))
        parts = _pairs(first.parts, other.parts)[1]
        first = Tracked(tuple(axes), tuple(units), compact(parts))
    return first


def _pairs(one, other):
    """The pairs of units that occur, and for each entry the number of its pair."""
    one, other = np.broadcast_arrays(one, other)
    if one.size > MOST_PAIRS:
        raise CannotFollowError(f"{one.size} pairs of units are too many")
    low, high = int(other.min()), int(other.max()) + 1
    codes, places = np.unique(one * (high - low) + (other - low), return_inverse=True)
    ones, others = np.divmod(codes, high - low)
    return (ones, others + low), places.reshape(one.shape)


def _joined(axes, units):
    if np.array_equal(*units) and axes[0] == axes[1]:
        return axes[0], units[0]
    pairs, places = _pairs(*units)
    picked = [
        axis.pick([() if t == NONE else (t,) for t in column.tolist()])
        for axis, column in zip(axes, pairs, strict=True)
    ]
    return union(picked), places


def beside(operands, dim):
    """Join tensors one behind the other along a dimension.

    Parameters
    ----------
    operands : list of (Tracked or None, int)
        And their sizes along the dimension; None sees nothing.
    dim : int

    Returns
    -------
    Tracked
        Exact where all have the same axes, or if the images themselves lie side by side. Else
        each part has the fields of all, and `parts` says so.
    """
    known = [field for field, _ in operands if field is not None]
    side_by_side = any(dim in field.dims() for field in known)
    axes, units, exact = [], [], True
    for number in range(len(known[0].axes)):
        choices = [field.axes[number] for field in known]
        if all(choice == choices[0] for choice in choices):
            axis, shifts = choices[0], [0] * len(known)
        elif side_by_side:
            axis = AxisField(sum((choice.seen for choice in choices), ()), None, 0)
            shifts = [sum(choice.units for choice in choices[:n]) for n in range(len(known))]
        else:
            exact = False
            together = join(known)
            axes.append(together.axes[number])
            units.append(together.units[number])
            continue
        moved = iter([f.units[number] + s * (f.units[number] != NONE)
                      for f, s in zip(known, shifts, strict=True)])  # fmt: skip
        nothing = np.full((1,) * known[0].rank, NONE)
        axes.append(axis)
        units.append(_chain([(nothing if f is None else next(moved), n) for f, n in operands], dim))
    labels = []
    for number, (field, size) in enumerate(operands):
        inner = np.zeros((1,) * known[0].rank, int) if field is None else field.parts
        labels.append((inner + (0 if exact else number * 2**40), size))
    return Tracked(tuple(axes), tuple(units), numbered(_chain(labels, dim)))


def _chain(arrays, dim):
    """Concatenate compact arrays, with their sizes along the dimension."""
    rest = [array[(slice(None),) * dim + (slice(0, 1),)] for array, _ in arrays]
    shape = np.broadcast_shapes(*(array.shape for array in rest))
    full = [
        np.broadcast_to(array, (*shape[:dim], size, *shape[dim + 1 :])) for array, size in arrays
    ]
    return compact(np.concatenate(full, axis=dim))
