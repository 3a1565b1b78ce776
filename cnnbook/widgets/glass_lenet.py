"""Glass LeNet: the whole network lies open, can be pointed at, cut, bent, and turned round."""

import base64
import copy
import json
from pathlib import Path

import anywidget
import numpy as np
import torch
import traitlets
from torch import nn

from cnnbook.datasets import mnist_small
from cnnbook.figures.picture import CSS
from cnnbook.models import LeNet, pretrained
from cnnbook.widgets.digit_canvas import check_strokes
from cnnbook.widgets.draw_digit import DrawDigitState, first_of_each
from cnnbook.widgets.explorer import factory

MODULES = (
    *("lenet", "seen", "digit_canvas", "glass_words", "glass_picture", "glass_overlay"),
    *("glass_panel", "glass_scores", "glass_lenet"),
)
"""The JavaScript files, each before those that import it."""

WEIGHTED = "conv1", "conv2", "dense1", "dense2", "scores"
"""Names of the layers with weights, as `lenet.js` has them."""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Glass LeNet</title>
<style>{css}body{{margin:16px}}</style><body data-jp-theme-light="true"><div id="here"></div>
<script type="module">
{esm}
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const held = {plain};
for (const [name, text] of Object.entries({numbers})) held[name] = bytes(text);
const model = {{ get: (name) => held[name], set: (name, value) => (held[name] = value),
  save_changes() {{}}, on() {{}}, off() {{}} }};
glassLenet.render({{ model, el: document.getElementById("here") }});
</script></body></html>
"""
"""A page with the picture alone; a plain object stands where the kernel's model would."""

_HERE = Path(__file__).parent


def joined(modules=MODULES):
    """Write several ES modules as one, which is all that a widget can have.

    Each file imports at most the others, by lines of their own, and ends with one default export.
    """
    parts = []
    for module in modules:
        lines = (_HERE / f"{module}.js").read_text(encoding="utf-8").splitlines()
        body = "\n".join(line for line in lines if not line.startswith("import "))
        first, *others = module.split("_")
        name = first + "".join(map(str.capitalize, others))
        body = body.replace("export default", "return")
        parts.append(f"const {name} = (() => {{\n{body}\n}})();\n")
    return "".join(parts) + f"export default {name};\n"


def check_lenet(network):
    """Raise an error unless a network is what `lenet.js` computes."""
    if not isinstance(network, LeNet):
        raise TypeError(f"network is a {type(network).__name__}, expected a cnnbook.models.LeNet")
    wanted = [(name, tuple(p.shape)) for name, p in LeNet().state_dict().items()]
    for name, shape in wanted:
        given = tuple(network.state_dict()[name].shape)
        if given != shape:
            raise ValueError(f"{name} of network has shape {given}, the picture has {shape}")
    for own, plain in zip(network, LeNet(), strict=True):
        if type(own) is not type(plain):
            names = type(own).__name__, type(plain).__name__
            raise ValueError("network has a layer {}, the picture has {}".format(*names))
    if network[0].padding != (2, 2):
        raise ValueError(f"network pads by {network[0].padding[0]}, the picture by 2, for 28 × 28")
    if not all(p.isfinite().all() for p in network.parameters()):
        raise ValueError("the weights of network hold NaN or infinity")


class GlassLeNet(anywidget.AnyWidget):
    """A LeNet, its weights handed to the browser, which runs it forwards and backwards.

    Attributes
    ----------
    strokes : list of dict
        What is drawn, as in `DigitCanvas.value`.
    sample : int
        Number of the sample that is read while nothing is drawn; -1 for an empty sheet.
    cut : list of str
        What is switched off: "conv1 3" is a map, "dense1 17" a unit.
    bent : dict
        Weights that the reader changed: "conv1 30" is number 30 of the flat weight of conv1.
    """

    _esm = joined()
    _css = CSS + "".join((_HERE / f"{m}.css").read_text() for m in ("digit_canvas", "glass_lenet"))

    weights = traitlets.Bytes().tag(sync=True)
    samples = traitlets.Bytes().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    sample = traitlets.Int(-1).tag(sync=True)
    strokes = traitlets.List(traitlets.Dict()).tag(sync=True, echo_update=False)
    image = traitlets.Bytes().tag(
        sync=True, echo_update=False, from_json=lambda view, _: bytes(view)
    )
    cut = traitlets.List(traitlets.Unicode()).tag(sync=True, echo_update=False)
    bent = traitlets.Dict().tag(sync=True, echo_update=False)

    def __init__(self, network, samples, strokes=(), sample=-1):
        check_lenet(network)
        self.network = copy.deepcopy(network).eval()
        shown = None if sample < 0 else sample
        drawn = {"strokes": tuple(strokes), "sample": shown, "centred": bool(strokes)}
        self.start = DrawDigitState(self.network, samples, **drawn)  # MNIST's digits are centred
        parameters = [p.detach().float().flatten() for p in network.parameters()]
        super().__init__(
            weights=torch.cat(parameters).numpy().tobytes(),
            samples=samples.images.float().numpy().tobytes(),
            labels=[samples.classes[label] for label in samples.labels],
            sample=-1 if strokes else sample,
            strokes=list(strokes),
            image=self.start.seen.astype(np.float32).tobytes(),
        )

    @traitlets.validate("strokes")
    def _check_strokes(self, proposal):
        check_strokes(proposal["value"])
        return proposal["value"]

    @property
    def seen(self):
        """What the network sees now, (1, 1, 28, 28), with the pixels that the reader changed."""
        return torch.from_numpy(np.frombuffer(self.image, np.float32).reshape(1, 1, 28, 28).copy())

    def changed_network(self):
        """Build the network as the reader left it: weights bent, maps cut."""
        network = copy.deepcopy(self.network)
        weighted = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
        layers = dict(zip(WEIGHTED, weighted, strict=True))
        with torch.no_grad():
            for name, value in self.bent.items():
                layer, place = name.split()
                layers[layer].weight.flatten()[int(place)] = value
            for name in self.cut:  # a unit without input and bias is 0, whatever it sees
                layer, unit = name.split()
                layers[layer].weight[int(unit)] = 0
                layers[layer].bias[int(unit)] = 0
        return network

    def page(self):
        """Write a whole HTML page that needs neither a kernel nor a network: save it, open it."""
        numbers = {name: _base64(getattr(self, name)) for name in ("weights", "samples")}
        plain = {name: getattr(self, name) for name in ("labels", "sample", "strokes")}
        numbers, plain = json.dumps(numbers), json.dumps(plain)
        return PAGE.format(css=self._css, esm=self._esm, numbers=numbers, plain=plain)

    def __repr__(self):
        return repr(self.start.picture())

    def _repr_mimebundle_(self, **options):
        # the picture stands where no kernel runs: on GitHub, on paper, before the first run
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        picture, about = self.start.picture()._repr_mimebundle_()
        return {**data, **picture}, {**metadata, **about}


def _base64(numbers):
    return base64.b64encode(numbers).decode()


@factory
def glass_lenet(network=None, *, strokes=(), sample=7):
    """Open a LeNet in which every unit can be pointed at, cut, bent, and followed backwards.

    Parameters
    ----------
    network : LeNet, optional
        For images of 28×28, with ReLU, max pooling and ten classes. When not given, the one that
        was trained on MNIST.
    strokes : list of dict
        A drawing to start with, as in `DigitCanvas.value`.
    sample : int
        The digit of MNIST to start with where there is no drawing; -1 for an empty sheet.
    """
    network = pretrained("mnist_lenet") if network is None else network
    return GlassLeNet(network, first_of_each(mnist_small().test), strokes, sample)
