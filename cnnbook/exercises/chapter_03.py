"""Exercises of chapter 3, padding and stride."""

import itertools
import math

import numpy as np

from cnnbook.exercises.exercise import Exercise
from cnnbook.ops import conv2d, pad
from cnnbook.shapes import participation_counts
from cnnbook.shapes import same_padding as same_zeros

# ---------------------------------------------------------------- 3.1 the size of the output


def output_size(i, k, s, p, d):
    return (i + 2 * p - d * (k - 1) - 1) // s + 1


def size_by_counting(i, k, s, p, d):
    return len(range(0, i + 2 * p - d * (k - 1), s))


def size_by_ceiling(i, k, s, p, d):
    return math.ceil((i + 2 * p - d * (k - 1)) / s)


SIZES = Exercise(
    "3.1",
    "The size of the output",
    right=(output_size, size_by_counting, size_by_ceiling),
    wrong={
        "p zeros stand on each side, so there are 2p of them.": lambda i, k, s, p, d: output_size(
            i + p, k, s, 0, d
        ),
        "the window at the start counts, too: add 1.": lambda *a: output_size(*a) - 1,
        "a window that hangs over the edge does not count: round down.": lambda i, k, s, p, d: (
            math.ceil((i + 2 * p - d * (k - 1) - 1) / s) + 1
        ),
        "rounding to the nearest number counts windows that hang over.": lambda i, k, s, p, d: (
            round((i + 2 * p - d * (k - 1) - 1) / s + 1)
        ),
        "a size is a whole number: round down.": lambda i, k, s, p, d: (
            (i + 2 * p - d * (k - 1) - 1) / s + 1
        ),
        "dilation is left out: the kernel spans d(k − 1) + 1 pixels.": lambda i, k, s, p, d: (
            output_size(i, k, s, p, 1)
        ),
        "k entries have k − 1 gaps: the kernel spans d(k − 1) + 1, not d·k.": (
            lambda i, k, s, p, d: output_size(i, d * k, s, p, 1)
        ),
        "the stride is left out.": lambda i, k, s, p, d: output_size(i, k, 1, p, d),
        "the stride counts between windows: divide only the way, not the + 1.": (
            lambda i, k, s, p, d: (i + 2 * p - d * (k - 1)) // s
        ),
    },
    why="It counts the first window, and one more for each step of s that still fits.",
    hints=(
        "Write down where the first window starts and where the last one may start.",
        "The kernel spans d(k − 1) + 1 pixels, the padded input has i + 2p.",
        "The way from the first to the last start is i + 2p − d(k − 1) − 1: divide it by s.",
    ),
    cases=tuple(
        (i, k, s, p, d)
        for i, k, s, p, d in itertools.product(
            (1, 4, 7, 8), (1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2)
        )
        if i + 2 * p > d * (k - 1)
    ),
)

# ---------------------------------------------------------------- 3.2 the zeros of SAME


def same_padding(i, k, s):
    total = max(s * (math.ceil(i / s) - 1) - i + k, 0)
    return total // 2, total - total // 2


def same_by_remainder(i, k, s):
    total = max(k - (i % s or s), 0)
    return total // 2, -(-total // 2)


def same_by_trying(i, k, s):
    wanted = len(range(0, i, s))
    total = next(P for P in itertools.count() if len(range(0, i + P - k + 1, s)) == wanted)
    return total // 2, total - total // 2


