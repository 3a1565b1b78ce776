"""Two towers: which layers read from their own half of the channels, and which from both."""

from dataclasses import dataclass

from cnnbook.figures.architecture import WIDTH, short_count
from cnnbook.figures.layer_formulas import times
from cnnbook.figures.picture import Picture

BLOCK, HEIGHT = 78, 40  # pixels of one half of a layer
ROWS = (96, 186)  # where the blocks of the two towers begin
MOST = 9  # columns that the width holds, the image among them


@dataclass(frozen=True)
class Tower:
    """One layer, half of whose channels are in each tower.

    Parameters
    ----------
    name : str
    kind : str
        "Conv2d" or "Linear".
    detail : str
        Its kernel, in words.
    half : tuple of int
        Shape of what one tower yields.
    groups : int
        2 where a tower reads from itself alone.
    first : bool
        Whether it reads the image, which is not split.
    parameters : int
    """

    name: str
    kind: str
    detail: str
    half: tuple
    groups: int
    first: bool
    parameters: int

    @property
    def both(self):
        """Whether each tower reads from both."""
        return self.groups == 1 and not self.first

    @property
    def reads(self):
        """What a tower reads."""
        return "the image" if self.first else "both towers" if self.both else "its own half"


def towers(summary):
    """Split the layers with weights into two halves.

    Parameters
    ----------
    summary : object
        As `cnnbook.models.summary` returns it: `Conv2d` and `Linear` rows are taken.

    Returns
    -------
    list of Tower

    Raises
    ------
    ValueError
        If a layer has more than two groups or an odd number of channels, none has two groups, or
        there are more layers than the picture holds.
    """
    rows = [row for row in summary.rows if row.kind in ("Conv2d", "Linear") and row.output_shape]
    if len(rows) >= MOST:
        raise ValueError(f"{len(rows)} layers with weights, the picture holds {MOST - 1}")
    found, convolutions = [], 0
    for row in rows:
        channels, *size = row.output_shape
        convolutions += row.kind == "Conv2d"
        words = [word.split() for word in row.detail.split(", ")]
        groups = next((int(word[1]) for word in words if word[0] == "groups"), 1) if words[0] else 1
        if groups > 2 or channels % 2:
            raise ValueError(
                f"{row.name}: {channels} channels in {groups} groups are no two towers"
            )
        dense = len(found) - convolutions + 1
        name = f"conv{convolutions}" if row.kind == "Conv2d" else f"dense{dense}"
        half = (channels // 2, *size)
        kernel = row.detail.split(",")[0]
        found.append(Tower(name, row.kind, kernel, half, groups, not found, row.parameters))
    if not any(tower.groups == 2 for tower in found):
        raise ValueError(f"{summary.name} has no layer with two groups")
    return found


def draw_towers(summary):
    """Draw both towers side by side, with a line for every half that reads from another.

    Parameters
    ----------
    summary : object
        As `towers` takes it.

    Returns
    -------
    Picture
    """
    layers = towers(summary)
    both = [layer.name for layer in layers if layer.both]
    own = [layer for layer in layers if layer.groups == 2]
    saved = sum(layer.parameters for layer in own)
    claim = (
        f"{', '.join(both)} read from both towers; {', '.join(t.name for t in own)} from their own"
    )
    parts = [
        f"{t.name} {t.detail}".strip() + f", {times(t.half)} a tower, reads {t.reads}"
        for t in layers
    ]
    picture = Picture(WIDTH, 268, f"Two towers: {claim}. {'; '.join(parts)}.")
    picture.text(0, 18, claim, size=15, bold=True)
    pitch = (WIDTH - BLOCK) / len(layers)
    for number, layer in enumerate(layers, start=1):
        _draw_edges(picture, layer, number * pitch, pitch)
    _draw_image(picture, summary.input_shape)
    for number, layer in enumerate(layers, start=1):
        _draw_layer(picture, layer, number * pitch)
    half = f"two groups halve the weights: {short_count(saved)} parameters in {len(own)} layers"
    picture.text(
        0, 264, f"{half} in place of about {short_count(2 * saved)}", size=12, fill="muted"
    )
    return picture


def _draw_image(picture, shape):
    top, bottom = ROWS[0], ROWS[1] + HEIGHT
    picture.text(
        BLOCK / 2, ROWS[0] - 28, "image", size=13, fill="input", bold=True, anchor="middle"
    )
    picture.rect(0, top, BLOCK, bottom - top, fill="input", tint=0.35, stroke="input", radius=3)
    middle = (top + bottom) / 2 + 4
    picture.text(BLOCK / 2, middle, times(shape), size=11, mono=True, anchor="middle")


def _draw_layer(picture, layer, left):
    middle = left + BLOCK / 2
    picture.text(middle, ROWS[0] - 28, layer.name, size=13, bold=True, anchor="middle")
    picture.text(middle, ROWS[0] - 11, layer.detail, size=12, fill="muted", anchor="middle")
    for top in ROWS:
        picture.rect(left, top, BLOCK, HEIGHT, fill="output", tint=0.35, stroke="output", radius=3)
        text = times(layer.half)
        picture.text(middle, top + 24, text, size=11, mono=True, anchor="middle")
    role = "kernel" if layer.both else "muted"
    words = layer.reads.removeprefix("the ")
    picture.text(middle, ROWS[1] + HEIGHT + 18, words, size=11, fill=role, anchor="middle",
                 bold=layer.both)  # fmt: skip


def _draw_edges(picture, layer, left, pitch):
    start = left - pitch + BLOCK
    centres = [top + HEIGHT / 2 for top in ROWS]
    for y in centres:
        picture.arrow((start, y), (left, y), stroke="muted")
    if layer.both:
        for y, other in (centres, centres[::-1]):
            picture.line((start, y), (left, other), stroke="kernel", stroke_width=2)
