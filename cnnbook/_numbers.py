"""Numbers that a caller gives: checked once, refused by name."""

import math
import operator

import numpy as np


def whole(name, value, least=1, most=None):
    """Return a whole number in a range, or raise an error that names the argument.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What was given for it; integers of NumPy are integers, True and 2.0 are none.
    least : int
    most : int, optional

    Raises
    ------
    TypeError, ValueError
        If it is no whole number; if it is too small or too large.
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}, must be a whole number") from None
    if number < least or (most is not None and number > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {number}, must be {allowed}")
    return number


def real(name, value, least=0.0, *, above=False, most=math.inf):
    """Return a finite number in a range, or raise an error that names the argument.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What was given for it; True is no number, and a text neither.
    least : float
    above : bool
        Refuse `least` itself.
    most : float

    Raises
    ------
    TypeError, ValueError
        If it is no number; if it is not finite, too small or too large.
    """
    if isinstance(value, bool | np.bool_ | str | bytes):
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
