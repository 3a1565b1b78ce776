"""How numbers are written in pictures."""

import math

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def format_number(value, digits=3):
    """Write a number as short as it can be read: true minus sign, at most `digits` digits.

    Examples
    --------
    >>> format_number(-2.0), format_number(0.12345), format_number(float("-inf"))
    ('−2', '0.123', '−∞')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = (
        f"{value:.0f}"
        if abs(value - round(value)) < 1e-9 and abs(value) < 1e6
        else f"{value:.{digits}g}"
    )
    return "0" if text == "-0" else text.replace("-", "−").replace("e+0", "e").replace("e−0", "e−")


def format_factor(value, digits=3):
    """Write a number as a factor in a product: negative ones in brackets."""
    text = format_number(value, digits)
    return f"({text})" if text.startswith("−") else text


def indexed(letter, index):
    """Write a letter with its index below the line.

    Examples
    --------
    >>> indexed("x", 12)
    'x₁₂'
    """
    return f"{letter}{index}".translate(SUBSCRIPTS)
