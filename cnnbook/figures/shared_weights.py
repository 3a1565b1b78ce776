"""An architecture inside the network that holds all of them, and its place among others."""

from functools import cached_property

import numpy as np

from cnnbook.figures.scene import (
    Block,
    column,
    named,
    note,
    page,
    plot,
    row,
    spread,
    text,
)  # fmt: skip
from cnnbook.figures.state import State, state

NAMES = ("conv3", "conv5", "sep3", "sep5", "max3", "avg3")
WIDE, HIGH, ACROSS, DOWN, ARC = 82, 28, 148, 34, 30
KNOB = 40, 18


@state
class SharedWeights(State):
    """One way through a network whose layers hold every operation.

    Parameters
    ----------
    operations : tuple of int
        One of `names` for each layer.
    skips : tuple of tuple
        For each layer, 0 or 1 for each layer before it.
    accuracies : dict of str to callable, optional
        What finds the accuracy of (operations, skips) with shared weights of that name.
    weights : str
        Which of them is asked.
    alone : dict of (operations, skips) to float
        Accuracies of networks that were trained from scratch.
    clouds : dict of str to sequence
        What `accuracies` finds for those networks, in their order.
    chances : dict of str to array, optional
        How likely a controller found each operation, (updates, layers, names), every tenth update.
    update : int
        Which update is shown.
    """

    operations: tuple
    skips: tuple
    names: tuple = NAMES
    accuracies: dict | None = None
    weights: str = ""
    alone: dict | None = None
    clouds: dict | None = None
    chances: dict | None = None
    update: int = 0

    def __post_init__(self):
        layers = len(self.operations)
        if [*map(len, self.skips)] != [*range(layers)]:
            raise ValueError(f"skips is {self.skips}, there are {layers} layers")
        if self.accuracies:
            self._one_of("weights", self.accuracies)
        for operation in self.operations:
            if operation not in range(len(self.names)):
                last = len(self.names) - 1
                raise ValueError(f"operations holds {operation}, expected 0 to {last}")

    @property
    def layers(self):
        """Number of layers."""
        return len(self.operations)

    @property
    def idle(self):
        """Chance has no controller that one could follow."""
        return () if self._learned is not None else ("update",)

    @property
    def _learned(self):
        return (self.chances or {}).get(self.weights)

    @property
    def now(self):
        """How likely the controller finds each operation at this update, (layers, names)."""
        if self._learned is None:
            return None
        return np.asarray(self._learned)[min(self.update // 10, len(self._learned) - 1)]

    @cached_property
    def shared(self):
        """Accuracy with the shared weights, from 0 to 1; None where there are none."""
        if not self.accuracies:
            return None
        return self.accuracies[self.weights](self.operations, self.skips)

    @property
    def scratch(self):
        """Accuracy of this network trained from scratch, None where it is not known."""
        return (self.alone or {}).get((self.operations, self.skips))

    def touched(self, name, *at):
        """What a click changes: an operation, a skip, or all of it for a network of the cloud."""
        operations, skips = list(self.operations), [list(bits) for bits in self.skips]
        if name == "operation":
            operations[at[0]] = at[1]
        elif name == "skip":
            skips[at[1]][at[0]] ^= 1
        else:
            operations, skips = list(self.alone)[at[0]]
        return {"operations": tuple(operations), "skips": tuple(map(tuple, skips))}

    @property
    def words(self):
        """The architecture, layer by layer."""
        words = []
        for k, operation in enumerate(self.operations):
            joined = [f" + layer {j}" for j, bit in enumerate(self.skips[k]) if bit]
            words.append(f"layer {k}: {self.names[operation]}{''.join(joined)}")
        return "; ".join(words)

    @property
    def description(self):
        """The architecture in words, and how good it is."""
        words = [self.words]
        if self.shared is not None:
            words.append(f"{100 * self.shared:.0f} % with the shared weights of {self.weights}")
            known = "not known" if self.scratch is None else f"{100 * self.scratch:.0f} %"
            words.append(f"trained from scratch {known}")
        if self.now is not None:
            words.append(f"the controller's chances at update {self.update}")
        return f"{'. '.join(words)}."

    def picture(self):
        """Draw all operations of all layers, the way through them, and the cloud."""
        title = text("one architecture among those that share weights", size=15, bold=True)
        if self.shared is None:
            return page(
                title,
                named("dag", self._dag()),
                note("orange: chosen"),
                description=self.description,
            )
        bars = "; bar: the controller's chance for it" if self.now is not None else ""
        left = column(named("dag", self._dag()), note(f"orange: chosen{bars}"), gap=10)
        touch = note("click an operation, a skip (0 → 2) or a dot")
        return page(
            spread(title, touch),
            row(left, column(self._numbers(), self._cloud(), gap=12), gap=28),
            description=self.description,
        )

    def _numbers(self):
        scratch = "?" if self.scratch is None else f"{100 * self.scratch:.0f} %"
        both = [
            column(
                text(number, size=24, role=role, bold=True, mono=True, width=120),
                note(words),
                gap=2,
            )
            for number, role, words in (
                (f"{100 * self.shared:.0f} %", "output", "with shared weights"),
                (scratch, "input", "trained from scratch"),
            )
        ]
        return row(*both, gap=24)

    def _cloud(self):
        ticks = {share / 4: f"{25 * share} %" for share in range(5)}

        def networks(picture, place):
            across = self.clouds[self.weights]
            for n, ((operations, skips), alone) in enumerate(self.alone.items()):
                x, y = place(across[n], alone)
                here = (operations, skips) == (self.operations, self.skips)
                with picture.part("known", touch=("known", n), words=f"network {n}"):
                    size, look = (
                        (7, {"fill": "kernel"}) if here else (4, {"fill": "muted", "tint": 1})
                    )
                    picture.rect(
                        x - size, y - size, 2 * size, 2 * size, radius=size, at=(n,), **look
                    )

        def here(picture, place):
            low, high = place(self.shared, 0), place(self.shared, 1)
            with picture.part("here"):
                picture.line(low, high, stroke="kernel", stroke_width=2, dashed=True)

        axes = plot(
            here, networks, width=210, height=210, x=(0, 1), y=(0, 1), x_ticks=ticks, y_ticks=ticks,
            x_label="with shared weights",
        )  # fmt: skip
        return column(note(f"{len(self.alone)} networks, trained from scratch"), axes, gap=0)

    def _dag(self):
        count, top = len(self.names), ARC * self.layers - 6
        width, height = (self.layers - 1) * ACROSS + WIDE, top + count * DOWN

        def draw(picture, x, y):
            for k in range(self.layers):
                for j in range(k):
                    self._skip(picture, x, y + top, j, k)
            for k in range(1, self.layers):
                start, end = self.operations[k - 1], self.operations[k]
                ends = [
                    (x + at * ACROSS + more, y + top + n * DOWN + HIGH / 2)
                    for at, n, more in ((k - 1, start, WIDE), (k, end, 0))
                ]
                picture.arrow(*ends, stroke="kernel", stroke_width=2.5)
            for k in range(self.layers):
                for n in range(count):
                    self._operation(picture, x + k * ACROSS, y + top + n * DOWN, k, n)

        return Block(width, height, draw)

    def _operation(self, picture, x, y, k, n):
        name, chosen = self.names[n], n == self.operations[k]
        with picture.part("operation", touch=("operation", k, n), words=f"layer {k}: {name}"):
            look = {"stroke": "kernel" if chosen else "line", "radius": 3, "at": (k, n)}
            picture.rect(x, y, WIDE, HIGH, fill="paper", **look)
            if chosen:
                picture.rect(x, y, WIDE, HIGH, fill="kernel", tint=0.8, **look)
            if self.now is not None:
                with picture.part("chance"):
                    width = float(self.now[k][n]) * (WIDE - 4)
                    picture.rect(x + 2, y + HIGH - 6, width, 4, fill="ink", at=(k, n))
            style = {"anchor": "middle", "mono": True, "bold": chosen}
            base = y + 16 if self.now is not None else y + 19
            picture.text(x + WIDE / 2, base, name, fill="ink" if chosen else "muted", **style)

    def _skip(self, picture, x, top, j, k):
        """An arc above the layers, from one to a later one, with a knob on it."""
        active = bool(self.skips[k][j])
        level = top - ARC * (k - j) + 10 - 4 * j
        left, right = x + j * ACROSS + 0.7 * WIDE, x + k * ACROSS + 0.3 * WIDE + 6 * j
        points = (left, top - 2), (left, level), (right, level), (right, top - 2)
        look = {"stroke": "output" if active else "line", "stroke_width": 2.5 if active else 1}
        across, (width, height) = (left + right) / 2, KNOB
        words = f"skip from layer {j} to layer {k}"
        with picture.part("skip", touch=("skip", j, k), words=words):
            picture.line(*points, dashed=not active, **look)
            box = across - width / 2, level - height / 2, width, height
            picture.rect(*box, fill="paper", stroke=look["stroke"], radius=8, at=(j, k))
            fill = {"fill": "ink" if active else "muted", "bold": active}
            picture.text(across, level + 4, f"{j} → {k}", size=11, anchor="middle", **fill)
