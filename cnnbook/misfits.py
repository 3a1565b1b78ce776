"""What PyTorch refuses of tensors with numbers, but takes of tensors without.

Found by calling some 90 operations with wrong shapes, dimensions and types, with numbers and
without: without them convolutions, above all transposed ones, softmax, sorting, indices and
products of unlike types are not checked.
"""


class MisfitError(ValueError):
    """A tensor that a layer or an operation does not take: what it gets and what it expects."""

    def __init__(self, got, expected, tensor=None):
        super().__init__(got, expected)
        self.got, self.expected, self.tensor = got, expected, tensor


class CannotFollowError(ValueError):
    """An operation, or a use of it, for which there is no rule."""


_LAYERS = {  # attribute of a layer with the size it expects, in words, and where
    "in_channels": ("channel", 1), "num_channels": ("channel", 1), "num_features": ("channel", 1),
    "in_features": ("feature", -1), "embed_dim": ("feature", -1), "input_size": ("feature", -1),
}  # fmt: skip
_ONE_TYPE = frozenset("convolution mm bmm addmm baddbmm mv dot addmv addbmm".split())
_ALONG = frozenset("_softmax _log_softmax sort".split())
_INDEXED = frozenset("index index_select gather".split())
_FLOATS = frozenset(
    """_softmax _log_softmax glu im2col col2im native_batch_norm native_layer_norm
    max_unpool2d max_unpool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
    adaptive_max_pool3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d
    upsample_bicubic2d fractional_max_pool2d fractional_max_pool3d""".split()
)


def _count(number, word):
    return f"{number} {word}" + "s" * (number != 1)


def check_layer(part, inputs):
    """Check a layer of `torch.nn` on its way in, with words of its own."""
    import torch

    x = inputs[0] if inputs else None
    if not isinstance(x, torch.Tensor) or not type(part).__module__.startswith("torch.nn.modules"):
        return
    if isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag) and x.is_floating_point():
        raise MisfitError("numbers that are no integers", "integers: give dtypes=torch.long", x)
    if isinstance(part, torch.nn.modules.instancenorm._InstanceNorm) and not part.affine:
        return
    for name, (word, dim) in _LAYERS.items():
        expected = getattr(part, name, None)
        if not isinstance(expected, int) or isinstance(expected, bool) or expected == 0:
            continue  # 0: a lazy layer, which takes what comes
        if axes := len(getattr(part, "kernel_size", ())) if name == "in_channels" else 0:
            dim = x.dim() - axes - 1
            if dim not in (0, 1):
                ranks = f"{axes + 1} or {axes + 2} dimensions, (batch,) channels and {axes} sizes"
                raise MisfitError(_count(x.dim(), "dimension"), ranks, x)
        if x.dim() <= max(dim, 0):
            raise MisfitError(_count(x.dim(), "dimension"), f"at least {dim + 1}", x)
        if x.shape[dim] != expected:
            raise MisfitError(_count(x.shape[dim], word), expected, x)


def check_operation(operation, given, taken):
    """Check the arguments of a basic operation, by name; `given` may have numbers."""
    import torch

    name = operation._schema.name.split("::")[1]
    tensors = [value for value in taken.values() if isinstance(value, torch.Tensor)]
    if name == "convolution":
        _check_convolution(taken)
    if name in _ONE_TYPE and len(types := {str(tensor.dtype) for tensor in tensors}) > 1:
        raise MisfitError(f"numbers of {' and '.join(sorted(types))}", "one type")
    if name in _FLOATS and not tensors[0].is_floating_point() and not tensors[0].is_complex():
        raise MisfitError(f"numbers of {tensors[0].dtype}", "floating point numbers")
    if name in _ALONG:
        rank, dim = tensors[0].dim(), taken["dim"]
        if not -max(rank, 1) <= dim < max(rank, 1):
            raise MisfitError(_count(rank, "dimension"), f"a dimension {dim}")
    if name in _INDEXED:
        _check_indices(operation, given)


def _check_convolution(a):
    x, weight, bias, groups = a["input"], a["weight"], a["bias"], a["groups"]
    channels, first = x.shape[x.dim() - weight.dim() + 1], weight.shape[0]
    if groups < 1 or first < groups or first % groups:
        raise MisfitError(f"a weight of {first} rows", f"a multiple of {groups} (groups)")
    expected, filters = weight.shape[1] * groups, first
    if a["transposed"]:
        expected, filters = filters, expected
    if channels != expected:
        raise MisfitError(_count(channels, "channel"), expected, x)
    if bias is not None and tuple(bias.shape) != (filters,):
        raise MisfitError(f"a bias of shape {tuple(bias.shape)}", f"({filters},)")
    axes = weight.dim() - 2
    settings = [
        list(a[key]) * (axes if len(a[key]) == 1 else 1)
        for key in ("stride", "padding", "dilation", "output_padding")
    ]
    for size, k, s, p, d, extra in zip(x.shape[-axes:], weight.shape[2:], *settings, strict=True):
        extent = d * (k - 1) + 1
        if a["transposed"] and (size - 1) * s - 2 * p + extent + extra < 1:
            units = (size - 1) * s - 2 * p + extent + extra
            raise MisfitError(_count(size, "unit"), f"more: padding {p} leaves {units}", x)
        if not a["transposed"] and size + 2 * p < extent:
            got = _count(size, "unit") + " along an axis"
            raise MisfitError(got, f"at least {extent - 2 * p}: its kernel spans {extent}", x)


def _check_indices(operation, given):
    """Look up the places in a tensor of that size, if they are known."""
    import torch
    from torch.utils._pytree import tree_leaves, tree_map

    first, *others = tree_leaves(given)
    if any(isinstance(index, torch.Tensor) and index.device.type != "cpu" for index in others):
        return
    empty = torch.zeros(()).expand(first.shape)
    args, kwargs = tree_map(lambda value: empty if value is first else value, given)
    try:
        operation(*args, **kwargs)
    except (IndexError, RuntimeError) as error:
        raise MisfitError(f"{tuple(first.shape)}", f"places that exist ({error})") from None
