"""What a variational autoencoder minimises: divergence, reconstruction, and bounds in nats."""

import contextlib
import math

import torch
import torch.nn.functional as F

LIKELIHOODS = ("l1", "l2", "bernoulli")


@contextlib.contextmanager
def evaluating(model):
    """Set a network to evaluation mode, without gradients; afterwards back to its mode.

    Parameters
    ----------
    model : torch.nn.Module
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def reparameterise(mean, log_variance, generator=None):
    """Draw z = μ + exp(½ log σ²)·ε with ε ~ N(0, I): gradients pass to μ and to log σ².

    Parameters
    ----------
    mean, log_variance : tensor of shape (N, latents)
    generator : torch.Generator, optional
        Else the global random numbers.

    Returns
    -------
    tensor of shape (N, latents)

    References
    ----------
    Kingma & Welling (2014), Auto-Encoding Variational Bayes, section 2.4, arXiv:1312.6114.
    """
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype).to(mean.device)
    return mean + (0.5 * log_variance).exp() * noise


def kl_divergence(mean, log_variance, *, per_latent=False):
    """Measure how far N(μ, σ²) is from N(0, I): ½ Σ (σ² + μ² − 1 − log σ²), in nats.

    Parameters
    ----------
    mean, log_variance : tensor of shape (N, latents)
    per_latent : bool
        Leave the sum over the latents out.

    Returns
    -------
    tensor of shape (N,), or (N, latents)
        Never negative; 0 where the code says nothing about its image.

    References
    ----------
    Kingma & Welling (2014), appendix B, arXiv:1312.6114.

    Examples
    --------
    >>> kl_divergence(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2), per_latent=True)
    tensor([[0., 2.]])
    """
    each = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance)
    return each if per_latent else each.sum(1)


def reconstruction_error(x, reconstruction, *, likelihood="l1"):
    """Sum over the pixels of each image what the decoder got wrong.

    This is −log p(x|z) of a density without its constant terms, which no training can change:

    ===========  ===========================  =================================  ==============
    likelihood   error of a pixel             density                            left out, each
    ===========  ===========================  =================================  ==============
    "l1"         │x − p│                      Laplace about p, scale 1           log 2
    "l2"         (x − p)²                     normal about p, variance ½         ½ log π
    "bernoulli"  −x log p − (1−x) log (1−p)   Bernoulli with probability p       nothing
    ===========  ===========================  =================================  ==============

    The last one is a probability only for pixels that are 0 or 1.

    Parameters
    ----------
    x : tensor of shape (N, C, H, W)
        Values from 0 to 1.
    reconstruction : tensor of shape (N, C, H, W)
        Logits: p is their sigmoid.
    likelihood : {"l1", "l2", "bernoulli"}

    Returns
    -------
    tensor of shape (N,)

    Raises
    ------
    ValueError
        If there is no such likelihood, or the shapes differ.
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood is {likelihood!r}, must be one of {', '.join(LIKELIHOODS)}")
    if x.shape != reconstruction.shape:
        shapes = f"x has shape {tuple(x.shape)}, reconstruction {tuple(reconstruction.shape)}"
        raise ValueError(shapes)
    if likelihood == "bernoulli":
        error = F.binary_cross_entropy_with_logits(reconstruction, x, reduction="none")
    else:
        difference = x - reconstruction.sigmoid()
        error = difference.abs() if likelihood == "l1" else difference**2
    return error.flatten(1).sum(1)


def vae_loss(output, labels=None, *, kl_weight=1.0, likelihood="l1"):
    """Add c·KL and the reconstruction error, both in nats, and average over the images.

    Parameters
    ----------
    output : VAEOutput
    labels : tensor, optional
        Not read: it is there for `cnnbook.training.fit`.
    kl_weight : float
        The factor c, also called β; 1 gives the negative ELBO.
    likelihood : {"l1", "l2", "bernoulli"}
        See `reconstruction_error`.

    Returns
    -------
    tensor of shape ()

    References
    ----------
    Kingma & Welling (2014), equation 10, arXiv:1312.6114.
    """
    error = reconstruction_error(output.x, output.reconstruction, likelihood=likelihood)
    divergence = kl_divergence(output.mean, output.log_variance)
    return (kl_weight * divergence + error).mean()


def reconstruction_loss(output, labels=None, *, likelihood="l1"):
    """Average the reconstruction error alone over the images: what an autoencoder minimises.

    Parameters
    ----------
    output : AutoencoderOutput or VAEOutput
    labels : tensor, optional
        Not read: it is there for `cnnbook.training.fit`.
    likelihood : {"l1", "l2", "bernoulli"}
        See `reconstruction_error`.

    Returns
    -------
    tensor of shape ()
    """
    return reconstruction_error(output.x, output.reconstruction, likelihood=likelihood).mean()


def negative_elbo(model, images, *, likelihood="bernoulli", batch_size=500, generator=None):
    """Estimate KL + reconstruction error of each image by one sample, in evaluation mode.

    Parameters
    ----------
    model : VAE
        It returns to the mode that it was in.
    images : tensor of shape (N, C, H, W)
        Of zeros and ones, where the likelihood is Bernoulli's.
    likelihood : {"l1", "l2", "bernoulli"}
    batch_size : int
    generator : torch.Generator, optional

    Returns
    -------
    tensor of shape (N,)
        In nats; on average at least −log p(x).
    """
    parts = []
    with evaluating(model):
        for x in images.split(batch_size):
            output = model(x, generator)
            error = reconstruction_error(x, output.reconstruction, likelihood=likelihood)
            parts.append(error + kl_divergence(output.mean, output.log_variance))
    return torch.cat(parts)


def importance_weighted_bound(
    model, images, k=50, *, likelihood="bernoulli", batch_size=20, generator=None
):
    """Estimate log p(x) of each image from below, by k samples of its code.

    The logarithm of the mean of p(x|z) p(z) / q(z|x) over z ~ q(z|x). With k = 1 it is an estimate
    of the ELBO; on average it grows with k, towards log p(x).

    Parameters
    ----------
    model : VAE
        It returns to the mode that it was in.
    images : tensor of shape (N, C, H, W)
        Of zeros and ones, where the likelihood is Bernoulli's.
    k : int
    likelihood : {"l1", "l2", "bernoulli"}
    batch_size : int
        Images at a time: k times as many are decoded.
    generator : torch.Generator, optional

    Returns
    -------
    tensor of shape (N,)
        In nats: the negative of what stands beside `negative_elbo`.

    Raises
    ------
    ValueError
        If k is below 1.

    References
    ----------
    Burda, Grosse & Salakhutdinov (2016), Importance Weighted Autoencoders, equation 8,
    arXiv:1509.00519.
    """
    if k < 1:
        raise ValueError(f"k is {k}, must be at least 1")
    parts = []
    with evaluating(model):
        for x in images.split(batch_size):
            mean, log_variance = (part.repeat_interleave(k, 0) for part in model.encode(x))
            z = reparameterise(mean, log_variance, generator)
            many = x.repeat_interleave(k, 0)
            error = reconstruction_error(many, model.decoder(z), likelihood=likelihood)
            # log p(z) − log q(z|x): the terms with log 2π cancel
            ratio = log_variance + (z - mean) ** 2 / log_variance.exp() - z**2
            weights = (0.5 * ratio.sum(1) - error).reshape(len(x), k)
            parts.append(weights.logsumexp(1) - math.log(k))
    return torch.cat(parts)
