"""Teach a network three signs of one's own, then find out what it learned of them."""

import asyncio
import time
from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from cnnbook.checks import flag, whole
from cnnbook.figures.own_script import OwnScript
from cnnbook.figures.picture import escape
from cnnbook.figures.scene import page
from cnnbook.widgets.digit_canvas import DigitCanvas
from cnnbook.widgets.explorer import ERRORS, factory
from cnnbook.widgets.ruler import Ruler
from cnnbook.widgets.script_drawings import (
    EACH,
    SIGNS,
    WRITERS,
    Script,
    arranged,
    edges_of,
    invented,
    middle_of,
    moved,
)
from cnnbook.widgets.script_pupil import STEPS, Pupil
from cnnbook.widgets.script_shelf import ScriptShelf
from cnnbook.widgets.stage import Stage

SLICE, PAUSE = 0.12, 0.02  # seconds of training between two looks at the buttons, and of looking
NOBODY = -1  # no sign stands at the left edge
COLUMN = "258px"  # width of the sheet with its frame
KEYS = "Draw with mouse, finger or pen. Keys: arrows, Space, Backspace, Delete, Esc."


class ScriptView(widgets.VBox):
    """A shelf of drawings, a sheet, a network that learns them, and what it learned.

    Learning goes on in slices between which the event loop handles messages, so Stop works;
    without a running loop, as in plain Python, it runs to its end. `message` is empty, or says
    what was refused; `notice` says what happened last.
    """

    page = "the network learns your signs in Python"

    def __init__(self, script, left, shifts, steps, seed):
        self.script, self._past, self._seed = script, [], seed
        self.message, self.notice = "", ""
        self._run = self._before = None  # the training that goes on; the tests of the last one
        self._following = False  # while controls follow what is shown, they change nothing
        self._build(left, shifts)
        self.pupil = Pupil(script, left, shifts, seed)
        self.pupil.advance(steps)
        self._put_on_shelf()
        first = (script.by(1) or script.by(0))[0]
        self.canvas.value = moved(first, left)
        self._show()
        self._say("Press Learn. Then press drawings on the shelf, or draw, and see what it reads.")

    def _build(self, left, shifts):
        self.canvas = DigitCanvas(label="Sheet to draw a sign on")
        self.shelf = ScriptShelf(names=list(self.script.names), most=EACH)
        self.writer = widgets.ToggleButtons(options=[(name, k) for k, name in enumerate(WRITERS)])
        self.writer.style.button_width = "102px"
        self.writer.tooltips = ["learned", "the same hand; never learned", "never learned"]
        look = {"style": {"description_width": "initial"}, "layout": {"width": "230px"}}
        look |= {"description": "at the left edge:", "options": self._signs()}
        self.at_left = widgets.Dropdown(value=NOBODY if left is None else left, **look)
        self.at_left.tooltip = "all drawings of this sign by “you”"
        self.shift = widgets.Checkbox(shifts, indent=False, description="shift the copies")
        self.shift.layout.width = "140px"
        self.ruler = Ruler(label="move it across")
        self.path = widgets.Text("my_script.npz", description="file", layout={"width": "160px"})
        self.path.style.description_width = "28px"
        self.line = widgets.HTML()
        names = "verdict", "cover", "evidence", "progress", "tests"
        self.screens = {name: Stage() for name in names}
        actions = {
            "Keep": ("check", "put the drawing on the shelf", self.keep),
            "Undo": ("undo", "take the last stroke back", self.undo_stroke),
            "Clear": ("trash", "empty the sheet", self.clear),
            "Learn": ("play", "learn the drawings of “you”", self.learn),
            "Stop": ("stop", "stop; what was learned is kept", self.stop),
            "Take back": ("undo", "take back the last change of the shelf", self.take_back),
            "Empty shelf": ("trash", "throw all drawings away", self.empty_shelf),
            "Save": ("", "write names and drawings to the file", self.save),
            "Load": ("", "read names and drawings from the file", self.load),
        }
        self.actions = {}
        for name, (icon, tooltip, action) in actions.items():
            words = "" if name in ("Undo", "Clear") else name  # these two are narrow
            button = widgets.Button(description=words, icon=icon, tooltip=tooltip)
            button.layout.width = "auto"
            button.on_click(lambda _, action=action: self._try(action))
            self.actions[name] = button
        self.actions["Learn"].button_style = self.actions["Keep"].button_style = "primary"
        self._lay_out()
        self.canvas.observe(self._drawn, "value")
        self.ruler.observe(lambda change: self._move(change["new"]), "value")
        self.writer.observe(lambda _: self._put_on_shelf(), "value")
        self.at_left.observe(lambda _: self._given_otherwise(), "value")
        self.shift.observe(lambda _: self._given_otherwise(), "value")
        self.shelf.observe(lambda change: self._try(self._rename, change["new"]), "names")
        self.shelf.observe(lambda _: self._name_keep(), "chosen")
        self.shelf.on_msg(lambda _, content, __: self._try(self._answer, content))

    def _lay_out(self):
        def wrapping(*children, gap="4px 10px", **layout):
            layout = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": gap, **layout}
            return widgets.HBox(children, layout=layout)

        act, screens = self.actions, self.screens
        file = wrapping(self.path, act["Save"], act["Load"], gap="0")
        head = wrapping(self.writer, act["Take back"], act["Empty shelf"], file, gap="2px 6px")
        keys = widgets.HTML(f'<div class="cnnbook-keys">{KEYS}</div>')
        keep = wrapping(act["Keep"], act["Undo"], act["Clear"], gap="0")
        sheet = [self.canvas, keys, keep, self.ruler, screens["verdict"]]
        sheet = widgets.VBox(sheet, layout={"width": COLUMN, "flex": "none"})
        learn = wrapping(act["Learn"], act["Stop"], self.shift, self.at_left)
        pairs = ("progress", "tests"), ("cover", "evidence")
        parts = [
            wrapping(*(screens[name] for name in pair), align_items="flex-start") for pair in pairs
        ]
        room = {"flex": "1 1 300px", "min_width": "0"}
        right = widgets.VBox([learn, self.line, *parts], layout=room)
        body = wrapping(sheet, right, gap="8px 20px", align_items="flex-start", margin="6px 0 0 0")
        super().__init__([head, self.shelf, body], layout={"max_width": "960px"})
        self.add_class("cnnbook-script")

    # ------------------------------------------------------------ what is asked for

    @property
    def left(self):
        """The sign whose drawings by "you" stand at the left edge, or None."""
        return None if self.at_left.value == NOBODY else self.at_left.value

    @property
    def shifts(self):
        """Whether the copies that are learned are put anywhere."""
        return self.shift.value

    @property
    def running(self):
        """Whether a training goes on."""
        return self._run is not None

    def _try(self, action, *values):
        """Do something; say in words why it cannot be done."""
        try:
            self.message = ""
            action(*values)
        except ERRORS as error:
            self.message = str(error)
            self._say(self.message, alert=True)

    # ------------------------------------------------------------ sheet and shelf

    def keep(self):
        """Put the drawing on the sheet on the shelf, and empty the sheet."""
        if not self.canvas.value:
            raise ValueError("the sheet is empty: draw a sign first")
        sign = self.shelf.chosen
        self._change(self.script.add(self.canvas.value, sign, self.writer.value))
        counts = self.script.counts(self.writer.value)
        name, who = self.script.names[sign], WRITERS[self.writer.value]
        self.clear()
        words = f"{counts[sign]} of {EACH} drawings of {name} by {who}."
        if self.writer.value:
            words += f" Read right: {self._tests.caution}: so few drawings say little."
        elif self.pupil.steps:
            words += " Learn starts anew."
        self._say(words)
        if counts[sign] == EACH and min(counts) < EACH:
            self.shelf.chosen = int(np.argmin(counts))

    def undo_stroke(self):
        """Take back the last stroke on the sheet."""
        self.canvas.value = self.canvas.value[:-1]

    def clear(self):
        """Empty the sheet."""
        self.canvas.value = []

    def take(self, number):
        """Put a drawing of the shelf on the sheet."""
        drawing = self.script.by(self.writer.value)[number]
        self.shelf.chosen = drawing.sign
        self.canvas.value = moved(drawing, self.left)

    def delete(self, number):
        """Throw a drawing of the shelf away."""
        drawing = self.script.by(self.writer.value)[number]
        self._change(self.script.remove(drawing))
        name = self.script.names[drawing.sign]
        self._say(f"One drawing of {name} is gone. Take back returns it.")

    def empty_shelf(self):
        """Throw all drawings of all writers away."""
        self._change(replace(self.script, drawings=()))
        self.writer.value = self.shelf.chosen = 0
        self.clear()
        self._say(f"The shelf is empty: draw each sign {EACH} times. Names can be typed.")

    def take_back(self):
        """Take back the last change of the shelf or of a name."""
        if not self._past:
            raise ValueError("nothing was changed yet")
        self._adopt(self._past.pop())
        self._say("The last change is taken back.")

    def save(self):
        """Write the script to the file that is named."""
        self.script.save(self.path.value)
        self._say(f"{len(self.script.drawings)} drawings are saved in {self.path.value}.")

    def load(self):
        """Read a script from the file that is named."""
        self._change(Script.load(self.path.value))
        self._say(f"{len(self.script.drawings)} drawings are read from {self.path.value}.")

    def _answer(self, content):
        if "take" in content:
            self.take(content["take"])
        elif "delete" in content:
            self.delete(content["delete"])

    def _rename(self, names):
        if tuple(names) != self.script.names:
            try:
                self._change(replace(self.script, names=tuple(names)))
            finally:
                self._put_on_shelf()

    def _change(self, script):
        """Take another script; the old one can be had back."""
        self._past.append(self.script)
        self._adopt(script)

    def _adopt(self, script):
        self.script = script
        self._put_on_shelf()
        self._show_tests()
        self._show_reading()

    def _signs(self):
        return [("no sign", NOBODY), *((name, k) for k, name in enumerate(self.script.names))]

    def _put_on_shelf(self):
        drawings = self.script.by(self.writer.value)
        self.shelf.use = "only tested" if self.writer.value else "learned"
        self.shelf.names = list(self.script.names)
        self.shelf.drawings = [{"sign": d.sign, "strokes": moved(d, self.left)} for d in drawings]
        self.actions["Take back"].disabled = not self._past
        if self.at_left.options != tuple(self._signs()):
            left, self._following = self.at_left.value, True
            self.at_left.options = self._signs()
            self.at_left.value, self._following = left, False
        self._name_keep()

    def _name_keep(self):
        self.actions["Keep"].description = f"Keep as {self.script.names[self.shelf.chosen]}"

    # ------------------------------------------------------------ learning

    def _given_otherwise(self):
        """Say what another setting will change."""
        if self._following:
            return
        self._put_on_shelf()
        where = "stay where they were drawn"
        if self.left is not None:
            name = self.script.names[self.left]
            where = f"stay there, {name} at the left edge"
        places = "are put anywhere on the sheet" if self.shifts else where
        self._say(f"Copies are turned and sized a little, and {places}. Press Learn.")

    def learn(self):
        """Learn the drawings: anew, or further if it was stopped before the end."""
        if self.running:
            return
        pupil, given = self.pupil, (self.script.by(0), self.left, self.shifts)
        same = (pupil.learned, pupil.left, pupil.shifts) == given
        if not same or pupil.steps >= STEPS:
            self._seed += same  # the same once more: from another start
            self.pupil = Pupil(self.script, self.left, self.shifts, self._seed)
            comparable = pupil.steps and pupil.learned == given[0]
            self._before = self._tests if comparable else None
        run = self._run = object()  # Stop may come from another thread: no task to cancel
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: there is nobody to wait for
            while self._learn_slice(run):
                pass
        else:
            self._task = loop.create_task(self._learn(run))
            self._say("Learning …")

    async def _learn(self, run):
        while self._learn_slice(run):
            await asyncio.sleep(PAUSE)

    def _learn_slice(self, run):
        """Do some steps and show them; return whether there is more to do."""
        pupil, end, problem = self.pupil, time.perf_counter() + SLICE, ""
        try:
            while self._run is run and pupil.steps < STEPS and time.perf_counter() < end:
                pupil.advance()
            self._show()
        except KeyboardInterrupt:
            problem = f"Interrupted: the {pupil.steps} steps before are kept."
        except Exception as error:  # nobody reads the log of a task
            problem = f"Learning failed: {type(error).__name__}: {error}"
        if self._run is not run:  # stopped meanwhile
            return False
        if problem or pupil.steps >= STEPS:
            self._run = None
            self._say(problem or self._tests.verdict, alert=bool(problem))
        return self.running

    def stop(self):
        """End the learning; keep what was learned."""
        if self.running:
            self._run = None
            self._show()
            self._say(f"Stopped: {self.pupil.steps} steps are kept; Learn goes on.")

    # ------------------------------------------------------------ what is shown

    def _drawn(self, _):
        if self.canvas.value:
            strokes = arranged(self.canvas.value)
            left, right = edges_of(strokes)
            self._following = True
            self.ruler.value = round(100 * (middle_of(strokes) - left) / max(right - left, 1))
            self._following = False
        self._try(self._show_reading)

    def _move(self, percent):
        if not self._following and self.canvas.value:
            left, right = edges_of(self.canvas.value)
            column = left + percent / 100 * (right - left)
            self.canvas.value = arranged(self.canvas.value, column=column)

    def _show_reading(self):
        self._reading = reading = self.pupil.read(self.canvas.value, self.script.names)
        self._put("verdict", reading.verdict, reading.words[0])
        self._put("cover", reading.cover, reading.words[1])
        self._put("evidence", reading.evidence, " ".join(reading.words[2:]) or reading.words[0])

    def _show(self):
        """Show everything anew."""
        self._progress = self.pupil.progress()
        self._put("progress", self._progress.block, self._progress.description)
        self._show_tests()
        self._show_reading()

    def _show_tests(self):
        self._tests = self.pupil.tests(self.script, self._before)
        self._put("tests", self._tests.block, self._tests.description)

    def _put(self, name, block, words):
        self.screens[name].value = page(block, description=words, width=0).svg(css=False)

    def _say(self, notice, *, alert=False):
        self.notice = notice
        role, edge = ("alert", "#d55e00") if alert else ("status", "transparent")
        style = f"min-height:38px;line-height:19px;padding-left:6px;border-left:3px solid {edge}"
        self.line.value = f'<div role="{role}" style="{style}">{escape(notice)}</div>'
        self.actions["Learn"].disabled = self.running
        self.actions["Stop"].disabled = not self.running

    @property
    def state(self):
        """What is shown, as one picture."""
        images, signs = self.pupil.images[:, 0], self.pupil.signs
        drawings = tuple(images[signs == k] for k in range(SIGNS))
        parts = self._progress, self._tests, self._reading
        return OwnScript(self.script.names, drawings, *parts)

    def __repr__(self):
        return repr(self.state)

    def _repr_mimebundle_(self, **options):
        # the picture stands where no kernel runs: on GitHub, on paper, before the first run
        data = super()._repr_mimebundle_(**options) or {}
        picture, about = self.state.picture()._repr_mimebundle_()
        return {**data, **picture}, about


@factory
def own_script(file=None, *, left=None, shifts=False, steps=0, seed=0):
    """Open a sheet on which a network is taught three signs, and then fooled.

    Parameters
    ----------
    file : str or Path, optional
        Drawings that the widget saved; three signs drawn by jitter from the seed when not given.
    left : int, optional
        The sign whose drawings to learn all stand at the left edge.
    shifts : bool
        Whether the copies that are learned are put anywhere on the sheet.
    steps : int
        Steps that are learned before the widget opens, at most 120.
    seed : int
        Draws the network, the copies and, without a file, the drawings.
    """
    left = None if left is None else whole("left", left, 0, SIGNS - 1)
    steps = whole("steps", steps, 0, STEPS)
    script = invented(seed) if file is None else Script.load(file)
    return ScriptView(script, left, flag("shifts", shifts), steps, seed)
