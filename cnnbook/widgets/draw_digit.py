"""Draw a digit and watch a network read it, layer by layer, while the pen moves."""

import base64
import io
from functools import cached_property

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from PIL import Image

from cnnbook.datasets import Images, centre_digits, digits
from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.scene import pixels
from cnnbook.figures.state import State, state
from cnnbook.models import pretrained
from cnnbook.widgets.digit_canvas import DigitCanvas, check_strokes, ink_of
from cnnbook.widgets.explorer import Explorer, factory, switch
from cnnbook.widgets.layer_reader import read_layers

PENS = {"thin": 16, "medium": 24, "thick": 34}
NOTES = (
    ("The sheet as it lies, reduced to 28 × 28:", "MNIST's digits are sized and centred."),
    ("The ink is scaled to fit 20 × 20 pixels and", "its centre of mass moved to the middle."),
)  # not centred, centred
COLUMN = "256px"
MOST_SAMPLES = 30  # each has a button


def first_of_each(data):
    """Choose the first image of every class, in the order of the classes."""
    places = [(data.labels == label).nonzero()[:1, 0] for label in range(len(data.classes))]
    return data[torch.cat(places)]


@state
class DrawDigitState(State):
    """A drawing, or a sample in its place, and the network that reads it."""

    model: torch.nn.Module
    samples: Images
    strokes: tuple = ()  # as in `DigitCanvas.value`; a drawing covers the sample
    sample: int | None = None  # which one is read while nothing is drawn
    centred: bool = True

    def __post_init__(self):
        if not isinstance(self.samples, Images):
            raise TypeError(f"samples is a {type(self.samples).__name__}, expected Images")
        if len(self.samples) > MOST_SAMPLES:
            raise ValueError(f"there are {len(self.samples)} samples, at most {MOST_SAMPLES} fit")
        if self.samples.images.shape[1] != 1:
            raise ValueError(f"samples have {self.samples.images.shape[1]} channels, expected 1")
        if self.sample is not None:
            self._within("sample", len(self.samples))
        check_strokes(self.strokes)
        _ = self.reading  # a model that does not fit is refused here

    @cached_property
    def ink(self):
        """What lies on the sheet: (1, 1, H, W), 0 paper, 1 ink."""
        if self.strokes or self.sample is None:
            return torch.from_numpy(ink_of(self.strokes))[None, None]
        return self.samples.images[self.sample][None].float()

    @cached_property
    def seen(self):
        """What the network sees: an array of shape (28, 28)."""
        options = {"size": (28, 28), "mode": "bilinear", "antialias": True}
        seen = centre_digits(self.ink) if self.centred else F.interpolate(self.ink, **options)
        return seen[0, 0].clamp(0, 1).numpy()

    @cached_property
    def reading(self):
        """What the network makes of it."""
        layers, scores = read_layers(self.model, self.seen)
        return DigitReading(self.seen, layers, scores, self.samples.classes, NOTES[self.centred])

    def picture(self):
        """Draw what the network sees, what its layers yield, and what it reads."""
        return self.reading.picture()


class DigitView(Explorer):
    """An `Explorer` whose picture stands beside a sheet to draw on, its `canvas`."""

    def __init__(self, state):
        self.canvas = DigitCanvas(value=list(state.strokes))
        names = [state.samples.classes[label] for label in state.samples.labels]
        options = [(name, number) for number, name in enumerate(names)]
        hints = [f"a sample of {name}" for name in names]
        samples = widgets.ToggleButtons(options=options, value=state.sample, tooltips=hints)
        samples.style.button_width = "47px" if max(map(len, state.samples.classes)) < 4 else "auto"
        centring, _ = switch("size and centre it as in MNIST", width=COLUMN)("", state.centred)
        controls = {"strokes": self.canvas, "centred": centring, "sample": samples}
        super().__init__(state, controls)
        self.pen = widgets.ToggleButtons(options=PENS, value=PENS["medium"])
        self.pen.style.button_width = "81px"
        undo = "undo", "take the last stroke back", self.undo
        self.actions = {"Undo": undo, "Clear": ("trash", "empty the sheet", self.clear)}
        for name, (icon, tooltip, action) in self.actions.items():
            look = {"icon": icon, "tooltip": tooltip, "layout": {"width": "50%"}}
            self.actions[name] = widgets.Button(description=name, **look)
            self.actions[name].on_click(lambda _, action=action: action())
        widgets.link((self.pen, "value"), (self.canvas, "pen"))
        self.canvas.observe(self._cover_sample, "value")
        samples.observe(self._show_sample, "value")
        self._lay_out()
        self._show_sample()

    def _lay_out(self):
        """Put the sheet and its controls on the left; on a narrow page, above the picture."""
        size = "{} × {}".format(*self.state.samples.images.shape[2:])
        tools = [widgets.HBox(list(self.actions.values())), widgets.Label("pen"), self.pen]
        tools += [widgets.Label(f"or a sample, {size} pixels"), self.controls["sample"]]
        tools = widgets.VBox([*tools, self.controls["centred"]], layout={"width": COLUMN})
        left = widgets.HBox([self.canvas, tools], layout=_wrapping(flex=f"1 0 {COLUMN}"))
        self.screen.layout = widgets.Layout(flex="999 1 440px", min_width="0")
        self.children = [widgets.HBox([left, self.screen], layout=_wrapping())]

    def undo(self):
        """Take back the last stroke."""
        self.canvas.value = self.canvas.value[:-1]

    def clear(self):
        """Empty the sheet."""
        self.canvas.value = []
        self.controls["sample"].value = None

    def _cover_sample(self, change):
        if change["new"]:
            self.controls["sample"].value = None

    def _show_sample(self, change=None):
        sample, images = self.controls["sample"].value, self.state.samples.images
        self.canvas.background = "" if sample is None else _data_uri(images[sample, 0].numpy())
        if change and sample is not None:  # it was chosen just now
            self.canvas.value = []


@factory
def draw_digit(model=None, *, samples=None, sample=6, centred=True):
    """Open a sheet to draw a digit on, beside what a network makes of it at every layer.

    Parameters
    ----------
    model : torch.nn.Module, optional
        Takes (1, 1, 28, 28) with ink bright, from 0 to 1, and returns (1, classes). When not
        given, a LeNet that was trained on MNIST.
    samples : Images, optional
        At most 30, with one channel; their `classes` name the model's scores. When not given, the
        first test image of every digit of `cnnbook.datasets.digits`, as it was scanned.
    sample : int, optional
        Number of the sample to start with; None for an empty sheet.
    centred : bool
        Whether ink is sized and centred as MNIST's digits are before the network sees it.

    Notes
    -----
    Keyboard: Tab reaches the sheet; the arrow keys move a cursor, with Shift farther; Space or
    Enter sets the pen down and lifts it; Backspace undoes, Delete clears, Escape leaves.
    """
    model = pretrained("mnist_lenet_augmented") if model is None else model
    samples = first_of_each(digits().test) if samples is None else samples
    return DigitView(DrawDigitState(model, samples, sample=sample, centred=centred))


def _wrapping(**options):
    options |= {"flex_flow": "row wrap", "align_items": "flex-start"}
    return widgets.Layout(grid_gap="8px 24px", **options)


def _data_uri(image):
    """Write an image as ink on paper, smooth on a sheet."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(1 - image)[..., 0]).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
