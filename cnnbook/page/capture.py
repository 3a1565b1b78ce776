"""What runs in the kernel of a chapter's copy: what a page shows of widgets and pictures."""

import base64

from cnnbook.figures.picture import Picture
from cnnbook.figures.state import State
from cnnbook.page.freezing import freeze
from cnnbook.widgets.draw_digit import DigitView
from cnnbook.widgets.explorer import Explorer
from cnnbook.widgets.glass_lenet import GlassLeNet
from cnnbook.widgets.kernel_workbench import KernelWorkbench
from cnnbook.widgets.own_script import ScriptView

MIMETYPE = "application/vnd.cnnbook.page+json"
ALONE = {GlassLeNet: "glassLenet", KernelWorkbench: "kernelWorkbench"}
"""Widgets whose JavaScript needs no Python."""


def begin(shell):
    """Let a shell show what the page needs, beside a picture's words."""
    formatter = shell.display_formatter.mimebundle_formatter
    for kind in (Explorer, ScriptView, *ALONE):
        formatter.for_type(kind, _both)
    for kind in (State, Picture):
        formatter.for_type(kind, _bundle)


def _both(view, **_):
    shown = view.start if isinstance(view, GlassLeNet) else view.state
    data = _bundle(shown)  # before controls are moved
    data[MIMETYPE] |= page_of(view)
    return data


def _bundle(shown, **_):
    picture = shown if isinstance(shown, Picture) else shown.picture()
    words = str(picture.description)
    return {"text/plain": words, MIMETYPE: {"svg": picture.svg(css=False)}}


def page_of(view):
    """Return what a page without Python has of a widget.

    Returns
    -------
    dict
        "frames" to play, or "alone" for a module of JavaScript; or the reason of a "still".
        "without" names the controls that are left out.
    """
    if isinstance(view, DigitView):  # the same reading, in the browser
        try:
            shown = view.state
            view = GlassLeNet(shown.model, shown.samples, shown.strokes, shown.sample)
        except (TypeError, ValueError) as error:
            return {"still": f"the network of this sheet runs in Python: {error}"}
    if isinstance(view, tuple(ALONE)):
        return {"alone": alone(view)}
    if isinstance(view.page, str):
        return {"still": view.page}
    left = [
        getattr(c, "description", "") or n for n, c in view.controls.items() if n not in view.page
    ]
    return {"frames": freeze(view), "without": left}


def alone(view):
    """Return the values of a widget whose module needs no kernel: numbers, texts and bytes."""
    state = {name: getattr(view, name) for name in view.keys if not name.startswith("_")}
    data = {name: v for name, v in state.items() if isinstance(v, bytes)}
    plain = (int, float, str, list, dict, type(None))
    values = {n: v for n, v in state.items() if n not in data and isinstance(v, plain)}
    coded = {name: base64.b64encode(v).decode() for name, v in data.items()}
    return {
        "module": next(m for kind, m in ALONE.items() if isinstance(view, kind)),
        "values": values,
        "bytes": coded,
    }
