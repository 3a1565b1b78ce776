"""The rules: what the result of each basic operation of PyTorch sees.

A rule is ``rule(a, operands, shape)``: the arguments by name, those of them that are tensors which
see something, and the shape of the result. It returns the result's `Tracked`.
"""

import math

import numpy as np

from cnnbook.receptive_field import windows
from cnnbook.receptive_field.seen import beside, join
from cnnbook.receptive_field.windows import only
from cnnbook.recording import CannotFollowError

# --- entry by entry, over some dimensions, products ----------------------------------------------


def pointwise(a, operands, shape):
    """Entry by entry, with broadcasting."""
    fields = [x.field.fitted(len(shape)) for x in operands]
    for seens in zip(*fields, strict=True):
        lie = {frozenset(seen.dims) for seen in seens} - {frozenset()}
        if len(lie) > 1 and not any(one > two for one in lie for two in lie):
            raise CannotFollowError("one operand's rows lie along another's columns")
    return join(fields)


def constant(a, operands, shape):
    """A new tensor of the same size: it depends on no pixel."""
    return None


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
    return x.field.mixed(_wrapped(a["dim"], x.rank))


def onwards(a, operands, shape):
    """Each entry depends on those before it along one dimension, which must be no axis."""
    x = only(operands)
    if _wrapped(a["dim"], x.rank) & x.field.dims:
        raise CannotFollowError("it runs along an axis of the image")
    return x.field


def norm(a, operands, shape):
    """Statistics over the last dimensions, over the whole map, or stored ones."""
    x = only(operands)
    if "normalized_shape" in a:
        return x.field.mixed(range(x.rank - len(a["normalized_shape"]), x.rank))
    if "num_groups" in a or "group" in a:
        return x.field.mixed(range(1, x.rank))
    return x.field.mixed(range(x.rank)) if a.get("training") else x.field


_FACTORS = {  # names of the two factors; the one that is added
    "mm": ("self", "mat2", None), "bmm": ("self", "mat2", None), "mv": ("self", "vec", None),
    "addmm": ("mat1", "mat2", "self"), "baddbmm": ("batch1", "batch2", "self"),
    "addbmm": ("batch1", "batch2", "self"), "addmv": ("mat", "vec", "self"),
    "dot": ("self", "tensor", None), "vdot": ("self", "other", None),
}  # fmt: skip


def product(a, operands, shape):
    """Matrix products: the inner dimension is summed away."""
    left, right, added = _FACTORS[a["name"]]
    fields = []
    for x in operands:
        field = x.field
        if x.name != added:
            inner = x.rank - 1 if x.name == left else max(x.rank - 2, 0)
            vector = a[right].dim() == 1  # then the inner dimension goes
            gone = {inner} if vector else {0} if a["name"] == "addbmm" else set()
            field = field.collapsed({inner}).without(gone)
        fields.append(field.fitted(len(shape)))
    return join(fields)


def linear(a, operands, shape):
    """A dense layer over the last dimension, the others kept; of two tensors if bilinear."""
    return join([x.field.mixed({x.rank - 1}, shape[-1]) for x in operands])


# --- joined, cut and put into another shape ------------------------------------------------------


def concatenation(a, operands, shape):
    """Joined along a dimension; a tensor that depends on no pixel sees nothing."""
    fields = {id(x.tensor): x.field for x in operands}
    tensors = [t for t in a["tensors"] if t.dim() == len(shape)]
    dim = a["dim"] % len(shape)
    return beside([(fields.get(id(t)), t.shape[dim]) for t in tensors], dim)


def stack(a, operands, shape):
    """Joined along a new dimension."""
    new = a["dim"] % len(shape)
    widened = lambda array: np.expand_dims(array, new)  # noqa: E731
    fields = {id(x.tensor): x.field.arranged(widened) for x in operands}
    return beside([(fields.get(id(tensor)), 1) for tensor in a["tensors"]], new)


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

    return x.field.arranged(reshaped)


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
    index = [(slice(None),) * dim + (slice(n * shape[dim], (n + 1) * shape[dim]),) for n in (0, 1)]
    halves = (
        x.field.arranged(lambda array, half=half: array[half] if array.shape[dim] > 1 else array)
        for half in index
    )
    return join(list(halves))


def embedding(a, operands, shape):
    """A row of numbers for each integer."""
    return only(operands).field.arranged(lambda array: array[..., None])


def restride(a, operands, shape):
    """Another order in memory for the same tensor."""
    x = only(operands)
    if x.shape != shape:
        raise CannotFollowError(f"strides that make {shape} of {x.shape}")
    return x.field


def blocks(a, operands, shape):
    """Unfold: the numbers of each window become channels, the windows one axis."""
    import torch

    x = only(operands)
    settings = [a[name] for name in ("kernel_size", "dilation", "padding", "stride")]

    def unfolded(array):  # done to the entries' numbers; 0 is a cell of padding
        numbers = torch.from_numpy(array + 1.0).expand(x.shape)
        return torch.nn.functional.unfold(numbers, *settings).long().numpy() - 1

    return x.field.arranged(unfolded)


# --- the table -----------------------------------------------------------------------------------

_NAMES = {
    pointwise: """hardswish hardswish_ clone alias detach contiguous _to_copy lift_fresh
        native_dropout expand rrelu_with_noise rrelu_with_noise_ _prelu_kernel masked_fill where
        isnan log_sigmoid_forward leaky_relu leaky_relu_ hardtanh_ hardsigmoid_ elu_ celu_ mish_
        gelu_ threshold_ abs_""",
    constant: """empty_like zeros_like ones_like full_like rand_like randn_like new_empty new_zeros
        new_ones new_full sym_size""",
    reduction: """mean sum amax amin max min std var var_mean linalg_vector_norm logsumexp norm
        prod argmax argmin any all nansum median nanmedian mode kthvalue std_mean count_nonzero
        aminmax""",
    over: "_softmax _log_softmax _safe_softmax sort topk",
    onwards: "cumsum cumprod logcumsumexp cummax cummin",
    norm: """native_layer_norm native_group_norm native_batch_norm cudnn_batch_norm
        _native_batch_norm_legit _native_batch_norm_legit_no_training""",
    product: " ".join(_FACTORS),
    linear: "linear bilinear",
    concatenation: "cat",
    stack: "stack",
    view: "view _unsafe_view _reshape_alias",
    glu: "glu",
    embedding: "embedding",
    restride: "as_strided_",
    blocks: "im2col",
    windows.convolution: "convolution",
    windows.pool: "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d",
    windows.unpool: "max_unpool2d max_unpool3d",
    windows.adaptive_pool: """_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
        adaptive_max_pool3d""",
    windows.fractional_pool: "fractional_max_pool2d fractional_max_pool3d",
    windows.nearest: """upsample_nearest1d upsample_nearest2d upsample_nearest3d
        _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d""",
    windows.resize: "upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d",
    windows.pad: """constant_pad_nd circular_pad reflection_pad1d reflection_pad2d reflection_pad3d
        replication_pad1d replication_pad2d replication_pad3d""",
    windows.roll: "roll",
}
RULES = {name: rule for rule, names in _NAMES.items() for name in names.split()}
MOVES = frozenset(
    """permute transpose t unsqueeze squeeze slice split split_with_sizes unsafe_split unbind
    select flip rot90 repeat index index_select gather unfold diagonal pixel_shuffle
    pixel_unshuffle channel_shuffle movedim take_along_dim""".split()
)
"""Operations that move numbers: done to the entries' numbers as they are."""
