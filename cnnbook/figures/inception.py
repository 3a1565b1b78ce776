"""An Inception module as blocks: how wide each layer is, and where the work lies."""

from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from cnnbook.figures.architecture import short_count
from cnnbook.figures.scene import (
    Block,
    box,
    column,
    named,
    note,
    over,
    page,
    placed,
    row,
    space,
    text,
    times,
)
from cnnbook.figures.state import state
from cnnbook.shapes import conv_macs, conv_parameters

WIDTH = 452  # of one module
BRANCH = WIDTH / 4
WIDEST = 100  # of the block with the most channels
JOIN, LAYER = 36, 78  # heights of the lines that join and part, and of a layer
ROOM = 8  # pixels that a name in a block needs for each of its letters, and one more
NAMES, TINTS = ("1×1", "3×3", "5×5", "pool"), (0.35, 0.95, 0.65, 0.15)  # of the branches' work


class Step(NamedTuple):
    """One layer of a branch."""

    name: str
    channels: int
    macs: int
    parameters: int


@state
class InceptionModule:
    """An Inception module by its numbers of channels, as `cnnbook.models.Inception` takes them."""

    title: str
    size: tuple  # rows and columns of its maps
    in_channels: int
    conv1: int
    reduce3: int | None  # None leaves the bottleneck out, here and below
    conv3: int
    reduce5: int | None
    conv5: int
    pool: int | None

    def __post_init__(self):
        for name, count in list(vars(self).items())[2:]:  # the channels
            if count is not None and count < 1:
                raise ValueError(f"{name} is {count}, must be at least 1")

    def _conv(self, before, after, kernel):
        work = conv_macs(before, after, kernel, self.size)
        return Step(f"{kernel}×{kernel}", after, work, conv_parameters(before, after, kernel))

    def _reduced(self, between, after, kernel):
        first = between and self._conv(self.in_channels, between, 1)
        return first, self._conv(between or self.in_channels, after, kernel)

    @cached_property
    def branches(self):
        """Two places for a layer in each of the four branches; None where there is no layer."""
        maximum = Step("3×3 max", self.in_channels, 0, 0)
        return (
            self._reduced(None, self.conv1, 1),
            self._reduced(self.reduce3, self.conv3, 3),
            self._reduced(self.reduce5, self.conv5, 5),
            (maximum, self.pool and self._conv(self.in_channels, self.pool, 1)),
        )

    @property
    def out_channels(self):
        """Channels that each branch hands on, in their order."""
        return [[step for step in branch if step][-1].channels for branch in self.branches]

    @property
    def work(self):
        """Multiply-adds of each branch, biases not counted."""
        return [sum(step.macs for step in branch if step) for branch in self.branches]

    @property
    def parameters(self):
        """Weights and biases of all branches."""
        return sum(step.parameters for branch in self.branches for step in branch if step)

    @property
    def total(self):
        """How the channels of the branches add up."""
        return f"{' + '.join(map(str, self.out_channels))} = {sum(self.out_channels)}"

    @property
    def description(self):
        """All layers in words and numbers."""
        texts = []
        for number, (branch, work) in enumerate(zip(self.branches, self.work, strict=True), 1):
            steps = [f"{s.name} to {s.channels} channels" for s in branch if s]
            texts.append(f"branch {number}, {', '.join(steps)}: {work:,}")
        return (
            f"The module {self.title}: {self.in_channels} channels of {times(self.size)} in, "
            f"{self.total} out, {self.parameters:,} parameters, "
            f"{sum(self.work):,} multiply-adds ({'; '.join(texts)})."
        )


def draw_inception(left, right):
    """Draw two Inception modules side by side, on one scale.

    The width of a block is its number of channels; bars below show each branch's work.
    """
    modules = left, right
    works = [f"{short_count(sum(module.work))} {module.title}" for module in modules]
    claim = f"Multiply-adds: {', '.join(works)}"
    layers = [step for module in modules for branch in module.branches for step in branch if step]
    scale = WIDEST / max(step.channels for step in layers)
    most = max(sum(module.work) for module in modules)
    both = row(*(_module(module, scale, most) for module in modules))
    foot = note("width of a block: channels; parameters with biases, multiply-adds without")
    words = f"{claim}. {left.description} {right.description}"
    return page(text(claim, size=15, bold=True), both, foot, description=words)


def _module(module, scale, most):
    title = text(module.title, size=14, bold=True, width=WIDTH - 130)
    parameters = note(f"{module.parameters:,} parameters")
    shape = text(times((module.in_channels, *module.size)), mono=True, role="input", width=130)
    source = named("source", box(module.in_channels * scale, 15, role="input"))
    centres = [BRANCH * (k + 0.5) for k in range(4)]
    channels = [count * scale for count in module.out_channels]
    ends, left = accumulate(channels), (WIDTH - sum(channels)) / 2
    middles = [left + end - wide / 2 for end, wide in zip(ends, channels, strict=True)]
    shares = [WIDTH * share / max(most, 1) for share in module.work]
    layers = zip(*module.branches, strict=True)
    return column(
        row(title, placed(parameters, 130, across=1), gap=0),
        placed(row(space(130), source, shape, gap=10, align=0.5), WIDTH, 32, down=1),
        _joins([WIDTH / 2] * 4, centres),
        *(row(*(_layer(step, scale) for step in steps), gap=0) for steps in layers),
        _joins(centres, middles),
        placed(named("out", _segments(channels, module.out_channels, "output", [0.75] * 4)), WIDTH),
        placed(text(f"{module.total} channels", role="output", bold=True), WIDTH, 34),
        text(f"{short_count(sum(module.work))} multiply-adds", size=14, role="kernel", bold=True),
        placed(named("work", _segments(shares, NAMES, "kernel", TINTS)), 0, 34, across=0),
        gap=0,
    )


def _joins(above, below):
    """Lines from places above to places below."""

    def draw(picture, x, y):
        for start, end in zip(above, below, strict=True):
            picture.line((x + start, y), (x + end, y + JOIN), stroke="line")

    return Block(WIDTH, JOIN, draw)


def _layer(step, scale):
    """A layer as a block as wide as its channels, on the line of its branch."""
    block = space(0)
    if step:
        role, work = ("kernel", short_count(step.macs)) if step.macs else ("muted", "no weights")
        bar = named("layer", box(max(step.channels * scale, 2), 15, role=role))
        name = text(f"{step.name} → {step.channels}", bold=bool(step.macs))
        block = column(bar, name, note(work), gap=2, align=0.5)
    inside = placed(block, BRANCH, LAYER, down=0)

    def line(picture, x, y):
        middle, top = x + BRANCH / 2, y + (56 if step else 0)
        picture.line((middle, top), (middle, y + LAYER), stroke="line")

    return over(inside, line)


def _segments(widths, names, role, tints):
    """Blocks side by side, each with its name where there is room."""
    blocks = []
    for wide, name, tint in zip(widths, names, tints, strict=True):
        inside = [name] if wide > ROOM * (len(str(name)) + 1) else []
        blocks.append(box(wide, 23, *inside, role=role, tint=tint) if wide else None)
    return row(*blocks, gap=0)
