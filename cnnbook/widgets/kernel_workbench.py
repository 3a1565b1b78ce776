"""Drag the weights of a kernel and see at once what it makes of a photograph."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from cnnbook.datasets import PHOTOGRAPHS, photograph
from cnnbook.figures.filtering import CLASSICAL, KERNELS, Filtering, name_kernel
from cnnbook.figures.picture import CSS
from cnnbook.figures.scene import times
from cnnbook.widgets.explorer import factory
from cnnbook.widgets.glass_lenet import joined

MODULES = (
    *("filtering", "weight_cells", "workbench_goals", "workbench_photos"),
    *("workbench_window", "workbench_camera", "kernel_workbench"),
)
"""The JavaScript files, each before those that import it."""

SIZE = 280, 420  # rows and columns of a photograph, and of the camera
LARGEST = 7  # rows of the largest kernel
GOALS_ON = "china"  # the photograph that the goals are measured on
GIVEN = "your photograph"

_HERE = Path(__file__).parent


def fit_photograph(name):
    """Load a photograph, by name, path or open file, in grey: its middle, 280 × 420."""
    height, width = SIZE
    image = photograph(name, height=height)
    if image.shape[1] < width:
        if hasattr(name, "seek"):
            name.seek(0)
        image = photograph(name, height=-(-height * width // image.shape[1]))
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def as_bytes(image):
    """Round brightness to 256 levels, of which a picture file is made; 1 becomes the highest."""
    return np.round(np.asarray(image) * 256).clip(0, 255).astype(np.uint8)


class KernelWorkbench(anywidget.AnyWidget):
    """A kernel that is dragged, a photograph, and ten goals; the browser computes.

    Attributes
    ----------
    cells : list of list of float
        The weights times `divisor`, as the reader left them.
    divisor : float
    flip : bool
        Whether the kernel is rotated by 180° first: convolution.
    response : str
        As in `Filtering`.
    photograph : str
        Name of the photograph in `pixels`, bytes. The reader's own file and the pictures of the
        camera stay in the page: Python does not get them.
    """

    _esm = joined(MODULES)
    _css = CSS + "".join((_HERE / f"{m}.css").read_text() for m in ("weight_cells", MODULES[-1]))

    cells = traitlets.List().tag(sync=True, echo_update=False)
    divisor = traitlets.Float(1).tag(sync=True, echo_update=False)
    flip = traitlets.Bool().tag(sync=True, echo_update=False)
    response = traitlets.Unicode("auto").tag(sync=True, echo_update=False)
    photograph = traitlets.Unicode().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    shape = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    kernels = traitlets.List().tag(sync=True)
    goal_name = traitlets.Unicode(GOALS_ON).tag(sync=True)
    goal_pixels = traitlets.Bytes().tag(sync=True)
    goal_shape = traitlets.List(SIZE).tag(sync=True)

    def __init__(self, filtering, name):
        kernel, self._given = filtering.kernel, {name: as_bytes(filtering.image)}
        super().__init__(
            cells=kernel.cells.tolist(),
            divisor=float(kernel.divisor),
            flip=filtering.flip,
            response=filtering.response,
            names=[name, *(known for known in PHOTOGRAPHS if known != name)],
            kernels=[
                {"name": k.name, "size": len(k.cells), "cells": k.cells.ravel().tolist()}
                | {"divisor": float(k.divisor)}
                for k in CLASSICAL
            ],
            goal_pixels=self._bytes(GOALS_ON).tobytes(),
        )
        self.show_photograph(name)
        self.on_msg(lambda _, content, buffers: self.show_photograph(content["photograph"]))

    def _bytes(self, name):
        if name not in self._given:
            self._given[name] = as_bytes(fit_photograph(name))
        return self._given[name]

    def show_photograph(self, name):
        """Show one of the photographs in the list, by name."""
        if name not in self.names:
            raise ValueError(f"no photograph {name!r} here, expected one of {self.names}")
        image = self._bytes(name)
        with self.hold_sync():
            self.shape = list(image.shape)
            self.photograph, self.pixels = name, image.tobytes()

    @property
    def state(self):
        """The kernel as the reader left it, on the photograph: with arithmetic of `ops`."""
        image = np.frombuffer(self.pixels, np.uint8).reshape(self.shape) / 256
        return Filtering(image, name_kernel(self.cells, self.divisor), self.flip, self.response)

    def __repr__(self):
        return repr(self.state.picture())

    def _repr_mimebundle_(self, **options):
        # the picture stands where no kernel runs: on GitHub, on paper, before the first run
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        picture, about = self.state.picture()._repr_mimebundle_()
        return {**data, **picture}, {**metadata, **about}


@factory
def kernel_workbench(image="china", kernel="Sobel, left to right", **settings):
    """Open a workbench: a kernel to drag, a photograph, what the one makes of the other, ten goals.

    Parameters
    ----------
    image : str, path, or ndarray of shape (H, W)
        A name out of `cnnbook.datasets.PHOTOGRAPHS`, a file, or brightness from 0 to 1, which is
        rounded to 256 levels.
    kernel : str, Kernel or ndarray of shape (k, k)
        A name out of `cnnbook.figures.filtering.KERNELS`, or your own; k is 1, 3, 5 or 7.
    **settings
        The other fields of `Filtering`.
    """
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise ValueError(f"no kernel {kernel!r}, expected one of {', '.join(KERNELS)}")
        kernel = KERNELS[kernel]
    given = image if isinstance(image, np.ndarray) else fit_photograph(image)
    filtering = Filtering(given, kernel, **settings)
    if min(filtering.image.shape) < LARGEST:
        size = times(filtering.image.shape)
        raise ValueError(f"image is {size}, the largest kernel {LARGEST} × {LARGEST}")
    known = isinstance(image, str) and image in PHOTOGRAPHS
    return KernelWorkbench(filtering, image if known else GIVEN)
