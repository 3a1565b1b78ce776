"""A game: find a hidden kernel by hand, then watch gradient descent find it from the same start."""

import itertools
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.checks import real
from cnnbook.figures.hidden_kernel import GOAL, LIMIT, HiddenKernel
from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    cells,
    column,
    image,
    level,
    lines,
    named,
    note,
    over,
    page,
    panel,
    plot,
    row,
    sized,
    text,
)
from cnnbook.figures.state import State, state

MOST = 200  # steps of gradient descent
LOST = 100  # times the start's loss at which gradient descent is stopped
HINT, HINT_COST, HINT_AFTER = "hint", 3, 10  # a hint counts as 3 moves; there is none before 10


class Run(NamedTuple):
    """How gradient descent ended at a rate: after so many steps, at this share of the loss."""

    rate: float
    steps: int
    share: float

    @property
    def outcome(self):
        """Whether it arrived, diverged, or was too slow."""
        return "arrived" if self.share <= GOAL else "diverged" if self.share > 1 else "too slow"


@state
class Descent(State):
    """The reader's moves towards a hidden kernel, and the steps of gradient descent."""

    hill: HiddenKernel
    weights: tuple | None = None  # (n,) in the reader's hand; those at the start when not given
    moves: tuple = ()  # the weights after each move, or HINT
    walk: tuple = ()  # weights of gradient descent: at the start, then after each step
    judged: int | None = None  # entries of `moves` that came before gradient descent ran
    rate: float | None = None  # of gradient descent; the level's when not given
    runs: tuple = ()  # a `Run` for each rate that was tried
    beside: bool = False  # whether the kernel stands beside the picture, to be dragged

    def __post_init__(self):
        if self.weights is None:
            object.__setattr__(self, "weights", tuple(self.hill.start))
        count = len(self.hill.start)
        for weights in (self.weights, *(m for m in self.moves if m != HINT), *self.walk):
            if np.shape(weights) != (count,):
                raise ValueError(f"weights have shape {np.shape(weights)}, expected ({count},)")
        if self.rate is None:
            object.__setattr__(self, "rate", self.hill.rules.rate or 0.1)
        real("rate", self.rate, above=True)

    # ------------------------------------------------------------ the reader

    @property
    def chooses_rate(self):
        """Whether the rate is all that the reader decides."""
        return self.hill.rules.rate is None

    @cached_property
    def counts(self):
        """Moves that count after each entry of `moves`, and 0 before them."""
        costs = (HINT_COST if move == HINT else 1 for move in self.moves)
        return list(itertools.accumulate(costs, initial=0))

    @cached_property
    def placed(self):
        """Weights at the start and after each entry of `moves`."""
        places = [tuple(self.hill.start)]
        for move in self.moves:
            places.append(places[-1] if move == HINT else tuple(move))
        return places

    @cached_property
    def shares(self):
        """Loss of each of `placed` as a share of that at the start."""
        return self.hill.share(self.placed).tolist()

    @property
    def measured(self):
        """Whether the weights in the reader's hand are those of the last move."""
        return np.allclose(self.weights, self.placed[-1])

    @property
    def hinted(self):
        """Whether the arrows of a hint are seen: nothing has moved since it was bought."""
        return bool(self.moves) and self.moves[-1] == HINT

    @property
    def may_buy(self):
        """Whether a hint can be bought: after ten moves, before gradient descent runs."""
        return self.counts[-1] >= HINT_AFTER and not self.walk and not self.hinted

    @cached_property
    def downhill(self):
        """Minus the gradient where the last move ended, (n,), its largest entry scaled to ±1."""
        gradient = self.hill.gradient(self.placed[-1])
        return -gradient / (np.abs(gradient).max() or 1)

    @cached_property
    def arrived(self):
        """Moves that the reader needed, or None; those after gradient descent do not count."""
        until = len(self.moves) if self.judged is None else self.judged
        known = zip(self.counts[: until + 1], self.shares, strict=False)
        return next((count for count, share in known if share <= GOAL), None)

    @cached_property
    def fixed(self):
        """How far the reader's points fix a quadratic: numbers known, and numbers needed."""
        points = np.array(self.placed)
        pairs = itertools.combinations_with_replacement(points.T, 2)
        terms = np.array([np.ones(len(points)), *points.T, *(a * b for a, b in pairs)])
        return int(np.linalg.matrix_rank(terms)), len(terms)

    @property
    def seen(self):
        """Whether the landscape is drawn: the points fix it, or gradient descent has run."""
        known, needed = self.fixed
        fixed = known == needed and not self.hill.rules.edges
        return fixed or bool(self.walk) or self.chooses_rate

    # ------------------------------------------------------------ gradient descent

    @cached_property
    def walked(self):
        """Loss at the start and after each step of gradient descent, as a share of the start's."""
        return self.hill.share(np.array(self.walk)).tolist() if self.walk else []

    @property
    def run(self):
        """How gradient descent stands now."""
        return Run(self.rate, len(self.walk) - 1, self.walked[-1])

    @property
    def shown(self):
        """The weights that the cells show: the reader's, where he has any."""
        return self.walk[-1] if self.walk and self.chooses_rate else self.weights

    @property
    def finished(self):
        """Whether gradient descent has arrived, diverged, or used up its steps."""
        return bool(self.walk) and (not GOAL < self.walked[-1] < LOST or len(self.walk) > MOST)

    @property
    def next_weights(self):
        """The weights of gradient descent after one more step."""
        here = self.walk[-1]
        return tuple((here - self.rate * self.hill.gradient(here)).tolist())

    # ------------------------------------------------------------ in words

    @property
    def standing(self):
        """Where the reader stands, or what there is to do."""
        if self.chooses_rate:
            return f"The rate is {format_number(self.rate)}. {self._rates_so_far()}"
        if self.hinted:
            order = sorted(range(len(self.downhill)), key=lambda k: -abs(self.downhill[k]))
            steep = [k for k in order[:3] if abs(self.downhill[k]) > 0.01]
            turns = ("raise" if self.downhill[k] > 0 else "lower" for k in steep)
            turns = [f"{turn} {self._name(k)}" for turn, k in zip(turns, steep, strict=True)]
            words = f"Downhill, steepest first: {', '.join(turns)}."
            return words if turns else "The gradient is 0 here."
        if not self.moves:
            return f"The loss is {format_number(self.hill.at_start)}. Bring it to 1 % of that."
        now = f"{_count(self.counts[-1], 'move')}: {of_start(self.shares[-1])}."
        if self.arrived is not None:
            return f"{now} You are there!"
        return f"{now} A hint costs {HINT_COST} moves." if self.may_buy else now

    def _name(self, number):
        return "w[{}, {}]".format(*self.hill.rules.free[number])

    @property
    def verdict(self):
        """Who arrived with fewer moves; empty before gradient descent runs."""
        if not self.walk:
            return ""
        steps, share = _count(self.run.steps, "step"), of_start(self.run.share)
        if self.chooses_rate:
            how = f"stands at {share} after {steps}"
            if self.finished and self.run.outcome != "too slow":
                arrived = self.run.outcome == "arrived"
                how = f"arrives in {steps}" if arrived else f"diverges: {share} after {steps}"
            return f"Rate {format_number(self.rate)} {how}. {self._rates_so_far()}"
        if self.run.outcome != "arrived":
            return f"Gradient descent stands at {share} after {steps}."
        words = [f"Gradient descent needed {steps}.", self._comparison()]
        if self.hill.rules.edges:
            words.append(self._which())
        elif len(self.hill.start) > 1 and self.hill.one_by_one is not None:
            best = _count(self.hill.one_by_one, "move")
            words.append(f"One weight at a time, the best one to its best value: {best}.")
        return " ".join(words)

    def _comparison(self):
        judged = len(self.moves) if self.judged is None else self.judged
        if self.arrived is None:
            made = _count(self.counts[judged], "move")
            stood = f"You stood at {of_start(self.shares[judged])} after {made}."
            return stood if judged else "You had not moved."
        ahead = self.run.steps - self.arrived
        won = "a draw" if not ahead else "you beat it" if ahead > 0 else "it beat you"
        return f"You needed {_count(self.arrived, 'move')}: {won}."

    def _which(self):
        """Say which of the two kernels that fit each has found."""
        ends = {"It": self.walk[-1]}
        if self.arrived is not None:
            ends["You"] = self.placed[self.counts.index(self.arrived)]
        hidden = {who: np.dot(end, self.hill.hidden) > 0 for who, end in ends.items()}
        turned = {True: "", False: " rotated by 180°"}
        found = (f"{who} found the hidden kernel{turned[same]}." for who, same in hidden.items())
        return f"{' '.join(found)} Both fit: the target has lost the sign."

    def _rates_so_far(self):
        arrived = [run for run in self.runs if run.outcome == "arrived"]
        words = ["Let it run, and find the rate that needs the fewest steps."]
        if arrived:
            best = min(arrived, key=lambda run: run.steps)
            words = [f"Your best: {format_number(best.rate)}, {_count(best.steps, 'step')}."]
        largest = format_number(self.hill.curvatures[0][-1])
        bound = f"2 / {largest} = {format_number(self.hill.largest_rate)}"
        words.append(
            f"The largest stable rate is 2 / largest curvature = {bound}."
            if self.overshot
            else "Overshoot once, and you are told the largest stable one."
        )
        return " ".join(words)

    @property
    def overshot(self):
        """Whether a rate was tried that diverges."""
        return any(run.outcome == "diverged" for run in self.runs)

    @property
    def description(self):
        """The game in words and numbers."""
        rows = self.hill.kernel(self.shown)
        kernel = "; ".join(" ".join(map(format_number, values)) for values in rows)
        said = self.verdict or self.standing
        return f"Level {self.hill.level}, {self.hill.rules.name}: the kernel is {kernel}. {said}"

    # ------------------------------------------------------------ its picture

    def picture(self):
        """Draw the pictures, the loss of every move, and the landscape where there is one."""
        name = text(f"Level {self.hill.level}: {self.hill.rules.name}", size=14, bold=True)
        heading = row(name, text(self.hill.rules.task, role="muted"), gap=24)
        board = column(heading, _photos(self), row(_losses(self), _ground(self), gap=GAP), gap=14)
        if not self.beside:
            board = row(_kernel(self), sized(board, BOARD), gap=36)
        return page(board, width=BOARD, description=self.description)


