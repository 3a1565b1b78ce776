"""The view that all widgets share: controls around a picture of a state.

A state is a frozen dataclass without ipywidgets in it. Its fields are what the controls set, its
`picture()` draws it, and building one with impossible settings raises ValueError or TypeError.
The view builds a new state from its controls, shows the picture, or says what is wrong.
"""

import functools
import inspect
import reprlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import ipywidgets as widgets
import numpy as np
import traitlets

from cnnbook.figures.picture import escape
from cnnbook.figures.scene import NARROWEST, ROOM
from cnnbook.widgets.player import Player
from cnnbook.widgets.slider import FloatSlider, IntSlider
from cnnbook.widgets.stage import Stage

ERRORS = (ValueError, TypeError)
REFUSALS = (traitlets.TraitError, LookupError, AttributeError, OverflowError, MemoryError)
LABELS = {"description_width": "initial"}
WRAPPED = {"flex_flow": "row wrap", "grid_gap": "4px 20px"}


def factory(function):
    """Let a factory of widgets refuse what it cannot take by nothing but ValueError or TypeError.

    Where a control or a drawing refuses in its own words, TypeError says what was given.
    """

    @functools.wraps(function)
    def checked(*args, **options):
        try:
            return function(*args, **options)
        except REFUSALS as error:
            names = dict(zip(inspect.signature(function).parameters, args, strict=False)) | options
            given = ", ".join(f"{name}={reprlib.repr(value)}" for name, value in names.items())
            raise TypeError(f"{function.__name__} cannot take {given}: {error}") from error

    return checked


def parse_numbers(text):
    """Read a typed array: numbers split by spaces or commas, rows by semicolons or new lines.

    One row gives a list, several a list of lists. Fractions and a true minus sign are read too.

    Examples
    --------
    >>> parse_numbers("1 0 -1; 2 0 -2")
    [[1.0, 0.0, -1.0], [2.0, 0.0, -2.0]]
    """
    lines = [line for line in text.replace("\n", ";").split(";") if line.strip()]
    rows = [[_number(word) for word in line.replace(",", " ").split()] for line in lines]
    lengths = {len(row) for row in rows}
    if not rows:
        raise ValueError("type at least one number")
    if len(lengths) > 1:
        both = f"{min(lengths)} and {max(lengths)}"
        raise ValueError(f"rows hold {both} numbers, expected equal lengths")
    return rows if len(rows) > 1 else rows[0]


def _number(word):
    try:
        numerator, _, denominator = word.replace("−", "-").partition("/")
        return float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{word!r} is not a number") from None


def write_numbers(array):
    """Write an array of one or two axes the way `parse_numbers` reads it."""
    return "; ".join(" ".join(f"{value:g}" for value in row) for row in np.atleast_2d(array))


