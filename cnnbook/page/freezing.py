"""Freeze a widget: all pictures that a page without Python shows of it, as plain data.

Pictures of one widget share most of their parts. So there is one list of distinct parts, each a
text of SVG in which "@3@" stands for image 3, and a frame is a list of numbers in it. What can be
chosen is a tree: a node has the options of one control and what follows `each`; a leaf has the
frames of its steps, for each room, and what a touch does.
"""

import base64
import functools
import io
import itertools
import json
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from cnnbook.figures.scene import NARROWEST, ROOM
from cnnbook.widgets.stage import MOST_ROOM

FRAMES = 5000
"""A page with more of them for one widget takes longer to build than it is worth."""
HOVERS = 500
"""The most pictures for a pointer that rests on something, at the first setting alone."""
IMAGE = re.compile('data:image/png;base64,([^"]*)')
PLACES = 600
"""The most places of a grid that answer a pointer by themselves."""
ROOMS = MOST_ROOM, NARROWEST
"""How wide pictures are drawn: for a desk, and for a phone."""


def freeze(view):
    """Return what `frames.js` plays, as a dict for JSON.

    Parameters
    ----------
    view : Explorer
        Its controls are moved, and put back.

    Raises
    ------
    ValueError
        If its `page` keeps more than `FRAMES` pictures, or a value that a control does not take.
    """
    return Frozen(view).spec()


class Frozen:
    """What is known of a widget while it is frozen."""

    def __init__(self, view):
        self.view, self.parts, self.images, self.frames, self.touches = view, {}, {}, {}, {}
        self.controls = {n: c for n, c in view.controls.items() if n in view.page}
        self.began = {name: control.value for name, control in self.controls.items()}
        self.drawn = 0  # for a pointer that rests
        self.coarse = {}  # how many rows and columns of a large grid answer as one
        self.path = {}  # the options of each control above a node
        self.start, self.tried, self.previews, self.hovers = None, set(), set(), {}

    def spec(self):
        """Go through all settings."""
        state, kinds = self.view.state, [_kind(c) for c in self.controls.values()]
        step = getattr(state, "step", 0)
        labels = [getattr(c, "description", "") or name for name, c in self.controls.items()]
        tree = self._node([])
        for name, value in self.began.items():
            self.controls[name].value = value
        if hasattr(state, "steps"):
            self.view.go_to(step)
        return {
            "parts": [*self.parts], "images": [*self.images], "frames": [*self.frames],
            "tree": tree,
            "controls": [*zip(labels, kinds, strict=True)], "start": self.start,
            "touches": [json.loads(each) for each in self.touches],
            "coarse": self.coarse, "previews": sorted(self.previews), "hovers": self.hovers,
            "step": step, "steers": hasattr(state, "steps"),
            "label": getattr(state, "step_label", "Step"),
            "interval": getattr(state, "interval", 700),
        }  # fmt: skip

    def _node(self, chosen):
        if len(chosen) == len(self.controls):
            return self._leaf(chosen)
        name = [*self.controls][len(chosen)]
        control, given = self.controls[name], self._options(name)
        self.path[name], each = [*given], []
        for number, value in enumerate(given):
            control.value = value
            if control.value != value:
                raise ValueError(f"{name} takes {control.value!r}, the page asks for {value!r}")
            each.append(self._node([*chosen, number]))
        self.path.pop(name)
        return {"options": [*given.values()], "each": each}

    def _options(self, name):
        """The values that a control gets, and the words for each; its own is among them."""
        control, kept = self.controls[name], self.view.page[name]
        menu = getattr(control, "_options_full", ())
        words = {value: word for word, value in menu}
        if isinstance(kept, dict):
            words = {value: word for word, value in kept.items()}
            kept = words
        elif kept is ...:
            kept = words
        elif isinstance(kept, int):
            even = np.linspace(control.min, control.max, kept)
            kept = [
                control.min + round((v - control.min) / control.step) * control.step for v in even
            ]
        kept = [round(v, 9) if isinstance(v, float) else v for v in kept]
        began = self.began[name]
        if began not in kept and (not menu or began in words):
            least, most = getattr(control, "min", began), getattr(control, "max", began)
            kept = sorted({*kept, began}) if least <= began <= most else kept
        return {value: str(words.get(value, _written(value))) for value in dict.fromkeys(kept)}

    def _leaf(self, chosen):
        """The frames of one setting, or the message that there is no such."""
        if self.view.message:
            return self.view.message
        first = self.view.state
        if stepped := hasattr(first, "steps"):
            first = first.at(0)
        states = [first.at(n) for n in range(first.steps)] if stepped else [first]
        started = all(self.controls[n].value == value for n, value in self.began.items())
        frames, touches = [[], []], {}
        for number, state in enumerate(states):
            pictures = [_drawn(state, room) for room in ROOMS]
            for row, picture in zip(frames, pictures, strict=True):
                row.append(self._frame(picture))
            for part in touchable(pictures[0], self.coarse):
                key = json.dumps(part, separators=(",", ":"))
                result = self._outcome(state, part)
                if touches.setdefault(key, result) != result:
                    touches[f"{number} {key}"] = result
        if started:
            self.start = chosen
            for number, state in enumerate(states):
                self._hover(number, state)
        known = json.dumps({key: result for key, result in touches.items() if result is not None})
        seen = getattr(first, "inner", None) or first
        return {
            "frames": frames, "touch": self.touches.setdefault(known, len(self.touches)),
            "across": getattr(seen, "across", 1), "hint": getattr(seen, "hint", ""),
        }  # fmt: skip

    def _frame(self, picture):
        """Number of a picture's frame; a new one if there is none like it."""
        if len(self.frames) == FRAMES:
            raise ValueError(f"the page keeps more than {FRAMES} pictures of this widget")
        pieces = (IMAGE.sub(self._image, piece) for piece in picture.pieces())
        ids = tuple(self.parts.setdefault(piece, len(self.parts)) for piece in pieces)
        return self.frames.setdefault(ids, len(self.frames))

    def _image(self, found):
        return f"@{self.images.setdefault(packed(found[1]), len(self.images))}@"

    def _outcome(self, state, part):
        """What a touch does: a step, and options of the controls by number; None if nothing."""
        changed = dict(state.touched(*part))
        step, options = changed.pop("step", None), {}
        for field, value in changed.items():
            if field not in self.controls or value not in self.path[field]:
                return None
            options[[*self.controls].index(field)] = self.path[field].index(value)
        return [step, options] if options or step is not None else None

    def _hover(self, number, state):
        """What a pointer shows: the same as a click, or a picture of its own.

        Parts of one name do the same: whether it is the former is found out at the first of them.
        """
        for part in touchable(_drawn(state), self.coarse):
            name = part[0]
            other = None if name in self.previews else state.hovered(*part)
            if other is None:
                continue
            if name not in self.tried:
                self.tried.add(name)
                after = replace(state, **state.touched(*part))
                if _drawn(other).pieces() == _drawn(after).pieces():
                    self.previews.add(name)
                    continue
            self.drawn += 1
            if self.drawn > HOVERS:
                return
            shown = _drawn(other)  # a new image for each place would be too much
            if set(IMAGE.findall("".join(shown.pieces()))) <= self.images.keys():
                key = f"{number} {json.dumps(part, separators=(',', ':'))}"
                self.hovers[key] = self._frame(shown)


