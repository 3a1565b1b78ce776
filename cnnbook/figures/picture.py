"""A drawing that is both an SVG for the live page and a PNG for paper.

A widget redraws as SVG text, which a browser repaints fastest; a notebook that nobody has run
yet shows the same marks as a PNG. Coordinates are CSS pixels, row downwards, column to the right.
"""

import base64
import io
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape as escape_html
from itertools import groupby

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from PIL import Image as PILImage

from cnnbook.figures.style import DARK, DARK_TINT, LIGHT, MONO, SANS, TINT, WORDS

_ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def _theme(roles, words, tint):
    colours = roles | {f"{name}-words": (roles | words)[name] for name in WORDS}
    return "".join(f"--cnn-{name}:{value};" for name, value in colours.items()) + f"--cnn-t:{tint}"


# JupyterLab and VS Code mark the theme on <body>; everything else is taken for light. VS Code has
# white ground under outputs in every theme, or none: pictures bring theirs
CSS = (
    f".cnnbook{{{_theme(LIGHT, WORDS, TINT)}}}"
    f":is([data-jp-theme-light='false'],.vscode-dark) .cnnbook{{{_theme(DARK, {}, DARK_TINT)}}}"
    ":is([data-jp-theme-light='false'],.vscode-dark) .cnnbook .i{filter:invert(.93)}"
    ".vscode-dark .cnnbook{color:var(--cnn-ink);background:var(--cnn-paper)}"
    f".cnnbook .m{{font-family:{MONO}}}"
    ".cnnbook-screen svg{user-select:none}.cnnbook [data-touch]{cursor:pointer;touch-action:none}"
    ".cnnbook [data-move]:not([data-touch]){pointer-events:none}"
    ".cnnbook [role=button]:hover{filter:brightness(.94)}"
    ".cnnbook:focus-visible,.cnnbook [role=button]:focus-visible"
    "{outline:2px solid var(--cnn-input);outline-offset:-2px}"
)
"""What every picture's colours and type follow, in a page."""


MARGIN = 4  # pixels around the canvas, so that a frame on the edge is whole
# what stands for characters that XML reads otherwise, and for those that it may not hold at all
_FORBIDDEN = {*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF} - {9, 10, 13}
SHOWN = dict.fromkeys(_FORBIDDEN, "\ufffd")
SHOWN |= {ord(letter): escape_html(letter) for letter in "&<>\"'"}


def escape(text):
    """Turn any text into what SVG and HTML show as that text; what XML may not hold is U+FFFD."""
    return str(text).translate(SHOWN)


_FACE = escape(SANS)
_ROLES = None, *LIGHT
_FILL = {None: "none", **{role: f"var(--cnn-{role})" for role in LIGHT}}
_INK = _FILL | {role: f"var(--cnn-{role}-words)" for role in WORDS}


@dataclass(eq=False, kw_only=True)
class Mark:
    """What is drawn; `name` says what it is, outermost part first, and `at` which cell of it.

    `live` says what answers a pointer and what moves, `merged` which rectangles become one path:
    see `Picture.part`.
    """

    name: tuple = ()
    at: tuple | None = None
    live: tuple = (None, None)
    merged: bool = False


@dataclass(eq=False)
class _Rect(Mark):
    x: float
    y: float
    width: float
    height: float
    fill: str | None = None
    tint: float | None = None
    stroke: str | None = None
    stroke_width: float = 1
    dashed: bool = False
    radius: float = 0
    title: str = ""

    def svg(self):
        dash = ' stroke-dasharray="3 2"' if self.dashed else ""
        share = "" if self.tint is None else f";fill-opacity:calc(var(--cnn-t)*{self.tint:.3f})"
        return (
            f'<rect x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}"'
            f' rx="{self.radius:g}" stroke-width="{self.stroke_width:g}"{dash}'
            f' style="fill:{_FILL[self.fill]};stroke:{_FILL[self.stroke]}{share}"'
            + (f"><title>{escape(self.title)}</title></rect>" if self.title else "/>")
        )

    @staticmethod
    def paths(rects):
        """Return SVG texts of plain rectangles: one path for all that have one look."""
        looks = {}
        for r in rects:
            if type(r) is not _Rect or r.radius or r.title:
                raise ValueError(f"merged marks must be plain rectangles, got {r}")
            look = r.svg().partition(' rx="0" ')[2]  # all but its place and size
            outline = f"M{r.x:g} {r.y:g}h{r.width:g}v{r.height:g}h{-r.width:g}z"
            looks.setdefault(look, []).append(outline)
        return [f'<path d="{"".join(lines)}" {look}' for look, lines in looks.items()]

    def draw(self, ax):
        alpha = 1 if self.tint is None else TINT * self.tint
        style = {
            "facecolor": (LIGHT[self.fill], alpha) if self.fill else "none",
            "edgecolor": LIGHT[self.stroke] if self.stroke else "none",
            "linewidth": self.stroke_width if self.stroke else 0,
            "linestyle": (0, (3, 2)) if self.dashed else "solid",
        }
        where = (self.x, self.y), self.width, self.height
        if not self.radius:
            return ax.add_patch(Rectangle(*where, **style))
        style["boxstyle"] = f"round,pad=0,rounding_size={self.radius}"
        return ax.add_patch(FancyBboxPatch(*where, **style))


