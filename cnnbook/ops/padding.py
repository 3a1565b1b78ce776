"""Padding with zeros and with the image itself (chapter 3)."""

import numpy as np

from cnnbook.checks import check_array, check_grad_out, check_memory, number, per_axis
from cnnbook.ops.gradients import InputGradient


def pad(x, pad, mode="constant", value=None):
    """Add pixels around an array, or cut some off, in a new array.

    Parameters
    ----------
    x : ndarray
        Of any shape for "constant". The other modes take (N, C, ...) or (C, ...) with one axis a
        pair of `pad`, as PyTorch does.
    pad : tuple of int
        Pixels before and after, last axis first: ``(left, right, top, bottom, front, back)``. A
        negative amount cuts off.
    mode : {"constant", "reflect", "replicate", "circular"}
        What to add: one value, the image mirrored at its edge pixel (which is not repeated), its
        edge pixel, or its far end.
    value : float, optional
        For "constant": 0 when not given. An array of integers takes its integer part.

    Examples
    --------
    >>> pad(np.array([[1, 2, 3]]), (2, 1), mode="reflect")
    array([[3, 2, 1, 2, 3, 2]])
    """
    check_array("x", x)
    return _padded(x, pad, mode, value)


def pad_backward(grad_out, x, pad, mode="constant", value=None):
    """Take the gradient of `pad`: a pixel gets the sum over all its copies.

    It is 0 where `pad` cut off; a constant has no gradient.

    >>> grad_out = np.array([[1.0, 10.0, 100.0, 1000.0]])
    >>> pad_backward(grad_out, np.zeros((1, 3)), (1, 0), mode="reflect").grad_x
    array([[  10.,  101., 1000.]])
    """
    check_array("x", x)
    if mode == "constant":
        if value is not None and x.dtype.kind != "c":
            _check_fits(number("value", value), x.dtype)
        value = -1  # the number of no pixel
    # which pixel each entry of the result shows
    index = _padded(np.arange(x.size).reshape(x.shape), pad, mode, value)
    check_grad_out(grad_out, x, index.shape)
    grad_x = np.zeros(x.size, x.dtype)
    np.add.at(grad_x, index[index >= 0], grad_out[index >= 0])
    return InputGradient(grad_x.reshape(x.shape))


def _padded(x, pad, mode, value):
    """Pad an array that is one; `pad` and `value` are still to be checked."""
    pairs = _pairs(pad, x)
    modes = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}
    if mode == "constant":
        return _pad_constant(x, pairs, 0 if value is None else number("value", value))
    if not isinstance(mode, str) or mode not in modes:
        raise ValueError(f'mode must be "constant" or one of {list(modes)}, got {mode!r}')
    if value is not None and number("value", value) != 0:
        raise ValueError(f'value is {value}, but mode "{mode}" takes none')
    if len(pairs) not in (1, 2, 3) or x.ndim - len(pairs) not in (1, 2):
        raise ValueError(
            f'x has {x.ndim} axes {x.shape} and pad {2 * len(pairs)} entries, but mode "{mode}" '
            f"pads the last 1, 2 or 3 axes of (N, C, ...) or (C, ...), each with 2 entries"
        )
    if mode != "circular":
        check_array("x", x, filled=-len(pairs) - 1)
    for axis, (before, after) in enumerate(pairs, start=x.ndim - len(pairs)):
        x = np.take(x, modes[mode](x.shape[axis], before, after), axis)
    return x


def _pairs(pad, x):
    """Read `pad`, last axis first, as one (before, after) for each of the last axes of x."""
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad must be a tuple of ints, got {pad!r}")
    pad = per_axis("pad", pad, len(pad))
    if len(pad) % 2:
        raise ValueError(f"pad has {len(pad)} entries, must have 2 an axis")
    if len(pad) > 2 * x.ndim:
        raise ValueError(f"pad has {len(pad)} entries, x with {x.ndim} axes takes {2 * x.ndim}")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    sizes = x.shape[x.ndim - len(pairs) :]
    size = [n + before + after for n, (before, after) in zip(sizes, pairs, strict=True)]
    check_memory((*x.shape[: x.ndim - len(pairs)], *size), pad=pad)
    return pairs


def _kept(size, before, after):
    """Return the pixels of an axis that negative padding leaves."""
    cut = max(-before, 0) + max(-after, 0)
    if cut > size:
        raise ValueError(f"pad {(before, after)} cuts off {cut} pixels, x has {size} on that axis")
    return slice(max(-before, 0), size - max(-after, 0))


def _pad_constant(x, pairs, value):
    if x.dtype.kind != "c":
        _check_fits(value, x.dtype)
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    kept = x[tuple(_kept(size, *pair) for size, pair in zip(x.shape, pairs, strict=True))]
    starts = [max(before, 0) for before, _ in pairs]
    shape = [size + sum(pair) for size, pair in zip(x.shape, pairs, strict=True)]
    out = np.full(shape, value, x.dtype)
    out[tuple(slice(a, a + n) for a, n in zip(starts, kept.shape, strict=True))] = kept
    return out


def _check_fits(value, dtype):
    """Refuse a value that `dtype` cannot hold; a finite one must not turn into infinity."""
    if dtype.kind == "f" and not np.isfinite(value):
        return
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    # as Python numbers, or NumPy would compare in the narrow dtype itself
    least, most = (np.asarray(limit).item() for limit in (limits.min, limits.max))
    if not least <= value <= most:
        raise ValueError(f"value {value} does not fit {dtype}, {least} to {most}")


def _check_some_left(size, before, after):
    if size + before + after < 1:
        raise ValueError(f"pad {(before, after)} leaves nothing of the {size} pixels of x")


def _reflected(size, before, after):
    """Indices that mirror an axis at its first and at its last pixel."""
    if max(before, after) >= size:
        raise ValueError(
            f"pad {(before, after)} must be less than the {size} pixels of x to reflect"
        )
    _check_some_left(size, before, after)
    index = np.abs(np.arange(-before, size + after))
    return size - 1 - np.abs(size - 1 - index)


def _replicated(size, before, after):
    """Indices that repeat the first and the last pixel of an axis."""
    _check_some_left(size, before, after)
    return np.clip(np.arange(-before, size + after), 0, size - 1)


def _wrapped(size, before, after):
    """Indices that go round an axis, of which negative padding is cut off first."""
    kept = np.arange(size)[_kept(size, before, after)]
    if max(before, after) > len(kept):
        raise ValueError(f"pad {(before, after)} wraps more than once round {len(kept)} pixels")
    before, after = max(before, 0), max(after, 0)
    return np.concatenate([kept[len(kept) - before :], kept, kept[:after]])
