"""Choose a padding and see where the windows land, what they miss and how many there are."""

from dataclasses import dataclass

import ipywidgets as widgets

from cnnbook.figures.cells import format_number
from cnnbook.figures.padded_axis import PaddedAxis
from cnnbook.figures.padding import draw_padding
from cnnbook.figures.participation import Participation, draw_participation
from cnnbook.shapes import effective_kernel_size, same_padding_range
from cnnbook.widgets.explorer import LABELS, Explorer, factory

LARGEST = 24  # padded pixels that a picture still holds legibly
MODES = {
    "VALID: no zeros": "VALID",
    "SAME: ⌈i / s⌉ outputs": "SAME",
    "custom: any P": "custom",
    "equal width: P = k − 1": "equal width",
    "wide: P = 2(k − 1)": "wide",
}
PLACES = {
    "split: P // 2 before, the rest after": "split",
    "all after": "after",
    "all before": "before",
}
VIEWS = {"one axis": "axis", "image: times seen": "image"}


def _check_choice(name, value, choices):
    if value not in choices.values():
        raise ValueError(f"{name} must be one of {list(choices.values())}, got {value!r}")


@dataclass(frozen=True)
class PaddingState:
    """A padded axis, or an image with the same settings down and across.

    Parameters
    ----------
    size, kernel_size, stride, dilation : int
        In pixels, at least 1.
    mode : {"VALID", "SAME", "custom", "equal width", "wide"}
        What decides on the total padding.
    total : int
        The total padding asked for; the nearest that the mode allows is taken.
    zeros : {"split", "after", "before"}
        Where the zeros go. A negative total cuts pixels off there.
    view : {"axis", "image"}
    step : int
        Number of the framed window.

    Raises
    ------
    TypeError, ValueError
        If no window fits, the padded axis is too long to draw, or an argument is out of range.
    """

    size: int = 9
    kernel_size: int = 2
    stride: int = 4
    dilation: int = 1
    mode: str = "SAME"
    total: int = 0
    zeros: str = "split"
    view: str = "axis"
    step: int = 0

    def __post_init__(self):
        for name, choices in (("mode", MODES), ("zeros", PLACES), ("view", VIEWS)):
            _check_choice(name, getattr(self, name), choices)
        least, most = self.bounds["total"]
        object.__setattr__(self, "total", min(max(self.total, least), most))
        length = self.size + max(self.total, 0)
        if length > LARGEST:
            raise ValueError(
                f"the padded axis has {length} pixels, the picture holds at most {LARGEST}"
            )
        _ = self.subject  # building the axis refuses what does not fit

    @property
    def extent(self):
        """Pixels that the kernel spans."""
        return effective_kernel_size(self.kernel_size, self.dilation)

    @property
    def bounds(self):
        """The least and the largest total padding that the mode allows."""
        span = self.extent
        same = same_padding_range(self.size, self.kernel_size, self.stride, self.dilation)
        bounds = {
            "VALID": (0, 0),
            "SAME": (same.start, same.stop - 1),
            "custom": (span - self.size, 2 * (span - 1)),  # from one window to wide
            "equal width": (span - 1, span - 1),
            "wide": (2 * (span - 1), 2 * (span - 1)),
        }
        return {"total": bounds[self.mode]}

    @property
    def padding(self):
        """Zeros before and after."""
        before = {"split": self.total // 2, "after": 0, "before": self.total}[self.zeros]
        return before, self.total - before

    @property
    def subject(self):
        """What the view shows."""
        settings = (self.size, self.kernel_size, self.stride, self.padding, self.dilation)
        if self.view == "axis":
            return PaddedAxis(*settings, self.step)
        return Participation(PaddedAxis(*settings), PaddedAxis(*settings), self.step)

    @property
    def steps(self):
        """Number of windows."""
        return self.subject.steps

    @property
    def title(self):
        """What the picture claims."""
        if self.view == "image":
            counts, middle = self.subject.counts, self.size // 2
            corner, edge, centre = counts[0, 0], counts[0, middle], counts[middle, middle]
            total = format_number(self.total)
            return f"{self.mode}, P = {total}: corner {corner}, top edge {edge}, centre {centre}"
        if self.mode == "VALID":
            unseen = len(self.subject.unseen)
            return f"VALID: no zeros, {unseen} of {self.size} pixels unseen"
        if self.mode == "SAME":
            least, most = map(format_number, self.bounds["total"])
            span = f"every P from {least} to {most}" if least != most else f"P = {least}"
            return f"SAME: {self.steps} outputs for {span}"
        if self.mode == "equal width" and self.stride > 1:
            return f"Equal width holds at stride 1, here {self.stride}"
        title = {"custom": "Custom", "equal width": "Equal width", "wide": "Wide"}[self.mode]
        return f"{title}: {self.steps} outputs from {self.size} pixels"

    def picture(self):
        """Draw the axis or the image."""
        draw = draw_padding if self.view == "axis" else draw_participation
        return draw(self.subject, self.title)


@factory
def padding_explorer(
    size=9,
    kernel_size=2,
    stride=4,
    dilation=1,
    *,
    mode="SAME",
    total=None,
    zeros="split",
    view="axis",
    step=0,
):
    """Open an explorer for the padding of one axis.

    Parameters
    ----------
    size, kernel_size, stride, dilation : int
        Where to start; the controls change them. At most 24 pixels with the padding.
    mode : {"VALID", "SAME", "custom", "equal width", "wide"}
        What decides on the total padding.
    total : int, optional
        Total padding; the least one that is allowed and cuts nothing off when not given.
    zeros : {"split", "after", "before"}
        Where the zeros go.
    view : {"axis", "image"}
        The windows along one axis, or how often each pixel of a square image is seen.
    step : int
        Number of the framed window.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If no window fits, the padded axis is too long to draw, or an argument is out of range.
    """
    total = 0 if total is None else total
    state = PaddingState(size, kernel_size, stride, dilation, mode, total, zeros, view, step)
    limits = {"size": ("input i", 16), "kernel_size": ("kernel k", 7), "stride": ("stride s", 8)}
    limits["dilation"] = ("dilation d", 3)
    small = widgets.Layout(width="130px")
    controls = {
        name: widgets.BoundedIntText(
            getattr(state, name), 1, most, description=text, style=LABELS, layout=small
        )
        for name, (text, most) in limits.items()
    }
    choices = (("mode", MODES, "260px"), ("zeros", PLACES, "310px"), ("view", VIEWS, "220px"))
    for name, options, width in choices:
        controls[name] = widgets.Dropdown(
            options=list(options.items()), value=getattr(state, name), description=name,
            style=LABELS, layout=widgets.Layout(width=width),
        )  # fmt: skip
    controls["total"] = widgets.IntSlider(
        state.total, *state.bounds["total"], description="total padding P", style=LABELS,
        layout=widgets.Layout(width="330px"),
    )  # fmt: skip
    order = [*limits, "total", "mode", "zeros", "view"]
    return Explorer(state, {name: controls[name] for name in order})