@dataclass(eq=False)
class _Text(Mark):
    x: float
    y: float
    text: str
    size: float = 13
    fill: str = "ink"
    anchor: str = "start"
    bold: bool = False
    mono: bool = False

    def svg(self):
        weight = ' font-weight="600"' if self.bold else ""
        face = ' class="m"' if self.mono else ""
        return (
            f'<text x="{self.x:g}" y="{self.y:g}" font-size="{self.size:g}"'
            f' text-anchor="{self.anchor}"{weight}{face} style="fill:{_INK[self.fill]}">'
            f"{self.text.translate(SHOWN)}</text>"
        )

    def draw(self, ax):
        size = self.size * (0.97 if self.mono else 0.93)  # DejaVu runs wide
        style = {"weight": "bold" if self.bold else "normal"}
        style["color"] = (LIGHT | WORDS)[self.fill]
        style["family"] = "DejaVu Sans Mono" if self.mono else "DejaVu Sans"
        place = {"ha": _ANCHORS[self.anchor], "va": "baseline"}
        return ax.text(self.x, self.y, self.text.replace("$", r"\$"), size=size, **place, **style)


@dataclass(eq=False)
class _Path(Mark):
    points: tuple
    fill: str | None = None
    tint: float = 1
    stroke: str | None = "muted"
    stroke_width: float = 1.5
    dashed: bool = False

    def svg(self):
        dash = ' stroke-dasharray="4 3"' if self.dashed else ""
        points = " ".join(f"{x:g},{y:g}" for x, y in self.points)
        tag = "polygon" if self.fill else "polyline"
        return (
            f'<{tag} points="{points}" stroke-width="{self.stroke_width:g}"{dash}'
            f' stroke-linejoin="round" style="fill:{_FILL[self.fill]};'
            f'stroke:{_FILL[self.stroke]};fill-opacity:{self.tint:.3f}"/>'
        )

    def draw(self, ax):
        if self.fill:
            edge = LIGHT[self.stroke] if self.stroke else "none"
            face = LIGHT[self.fill], self.tint
            return ax.add_patch(Polygon(self.points, closed=True, facecolor=face, edgecolor=edge))
        x, y = zip(*self.points, strict=True)
        style = {"linestyle": (0, (4, 3)) if self.dashed else "solid"}
        return ax.plot(x, y, color=LIGHT[self.stroke], linewidth=self.stroke_width, **style)[0]


