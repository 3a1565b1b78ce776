"""The learning curve: what its buttons do, in plain Python and in an event loop."""

import asyncio
import re
import sys
import time
from unittest.mock import Mock

import numpy as np
import pytest
from test_numpy_net import small_data, small_network

from cnnbook.figures import LearningCurve
from cnnbook.numpy_net.training import Settings, Trainer
from cnnbook.widgets import learning_curve
from cnnbook.widgets.learning_curve import LearningView


def small_view(**options):
    options = {"trained": 0, "until": 30, "batch_size": 8, **options}
    return learning_curve(small_network(), small_data(), **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 49}, ValueError, "batch_size is 49, must be from 1 to 48"),
        ({"until": 5001}, ValueError, "until is 5001, must be from 1 to 5000"),
        ({"trained": 31}, ValueError, "trained is 31, must be from 0 to 30"),
        ({"rate": 0}, ValueError, "rate is 0, must be more than 0"),
        ({"rate": 1e6, "trained": 5}, FloatingPointError, "is too large"),
        ({"speed": 3}, TypeError, "speed"),
    ],
)
def test_settings_out_of_range_are_named(options, error, message):
    with pytest.raises(error, match=message):
        small_view(**options)


# ---------------------------------------------------------------- the view, in plain Python


def test_without_a_loop_train_runs_to_its_end():
    view = small_view()
    view.actions["Train"].click()
    assert (view.state.trainer.steps, view.state.step, view.step.max) == (30, 30, 30)
    assert view.notice == "30 steps are done; the step slider goes back through them."
    assert (view.progress.value, view.bar.value) == ("30 of 30 steps, 100 %", 30)
    assert not view.running
    expected = Trainer(small_data(), small_network()).advance(30, Settings(batch_size=8))
    assert repr(view) == repr(LearningCurve.of(expected))
    view.learn_one_step()
    assert view.progress.value == "31 of 31 steps, 100 %"
    view.train()  # as many steps again
    assert (view.state.trainer.steps, view.controls["until"].value) == (60, 60)


def test_one_step_reset_and_looking_back():
    view = small_view(trained=4, rate=0.07)
    assert ("0.07", 0.07) in view.controls["rate"].options
    at_start = view.state.trainer.history[0].kernels
    view.actions["One step"].click()
    assert (view.state.trainer.steps, view.state.step, view.state.until) == (5, 5, 30)
    last = view.screen.value
    view.go_to(3)
    assert view.state.step == 3
    assert "after step 3<" in view.screen.value
    view.go_to(99)
    assert view.screen.value == last
    view.actions["Reset"].click()
    assert (view.state.trainer.steps, view.state.step, view.step.max) == (0, 0, 0)
    assert view.progress.value == "0 of 30 steps, 0 %"
    np.testing.assert_array_equal(view.state.trainer.kernels, at_start)
    view.train()
    assert repr(view) == repr(small_view(trained=30, rate=0.07))


def test_every_control_changes_the_next_step_and_says_so():
    settings = {"optimiser": "Adam", "rate": 0.2, "momentum": 0.5, "batch_size": 3, "until": 50}
    for name, value in settings.items():
        view, same = small_view(trained=2), small_view(trained=2)
        view.controls[name].value = value
        assert (getattr(view.state, name), view.state.step) == (value, 2)
        assert view.line.value != same.line.value
        for other in (view, same):
            other.learn_one_step()
            other.learn_one_step()
        assert repr(view) != repr(same)  # of "until", just the axis


def test_a_rate_that_is_too_large_stops_with_a_message():
    view = small_view(rate=1e6)
    view.train()
    assert re.match(r"Stopped: step \d+ brings the loss to .* undone; try a", view.notice)
    assert 'role="alert"' in view.line.value
    assert np.isfinite(view.state.trainer.kernels).all()
    assert "<svg" in view.screen.value
    view.controls["rate"].value = 0.01
    view.train()
    assert view.state.trainer.steps == 30


def test_a_network_that_learned_nothing_is_told():
    images, labels = small_data(classes=2)
    options = {"until": 60, "rate": 1e-4, "trained": 0, "batch_size": 8}
    view = learning_curve(small_network(classes=2), (0 * images, labels), **options)
    view.train()
    assert view.notice.endswith("The loss is that of guessing: try a smaller rate, and Reset.")