def of_start(share):
    """Write a loss as a share of that at the start.

    >>> of_start(0.0123), of_start(0.5), of_start(103)
    ("1.2 % of the start's loss", "50 % of the start's loss", "103 times the start's loss")
    """
    if share >= 10:
        return f"{f'{share:.0f}' if share < 1000 else 'over 1000'} times the start's loss"
    return f"{percent(share)} of the start's loss"


def percent(share):
    """Write a share in percent: one decimal where it is small."""
    number = 100 * share
    if 1e-9 < number < 0.1:
        return "under 0.1 %"
    return f"{number:.1f} %" if 0.1 <= number < 9.95 else f"{number:,.0f} %"


def _count(number, word):
    return f"{number} {word}{'s' * (number != 1)}"


# ---------------------------------------------------------------- drawing

SIDE, GAP = 182, 14  # of a picture, and between two of them
BOARD = 576
CELL, SMALL = 56, 36  # sides of a weight's cell
GROUND = 190  # a side of the landscape


def _kernel(game):
    """The reader's kernel, with the arrows of a hint."""
    weights = game.hill.kernel(game.shown)
    free = np.zeros((3, 3), bool)
    free[tuple(zip(*game.hill.rules.free, strict=True))] = True
    grid = cells(weights, cell=CELL, role="kernel", largest=1, muted=~free, longest=4)

    def arrows(picture, x, y):
        for (i, j), size in zip(game.hill.rules.free, game.downhill, strict=True):
            across, middle = x + (j + 0.92) * CELL, y + (i + 0.5) * CELL
            half = 0.4 * CELL * size
            if abs(half) > 1:
                with picture.part("downhill"):
                    ends = (across, middle + half), (across, middle - half)
                    picture.arrow(*ends, stroke="gradient", stroke_width=2, head=5)

    grid = over(grid, arrows) if game.hinted else grid
    whose = "its kernel" if game.chooses_rate else "your kernel"
    return panel(whose, "a move turns one weight", named("weights", grid), "kernel")


