"""Glass LeNet: what the browser computes is what NumPy and PyTorch compute."""

import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lab_driver import chromium_page, find_chromium
from PIL import Image
from test_widget_draw_digit import DOT, ONE, SEVEN
from torch import nn

from cnnbook.datasets import centre_digits, mnist_small
from cnnbook.models import MLP, LeNet
from cnnbook.numpy_net import layers, lenet
from cnnbook.receptive_field import Layer, receptive_field
from cnnbook.widgets import glass_lenet
from cnnbook.widgets.digit_canvas import PIXELS, ink_of
from cnnbook.widgets.glass_lenet import joined

CUT = ["conv1 2", "conv2 7", "dense1 11"]
BENT = {"conv1 30": -0.8, "conv2 401": 1.5}  # numbers of the flat weights
WEIGHTED = "conv1", "conv2", "dense1", "dense2", "scores"


def with_node(script):
    done = subprocess.run(["node", "-"], input=script, capture_output=True, encoding="utf-8")
    assert not done.stderr, done.stderr
    return done.stdout


def with_chromium(script):
    with chromium_page() as page:
        log = "let said; const console = { log: (text) => { said = text; } };"
        return page.evaluate(f"() => {{ {log}\n{script}\nreturn said; }}")


NO_NODE = pytest.mark.skipif(not shutil.which("node"), reason="no node on this machine")
NO_CHROMIUM = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
ENGINES = [
    pytest.param(with_node, marks=NO_NODE, id="node"),
    pytest.param(with_chromium, marks=[pytest.mark.browser, NO_CHROMIUM], id="chromium"),
]


