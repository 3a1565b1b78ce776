"""Say in one line that two results agree, or show the first place where they do not."""

import numpy as np

TOLERANCE = {2: 1e-2, 4: 1e-4, 8: 1e-10}
"""Largest difference that counts as rounding, as a share of the largest value, by bytes a float."""


def agree(ours, theirs, what="PyTorch", settings=None):
    """Print that two results agree, or raise at the first place where they differ.

    Parameters
    ----------
    ours, theirs : array, tensor, number, tuple of these, or callable
        Tuples, such as the gradients of an operation, are compared item by item.
    what : str
        What `theirs` is, for the printed line.
    settings : iterable of tuple or dict, optional
        Arguments with which `ours` and `theirs`, two callables, are called and compared each time.

    Raises
    ------
    AssertionError
        If shapes or values differ: says where, and what stands there.
    TypeError, ValueError
        If something holds no numbers, or there is nothing to compare.

    Examples
    --------
    >>> agree(np.ones((3, 3)), np.ones((3, 3)))
    3 × 3 values agree exactly with PyTorch
    >>> agree(pow, lambda a, b: a**b, "the operator", settings=[(2, 3), (3, 2)])
    2 settings agree exactly with the operator
    """
    if settings is None:
        shapes, largest = _compare(_parts("ours", ours), _parts("theirs", theirs), "")
        if len(shapes) > 1:
            words = f"{len(shapes)} arrays ({', '.join(map(_size, shapes))}) agree"
        else:
            one = np.prod(shapes[0], dtype=int) == 1
            words = f"{_size(shapes[0])} {'value agrees' if one else 'values agree'}"
        _say(words, what, largest)
        return
    differences = []
    for setting in settings:
        named = isinstance(setting, dict)
        ours_now, theirs_now = (f(**setting) if named else f(*setting) for f in (ours, theirs))
        words = ", ".join(f"{k}={v}" for k, v in setting.items()) if named else repr(setting)
        pair = _parts("ours", ours_now), _parts("theirs", theirs_now)
        differences.append(_compare(*pair, f"with {words}: ")[1])
    if not differences:
        raise ValueError("settings must hold at least 1 setting, got 0")
    count = len(differences)
    _say(f"{count} {'settings agree' if count > 1 else 'setting agrees'}", what, max(differences))


def as_array(value):
    """Read numbers from an array, a tensor or nested lists; TypeError if there are none."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):  # nested lists of unequal lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"expected numbers, got {type(value).__name__}")
    return array


def first_difference(ours, theirs, tolerance=None):
    """Find the first index at which two arrays of one shape differ; None if they agree."""
    near = abs(_gap(ours, theirs)) <= _allowed(ours, theirs, tolerance)
    places = np.argwhere(~near)
    return tuple(map(int, places[0])) if len(places) else None


def _gap(ours, theirs):
    """The difference of two arrays; 0 where both are NaN or the same infinity."""
    ours, theirs = (np.asarray(a, np.result_type(a, np.float64)) for a in (ours, theirs))
    with np.errstate(invalid="ignore"):
        gap = ours - theirs
    return np.where((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), 0, gap)


def _allowed(ours, theirs, tolerance):
    """What counts as rounding between two arrays: nothing between whole numbers."""
    bytes_a_float = [a.dtype.itemsize for a in (ours, theirs) if a.dtype.kind in "fc"]
    if not bytes_a_float:
        return 0
    tolerance = tolerance or TOLERANCE[min(8, *bytes_a_float)]
    finite = abs(theirs[np.isfinite(theirs)])
    return tolerance * (finite.max(initial=0) + 1e-5)


def _parts(name, value):
    """Split a result into its arrays."""
    items = value if isinstance(value, tuple) else [value]
    try:
        if isinstance(value, tuple) and not any(np.ndim(as_array(v)) for v in items):
            items = [value]  # a tuple of numbers is one array
        return [as_array(item) for item in items]
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def _compare(ours, theirs, where):
    """Compare two lists of arrays; return their shapes and the largest difference."""
    if len(ours) != len(theirs):
        raise AssertionError(f"{where}ours are {len(ours)} arrays, theirs {len(theirs)}")
    largest = 0.0
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        item = f"{where}item {number}: " if len(ours) > 1 else where
        if mine.shape != other.shape:
            raise AssertionError(f"{item}ours has shape {mine.shape}, theirs {other.shape}")
        if (place := first_difference(mine, other)) is not None:
            values = f"ours {mine[place]:.6g}, theirs {other[place]:.6g}"
            at = f" at {list(place)}" if place else ""
            raise AssertionError(f"{item}values differ{at}: {values}")
        largest = max(largest, float(abs(_gap(mine, other)).max(initial=0)))
    return [a.shape for a in ours], largest


def _size(shape):
    return " × ".join(map(str, shape)) or "1"


def _say(words, what, largest):
    most = f", largest difference {largest:.0e}" if largest else ""
    print(f"{words}{'' if most else ' exactly'} with {what}{most}")
