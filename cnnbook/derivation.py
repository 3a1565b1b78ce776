"""From the dense layer to the convolution: 4-D weights, offsets, locality, sharing (chapter 1).

Everything here is one map: an image of shape (H, W) in, one of shape (H_out, W_out) out, no
channels. Each layer is a dense layer with constraints on its weight matrix, and `weight_pattern`
shows the constraints: which cells of the matrix hold the same number, and which hold none.
"""

import math

import numpy as np

from cnnbook.shapes import output_size, per_axis


def _check(name, value, axes, expected):
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype.kind not in "fiuc":
        raise TypeError(f"{name} must hold numbers, got dtype {value.dtype}")
    if value.ndim not in axes:
        raise ValueError(f"{name} has {value.ndim} axes {value.shape}, expected {expected}")


def _check_bias(bias, shape):
    if bias is not None:
        _check("bias", bias, (2,), "(H_out, W_out)")
        if bias.shape != shape:
            raise ValueError(f"bias has shape {bias.shape}, weight gives an output of {shape}")


def dense(x, weight, bias=None):
    """Apply a dense layer whose input and output are images.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    weight : ndarray of shape (H_out, W_out, H, W)
        ``weight[i, j, k, l]`` leads from pixel (k, l) to unit (i, j): the weight matrix of shape
        (H_out * W_out, H * W), reshaped.
    bias : ndarray of shape (H_out, W_out), optional

    Returns
    -------
    ndarray of shape (H_out, W_out)
        ``H[i, j] = U[i, j] + sum over k, l of W[i, j, k, l] * X[k, l]``.

    Raises
    ------
    TypeError
        If an argument is no array of numbers.
    ValueError
        If the shapes do not fit.

    References
    ----------
    Zhang et al., Dive into Deep Learning, section 7.1; chapter 1.

    Examples
    --------
    >>> dense(np.array([[1, 2]]), np.array([[[[10, 1]], [[0, 1]]]]))
    array([[12,  2]])
    """
    _check("x", x, (2,), "(H, W)")
    _check("weight", weight, (4,), "(H_out, W_out, H, W)")
    if x.shape != weight.shape[2:]:
        raise ValueError(f"x has shape {x.shape}, weight expects {weight.shape[2:]}")
    _check_bias(bias, weight.shape[:2])
    hidden = np.tensordot(weight, x, axes=2)
    return hidden if bias is None else hidden + bias


def to_offsets(weight):
    """Name dense weights by the offset from unit to pixel, instead of by the pixel.

    Parameters
    ----------
    weight : ndarray of shape (H_out, W_out, H, W)
        W, indexed by unit (i, j) and pixel (k, l).

    Returns
    -------
    ndarray of shape (H_out, W_out, H_out + H - 1, W_out + W - 1)
        V with ``V[i, j, a, b] = W[i, j, i + a, j + b]``. Offsets a run from ``-(H_out - 1)`` to
        ``H - 1``; offset a lies at index ``a + H_out - 1``, offset b at ``b + W_out - 1``. No
        weight belongs to an offset that leads out of the image: there V is 0.

    Raises
    ------
    TypeError
        If `weight` is no array of numbers.
    ValueError
        If it has not four axes, or one of them is empty.

    References
    ----------
    Zhang et al., Dive into Deep Learning, section 7.1.2; chapter 1.

    Examples
    --------
    One row of two units and two pixels; the offsets are -1, 0 and 1.

    >>> to_offsets(np.array([[[[1, 2]], [[3, 4]]]]))[0, :, 0]
    array([[0, 1, 2],
           [3, 4, 0]])
    """
    _check("weight", weight, (4,), "(H_out, W_out, H, W)")
    if 0 in weight.shape:
        raise ValueError(f"weight has an axis of size 0 {weight.shape}, must be at least 1")
    rows, columns, height, width = weight.shape
    shape = (rows, columns, rows + height - 1, columns + width - 1)
    offset_weight = np.zeros(shape, weight.dtype)
    for i, j in np.ndindex(rows, columns):
        offset_weight[i, j][_inside(i, j, weight.shape)] = weight[i, j]
    return offset_weight


def _inside(i, j, shape):
    """Where the offsets lie that lead from unit (i, j) to the pixels of the image."""
    rows, columns, height, width = shape
    top, left = rows - 1 - i, columns - 1 - j
    return slice(top, top + height), slice(left, left + width)


