"""An architecture inside the network that holds all of them: chosen operations, active skips."""

from functools import cached_property

import numpy as np

from cnnbook.figures.scene import Block, named, note, page, spread, text
from cnnbook.figures.state import State, state

WIDE, HIGH, ACROSS, DOWN, ARC = 96, 26, 164, 32, 26


@state
class SharedDag(State):
    """One way through a network whose layers hold every operation."""

    operations: tuple  # of each layer, an index into `names`
    skips: tuple  # of each layer, 0 or 1 for each layer before it
    names: tuple
    chances: np.ndarray | None = None  # (layers, names): how likely each operation is now
    shared: float | None = None  # accuracy with the shared weights
    alone: float | None = None  # accuracy of the same network, trained from scratch

    @cached_property
    def layers(self):
        """Number of layers."""
        return len(self.operations)

    @property
    def words(self):
        """The architecture, layer by layer."""
        words = []
        for k, operation in enumerate(self.operations):
            joined = [f" + layer {j}" for j, bit in enumerate(self.skips[k]) if bit]
            words.append(f"layer {k}: {self.names[operation]}{''.join(joined)}")
        return "; ".join(words)

    @property
    def accuracies(self):
        """Both accuracies, where they are known."""
        shared = None if self.shared is None else f"{100 * self.shared:.1f} % with shared weights"
        alone = None if self.alone is None else f"{100 * self.alone:.1f} % trained from scratch"
        return ", ".join(filter(None, (shared, alone)))

    @property
    def description(self):
        """The architecture in words, and how good it is."""
        return f"{self.words}.{f' {self.accuracies}.' if self.accuracies else ''}"

    def picture(self):
        """Draw all operations of all layers, and the way through them."""
        title = text("one architecture in the shared network", size=15, bold=True)
        right = text(self.accuracies, role="output", bold=True)
        words = "dark: chosen; a bar: how likely the controller finds it" * (
            self.chances is not None
        )
        return page(
            spread(title, right),
            named("dag", self._dag()),
            note(words or "dark: chosen"),
            description=self.description,
        )

    def _dag(self):
        count, top = len(self.names), ARC * self.layers
        width, height = (self.layers - 1) * ACROSS + WIDE, top + count * DOWN

        def place(k, operation):
            return k * ACROSS, top + operation * DOWN

        def draw(picture, x, y):
            for k in range(self.layers):
                for j in range(k):
                    self._skip(picture, x, y, j, k)
            for k in range(1, self.layers):
                (a, b), (c, d) = place(k - 1, self.operations[k - 1]), place(k, self.operations[k])
                ends = (x + a + WIDE, y + b + HIGH / 2), (x + c, y + d + HIGH / 2)
                picture.arrow(*ends, stroke="kernel", stroke_width=2.5)
            for k in range(self.layers):
                for n, name in enumerate(self.names):
                    left, low = place(k, n)
                    self._operation(picture, x + left, y + low, k, n, name)

        return Block(width, height, draw)

    def _operation(self, picture, x, y, k, n, name):
        chosen = n == self.operations[k]
        with picture.part("operation"):
            look = {"stroke": "kernel" if chosen else "line", "radius": 3, "at": (k, n)}
            picture.rect(x, y, WIDE, HIGH, fill="paper", **look)
            if chosen:
                picture.rect(x, y, WIDE, HIGH, fill="kernel", tint=0.8, **look)
        if self.chances is not None:
            with picture.part("chance"):
                share = float(self.chances[k][n])
                picture.rect(x, y + HIGH - 4, share * WIDE, 4, fill="ink", at=(k, n))
        style = {"anchor": "middle", "mono": True, "bold": chosen}
        picture.text(x + WIDE / 2, y + 17, name, fill="ink" if chosen else "muted", **style)

    def _skip(self, picture, x, y, j, k):
        """An arc above the layers: from one to a later one."""
        active, top = self.skips[k][j], y + ARC * self.layers
        level = top - 8 - ARC * (k - j - 0.4) - 4 * j
        left, right = x + j * ACROSS + 0.7 * WIDE, x + k * ACROSS + 0.3 * WIDE + 5 * j
        points = (left, top - 2), (left, level), (right, level), (right, top - 2)
        look = {"stroke": "output" if active else "line", "stroke_width": 2.5 if active else 1}
        with picture.part("skip"):
            picture.line(*points, dashed=not active, **look)
