"""Edit a kernel and see at once what it makes of a photograph."""

import ipywidgets as widgets
import numpy as np
import traitlets

from cnnbook.datasets import PHOTOGRAPHS, photograph
from cnnbook.figures.filtering import KERNELS, PHOTO, Filtering, name_kernel
from cnnbook.figures.scene import times
from cnnbook.widgets.explorer import LABELS, choice, explore, factory, picture_file

OWN = "your kernel"
SIZE = 5  # rows and columns of the largest kernel that can be edited
WIDE = {"style": LABELS, "layout": widgets.Layout(width="270px"), "tooltip": ""}


class KernelEditor(widgets.HBox):
    """Fields for a 3 × 3 or 5 × 5 kernel and its divisor, the `value`; a list of classical ones."""

    value = traitlets.Tuple()

    def __init__(self, kernel):
        if len(kernel.cells) not in (3, SIZE):
            raise ValueError(f"kernel has {len(kernel.cells)} rows, the editor takes 3 or {SIZE}")
        places = np.arange(SIZE) - SIZE // 2
        self.fields = np.array([[_weight(row, column) for column in places] for row in places])
        size = {"height": f"{34 * SIZE}px", "width": f"{62 * SIZE}px"}
        layout = widgets.Layout(grid_gap="2px", align_content="flex-start", **size)
        # a field out of use is hidden, not taken away: the page keeps it, and the focus with it
        self.grid = widgets.GridBox(tuple(self.fields.flat), layout=layout)
        names = [  # with the size where that is not the usual one
            (name if len(known.cells) == 3 else f"{name}, {times(known.cells.shape)}", name)
            for name, known in KERNELS.items()
        ]
        self.preset = widgets.Dropdown(options=[*names, (OWN, OWN)], description="kernel", **WIDE)
        sizes = {"3 × 3": 3, "5 × 5": SIZE}
        self.size = widgets.Dropdown(options=sizes, description="size", **WIDE)
        self.divisor = widgets.FloatText(description="divide all by", **WIDE)
        self.normalise = widgets.Button(description="divide by the sum", layout=WIDE["layout"])
        self.normalise.on_click(lambda _: self._divide())
        side = widgets.VBox([self.preset, self.size, self.divisor, self.normalise])
        super().__init__([self.grid, side], layout=widgets.Layout(grid_gap="20px"))
        self.fill(kernel.cells, kernel.divisor)
        for control in (self.preset, self.size, self.divisor, *self.fields.flat):
            control.observe(self._follow, "value")

    def _inside(self, size):
        """The fields of a kernel of this size."""
        edge = (SIZE - size) // 2
        return self.fields[edge : SIZE - edge, edge : SIZE - edge]

    def fill(self, cells, divisor):
        """Write a kernel into the fields and make it the value."""
        self._silent = True
        size = len(cells)
        self.size.value, self.divisor.value = size, float(divisor)
        inside = set(self._inside(size).flat)
        for field in self.fields.flat:
            field.layout.display = None if field in inside else "none"
        for field, cell in zip(self._inside(size).flat, np.ravel(cells), strict=True):
            field.value = float(cell)
        self.grid.layout.grid_template_columns = f"repeat({size}, 60px)"
        self._publish()

    def _publish(self):
        """Take the fields for the value; show the name that goes with them."""
        cells = np.array([[field.value for field in row] for row in self._inside(self.size.value)])
        divisor = self.divisor.value
        self.normalise.disabled = cells.sum() in (0, divisor)
        self._silent = True
        self.preset.value = _name(cells, divisor)
        self._silent = False
        self.value = tuple(map(tuple, cells.tolist())), divisor

    def _follow(self, change):
        """Fill the fields with the kernel or the size that was chosen; take what was typed."""
        if self._silent:
            return
        if change["owner"] is self.size:
            cells, extra = np.array(self.value[0]), (change["new"] - len(self.value[0])) // 2
            cells = np.pad(cells, extra) if extra > 0 else cells[-extra:extra, -extra:extra]
            self.fill(cells, self.value[1])
        elif change["owner"] is not self.preset:
            self._publish()
        elif change["new"] in KERNELS:
            self.fill(KERNELS[change["new"]].cells, KERNELS[change["new"]].divisor)

    def _divide(self):
        self.divisor.value = float(np.sum(self.value[0]))


def _weight(row, column):
    """A field for one weight."""
    place = f"weight; from the centre: row {row:+d}, column {column:+d}"
    look = {"tooltip": place, "description": place, "layout": {"width": "58px"}}
    field = widgets.FloatText(continuous_update=True, step=1, **look)
    return field.add_class("cnnbook-unlabelled")


def _name(cells, divisor):
    """Name of the classical kernel in the fields, if it is one."""
    try:
        return name_kernel(cells, divisor).name
    except ValueError:  # the explorer says what is wrong with it
        return OWN


def fit_photograph(name):
    """Load a photograph, by name, path or open file, in grey and at most 200 × 300."""
    width, height = PHOTO
    image = photograph(name, height=height)
    if image.shape[1] <= width:
        return image
    if hasattr(name, "seek"):
        name.seek(0)
    return photograph(name, height=max(1, height * width // image.shape[1]))


@factory
def kernel_workbench(image="china", kernel="Sobel, left to right", **settings):
    """Open a workbench: a kernel to edit, a photograph, and what the one makes of the other.

    Parameters
    ----------
    image : str, path, or ndarray of shape (H, W)
        A name out of `cnnbook.datasets.PHOTOGRAPHS`, a file, or brightness from 0 to 1.
    kernel : str, Kernel or ndarray of shape (3, 3) or (5, 5)
        A name out of `cnnbook.figures.filtering.KERNELS`, or your own.
    **settings
        The other fields of `Filtering`.
    """
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise ValueError(f"no kernel {kernel!r}, expected one of {', '.join(KERNELS)}")
        kernel = KERNELS[kernel]
    chosen = image if isinstance(image, str) and image in PHOTOGRAPHS else None
    pixels = image if isinstance(image, np.ndarray) else fit_photograph(image)
    operations = {"cross-correlation": False, "convolution (rotate first)": True}
    responses = {"automatic": "auto", "brightness, cut off": "clipped"}
    responses["signed, 0 is grey"] = "signed"
    return explore(
        Filtering(pixels, kernel, **settings),
        kernel=lambda name, value: (KernelEditor(value), lambda typed: name_kernel(*typed)),
        image=picture_file(fit_photograph, PHOTOGRAPHS, chosen),
        flip=choice(operations, "operation", width="270px"),
        response=choice(responses, "show as", width="270px"),
    )
