"""A study of generated digits: how many nats a VAE needs for a digit of MNIST."""

import functools

import torch

from cnnbook.datasets import digits, mnist
from cnnbook.experiments.study import Outcome, Study, Variant, complete
from cnnbook.models import ConvVAE, DenseVAE, variational
from cnnbook.recording import evaluating
from cnnbook.training import fit

IMPORTANCE_SAMPLES = 50
CONV = {"epochs": 16, "lr": 2e-3, "batch_size": 64, "width": 32}
DENSE = {"epochs": 20, "lr": 2e-3, "batch_size": 128}


def binarise(images, generator):
    """Draw each pixel as 0 or 1 by its probability (Burda et al. 2016, 5, arXiv:1509.00519)."""
    return torch.bernoulli(images, generator=generator)


def nats(network, images, *, k=None):
    """Return the mean negative ELBO of images whose pixels are drawn once, with seed 0, in nats.

    With `k` it is that of the importance-weighted bound.
    """
    generator = torch.Generator().manual_seed(0)
    x = binarise(images, generator)
    if k is None:
        return float(variational.negative_elbo(network, x, generator=generator).mean())
    return -float(variational.importance_weighted_bound(network, x, k, generator=generator).mean())


def information(network, images):
    """Measure what a VAE keeps of images, and what it misses when nothing is drawn.

    The mean absolute error of a pixel, nats of a code, and latents with more than 0.1 nats.
    """
    with evaluating(network):
        latent = network.encode(images)
        error = (network.decode(latent.mean) - images).abs().mean()
    each = variational.kl_divergence(*latent, per_latent=True).mean(0)
    measured = {"test_l1": float(error), "test_kl": float(each.sum())}
    return measured | {"active_latents": int((each > 0.1).sum())}


def _train(model, data, seed, *, epochs, lr, batch_size, width=None, augment=None, **loss):
    torch.manual_seed(seed)
    network = model() if width is None else model(width=width)
    # the order of the numbers in memory changes the speed on a CPU, not the result
    network = network.to(memory_format=torch.channels_last)
    loss = functools.partial(variational.vae_loss, **loss)
    options = {"epochs": epochs, "lr": lr, "batch_size": batch_size, "augment": augment}
    history = complete(fit(network, data, seed=seed, loss=loss, correct=None, **options))
    return network, {"train_loss": history.loss}


def _learn_digits(model, settings, says, measures):
    """Make the variant that trains a model on drawn pixels, and judges it on drawn pixels."""

    def run(data, seed):
        source, embedded = data
        drawn = {"augment": binarise, "likelihood": "bernoulli"}
        network, curve = _train(model, source.train, seed, **settings, **drawn)
        measured = {"test_nelbo": nats(network, source.test.images)}
        weighted = nats(network, source.test.images, k=IMPORTANCE_SAMPLES)
        measured["test_importance_weighted"] = weighted
        measured["embedded_nelbo"] = nats(network, embedded.test.images)
        return Outcome(measured | curve, network)

    return Variant(run, settings, says, measures)


SAYS = "nats a digit of MNIST, 20 latents; weighted: {importance_samples} samples"
VAE_STUDY = Study(
    name="vae",
    question="How many nats does a variational autoencoder need for a digit of MNIST?",
    load=lambda root: (mnist(root), digits(as_mnist=True)),
    variants={
        "conv": _learn_digits(ConvVAE, CONV, SAYS, ("test_nelbo", "test_importance_weighted")),
        "dense": _learn_digits(DenseVAE, DENSE, "nats, 2 latents", ("test_nelbo",)),
    },
    settings={
        "optimizer": "AdamW, one cycle",
        "networks": "ConvVAE with 20 latents, DenseVAE with 2; Bernoulli likelihood, KL weight 1",
        "data": "MNIST; pixels drawn anew each time for training, once with seed 0 to judge",
        "embedded": "360 test digits of scikit-learn, sized and centred as MNIST is",
        "importance_samples": IMPORTANCE_SAMPLES,
    },
    seeds=3,
    kept=("conv", "dense"),
)
