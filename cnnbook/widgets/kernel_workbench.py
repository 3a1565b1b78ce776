"""Edit a kernel and see at once what it makes of a photograph."""

import io
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import traitlets

from cnnbook.datasets import PHOTOGRAPHS, photograph
from cnnbook.figures.filtering import PHOTO, Filtering, draw_filtering
from cnnbook.figures.kernels import KERNELS, Kernel, name_kernel
from cnnbook.widgets.explorer import LABELS, Explorer, factory

OWN = "your kernel"
SIZE = 5  # rows and columns of the largest kernel that can be edited
SIZES = (("3 × 3", 3), ("5 × 5", SIZE))
WIDE = {"style": LABELS, "layout": widgets.Layout(width="270px")}


@dataclass(frozen=True, eq=False)
class WorkbenchState(Filtering):
    """A filtering that can be drawn; see `Filtering` for its fields."""

    def picture(self):
        """Draw the photograph, the kernel and the result."""
        return draw_filtering(self)


def resize_cells(cells, size):
    """Cut a square kernel down to its centre, or surround it with zeros.

    Parameters
    ----------
    cells : ndarray of shape (k, k)
        k odd.
    size : int
        Odd.

    Returns
    -------
    ndarray of shape (size, size)
    """
    extra = (size - len(cells)) // 2
    if extra < 0:
        return cells[-extra:extra, -extra:extra].copy()
    return np.pad(cells, extra)


def _label(kernel):
    """A kernel's name, with its size where that is not the usual one."""
    size = len(kernel.cells)
    return kernel.name if size == 3 else f"{kernel.name}, {size} × {size}"


def _name(cells, divisor):
    """Name of the classical kernel in the fields, if it is one."""
    try:
        return name_kernel(cells, divisor).name
    except ValueError:  # the explorer says what is wrong with it
        return OWN


class KernelEditor(widgets.HBox):
    """Number fields for a 3 × 3 or 5 × 5 kernel, and a list of classical ones.

    Parameters
    ----------
    kernel : Kernel
        To start from.

    Attributes
    ----------
    value : tuple
        Rows of numbers and the divisor.
    """

    value = traitlets.Tuple()

    def __init__(self, kernel):
        if len(kernel.cells) not in (3, SIZE):
            raise ValueError(f"kernel has {len(kernel.cells)} rows, the editor takes 3 or {SIZE}")
        self._silent = False
        self.fields = np.array(
            [[self._field(row, column) for column in range(SIZE)] for row in range(SIZE)]
        )
        # a field out of use is hidden, not taken away: the page keeps it, and the focus with it
        self.grid = widgets.GridBox(
            tuple(self.fields.flat),
            layout=widgets.Layout(
                grid_gap="2px",
                align_content="flex-start",
                height=f"{34 * SIZE}px",
                width=f"{62 * SIZE}px",
            ),
        )
        names = [(_label(kernel), name) for name, kernel in KERNELS.items()]
        self.preset = widgets.Dropdown(options=[*names, (OWN, OWN)], description="kernel", **WIDE)
        self.size = widgets.Dropdown(options=SIZES, description="size", **WIDE)
        self.divisor = widgets.FloatText(description="divide all by", **WIDE)
        self.normalise = widgets.Button(description="divide by the sum", layout=WIDE["layout"])
        self.normalise.on_click(self._normalise)
        side = widgets.VBox([self.preset, self.size, self.divisor, self.normalise])
        super().__init__([self.grid, side], layout=widgets.Layout(grid_gap="20px"))
        self.fill(kernel.cells, kernel.divisor)
        for control, change in ((self.preset, self._choose), (self.size, self._resize)):
            control.observe(change, "value")
        for control in (self.divisor, *self.fields.flat):
            control.observe(self._type, "value")

    def _field(self, row, column):
        place = f"weight; from the centre: row {row - SIZE // 2:+d}, column {column - SIZE // 2:+d}"
        return widgets.FloatText(
            tooltip=place, continuous_update=True, step=1, layout=widgets.Layout(width="58px")
        )

    def _inside(self, size):
        """The fields of a kernel of this size."""
        edge = (SIZE - size) // 2
        return self.fields[edge : SIZE - edge, edge : SIZE - edge]

    def fill(self, cells, divisor):
        """Write a kernel into the fields and make it the value."""
        self._silent = True
        size = len(cells)
        fields = self._inside(size)
        inside = set(fields.flat)
        for field, cell in zip(fields.flat, np.ravel(cells), strict=True):
            field.value = float(cell)
        self.size.value, self.divisor.value = size, float(divisor)
        for field in self.fields.flat:
            field.layout.display = None if field in inside else "none"
        self.grid.layout.grid_template_columns = f"repeat({size}, 60px)"
        self._silent = False
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

    def _type(self, _):
        if not self._silent:
            self._publish()

    def _choose(self, change):
        if not self._silent and change["new"] in KERNELS:
            kernel = KERNELS[change["new"]]
            self.fill(kernel.cells, kernel.divisor)

    def _resize(self, change):
        if not self._silent:
            self.fill(resize_cells(np.array(self.value[0]), change["new"]), self.value[1])

    def _normalise(self, _):
        self.divisor.value = float(np.sum(self.value[0]))


