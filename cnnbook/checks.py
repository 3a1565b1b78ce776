"""What a caller gives, checked once and refused by name: integers, numbers, one value per axis."""

import math
import operator

MOST_NUMBERS = 2**30
"""Most numbers of one array or list that a call makes: 8 GiB in float64. Formulas have no limit."""


def _is_truth(value):
    return type(value).__name__ in ("bool", "bool_")  # Python's and NumPy's


def integer(name, value, minimum=None):
    """Refuse what is no integer of at least `minimum`; True is none, integers of NumPy are."""
    try:
        if _is_truth(value):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int or a tuple of ints, got {value!r}") from None
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
    if _is_truth(value) or isinstance(value, str | bytes):
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

    Examples
    --------
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


def axis_count(*arguments):
    """Number of axes that the tuples among the arguments describe, 0 if all are plain ints."""
    return max([len(a) for a in arguments if isinstance(a, (tuple, list))], default=0)


_LEAST = {"size": 0, "padding": 0, "output_padding": 0}  # every other argument is at least 1


def axis_rows(**arguments):
    """Turn named int-or-tuple arguments into one row of ints per axis."""
    axes = axis_count(*arguments.values()) or 1
    columns = [per_axis(name, a, axes, _LEAST.get(name, 1)) for name, a in arguments.items()]
    return list(zip(*columns, strict=True))


def like_arguments(result, *arguments):
    """A tuple if any argument was one, else the only entry."""
    return tuple(result) if axis_count(*arguments) else result[0]
