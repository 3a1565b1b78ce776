"""Train a small network and watch its loss, its first kernels and its answers change."""

import asyncio
import time
from dataclasses import replace
from functools import cached_property

import ipywidgets as widgets
import numpy as np

from cnnbook.checks import whole as check_whole
from cnnbook.figures.learning_curve import LearningCurve
from cnnbook.figures.picture import escape
from cnnbook.figures.state import State, state
from cnnbook.numpy_net.training import OPTIMISERS, Settings, Trainer
from cnnbook.widgets.explorer import LABELS, Explorer, choice, factory, slider, whole
from cnnbook.widgets.slider import SelectionSlider

RATES = [k * 10**power for power in (-4, -3, -2, -1, 0) for k in (1, 2, 5)] + [10]
FURTHEST = 5000  # steps that the slider holds
SLICE, PAUSE = 0.12, 0.02  # seconds of training between two looks at the buttons, and of looking


@state
class LearningState(State):
    """A trainer at one of its steps, and how its next step is made: the fields of `Settings`."""

    trainer: Trainer  # learns and remembers; the state reads its history
    optimiser: str = Settings.optimiser
    rate: float = Settings.rate
    momentum: float = Settings.momentum
    batch_size: int = Settings.batch_size
    until: int = 300  # step up to which to train, at most 5000
    step: int = 0  # which is shown: from 0, before training, to the last one done

    step_label, interval = "step shown", 100

    def __post_init__(self):
        check_whole("batch_size", self.settings.batch_size, 1, len(self.trainer.training[0]))
        check_whole("until", self.until, 1, FURTHEST)
        self._within("step", self.steps)

    @property
    def settings(self):
        """How the next step is made."""
        return Settings(self.optimiser, self.rate, self.momentum, self.batch_size)

    @property
    def steps(self):
        """Number of steps that can be shown, with the one before training."""
        return self.trainer.steps + 1

    @property
    def plan(self):
        """What a press of Train will do."""
        goal = f" to {self.until}" if self.trainer.steps < self.until else ""
        usual = self.optimiser != "Adam" or self.rate <= 0.02
        hint = "" if usual else " Usual for Adam: 0.001 to 0.01."
        return f"Train goes on from step {self.trainer.steps}{goal}: {self.settings}.{hint}"

    @cached_property
    def start(self):
        """The picture's state before training."""
        return LearningCurve.of(self.trainer, 0, self.until)

    @property
    def inner(self):
        """The picture's state at the step."""
        return self.start.at(self.step)

    def picture(self):
        """Draw the step."""
        return self.inner.picture()