def _photos(game):
    """The target, the reader's picture, and the difference or gradient descent's picture."""
    hill, role = game.hill, "gradient"
    most = np.abs(hill.target).max()

    def shown(title, caption, values, role):
        grey = values / most if hill.rules.edges else (values / most + 1) / 2
        return panel(title, caption, named(title, image(grey, SIDE, role=role)), width=SIDE)

    zero = "black is 0" if hill.rules.edges else "0 is middle grey"
    target = shown("target", f"hidden kernel, {zero}", hill.target, "output")
    if game.walk or game.chooses_rate:
        walk, walked = game.walk or (hill.start,), game.walked or [1]
        caption = f"{_count(len(walk) - 1, 'step')}: {percent(walked[-1])}"
        third = shown("gradient descent's", caption, hill.output(walk[-1]), role)
    else:
        away = 1 - np.abs(hill.output(game.weights) - hill.target) / most
        third = named("difference", image(away, SIDE, role="line"))
        third = panel("difference", "white is none", third, width=SIDE)
    if game.chooses_rate:
        return row(target, third, _rates(game), gap=GAP)
    caption = of_start(game.shares[-1])
    caption = caption if game.measured else "let go: the loss is measured"
    return row(target, shown("yours", caption, hill.output(game.weights), "kernel"), third, gap=GAP)


