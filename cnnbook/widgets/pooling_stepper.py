"""Step a pooling window over an array, shift the array, and see what the output keeps."""

from dataclasses import replace

import numpy as np

from cnnbook.figures.pooling import DIRECTIONS, Pooling
from cnnbook.widgets.explorer import choice, explore, factory, numbers, slider, switch, whole

EXAMPLE = np.array(
    [
        [1, 3, 0, 4, 3, 0],
        [2, 0, 3, 0, 5, 4],
        [4, 0, 1, 2, 0, 3],
        [2, 0, 5, 0, 2, 0],
        [5, 0, 2, 2, 0, 0],
        [4, 1, 2, 0, 4, 0.0],
    ]
)
FURTHEST = 6  # pixels that the slider shifts


@factory
def pooling_stepper(x=EXAMPLE, **settings):
    """Open a stepper for one array that can be shifted; `settings` are the fields of `Pooling`."""
    pooling = Pooling(x, **settings)
    if pooling.shift > FURTHEST:
        raise ValueError(f"shift is {pooling.shift}, the slider holds at most {FURTHEST}")
    if pooling.stride is None:
        pooling = replace(pooling, stride=pooling.kernel_size)
    return explore(
        pooling,
        more=("padding", "ceil_mode", "count_include_pad", "x"),
        page={"mode": ..., "kernel_size": (2, 3), "shift": (0, 1, 2, 3)},
        mode=choice(["max", "average"], width="150px"),
        kernel_size=whole(1, 6, "kernel", width="135px"),
        stride=whole(1, 6, width="135px"),
        padding=whole(0, 6, width="135px"),
        ceil_mode=switch(),
        count_include_pad=switch(),
        shift=slider(0, FURTHEST, width="300px"),
        direction=choice(DIRECTIONS.keys(), width="200px"),
        x=numbers("input", width="620px"),
    )