class Explorer(widgets.VBox):
    """Controls and the picture of the state that they set; `explore` builds one.

    Parameters
    ----------
    state : frozen dataclass
        What is shown now, by its `picture()`. Setting a control replaces it; an impossible setting
        leaves it, and `message` says why. A state that has an int field `step` and a property
        `steps` gets buttons and a slider to go through them, which `step_label` names and whose
        play button waits `interval` milliseconds a step, if it has these. A property `bounds`, a
        dict of field to (least, most), sets the range of those controls each time; a property
        `idle` names the fields that mean nothing now, whose controls are disabled.
    controls : dict of str to Widget
        A control for each field that the reader may change; its value becomes the field's.
    readers : dict of str to callable, optional
        What turns a control's value into the field's, where they differ (typed arrays).
    more : tuple of str
        The fields that are not the lesson: their controls wait behind a button.
    page : dict or str
        What a page without Python keeps: for the name of a control the values that it gets there
        (``...`` is all of a menu's, a whole number so many from the least to the most), or why the
        page has a still picture. Steps are always kept.
    """

    def __init__(self, state, controls, readers=None, more=(), page=None):
        self.state, self.message, self.page = state, "", {} if page is None else page
        self.wrong = None  # the field whose control made the setting impossible
        self.controls, self._readers = dict(controls), readers or {}
        self._read = {}  # fields as read from their controls; an error where that failed
        self._waits = False  # while more changes come, nothing is shown
        self._following = False  # while the controls follow the state, they do not set it
        self.screen = Stage(steers=hasattr(state, "steps"))
        self.screen.on_msg(self._told)
        self.screen.observe(lambda _: self._show(motion=False), "room")
        rows = [self.screen]
        # what is wrong, and whether it stands beside the control that made it so
        self.note, self.noted = widgets.HTML(layout={"display": "none"}), False
        if self.controls:
            row = [*self._laid_out(more), self.note]
            for place, child in enumerate(row):
                child.layout.order = str(2 * place)  # so that the note can go between
            self.settings_row = widgets.HBox(row, layout=WRAPPED)
            rows.insert(0, self.settings_row)
        if hasattr(state, "steps"):
            rows.insert(-1, self._transport())
        super().__init__(rows, layout={"max_width": "960px"})
        self.add_class("cnnbook-explorer")
        for control in self.controls.values():
            control.observe(self._update, "value")
        self._fit_controls()
        self._show()

    def _laid_out(self, more):
        """List the controls, those of `more` behind a button that shows them."""
        late = [self.controls[name] for name in more]
        row = [control for control in self.controls.values() if control not in late]
        if not late:
            return row
        self.more = widgets.ToggleButton(icon="sliders", tooltip="", layout={"width": "138px"})
        self.more.add_class("cnnbook-more")

        def show(_):
            self.more.description = "Fewer settings" if self.more.value else "More settings"
            for control in late:
                control.layout.display = None if self.more.value else "none"

        self.more.observe(show, "value")
        show(None)
        return [*row, self.more, *late]

    def _transport(self):
        step, last = self.state.step, self.state.steps - 1
        look = {"description": getattr(self.state, "step_label", "Step"), "readout": False}
        self.step = IntSlider(step, 0, last, style=LABELS, **look)
        self.step.layout.width = "260px"
        interval = getattr(self.state, "interval", 700)
        self.play = Player(value=step, min=0, max=last, interval=interval)
        widgets.link((self.play, "speed"), (self.screen, "speed"))
        self.step.observe(self._update, "value")  # first the picture, then the play button
        widgets.link((self.play, "value"), (self.step, "value"))
        moves = {
            ("fast-backward", "First step"): lambda _: self.go_to(0),
            ("step-backward", "Previous step"): lambda _: self.go_to(self.step.value - 1),
            ("step-forward", "Next step"): lambda _: self.go_to(self.step.value + 1),
            ("fast-forward", "Last step"): lambda _: self.go_to(self.step.max),
        }
        self.buttons = [widgets.Button(icon=i, tooltip=t, description=t) for i, t in moves]
        for button, move in zip(self.buttons, moves.values(), strict=True):
            button.layout.width = "36px"
            button.add_class("cnnbook-icon")
            button.on_click(move)
        row = [*self.buttons[:2], self.play, *self.buttons[2:], self.step]
        return widgets.HBox(row, layout={"align_items": "center", "flex_flow": "row wrap"})

    def _told(self, _, content, buffers):
        ((kind, what),) = content.items()
        {"touch": self.touch, "hover": self.hover, "key": self.press}[kind](what)

    def touch(self, part):
        """Do what a click on a part of the picture does: the state's `touched` says what."""
        changed = self.state.touched(*part)
        if not changed:  # pointing at it says all
            return
        step = changed.pop("step", None)
        with self._one_picture():
            for field in changed.keys() & self.controls.keys():
                self.controls[field].value = changed.pop(field)
            if changed:
                self.state, self.message = replace(self.state, **changed), ""
                self._say_what_is_wrong(None)
            if step is not None:  # the last: another setting may have other steps
                self.step.value = min(max(step, 0), self.step.max)

    @contextmanager
    def _one_picture(self):
        """Show once what several changes come to, and send the picture before the controls."""
        late = [*self.controls.values(), *([self.step, self.play] if hasattr(self, "step") else ())]
        with ExitStack() as held:
            for control in late:
                held.enter_context(control.hold_sync())
            self._waits = True
            try:
                yield
            finally:
                self._waits = False
            self._show()

    def hover(self, part):
        """Show what a part of the picture has to say, while the pointer is over it."""
        other = part and self.state.hovered(*part)
        self._show(other, motion=False)

    def press(self, key):
        """Go through the steps by the keys of a keyboard: up and down by a row."""
        down = getattr(getattr(self.state, "inner", None) or self.state, "across", 1)
        moves = {"ArrowLeft": -1, "ArrowRight": 1, "ArrowUp": -down, "ArrowDown": down}
        ends = {"Home": 0, "End": self.step.max}
        self.go_to(ends[key] if key in ends else self.step.value + moves[key])

    def go_to(self, step):
        """Show a step, the nearest one if there is no such."""
        with self._one_picture():
            self.step.value = min(max(step, 0), self.step.max)

    def settings(self):
        """Return the fields that the controls ask for now; what is typed is read once."""
        for name, control in self.controls.items():
            if name not in self._read:
                try:
                    read = self._readers.get(name)
                    self._read[name] = read(control.value) if read else control.value
                except ERRORS as error:
                    self._read[name] = error
        for value in self._read.values():
            if isinstance(value, ERRORS):
                raise value
        return dict(self._read)

    def _update(self, change):
        if self._following:
            return
        stepped = hasattr(self, "step") and change["owner"] is self.step
        if not stepped:
            changed = [n for n, control in self.controls.items() if control is change["owner"]]
            self._read.pop(changed[0], None)
            wrong = changed[0]
        try:
            if stepped and not self.message and hasattr(self.state, "at"):
                self.state = self.state.at(self.step.value)
            elif hasattr(self, "step"):
                # another setting may have fewer steps: judge it at its first one
                wanted = replace(self.state, **self.settings(), step=0)
                step = min(self.step.value, wanted.steps - 1)
                self.state, self.message = replace(wanted, step=step), ""
                self._set_steps(wanted.steps, step)
            else:
                self.state, self.message = replace(self.state, **self.settings()), ""
            if not stepped:
                self._fit_controls()
        except ERRORS as error:
            self.message = str(error)
        if self.message or self.wrong:
            self._say_what_is_wrong(self.wrong if stepped else wrong)
        self._show()

    def _say_what_is_wrong(self, name):
        """Mark the control of a field, the last that was changed, and put the message after it.

        What cannot be read is wrong wherever it stands.
        """
        unread = [field for field, value in self._read.items() if isinstance(value, ERRORS)]
        name = (unread[0] if unread else name) if self.message else None
        for field, control in self.controls.items():
            (control.add_class if field == name else control.remove_class)("cnnbook-wrong")
        self.wrong = name
        if not hasattr(self, "settings_row"):
            return
        control, row = self.controls.get(name), self.settings_row.children
        self.noted = self.settings_row in self.children and control in row
        self.note.layout.display = None if self.noted else "none"
        if self.noted:  # other children would be shown anew, without the focus that they had
            self.note.layout.order = str(int(control.layout.order) + 1)
            if control.layout.display == "none":
                self.more.value = True
        look = 'class="cnnbook cnnbook-note" role="alert" style="color:var(--cnn-kernel-words)"'
        words = f"<b>No such setting:</b> {escape(self.message)}" if self.message else ""
        self.note.value = f"<p {look}>{words}</p>"

    def _fit_controls(self):
        """Give controls the range that the state allows now; one without a choice is disabled."""
        for name, (least, most) in getattr(self.state, "bounds", {}).items():
            control = self.controls[name]
            self._following = True
            with control.hold_sync():
                control.max = max(most, control.max)  # min may not pass it on the way
                control.min, control.max = least, most
                control.value, control.disabled = getattr(self.state, name), least == most
            self._following = False
            self._read.pop(name, None)
        if hasattr(self.state, "idle"):
            for name, control in self.controls.items():
                control.disabled = name in self.state.idle

    def _set_steps(self, steps, step):
        self._following = True
        for control in (self.step, self.play):
            with control.hold_sync():
                control.value = min(control.value, steps - 1)
                control.max = steps - 1
                control.value = step
        self._following = False

    def _show(self, state=None, motion=True):
        if self._waits:
            return
        whole = ROOM.set(max(self.screen.room, NARROWEST))
        try:
            picture = (state or self.state).picture()
        finally:
            ROOM.reset(whole)
        shown, role, style = picture.svg(css=False), "status", "line-height:normal"
        if self.message:  # the picture before stays in its place, pale
            shown = f'<div style="opacity:.3">{shown}</div>'
            if not self.noted:  # at no control
                look = 'class="cnnbook" style="color:var(--cnn-kernel-words)"'
                said = f"<b {look}>No such setting:</b> {escape(self.message)}"
                look = "position:absolute;margin:0;padding:4px 8px"
                look += ";background:var(--jp-layout-color1)"
                shown = f'<p style="{look}">{said}</p>{shown}'
                role, style = "alert", f"{style};position:relative"
        seen = getattr(self.state, "inner", None) or self.state
        if hint := getattr(seen, "hint", ""):
            shown += f'<p class="cnnbook-hint">{hint}</p>'
        with self.screen.hold_sync():
            self.screen.motion = motion
            self.screen.value = f'<div role="{role}" style="{style}">{shown}</div>'

    def __repr__(self):
        return repr(self.state.picture())

    def _repr_mimebundle_(self, **options):
        # the picture stands where no kernel runs: on GitHub, on paper, before the first run
        data = super()._repr_mimebundle_(**options) or {}
        picture, about = self.state.picture()._repr_mimebundle_()
        return {**data, **picture}, about