class PhotoChooser(widgets.HBox):
    """A list of photographs and a button to add one's own.

    Parameters
    ----------
    name : str
        What is chosen at first.
    own : ndarray of shape (H, W), optional
        The photograph of that name, where it is not one of the book's.

    Attributes
    ----------
    value : str
        Name of the chosen photograph; `read` gives its pixels.
    """

    value = traitlets.Unicode()

    def __init__(self, name, own=None):
        self._files = dict.fromkeys(PHOTOGRAPHS)
        self._pixels = {} if own is None else {name: own}
        names = list(dict.fromkeys([*self._pixels, *PHOTOGRAPHS]))
        layout = widgets.Layout(width="190px")
        self.list = widgets.Dropdown(
            options=names, value=name, description="photograph", style=LABELS, layout=layout
        )
        self.upload = widgets.FileUpload(
            accept="image/*", description="your own", layout=widgets.Layout(width="136px")
        )
        super().__init__([self.list, self.upload])
        widgets.link((self.list, "value"), (self, "value"))
        self.upload.observe(self._add, "value")

    def _add(self, change):
        for file in change["new"]:
            name = f"{len(self._files) - len(PHOTOGRAPHS) + 1}: {file['name']}"
            self._files[name] = bytes(file["content"])
            self.list.options = [*self.list.options, name]
            self.list.value = name

    def read(self, name):
        """Return the pixels of a photograph of the list, shrunk to fit into the picture."""
        if name not in self._pixels:
            content = self._files[name]
            self._pixels[name] = fit_photograph(name if content is None else _file(name, content))
        return self._pixels[name]


def _file(name, content):
    file = io.BytesIO(content)
    file.name = name.partition(": ")[2]  # for the message, should it hold no image
    return file


def fit_photograph(name):
    """Load a photograph in grey, shrunk to at most 200 rows and 300 columns.

    Parameters
    ----------
    name : {"china", "flower"}, path or binary file

    Returns
    -------
    ndarray of shape (H, W), values in [0, 1)

    Raises
    ------
    ValueError
        If it holds no image, or one that `photograph` refuses.
    """
    width, height = PHOTO
    image = photograph(name, height=height)
    if image.shape[1] <= width:
        return image
    if hasattr(name, "seek"):
        name.seek(0)
    return photograph(name, height=max(1, height * width // image.shape[1]))


@factory
def kernel_workbench(image="china", kernel="Sobel, left to right", *, flip=False, response="auto"):
    """Open a workbench with a kernel, a photograph and the filtered photograph.

    Parameters
    ----------
    image : {"china", "flower"}, path, or ndarray of shape (H, W)
        An array holds brightness from 0 to 1.
    kernel : str, Kernel or ndarray of shape (3, 3) or (5, 5)
        A name out of `cnnbook.figures.kernels.KERNELS`, or your own.
    flip : bool
        Convolution (the kernel is rotated by 180°) in place of cross-correlation.
    response : {"auto", "clipped", "signed"}
        Draw the result as brightness, cut off at 0 and 1, or with 0 as middle grey.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If there is no such photograph or kernel, or a shape does not fit.
    """
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise ValueError(f"no kernel {kernel!r}, expected one of {', '.join(KERNELS)}")
        kernel = KERNELS[kernel]
    elif not isinstance(kernel, Kernel):
        kernel = name_kernel(kernel)
    known = isinstance(image, str) and image in PHOTOGRAPHS
    given = isinstance(image, np.ndarray)
    own = None if known else image if given else fit_photograph(image)
    photos = PhotoChooser(image if known else "your photograph", own)
    editor = KernelEditor(kernel)
    state = WorkbenchState(photos.read(photos.value), kernel, flip, response)
    controls = {
        "kernel": editor,
        "image": photos,
        "flip": widgets.Dropdown(
            options=[("cross-correlation", False), ("convolution (rotate first)", True)],
            value=flip, description="operation", **WIDE,
        ),
        "response": widgets.Dropdown(
            options=[("automatic", "auto"), ("brightness, cut off", "clipped"),
                     ("signed, 0 is grey", "signed")],
            value=response, description="show as", **WIDE,
        ),
    }  # fmt: skip

    def read(value):
        return name_kernel(np.array(value[0]), value[1])

    return Explorer(state, controls, {"kernel": read, "image": photos.read})