def from_offsets(offset_weight):
    """Undo `to_offsets`.

    Parameters
    ----------
    offset_weight : ndarray of shape (H_out, W_out, H_out + H - 1, W_out + W - 1)
        V, as returned by `to_offsets`: 0 at offsets that lead out of the image.

    Returns
    -------
    ndarray of shape (H_out, W_out, H, W)
        W with ``W[i, j, k, l] = V[i, j, k - i, l - j]``.

    Raises
    ------
    TypeError
        If `offset_weight` is no array of numbers.
    ValueError
        If its shape is not of this kind, or a number other than 0 would get lost.

    References
    ----------
    Zhang et al., Dive into Deep Learning, section 7.1.2; chapter 1.
    """
    _check("offset_weight", offset_weight, (4,), "(H_out, W_out, offsets, offsets)")
    rows, columns, *offsets = offset_weight.shape
    height, width = offsets[0] - rows + 1, offsets[1] - columns + 1
    if min(rows, columns, height, width) < 1:
        raise ValueError(
            f"offset_weight has {tuple(offsets)} offsets, {(rows, columns)} units have at least "
            f"as many each way"
        )
    weight = np.empty((rows, columns, height, width), offset_weight.dtype)
    for i, j in np.ndindex(rows, columns):
        weight[i, j] = offset_weight[i, j][_inside(i, j, weight.shape)]
    lost = np.count_nonzero(offset_weight) - np.count_nonzero(weight)
    if lost:
        raise ValueError(
            f"offset_weight has {lost} numbers other than 0 at offsets out of the image of "
            f"{(height, width)}"
        )
    return weight


def locally_connected(x, weight, bias=None, stride=1, padding=0):
    """Let each unit see one window of the image, with weights of its own.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    weight : ndarray of shape (H_out, W_out, kH, kW)
        One kernel a unit.
    bias : ndarray of shape (H_out, W_out), optional
    stride, padding : int or tuple of int
        In pixels; `padding` is zeros on each side.

    Returns
    -------
    ndarray of shape (H_out, W_out)
        ``H[i, j] = U[i, j] + sum over a, b of V[i, j, a, b] * X[i * s + a - p, j * s + b - p]``.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If the shapes do not fit.

    References
    ----------
    Chapter 1.

    Examples
    --------
    >>> x = np.array([[1, 2, 3]])
    >>> locally_connected(x, np.array([[[[1, 1]], [[-1, 1]]]]))
    array([[3, 1]])
    """
    _check("x", x, (2,), "(H, W)")
    _check("weight", weight, (4,), "(H_out, W_out, kH, kW)")
    units, kernel = weight.shape[:2], weight.shape[2:]
    stride, padding = per_axis("stride", stride, 2, 1), per_axis("padding", padding, 2, 0)
    _check_units("weight", units, x.shape, kernel, stride, padding)
    _check_bias(bias, units)
    padded = np.pad(x, [(p, p) for p in padding])
    hidden = np.empty(units, np.result_type(x, weight))
    for i, j in np.ndindex(units):
        row, column = i * stride[0], j * stride[1]
        window = padded[row : row + kernel[0], column : column + kernel[1]]
        hidden[i, j] = np.sum(weight[i, j] * window)
    return hidden if bias is None else hidden + bias


def _check_units(name, units, size, kernel, stride, padding):
    windows = output_size(size, kernel, stride, padding)
    if units != windows:
        raise ValueError(f"{name} has {units} units, an input of {size} has {windows} windows")


def weight_pattern(input_size, kernel_size, stride=1, padding=0, *, shared, local):
    """Number the free parameters in the cells of a layer's weight matrix.

    The layer has one unit a window. Two switches constrain its matrix: `local` lets a unit see
    its window only, `shared` gives all units the same weight for the same offset.

    ========  ========  ==========================================  =================================
    `shared`  `local`   layer                                       parameters
    ========  ========  ==========================================  =================================
    False     False     dense                                       `dense_parameters`
    False     True      locally connected                           `locally_connected_parameters`
    True      False     one weight an offset: kernel over all       `offset_parameters`
    True      True      convolution                                 `shared_parameters`
    ========  ========  ==========================================  =================================

    Parameters
    ----------
    input_size, kernel_size : tuple of int
        In pixels, one entry an axis: (H, W) for an image, (L,) for a signal.
    stride, padding : int or tuple of int
        In pixels; `padding` is zeros on each side.
    shared, local : bool

    Returns
    -------
    ndarray of int64, of shape (prod(output size), prod(input_size))
        Row by row: the number of the parameter that stands in each cell, from 0; -1 where there
        is none and the weight is 0. Units, pixels and entries of a kernel are counted row by row.
        Windows that hang over the border leave those of their parameters unused that meet padding.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a number is out of range, or no window fits.

    References
    ----------
    Chapter 1.

    Examples
    --------
    >>> weight_pattern((3,), (2,), shared=True, local=True)
    array([[ 0,  1, -1],
           [-1,  0,  1]])
    """
    rows = _axes(input_size, kernel_size, stride, padding)
    label, inside = np.int64(0), True
    for axis, (size, kernel, step, before, count) in enumerate(rows):
        pixel = np.broadcast_to(np.arange(size), (count, size))
        entry = pixel - step * np.arange(count)[:, None] + before  # which entry of which window
        if local:
            number, limit = entry, kernel
        elif shared:
            offsets, number = np.unique(entry, return_inverse=True)
            number, limit = number.reshape(entry.shape), len(offsets)
        else:
            number, limit = pixel, size
        others = [a for a in range(2 * len(rows)) if a not in (axis, len(rows) + axis)]
        number = np.expand_dims(number, others)
        inside = inside & (number >= 0) & (number < limit)
        label = label * limit + number
    units = math.prod(count for *_, count in rows)
    label, inside = label.reshape(units, -1), inside.reshape(units, -1)
    if not shared:  # every unit has parameters of its own
        own = [kernel if local else size for size, kernel, *_ in rows]
        label = label + math.prod(own) * np.arange(units)[:, None]
    return np.where(inside, label, -1)


