"""Checks that every operation makes on what it is given."""

import numbers

import numpy as np

from cnnbook.shapes import check_memory, per_axis

_KINDS = {"fiuc": "numbers", "fiu": "real numbers", "f": "floats", "iu": "integers"}


def check_array(name, value, ranks=None, *, shape=None, kinds="fiuc"):
    """Refuse what is no array of such numbers and ranks; `shape` words the expected one."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype.kind not in kinds:
        raise TypeError(f"{name} must hold {_KINDS[kinds]}, got dtype {value.dtype}")
    if ranks is not None and value.ndim not in ranks:
        expected = shape or " or ".join(map(str, ranks)) + " axes"
        raise ValueError(f"{name} has {value.ndim} axes {value.shape}, expected {expected}")
    return value


def check_same_dtype(**arrays):
    """Refuse arrays of different dtypes, as PyTorch does; None stands for an absent one."""
    dtypes = {name: array.dtype for name, array in arrays.items() if array is not None}
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{name} is {dtype}" for name, dtype in dtypes.items())
        raise TypeError(f"dtypes differ: {listed}")


def check_count(name, value, minimum=1):
    """Refuse what is no single integer of at least `minimum`."""
    if isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be an int, got {value!r}")
    return per_axis(name, value, 1, minimum)[0]


def check_flag(name, value):
    """Refuse what is neither True nor False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_number(name, value):
    """Refuse what is no single real number; return it as a Python number."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    return value.item() if isinstance(value, np.generic) else value


def check_padded(x, pads):
    """Refuse to surround the last axes of `x` with (before, after) zeros beyond all memory."""
    size = [n + sum(pair) for n, pair in zip(x.shape[-len(pads) :], pads, strict=True)]
    check_memory((*x.shape[: -len(pads)], *size), padding=pads)


def check_operands(axes, x, weight, bias, groups, *, transposed=False):
    """Check what a convolution over `axes` axes, or its transpose, is given; return `groups`.

    A transposed convolution takes the weight of the convolution that it transposes: the first
    axis counts its input channels, the second its output channels a group.
    """
    size = ("L", "H, W", "D, H, W")[axes - 1]
    kernel = ("k", "kH, kW", "kD, kH, kW")[axes - 1]
    channels = "C_in, C_out // groups" if transposed else "C_out, C_in // groups"
    check_array("x", x, (axes + 1, axes + 2), shape=f"(N, C_in, {size}) or (C_in, {size})")
    check_array("weight", weight, (axes + 2,), shape=f"({channels}, {kernel})")
    if bias is not None:
        check_array("bias", bias, (1,), shape="(C_out,)")
    check_same_dtype(x=x, weight=weight, bias=bias)
    groups = check_count("groups", groups)

    check_not_empty("weight", weight, first_axis=0)
    side = "input" if transposed else "output"
    if len(weight) % groups:
        raise ValueError(
            f"weight has {len(weight)} {side} channels, groups {groups} must divide it"
        )
    expected, out_channels = len(weight), weight.shape[1] * groups
    if not transposed:
        expected, out_channels = out_channels, expected
    if x.shape[-axes - 1] != expected:
        note = f" ({weight.shape[1]} a group, groups {groups})" if groups > 1 else ""
        raise ValueError(f"x has {x.shape[-axes - 1]} channels, weight expects {expected}{note}")
    if bias is not None and len(bias) != out_channels:
        raise ValueError(f"bias has {len(bias)} entries, weight gives {out_channels} channels")
    check_not_empty("x", x, first_axis=x.ndim - axes)
    return groups


def check_not_empty(name, array, first_axis):
    """Refuse an axis of size 0 from `first_axis` on; only a batch may be empty."""
    for axis, size in enumerate(array.shape):
        if axis >= first_axis and size == 0:
            raise ValueError(
                f"{name} has size 0 along axis {axis} {array.shape}, must be at least 1"
            )


def widen(*arrays):
    """Turn float16 into float32, in which PyTorch too sums products; None stays None."""
    return [a.astype(np.float32) if a is not None and a.dtype == np.float16 else a for a in arrays]


@np.errstate(over="ignore")  # a sum too large for float16 is inf, as in PyTorch
def narrow(array, dtype):
    """Turn what was widened back into `dtype`."""
    return array.astype(dtype, copy=False)
