"""Colours and type of every figure and widget, and plain axes that wear them.

The hues are from the Okabe and Ito set (Wong 2011, doi:10.1038/nmeth.1618): they stay apart for
colour-blind readers. Each role has a value on light ground and one on dark ground. What is below
zero is slate in every role, so that hue tells the sign and tint the magnitude.
"""

import sys
from io import BytesIO

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

LIGHT = {
    "input": "#0072b2", "kernel": "#d55e00", "output": "#009e73", "gradient": "#cc79a7",
    "negative": "#59626e", "ink": "#1b1f24", "muted": "#68717d",
    "line": "#d5dae1", "wash": "#f2f4f7", "paper": "#ffffff",
}  # fmt: skip
DARK = {
    "input": "#4aa8e0", "kernel": "#f0883e", "output": "#2fc498", "gradient": "#dd9cc0",
    "negative": "#d4d6da", "ink": "#eceff3", "muted": "#a3adb9",
    "line": "#454d58", "wash": "#262b32", "paper": "#111418",
}  # fmt: skip
WORDS = {"kernel": "#b34f00", "output": "#007a59", "gradient": "#a84c80", "muted": "#646d79"}
"""The same hues where they colour words on light ground: darker, for a contrast of 4.5:1."""

TINT = 0.7  # the strongest tint behind a number: text keeps a contrast of 4.5:1
DARK_TINT = 0.45  # the hues are lighter there, and so is the text
SANS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


COLOURS = 160  # of a figure as PNG: photographs take a third of the bytes
_TICK = {"color": LIGHT["line"], "labelcolor": WORDS["muted"], "labelsize": 9, "major.size": 3}
_ROLES = ("input", "kernel", "output", "gradient", "ink", "muted")
_TYPE = {
    **{f"axes.spines.{side}": False for side in ("top", "right")},
    **{"axes.edgecolor": LIGHT["line"], "axes.labelcolor": WORDS["muted"]},
    **{"axes.titlecolor": LIGHT["ink"], "axes.titlesize": 11, "text.color": LIGHT["ink"]},
    **{f"{axis}tick.{part}": value for axis in "xy" for part, value in _TICK.items()},
    "axes.prop_cycle": plt.cycler(color=[LIGHT[role] for role in _ROLES]),
    "font.family": "DejaVu Sans",
}


def diverging():
    """Return a colour map from slate, below zero, over paper to the kernels' orange."""
    ends = LIGHT["negative"], LIGHT["paper"], LIGHT["kernel"]
    return LinearSegmentedColormap.from_list("slate to orange", ends, N=257)


def alternative(figure):
    """Say in words what a figure shows: its label, or else what is written in its plots.

    Examples
    --------
    >>> fig, ax = plain_axes()
    >>> line = label_line(ax, *ax.plot([3, 2, 1]), "trained")
    >>> labels = ax.set(xlabel="epoch", ylabel="loss")
    >>> alternative(fig)
    'A plot of loss against epoch: trained.'
    """
    return figure.get_label() or " ".join(filter(None, map(_in_words, figure.axes)))


def _in_words(ax):
    if ax.get_label() == "<colorbar>":
        return ""
    kind = "A picture" if ax.images else "A plot"
    if ax.axison and (ax.get_xlabel() or ax.get_ylabel()):
        kind += " of " + " against ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
    legend = ax.get_legend()
    texts = [*ax.texts, *(legend.get_texts() if legend else ())]
    written = [ax.get_title(side) for side in ("left", "center", "right")]
    written += [text.get_text() for text in texts]
    written = [" ".join(words.split()) for words in written if words.strip()]
    return f"{kind}: {'; '.join(dict.fromkeys(written))}." if written else f"{kind}."


def pack(figure, colours=COLOURS, scale=2):
    """Draw a figure as PNG bytes, in few colours.

    What is known about them is returned, too: the size in CSS pixels, the words, and which
    rectangles keep their colours in a dark theme (left, top, width, height as shares).
    """
    drawn, packed = BytesIO(), BytesIO()
    # no software version in the file: a newer Matplotlib would change every notebook
    options = {"bbox_inches": "tight", "metadata": {"Software": None}}
    figure.savefig(drawn, format="png", dpi=scale * figure.dpi, **options)
    image = Image.open(drawn).convert("RGB")
    few = image.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=0)
    few.save(packed, format="png", optimize=True)
    about = {"width": round(image.width / scale), "height": round(image.height / scale)}
    about |= {"alt": alternative(figure), "keeps": _photographs(figure)}
    return packed.getvalue(), about


def _photographs(figure):
    edge = plt.rcParams["savefig.pad_inches"]
    whole = figure.get_tightbbox().padded(edge)  # inches, as it is saved
    shares = []
    for ax in figure.axes:
        if ax.images or ax.get_label() == "<colorbar>":
            box = ax.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            place = box.x0 - whole.x0, whole.y1 - box.y1, box.width, box.height
            size = (whole.width, whole.height) * 2
            shares.append([round(p / s, 4) for p, s in zip(place, size, strict=True)])
    return shares


def plain_axes(rows=1, columns=1, *, figsize=(6, 2.5), **options):
    """Make a figure with quiet axes in the book's type and colours, sharp in a notebook.

    It is called as `matplotlib.pyplot.subplots` is, with a size in units of 100 CSS pixels, and
    returns the same.
    """
    plt.rcParams.update(_TYPE)  # for the figures that a reader adds too
    options = {"layout": "constrained", "dpi": 100, **options}
    fig, axes = plt.subplots(rows, columns, figsize=figsize, **options)
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
        # after the first figure, since Matplotlib sets its own way of showing with it
        shell.display_formatter.formatters["image/png"].for_type(Figure, pack)
    return fig, axes


def label_line(ax, line, text):
    """Write a drawn curve's name at its right end, in its colour, in place of a legend."""
    end = line.get_xdata()[-1], line.get_ydata()[-1]
    hues = {LIGHT[role]: words for role, words in WORDS.items()}
    look = {"color": hues.get(line.get_color(), line.get_color()), "fontsize": 10, "va": "center"}
    place = {"xytext": (6, 0), "textcoords": "offset points", "annotation_clip": False}
    return ax.annotate(text, end, **look, **place)


def show_photo(ax, image, caption, *, limits=None):
    """Show an image on square pixels, its caption above and its value range below it.

    It has shape (H, W), with grey levels of any range, or (H, W, 3), with colours in [0, 1]. The
    `limits` are the values shown as black and white; its own minimum and maximum when not given.
    """
    low, high = (image.min(), image.max()) if limits is None else limits
    smooth = "none" if min(image.shape[:2]) < 64 else "antialiased"
    shown = ax.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation=smooth)
    ax.set_axis_off()
    ax.set_title(caption, loc="left", fontsize=10, color=LIGHT["ink"])
    if image.ndim == 2:
        values = f"values {low:.2g} to {high:.2g}".replace("-", "−")
        style = {"va": "top", "fontsize": 8, "color": WORDS["muted"]}
        ax.text(0, -0.02, values, transform=ax.transAxes, **style)
    return shown


class FewColours:
    """A finished figure as a PNG of at most `colours` colours, and what it shows in words."""

    def __init__(self, figure, text, colours=COLOURS, scale=2):
        png, about = pack(figure, colours, scale)
        self.png, self.text = (png, {**about, "alt": text}), text

    def __repr__(self):
        return self.text

    def _repr_png_(self):
        return self.png
