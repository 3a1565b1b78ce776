"""The rules: what the result of each basic operation of PyTorch sees.

A rule is ``rule(a, operands, shape)``: the arguments by name, those of them that are tensors which
see something, and the shape of the result. It returns the result's `Tracked`.
"""

import math
from fractions import Fraction

import numpy as np

from cnnbook.receptive_field.seen import OUT, Tracked, beside, join
from cnnbook.recording import CannotFollowError


def only(operands):
    """The one tensor with fields that an operation may have."""
    if len(operands) > 1:
        raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
    return operands[0]


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
    return x.field.collapsed(_wrapped(a["dim"], x.rank))


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
        return x.field.collapsed(range(x.rank - len(a["normalized_shape"]), x.rank))
    if "num_groups" in a or "group" in a:
        return x.field.collapsed(range(1, x.rank))
    return x.field.collapsed(range(x.rank)) if a.get("training") else x.field


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
    return join([x.field.collapsed({x.rank - 1}) for x in operands])


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


# --- windows, pooling, resizing, padding ---------------------------------------------------------


def _slide(x, changes):
    """Change the last dimensions: ``changes[n](seen, dim, size)``; None leaves one as it is."""
    first, field = x.rank - len(changes), []
    for number, seen in enumerate(x.field):
        dims = seen.dims
        if not dims and len(changes) == len(x.field):
            dims = {first + number}
        for dim in sorted(dims):
            if dim >= first and changes[dim - first] is not None:
                seen = changes[dim - first](seen, dim, x.shape[dim])
        field.append(seen)
    return Tracked(field)


def _spread(numbers, axes):
    numbers = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    return numbers * axes if len(numbers) == 1 else numbers