class LearningView(Explorer):
    """An `Explorer` whose steps are trained while one watches.

    Training goes on in slices between which the event loop handles messages: so Stop works, and
    so does every other control. Without a running loop, as in plain Python, it runs to its end.
    The `notice` says what the next press of Train will do, or how the last training ended.
    """

    def __init__(self, state, controls):
        self._task, self._span, self._follows, self.notice = None, state.until, True, ""
        actions = {"Train": ("play", self.train), "Stop": ("stop", self.stop)}
        actions["One step"] = "step-forward", self.learn_one_step
        actions["Reset"] = "refresh", self.reset
        self.actions = {}
        for name, (icon, action) in actions.items():
            button = widgets.Button(description=name, icon=icon, layout={"width": "104px"})
            button.on_click(lambda _, action=action: action())
            self.actions[name] = button
        self.actions["Train"].button_style = "primary"
        style = {"bar_color": "#009e73"}
        self.bar = widgets.IntProgress(style=style, layout={"width": "200px"})
        self.progress, self.line = widgets.Label(), widgets.HTML()
        super().__init__(state, controls)
        *buttons, reset = self.actions.values()
        layout = widgets.Layout(align_items="center", flex_flow="row wrap")
        row = widgets.HBox([*buttons, self.bar, self.progress], layout=layout)
        settings, transport, screen = self.children
        transport.children = widgets.Label("look back"), *transport.children, reset
        self.children = settings, row, self.line, transport, screen
        self._say(state.plan)

    @property
    def running(self):
        """Whether a training goes on."""
        return self._task is not None and not self._task.done()

    def train(self):
        """Train up to the step asked for; if it is reached, for as many steps again."""
        if self.running:
            return
        if self.state.trainer.steps >= self.state.until:
            further = self._span * (self.state.trainer.steps // self._span + 1)
            self.controls["until"].value = min(further, FURTHEST)
        self._follows = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: there is nobody to wait for
            while self._learn_slice(self.state.until):
                pass
        else:
            self._task = loop.create_task(self._learn())
            self._say("Training …")

    async def _learn(self):
        while self._learn_slice(self.state.until):
            await asyncio.sleep(PAUSE)

    def _learn_slice(self, until):
        """Do some steps and show them; return whether there is more to do."""
        trainer, end, problem = self.state.trainer, time.perf_counter() + SLICE, ""
        try:
            while trainer.steps < until and time.perf_counter() < end:
                trainer.advance(1, self.state.settings)
        except FloatingPointError as error:
            problem = f"Stopped: {error}; try a smaller rate."
        except KeyboardInterrupt:
            problem = f"Interrupted: the {trainer.steps} steps before are kept."
        except Exception as error:  # nobody reads the log of a task
            problem = f"Training failed: {type(error).__name__}: {error}"
        going = not problem and trainer.steps < until
        if not going:
            self._task = None
        self._follow()
        self._say(problem or ("Training …" if going else self._verdict()), alert=bool(problem))
        return going

    def _verdict(self):
        learned, steps = self.state.start, self.state.trainer.steps
        guessing = steps >= 50 and learned.smoothed[-1] > 0.95 * learned.guess[0]
        hint = " The loss is that of guessing: try a smaller rate, and Reset." * bool(guessing)
        return f"{steps} steps are done; the step slider goes back through them.{hint}"

    def stop(self):
        """End the training; keep what was learned."""
        if self.running:
            self._task.cancel()
            self._task = None
            self._follow()
            self._say(f"Stopped: {self.state.trainer.steps} steps are kept.")

    def learn_one_step(self):
        """Learn from one more batch."""
        if not self.running:
            self._follows = True
            self._learn_slice(self.state.trainer.steps + 1)

    def reset(self):
        """Go back to the network before training."""
        self.stop()
        self.state = replace(self.state, trainer=self.state.trainer.again(), step=0)
        self._follows = True
        self._follow()
        self._say(self.state.plan)

    def _follow(self):
        """Offer the new steps; show the last one, unless the reader looks at an earlier one."""
        last = self.state.trainer.steps
        step = last if self._follows else self.state.step
        self.state = replace(self.state, step=step)
        self._set_steps(last + 1, step)
        self._show()

    def _update(self, change):
        if change["owner"] is self.step:
            self._follows = self.step.value == self.step.max
        super()._update(change)
        if change["owner"] is not self.step:
            self._say("Training …" if self.running else self.state.plan)

    def _say(self, notice, *, alert=False):
        self.notice = notice
        role, colour = ("alert", "kernel") if alert else ("status", "muted")
        look = f'class="cnnbook" style="min-height:20px;color:var(--cnn-{colour}-words)"'
        self.line.value = f'<div role="{role}" {look}>{escape(notice)}</div>'
        done = self.state.trainer.steps
        goal = max(self.state.until, done)
        self.progress.value = f"{done} of {goal} steps, {100 * done // goal} %"
        self.bar.max, self.bar.value = goal, done
        for name in ("Train", "One step"):
            self.actions[name].disabled = self.running
        self.actions["Stop"].disabled = not self.running


@factory
def learning_curve(network=None, data=None, *, trained=40, held_out=None, seed=0, **settings):
    """Open a training that can be started, stopped and gone through again.

    Parameters
    ----------
    network, held_out, seed
        See `Trainer`; fewer held-out images make a large network faster.
    data : (ndarray of shape (N, C, H, W), ndarray of shape (N,)), optional
        Images and their classes, counted from 0; handwritten digits of 8 × 8 when not given.
    trained : int
        Steps that are done before the widget opens; FloatingPointError if the loss explodes.
    **settings
        `optimiser`, `rate`, `momentum`, `batch_size` and `until`: fields of `LearningState`.
    """
    trainer = Trainer(_digits() if data is None else data, network, held_out=held_out, seed=seed)
    state = LearningState(trainer, **settings)
    trainer.advance(check_whole("trained", trained, 0, state.until), state.settings)
    state = replace(state, step=trained)
    specs = {
        "optimiser": choice(list(OPTIMISERS), width="150px"),
        "rate": _rates,
        "momentum": slider(0, 0.99, step=0.01, width="230px"),
        "batch_size": whole(1, len(trainer.training[0]), "batch size", width="135px"),
        "until": whole(1, FURTHEST, "up to step", width="145px"),
    }
    controls = {name: build(name, getattr(state, name))[0] for name, build in specs.items()}
    return LearningView(state, controls)


def _rates(name, value):
    options = [(f"{rate:g}", rate) for rate in sorted({*RATES, value})]
    look = {"style": LABELS, "layout": {"width": "250px"}, "description": "learning rate"}
    return SelectionSlider(options=options, value=value, **look), None


def _digits():
    from cnnbook.datasets import digits

    data = digits()
    parts = [(part.images.numpy(), part.labels.numpy()) for part in (data.train, data.test)]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
