"""An Inception module as blocks: how wide each layer is, and where the work lies."""

from dataclasses import dataclass
from typing import NamedTuple

from cnnbook.figures.architecture import short_count
from cnnbook.figures.picture import Picture
from cnnbook.shapes import conv_macs, conv_parameters

PANEL, GAP = 452, 40  # width of one module and the space between two
COLUMN = PANEL / 4  # pixels a branch
WIDEST = 100  # pixels of the block with the most channels
TITLE, INPUT, UPPER, LOWER, OUTPUT, WORK = 18, 72, 126, 212, 306, 384
BLOCK = 15  # height of a block
ROOM = 13  # pixels that a channel count needs inside a segment, for each of its digits plus one


class Step(NamedTuple):
    """One layer of a branch."""

    name: str
    channels: int
    macs: int
    parameters: int


@dataclass(frozen=True)
class Module:
    """An Inception module by its numbers of channels, as `cnnbook.models.Inception` takes them.

    Parameters
    ----------
    title : str
    size : (int, int)
        Rows and columns of its maps.
    in_channels, conv1 : int
    reduce3 : int or None
        None leaves the bottleneck out, here and below.
    conv3 : int
    reduce5 : int or None
    conv5 : int
    pool : int or None

    Raises
    ------
    ValueError
        If a number of channels is below 1.
    """

    title: str
    size: tuple
    in_channels: int
    conv1: int
    reduce3: int | None
    conv3: int
    reduce5: int | None
    conv5: int
    pool: int | None

    def __post_init__(self):
        for name in ("in_channels", "conv1", "reduce3", "conv3", "reduce5", "conv5", "pool"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ValueError(f"{name} is {count}, must be at least 1")

    def _conv(self, before, after, kernel):
        work = conv_macs(before, after, kernel, self.size)
        return Step(f"{kernel}×{kernel}", after, work, conv_parameters(before, after, kernel))

    def _reduced(self, between, after, kernel):
        if between is None:
            return (None, self._conv(self.in_channels, after, kernel))
        return (self._conv(self.in_channels, between, 1), self._conv(between, after, kernel))

    @property
    def branches(self):
        """Two places for a layer in each of the four branches; None where there is no layer."""
        maximum = Step("3×3 max", self.in_channels, 0, 0)
        last = None if self.pool is None else self._conv(self.in_channels, self.pool, 1)
        return (
            (None, self._conv(self.in_channels, self.conv1, 1)),
            self._reduced(self.reduce3, self.conv3, 3),
            self._reduced(self.reduce5, self.conv5, 5),
            (maximum, last),
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
    def description(self):
        """All layers in words and numbers."""
        rows, columns = self.size
        texts = []
        for number, branch in enumerate(self.branches, start=1):
            steps = [f"{s.name} to {s.channels} channels" for s in branch if s]
            texts.append(f"branch {number}, {', '.join(steps)}: {self.work[number - 1]:,}")
        parts = " + ".join(map(str, self.out_channels))
        return (
            f"The module {self.title}: {self.in_channels} channels of {rows} × {columns} in, "
            f"{parts} = {sum(self.out_channels)} out, {self.parameters:,} parameters, "
            f"{sum(self.work):,} multiply-adds ({'; '.join(texts)})."
        )


def draw_inception(left, right):
    """Draw two Inception modules side by side, on one scale.

    Parameters
    ----------
    left, right : Module

    Returns
    -------
    Picture
        The width of a block is its number of channels; bars below show each branch's work.
    """
    modules = (left, right)
    shares = [sum(module.work) for module in modules]
    works = [f"{short_count(sum(module.work))} {module.title}" for module in modules]
    claim = f"Multiply-adds: {works[0]}, {works[1]}"
    words = " ".join(module.description for module in modules)
    picture = Picture(2 * PANEL + GAP, WORK + 76, f"{claim}. {words}")
    picture.text(0, TITLE, claim, size=15, bold=True)
    deepest = max(s.channels for m in modules for b in m.branches for s in b if s)
    for number, module in enumerate(modules):
        _draw_module(picture, module, number * (PANEL + GAP), WIDEST / deepest)
        length = PANEL * shares[number] / max(shares)
        _draw_work(picture, module, number * (PANEL + GAP), length)
    caption = "width of a block: channels; parameters with biases, multiply-adds without"
    picture.text(0, WORK + 72, caption, size=12, fill="muted")
    return picture


def _draw_module(picture, module, x, scale):
    middle = x + PANEL / 2
    picture.text(x, TITLE + 30, module.title, size=14, bold=True)
    parameters = f"{module.parameters:,} parameters"
    picture.text(x + PANEL, TITLE + 30, parameters, size=12, fill="muted", anchor="end")
    width = module.in_channels * scale
    picture.rect(middle - width / 2, INPUT, width, BLOCK, fill="input")
    shape = "×".join(map(str, (module.in_channels, *module.size)))
    picture.text(middle + width / 2 + 10, INPUT + 12, shape, mono=True, fill="input")
    left = middle - sum(module.out_channels) * scale / 2
    for number, (branch, channels) in enumerate(
        zip(module.branches, module.out_channels, strict=True)
    ):
        centre = x + (number + 0.5) * COLUMN
        picture.line((middle, INPUT + BLOCK), (centre, UPPER - 8), stroke="line")
        for step, y in zip(branch, (UPPER, LOWER), strict=True):
            _draw_step(picture, step, centre, y, scale)
        wide = channels * scale
        picture.line((centre, LOWER + BLOCK + 38), (left + wide / 2, OUTPUT), stroke="line")
        picture.rect(left, OUTPUT, wide, BLOCK + 8, fill="output", tint=0.75, stroke="output")
        if wide >= ROOM * 0.6 * (len(str(channels)) + 0.6):
            picture.text(
                left + wide / 2, OUTPUT + 16, channels, size=12, anchor="middle", mono=True
            )
        left += wide
    total = f"{' + '.join(map(str, module.out_channels))} = {sum(module.out_channels)} channels"
    picture.text(middle, OUTPUT + 42, total, size=13, fill="output", anchor="middle", bold=True)


def _draw_step(picture, step, centre, y, scale):
    if step is None:
        top, bottom = (y - 8, LOWER) if y == UPPER else (UPPER + BLOCK + 42, y + BLOCK + 38)
        picture.line((centre, top), (centre, bottom), stroke="line")
        return
    if y == LOWER:
        picture.line((centre, UPPER + BLOCK + 42), (centre, y), stroke="line")
    picture.line((centre, y - 8), (centre, y), stroke="line")
    width = max(step.channels * scale, 2)
    role = "kernel" if step.macs else "muted"
    picture.rect(centre - width / 2, y, width, BLOCK, fill=role)
    text = f"{step.name} → {step.channels}"
    picture.text(centre, y + BLOCK + 15, text, size=13, anchor="middle", bold=bool(step.macs))
    work = short_count(step.macs) if step.macs else "no weights"
    picture.text(centre, y + BLOCK + 31, work, size=12, anchor="middle", fill="muted")


def _draw_work(picture, module, x, length):
    total = f"{short_count(sum(module.work))} multiply-adds"
    picture.text(x, WORK, total, size=14, fill="kernel", bold=True)
    left = x
    for number, work in enumerate(module.work):
        width = length * work / max(sum(module.work), 1)
        if not work:
            continue
        tint = (0.35, 0.95, 0.65, 0.15)[number]
        picture.rect(left, WORK + 10, width, 24, fill="kernel", tint=tint, stroke="kernel")
        if width > 30:
            name = ("1×1", "3×3", "5×5", "pool")[number]
            picture.text(left + width / 2, WORK + 27, name, size=12, anchor="middle")
        left += width