def _axes(input_size, kernel_size, stride, padding):
    """Check the sizes; return (size, kernel, stride, padding, windows) of each axis."""
    size, kernel = _tuple("input_size", input_size), _tuple("kernel_size", kernel_size)
    if len(size) != len(kernel):
        raise ValueError(f"input_size has {len(size)} axes, kernel_size {len(kernel)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    padding = per_axis("padding", padding, len(size), minimum=0)
    count = output_size(size, kernel, stride, padding)
    return list(zip(size, kernel, stride, padding, count, strict=True))


def _tuple(name, value):
    """Refuse an int: elsewhere it means a square, along one axis it would mean a line."""
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{name} must be a tuple with one int an axis, got {value!r}")
    return per_axis(name, value, len(value), minimum=1)


def place(pattern, parameters):
    """Put parameters into the cells of a weight matrix.

    Parameters
    ----------
    pattern : ndarray of int, of shape (rows, columns)
        As returned by `weight_pattern`: the number of the parameter in each cell, -1 for none.
    parameters : ndarray
        Counted row by row, whatever its shape.

    Returns
    -------
    ndarray of shape (rows, columns)
        0 where there is no parameter; dtype of `parameters`.

    Raises
    ------
    TypeError
        If an argument is no array of numbers.
    ValueError
        If the pattern asks for more parameters than there are.

    Examples
    --------
    >>> place(weight_pattern((3,), (2,), shared=True, local=True), np.array([5, 7]))
    array([[5, 7, 0],
           [0, 5, 7]])
    """
    _check("pattern", pattern, (2,), "(rows, columns)")
    _check("parameters", parameters, range(65), "any")
    if pattern.dtype.kind != "i":
        raise TypeError(f"pattern must hold integers, got dtype {pattern.dtype}")
    if pattern.size and not -1 <= pattern.min() <= pattern.max() < parameters.size:
        raise ValueError(
            f"pattern holds numbers from {pattern.min()} to {pattern.max()}, "
            f"parameters has {parameters.size} entries"
        )
    zero = np.zeros(1, parameters.dtype)
    return np.concatenate([parameters.ravel(), zero])[pattern]  # index -1 is the last: the zero


def local_weights(weight, input_size, stride=1, padding=0):
    """Write a locally connected layer as a dense one.

    Parameters
    ----------
    weight : ndarray of shape (H_out, W_out, kH, kW)
        As in `locally_connected`.
    input_size : tuple of int
        (H, W), in pixels.
    stride, padding : int or tuple of int
        As in `locally_connected`.

    Returns
    -------
    ndarray of shape (H_out, W_out, H, W)
        Weights for `dense`: 0 outside of each unit's window.

    Raises
    ------
    TypeError, ValueError
        As `locally_connected`.

    References
    ----------
    Chapter 1.
    """
    _check("weight", weight, (4,), "(H_out, W_out, kH, kW)")
    units, kernel = weight.shape[:2], weight.shape[2:]
    pattern = weight_pattern(input_size, kernel, stride, padding, shared=False, local=True)
    stride, padding = per_axis("stride", stride, 2), per_axis("padding", padding, 2)
    _check_units("weight", units, tuple(input_size), kernel, stride, padding)
    return place(pattern, weight).reshape(*units, *input_size)


def shared_weights(kernel, input_size, stride=1, padding=0):
    """Write a cross-correlation as a dense layer whose weights repeat.

    Parameters
    ----------
    kernel : ndarray of shape (kH, kW)
    input_size : tuple of int
        (H, W), in pixels.
    stride, padding : int or tuple of int
        In pixels; `padding` is zeros on each side.

    Returns
    -------
    ndarray of shape (H_out, W_out, H, W)
        W for `dense`, with ``W[i, j, i * s + a - p, j * s + b - p] = kernel[a, b]``, 0 elsewhere.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a number is out of range, or no window fits.

    References
    ----------
    Chapter 1.

    Examples
    --------
    >>> shared_weights(np.array([[1, 2]]), (1, 3))[0, 1]
    array([[0, 1, 2]])
    """
    _check("kernel", kernel, (2,), "(kH, kW)")
    rows = _axes(input_size, kernel.shape, stride, padding)
    counts = [count for *_, count in rows]
    return toeplitz(kernel, input_size, stride, padding).reshape(*counts, *input_size)


def toeplitz(kernel, input_size, stride=1, padding=0):
    """Write a cross-correlation as one matrix.

    Parameters
    ----------
    kernel : ndarray of shape (kH, kW) or (k,)
        Not flipped.
    input_size : tuple of int
        (H, W) or (L,), in pixels.
    stride, padding : int or tuple of int
        In pixels; `padding` is zeros on each side.

    Returns
    -------
    ndarray of shape (prod(output size), prod(input_size))
        ``matrix @ x.ravel()`` is the cross-correlation, raveled. With stride 1 it is a Toeplitz
        matrix (constant along diagonals) in 1-D, a Toeplitz matrix of Toeplitz blocks in 2-D.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a number is out of range, or no window fits.

    References
    ----------
    Goodfellow, Bengio & Courville (2016), Deep Learning, section 9.1; chapter 1.

    Examples
    --------
    >>> toeplitz(np.array([1, -2, 1]), (4,))
    array([[ 1, -2,  1,  0],
           [ 0,  1, -2,  1]])
    """
    _check("kernel", kernel, (1, 2), "(k,) or (kH, kW)")
    pattern = weight_pattern(input_size, kernel.shape, stride, padding, shared=True, local=True)
    return place(pattern, kernel)


def dense_parameters(input_size, output_size, *, bias=True):
    """Count the free parameters of a dense layer between maps.

    Parameters
    ----------
    input_size, output_size : tuple of int
        (H, W) and (H_out, W_out), in pixels.
    bias : bool
        Whether one bias a unit is counted.

    Returns
    -------
    int
        ``prod(output_size) * prod(input_size)``, plus ``prod(output_size)`` with biases.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers.

    Examples
    --------
    >>> dense_parameters((100, 100), (100, 100), bias=False)
    100000000
    """
    units = math.prod(_tuple("output_size", output_size))
    return units * (math.prod(_tuple("input_size", input_size)) + bool(bias))


def locally_connected_parameters(output_size, kernel_size, *, bias=True):
    """Count the free parameters of a locally connected layer.

    Parameters
    ----------
    output_size, kernel_size : tuple of int
        (H_out, W_out) and (kH, kW), in pixels.
    bias : bool
        Whether one bias a unit is counted.

    Returns
    -------
    int
        ``prod(output_size) * prod(kernel_size)``, plus ``prod(output_size)`` with biases. Entries
        of a window that meet padding only count too.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers.

    Examples
    --------
    >>> locally_connected_parameters((100, 100), (5, 5), bias=False)
    250000
    """
    units = math.prod(_tuple("output_size", output_size))
    return units * (math.prod(_tuple("kernel_size", kernel_size)) + bool(bias))


def shared_parameters(kernel_size, *, bias=True):
    """Count the free parameters of a convolution from one map to one map.

    Parameters
    ----------
    kernel_size : tuple of int
        (kH, kW), in pixels.
    bias : bool
        Whether the one bias, the same for all units, is counted.

    Returns
    -------
    int
        ``prod(kernel_size)``, plus 1 with the bias.

    Raises
    ------
    TypeError, ValueError
        If the size is no tuple of positive integers.

    Examples
    --------
    >>> shared_parameters((5, 5), bias=False)
    25
    """
    return math.prod(_tuple("kernel_size", kernel_size)) + bool(bias)


def offset_parameters(input_size, output_size, *, stride=1, bias=True):
    """Count the free parameters of a layer that shares weights and sees the whole map.

    Parameters
    ----------
    input_size, output_size : tuple of int
        (H, W) and (H_out, W_out), in pixels.
    stride : int or tuple of int
        Step from the window of one unit to that of the next, in pixels.
    bias : bool
        Whether the one bias, the same for all units, is counted.

    Returns
    -------
    int
        One weight an offset from window to pixel: the product over the axes of
        ``size + (size_out - 1) * min(stride, size)``, plus 1 with the bias.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers, or the numbers of axes differ.

    Examples
    --------
    >>> offset_parameters((6, 6), (6, 6), bias=False)
    121
    """
    size, units = _tuple("input_size", input_size), _tuple("output_size", output_size)
    if len(size) != len(units):
        raise ValueError(f"input_size has {len(size)} axes, output_size {len(units)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    axes = zip(size, units, stride, strict=True)
    return math.prod(n + (o - 1) * min(s, n) for n, o, s in axes) + bool(bias)
