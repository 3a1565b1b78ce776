"""The fields of one tensor, and how they join with another's."""

from dataclasses import dataclass
from typing import NamedTuple

from cnnbook.receptive_field._axis import AxisField, union


class CannotFollowError(ValueError):
    """An operation, or a use of it, for which there is no rule."""


@dataclass(frozen=True)
class Tracked:
    """The fields of a tensor.

    Parameters
    ----------
    axes : tuple of AxisField
        One an axis of the network's input.
    dims : tuple of int or None
        The tensor's dimension that each axis runs along; None once it is flattened or summed
        away: the one unit left stands for all of them together.
    """

    axes: tuple[AxisField, ...]
    dims: tuple

    def along(self, change):
        """Change the axes: ``change(axis, dim)`` for each one that still has a dimension."""
        pairs = zip(self.axes, self.dims, strict=True)
        return Tracked(tuple(a if dim is None else change(a, dim) for a, dim in pairs), self.dims)

    def moved(self, place):
        """Give the axes new dimensions: ``place(dim)``."""
        return Tracked(self.axes, tuple(None if dim is None else place(dim) for dim in self.dims))

    def collapsed(self, gone):
        """Put together all units along the dimensions `gone`, which hold one unit then."""
        return self.along(lambda axis, dim: axis.bins(1) if dim in gone else axis)

    def without(self, gone):
        """Collapse the dimensions `gone` and drop them."""

        def place(dim):
            return None if dim in gone else dim - sum(other < dim for other in gone)

        return self.collapsed(gone).moved(place)


class Operand(NamedTuple):
    """A tensor with fields among the arguments of an operation."""

    name: str
    field: Tracked
    shape: tuple

    @property
    def rank(self):
        """Number of dimensions."""
        return len(self.shape)

    def fitted(self, shape):
        """Line up for broadcasting to `shape`."""
        moved = self.field.moved(lambda dim: dim + len(shape) - self.rank)
        return moved.along(lambda axis, dim: axis.broadcast(shape[dim]))


def join(fields, shape):
    """Unite tensors that are added, multiplied or joined: each unit sees what its parts see."""
    axes, dims = [], []
    for number in range(len(fields[0].axes)):
        places = {field.dims[number] for field in fields} - {None}
        if len(places) > 1:
            raise CannotFollowError("one operand's rows lie along another's columns")
        dims.append(places.pop() if places else None)
        units = 1 if dims[-1] is None else shape[dims[-1]]
        axes.append(union([field.axes[number].broadcast(units) for field in fields]))
    return Tracked(tuple(axes), tuple(dims))