@functools.cache
def packed(png):
    """Return an image, PNG in base64, as what follows "data:image/" in an address: WebP if shorter.

    Small and grey ones, which tell exact numbers, stay exact; the others are photographs and faces.
    """
    binary, shorter = base64.b64decode(png), io.BytesIO()
    with Image.open(io.BytesIO(binary)) as image:
        exact = image.mode == "L" or min(image.size) < 64
        how = {"lossless": True, "exact": True} if exact else {"quality": 90}
        image.convert("RGBA" if image.mode == "RGBA" else "RGB").save(shorter, "WEBP", **how)
    if shorter.tell() < len(binary):
        return f"webp;base64,{base64.b64encode(shorter.getvalue()).decode()}"
    return f"png;base64,{png}"


def _drawn(state, room=MOST_ROOM):
    whole = ROOM.set(room)
    try:
        return state.picture()
    finally:
        ROOM.reset(whole)


def touchable(picture, coarse):
    """List what answers a pointer, each once: a name and numbers, those of a grid behind them.

    Of a grid with more than `PLACES` places only some are listed; `coarse` keeps, by name, of how
    many rows and columns each stands in the middle.
    """
    parts = {}
    for mark in picture.marks:
        if not mark.live[0]:
            continue
        _, grid, name, *numbers = mark.live[0]
        places = [()]
        if grid:
            every = max(1, round((grid[0] * grid[1] / PLACES) ** 0.5))
            if every > 1:
                coarse[name] = every
            middles = (range(every // 2, max(side, every // 2 + 1), every) for side in grid)
            places = itertools.product(*middles)
        parts |= dict.fromkeys((name, *numbers, *place) for place in places)
    return json.loads(json.dumps([*parts]))


def _kind(control):
    if isinstance(control.value, bool) and not hasattr(control, "options"):
        return "switch"
    return "slider" if type(control).__name__.endswith("Slider") else "menu"


def _written(value):
    return f"{value:g}".replace("-", "−") if isinstance(value, float) else value
