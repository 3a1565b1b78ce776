"""Arguments that are an int for all axes, or a tuple with one int an axis."""

import math
import operator

MOST_NUMBERS = 2**30
"""Most numbers of one array or list that a call makes: 8 GiB in float64. Formulas have no limit."""


def integer(name, value, minimum=None):
    """Refuse what is no integer of at least `minimum`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int or a tuple of ints, got {value!r}") from None
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} is {value}, must be at least {minimum}")
    return value


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
    """Spread an int-or-tuple argument over `axes` axes.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : int or sequence of int
        One value for every axis, or one an axis; at least `minimum`.
    axes : int
        How many axes there are.
    minimum : int, optional

    Returns
    -------
    tuple of int, of length `axes`

    Raises
    ------
    TypeError, ValueError
        If a value is no integer, or below `minimum`, or there are not `axes` values.

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
    """Turn named int-or-tuple arguments into one row of ints an axis."""
    axes = axis_count(*arguments.values()) or 1
    columns = [per_axis(name, a, axes, _LEAST.get(name, 1)) for name, a in arguments.items()]
    return list(zip(*columns, strict=True))


def like_arguments(result, *arguments):
    """A tuple if any argument was one, else the only entry."""
    return tuple(result) if axis_count(*arguments) else result[0]
