"""Step over outputs and see which inputs and weights the gradient of each one reaches."""

from functools import cached_property

import numpy as np

from cnnbook.figures.backward import MODES, BackwardStep
from cnnbook.figures.state import State, state
from cnnbook.shapes import output_size, pool_output_size
from cnnbook.widgets.explorer import choice, explore, factory, numbers, whole

EXAMPLE = np.array(
    [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0], [0, 1, 2, 3, 1.0]]
)
KERNEL = np.array([[1, 2, 0], [0, -1, 1], [2, 0, 1.0]])
UPSTREAM = np.array([[1, -1, 2], [0, 2, 1], [-2, 1, 3.0]])


@state
class BackwardState(State):
    """Settings of a layer on its way back; see `BackwardStep` for their meaning.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    kernel : ndarray of shape (kH, kW)
        Weights, for a convolution.
    upstream : ndarray of shape (rows, columns)
        Gradient of the output: cut where the output is smaller, repeated where it is larger.
    mode : {"convolution", "max", "average"}
    kernel_size : int
        Of the window, for a pooling.
    stride, padding, dilation : int
        The dilation is that of a convolution.
    step : int
    """

    x: np.ndarray
    kernel: np.ndarray
    upstream: np.ndarray
    mode: str = "convolution"
    kernel_size: int = 2
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    step: int = 0

    def __post_init__(self):
        for name in ("x", "kernel", "upstream"):
            self._array(name, 2)
        if not self.upstream.size:
            raise ValueError(f"upstream has shape {self.upstream.shape}, expected rows and columns")
        self._within("step", self.steps)

    @property
    def idle(self):
        """A pooling has no weights, a convolution gives its own size."""
        return ("kernel_size",) if self.mode == "convolution" else ("kernel", "dilation")

    @cached_property
    def first(self):
        """The first step of the layer, with an upstream gradient of the output's shape."""
        kernel, settings = self.kernel_size, {"stride": self.stride, "padding": self.padding}
        if self.mode == "convolution":
            kernel, settings["dilation"] = self.kernel, self.dilation
            shape = output_size(self.x.shape, kernel.shape, **settings)
        else:
            shape = pool_output_size(self.x.shape, kernel, **settings)
        rows, columns = (np.arange(n) % m for n, m in zip(shape, self.upstream.shape, strict=True))
        grad_out = self.upstream[np.ix_(rows, columns)]
        return BackwardStep(self.x, kernel, grad_out, self.mode, **settings)

    @property
    def inner(self):
        """The layer at this step."""
        return self.first.at(self.step)

    @property
    def steps(self):
        """Number of outputs."""
        return self.first.steps

    def picture(self):
        """Draw the step."""
        return self.inner.picture()


@factory
def backward_stepper(x=EXAMPLE, kernel=KERNEL, upstream=UPSTREAM, **settings):
    """Open a stepper for the way back through a layer; `settings` as in `BackwardState`."""
    layers = {mode if mode == "convolution" else f"{mode} pooling": mode for mode in MODES}
    return explore(
        BackwardState(x, kernel, upstream, **settings),
        more=("dilation", "kernel", "upstream", "x"),
        page={"mode": ..., "stride": (1, 2), "padding": (0, 1)},
        mode=choice(layers, "layer", width="220px"),
        kernel_size=whole(1, 4, "pool size", width="140px"),
        stride=whole(1, 4, width="140px"),
        padding=whole(0, 4, width="140px"),
        dilation=whole(1, 4, width="140px"),
        kernel=numbers("kernel w", width="260px"),
        upstream=numbers("upstream g", width="270px"),
        x=numbers("input x", width="480px"),
    )
