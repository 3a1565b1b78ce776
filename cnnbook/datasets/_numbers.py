"""Whole numbers that a caller gives: checked once, refused by name."""

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
