"""Rules for operations that mix, reduce or rearrange, and the table of all rules."""

import math

import numpy as np

from cnnbook.receptive_field import _grids
from cnnbook.receptive_field._grids import only
from cnnbook.receptive_field._tracked import (
    CannotFollowError,
    beside,
    join,
    varying,
)


def pointwise(a, operands, shape):
    """Entry by entry, with broadcasting."""
    fields = [x.fitted(len(shape)) for x in operands]
    for number in range(len(fields[0].axes)):
        seen = {frozenset(varying(field.units[number])) for field in fields} - {frozenset()}
        if len(seen) > 1 and not any(one >= two for one in seen for two in seen if one != two):
            raise CannotFollowError("one operand's rows lie along another's columns")
    return join(fields)


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


def over(a, operands, shape):
    """Each entry depends on all entries along one dimension."""
    x = only(operands)
    return x.field.collapsed(_wrapped(a["dim"], x.rank))


def onwards(a, operands, shape):
    """Each entry depends on those before it along one dimension, which must be no axis."""
    x = only(operands)
    dims = _wrapped(a["dim"], x.rank)
    if dims & x.field.dims():
        raise CannotFollowError("it runs along an axis of the image")
    return x.field


def layer_norm(a, operands, shape):
    """Statistics over the last dimensions."""
    x = only(operands)
    return x.field.collapsed(range(x.rank - len(a["normalized_shape"]), x.rank))


def group_norm(a, operands, shape):
    """Statistics over the whole map."""
    return only(operands).field.collapsed(range(1, len(shape)))


def batch_norm(a, operands, shape):
    """Unit by unit with stored statistics, else over the whole map."""
    field = only(operands).field
    return field.collapsed(range(len(shape))) if a.get("training") else field


_FACTORS = {  # names of the two factors; the one that is added
    "mm": ("self", "mat2", None),
    "bmm": ("self", "mat2", None),
    "addmm": ("mat1", "mat2", "self"),
    "baddbmm": ("batch1", "batch2", "self"),
    "addbmm": ("batch1", "batch2", "self"),
    "mv": ("self", "vec", None),
    "addmv": ("mat", "vec", "self"),
    "dot": ("self", "tensor", None),
    "vdot": ("self", "other", None),
}


def product(name):
    """Matrix products: the inner dimension is summed away."""
    left, right, added = _FACTORS[name]

    def rule(a, operands, shape):
        fields = []
        for x in operands:
            if x.name == added:
                fields.append(x.fitted(len(shape)))
            elif x.name == left:
                field = x.field.collapsed({x.rank - 1})
                if name in ("mv", "addmv", "dot", "vdot"):
                    field = field.without({x.rank - 1})
                fields.append(field.without({0}) if name == "addbmm" else field)
            elif x.name == right:
                field = x.field.collapsed({max(x.rank - 2, 0)})
                if x.rank == 1:
                    field = field.without({0})
                    more = (1,) * len(shape)
                    field = field.moved(lambda array, more=more: array.reshape(more))
                fields.append(field.without({0}) if name == "addbmm" else field)
        return join(fields)

    return rule


def linear(operands):
    """A dense layer over the last dimension, the others kept; of two tensors if bilinear."""
    return join([x.field.collapsed({x.rank - 1}) for x in operands])


def concatenation(a, operands, shape):
    """Joined along a dimension; a tensor without a field sees nothing."""
    fields = {id(x.tensor): x.field for x in operands}
    dim = a["dim"] % len(shape)
    return beside(
        [(fields.get(id(t)), t.shape[dim]) for t in a["tensors"] if t.dim() == len(shape)], dim
    )


def stack(a, operands, shape):
    """Joined along a new dimension."""
    fields = {id(x.tensor): x.field for x in operands}
    new = a["dim"] % len(shape)

    def widened(tensor):
        field = fields.get(id(tensor))
        return field and field.moved(lambda array: np.expand_dims(array, new))

    return beside([(widened(tensor), 1) for tensor in a["tensors"]], new)


def view(a, operands, shape):
    """Another shape for the same numbers in the same order."""
    x = only(operands)
    groups = _groups(x.shape, shape)

    def reshaped(array):
        old, new = [], []
        for before, after in groups:
            differs = any(array.shape[dim] > 1 for dim in before)
            old += [x.shape[dim] if differs else 1 for dim in before]
            new += [shape[dim] if differs else 1 for dim in after]
        return np.broadcast_to(array, old).reshape(new)

    return x.field.moved(reshaped)


