"""Beat gradient descent: the hill, the game on it, its picture, and the view that plays it."""

import asyncio
import re
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from picture_checks import check_picture, texts

from cnnbook.figures.descent import HINT, MOST, Descent
from cnnbook.figures.hidden_kernel import GOAL, LEVELS, HiddenKernel
from cnnbook.widgets import beat_gradient_descent
from cnnbook.widgets.beat_gradient_descent import DescentView

IMAGE = np.random.default_rng(0).uniform(size=(14, 17))
EVERY = range(len(LEVELS))
UNIQUE = [k for k, level in enumerate(LEVELS) if not level.edges]
(EDGES,) = (k for k, level in enumerate(LEVELS) if level.edges)
(RATES,) = (k for k, level in enumerate(LEVELS) if level.rate is None)


def some_weights(hill, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, len(hill.start))


def torch_loss(hill, weights):
    """Return the loss of a torch tensor of weights, written again in torch."""
    x = torch.tensor((hill.image - hill.image.mean()) / hill.image.std())[None, None]

    def output(values):
        kernel = torch.zeros(3, 3, dtype=torch.float64)
        for (i, j), value in zip(hill.rules.free, values, strict=True):
            kernel[i, j] = value
        y = F.conv2d(x, kernel[None, None])
        return y.abs() if hill.rules.edges else y

    return F.mse_loss(output(weights), output(torch.tensor(hill.hidden)))


def descend(game, rate=None, most=MOST):
    """Let gradient descent walk, at the level's rate or at another one."""
    game = replace(game, walk=(tuple(game.hill.start),), judged=len(game.moves), rate=rate)
    while not game.finished and len(game.walk) <= most:
        game = replace(game, walk=(*game.walk, game.next_weights))
    return game


# ---------------------------------------------------------------- the hill


