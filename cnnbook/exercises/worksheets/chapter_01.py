"""Questions of chapter 1, from the MLP to convolution."""

import numpy as np

from cnnbook import derivation
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import output_size, participation_counts


def dense_layer(draw):
    """A dense layer from image to image."""
    n, m = draw.randint(3, 9), draw.randint(2, 8)
    counts = [derivation.dense_parameters((n, n), (m, m), bias=bias) for bias in (False, True)]
    return ask(
        "A dense layer connects every pixel of an image of {n} × {n} with every unit of a hidden "
        "layer of {m} × {m}. Count.",
        {"weights": counts[0], "parameters, biases included": counts[1]},
        "{n}² pixels times {m}² units; one bias for each unit.",
        n=n, m=m,
    )  # fmt: skip


def two_demands(draw):
    """What locality and sharing save."""
    n, k = draw.randint(4, 7), draw.randint(2, 3)
    units = (output_size(n, k),) * 2
    return ask(
        "A layer has one unit for each place where a window of {k} × {k} fits into an image of "
        "{n} × {n} (stride 1, no padding). How many weights, without biases, has it …",
        {
            "if it is dense": derivation.dense_parameters((n, n), units, bias=False),
            "if each unit sees its window only": (
                derivation.locally_connected_parameters(units, (k, k), bias=False)
            ),
            "if each offset has one weight, and all pixels are seen": (
                derivation.offset_parameters((n, n), units, bias=False)
            ),
            "if both hold": derivation.shared_parameters((k, k), bias=False),
        },
        "With o = {o} units along an axis: n²o², o²k², (n + o − 1)², k².",
        n=n, k=k, o=units[0],
    )  # fmt: skip


def hidden_units(draw):
    """Two hidden units by hand."""
    x, u = draw.grid(2, 2, high=5), draw.grid(1, 2, low=1, high=9)
    first, second = draw.grid(2, 2, low=-2, high=3), draw.grid(2, 2, low=-2, high=3)
    return ask(
        "The hidden layer has one row and two columns. Compute H[i,j] = U[i,j] + Σ W[i,j,k,l] · "
        "X[k,l].",
        {"H": derivation.dense(x, np.stack([first, second])[None], u)},
        "Lay each weight image on X, multiply, add up, add the bias.",
        X=x, U=u, **{"W[0,0]": first, "W[0,1]": second},
    )  # fmt: skip


def offset(draw):
    """A weight named by its offset."""
    rows, n = draw.randint(2, 4), 5
    (i, j), (k, l) = draw.until(  # noqa: E741
        lambda pair: pair[0] != pair[1],
        lambda: [(draw.randint(0, high - 1), draw.randint(0, high - 1)) for high in (rows, n)],
    )
    weight = np.zeros((rows, rows, n, n))
    weight[i, j, k, l] = 1
    place = np.argwhere(derivation.to_offsets(weight))[0, 2:]
    return ask(
        "The hidden layer has {rows} × {rows} units, the image {n} × {n} pixels. Unit ({i}, {j}) "
        "reads pixel ({k}, {l}). By which offset (a, b) is this weight called in V[i,j,a,b]? An "
        "array has no negative places, so offset a is stored at index a + {rows} − 1, and b "
        "likewise. At which place is it stored?",
        {
            "offset a, b": tuple(int(p) - rows + 1 for p in place),
            "stored at": tuple(map(int, place)),
        },
        "a = {k} − {i}, b = {l} − {j}.",
        rows=rows, n=n, i=i, j=j, k=k, l=l,
    )  # fmt: skip


def matrix(draw):
    """The matrix of a convolution."""
    kernel, x = draw.distinct(3, low=1, high=5), draw.grid(5, high=3)
    kernel[draw.randint(0, 2)] *= -1
    rows = derivation.toeplitz(kernel, (5,))
    return ask(
        "The kernel slides over a signal of five numbers, stride 1, no padding, not flipped. Write "
        "it as a matrix T with three rows, and compute y = T x.",
        {"T": rows, "y": rows @ x},
        "Each row is the row above it, moved by one column.",
        kernel=kernel, x=x,
    )  # fmt: skip


def zeros(draw):
    """Zeros in the matrix."""
    n, k = draw.randint(4, 7), draw.randint(2, 3)
    pattern = derivation.weight_pattern((n, n), (k, k), shared=True, local=True)
    return ask(
        "A kernel of {k} × {k} without zeros slides over an image of {n} × {n}, stride 1, no "
        "padding. Written as a matrix, the convolution has …",
        {"rows": len(pattern), "columns": pattern.shape[1], "zeros": int((pattern < 0).sum())},
        "A row for each output, a column for each pixel, {k}² entries in each row are no zeros.",
        n=n, k=k,
    )  # fmt: skip


def border(draw):
    """Windows that hang over the border."""
    n, k = draw.randint(3, 7), draw.randint(2, 3)
    one_axis = participation_counts(n, k, padding=(0, k - 1))
    return ask(
        "A unit stands at each of {n} × {n} pixels. Its window of {k} × {k} starts at its own "
        "pixel and reaches to the right and down; pixels that do not exist are left out. How many "
        "products do all units compute together?",
        {"products": sum(one_axis) ** 2},
        "Along one axis there are {one_axis}; the image has the square of it.",
        n=n, k=k, one_axis=sum(one_axis),
    )  # fmt: skip


TITLE = "From the MLP to convolution"
QUESTIONS = (dense_layer, two_demands, hidden_units, offset, matrix, zeros, border)
