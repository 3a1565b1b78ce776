"""The view of a training: buttons that start and stop it, and a slider back through its steps."""

import asyncio
import time
from dataclasses import replace

import ipywidgets as widgets

from cnnbook.figures.picture import escape
from cnnbook.widgets.explorer import Explorer

FURTHEST = 5000  # steps that the slider holds
SLICE, PAUSE = 0.12, 0.02  # seconds of training between two looks at the buttons, and of looking


class LearningView(Explorer):
    """An `Explorer` whose steps are trained while one watches.

    Training goes on in slices between which the event loop handles messages: so Stop works, and
    so does every other control. Without a running loop, as in plain Python, it runs to its end.

    Parameters
    ----------
    state : LearningState
    controls : dict of str to Widget
        As in `Explorer`.

    Attributes
    ----------
    notice : str
        What the next press of Train will do, or how the last training ended.
    """

    def __init__(self, state, controls):
        self._task, self._span, self._follows, self.notice = None, state.until, True, ""
        self.actions = {}
        for name, icon, action in (
            ("Train", "play", self.train),
            ("Stop", "stop", self.stop),
            ("One step", "step-forward", self.learn_one_step),
            ("Reset", "refresh", self.reset),
        ):
            button = widgets.Button(description=name, icon=icon, layout={"width": "104px"})
            button.on_click(lambda _, action=action: action())
            self.actions[name] = button
        self.actions["Train"].button_style = "primary"
        style = {"bar_color": "#009e73"}
        self.bar = widgets.IntProgress(style=style, layout={"width": "200px"})
        self.progress, self.line = widgets.Label(), widgets.HTML()
        super().__init__(state, controls)
        self.play.interval, self.step.description = 100, "step shown"
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
        if self.state.done:
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
        """Say how a training ended that nothing stopped."""
        curve = self.state.trainer.curve()
        text = f"{len(curve.losses)} steps are done; the step slider goes back through them."
        if len(curve.losses) >= 50 and curve.smoothed[-1] > 0.95 * curve.guess[0]:
            text += " The loss is that of guessing: try a smaller rate, and Reset."
        return text

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
        role, colour = ("alert", "color:#d55e00") if alert else ("status", "opacity:.75")
        text = escape(notice)
        self.line.value = f'<div role="{role}" style="min-height:20px;{colour}">{text}</div>'
        self.progress.value = self.state.progress
        self.bar.max = max(self.state.until, self.state.trainer.steps)
        self.bar.value = self.state.trainer.steps
        for name in ("Train", "One step"):
            self.actions[name].disabled = self.running
        self.actions["Stop"].disabled = not self.running