@pytest.mark.parametrize(
    ("error", "notice"),
    [
        (RuntimeError("odd"), "Training failed: RuntimeError: odd"),
        (KeyboardInterrupt(), "Interrupted: the 2 steps before are kept."),
    ],
)
def test_an_error_and_an_interrupt_are_told(monkeypatch, error, notice):
    view = small_view(trained=2)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", Mock(side_effect=error))
        view.train()
    assert (view.notice, view.running, view.state.trainer.steps) == (notice, False, 2)
    view.learn_one_step()
    assert view.state.trainer.steps == 3


# ---------------------------------------------------------------- the view, in an event loop


@pytest.fixture
def slowly(monkeypatch):
    """Let a slice hold one step, so that a training takes a while."""
    module = sys.modules[LearningView.__module__]
    monkeypatch.setattr(module, "SLICE", 0.0005)
    monkeypatch.setattr(module, "PAUSE", 0)


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0)


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


def test_in_a_loop_training_lets_others_run_stops_and_goes_on(slowly):
    def disabled(view):
        return [name for name, button in view.actions.items() if button.disabled]

    async def run():
        view = small_view()
        view.train()
        view.train()  # a double click
        assert (view.running, view.notice) == (True, "Training …")
        assert disabled(view) == ["Train", "One step"]
        await until(lambda: view.state.trainer.steps >= 3)
        view.actions["Stop"].click()
        steps = view.state.trainer.steps
        assert not view.running
        assert 3 <= steps < 30
        assert view.notice == f"Stopped: {steps} steps are kept."
        await turns(20)
        assert view.state.trainer.steps == steps
        view.stop()  # once more says nothing new
        view.train()
        await until(lambda: not view.running)
        assert disabled(view) == ["Stop"]
        return view

    assert repr(asyncio.run(run())) == repr(small_view(trained=30))


def test_only_one_training_goes_on_after_stop_and_train(slowly):
    async def run():
        view = small_view()
        view.train()
        first = view._task
        view.stop()
        view.train()
        await until(lambda: view.state.trainer.steps >= 2)
        assert first.cancelled()
        view.reset()
        assert (view.running, view.state.trainer.steps) == (False, 0)
        await turns(20)
        assert (view.state.trainer.steps, view.state.step) == (0, 0)

    asyncio.run(run())


def test_settings_may_change_while_it_runs_and_one_who_looks_back_is_left_there(slowly):
    async def run():
        view = small_view()
        view.train()
        await until(lambda: view.state.trainer.steps >= 3)
        view.controls["rate"].value = 0.001
        assert (view.running, view.notice) == (True, "Training …")
        view.go_to(2)
        await until(lambda: view.step.max >= 12)
        assert view.state.step == 2
        view.go_to(view.step.max)
        await until(lambda: not view.running)
        return view

    view = asyncio.run(run())
    rates = [record.settings.rate for record in view.state.trainer.history[1:]]
    assert rates == sorted(rates, reverse=True)
    assert set(rates) == {0.05, 0.001}
    assert view.state.step == view.step.max == 30  # the last step is followed again


def test_the_digits_are_learned():
    view = learning_curve()
    trainer = view.state.trainer
    assert repr(view).startswith("Step 40 of 300, SGD, rate 0.05, momentum 0.9, batches of 32")
    assert (len(trainer.training[0]), len(trainer.validation[0])) == (1437, 360)
    assert trainer.validation[1][trainer.shown].tolist() == list(range(10))
    accuracies = [record.accuracy for record in trainer.advance(260).history]
    assert accuracies[0] < 0.2 < 0.4 < accuracies[40] < 0.9 < 0.95 <= accuracies[300]


def test_the_text_does_not_hang_on_rounding():
    plain, moved = (learning_curve(trained=0).state.trainer for _ in range(2))
    for array in moved.network.parameters.values():
        array *= 1 + 1e-14 * np.random.default_rng(1).standard_normal(array.shape)
    texts = [repr(LearningCurve.of(t.advance(120))) for t in (plain, moved)]
    assert texts[0] == texts[1]