@pytest.mark.parametrize("level", EVERY)
def test_loss_and_gradient_are_those_of_torch(level):
    hill = HiddenKernel(IMAGE, level, seed=3)
    weights = torch.tensor(some_weights(hill), requires_grad=True)
    loss = torch_loss(hill, weights)
    loss.backward()
    here = weights.detach().numpy()
    np.testing.assert_allclose(hill.loss(here), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(hill.losses(here), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(hill.gradient(here), weights.grad, rtol=1e-10)
    many = np.stack([here, hill.start, hill.hidden])[None]
    expected = [[hill.loss(each) for each in many[0]]]
    np.testing.assert_allclose(hill.losses(many), expected, rtol=1e-10, atol=1e-20)


@pytest.mark.parametrize("level", UNIQUE)
def test_the_curvature_is_that_of_torch(level):
    hill = HiddenKernel(IMAGE, level)
    expected = torch.autograd.functional.hessian(
        lambda weights: torch_loss(hill, weights), torch.tensor(some_weights(hill))
    )
    np.testing.assert_allclose(hill.hessian, expected, rtol=1e-10)
    np.testing.assert_allclose(hill.largest_rate, 2 / np.linalg.norm(expected, 2), rtol=1e-10)


@pytest.mark.parametrize("level", UNIQUE)
def test_gradient_descent_finds_the_hidden_kernel_where_only_one_fits(level):
    hill = HiddenKernel(IMAGE, level)
    weights = hill.start
    for _ in range(400):
        weights = weights - 0.7 * hill.largest_rate * hill.gradient(weights)
    np.testing.assert_allclose(weights, hill.hidden, atol=1e-8)


def test_where_the_sign_is_lost_the_rotated_kernel_fits_too_and_the_start_decides():
    found = set()
    for seed in range(6):
        hill = HiddenKernel(IMAGE, EDGES, seed)
        np.testing.assert_array_equal(
            hill.kernel(-hill.hidden), hill.kernel(hill.hidden)[::-1, ::-1]
        )
        assert hill.loss(-hill.hidden) == hill.loss(hill.hidden) == 0
        assert hill.loss(0 * hill.hidden) > 0.1
        weights = hill.start
        for _ in range(400):
            weights = weights - LEVELS[EDGES].rate * hill.gradient(weights)
        sign = np.sign(weights @ hill.hidden)
        np.testing.assert_allclose(weights, sign * hill.hidden, atol=1e-6)
        found.add(sign)
    assert found == {-1, 1}


@pytest.mark.parametrize("level", UNIQUE)
def test_just_under_the_largest_rate_it_converges_and_just_over_it_diverges(level):
    hill = HiddenKernel(IMAGE, level)

    def losses(share):
        weights, walked = hill.start, []
        for _ in range(900):
            weights = weights - share * hill.largest_rate * hill.gradient(weights)
            walked.append(hill.share(weights))
        return walked

    assert losses(0.995)[-1] < 1e-6
    over = losses(1.005)
    assert over[-1] > 100
    assert over[-1] > over[-2]


@pytest.mark.parametrize("level", EVERY)
def test_the_levels_of_the_book_arrive_at_their_rate(level):
    for seed in range(3):
        game = Descent(beat_gradient_descent(level, seed=seed).state.hill)
        assert game.rate < game.hill.largest_rate
        assert descend(game).run.outcome == "arrived"


@pytest.mark.parametrize("level", EVERY)
def test_a_seed_is_a_game_and_each_is_worth_playing(level):
    games = [HiddenKernel(IMAGE, level, seed) for seed in range(12)]
    same = HiddenKernel(IMAGE.copy(), level, 5)
    np.testing.assert_array_equal(same.hidden, games[5].hidden)
    np.testing.assert_array_equal(same.start, games[5].start)
    assert len({tuple(hill.hidden) for hill in games}) > 3
    for hill in games:
        tenths = 10 * np.concatenate([hill.hidden, hill.start])
        np.testing.assert_allclose(tenths, tenths.round(), atol=1e-9)  # the cells can reach them
        assert np.abs(tenths).max() <= 10
        assert hill.share(hill.start) == 1
        if level in UNIQUE and len(hill.start) == 2:
            sizes, along = hill.curvatures
            shares = sizes * ((hill.start - hill.hidden) @ along) ** 2
            assert shares.min() > 0.1 * shares.sum()


def test_one_weight_at_a_time_is_counted_as_by_search():
    hill = HiddenKernel(IMAGE, 2, 4)
    weights, moves, grid = hill.start, 0, np.linspace(-3, 3, 6001)
    while hill.share(weights) > GOAL:
        tries = np.repeat(weights[None], 9, 0)
        for k in range(9):
            line = np.repeat(weights[None], len(grid), 0)
            line[:, k] = grid
            tries[k] = line[hill.losses(line).argmin()]
        weights, moves = tries[hill.losses(tries).argmin()], moves + 1
    assert hill.one_by_one == moves
    assert HiddenKernel(IMAGE, 0).one_by_one == 1
    assert HiddenKernel(IMAGE, EDGES).one_by_one is None


@pytest.mark.parametrize("level", [1, EDGES, RATES])
def test_contours_lie_where_the_loss_is_what_they_say(level):
    hill = HiddenKernel(IMAGE, level)
    drawn = {share: lines for share, lines in hill.contours.items() if lines}
    assert GOAL in drawn
    for share, lines in drawn.items():
        for line in lines:
            np.testing.assert_allclose(hill.share(line), share, rtol=0.1, atol=0.01)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": 5}, ValueError, "level is 5, must be from 0 to 4"),
        ({"level": 1.0}, TypeError, "level is 1.0, must be a whole number"),
        ({"seed": -1}, ValueError, "seed is -1, must be from 0 to 9999"),
        ({"seed": 10000}, ValueError, "seed is 10000, must be from 0 to 9999"),
    ],
)
def test_what_is_no_game_is_refused(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        beat_gradient_descent(**options)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.ones((2, 9)), "image has shape (2, 9), expected (H, W) of at least 3 × 3"),
        (np.ones((3, 9, 9)), "image has shape (3, 9, 9)"),
        (np.ones((9, 9)), "not all the same"),
        (np.full((9, 9), np.nan), "finite"),
    ],
)
def test_an_image_without_a_landscape_is_refused(image, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        HiddenKernel(image)


def test_weights_of_another_level_and_rates_that_go_nowhere_are_refused():
    hill = HiddenKernel(IMAGE, 1)
    with pytest.raises(ValueError, match=r"weights have shape \(1,\), expected \(2,\)"):
        Descent(hill, moves=((0.5,),))
    with pytest.raises(ValueError, match="rate is 0, must be finite and above 0"):
        Descent(hill, rate=0)


# ---------------------------------------------------------------- the game


def walk_of(game, steps):
    """A walk of gradient descent that arrives after so many steps."""
    start, hidden = tuple(game.hill.start), tuple(game.hill.hidden)
    walk = (*[start] * steps, hidden)
    return replace(game, walk=walk, judged=len(game.moves))


@pytest.mark.parametrize(
    ("moves", "steps", "said"),
    [
        (0, 4, "needed 4 steps. You had not moved."),
        (3, 4, "needed 4 steps. You needed 3 moves: you beat it."),
        (4, 4, "needed 4 steps. You needed 4 moves: a draw."),
        (5, 4, "needed 4 steps. You needed 5 moves: it beat you."),
        (1, 1, "needed 1 step. You needed 1 move: a draw."),
    ],
)
def test_the_verdict_says_who_needed_fewer_moves(moves, steps, said):
    hill = HiddenKernel(IMAGE, 0)
    away, hidden = tuple(hill.hidden / 2), tuple(hill.hidden)
    made = (away,) * (moves - 1) + (hidden,) * (moves > 0)
    verdict = walk_of(Descent(hill, moves=made), steps).verdict
    assert verdict == f"Gradient descent {said}"


def test_one_who_did_not_arrive_is_told_where_he_stood():
    hill = HiddenKernel(IMAGE, 0)
    game = walk_of(Descent(hill, moves=(tuple(hill.hidden / 2),)), 4)
    assert game.verdict.endswith("You stood at 25 % of the start's loss after 1 move.")
    later = replace(game, moves=(*game.moves, tuple(hill.hidden)))
    assert later.verdict == game.verdict  # after gradient descent ran, nothing counts
    again = replace(later, judged=2)
    assert again.verdict.endswith("You needed 2 moves: you beat it.")


def test_a_hint_counts_as_three_moves_and_can_be_bought_after_ten():
    hill = HiddenKernel(IMAGE, 1)
    places = [(k / 10, 0.0) for k in range(10)]
    nine = Descent(hill, moves=tuple(places[:9]))
    ten = Descent(hill, weights=places[-1], moves=tuple(places))
    assert (nine.may_buy, ten.may_buy, ten.hinted) == (False, True, False)
    assert ten.standing.endswith("A hint costs 3 moves.")
    hinted = replace(ten, moves=(*ten.moves, HINT))
    assert (hinted.counts[-1], hinted.placed[-1]) == (13, places[-1])
    assert (hinted.hinted, hinted.may_buy) == (True, False)
    gradient = hill.gradient(places[-1])
    order = np.argsort(-np.abs(gradient))
    names, turns = ("w[1, 1]", "w[1, 2]"), np.where(gradient > 0, "lower", "raise")
    advice = ", ".join(f"{turns[k]} {names[k]}" for k in order)
    assert hinted.standing == f"Downhill, steepest first: {advice}."
    found = replace(ten, moves=(*ten.moves, tuple(hill.hidden), HINT))
    assert found.standing == "The gradient is 0 here."
    arrived = replace(hinted, moves=(*hinted.moves, tuple(hill.hidden)))
    assert (arrived.arrived, arrived.hinted, arrived.may_buy) == (14, False, True)
    assert walk_of(ten, 3).may_buy is False


@pytest.mark.parametrize(
    ("level", "places", "known"),
    [
        (0, [0.4], False),
        (0, [0.4, 0.4, 0.4], False),
        (0, [0.4, -0.6], True),
        (1, [(0, 0), (0, 1), (0.5, 1), (0.5, 0.5)], False),
        (1, [(0, 0), (0, 1), (0.5, 1), (0.5, 0.5), (-1, 0.5)], True),
        (1, [(1, k / 10) for k in range(1, 10)], False),  # all on one line
        (EDGES, [(k / 7, (k * k) % 7 / 7) for k in range(9)], False),  # no quadratic
    ],
)
def test_the_landscape_is_drawn_when_the_points_fix_it(level, places, known):
    hill = HiddenKernel(IMAGE, level)
    moves = tuple(tuple(np.atleast_1d(place).astype(float)) for place in places)
    game = Descent(hill, moves=moves)
    assert game.seen is known
    curves = [mark for mark in game.picture().find("ground", "curve")]
    assert bool(curves) is known
    assert descend(game).seen


def test_the_largest_rate_is_told_to_one_who_overshot():
    hill = HiddenKernel(IMAGE, RATES)
    game = Descent(hill)
    assert "Overshoot once" in game.standing
    slow = descend(game, 0.2 * hill.largest_rate)
    slow = replace(slow, runs=(slow.run,))
    assert slow.run.outcome == "arrived"
    steps = len(slow.walk) - 1
    assert f"Your best: {slow.rate:.3g}, {steps} steps." in slow.verdict
    slower = descend(slow, 0.1 * hill.largest_rate)
    assert len(slower.walk) > len(slow.walk)
    fast = descend(slow, 1.1 * hill.largest_rate)
    fast = replace(fast, runs=(slower.run, *slow.runs, fast.run))
    assert fast.run.outcome == "diverged"
    assert fast.verdict.startswith(f"Rate {fast.rate:.3g} diverges: ")
    midway = replace(fast, walk=fast.walk[:5])
    assert midway.verdict.startswith(f"Rate {fast.rate:.3g} stands at ")
    assert f"Your best: {slow.rate:.3g}, {steps} steps." in fast.verdict
    assert f"= {hill.largest_rate:.3g}." in fast.verdict
    assert "Overshoot" not in fast.verdict
    assert len(fast.picture().find("run", "diverged")) == 2
    crawling = descend(game, 1e-4)
    assert crawling.run.outcome == "too slow"
    assert crawling.run.steps == MOST


@pytest.mark.parametrize("level", EVERY)
def test_nothing_overlaps_and_the_size_stays(level):
    hill = beat_gradient_descent(level).state.hill
    game = Descent(hill)
    phases = [game, descend(game)]
    if level != RATES:
        rng = np.random.default_rng(2)
        moves = [tuple(rng.uniform(-1.5, 1.5, len(hill.start)).round(1)) for _ in range(30)]
        played = replace(game, weights=moves[-1], moves=tuple(moves))
        hinted = replace(played, moves=(*moves, HINT))
        phases += [played, hinted, descend(hinted), replace(played, weights=moves[0])]
    for rate in (0.02, 0.3, 0.9) if level == RATES else ():
        run = descend(phases[-1], rate)
        phases.append(replace(run, runs=(*run.runs, run.run)))
    for beside in (False, True):
        pictures = [replace(each, beside=beside).picture() for each in phases]
        for picture in pictures:
            check_picture(picture)
        assert len({picture.size for picture in pictures}) == 1
        assert bool(pictures[0].find("weights")) is not beside
    assert pictures[0].size[1] <= 600


def test_the_walk_is_cut_off_where_it_leaves_the_landscape():
    game = descend(Descent(HiddenKernel(IMAGE, RATES)), 1.0)
    assert game.run.outcome == "diverged"
    drawn = game.picture().find("ground", "path", "gradient")
    assert 2 < len(drawn) < len(game.walk) + 1


# ---------------------------------------------------------------- the view


def place(view, *weights):
    """Drag the weights that a level looks for, and let go."""
    values = view.state.hill.kernel(weights).ravel().tolist()
    view.cells.value = values
    view.cells.moves = [*view.cells.moves, values]


def test_a_drag_shows_and_letting_go_is_a_move():
    view = beat_gradient_descent(1)
    assert view.cells.free == [4, 5]
    assert view.cells.value == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    before = view.screen.value
    view.cells.value = view.state.hill.kernel((0.5, 0.2)).ravel().tolist()
    assert (view.state.weights, view.state.moves) == ((0.5, 0.2), ())
    assert "let go: the loss is measured" in view.screen.value != before
    place(view, 0.5, 0.2)
    assert view.state.moves == ((0.5, 0.2),)
    assert view.notice.startswith("1 move: ")
    place(view, *view.state.hill.hidden)
    assert view.notice == "2 moves: 0 % of the start's loss. You are there!"


def test_two_moves_in_one_message_are_two_and_the_next_drag_stays():
    view = beat_gradient_descent(1)
    kernels = [view.state.hill.kernel(w).ravel().tolist() for w in ((0.5, 0), (0.5, 1), (0.2, 1))]
    with view.cells.hold_trait_notifications():
        view.cells.value = kernels[2]
        view.cells.moves = kernels[:2]
    assert view.state.moves == ((0.5, 0), (0.5, 1))
    assert view.state.weights == (0.2, 1)
    assert view.cells.value == kernels[2]


def test_a_game_without_a_loop_runs_to_its_verdict_and_again_begins_anew():
    view = beat_gradient_descent(0)
    place(view, 0.5)
    place(view, *view.state.hill.hidden)
    view.actions["Let it run"].click()
    expected = "Gradient descent needed 4 steps. You needed 2 moves: you beat it."
    assert view.notice == expected
    assert expected in view.line.value
    assert not view.running
    assert repr(view) == view.state.picture().description
    assert repr(view).endswith(expected)
    view.actions["Again"].click()
    assert (view.state.moves, view.state.walk, view.cells.moves) == ((), (), [])
    assert view.cells.value == [0] * 9
    hidden = view.state.hill.hidden
    place(view, 0.3)  # counted from the beginning
    assert len(view.state.moves) == 1
    view.actions["New game"].click()
    assert (view.seed.value, view.state.moves) == (1, ())
    assert view.state.hill.seed == 1
    np.testing.assert_array_equal(
        beat_gradient_descent(0, seed=1).state.hill.hidden, view.state.hill.hidden
    )
    assert not np.array_equal(view.state.hill.hidden, hidden)


def test_the_hint_is_shown_as_arrows_until_the_next_move():
    view = beat_gradient_descent(2)
    for k in range(10):
        assert view.actions["Hint"].disabled
        view.buy_hint()
        assert view.state.counts[-1] == k
        place(view, *[k / 10] * 9)
    assert not view.actions["Hint"].disabled
    view.actions["Hint"].click()
    gradient = view.state.hill.gradient(view.state.weights)
    arrows = np.array(view.cells.arrows)
    np.testing.assert_allclose(arrows, -gradient / np.abs(gradient).max())
    assert view.actions["Hint"].disabled
    assert view.state.counts[-1] == 13
    assert len(replace(view.state, beside=False).picture().find("downhill")) >= 4
    place(view, *[0.2] * 9)
    assert view.cells.arrows == []
    view.buy_hint()
    assert view.state.counts[-1] == 17


def test_the_rate_is_the_readers_on_the_last_level_only():
    view = beat_gradient_descent(1)
    assert view.rate.layout.display == "none"
    view.level.value = RATES
    assert view.rate.layout.display is None
    assert view.cells.free == []
    start = view.cells.value
    view.rate.value = 0.4
    view.let_it_run()
    assert view.notice.startswith("Rate 0.4 arrives in ")
    assert view.cells.value != start  # the cells show where gradient descent is
    view.rate.value = 0.6
    assert view.cells.value == start
    view.let_it_run()
    assert view.notice.startswith("Rate 0.6 diverges: ")
    assert [run.rate for run in view.state.runs] == [0.4, 0.6]
    view.level.value = 0
    assert (view.rate.layout.display, view.state.rate) == ("none", LEVELS[0].rate)


def test_on_paper_the_kernel_stands_in_the_picture():
    view = beat_gradient_descent(2)
    whole = replace(view.state, beside=False).picture()
    assert "your kernel" in texts(whole)
    assert "your kernel" not in texts(view.state.picture())
    data, _ = view._repr_mimebundle_()
    assert data["image/png"] == whole._repr_mimebundle_()[0]["image/png"]
    assert data["text/plain"] == repr(view)


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0)