SAME = Exercise(
    "3.2",
    "The zeros of SAME",
    right=(same_padding, same_by_remainder, same_by_trying),
    wrong={
        "an odd zero stands after the input, not before it.": lambda i, k, s: same_padding(i, k, s)[
            ::-1
        ],
        "where the windows leave gaps the total is negative: take 0 then.": lambda i, k, s: (
            (t := s * (math.ceil(i / s) - 1) - i + k) // 2,
            t - t // 2,
        ),
        "k − 1 zeros are right for stride 1 only.": lambda i, k, s: ((k - 1) // 2, k // 2),
        "k − s zeros are right only where s divides i.": lambda i, k, s: (
            (t := max(k - s, 0)) // 2,
            t - t // 2,
        ),
        "o is ⌈i/s⌉, rounded up.": lambda i, k, s: (
            (t := max(s * (i // s - 1) - i + k, 0)) // 2,
            t - t // 2,
        ),
        "of all totals that give ⌈i/s⌉ outputs SAME takes the smallest.": lambda i, k, s: (
            (t := s * math.ceil(i / s) - i + k - 1) // 2,
            t - t // 2,
        ),
        "half of the total on each side loses the odd zero.": lambda i, k, s: (
            (sum(same_padding(i, k, s)) // 2,) * 2
        ),
        "all zeros stand after the input: share them.": lambda i, k, s: (
            0,
            sum(same_padding(i, k, s)),
        ),
    },
    why="The smallest total that gives ⌈i/s⌉ outputs, shared out, with an odd zero at the end.",
    hints=(
        "How many outputs does SAME want? How long must the padded input be for so many windows?",
        "o windows reach over s(o − 1) + k pixels. You have i.",
        "The total is max(s(o − 1) + k − i, 0); total // 2 of it come before.",
    ),
    cases=tuple(itertools.product((3, 4, 8, 9), (1, 2, 3, 4, 5), (1, 2, 3, 4))),
)

# ---------------------------------------------------------------- 3.3 a convolution of your own


def convolve2d(x, w, stride, padding):
    return conv2d(pad(x, padding)[None], w[None, None], stride=stride)[0]


def by_loops(x, w, stride, padding):
    left, right, top, bottom = padding
    x = np.pad(x, ((top, bottom), (left, right)))
    rows = range(0, x.shape[0] - w.shape[0] + 1, stride[0])
    columns = range(0, x.shape[1] - w.shape[1] + 1, stride[1])
    return [[(w * x[r : r + w.shape[0], c : c + w.shape[1]]).sum() for c in columns] for r in rows]


def by_shifts(x, w, stride, padding):
    left, right, top, bottom = padding
    x = np.pad(x, ((top, bottom), (left, right)))
    rows, columns = (n - k + 1 for n, k in zip(x.shape, w.shape, strict=True))
    out = sum(w[a, b] * x[a : a + rows, b : b + columns] for a, b in np.ndindex(w.shape))
    return out[:: stride[0], :: stride[1]]


def _images():
    """Images, kernels and settings of all kinds, small ones first."""
    rng = np.random.default_rng(3)
    settings = [
        ((2, 3), (1, 1), (1, 1), (0, 0, 0, 0)),
        ((2, 3), (1, 2), (1, 1), (0, 0, 0, 0)),
        ((3, 3), (2, 2), (1, 1), (0, 0, 0, 0)),
        ((3, 4), (2, 1), (1, 1), (0, 0, 1, 0)),
        ((3, 4), (1, 2), (1, 1), (0, 1, 0, 0)),
        ((4, 5), (2, 2), (2, 2), (0, 0, 0, 0)),
        ((5, 4), (2, 3), (2, 1), (0, 0, 0, 0)),
        ((4, 5), (3, 2), (1, 3), (1, 1, 1, 1)),
        ((5, 7), (3, 3), (2, 2), (1, 1, 1, 1)),
        ((5, 6), (2, 4), (3, 2), (2, 1, 0, 1)),
        ((7, 5), (4, 3), (2, 3), (0, 2, 1, 2)),
    ]
    for size, kernel_size, stride, padding in settings:
        yield rng.integers(-4, 5, size) / 2, rng.integers(-3, 4, kernel_size) * 1.0, stride, padding
    x, w = rng.normal(size=(6, 5)), rng.normal(size=(3, 2))
    yield x.astype(np.float32), w.astype(np.float32), (2, 1), (1, 0, 1, 2)


CONVOLUTION = Exercise(
    "3.3",
    "A convolution of your own",
    right=(convolve2d, by_loops, by_shifts),
    wrong={
        "you flipped the kernel: cross-correlation does not.": lambda x, w, stride, padding: (
            convolve2d(x, w[::-1, ::-1], stride, padding)
        ),
        "the stride is applied twice.": lambda x, w, stride, padding: convolve2d(
            x, w, [s * s for s in stride], padding
        ),
        "the stride is left out.": lambda x, w, stride, padding: convolve2d(x, w, 1, padding),
        "one stride serves for rows and columns: they are two numbers.": (
            lambda x, w, stride, padding: convolve2d(x, w, stride[0], padding)
        ),
        "the strides of rows and columns are exchanged.": lambda x, w, stride, padding: convolve2d(
            x, w, stride[::-1], padding
        ),
        "the padding is left out.": lambda x, w, stride, padding: convolve2d(
            x, w, stride, (0,) * 4
        ),
        "padding begins with left and right, as in F.pad.": lambda x, w, stride, padding: (
            convolve2d(x, w, stride, (*padding[2:], *padding[:2]))
        ),
        "the zeros after the input are left out.": lambda x, w, stride, padding: convolve2d(
            x, w, stride, (padding[0], 0, padding[2], 0)
        ),
        "the two sides of an axis can have different numbers of zeros.": (
            lambda x, w, stride, padding: convolve2d(
                x, w, stride, (padding[0], padding[0], padding[2], padding[2])
            )
        ),
        "the kernel is transposed, or taken for square.": lambda x, w, stride, padding: convolve2d(
            x, w.T, stride, padding
        ),
        "the border is repeated instead of zeros.": lambda x, w, stride, padding: convolve2d(
            pad(x, padding, mode="replicate"), w, stride, (0,) * 4
        ),
    },
    why="It agrees with conv2d for every stride and padding, rows and columns apart.",
    hints=(
        "Pad first, and forget the padding from then on.",
        "The first pixels of the windows are range(0, H − kH + 1, stride[0]), columns likewise.",
        "Each output is (w * window).sum(); collect them row by row.",
    ),
    cases=tuple(_images()),
)

# ---------------------------------------------------------------- 3.4 the same on both sides


def even_padding(i, k, s):
    return s > 1 or k % 2 == 1


def even_by_trying(i, k, s):
    wanted = math.ceil(i / s)
    return any(len(range(0, i + 2 * p - k + 1, s)) == wanted for p in range(k + s))


EVEN = Exercise(
    "3.4",
    "The same on both sides",
    right=(even_padding, even_by_trying),
    wrong={
        "with a stride above 1 there are several totals to choose from, one of them even.": (
            lambda i, k, s: k % 2 == 1
        ),
        "the smallest total may be odd, and a larger one may do.": lambda i, k, s: (
            sum(same_zeros(i, k, s)) % 2 == 0
        ),
        "with stride 1 there is one total only, k − 1, which can be odd.": lambda i, k, s: True,
        "the stride need not be even: any two totals in a row hold an even one.": (
            lambda i, k, s: s % 2 == 0 or k % 2 == 1
        ),
        "the size of the input does not matter: try two sizes.": lambda i, k, s: (
            (i + k) % 2 == 1 or s > 1
        ),
        "it is the other way round: a kernel of odd size needs an even total.": lambda i, k, s: (
            s > 1 or k % 2 == 0
        ),
    },
    why="s totals stand in a row: two of them hold an even one; at stride 1 it must be k − 1.",
    hints=(
        "Equal numbers on both sides: then the total is even.",
        "How many totals are admissible, and how do they lie?",
        "s numbers in a row: if s > 1 one is even. If s = 1 the only one is k − 1.",
    ),
    cases=tuple(itertools.product((4, 5, 8), (1, 2, 3, 4), (1, 2, 3, 4))),
)

# ---------------------------------------------------------------- 3.5 a map on paper

_LINE = participation_counts(7, 3, dilation=2)
MAP = Exercise(
    "3.5",
    "A map on paper",
    right=(np.outer(_LINE, _LINE), [[r * c for c in (1, 1, 2, 1, 2, 1, 1)] for r in _LINE]),
    wrong={
        "that is the map of a kernel without gaps: mind d = 2.": np.outer(
            *[participation_counts(7, 3)] * 2
        ),
        "the counts of row and column are multiplied, not added.": np.add.outer(_LINE, _LINE),
        "that is one axis; the map has a row for each of its entries.": _LINE,
        "that is stride 2; here it is dilation.": np.outer(
            *[participation_counts(7, 3, dilation=2, stride=2)] * 2
        ),
        "VALID has no zeros around.": np.outer(
            *[participation_counts(7, 3, dilation=2, padding=2)] * 2
        ),
        "a map counts windows, and is not divided by their number.": np.outer(_LINE, _LINE) / 9,
    },
    why="Nine windows with nine entries each: the map sums to 81.",
    hints=(
        "One axis first. The kernel touches the pixels 0, 2 and 4, then 1, 3 and 5, then 2, 4, 6.",
        "Count each pixel: 1 1 2 1 2 1 1.",
        "The entry at row r and column c is the product of two of these: np.outer.",
    ),
)

# ---------------------------------------------------------------- 3.6 half of the work for nothing?

SHARE = Exercise(
    "3.6",
    "Half of the work for nothing?",
    right=(3 / 4, np.mean(np.outer(*[participation_counts(8, 1, 2)] * 2) == 0)),
    wrong={
        "that is the share along one axis; a map has two.": 1 / 2,
        "that is the share that is seen.": 1 / 4,
        "a share lies between 0 and 1: divide by 100.": 75,
        "a window of one pixel does not see its neighbours.": 0,
        "a pixel is unseen if its row or its column is left out.": 1 / 3,
    },
    why="Of each 2 × 2 block one pixel is seen. A padding moves which one, and helps none.",
    hints=(
        "Along one axis, which pixels does a kernel of 1 with stride 2 touch?",
        "Every second one. A pixel is seen if its row and its column are.",
        "Seen: 1/2 · 1/2. The question is about the rest.",
    ),
)

# ---------------------------------------------------------------- 3.7 repair the frame


def repaired_blur(x, k):
    weight = np.ones((1, 1, k, k))
    total, inside = (
        conv2d(image[None], weight, padding=k // 2)[0] for image in (x, np.ones_like(x))
    )
    return total / inside


def blur_by_slices(x, k):
    r, out = k // 2, np.empty_like(x)
    for i, j in np.ndindex(x.shape):
        out[i, j] = x[max(i - r, 0) : i + r + 1, max(j - r, 0) : j + r + 1].mean()
    return out


def _blur(x, k, mode="constant"):
    weight = np.full((1, 1, k, k), 1 / k**2)
    return conv2d(pad(x[None], (k // 2,) * 4, mode=mode), weight)[0]


FRAME = Exercise(
    "3.7",
    "Repair the frame",
    right=(repaired_blur, blur_by_slices),
    wrong={
        "this is still the blur with the dark frame.": _blur,
        "this repeats the border; the task divides by what lies inside.": lambda x, k: _blur(
            x, k, "replicate"
        ),
        "this mirrors the image; the task divides by what lies inside.": lambda x, k: _blur(
            x, k, "reflect"
        ),
        "multiply by the share and it is darker still: divide.": lambda x, k: (
            _blur(x, k) * _blur(np.ones_like(x), k)
        ),
        "a sum is no average: divide by the number of pixels inside.": lambda x, k: (
            _blur(x, k) * k**2
        ),
        "the frame has rows and columns.": lambda x, k: (
            _blur(x, k) / _blur(np.ones_like(x), k)[:, x.shape[1] // 2, None]
        ),
        "the result has the size of the image.": lambda x, k: conv2d(
            x[None], np.full((1, 1, k, k), 1 / k**2)
        )[0],
    },
    why="Each pixel holds the average of what really lies in its window: a grey image stays grey.",
    hints=(
        "What should an image of ones become? What does the blur with zeros make of it?",
        "Blur an image of ones with the same zeros: it holds the share that lies inside.",
        "Divide the one by the other.",
    ),
    cases=tuple(
        (np.round(np.random.default_rng(k).uniform(-1, 1, size), 1), k)
        for size, k in (((3, 3), 1), ((3, 4), 3), ((6, 5), 3), ((7, 9), 5), ((9, 8), 7))
    ),
)

EXERCISES = (SIZES, SAME, CONVOLUTION, EVEN, MAP, SHARE, FRAME)