# ---------------------------------------------------------------- a table of controls


def explore(state, more=(), page=None, **controls):
    """Open a state with a control for each field that is named, in this order, `more` hidden.

    What a `page` keeps is said as for `Explorer`. Each control is what `whole`, `slider`,
    `sliders`, `choice`, `switch` or `numbers` return: called with a field's name and value, it
    returns a control and what reads its value, or None where the value is the field's.
    """
    built = {name: control(name, getattr(state, name)) for name, control in controls.items()}
    readers = {name: read for name, (_, read) in built.items() if read}
    controls = {name: widget for name, (widget, _) in built.items()}
    return Explorer(state, controls, readers, more, page)


def _look(label, width):
    look = {"description": label, "style": LABELS, "layout": {"width": width}}
    return {**look, "tooltip": ""}  # without one, a mouse at rest shows "null"


def whole(least, most, label=None, *, width="150px"):
    """A whole number to type."""

    def build(name, value):
        return widgets.BoundedIntText(value, least, most, **_look(label or name, width)), None

    return build


def slider(least, most, label=None, *, step=1, width="290px", readout=True):
    """A number to slide to: a whole one if `step` is."""
    kind = IntSlider if isinstance(step, int) else FloatSlider

    def build(name, value):
        options = {"min": least, "max": most, "step": step, "readout": readout}
        return kind(value, **options, **_look(label or name, width)), None

    return build