def test_in_a_loop_it_can_be_stopped_and_goes_on(monkeypatch):
    monkeypatch.setattr(sys.modules[DescentView.__module__], "PAUSE", 0)

    async def run():
        view = beat_gradient_descent(1)
        view.let_it_run()
        view.let_it_run()  # a double click
        assert (view.running, view.actions["Stop"].disabled) == (True, False)
        await until(lambda: len(view.state.walk) >= 4)
        view.actions["Stop"].click()
        steps = len(view.state.walk) - 1
        assert not view.running
        assert 3 <= steps < 20
        assert view.notice.startswith("Gradient descent stands at ")
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(view.state.walk) - 1 == steps
        place(view, 0.5, 0.5)  # it is the reader's move again, and counts no more
        view.let_it_run()
        assert len(view.state.walk) - 1 == steps
        await until(lambda: not view.running)
        assert (view.state.judged, view.actions["Stop"].disabled) == (0, True)
        assert "You had not moved." in view.notice
        view.let_it_run()  # once more, from the start
        assert (len(view.state.walk), view.state.judged) == (1, 0)
        await until(lambda: len(view.state.walk) >= 3)
        view.new_game()
        assert (view.running, view.state.walk) == (False, ())
        for _ in range(20):
            await asyncio.sleep(0)
        assert view.state.walk == ()

    asyncio.run(run())
