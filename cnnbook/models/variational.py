"""What a variational autoencoder minimises: divergence, reconstruction, and bounds in nats."""

import math

import torch
import torch.nn.functional as F

from cnnbook.checks import whole
from cnnbook.recording import evaluating

LEFT_OUT = {"l1": math.log(2), "l2": math.log(math.pi) / 2, "bernoulli": 0.0}
"""What `reconstruction_error` leaves out of −log p(x|z), for each pixel."""


def reparameterise(mean, log_variance, generator=None):
    """Draw z = μ + exp(½ log σ²)·ε with ε ~ N(0, I): gradients pass to μ and to log σ².

    Kingma & Welling (2014), Auto-Encoding Variational Bayes, section 2.4, arXiv:1312.6114.
    """
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype).to(mean.device)
    return mean + (0.5 * log_variance).exp() * noise


def kl_divergence(mean, log_variance, *, per_latent=False):
    """Measure how far N(μ, σ²) is from N(0, I): ½ Σ (σ² + μ² − 1 − log σ²), in nats.

    It is never negative, and 0 only for N(0, I). A code that is the same for all images says
    nothing about them, and costs as much as it is away from that: ½ for a mean of 1. `per_latent`
    leaves the sum over the latents out: (N, latents) in place of (N,).

    Kingma & Welling (2014), appendix B, arXiv:1312.6114.

    >>> kl_divergence(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2), per_latent=True)
    tensor([[0., 2.]])
    """
    if mean.shape != log_variance.shape:
        shapes = f"{tuple(mean.shape)}, log_variance {tuple(log_variance.shape)}"
        raise ValueError(f"mean has shape {shapes}")
    each = 0.5 * (mean**2 + _exp_less_line(log_variance))
    return each if per_latent else each.sum(1)


def _exp_less_line(x):
    """Compute exp(x) − 1 − x, which is never negative, without cancellation near 0."""
    near = x.abs() < 0.5
    small = torch.where(near, x, 0.0)
    series = torch.ones_like(small)  # x²/2 · (1 + x/3 · (1 + x/4 · …)), to the last digit of double
    for n in range(16, 2, -1):
        series = 1 + small / n * series
    return torch.where(near, small**2 / 2 * series, x.expm1() - x)


def reconstruction_error(x, reconstruction, *, likelihood="l1"):
    """Sum over the pixels of each image what the decoder got wrong: (N, C, H, W) to (N,).

    This is −log p(x|z) of a density without its constant terms, which no training can change:

    ===========  ===========================  =================================  ==============
    likelihood   error of a pixel             density                            left out, each
    ===========  ===========================  =================================  ==============
    "l1"         │x − p│                      Laplace about p, scale 1           log 2
    "l2"         (x − p)²                     normal about p, variance ½         ½ log π
    "bernoulli"  −x log p − (1−x) log (1−p)   Bernoulli with probability p       nothing
    ===========  ===========================  =================================  ==============

    The last one is a probability only for pixels that are 0 or 1, and an error, which a better
    reconstruction makes smaller, only for pixels from 0 to 1: "bernoulli" refuses others, which no
    decoder reaches. The reconstruction is logits; p is their sigmoid.
    """
    if likelihood not in LEFT_OUT:
        raise ValueError(f"likelihood is {likelihood!r}, must be one of {', '.join(LEFT_OUT)}")
    if x.shape != reconstruction.shape:
        shapes = f"x has shape {tuple(x.shape)}, reconstruction {tuple(reconstruction.shape)}"
        raise ValueError(shapes)
    if likelihood == "bernoulli":
        low, high = (float(end) for end in x.aminmax()) if x.numel() else (0.0, 1.0)
        if not -1e-6 <= low <= high <= 1 + 1e-6:  # interpolation leaves a rounding error; no NaN
            needs = "likelihood 'bernoulli' needs pixels from 0 to 1"
            raise ValueError(f"x goes from {low:.6g} to {high:.6g}, {needs}")
        error = F.binary_cross_entropy_with_logits(reconstruction, x, reduction="none")
    else:
        difference = x - reconstruction.sigmoid()
        error = difference.abs() if likelihood == "l1" else difference**2
    return error.flatten(1).sum(1)