def _windows(x, shape, kernel, stride, padding, dilation, transposed=False):
    axes = len(kernel)
    columns = kernel, *(_spread(numbers, axes) for numbers in (stride, padding, dilation))

    def change(units, k, s, p, d):
        def window(seen, dim, size):
            every = np.arange(k) * d

            def taps(u):
                return u[:, None] * s - p + every

            return seen.gathered(dim, size, units, taps, (1, s))

        def spread(seen, dim, size):  # a unit below reaches every s-th new one
            def taps(u):
                place = u[:, None] + p - d * np.arange(k)
                return np.where(place % s == 0, place // s, OUT)

            return seen.gathered(dim, size, units, taps, (s, 1))

        return None if (k, s, p) == (1, 1, 0) else spread if transposed else window

    rows = zip(shape[len(shape) - axes :], *columns, strict=True)
    return _slide(x, [change(*row) for row in rows])


def convolution(a, operands, shape):
    """Convolution or transposed convolution over any number of axes."""
    x, kernel = only(operands), list(a["weight"].shape[2:])
    channel = x.rank - len(kernel) - 1
    field = _mixed(x.field, channel, shape[channel], a["groups"])
    settings = a["stride"], a["padding"], a["dilation"], a["transposed"]
    return _windows(x._replace(field=field), shape, kernel, *settings)


def _mixed(field, channel, channels, groups):
    """Put together the channels of each group."""
    if groups == 1 or channel not in field.dims:
        return field.collapsed({channel})

    def split(array):
        *outer, size = array.shape[: channel + 1]
        inner = (groups, size // groups) if size > 1 else (1, 1)  # 1: all channels alike
        return array.reshape(*outer, *inner, *array.shape[channel + 1 :])

    def repeated(array):
        array = array.squeeze(channel + 1)
        return array.repeat(channels // groups, channel) if array.shape[channel] > 1 else array

    return field.arranged(split).collapsed({channel + 1}).arranged(repeated)


def pool(a, operands, shape):
    """Maximum or average pooling; 1-D pooling comes as 2-D, too."""
    axes = 3 if "3d" in a["name"] else 2
    kernel = _spread(a["kernel_size"], axes)
    settings = a["stride"] or kernel, a["padding"], a.get("dilation", 1)
    return _windows(only(operands), shape, kernel, *settings)


def unpool(a, operands, shape):
    """Each number goes back to the place where a pooling found it: anywhere in its window."""
    settings, axes = a["found_by"], len(shape) - 2
    if settings is None or settings["self"].shape[2:] != shape[2:]:
        raise CannotFollowError("the places are not those that a pooling of such a map found")
    kernel = _spread(settings["kernel_size"], axes)
    settings = settings["stride"] or kernel, settings["padding"], settings["dilation"], True
    return join([_windows(x, shape, kernel, *settings) for x in operands])


def adaptive_pool(a, operands, shape):
    """Pool over bins as even as possible."""

    def change(units):
        def bins(seen, dim, size):
            common = math.gcd(units, size)
            most = np.arange(max(-(-(u + 1) * size // units) - u * size // units
                                 for u in range(units)))  # fmt: skip

            def taps(u):
                first, last = u * size // units, -(-(u + 1) * size // units) - 1
                return np.minimum(first[:, None] + most, last[:, None])

            return seen.gathered(dim, size, units, taps, (units // common, size // common))

        return bins

    return _slide(only(operands), [change(n) for n in shape[len(shape) - len(a["output_size"]) :]])


def fractional_pool(a, operands, shape):
    """Windows at random places: a unit sees all that any of them may take."""
    axes = len(shape) - 2

    def change(units, kernel):
        def bins(seen, dim, size):
            way, least = size - kernel, Fraction(1, 2**16)
            step = Fraction(way, units - 1) if units > 1 else None
            taps = [range(way, size)] if units == 1 else [
                range(max(math.floor(u * step - least), 0),
                      min(math.ceil(u * step + least) + kernel, size))
                for u in range(units)
            ]  # fmt: skip
            return seen.gathered(dim, size, units, _table(taps))

        return bins

    kernels = _spread(a["kernel_size"], axes)
    return _slide(operands[0], [change(*row) for row in zip(shape[2:], kernels, strict=True)])


def _table(rows):
    """Taps that are listed unit by unit; a row may repeat its first."""
    longest = max(map(len, rows))
    table = np.array([[*row, *[row[0]] * (longest - len(row))] for row in rows])
    return table.__getitem__


def _scales(a):
    """The number of axes of an interpolation, and their scale factors, None if not given."""
    axes = len(a["output_size"])
    return axes, [value for name, value in a.items() if name.startswith("scales")][:axes]


def _shift(units, size, scale):
    """The pattern of a resized map, if its scale factor is the ratio of the sizes."""
    common = math.gcd(units, size)
    return (units // common, size // common) if not scale or math.isclose(size * scale, units) \
        else None  # fmt: skip


def nearest(a, operands, shape):
    """Interpolation that takes the nearest unit, in the rounding of PyTorch's own operation."""
    import torch

    axes, scales = _scales(a)

    def change(number, units, scale):
        def pick(seen, dim, size):
            line = [size if n == number else 1 for n in range(axes)]
            numbers = torch.arange(size, dtype=torch.float32).reshape(1, 1, *line)
            line[number] = units
            factors = [scale if n == number else None for n in range(axes)]
            found = a["operation"](numbers, line, *factors).reshape(-1, 1).long().numpy()
            return seen.gathered(dim, size, units, found.__getitem__, _shift(units, size, scale))

        return pick

    rows = zip(range(axes), shape[-axes:], scales, strict=True)
    return _slide(only(operands), [change(*row) for row in rows])


def resize(a, operands, shape):
    """Interpolation between units, 1 or (cubic) 2 of them on each side."""
    axes, scales = _scales(a)
    corners, reach = a.get("align_corners"), 2 if "cubic" in a["name"] else 1

    def change(units, scale):
        def between(seen, dim, size):
            up, down = (max(units - 1, 1), size - 1) if corners else (units, size)
            shift = _shift(up, down, None if corners else scale)
            if not corners and not _shift(units, size, scale):
                shift = None
            step = 1 / Fraction(scale) if shift is None else Fraction(down, up)
            half = 0 if corners else Fraction(1, 2)
            taps = []
            for u in range(units):
                place = (u + half) * step - half
                left = math.floor(place)
                taps.append([left] if place == left else range(left - reach + 1, left + reach + 1))
            edge = lambda t: np.clip(t, 0, size - 1)  # noqa: E731
            return seen.gathered(dim, size, units, _table(taps), shift, edge)

        return between

    rows = zip(shape[len(shape) - axes :], scales, strict=True)
    return _slide(only(operands), [change(*row) for row in rows])


def pad(a, operands, shape):
    """Padding: a constant ends every path; other cells lead back inside."""
    x, mode = only(operands), a["name"].split("_")[0]
    befores = (a["pad"] if "pad" in a else a["padding"])[::2][::-1]  # the last axis comes first
    first = x.rank - len(befores)

    def change(left, units, old):
        def shifted(seen, dim, size):
            last = size - 1
            border = {
                "constant": None,
                "reflection": lambda t: last - abs(last - abs(t)),
                "replication": lambda t: np.clip(t, 0, last),
                "circular": lambda t: t % size,
            }[mode]
            return seen.gathered(dim, size, units, lambda u: u[:, None] - left, (1, 1), border)

        return shifted if left or units != old else None

    rows = zip(befores, shape[first:], x.shape[first:], strict=True)
    padded = _slide(x, [change(*row) for row in rows])
    for dim in range(first, x.rank) if mode == "constant" else ():
        before = befores[dim - first]
        if dim not in padded.dims:  # nothing is seen through the cells of padding
            after = shape[dim] - x.shape[dim] - before
            sizes = [(None, before), (padded, x.shape[dim]), (None, after)]
            padded = beside([(field, n) for field, n in sizes if n > 0], dim)
    return padded


def roll(a, operands, shape):
    """What leaves at one end comes in at the other."""
    x = only(operands)
    if not a["dims"]:
        raise CannotFollowError("all axes are rolled as one")
    field = x.field
    for shift, dim in zip(_spread(a["shifts"], 1), _spread(a["dims"], 1), strict=True):
        dim, size = dim % x.rank, x.shape[dim]
        border = lambda t, size=size: t % size  # noqa: E731
        taps = lambda u, shift=shift: u[:, None] - shift  # noqa: E731
        field = Tracked(
            seen.gathered(dim, size, size, taps, (1, 1), border) if dim in seen.dims else seen
            for seen in field
        )
    return field


# --- the table -----------------------------------------------------------------------------------

_NAMES = {
    pointwise: """hardswish hardswish_ clone alias detach contiguous _to_copy lift_fresh
        native_dropout expand rrelu_with_noise rrelu_with_noise_ _prelu_kernel masked_fill where
        isnan log_sigmoid_forward""",
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
    convolution: "convolution",
    pool: "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d",
    unpool: "max_unpool2d max_unpool3d",
    adaptive_pool: """_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
        adaptive_max_pool3d""",
    fractional_pool: "fractional_max_pool2d fractional_max_pool3d",
    nearest: """upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
        _upsample_nearest_exact2d _upsample_nearest_exact3d""",
    resize: "upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d",
    pad: """constant_pad_nd circular_pad reflection_pad1d reflection_pad2d reflection_pad3d
        replication_pad1d replication_pad2d replication_pad3d""",
    roll: "roll",
}
RULES = {name: rule for rule, names in _NAMES.items() for name in names.split()}
MOVES = frozenset(
    """permute transpose t unsqueeze squeeze slice split split_with_sizes unsafe_split unbind
    select flip rot90 repeat index index_select gather unfold diagonal pixel_shuffle
    pixel_unshuffle channel_shuffle movedim take_along_dim""".split()
)
"""Operations that move numbers: done to the entries' numbers as they are."""
