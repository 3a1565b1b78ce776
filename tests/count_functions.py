"""How many functions of the package, in how many files, run for one call.

    python tests/count_functions.py

The fewer, the less a reader has to open to follow one idea. Comprehensions are not counted.
"""

import sys
from pathlib import Path

import numpy as np

import cnnbook

PACKAGE = str(Path(cnnbook.__file__).parent)


def functions_of(call):
    """Run a call; return the (file, name) of every function of the package that it entered."""
    seen = set()

    def note(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_name[0] != "<":
            seen.add((code.co_filename[len(PACKAGE) + 1 :], code.co_qualname))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def conv2d():
    """One convolution with a bias, all settings as they are when not given."""
    from cnnbook import ops

    x, weight, bias = (np.ones(shape) for shape in ((1, 3, 8, 8), (4, 3, 3, 3), (4,)))
    return lambda: ops.conv2d(x, weight, bias)


def max_pool2d_backward():
    """The gradient of one max pooling, 2 × 2."""
    from cnnbook import ops

    return lambda: ops.max_pool2d_backward(np.ones((1, 3, 4, 4)), np.ones((1, 3, 8, 8)), 2)


def window_step():
    """One step of the window stepper, from the slider to the picture."""
    from cnnbook.figures import scene
    from cnnbook.widgets import window_stepper

    explorer = window_stepper()
    scene.text_width.cache_clear()  # whoever measured a text before does not count

    def step():
        explorer.step.value += 1

    return step


CASES = {case.__name__: case for case in (conv2d, max_pool2d_backward, window_step)}
LIMITS = {"conv2d": (12, 3), "max_pool2d_backward": (12, 3), "window_step": (36, 6)}
"""Functions and files at most."""

if __name__ == "__main__":
    for name, case in CASES.items():
        seen = functions_of(case())
        files = {}
        for file, function in sorted(seen):
            files.setdefault(file, []).append(function)
        limit = "at most {} in {}".format(*LIMITS[name]) if name in LIMITS else "no limit"
        print(f"{name}: {len(seen)} functions in {len(files)} files ({limit})")
        for file, names in files.items():
            print(f"    {file}: {', '.join(names)}")
