"""Rules for operations that mix, reduce or rearrange, and the table of all rules."""

import math
from fractions import Fraction

from cnnbook.receptive_field import _grids
from cnnbook.receptive_field._grids import only
from cnnbook.receptive_field._tracked import CannotFollowError, Tracked, join


def pointwise(a, operands, shape):
    """Unit by unit, with broadcasting."""
    return join([x.fitted(shape) for x in operands], shape)


def _wrapped(dims, rank):
    """Dimensions counted from 0; all of them if none are given."""
    if dims is None or dims == []:
        return set(range(rank))
    return {dim % rank for dim in (dims if isinstance(dims, (list, tuple)) else [dims])}


def reduction(a, operands, shape):
    """Sum, mean, maximum and so on over some dimensions: one unit sees what all see."""
    x = only(operands)
    gone = _wrapped(a.get("dim"), x.rank)
    return x.field.collapsed(gone) if len(shape) == x.rank else x.field.without(gone)


def _mixed(field, dims):
    return field.along(lambda axis, dim: axis.mixed() if dim in dims else axis)


def softmax(a, operands, shape):
    """Each entry depends on all entries along one dimension."""
    x = only(operands)
    return _mixed(x.field, _wrapped(a["dim"], x.rank))


def layer_norm(a, operands, shape):
    """Statistics over the last dimensions."""
    x = only(operands)
    return _mixed(x.field, range(x.rank - len(a["normalized_shape"]), x.rank))


def group_norm(a, operands, shape):
    """Statistics over the whole map."""
    return _mixed(only(operands).field, range(len(shape)))


def batch_norm(a, operands, shape):
    """Unit by unit with stored statistics, else over the whole map."""
    field = only(operands).field
    return _mixed(field, range(len(shape))) if a.get("training") else field


def product(a, operands, shape):
    """Matrix product: the inner dimension is summed away."""
    fields = []
    for x in operands:
        if x.name == "self" and ("mat1" in a or "batch1" in a):  # the term that is added
            fields.append(x.fitted(shape))
            continue
        left = x.name in ("mat1", "batch1") or x.name == "self"
        inner, kept = (-1, -2) if left else (-2, -1)
        summed = x.field.collapsed({x.rank + inner})
        target = len(shape) + kept

        def place(dim, rank=x.rank, inner=inner, kept=kept, target=target):
            return None if dim == rank + inner else target if dim == rank + kept else dim

        fields.append(summed.moved(place))
    return join(fields, shape)


def linear(operand):
    """A dense layer over the last dimension, the others kept."""
    last = operand.rank - 1
    return operand.field.collapsed({last}).moved(lambda dim: None if dim == last else dim)


def concatenation(a, operands, shape):
    """Joined along channels: a unit sees what its parts see."""
    along = a["dim"] % len(shape)
    if any(along in x.field.dims for x in operands):
        raise CannotFollowError("maps are joined side by side")
    return join([x.field for x in operands], shape)


def stack(a, operands, shape):
    """Joined along a new dimension."""
    new = a["dim"] % len(shape)
    return join([x.field.moved(lambda dim: dim + (dim >= new)) for x in operands], shape)


def view(a, operands, shape):
    """Another shape for the same numbers in the same order."""
    x, axes, dims = only(operands), [], []
    for axis, dim in zip(x.field.axes, x.field.dims, strict=True):
        place = None
        if dim is not None:
            within = math.prod(x.shape[dim + 1 :])
            places = [e for e, size in enumerate(shape) if size == x.shape[dim]]
            places = [e for e in places if math.prod(shape[e + 1 :]) == within and e not in dims]
            place = places[0] if places else None
            if place is None and not _merged(x.shape, dim, shape):
                raise CannotFollowError(f"shape {x.shape} becomes {shape}: an axis is cut up")
        axes.append(axis if place is not None or dim is None else axis.bins(1))
        dims.append(place)
    return Tracked(tuple(axes), tuple(dims))


def _merged(old, dim, new):
    """Whether a dimension lies whole within one of the new shape."""
    within = math.prod(old[dim + 1 :])
    return old[dim] == 1 or any(
        within % math.prod(new[e + 1 :]) == 0 and math.prod(new[e:]) % (within * old[dim]) == 0
        for e in range(len(new))
    )


def permute(a, operands, shape):
    """Dimensions in another order."""
    x = only(operands)
    if "dims" in a:
        order = [dim % x.rank for dim in a["dims"]]
    else:
        one, other = (a[name] % x.rank if x.rank > 1 else 0 for name in ("dim0", "dim1"))
        order = list(range(x.rank))
        order[one], order[other] = other, one
    return x.field.moved(order.index)


