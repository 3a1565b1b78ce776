"""What a caller gives, checked once and refused by name: integers, numbers, one value per axis."""

import math
import numbers
import operator

MOST_NUMBERS = 2**30
"""Most numbers of one array or list that a call makes: 8 GiB in float64. Formulas have no limit."""

_TRUTHS = "bool", "bool_"  # Python's and NumPy's


def integer(name, value, minimum=None, *, form="an int or a tuple of ints"):
    """Refuse what is no integer of at least `minimum`; True is none, integers of NumPy are."""
    try:
        if type(value).__name__ in _TRUTHS:
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be {form}, got {value!r}") from None
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} is {value}, must be at least {minimum}")
    return value


def whole(name, value, least=1, most=None):
    """Refuse what is no whole number from `least` to `most`; 2.0 is none."""
    try:
        number = integer(name, value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, must be a whole number") from None
    if number < least or (most is not None and number > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {number}, must be {allowed}")
    return number


def real(name, value, least=0.0, *, above=False, most=math.inf):
    """Refuse what is no finite number from `least` to `most`; with `above`, `least` itself too."""
    if type(value).__name__ in _TRUTHS or isinstance(value, str | bytes):
        raise TypeError(f"{name} is {value!r}, must be a number")
    try:
        number = float(value)
    except (TypeError, OverflowError):
        raise TypeError(f"{name} is {value!r}, must be a number") from None
    if not math.isfinite(number) or number < least or (above and number == least) or number > most:
        allowed = f"{'above' if above else 'at least'} {least:g}"
        allowed = allowed if most == math.inf else f"{allowed} and at most {most:g}"
        raise ValueError(f"{name} is {value}, must be finite and {allowed}")
    return number


def flag(name, value):
    """Refuse what is neither True nor False."""
    if type(value).__name__ not in _TRUTHS:
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def number(name, value):
    """Refuse what is no single real number, infinite ones are; return it as a Python number."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    return value.item() if hasattr(value, "item") else value


def check_memory(shape, **settings):
    """Refuse settings that ask for an array of more than `MOST_NUMBERS` numbers.

    An axis of size 0 counts as 1: an empty batch is no reason to go through huge maps.
    """
    if math.prod(max(n, 1) for n in shape) > MOST_NUMBERS:
        listed = ", ".join(f"{name} {value}" for name, value in settings.items())
        raise ValueError(
            f"{listed}: would make an array of shape {tuple(shape)}, more than {MOST_NUMBERS} "
            "numbers"
        )


def per_axis(name, value, axes, minimum=None):
    """Spread an int, or one int per axis, over `axes` axes; refuse what is below `minimum`.

    >>> per_axis("stride", 2, axes=2)
    (2, 2)
    """
    if not isinstance(value, (tuple, list)):
        return (integer(name, value, minimum),) * axes
    if len(value) == 1 and axes > 1:
        value = tuple(value) * axes  # torch spreads a single entry too
    if len(value) != axes:
        raise ValueError(f"{name} has {len(value)} entries, expected {axes}: {value!r}")
    return tuple(integer(name, entry, minimum) for entry in value)


def size_tuple(name, value):
    """Refuse an int: elsewhere it means a square, along one axis it would mean a line."""
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{name} must be a tuple with one int an axis, got {value!r}")
    return per_axis(name, value, len(value), minimum=1)


def axis_count(*arguments):
    """Number of axes that the tuples among the arguments describe, 0 if all are plain ints."""
    return max([len(a) for a in arguments if isinstance(a, (tuple, list))], default=0)


def axis_rows(**arguments):
    """Turn named int-or-tuple arguments into one row of ints per axis."""
    axes, least = axis_count(*arguments.values()) or 1, dict(size=0, padding=0, output_padding=0)
    columns = [per_axis(name, a, axes, least.get(name, 1)) for name, a in arguments.items()]
    return list(zip(*columns, strict=True))


def like_arguments(result, *arguments):
    """A tuple if any argument was one, else the only entry."""
    return tuple(result) if axis_count(*arguments) else result[0]


# ---------------------------------------------------------------- arrays

_KINDS = {"fiuc": "numbers", "fiu": "real numbers", "f": "floats", "iu": "integers"}


def check_array(name, value, ranks=None, *, shape=None, kinds="fiuc", like=None, filled=None):
    """Refuse what is no array of such numbers and ranks, or has other numbers than `x`.

    `shape` words the expected one, `like` is `x`, and no axis from `filled` on may be empty.
    float16 is none of the numbers: sums of it would need a care that no chapter needs.
    """
    import numpy as np

    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype.kind not in kinds or value.dtype == np.float16:
        raise TypeError(f"{name} must hold {_KINDS[kinds]}, got dtype {value.dtype}")
    if ranks is not None and value.ndim not in ranks:
        expected = shape or " or ".join(map(str, ranks)) + " axes"
        raise ValueError(f"{name} has {value.ndim} axes {value.shape}, expected {expected}")
    if like is not None and value.dtype != like.dtype:
        raise TypeError(f"dtypes differ: x is {like.dtype}, {name} is {value.dtype}")
    if filled is not None and 0 in value.shape[filled:]:
        axis = value.shape.index(0, filled % max(value.ndim, 1))
        raise ValueError(f"{name} has size 0 along axis {axis} {value.shape}, must be at least 1")
    return value


def check_grad_out(grad_out, x, shape):
    """Refuse what is no gradient of an output of `shape`, computed from `x`."""
    check_array("grad_out", grad_out, kinds="f")
    if grad_out.dtype != x.dtype:
        raise TypeError(f"dtypes differ: grad_out is {grad_out.dtype}, x is {x.dtype}")
    if grad_out.shape != tuple(shape):
        raise ValueError(f"grad_out has shape {grad_out.shape}, the output has {tuple(shape)}")