def _of_all(name):
    """A property that all controls of a row share."""

    def put(row, value):
        for control in row.children:
            setattr(control, name, value)

    return property(lambda row: getattr(row.children[0], name), put)


class Several(widgets.HBox):
    """Controls for the entries of one tuple, which is the `value`."""

    value = traitlets.Tuple()
    min, max, disabled = map(_of_all, ("min", "max", "disabled"))

    def __init__(self, controls):
        super().__init__(controls, layout=WRAPPED, value=tuple(c.value for c in controls))
        self.observe(self._spread, "value")
        for control in controls:
            control.observe(self._gather, "value")

    def _gather(self, _):
        self.value = tuple(control.value for control in self.children)

    def _spread(self, change):
        with self.hold_trait_notifications():
            for control, value in zip(self.children, change["new"], strict=True):
                control.value = value


def sliders(labels, least, most, *, step, width="290px"):
    """A slider for each entry of a tuple."""

    def build(name, value):
        one = [slider(least, most, label, step=step, width=width) for label in labels]
        return Several([make(name, v)[0] for make, v in zip(one, value, strict=True)]), None

    return build


def choice(options, label=None, *, width="250px"):
    """One of several values; a dict names them, and one of its values may be None."""
    named = isinstance(options, dict)
    nothing = named and None in options.values()
    if named:  # a menu takes None for no choice at all
        options = [(words, "" if value is None else value) for words, value in options.items()]

    def build(name, value):
        value = "" if value is None else value
        menu = widgets.Dropdown(options=list(options), value=value, **_look(label or name, width))
        return menu, (lambda chosen: None if chosen == "" else chosen) if nothing else None

    return build


def switch(label=None, *, width="auto"):
    """On or off."""

    def build(name, value):
        return widgets.Checkbox(value, indent=False, **_look(label or name, width)), None

    return build


def numbers(label=None, *, width="330px", empty=False):
    """An array to type, rows split by semicolons; where it may be `empty`, nothing means None."""

    def build(name, value):
        typed = "" if value is None else write_numbers(np.asarray(value))
        rank = 1 if value is None else np.ndim(value)  # a row typed for a matrix stays one
        look = _look(label or name, width)
        look["tooltip"] = "rows split by semicolons; Enter applies"
        text = widgets.Text(typed, continuous_update=False, **look)

        def read(typed):
            nothing = empty and not typed.strip()
            return None if nothing else np.array(parse_numbers(typed), ndmin=rank)

        return text, read

    return build
