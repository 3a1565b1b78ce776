"""Choose a padding and see where the windows land, what they miss and how many there are."""

from functools import cached_property

from cnnbook.figures.numbers import format_number
from cnnbook.figures.padding import PaddedAxis
from cnnbook.figures.participation import Participation
from cnnbook.figures.state import State, each_step, state
from cnnbook.shapes import effective_kernel_size, same_padding_range
from cnnbook.widgets.explorer import choice, explore, factory, slider, whole

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


@state
class PaddingState(State):
    """A padded axis, or an image with the same settings down and across."""

    size: int = 9  # in pixels, at most 24 with the padding
    kernel_size: int = 2
    stride: int = 4
    dilation: int = 1
    mode: str = "SAME"  # what decides on the total padding: one of MODES
    total: int = 0  # asked for; the nearest that the mode allows is taken
    zeros: str = "split"  # where they go; a negative total cuts pixels off there
    view: str = "axis"  # or "image": how often each pixel of a square image is seen
    step: int = 0  # number of the framed window

    def __post_init__(self):
        for name, known in (("mode", MODES), ("zeros", PLACES), ("view", VIEWS)):
            self._one_of(name, known.values())
        least, most = self.bounds["total"]
        object.__setattr__(self, "total", min(max(self.total, least), most))
        length = self.size + max(self.total, 0)
        if length > LARGEST:
            raise ValueError(
                f"the padded axis has {length} pixels, the picture holds at most {LARGEST}"
            )
        self._within("step", self.steps)

    @cached_property
    def bounds(self):
        """The least and the largest total padding that the mode allows."""
        span = effective_kernel_size(self.kernel_size, self.dilation)
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

    @cached_property
    def axis(self):
        """The axis at its first window."""
        return PaddedAxis(self.size, self.kernel_size, self.stride, self.padding, self.dilation)

    @cached_property
    def steps(self):
        """Number of windows."""
        return self.axis.steps ** (1 if self.view == "axis" else 2)

    @property
    def title(self):
        """What the picture claims."""
        if self.view == "image":
            counts, middle = self.axis.counts, self.size // 2
            corner, edge, centre = (
                counts[i] * counts[j] for i, j in ((0, 0), (0, middle), (middle, middle))
            )
            total = format_number(self.total)
            return f"{self.mode}, P = {total}: corner {corner}, top edge {edge}, centre {centre}"
        if self.mode == "VALID":
            return f"VALID: no zeros, {len(self.axis.unseen)} of {self.size} pixels unseen"
        if self.mode == "SAME":
            least, most = map(format_number, self.bounds["total"])
            span = f"every P from {least} to {most}" if least != most else f"P = {least}"
            return f"SAME: {self.steps} outputs for {span}"
        if self.mode == "equal width" and self.stride > 1:
            return f"Equal width holds at stride 1, here {self.stride}"
        title = {"custom": "Custom", "equal width": "Equal width", "wide": "Wide"}[self.mode]
        return f"{title}: {self.steps} outputs from {self.size} pixels"

    def touched(self, *part):
        """A total that the mode does not allow makes it "custom"."""
        changed = self.inner.touched(*part)
        least, most = self.bounds["total"]
        custom = not least <= changed.get("total", least) <= most
        return ({"mode": "custom"} if custom else {}) | changed

    @each_step
    def inner(self):
        """What the view shows."""
        if self.view == "image":
            return Participation(self.axis, self.axis, self.step, self.title)
        settings = self.kernel_size, self.stride, self.padding, self.dilation
        return PaddedAxis(self.size, *settings, self.step, self.title)

    def picture(self):
        """Draw the axis or the image."""
        return self.inner.picture()


@factory
def padding_explorer(size=9, kernel_size=2, stride=4, dilation=1, **settings):
    """Open an explorer for the padding of one axis; see `PaddingState` for all settings."""
    state = PaddingState(size, kernel_size, stride, dilation, **settings)
    few = 2 if state.view == "image" else 5  # there are as many steps as windows
    return explore(
        state,
        more=("dilation", "zeros", "view"),
        page={"kernel_size": (2, 3, 1, 4, 5)[:few], "stride": (1, 2, 3, 4)[:few], "mode": ...},
        size=whole(1, 16, "input i", width="130px"),
        kernel_size=whole(1, 7, "kernel k", width="130px"),
        stride=whole(1, 8, "stride s", width="130px"),
        dilation=whole(1, 3, "dilation d", width="130px"),
        total=slider(-LARGEST, LARGEST, "total padding P", width="330px"),
        mode=choice(MODES, width="260px"),
        zeros=choice(PLACES, width="310px"),
        view=choice(VIEWS, width="220px"),
    )