def _path(xs, ys, role, size=3.5, *, joined=True):
    """A layer of a plot: points, and a line from each to the next where they are `joined`."""

    def layer(picture, place):
        points = list(map(place, xs, ys))
        with picture.part("path", role):
            if joined and len(points) > 1:
                picture.line(*points, stroke=role, stroke_width=1.5)
            for k, (x, y) in enumerate(points):
                box = x - size, y - size, 2 * size, 2 * size
                picture.rect(*box, fill=role, radius=size, at=(k,))

    return layer


def _line(points, role, **style):
    """A layer of a plot: a line through (x, y) values."""

    def layer(picture, place):
        with picture.part("curve"):
            picture.line(*(place(x, y) for x, y in points.tolist()), stroke=role, **style)

    return layer


def _who(role, words):
    """A name beside a dot in its colour."""
    return row(text("●", role=role), note(words), gap=6)


def _losses(game):
    """The loss after every move and every step, as a share of that at the start."""
    steps = max(len(game.walk) - 1, 0)
    furthest = max(game.counts[-1], steps)
    end = next((end for end in (12, 24, 48, 96, MOST) if end >= furthest), furthest)
    top = LOST if game.chooses_rate else 10
    layers = [level(GOAL, role="output")]
    who = []
    if not game.chooses_rate:
        layers.append(_path(game.counts, game.shares, "kernel", 3.5 if end <= 24 else 2.5))
        who = [_who("kernel", f"you, {_count(game.counts[-1], 'move')}")]
    if game.walk:
        layers.append(_path(range(steps + 1), game.walked, "gradient", 2))
        who.append(_who("gradient", f"gradient descent, {_count(steps, 'step')}"))
    drawn = plot(
        *layers,
        width=270,
        height=GROUND,
        x=(0, end),
        y=(0.001, top),
        x_ticks=[round(k * end / 4) for k in range(5)],
        y_ticks={k: f"{100 * k:,g} %" for k in (0.001, 0.01, 0.1, 1, 10, 100) if k <= top},
        logarithmic=True,
    )
    drawn = column(sized(row(*who, gap=20), 0, 18), named("loss", drawn), gap=0)
    return panel("loss as a share of the start's", "over moves and steps; the goal is 1 %", drawn)


def _ground(game):
    """What lies under the walk: a parabola, a landscape, or the kernels themselves."""
    draw = {1: _parabola, 2: _landscape, 9: _kernels}[len(game.hill.start)]
    return draw(game)


def _known(game):
    """How far the landscape is known, in a caption."""
    known, needed = game.fixed
    if game.seen:
        return "the loss of all kernels"
    if game.hill.rules.edges:
        return "drawn when gradient descent runs"
    return f"{needed} points fix it: {known} so far"


def _parabola(game):
    """The loss over the only weight."""
    weights = np.linspace(-LIMIT, LIMIT, 121)[:, None]
    curve = np.column_stack([weights, game.hill.share(weights)])
    layers = [_line(curve[curve[:, 1] <= 4], "muted")] if game.seen else []
    if game.walk:
        layers.append(_path(np.ravel(game.walk), game.walked, "gradient"))
    layers.append(_path(np.ravel(game.placed), game.shares, "kernel", joined=False))
    ticks = {"x_ticks": (-1, 0, 1), "y_ticks": {0: "0 %", 1: "100 %", 4: "400 %"}}
    axes = {"x": (-LIMIT, LIMIT), "y": (0, 4), "x_label": game._name(0)}
    drawn = plot(*layers, width=GROUND - 20, height=GROUND, **axes, **ticks)
    return panel("loss over the weight", _known(game), named("ground", drawn))


