"""Colours and type of every figure and widget, and plain axes that wear them.

The hues are from the Okabe and Ito set (Wong 2011, doi:10.1038/nmeth.1618): they stay apart for
colour-blind readers. Each role has a value on light ground and one on dark ground. What is below
zero is slate in every role, so that hue tells the sign and tint the magnitude.
"""

from io import BytesIO

import matplotlib.pyplot as plt

LIGHT = {
    "input": "#0072b2",
    "kernel": "#d55e00",
    "output": "#009e73",
    "gradient": "#cc79a7",
    "negative": "#59626e",
    "ink": "#1b1f24",
    "muted": "#68717d",
    "line": "#d5dae1",
    "wash": "#f2f4f7",
    "paper": "#ffffff",
}
DARK = {
    "input": "#4aa8e0",
    "kernel": "#f0883e",
    "output": "#2fc498",
    "gradient": "#dd9cc0",
    "negative": "#9aa4b0",
    "ink": "#eceff3",
    "muted": "#a3adb9",
    "line": "#454d58",
    "wash": "#262b32",
    "paper": "#111418",
}
TINT = 0.7  # the strongest tint behind a number: text keeps a contrast of 4.5:1
DARK_TINT = 0.45  # the hues are lighter there, and so is the text
SANS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def plain_axes(rows=1, columns=1, *, figsize=(6, 2.5), **options):
    """Make a figure with quiet axes: no box, muted ticks, 100 dpi.

    Parameters
    ----------
    rows, columns : int
        Number of axes down and across.
    figsize : (float, float)
        Width and height in inches.
    **options
        Passed on to `matplotlib.pyplot.subplots`.

    Returns
    -------
    fig : Figure
    axes : Axes or ndarray of Axes
        As `matplotlib.pyplot.subplots` returns them.
    """
    options = {"layout": "constrained", **options}
    fig, axes = plt.subplots(rows, columns, figsize=figsize, dpi=100, **options)
    for ax in fig.axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(LIGHT["line"])
        ax.tick_params(colors=LIGHT["muted"], labelsize=9, length=3)
        ax.xaxis.label.set_color(LIGHT["muted"])
        ax.yaxis.label.set_color(LIGHT["muted"])
        ax.title.set(color=LIGHT["ink"], fontsize=11)
    return fig, axes


def label_line(ax, line, text):
    """Write a curve's name at its right end, in its colour, in place of a legend.

    Parameters
    ----------
    ax : Axes
    line : Line2D
        Drawn already.
    text : str

    Returns
    -------
    Annotation
    """
    end = (line.get_xdata()[-1], line.get_ydata()[-1])
    return ax.annotate(
        text,
        end,
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=line.get_color(),
        fontsize=10,
        annotation_clip=False,
    )


def show_photo(ax, image, caption, *, limits=None):
    """Show an image on square pixels, its caption and value range above it.

    Parameters
    ----------
    ax : Axes
    image : ndarray of shape (H, W) or (H, W, 3)
        Grey levels of any range, or colours in [0, 1].
    caption : str
    limits : (float, float), optional
        Values shown as black and white; the image's own minimum and maximum when not given.

    Returns
    -------
    AxesImage
    """
    low, high = (image.min(), image.max()) if limits is None else limits
    smooth = "none" if min(image.shape[:2]) < 64 else "antialiased"
    shown = ax.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation=smooth)
    ax.set_axis_off()
    ax.set_title(caption, loc="left", fontsize=10, color=LIGHT["ink"])
    if image.ndim == 2:
        values = f"values {low:.2g} to {high:.2g}".replace("-", "−")
        ax.text(
            0, -0.02, values, transform=ax.transAxes, va="top", fontsize=8, color=LIGHT["muted"]
        )
    return shown


class FewColours:
    """A finished figure as a PNG of few colours: photographs take a third of the bytes.

    Parameters
    ----------
    figure : Figure
    text : str
        What it shows, in words.
    colours : int
        At most 256.
    """

    def __init__(self, figure, text, colours=128):
        from PIL import Image

        drawn, packed = BytesIO(), BytesIO()
        figure.savefig(drawn, format="png")
        image = Image.open(drawn).convert("RGB")
        image.quantize(colours, dither=Image.Dither.NONE).save(packed, format="png", optimize=True)
        self.png, self.text = packed.getvalue(), text

    def __repr__(self):
        """The figure in words."""
        return self.text

    def _repr_png_(self):
        return self.png