@lru_cache(maxsize=64)  # most images stay from one picture to the next
def _data(levels, shape):
    """Turn bytes of pixels, (H, W, 4), into a PNG as text."""
    pixels = np.frombuffer(levels, np.uint8).reshape(shape)
    if _grey(pixels):
        pixels = np.ascontiguousarray(pixels[..., 0])
    buffer = io.BytesIO()
    PILImage.fromarray(pixels).save(buffer, "png", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()


def _grey(pixels):
    """Whether all pixels are opaque greys, so that one channel says everything."""
    colours, alpha = pixels[..., :3], pixels[..., 3]
    return bool((alpha == 255).all() and (colours == colours[..., :1]).all())


@dataclass(eq=False)
class _Image(Mark):
    pixels: np.ndarray  # (H, W, 4) uint8
    x: float
    y: float
    width: float
    height: float
    inverts: bool = False
    crisp: bool = False

    def svg(self):
        data = _data(self.pixels.tobytes(), self.pixels.shape)
        crisp = "pixelated" if min(self.pixels.shape[:2]) < 64 else "auto"
        kind = ' class="i"' if self.inverts else ""
        return (
            f'<image{kind} x="{self.x:g}" y="{self.y:g}" width="{self.width:g}"'
            f' height="{self.height:g}" preserveAspectRatio="none"'
            f' style="image-rendering:{crisp}" href="data:image/png;base64,{data}"/>'
        )

    def draw(self, ax):
        extent = (self.x, self.x + self.width, self.y + self.height, self.y)
        crisp = self.crisp or min(self.pixels.shape[:2]) < 64
        look = {"interpolation": "none" if crisp else "antialiased", "aspect": "auto"}
        return ax.imshow(self.pixels, extent=extent, **look)


@dataclass
class Picture:
    """Marks on a canvas, drawn in order; a colour is a role of `cnnbook.figures.style`.

    The size is in CSS pixels, at most 960 wide; the description is the text alternative. A
    `palette` saves 256 colours at most as PNG, and three pixels for two of CSS: a fraction of the
    size where there are noisy images.

    Examples
    --------
    >>> picture = Picture(40, 40, "one framed cell")
    >>> picture.rect(5, 5, 30, 30, stroke="kernel")
    >>> picture
    one framed cell
    """

    width: float
    height: float
    description: str = ""
    marks: list = field(default_factory=list)
    palette: bool = False
    _names: tuple = ()
    _live: tuple = (None, None)
    _merged: bool = False

    @contextmanager
    def part(
        self, *names, touch=None, words="", grid=None, move=None, origin="", merged=False
    ):  # fmt: skip
        """Give all marks drawn inside a name, such as "input" or "cell"; let them answer a pointer.

        `touch` is a tuple of a name and numbers: the state's ``touched(*touch)`` returns the fields
        that a click changes, as a dict. With `words`, its name, it is a button for the keyboard
        too. With a `grid` of (rows, columns) laid over the marks, the row and the column pointed at
        stand behind the numbers. What has a name to `move` by comes from where that stood before,
        or from the mark whose name is the `origin`. Hundreds of plain rectangles that do not lie
        over each other are drawn sooner `merged`, those of one look into one path.
        """
        outer = self._names, self._live, self._merged
        touch = (words, grid, *touch) if touch else self._live[0]
        self._names += names
        self._live = touch, (move, origin) if move else self._live[1]
        self._merged = merged or self._merged
        yield
        self._names, self._live, self._merged = outer

    def find(self, *names):
        """List the marks that have all these names, in the order in which they are drawn."""
        return [mark for mark in self.marks if set(names) <= set(mark.name)]

    def _add(self, kind, *values, **style):
        for name in ("fill", "stroke"):  # else no colour in SVG, and a KeyError on paper
            if style.get(name) not in _ROLES:
                known = ", ".join(LIGHT)
                raise ValueError(f"{name} must be one of {known} or None, got {style[name]!r}")
        known = {"name": self._names, "live": self._live, "merged": self._merged}
        self.marks.append(kind(*values, **style, **known))

    def rect(self, x, y, width, height, **style):
        """Add a rectangle: `fill`, `tint`, `stroke`, `stroke_width`, `dashed`, `radius`, `at`.

        The `tint`, 0 to 1, is a share of the strongest tint under text; a `title` is said while a
        pointer rests on it.
        """
        self._add(_Rect, x, y, width, height, **style)

    def text(self, x, y, text, **style):
        """Add a line of text: `size`, `fill`, `anchor`, `bold`, `mono`.

        Its baseline starts at (x, y), or is centred there ("middle"), or ends there ("end").
        """
        if style.get("anchor", "start") not in tuple(_ANCHORS):
            known = ", ".join(_ANCHORS)
            raise ValueError(f"anchor must be one of {known}, got {style['anchor']!r}")
        self._add(_Text, x, y, str(text), **style)

    def line(self, *points, **style):
        """Add a line through (x, y) points: `stroke`, `stroke_width`, `dashed`."""
        self._add(_Path, points, **style)

    def polygon(self, *points, fill, tint=1, stroke=None):
        """Add a filled polygon; `tint` is its opacity."""
        self._add(_Path, points, fill=fill, tint=tint, stroke=stroke, stroke_width=1)

    def arrow(self, start, end, *, stroke="muted", stroke_width=1.5, head=6):
        """Add an arrow between two (x, y) points."""
        (x0, y0), (x1, y1) = start, end
        length = max(np.hypot(x1 - x0, y1 - y0), 1e-9)
        u, v = (x1 - x0) / length * head, (y1 - y0) / length * head
        self.line(start, (x1 - u, y1 - v), stroke=stroke, stroke_width=stroke_width)
        wings = [(x1 - u - v / 2, y1 - v + u / 2), (x1 - u + v / 2, y1 - v - u / 2)]
        self.polygon(end, *wings, fill=stroke)

    def image(self, pixels, x, y, width, height, *, inverts=False, crisp=False):
        """Add an image: (H, W, 3) or (H, W, 4) uint8, stretched over the given rectangle.

        One that `inverts` is ink on paper: white on black in JupyterLab's dark theme. A `crisp`
        one keeps hard pixels in the PNG, which is smaller so; one below 64 pixels always does.
        """
        if pixels.shape[2] == 3:
            pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        self._add(_Image, pixels, x, y, width, height, inverts=inverts, crisp=crisp)

    @property
    def size(self):
        """Width and height with the margin, in CSS pixels."""
        return self.width + 2 * MARGIN, self.height + 2 * MARGIN

    @property
    def photographs(self):
        """What keeps its colours in a dark theme: left, top, width, height, as shares."""
        width, height = self.size
        kept = (mark for mark in self.marks if isinstance(mark, _Image) and not mark.inverts)
        places = ((k.x + MARGIN, k.y + MARGIN, k.width, k.height) for k in kept)
        return [(np.divide(p, (width, height) * 2)).round(4).tolist() for p in places]

    def pieces(self):
        """List the SVG text of its start tag, and of each part that stands by itself."""
        width, height, drawn, role = self.width + 2 * MARGIN, self.height + 2 * MARGIN, [], "img"
        for (touch, move), marks in groupby(self.marks, lambda mark: mark.live):
            says = ""
            if touch:
                words, grid, *what = touch
                what = json.dumps(what, separators=(",", ":")).translate(SHOWN)
                says += f' data-touch="{what}"'
                says += ' data-grid="{} {}"'.format(*grid) if grid else ""
                if words:
                    role, words = "group", str(words).translate(SHOWN)
                    says += f' role="button" tabindex="0" aria-label="{words}"'
            if move:
                there, source = (place.translate(SHOWN) for place in move)
                says += f' data-move="{there}" data-from="{source}"'
            inside = []
            for merged, each in groupby(marks, lambda mark: mark.merged):
                some = list(each)
                inside += _Rect.paths(some) if merged else [mark.svg() for mark in some]
            drawn += [f"<g{says}>{''.join(inside)}</g>"] if says else inside
        start = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="cnnbook" role="{role}"'
            f' aria-label="{str(self.description).translate(SHOWN)}"'
            f' viewBox="{-MARGIN} {-MARGIN} {width:g} {height:g}" width="{width:g}"'
            f' style="max-width:100%;height:auto;display:block;font-family:{_FACE}">'
        )
        return [start, *drawn]

    def svg(self, css=True):
        """Return the picture as SVG text; with its `CSS` it follows the theme by itself."""
        start, *drawn = self.pieces()
        return "".join([start, f"<style>{CSS}</style>" if css else "", *drawn, "</svg>"])

    def axes(self):
        """Draw the picture on Matplotlib axes and return them."""
        figure = Figure(figsize=[side / 72 for side in self.size], dpi=72)
        FigureCanvasAgg(figure)
        ax = figure.add_axes((0, 0, 1, 1))
        for order, mark in enumerate(self.marks):
            mark.draw(ax).set_zorder(order)  # as drawn; Matplotlib puts every line over every patch
        ax.set(xlim=(-MARGIN, self.width + MARGIN), ylim=(self.height + MARGIN, -MARGIN))
        ax.set_axis_off()
        return ax

    def png(self, scale=None):
        """Return the picture as PNG bytes, `scale` pixels a CSS pixel."""
        scale = scale or (1.5 if self.palette else 2)
        buffer = io.BytesIO()
        # no software version in the file: a newer Matplotlib would change every notebook
        self.axes().figure.savefig(buffer, dpi=72 * scale, metadata={"Software": None})
        picture = PILImage.open(buffer).convert("RGB")
        images = (mark for mark in self.marks if isinstance(mark, _Image))
        if self.palette or all(_grey(mark.pixels) for mark in images):
            # tints and greys fit a palette: half the size, and a chapter holds many pictures
            picture = picture.quantize(256, PILImage.Quantize.MAXCOVERAGE, kmeans=1, dither=0)
        buffer = io.BytesIO()
        picture.save(buffer, format="png", optimize=True)
        return buffer.getvalue()

    def __repr__(self):
        return str(self.description)

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": repr(self)}
        width, height = map(round, self.size)
        about = {"width": width, "height": height, "alt": repr(self), "keeps": self.photographs}
        return data, {"image/png": about, "cnnbook": True}