def _landscape(game):
    """Contour lines of the loss over the two weights, and both walks."""
    layers = []
    if game.seen:
        for share, found in game.hill.contours.items():
            role, width = ("output", 2) if share == GOAL else ("muted", 0.5 + (share == 1))
            layers += [_line(line, role, stroke_width=width) for line in found]
    if game.walk:
        layers.append(_path(*zip(*_within(game.walk), strict=True), "gradient", 2))
    if not game.chooses_rate:
        layers.append(_path(*zip(*game.placed, strict=True), "kernel", 3))
    ticks = {"x_ticks": (-1, 0, 1), "y_ticks": (-1, 0, 1)}
    axes = {"x": (-LIMIT, LIMIT), "y": (-LIMIT, LIMIT)}
    across = f"{game._name(0)} across, {game._name(1)} up"
    drawn = plot(*layers, width=GROUND, height=GROUND, **axes, **ticks, x_label=across)
    return panel("landscape of the loss", _known(game), named("ground", drawn))


def _within(walk):
    """Cut a walk off where it leaves the landscape."""
    walk = np.array(walk)
    for k, (here, there) in enumerate(itertools.pairwise(walk)):
        if np.abs(there).max() > LIMIT:
            step = np.where(there == here, 1e-12, there - here)
            reach = (np.copysign(LIMIT, step) - here) / step
            return np.vstack([walk[: k + 1], here + reach.min() * step])
    return walk


def _kernels(game):
    """What gradient descent has found, and what was hidden."""
    found = game.hill.kernel(game.walk[-1]) if game.walk else np.zeros((3, 3))
    told = np.full((3, 3), game.finished)
    look = {"cell": SMALL, "role": "kernel", "largest": 1, "longest": 4}
    look["write"] = lambda weight: format_number(round(weight, 1))
    mine = cells(found, shown=np.full((3, 3), bool(game.walk)), **look)
    hidden = cells(game.hill.kernel(game.hill.hidden), shown=told, **look)
    told = "found by it" if game.walk else "not yet run"
    first = panel("its kernel", told, named("found", mine))
    second = panel("hidden", "" if game.finished else "told at the end", named("hidden", hidden))
    words = (
        "A quadratic in 9 weights has",
        "55 numbers: a loss tells 1 of",
        "them, a gradient tells 9.",
    )
    if game.finished:
        far = format_number(round(np.abs(np.subtract(game.walk[-1], game.hill.hidden)).max(), 1))
        words = f"Its weights are up to {far} off:", "some directions hardly", "change the loss."
    return column(row(first, second, gap=GAP), lines(*words, size=12, role="muted"), gap=6)


def _rates(game):
    """Steps that each rate needed, and the largest stable rate once it was passed."""
    hill = game.hill

    def runs(picture, place):
        for run in game.runs:
            x, y = place(run.rate, run.steps if run.outcome == "arrived" else MOST)
            with picture.part("run", run.outcome):
                if run.outcome == "diverged":
                    picture.line((x - 4, y - 4), (x + 4, y + 4), stroke="kernel")
                    picture.line((x - 4, y + 4), (x + 4, y - 4), stroke="kernel")
                else:
                    picture.rect(x - 3.5, y - 3.5, 7, 7, fill="gradient", radius=3.5)

    bound = np.array([[hill.largest_rate, 1], [hill.largest_rate, MOST]])
    layers = [_line(bound, "kernel", dashed=True)] if game.overshot else []
    drawn = plot(
        *layers,
        runs,
        width=SIDE - 38,
        height=SIDE - 48,
        x=(0, 1),
        y=(5, MOST),
        x_ticks=(0, 0.5, 1),
        y_ticks=(5, 10, 20, 50, 100, MOST),
        x_label="rate",
        logarithmic=True,
    )
    caption = "× diverged; dashed: the limit" if game.overshot else "one point for each run"
    return panel("steps needed", caption, named("rates", drawn), width=SIDE)
