"""Train a small network and watch its loss, its first kernels and its answers change."""

from dataclasses import dataclass, replace

import ipywidgets as widgets

from cnnbook.figures.learning_curve import draw_learning_curve
from cnnbook.widgets.explorer import LABELS, factory
from cnnbook.widgets.learning_view import FURTHEST, LearningView
from cnnbook.widgets.network_inputs import require_count
from cnnbook.widgets.network_trainer import OPTIMISERS, Settings, Trainer

RATES = [k * 10**power for power in (-4, -3, -2, -1, 0) for k in (1, 2, 5)] + [10]


@dataclass(frozen=True, eq=False)
class LearningState:
    """What the widget shows, and how its next step is made.

    Parameters
    ----------
    trainer : Trainer
        Learns and remembers; the state reads its history.
    optimiser, rate, momentum, batch_size
        Of the next steps, see `Settings`.
    until : int
        Step up to which to train, at most 5000.
    step : int
        Which is shown: from 0, before training, to the last one done.

    Raises
    ------
    TypeError, ValueError
        If a setting is out of range, or there is no such step.
    """

    trainer: Trainer
    optimiser: str = Settings.optimiser
    rate: float = Settings.rate
    momentum: float = Settings.momentum
    batch_size: int = Settings.batch_size
    until: int = 300
    step: int = 0

    def __post_init__(self):
        require_count("batch_size", self.settings.batch_size, 1, len(self.trainer.training[0]))
        require_count("until", self.until, 1, FURTHEST)
        require_count("step", self.step, 0, self.trainer.steps)

    @property
    def settings(self):
        """How the next step is made."""
        return Settings(self.optimiser, self.rate, self.momentum, self.batch_size)

    @property
    def steps(self):
        """Number of steps that can be shown, with the one before training."""
        return self.trainer.steps + 1

    @property
    def done(self):
        """Whether all steps asked for are done."""
        return self.trainer.steps >= self.until

    @property
    def plan(self):
        """What a press of Train will do."""
        first = f"Train goes on from step {self.trainer.steps}"
        text = f"{first} to {self.until}: {self.settings}."
        if self.done:
            text = f"{first}: {self.settings}."
        if self.optimiser == "Adam" and self.rate > 0.02:
            text += " Usual for Adam: 0.001 to 0.01."
        return text

    @property
    def progress(self):
        """Steps done, in words and percent."""
        done, goal = self.trainer.steps, max(self.until, self.trainer.steps)
        return f"{done} of {goal} steps, {100 * done // goal} %"

    def picture(self):
        """Draw the step."""
        return draw_learning_curve(self.trainer.curve(self.step, self.until))


@factory
def learning_curve(
    network=None,
    data=None,
    *,
    optimiser=Settings.optimiser,
    rate=Settings.rate,
    momentum=Settings.momentum,
    batch_size=Settings.batch_size,
    until=300,
    trained=40,
    held_out=None,
    seed=0,
):
    """Open a training that can be started, stopped and gone through again.

    Parameters
    ----------
    network : Sequential, optional
        Of `cnnbook.numpy_net`; the first layer that learns is a `Conv2d`. A copy of it learns,
        `view.state.trainer.network`. When not given, a small one with eight kernels of 5 × 5.
    data : (ndarray of shape (N, C, H, W), ndarray of shape (N,)), optional
        Images and their classes, counted from 0; handwritten digits when not given.
    optimiser : {"SGD", "Adam"}
    rate, momentum : float
        Learning rate, and how much of the last step goes on: β₁ in Adam.
    batch_size : int
        Images a step learns from.
    until : int
        Step up to which Train goes, at most 5000.
    trained : int
        Steps that are done before the widget opens.
    held_out : int, optional
        Images that no step learns from; one fifth, at most 360, when not given. They are judged
        after each step: fewer make a large network faster.
    seed : int
        Draws the split, the batches, and the weights of the network if none is given.

    Returns
    -------
    LearningView

    Raises
    ------
    FloatingPointError
        If the loss grows beyond bounds in the steps before the widget opens.
    TypeError, ValueError
        If network and data do not fit, or a setting is out of range.
    """
    trainer = Trainer(network, data, held_out=held_out, seed=seed)
    state = LearningState(trainer, optimiser, rate, momentum, batch_size, until)
    require_count("trained", trained, 0, until)
    trainer.advance(trained, state.settings)
    return LearningView(replace(state, step=trained), _controls(state))


def _controls(state):
    rates = sorted({*RATES, state.rate})
    options = [(f"{rate:g}", rate) for rate in rates]

    def number(name, most, label, width):
        return widgets.BoundedIntText(
            getattr(state, name), 1, most, description=label, style=LABELS,
            layout=widgets.Layout(width=width),
        )  # fmt: skip

    return {
        "optimiser": widgets.Dropdown(
            options=list(OPTIMISERS), value=state.optimiser, description="optimiser",
            style=LABELS, layout=widgets.Layout(width="150px"),
        ),
        "rate": widgets.SelectionSlider(
            options=options, value=state.rate, description="learning rate", style=LABELS,
            layout=widgets.Layout(width="250px"),
        ),
        "momentum": widgets.BoundedFloatText(
            state.momentum, min=0, max=0.99, step=0.05, description="momentum", style=LABELS,
            layout=widgets.Layout(width="140px"),
        ),
        "batch_size": number("batch_size", len(state.trainer.training[0]), "batch size", "135px"),
        "until": number("until", FURTHEST, "up to step", "145px"),
    }  # fmt: skip
