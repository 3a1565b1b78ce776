"""A photograph under a hidden kernel, and the loss of every other kernel: a hill to descend."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from cnnbook.checks import whole
from cnnbook.ops import conv2d, conv2d_backward, unfold

GOAL = 0.01  # share of the start's loss at which one has arrived
LIMIT = 1.5  # the edge of the landscape; hidden weights lie in [−1, 1]
TENTHS = np.concatenate([np.arange(-10, -3), np.arange(4, 11)]) / 10  # what is hidden
CONTOURS = (GOAL, 0.03, 0.1, 0.3, 1, 3, 10)  # shares of the start's loss
ALL = tuple(itertools.product(range(3), repeat=2))


class Level(NamedTuple):
    """Which weights of a kernel of 3 × 3 are looked for; all others are 0."""

    name: str
    free: tuple  # (row, column) of each
    rate: float | None  # of gradient descent; None: the reader chooses it
    task: str
    edges: bool = False  # the target shows how large a result is, not its sign


ONE, PAIR, SIDES = ((1, 1),), ((1, 1), (1, 2)), ((1, 0), (1, 2))
LEVELS = (
    Level("one weight", ONE, 0.25, "Three points fix a parabola: where is it lowest?"),
    Level("two weights", PAIR, 0.4, "Neighbours are alike: what shape does the landscape get?"),
    Level("nine weights", ALL, 0.12, "A move turns one weight, a step of gradient descent all."),
    Level(
        "two kernels fit", SIDES, 0.3, "The target shows how strong an edge is, not its sign.", True
    ),
    Level("a rate that overshoots", PAIR, None, "The rate is yours: how few steps can it take?"),
)


@dataclass(frozen=True, eq=False)
class HiddenKernel:
    """A photograph, a kernel that is drawn and hidden, and the loss of every other kernel.

    The photograph is scaled to mean 0 and standard deviation 1. The loss is the mean squared
    difference to what the hidden kernel makes of it, where the whole kernel fits. `weights` are
    those that the level looks for, n of them, in its order.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        At least 3 × 3, and not all of one brightness.
    level : int
        Number of one of `LEVELS`.
    seed : int
        Draws the kernel and the start: the same ones for a whole class.
    """

    image: np.ndarray
    level: int = 0
    seed: int = 0

    def __post_init__(self):
        whole("level", self.level, 0, len(LEVELS) - 1)
        whole("seed", self.seed, 0)
        image = np.asarray(self.image, dtype=float)
        if image.ndim != 2 or min(image.shape) < 3:
            raise ValueError(f"image has shape {image.shape}, expected (H, W) of at least 3 × 3")
        if not np.isfinite(image).all() or image.std() < 1e-9:
            raise ValueError("image must hold finite numbers that are not all the same")
        object.__setattr__(self, "image", image)

    @property
    def rules(self):
        """The level: its weights, rate and task."""
        return LEVELS[self.level]

    @cached_property
    def x(self):
        """The photograph as it is filtered: (1, 1, H, W)."""
        return ((self.image - self.image.mean()) / self.image.std())[None, None]

    # ------------------------------------------------------------ what convolution says

    def kernel(self, weights):
        """Put weights at their places in a kernel of 3 × 3."""
        kernel = np.zeros((3, 3))
        kernel[tuple(zip(*self.rules.free, strict=True))] = weights
        return kernel

    def output(self, weights):
        """Filter the photograph: (H − 2, W − 2); with `edges`, only how large the results are."""
        y = conv2d(self.x, self.kernel(weights)[None, None])[0, 0]
        return np.abs(y) if self.rules.edges else y

    @cached_property
    def target(self):
        """The photograph under the hidden kernel."""
        return self.output(self.hidden)

    def loss(self, weights):
        """Mean squared difference between the filtered photograph and the target."""
        return float(np.mean((self.output(weights) - self.target) ** 2))

    def gradient(self, weights):
        """Take the gradient of the loss, (n,), by `conv2d_backward`."""
        kernel = self.kernel(weights)[None, None]
        y = conv2d(self.x, kernel)
        grad_out = 2 * (self.output(weights) - self.target)[None, None] / y.size
        if self.rules.edges:
            grad_out = grad_out * np.sign(y)  # |y| has no slope at 0: 0 is taken, as in PyTorch
        grad = conv2d_backward(grad_out, self.x, kernel).grad_weight[0, 0]
        return np.array([grad[place] for place in self.rules.free])

    # ------------------------------------------------------------ the same, from the curvature

    @cached_property
    def windows(self):
        """What the weights meet at each position: (positions, n)."""
        chosen = [3 * i + j for i, j in self.rules.free]
        return unfold(self.x, 3)[0][chosen].T.copy()

    @cached_property
    def hessian(self):
        """Second derivatives of the loss, (n, n), which are the same at all weights.

        With `edges` that holds as long as no result changes its sign.
        """
        return 2 * self.windows.T @ self.windows / len(self.windows)

    @cached_property
    def curvatures(self):
        """Curvatures of the loss, (n,), least first, and their directions: columns of (n, n)."""
        return np.linalg.eigh(self.hessian)

    @property
    def largest_rate(self):
        """The rate beyond which gradient descent diverges: 2 over the largest curvature."""
        return float(2 / self.curvatures[0][-1])

    def losses(self, weights):
        """Return the loss of many weights, (..., n): a product with a small matrix for each."""
        weights = np.asarray(weights, dtype=float)
        if self.rules.edges:  # no quadratic: its pieces meet where results are 0
            flat = weights.reshape(-1, weights.shape[-1])
            results = (np.abs(self.windows @ each) for each in flat)
            found = [np.mean((y - np.abs(self.windows @ self.hidden)) ** 2) for y in results]
            return np.reshape(found, weights.shape[:-1])
        apart = weights - self.hidden
        return np.einsum("...i,ij,...j->...", apart, self.hessian, apart) / 2

    @cached_property
    def at_start(self):
        """The loss at the start."""
        return float(self.losses(self.start))

    def share(self, weights):
        """Return the loss of many weights, (..., n), as a share of that at the start."""
        return self.losses(weights) / self.at_start

    @cached_property
    def one_by_one(self):
        """Moves of a player who turns one weight at a time, the best one to its best value.

        None with `edges`, and where 1000 moves are too few.
        """
        if self.rules.edges:
            return None
        weights, sizes = self.start.copy(), self.hessian.diagonal()
        for moves in range(1001):
            if self.share(weights) <= GOAL:
                return moves
            gradient = self.hessian @ (weights - self.hidden)
            best = np.argmax(gradient**2 / sizes)
            weights[best] -= gradient[best] / sizes[best]
        return None

    @cached_property
    def contours(self):
        """Lines of equal loss over two weights: by share of the start's, a list of (points, 2)."""
        along = np.linspace(-LIMIT, LIMIT, 41)
        shares = self.share(np.stack(np.meshgrid(along, along), axis=-1))
        drawn = Figure().add_subplot().contour(along, along, shares, CONTOURS)
        lines = ([line for line in found if len(line) > 1] for found in drawn.allsegs)
        return dict(zip(CONTOURS, lines, strict=True))

    # ------------------------------------------------------------ what is drawn

    @cached_property
    def _drawn(self):
        """The hidden weights and those at the start, drawn until the game is worth playing."""
        rng, count = np.random.default_rng([self.seed, self.level]), len(self.rules.free)
        start = np.zeros(count)
        while True:
            hidden = rng.choice(TENTHS, count)
            if self.rules.edges:
                hidden = hidden[0] * np.array([1, -1])  # rotated by 180° it is its negative
                start = rng.choice(TENTHS, count)
                if self._between(start, hidden):
                    return hidden, start
            else:
                if count > 1:  # the photograph itself
                    start[self.rules.free.index((1, 1))] = 1
                if self._worth(start - hidden):
                    return hidden, start

    def _worth(self, apart):
        """Whether two weights leave work along either curvature: no rate that diverges arrives."""
        sizes, along = self.curvatures
        losses = sizes * (apart @ along) ** 2
        return len(apart) != 2 or losses.min() > 0.1 * losses.sum()

    def _between(self, start, hidden):
        """Whether a start belongs to one of two kernels, and its loss is like that of no kernel."""
        results = (np.abs(self.windows @ weights) for weights in (start, 0 * start))
        loss, none = (np.mean((y - np.abs(self.windows @ hidden)) ** 2) for y in results)
        return start[0] != start[1] and none / 2 < loss < 3 * none

    @property
    def hidden(self):
        """The weights to be found."""
        return self._drawn[0]

    @property
    def start(self):
        """The weights that everybody starts with."""
        return self._drawn[1]