@pytest.fixture(params=ENGINES)
def javascript(request):
    """Runs code with `lenet`, `seen` and the data in it, and returns what its last line yields."""

    def run(code, **data):
        source = joined(("lenet", "seen")).rpartition("export default")[0]
        given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in data.items())
        plain = "(key, value) => (ArrayBuffer.isView(value) ? [...value] : value)"
        *before, last = code.strip().splitlines()
        lines = [source, given, *before, f"console.log(JSON.stringify({last}, {plain}));"]
        return json.loads(request.param("\n".join(lines)))

    return run


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
const one = lenet.backward(run, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
const slopes = lenet.slopes(run);
({ values: run.values, loss, back, one, slopes })
"""


def browser_run(javascript, glass, image, cut=(), bent=None):
    weights = base64.b64encode(glass.weights).decode()
    pixels = image.double().flatten().tolist()
    return javascript(RUN, weights=weights, image=pixels, cut=list(cut), bent=bent or {})


def close(own, theirs):
    theirs = torch.as_tensor(theirs).detach().double().flatten()
    torch.testing.assert_close(torch.tensor(own).double(), theirs, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize(("cut", "bent"), [((), {}), (CUT, BENT)], ids=["whole", "cut and bent"])
def test_forward_and_backward_are_those_of_pytorch(javascript, glass, image, cut, bent):
    ours = browser_run(javascript, glass, image, cut, bent)
    with glass.hold_trait_notifications():
        glass.cut, glass.bent = list(cut), bent
    network = glass.changed_network().double()
    glass.cut, glass.bent = [], {}
    names = ["conv1", "conv1", "pool1", "conv2", "conv2", "pool2", "pool2", "dense1", "dense1"]
    names += ["dense2", "dense2", "scores"]
    out = image.double().requires_grad_()
    values = {"input": out}
    for name, layer in zip(names, network, strict=True):  # of a layer and its ReLU, the latter
        out = layer(out)
        out.retain_grad()
        values[name] = out
    loss = F.cross_entropy(out, torch.tensor([3]))
    loss.backward()
    assert ours["loss"] == pytest.approx(loss.item(), abs=1e-9)
    off = {name: [int(c.split()[1]) for c in cut if c.startswith(name)] for name in WEIGHTED}
    for name, value in values.items():
        close(ours["values"][name], value)
        if not off.get(name):  # what is behind the cut still has a gradient there, not in PyTorch
            close(ours["back"]["values"][name], value.grad)
    weighted = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
    for name, layer in zip(WEIGHTED, weighted, strict=True):
        for part in ("weight", "bias"):
            theirs = getattr(layer, part).grad.double()
            close(ours["back"]["parameters"][name][part], theirs)
            assert not theirs[off[name]].any()


def test_the_scores_are_those_of_the_numpy_network(javascript, glass, image):
    ours = lenet(activation=layers.ReLU, pool=layers.MaxPool2d, dtype=np.float64)
    for (name, array), value in zip(
        ours.parameters.items(), glass.network.state_dict().values(), strict=True
    ):
        assert array.shape == tuple(value.shape), name
        array[...] = value
    close(
        browser_run(javascript, glass, image)["values"]["scores"],
        ours.forward(image.double().numpy()),
    )


def test_shares_of_a_layer_and_the_biases_behind_it_make_the_score(javascript, glass, image):
    ours = browser_run(javascript, glass, image, CUT, BENT)
    glass.bent = BENT
    state = glass.changed_network().double().state_dict()
    glass.bent = {}
    biases = {n: v.numpy() for n, v in zip(WEIGHTED, list(state.values())[1::2], strict=True)}
    order = list(ours["values"])
    for name in order[:-1]:
        shares = np.dot(ours["values"][name], ours["slopes"][3][name])
        behind = [n for n in order[order.index(name) + 1 :] if n in WEIGHTED]
        added = sum(np.dot(biases[n], ours["one"]["parameters"][n]["bias"]) for n in behind)
        assert shares + added == pytest.approx(ours["values"]["scores"][3], abs=1e-6), name


FIELDS = """
const wrong = [];
let sizes = {};
for (const layer of lenet.LAYERS.slice(1, 5)) {
  const map = layer.maps - 1;
  for (let row = 0; row < layer.rows; row++)
    for (let column = 0; column < layer.columns; column++)
      for (const [name, box] of Object.entries(lenet.seenBy(layer, map, row, column))) {
        const other = lenet.LAYERS.find((one) => one.name === name);
        if (name === "input" && row === 2 && column === 3)
          sizes[layer.name] = [box.bottom - box.top, box.right - box.left];
        for (let r = 0; r < other.rows; r++)
          for (let c = 0; c < other.columns; c++) {
            const sees = r >= box.top && r < box.bottom && c >= box.left && c < box.right;
            const back = lenet.reachedFrom(other, map, r, c)[layer.name];
            const reaches = row >= back.top && row < back.bottom && column >= back.left
              && column < back.right;
            if (sees !== reaches) wrong.push([layer.name, row, column, name, r, c]);
          }
      }
}
({ sizes, wrong: wrong.slice(0, 3) })
"""


def test_a_unit_sees_what_reaches_it_and_as_much_as_chapter_8_says(javascript):
    found = javascript(FIELDS)
    assert found["wrong"] == []
    fields = receptive_field([Layer(5, padding=2), Layer(2, 2), Layer(5), Layer(2, 2)])
    sizes = {name: [f.size] * 2 for name, f in zip(found["sizes"], fields[-4:], strict=True)}
    assert found["sizes"] == sizes


@pytest.mark.parametrize("strokes", [[SEVEN], [ONE, DOT], [DOT], []])
def test_a_drawing_is_seen_as_python_sees_it(javascript, strokes):
    theirs = ink_of(strokes)
    ink = np.array(javascript("seen.inkOf(strokes)", strokes=strokes)).reshape(PIXELS, PIXELS)
    # Pillow's discs are of whole pixels: an edge may differ, the stroke not
    assert np.abs(ink - theirs).mean() < 0.004
    given = theirs.astype(float).flatten().tolist()
    centred = javascript("seen.centred(Float64Array.from(ink))", ink=given)
    expected = centre_digits(torch.from_numpy(theirs)[None, None].double())
    np.testing.assert_allclose(centred, expected.flatten(), atol=1e-5)


@pytest.mark.parametrize("stroke", [SEVEN, ONE, DOT])
def test_a_field_lies_on_the_stroke_where_the_sheet_shows_it(javascript, stroke):
    middle = {"top": 14, "left": 14, "bottom": 15, "right": 15}
    code = "seen.onSheet(seen.placeOf(seen.inkOf([stroke])), box, 280)"
    box = javascript(code, stroke=stroke, box=middle)
    ink = ink_of([stroke])  # its centre of mass comes to the middle of pixel [14, 14]
    row, column = (np.tensordot(np.mgrid[:PIXELS, :PIXELS] + 0.5, ink) / ink.sum()) * 280 / PIXELS
    assert box["y"] + box["height"] / 2 == pytest.approx(row, abs=1)
    assert box["x"] + box["width"] / 2 == pytest.approx(column, abs=1)
    rows, columns = (np.ptp(np.nonzero(ink > 0.2)[axis]) + 1 for axis in (0, 1))
    assert box["width"] == pytest.approx(280 / PIXELS * max(rows, columns) / 20, rel=0.06)
    box = javascript("seen.onSheet(null, {top: 0, left: 7, bottom: 28, right: 14}, 280)")
    assert box == {"x": 70, "y": 0, "width": 70, "height": 280}


# ---------------------------------------------------------------- Python's side


def test_the_reader_has_the_network_as_it_was_left(image):
    glass = glass_lenet(sample=2)
    torch.testing.assert_close(glass.changed_network()(image), glass.network(image))
    glass.cut, glass.bent = ["conv2 7", "dense2 3"], {"conv1 30": -0.8}
    changed = glass.changed_network()
    assert changed[0].weight.flatten()[30].item() == pytest.approx(-0.8)
    assert not changed[:5](image)[0, 7].any()
    assert not changed[:11](image)[0, 3].any()
    assert (changed[0].weight != glass.network[0].weight).sum() == 1
    assert glass.seen.shape == (1, 1, 28, 28)
    pixels = np.arange(784, dtype=np.float32)
    glass.set_state({"image": memoryview(pixels.tobytes())})  # as the browser sends it
    assert glass.seen.flatten().tolist() == pixels.tolist()


def test_a_still_picture_stands_where_nothing_runs():
    glass = glass_lenet(strokes=[SEVEN])
    data, _ = glass._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 900
    assert data["text/plain"] == repr(glass)
    assert repr(glass).startswith("The network reads 7 ")
    assert repr(glass_lenet(sample=-1)).startswith("Nothing is drawn yet")


def test_the_page_needs_nothing_else():
    page = glass_lenet().page()
    addresses = set(re.findall(r"https?://[^\s\"')]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    assert not re.search(r"^\s*import ", joined(), re.MULTILINE)


@pytest.mark.parametrize(
    ("network", "error", "words"),
    [
        (MLP(), TypeError, "network is a MLP, expected a cnnbook.models.LeNet"),
        (LeNet(padding=0), ValueError, "network pads by 0, the picture by 2"),
        (LeNet(pool="avg"), ValueError, "network has a layer AvgPool2d, the picture has MaxPool2d"),
        (LeNet(activation=nn.Tanh), ValueError, "network has a layer Tanh, the picture has ReLU"),
        (LeNet(num_classes=26), ValueError, r"11.weight of network has shape \(26, 84\)"),
        (LeNet(in_channels=3), ValueError, r"0.weight of network has shape \(6, 3, 5, 5\)"),
    ],
)
def test_another_network_is_refused_in_words(network, error, words):
    with pytest.raises(error, match=words):
        glass_lenet(network)


def test_what_cannot_be_shown_is_refused():
    broken = LeNet()
    with torch.no_grad():
        broken[3].weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="the weights of network hold NaN or infinity"):
        glass_lenet(broken)
    with pytest.raises(ValueError, match="sample"):
        glass_lenet(sample=10)
    with pytest.raises(ValueError, match="stroke 0 has the pen None"):
        glass_lenet(strokes=[{"points": [[1, 2]]}])
