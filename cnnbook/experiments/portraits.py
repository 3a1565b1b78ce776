"""Which small parts of a face a VAE keeps, where all heads look from one place and where not."""

import functools

import torch

from cnnbook.datasets import FEW_PROFILES, faces, portraits
from cnnbook.datasets.faces.rendering import PORTRAIT
from cnnbook.experiments.generation import information
from cnnbook.experiments.study import Outcome, Study, Variant, complete
from cnnbook.models import PortraitVAE, portrait_loss
from cnnbook.recording import evaluating
from cnnbook.training import explained, fit, latent_means

# first what can be seen, then a code that is nearer to N(0, I), so that what lies between two faces
# is one; at the end of each phase the weights are rounded as they are in a file
PHASES = (
    {"epochs": 30, "lr": 3e-3, "kl_weight": 0.1},
    {"epochs": 10, "lr": 1e-3, "kl_weight": 0.5},
)
BATCH, EDGE_WEIGHT = 64, 2.0
TRAINING, TEST, TRAIN_SEED, TEST_SEED = 6000, 2500, 5000, 5001
LOOKED_FOR = ("yaw", "skin", "light", "mouth", "opening", "gaze", "eyes", "brows", "age")


def scattered(count, *, seed):
    """Draw faces before such walls, cut as portraits are, whose heads are not aligned."""
    return faces(count, joint=FEW_PROFILES, crop=PORTRAIT, wall="plain", seed=seed)


def kept(network, data):
    """Measure R² of what was drawn, read off the codes: numbers, and whether there is a thing."""
    codes, attributes = latent_means(network, data.images), data.attributes
    values = {name: attributes[name] for name in LOOKED_FOR}
    values["glasses"], values["freckles"] = attributes["glasses"], attributes["freckles"]
    values["beard"], values["full beard"] = attributes["beard"] > 0, attributes["beard"] == 3
    values["bald"], values["long hair"] = attributes["hair"] == 0, attributes["hair"] == 4
    return {f"kept {name}": explained(codes, value) for name, value in values.items()}


def _learn(draw):
    def run(data, seed):
        torch.manual_seed(seed)
        # the order of the numbers in memory changes the speed on a CPU, not the result
        network = PortraitVAE().to(memory_format=torch.channels_last)
        train, curve = draw(TRAINING, seed=TRAIN_SEED), []
        for number, phase in enumerate(PHASES):
            weights = {"kl_weight": phase["kl_weight"], "edge_weight": EDGE_WEIGHT}
            options = {"loss": functools.partial(portrait_loss, **weights), "correct": None}
            options |= {"epochs": phase["epochs"], "lr": phase["lr"], "batch_size": BATCH}
            curve += complete(fit(network, train, seed=seed + number, **options)).loss
            network = network.half().float()
        test = draw(TEST, seed=TEST_SEED)
        measured = information(network, test.images) | kept(network, test)
        with evaluating(network):
            seen = torch.cat([network.reconstruct(x) for x in test.images.split(500)])
        measured["test_edges"] = float(_edges(seen) / _edges(test.images))
        return Outcome(measured | {"train_loss": curve}, network.half())

    return run


def _edges(images):
    return sum(images.diff(dim=axis).abs().mean() for axis in (2, 3))


PORTRAITS = Study(
    name="portraits",
    question="Does a VAE keep glasses, beards and mouths where all heads look from one place?",
    load=lambda root: None,
    variants={
        "aligned": Variant(_learn(portraits), {"turn": 25},
                           "nats of a portrait, heads aligned, {latents} latents",
                           ("test_kl",)),
        "scattered": Variant(_learn(scattered), {"poses": FEW_PROFILES.table.tolist()},
                             "the same, heads not aligned", ("test_kl",)),
    },
    settings={
        "phases": list(PHASES), "batch_size": BATCH, "edge_weight": EDGE_WEIGHT, "latents": 64,
        "optimizer": "AdamW, one cycle", "network": "PortraitVAE, 48×48, width 24",
        "train": TRAINING, "test": TEST, "train_seed": TRAIN_SEED, "test_seed": TEST_SEED,
    },
    seeds=1,
    kept=("aligned",),
)  # fmt: skip
