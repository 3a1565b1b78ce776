"""A study of generated digits: how many nats a VAE needs for a digit of MNIST; and of faces."""

import functools

import torch

from cnnbook.datasets import Joint, digits, faces, mnist
from cnnbook.experiments.study import Outcome, Study, Variant, complete
from cnnbook.models import (
    ConvVAE,
    DenseVAE,
    importance_weighted_bound,
    kl_divergence,
    negative_elbo,
    vae_loss,
)
from cnnbook.recording import evaluating
from cnnbook.training import fit

IMPORTANCE_SAMPLES = 50
LOSS = functools.partial(vae_loss, likelihood="bernoulli")


def binarise(images, generator):
    """Draw each pixel as 0 or 1, the pixel's value being the probability of 1.

    Parameters
    ----------
    images : tensor of shape (N, C, H, W)
        Values from 0 to 1.
    generator : torch.Generator

    Returns
    -------
    tensor of shape (N, C, H, W)

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), section 5, arXiv:1509.00519: the training images anew
    each time they are seen.
    """
    return torch.bernoulli(images, generator=generator)


def _learn(model, *, width=None, **options):
    """Make the variant that trains a model on drawn pixels, and judges it on drawn pixels."""

    def run(data, seed):
        source, embedded = data
        torch.manual_seed(seed)
        network = model() if width is None else model(width=width)
        # the order of the numbers in memory changes the speed on a CPU, not the result
        network = network.to(memory_format=torch.channels_last)
        history = fit(
            network, source.train, seed=seed, loss=LOSS, correct=None, augment=binarise, **options
        )
        complete(history)
        test = source.test.images
        measured = {
            "test_nelbo": nats(network, test),
            "test_importance_weighted": nats(network, test, k=IMPORTANCE_SAMPLES),
            "embedded_nelbo": nats(network, embedded.test.images),
        }
        return Outcome(measured | {"train_loss": history.loss}, network)

    return Variant(run, options | ({} if width is None else {"width": width}))


def nats(network, images, *, k=None):
    """Measure how many nats a VAE needs for an image whose pixels are drawn once, with seed 0.

    Parameters
    ----------
    network : VAE
    images : tensor of shape (N, C, H, W)
        Values from 0 to 1.
    k : int, optional
        Samples of the importance-weighted bound; without it the negative ELBO is measured.

    Returns
    -------
    float
        Mean over the images.
    """
    generator = torch.Generator().manual_seed(0)
    x = binarise(images, generator)
    if k is None:
        return float(negative_elbo(network, x, generator=generator).mean())
    return -float(importance_weighted_bound(network, x, k, generator=generator).mean())


def rendered_faces(count, seed):
    """Render faces as the variant "faces" learns from them: fewer profiles than in `BALANCED`.

    Parameters
    ----------
    count, seed : int

    Returns
    -------
    AttributedImages
    """
    return faces(count, joint=Joint(("pose",), FACE_DATA["poses"]), seed=seed)


def information(network, images):
    """Measure what a VAE keeps of images, and what it misses when nothing is drawn.

    Parameters
    ----------
    network : VAE
    images : tensor of shape (N, C, H, W)
        Values from 0 to 1.

    Returns
    -------
    dict of str to float
        Mean absolute error of a pixel, nats of a code, and latents with more than 0.1 nats.
    """
    with evaluating(network):
        latent = network.encode(images)
        error = (network.decode(latent.mean) - images).abs().mean()
    each = kl_divergence(*latent, per_latent=True).mean(0)
    active = int((each > 0.1).sum())
    return {"test_l1": float(error), "test_kl": float(each.sum()), "active_latents": active}


def _learn_faces(data, seed):
    """Train on faces; the digits of the other variants, which every run gets, are not read."""
    torch.manual_seed(seed)
    shape, width = (3, 64, 64), FACES["width"]
    network = ConvVAE(shape=shape, width=width).to(memory_format=torch.channels_last)
    options = {name: FACES[name] for name in ("epochs", "lr", "batch_size")}
    loss = functools.partial(vae_loss, likelihood=FACES["likelihood"], kl_weight=FACES["kl_weight"])
    train = rendered_faces(FACE_DATA["train"], TRAIN_SEED)
    history = complete(fit(network, train, seed=seed, loss=loss, correct=None, **options))
    measured = information(network, rendered_faces(FACE_DATA["test"], TEST_SEED).images)
    return Outcome(measured | {"train_loss": history.loss}, network)


CONV = {"epochs": 16, "lr": 2e-3, "batch_size": 64, "width": 32}
DENSE = {"epochs": 20, "lr": 2e-3, "batch_size": 128}
FACES = {"epochs": 32, "lr": 4e-3, "batch_size": 32, "width": 16}
FACES |= {"likelihood": "l1", "kl_weight": 0.5}
FACE_DATA = {"train": 3500, "test": 500, "poses": [0.5, 0.35, 0.15]}  # frontal, half, profile
TRAIN_SEED, TEST_SEED = 3000, 3001

VAE_STUDY = Study(
    name="vae",
    question="How many nats does a variational autoencoder need for a digit of MNIST?",
    load=lambda root: (mnist(root), digits(as_mnist=True)),
    variants={
        "conv": _learn(ConvVAE, **CONV),
        "dense": _learn(DenseVAE, **DENSE),
        "faces": Variant(_learn_faces, FACES | {"rendered": FACE_DATA}),
    },
    settings={
        "optimizer": "AdamW, one cycle",
        "networks": "ConvVAE with 20 latents, DenseVAE with 2; Bernoulli likelihood, KL weight 1",
        "data": "MNIST; pixels drawn anew each time for training, once with seed 0 to judge",
        "embedded": "360 test digits of scikit-learn, sized and centred as MNIST is",
        "importance_samples": IMPORTANCE_SAMPLES,
    },
    seeds=3,
    kept=("conv", "dense", "faces"),
)
