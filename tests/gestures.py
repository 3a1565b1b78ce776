"""What a hand can do in each widget: a new widget needs a row here, a new part of a picture a word.

A picture names its parts: `TOUCHED` says what each kind answers to, "whole" the picture itself.
`OWN` is for widgets with JavaScript of their own: a gesture, where it is done, and what changes.
"""

OPENED = {
    "learning_curve": "trained=12, until=12",
    "padding_explorer": "view='image'",
    "sliding_explorer": "np.random.rand(52, 56), np.full((3, 6, 7), 1 / 3), ['0', '1', 'nothing'], "
    "window=32, stride=4, nothing='nothing'",
}
WINDOW = {"input": "hover click drag", "output": "hover click drag", "whole": "keys"}
TOUCHED = {
    "architecture_explorer": {"stage": "hover click drag", "whole": "keys"},
    "augmentation_explorer": {"sample": "hover click enter"},
    "backward_stepper": WINDOW,
    "channel_stepper": WINDOW,
    "dense_to_convolution": WINDOW | {"row": "hover click", "count": "hover click enter"},
    "im2col_stepper": WINDOW,
    "latent_explorer": {"image": "click drag"},
    "learning_curve": {"step": "hover click drag", "whole": "keys"},
    "maximisation_stepper": {"step": "hover click drag", "whole": "keys"},
    "morph": {"choice": "click", "strip": "hover click drag", "whole": "keys"},
    "padding_explorer": {"pixel": "hover click drag", "whole": "keys"},
    "pooling_stepper": WINDOW,
    "receptive_field_explorer": {"unit": "hover click drag", "whole": "keys"},
    "resampling_explorer": dict.fromkeys(("group", "bin", "face"), "hover click enter")
    | {"whole": "keys"},
    "shared_weights_explorer": dict.fromkeys(("skip", "operation", "known"), "click enter"),
    "sliding_explorer": {"pixel": "hover click drag"},
    "vae_loss_explorer": {"mean": "click drag"},
    "window_stepper": WINDOW,
}
SHEET = ".cnnbook-canvas svg"
OWN = {
    "beat_gradient_descent": {
        "drag": (".cnnbook-weights [aria-disabled=false]", ".cnnbook-screen"),
        "ArrowUp": (".cnnbook-weights [aria-disabled=false]", ".cnnbook-screen"),
        "click": ("role=button[name=/Let it run/]", ".cnnbook-screen"),
    },
    "draw_digit": {
        "drag": (SHEET, ".cnnbook-screen"),
        "click": ("role=button[name=/Undo/]", ".cnnbook-screen"),
        "Space": (SHEET, ".cnnbook-screen"),
    },
    "glass_lenet": {
        "hover": ("canvas[data-layer=conv1]", ".panel h4"),
        "drag": ("[data-weight]", ".says"),
        "Delete": ("[data-weight]", ".says"),
        "PageUp": (".net", ".panel h4"),
        "click": ("role=button[name=/take a 3/]", ".says"),
    },
    "kernel_workbench": {},  # has a test of its own
    "own_script": {
        "click": (".take >> nth=3", SHEET),
        "drag": (SHEET, ".cnnbook-screen"),
        "ArrowRight": ("input[type=range]", ".cnnbook-screen"),
        "Delete": (".take >> nth=3", ".cnnbook-shelf"),
    },
}


def opening(name):
    """The source of a cell that opens a widget."""
    given = OPENED.get(name, "")
    imports = "import numpy as np\n" * ("np." in given)
    return f"{imports}from cnnbook.widgets import {name}\n{name}({given})"
