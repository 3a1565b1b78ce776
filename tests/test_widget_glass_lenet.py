"""Glass LeNet: what the browser computes is what NumPy and PyTorch compute."""

import base64
import io
import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from test_widget_draw_digit import DOT, ONE, SEVEN
from torch import nn

from cnnbook import ops
from cnnbook.datasets import centre_digits, mnist_small
from cnnbook.models import LeNet, LeNet5, pretrained
from cnnbook.numpy_net import layers, lenet
from cnnbook.widgets import glass_lenet
from cnnbook.widgets.digit_canvas import ink_of
from cnnbook.widgets.glass_lenet import GlassLeNet, joined

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="no node on this machine")
CUT = ["conv1 2", "conv2 7", "dense1 11"]
BENT = {"conv1 30": -0.8, "conv2 401": 1.5}  # numbers of the flat weights


def javascript(code, modules=("lenet", "seen"), **data):
    """Run code with the names of some modules and of the data in it; return what it logs."""
    source = joined(modules).rpartition("export default")[0]
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in data.items())
    done = subprocess.run(["node", "-"], input=source + given + code, capture_output=True, text=True)
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def image():
    return mnist_small().test.images[:1]


@pytest.fixture(scope="module")
def glass():
    return glass_lenet()


RUN = """
const numbers = new Float32Array(Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)).buffer);
const parameters = lenet.parametersOf(numbers);
for (const [key, value] of Object.entries(bent)) {
  const [name, place] = key.split(" ");
  parameters[name].weight[place] = value;
}
const run = lenet.forward(parameters, Float64Array.from(image), new Set(cut));
const [loss, grad] = lenet.crossEntropy(run.values.scores, 3);
const back = lenet.backward(run, grad);
const plain = (key, value) => (ArrayBuffer.isView(value) ? [...value] : value);
console.log(JSON.stringify(
  { values: run.values, loss, grads: back.values, weights: back.parameters, slopes: lenet.slopes(run) },
  plain,
));
"""


def browser_run(glass, image, cut=(), bent=None):
    weights = base64.b64encode(glass.weights).decode()
    pixels = image.flatten().tolist()
    return javascript(RUN, ("lenet",), weights=weights, image=pixels, cut=list(cut), bent=bent or {})


@pytest.mark.parametrize(("cut", "bent"), [((), {}), (CUT, BENT)], ids=["whole", "cut and bent"])
def test_forward_and_backward_are_those_of_pytorch(glass, image, cut, bent):
    ours = browser_run(glass, image, cut, bent)
    glass.cut, glass.bent = list(cut), bent
    network, glass.cut, glass.bent = glass.changed_network().double(), [], {}
    names = ["conv1", "conv1", "pool1", "conv2", "conv2", "pool2", None, "dense1", "dense1"]
    names += ["dense2", "dense2", "scores"]
    x = image.double().requires_grad_()
    values, out = {"input": x}, x
    for name, layer in zip(names, network, strict=True):
        out = layer(out)
        out.retain_grad()
        values[name] = out
    loss = F.cross_entropy(out, torch.tensor([3]))
    loss.backward()
    assert ours["loss"] == pytest.approx(loss.item(), abs=1e-9)
    off = {name: [int(c.split()[1]) for c in cut if c.startswith(name)] for name in names if name}
    for name, own in ours["values"].items():
        torch.testing.assert_close(torch.tensor(own).double(), values[name].flatten().detach())
        theirs = values[name].grad[0].clone()
        if name not in off or not off[name]:
            torch.testing.assert_close(torch.tensor(ours["grads"][name]).double(), theirs.flatten())
    weighted = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
    for name, layer in zip(ours["weights"], reversed(weighted), strict=True):
        own = {k: torch.tensor(v).double() for k, v in ours["weights"][name].items()}
        for part in ("weight", "bias"):
            theirs = getattr(layer, part).grad.clone()
            assert not own[part].reshape(theirs.shape)[off[name]].any()  # nothing reaches what is cut
            torch.testing.assert_close(own[part], theirs.flatten(), atol=1e-12, rtol=1e-7)
