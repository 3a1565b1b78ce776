"""Find a hidden kernel by hand; then gradient descent starts where you started."""

import asyncio
from dataclasses import replace

import ipywidgets as widgets

from cnnbook.checks import whole
from cnnbook.datasets import photograph
from cnnbook.figures.descent import HINT, HINT_COST, Descent
from cnnbook.figures.hidden_kernel import LEVELS, LIMIT, HiddenKernel
from cnnbook.figures.picture import escape
from cnnbook.widgets.explorer import LABELS, Explorer, factory
from cnnbook.widgets.weight_cells import WeightCells

PHOTOGRAPH, SIDE = "coins", 100  # rows and columns: a picture takes few milliseconds
GAMES = 9999  # the last seed
PAUSE = 0.1  # seconds between two steps of gradient descent
COLUMN = "212px"


class DescentView(Explorer):
    """An `Explorer` of a game: cells to drag, and gradient descent that runs while one watches.

    The steps go on in the event loop, so that Stop works; without a running loop, as in plain
    Python, they run to their end. `notice` says where the game stands.
    """

    def __init__(self, state):
        self._task, self.notice = None, ""
        self.cells = WeightCells(limit=LIMIT)
        super().__init__(state, {}, page="a move is measured, and gradient descent runs, in Python")
        numbered = [(f"{k}: {level.name}", k) for k, level in enumerate(LEVELS)]
        look = {"layout": {"width": "auto"}, "style": LABELS}
        self.level = widgets.Dropdown(options=numbered, description="level", **look)
        self.seed = widgets.BoundedIntText(0, 0, GAMES, description="game", style=LABELS)
        self.seed.layout.width = "96px"
        self.rate = widgets.BoundedFloatText(
            0.1, min=0.01, max=1, step=0.01, description="rate", **look
        )
        actions = {
            "Let it run": ("play", "gradient descent starts where you started", self.let_it_run),
            "Stop": ("stop", "stop gradient descent and keep its steps", self.stop),
            "Hint": ("arrows-v", f"the gradient, for {HINT_COST} moves", self.buy_hint),
            "Again": ("refresh", "the same game from its start", self.again),
            "New game": ("random", "another hidden kernel", self.new_game),
        }
        self.actions = {}
        for name, (icon, tooltip, action) in actions.items():
            look = {"icon": icon, "tooltip": tooltip, "layout": {"width": "101px", "padding": "0"}}
            self.actions[name] = widgets.Button(description=name, **look)
            self.actions[name].on_click(lambda _, action=action: action())
        self.actions["Let it run"].button_style = "primary"
        self.line = widgets.HTML()
        self.level.value, self.seed.value = state.hill.level, state.hill.seed
        for control in (self.level, self.seed):
            control.observe(self._choose, "value")
        self.cells.observe(self._drag, "value")
        self.cells.observe(self._move, "moves")
        self.rate.observe(self._set_rate, "value")
        self._lay_out()
        self._follow()

    def _lay_out(self):
        """Put the kernel and its buttons on the left; on a narrow page, above the picture."""
        *buttons, new = self.actions.values()
        game = widgets.HBox([self.seed, new])
        hand = widgets.VBox([self.level, game, self.cells], layout={"width": COLUMN})
        buttons = widgets.HBox(buttons, layout={"flex_flow": "row wrap"})
        tools = widgets.VBox([self.rate, buttons, self.line], layout={"flex": f"1 0 {COLUMN}"})
        wrapped = {"flex_flow": "row wrap", "align_items": "flex-start"}
        left = widgets.HBox([hand, tools], layout={"flex": f"1 0 {COLUMN}", **wrapped})
        self.screen.layout = widgets.Layout(flex="999 1 584px", min_width="0")
        layout = {"grid_gap": "8px 24px", **wrapped}
        self.children = [widgets.HBox([left, self.screen], layout=layout)]

    # ------------------------------------------------------------ the reader plays

    def _drag(self, change):
        if not self._following:
            self.state = replace(self.state, weights=self._free(change["new"]))
            self._show()

    def _move(self, change):
        """Count each time that a weight was let go as a move."""
        if not self._following:
            new = map(self._free, change["new"][len(change["old"]) :])
            weights = self._free(self.cells.value)  # on a busy machine the next drag has begun
            self.state = replace(self.state, weights=weights, moves=(*self.state.moves, *new))
            self._follow()

    def _free(self, values):
        return tuple(values[number] for number in self._numbers)

    @property
    def _numbers(self):
        return [3 * i + j for i, j in self.state.hill.rules.free]

    def _set_rate(self, change):
        if not self._following:
            self.stop()
            self.state = replace(self.state, rate=change["new"], walk=())
            self._follow()

    def buy_hint(self):
        """Show the gradient at the reader's weights, for three moves."""
        if self.state.may_buy:
            moves = (*self.state.moves, HINT)
            self.state = replace(self.state, weights=self.state.placed[-1], moves=moves)
            self._follow()

    # ------------------------------------------------------------ gradient descent plays

    @property
    def running(self):
        """Whether gradient descent runs."""
        return self._task is not None and not self._task.done()

    def let_it_run(self):
        """Let gradient descent go from the start, or on from where it was stopped."""
        if self.running:
            return
        if not self.state.walk or self.state.finished:
            start = (tuple(self.state.hill.start),)
            judged = self.state.judged if self.state.walk else len(self.state.moves)
            self.state = replace(self.state, walk=start, judged=judged)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: there is nobody to watch
            while self._step():
                pass
        else:
            self._task = loop.create_task(self._run())
        self._follow()

    async def _run(self):
        going = True
        while going:
            await asyncio.sleep(PAUSE)
            going = self._step()
            if not going:
                self._task = None
            self._follow()

    def _step(self):
        """Take one step; return whether there is another one."""
        state = self.state
        self.state = state = replace(state, walk=(*state.walk, state.next_weights))
        if state.finished and state.chooses_rate:
            self.state = replace(state, runs=(*state.runs, state.run))
        return not state.finished

    def stop(self):
        """Stop gradient descent; keep its steps."""
        if self.running:
            self._task.cancel()
            self._task = None
            self._follow()

    # ------------------------------------------------------------ another game

    def _choose(self, change):
        self._open(HiddenKernel(self.state.hill.image, self.level.value, self.seed.value))

    def _open(self, hill):
        self.stop()
        self.state = Descent(hill, beside=True)
        self._follow()

    def again(self):
        """Start the same game again."""
        self._open(self.state.hill)

    def new_game(self):
        """Draw another hidden kernel."""
        self.seed.value = (self.seed.value + 1) % (GAMES + 1)

    def _follow(self):
        """Show the state, and let the controls follow it."""
        state = self.state
        self._following = True
        with self.cells.hold_sync():
            self.cells.free = [] if state.chooses_rate else self._numbers
            arrows = state.hill.kernel(state.downhill) if state.hinted else []
            self.cells.arrows = [float(size) for line in arrows for size in line]
            self.cells.value = state.hill.kernel(state.shown).ravel().tolist()
            if not state.moves:
                self.cells.moves = []
        self.rate.value = state.rate
        self.rate.layout.display = None if state.chooses_rate else "none"
        self.actions["Hint"].layout.display = "none" if state.chooses_rate else None
        self._following = False
        self.actions["Let it run"].disabled = self.running
        self.actions["Stop"].disabled = not self.running
        self.actions["Hint"].disabled = not state.may_buy
        self._say(state.verdict or state.standing)
        self._show()

    def _say(self, notice):
        self.notice = notice
        style = "min-height:96px;line-height:1.4"
        self.line.value = f'<div role="status" style="{style}">{escape(notice)}</div>'

    def _repr_mimebundle_(self, **options):
        # on paper the kernel stands in the picture: there are no cells beside it
        data, _ = super()._repr_mimebundle_(**options)
        picture, about = replace(self.state, beside=False).picture()._repr_mimebundle_()
        return {**data, **picture}, about


@factory
def beat_gradient_descent(level=0, *, seed=0):
    """Open a game: bring a kernel of your own to a hidden one, then let gradient descent try.

    Every move is plotted. After ten moves the gradient can be had as a hint, for three moves.

    Parameters
    ----------
    level : int
        0: one weight; 1: two weights; 2: nine; 3: a target that two kernels fit; 4: the rate.
    seed : int
        From 0 to 9999: draws the hidden kernel, so that a class can play the same game.
    """
    whole("seed", seed, 0, GAMES)
    image = photograph(PHOTOGRAPH, height=SIDE)
    left = (image.shape[1] - SIDE) // 2
    hill = HiddenKernel(image[:, left : left + SIDE], level, seed)
    return DescentView(Descent(hill, beside=True))