def vae_loss(output, labels=None, *, kl_weight=1.0, likelihood="l1"):
    """Add c·KL and the reconstruction error of a `VAEOutput`, averaged over the images.

    `kl_weight` is the factor c, also called β; 1 gives the negative ELBO in nats, less the
    constants that `reconstruction_error` leaves out. The labels are not read: they are there for
    `cnnbook.training.fit`.

    Kingma & Welling (2014), equation 10, arXiv:1312.6114.
    """
    error = reconstruction_error(output.x, output.reconstruction, likelihood=likelihood)
    divergence = kl_divergence(output.mean, output.log_variance)
    return (kl_weight * divergence + error).mean()


def reconstruction_loss(output, labels=None, *, likelihood="l1"):
    """Average the reconstruction error alone over the images: what an autoencoder minimises."""
    return reconstruction_error(output.x, output.reconstruction, likelihood=likelihood).mean()


# ---------------------------------------------------------------- bounds


def negative_elbo(model, images, *, likelihood="bernoulli", batch_size=500, generator=None):
    """Estimate KL − log p(x|z) of each image by one sample, in evaluation mode: nats, (N,).

    Unlike `vae_loss`, with the constants that `reconstruction_error` leaves out: on average it is
    at least −log p(x), whatever the likelihood. Bernoulli's needs images of zeros and ones.
    """
    batch_size = whole("batch_size", batch_size, 1)
    parts = []
    with evaluating(model):
        for x in images.split(batch_size):
            output = model(x, generator)
            error = _minus_log_likelihood(x, output.reconstruction, likelihood)
            parts.append(error + kl_divergence(output.mean, output.log_variance))
    return torch.cat(parts)


def importance_weighted_bound(
    model, images, k=50, *, likelihood="bernoulli", batch_size=20, generator=None
):
    """Estimate log p(x) of each image from below, by k samples of its code: nats, (N,).

    The logarithm of the mean of p(x|z) p(z) / q(z|x) over z ~ q(z|x). With k = 1 it is an estimate
    of the ELBO, with the other sign of `negative_elbo`; on average it grows with k, towards
    log p(x). The constants that `reconstruction_error` leaves out are in. Of the `batch_size`
    images at a time, k times as many are decoded.

    Burda, Grosse & Salakhutdinov (2016), Importance Weighted Autoencoders, equation 8,
    arXiv:1509.00519.
    """
    k, batch_size = whole("k", k, 1), whole("batch_size", batch_size, 1)
    parts = []
    with evaluating(model):
        for x in images.split(batch_size):
            mean, log_variance = (part.repeat_interleave(k, 0) for part in model.encode(x))
            zero = torch.zeros_like(mean)
            noise = reparameterise(zero, zero, generator)  # (z − μ)/σ, even where σ is tiny
            z = mean + (0.5 * log_variance).exp() * noise
            seen = x.repeat_interleave(k, 0)
            error = _minus_log_likelihood(seen, model.decoder(z), likelihood)
            # log p(z) − log q(z|x): the terms with log 2π cancel
            ratio = log_variance + noise**2 - z**2
            weights = (0.5 * ratio.sum(1) - error).reshape(len(x), k)
            parts.append(weights.logsumexp(1) - math.log(k))
    return torch.cat(parts)


def _minus_log_likelihood(x, reconstruction, likelihood):
    error = reconstruction_error(x, reconstruction, likelihood=likelihood)
    if likelihood == "bernoulli" and not ((x == 0) | (x == 1)).all():
        raise ValueError("x has pixels between 0 and 1: 'bernoulli' has a bound for 0 and 1 alone")
    return error + LEFT_OUT[likelihood] * math.prod(x.shape[1:])