def matrix_transpose(a, operands, shape):
    """Rows and columns of a matrix exchanged."""
    return only(operands).field.moved(lambda dim: len(shape) - 1 - dim)


def unsqueeze(a, operands, shape):
    """A new dimension of size 1."""
    new = a["dim"] % len(shape)
    return only(operands).field.moved(lambda dim: dim + (dim >= new))


def squeeze(a, operands, shape):
    """Dimensions of size 1 left out."""
    x = only(operands)
    return x.field.without({d for d in _wrapped(a.get("dim"), x.rank) if x.shape[d] == 1})


def cut(a, operands, shape):
    """A slice, or a split into several."""
    x = only(operands)
    along, step = a.get("dim", 0) % x.rank, a.get("step", 1)
    if along not in x.field.dims:
        return x.field
    if "start" not in a:
        raise CannotFollowError("a map is cut into parts")
    start = a["start"] or 0
    start = max(start + x.shape[along], 0) if start < 0 else start

    def change(axis, dim):
        if dim != along:
            return axis
        return axis.gather(shape[dim], lambda u: [start + u * step], (1, step))

    return x.field.along(change)


def select(a, operands, shape):
    """One index of a dimension."""
    x = only(operands)
    along = a["dim"] % x.rank
    index = a.get("index", 0) % x.shape[along]
    if "index" not in a and along in x.field.dims:
        raise CannotFollowError("a map is cut into parts")
    field = x.field.along(
        lambda axis, dim: axis.gather(1, lambda u: [index + u]) if dim == along else axis
    )
    return field.without({along})


def restride(a, operands, shape):
    """Another order in memory for the same tensor."""
    x = only(operands)
    if x.shape != shape:
        raise CannotFollowError(f"strides that make {shape} of {x.shape}")
    return x.field


def constant(a, operands, shape):
    """A new tensor of the same size: it depends on no pixel."""
    return None


HALF = Fraction(1, 2)
_POINTWISE = (
    "hardswish hardswish_ clone alias detach contiguous _to_copy lift_fresh native_dropout expand "
    "rrelu_with_noise rrelu_with_noise_ _prelu_kernel masked_fill where isnan channel_shuffle"
)
_CONSTANT = (
    "empty_like zeros_like ones_like full_like rand_like randn_like new_empty new_zeros new_ones "
    "new_full sym_size"
)
_REDUCTION = (
    "mean sum amax amin max min std var var_mean linalg_vector_norm logsumexp norm prod argmax"
)
_BATCH_NORM = (
    "native_batch_norm cudnn_batch_norm _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training"
)

RULES = {
    **dict.fromkeys(_POINTWISE.split(), pointwise),
    **dict.fromkeys(_CONSTANT.split(), constant),
    **dict.fromkeys(_REDUCTION.split(), reduction),
    "convolution": _grids.convolution,
    "max_pool2d_with_indices": _grids.pool(2),
    "max_pool3d_with_indices": _grids.pool(3),
    "avg_pool2d": _grids.pool(2),
    "avg_pool3d": _grids.pool(3),
    **{
        f"{kind}_pool{n}d": _grids.adaptive_pool
        for kind in ("_adaptive_avg", "adaptive_max")
        for n in (2, 3)
    },
    **{f"upsample_nearest{n}d": _grids.resize(0, 0) for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": _grids.resize(HALF, 0) for n in (1, 2, 3)},
    "upsample_linear1d": _grids.resize(HALF, 1),
    "upsample_bilinear2d": _grids.resize(HALF, 1),
    "upsample_trilinear3d": _grids.resize(HALF, 1),
    "upsample_bicubic2d": _grids.resize(HALF, 2),
    "constant_pad_nd": _grids.pad("constant"),
    **{f"reflection_pad{n}d": _grids.pad("reflect") for n in (1, 2, 3)},
    **{f"replication_pad{n}d": _grids.pad("replicate") for n in (1, 2, 3)},
    "pixel_shuffle": _grids.pixel_shuffle,
    "pixel_unshuffle": _grids.pixel_unshuffle,
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), softmax),
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    **dict.fromkeys(_BATCH_NORM.split(), batch_norm),
    **dict.fromkeys(("mm", "bmm", "addmm", "baddbmm"), product),
    "cat": concatenation,
    "stack": stack,
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias"), view),
    **dict.fromkeys(("permute", "transpose"), permute),
    "as_strided_": restride,
    "t": matrix_transpose,
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
    **dict.fromkeys(("slice", "split", "split_with_sizes"), cut),
    **dict.fromkeys(("select", "unbind"), select),
}
