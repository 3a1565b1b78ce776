"""Step over the units of any layer and see what each one sees of the input."""

import contextlib

import ipywidgets as widgets
import numpy as np
import traitlets

from cnnbook.datasets import photograph
from cnnbook.figures.field_on_photo import PlacedField
from cnnbook.figures.receptive_field import NETWORKS, FieldStack
from cnnbook.receptive_field import parse_network, trace
from cnnbook.widgets.explorer import LABELS, Explorer, choice, factory, slider

OWN = "your own"


class NetworkEditor(widgets.HBox):
    """A list of example networks beside a line to type one's own, which is the `value`."""

    value = traitlets.Unicode()

    def __init__(self, network):
        names = {text: name for name, text in NETWORKS.items()}
        examples = choice([*NETWORKS, OWN], "example", width="230px")
        self.list, _ = examples("network", names.get(network, OWN))
        tooltip = "/2 stride, p1 padding, d2 dilation, x3 three times; Enter applies"
        look = {"description": "network", "style": LABELS, "layout": {"width": "480px"}}
        self.text = widgets.Text(network, continuous_update=False, tooltip=tooltip, **look)
        super().__init__([self.list, self.text], layout=widgets.Layout(flex_flow="row wrap"))
        widgets.link((self.text, "value"), (self, "value"))

        def take(change):
            self.text.value = NETWORKS.get(change["new"], self.text.value)

        def name(change):
            self.list.value = names.get(change["new"], OWN)

        self.list.observe(take, "value")
        self.text.observe(name, "value")


def telling_layers(fields):
    """Leave out the nodes whose units see the same as those of the node before."""
    chosen, last = {}, None
    for name, node in fields.items():
        if node.axes != last and min(node.units) > 0:
            chosen[name], last = node, node.axes
    return chosen


@factory
def receptive_field_explorer(
    network="stride in the middle", *, module=None, image=None, **settings
):
    """Open an explorer of what units see: of a typed network, or of a module on a photograph.

    Parameters
    ----------
    network : str
        A name out of `NETWORKS`, or a network as `parse_network` reads it, along one axis.
    module : torch.nn.Module, optional
        Looked at in place of `network`.
    image : ndarray of shape (H, W) or (H, W, 3), name of a photograph or path, optional
        What the module sees: grey (one channel) or colour (three). A photograph in colour with 224
        rows when not given.
    **settings
        Where to start: the fields `layer` and `step` of `FieldStack`; of a module, `layer`, `row`
        and `column` of `PlacedField`, the last layer with more than one unit when not given.

    Examples
    --------
    >>> receptive_field_explorer("input 9; conv 3; conv 3", step=0).state.seen
    [0, 1, 2, 3, 4]
    """
    if module is not None:
        return _on_photograph(module, image, **settings)
    if image is not None:
        raise ValueError("an image is for a module: give module as well")
    state = FieldStack(NETWORKS.get(network, network), **settings)
    editor = NetworkEditor(state.network)
    layers, _ = choice(_levels(state.network), "unit of", width="220px")("layer", state.layer)

    def to_last_layer(change):
        with contextlib.suppress(ValueError):  # the explorer shows what is wrong
            layers.options = _levels(change["new"])  # takes the first one

    editor.observe(to_last_layer, "value")  # before the explorer sees the change
    page = {"network": NETWORKS, "layer": ...}
    return Explorer(state, {"network": editor, "layer": layers}, page=page)


def _levels(network):
    """Layers to choose from, the last one first, and the number of each."""
    names = ["input", *(layer.name for layer in parse_network(network).layers)]
    return [(f"layer {n}: {name}" if n else name, n) for n, name in enumerate(names)][::-1]


def _on_photograph(module, image, layer=None, **place):
    """The explorer for a module: layer, row and column."""
    if image is None or isinstance(image, str):
        image = photograph(image or "china", grey=False, height=224)
    image = np.asarray(image, dtype=float)
    channels = 3 if image.ndim == 3 else 1
    fields = telling_layers(trace(module, (channels, *image.shape[:2])))
    if layer is None:
        layer = [name for name, node in fields.items() if max(node.units) > 1][-1]
    state = PlacedField(image, fields, layer, **place)
    layers, _ = choice(list(fields), width="300px")("layer", layer)
    sliders = {
        name: slider(0, max(most, 1), width="270px")(name, getattr(state, name))[0]
        for name, (_, most) in state.bounds.items()
    }

    def to_same_place(change):
        pairs = zip(fields[change["old"]].units, fields[change["new"]].units, strict=True)
        for control, (before, after) in zip(sliders.values(), pairs, strict=True):
            place = int((control.value + 0.5) * after) // before
            with control.hold_trait_notifications():
                control.max = max(after - 1, control.max)
                control.value = min(place, after - 1)

    layers.observe(to_same_place, "value")  # before the explorer sees the change
    page = {"layer": ..., "row": 4, "column": 4}
    return Explorer(state, {"layer": layers, **sliders}, page=page)
