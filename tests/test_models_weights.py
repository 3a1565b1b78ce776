"""Networks as files: each says how it is built, and `pretrained` builds no other class."""

import copy
import inspect
import json
import pickle

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from cnnbook import models
from cnnbook.models import HOME, ConvVAE, DebiasingVAE, LeNet, LeNet5, SmallAlexNet
from cnnbook.models.building import NETWORKS
from cnnbook.models.weights import load_weights, pretrained, save_weights

SHIPPED = sorted((HOME / "weights").glob("*.safetensors"))


def said(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["network"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_built_by_its_name(path):
    torch.manual_seed(0)
    network = pretrained(path.stem)
    assert not network.training
    assert type(network).__name__ == said(path)["class"]
    assert f"{said(path)['study']}_{said(path)['variant']}".replace(" ", "_") == path.stem
    untrained = type(network)(**network.arguments)
    assert untrained.state_dict().keys() == network.state_dict().keys()
    assert not torch.equal(*(next(n.parameters()) for n in (untrained, network)))


BUILT = {
    "defaults": LeNet,
    "by place and by name": lambda: LeNet(2, 5, padding=0, pool="avg"),
    "tuples": lambda: models.MLP((2, 3, 4), hidden=(5, 6), num_classes=3),
    "shape": lambda: ConvVAE(3, (1, 8, 8), 4),
    "small": lambda: SmallAlexNet(1, width=0.25, lrn=True, upscale=2),
    "1998": lambda: LeNet5(padding=2, background=-0.1),
    "inherited": lambda: DebiasingVAE(3, (3, 16, 16), width=4),
    "dense": lambda: models.DenseAutoencoder(hidden=3, shape=(2, 5, 3)),
}


@pytest.mark.parametrize("name", BUILT)
def test_a_network_comes_back_from_its_file(name, tmp_path):
    network = BUILT[name]()
    path = save_weights(network, "a b", home=tmp_path, study="s", seed=1)
    assert path.name == "a_b.safetensors"
    again = pretrained("a b", home=tmp_path)
    assert type(again) is type(network)
    assert again.arguments == network.arguments
    state = again.state_dict()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
    assert (said(path)["study"], said(path)["seed"]) == ("s", 1)
    before = path.read_bytes()
    assert save_weights(network, "a b", home=tmp_path, study="s", seed=1).read_bytes() == before


def test_a_class_that_remembers_looks_as_before():
    assert list(inspect.signature(SmallAlexNet).parameters)[:2] == ["in_channels", "num_classes"]
    network = DebiasingVAE(2, width=3)
    assert network.arguments == {"latents": 2, "width": 3}
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert twin.arguments == network.arguments
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        LeNet(colour=1)
    assert {"GoogLeNet", "EfficientNetLite0", "Net1d"} < set(NETWORKS)
    with torch.device("meta"):
        assert models.GoogLeNet(aux_logits=False).arguments == {"aux_logits": False}


class Own(LeNet):
    """A reader's network, which is not the book's."""


@pytest.mark.parametrize("build", [lambda: nn.Linear(2, 3), Own, lambda: LeNet(activation=nn.Tanh)])
def test_other_networks_are_saved_and_have_to_be_built(build, tmp_path):
    network = build()
    path = save_weights(network, "own", home=tmp_path)
    assert said(path) == {}
    with pytest.raises(ValueError, match=r"own\.safetensors does not name its class, must be"):
        pretrained("own", home=tmp_path)
    again = load_weights(build().train(), "own", home=tmp_path)
    assert torch.equal(*(next(n.parameters()) for n in (network, again)))
    assert not again.training


@pytest.mark.parametrize("kind", ["system", "os.system", "Sequential", "VAE", "__init__"])
def test_a_file_cannot_name_what_is_run(kind, tmp_path):
    (tmp_path / "weights").mkdir()
    told = json.dumps({"class": kind, "arguments": {"command": "true"}})
    save_file({"x": torch.ones(1)}, tmp_path / "weights" / "bad.safetensors", {"network": told})
    with pytest.raises(ValueError, match=f"of the class '{kind}', must be one of .*'LeNet5'"):
        pretrained("bad", home=tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"no pretrained network 'lenet' .*'imagenet', 'mnist_len"):
        pretrained("lenet")
    with pytest.raises(ValueError, match=r"no weights 'vae' .* there are \[\]; `python -m cnnbook"):
        load_weights(LeNet(), "vae", home=tmp_path)