def _groups(old, new):
    """The smallest runs of dimensions of two shapes that hold the same numbers."""
    groups, before, after, i, j = [], [], [], 0, 0
    while i < len(old) or j < len(new):
        one, two = (math.prod(s[d] for d in g) for s, g in ((old, before), (new, after)))
        if i < len(old) and (one <= two or j == len(new)) and not (one == two and before):
            before, i = [*before, i], i + 1
        elif j < len(new) and not (one == two and before and after):
            after, j = [*after, j], j + 1
        else:
            groups.append((before, after))
            before, after = [], []
    return [*groups, (before, after)]


def glu(a, operands, shape):
    """One half of the channels gates the other."""
    x = only(operands)
    dim = a["dim"] % x.rank

    def half(number):
        places = slice(number * shape[dim], (number + 1) * shape[dim])
        index = (slice(None),) * dim + (places,)
        return x.field.moved(lambda array: array[index] if array.shape[dim] > 1 else array)

    return join([half(0), half(1)])


def embedding(a, operands, shape):
    """A row of numbers for each integer."""
    return only(operands).field.moved(lambda array: array[..., None])


def restride(a, operands, shape):
    """Another order in memory for the same tensor."""
    x = only(operands)
    if x.shape != shape:
        raise CannotFollowError(f"strides that make {shape} of {x.shape}")
    return x.field


def constant(a, operands, shape):
    """A new tensor of the same size: it depends on no pixel."""
    return None


_POINTWISE = (
    "hardswish hardswish_ clone alias detach contiguous _to_copy lift_fresh native_dropout expand "
    "rrelu_with_noise rrelu_with_noise_ _prelu_kernel masked_fill where isnan "
    "log_sigmoid_forward"
)
_CONSTANT = (
    "empty_like zeros_like ones_like full_like rand_like randn_like new_empty new_zeros new_ones "
    "new_full sym_size"
)
_REDUCTION = (
    "mean sum amax amin max min std var var_mean linalg_vector_norm logsumexp norm prod argmax "
    "argmin any all nansum median nanmedian mode kthvalue std_mean count_nonzero aminmax"
)
_BATCH_NORM = (
    "native_batch_norm cudnn_batch_norm _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training"
)
MOVES = frozenset(
    """permute transpose t unsqueeze squeeze slice split split_with_sizes unsafe_split unbind
    select flip rot90 repeat index index_select gather unfold diagonal pixel_shuffle
    pixel_unshuffle channel_shuffle movedim take_along_dim""".split()
)
"""Operations that move numbers: done to the units as they are."""

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
    "max_unpool2d": _grids.unpool,
    "max_unpool3d": _grids.unpool,
    "fractional_max_pool2d": _grids.fractional_pool,
    "fractional_max_pool3d": _grids.fractional_pool,
    **{f"upsample_nearest{n}d": _grids.nearest for n in (1, 2, 3)},
    **{f"_upsample_nearest_exact{n}d": _grids.nearest for n in (1, 2, 3)},
    "upsample_linear1d": _grids.resize(1),
    "upsample_bilinear2d": _grids.resize(1),
    "upsample_trilinear3d": _grids.resize(1),
    "upsample_bicubic2d": _grids.resize(2),
    "constant_pad_nd": _grids.pad("constant"),
    **{f"reflection_pad{n}d": _grids.pad("reflect") for n in (1, 2, 3)},
    **{f"replication_pad{n}d": _grids.pad("replicate") for n in (1, 2, 3)},
    "circular_pad": _grids.pad("circular"),
    "roll": _grids.roll,
    "im2col": _grids.blocks,
    **dict.fromkeys("_softmax _log_softmax _safe_softmax sort topk".split(), over),
    **dict.fromkeys("cumsum cumprod logcumsumexp cummax cummin".split(), onwards),
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    **dict.fromkeys(_BATCH_NORM.split(), batch_norm),
    **{name: product(name) for name in _FACTORS},
    "cat": concatenation,
    "stack": stack,
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias"), view),
    "as_strided_": restride,
    "glu": glu,
    "embedding": embedding,
}
