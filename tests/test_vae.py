"""Variational autoencoders: every formula by hand, by torch.distributions and by drawing."""

import functools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Laplace, Normal, kl_divergence

from cnnbook import models
from cnnbook.datasets import Images
from cnnbook.models import (
    VAE,
    ConvAutoencoder,
    ConvVAE,
    DenseAutoencoder,
    DenseVAE,
    VAEOutput,
    importance_weighted_bound,
    load_weights,
    negative_elbo,
    reconstruction_error,
    reconstruction_loss,
    reparameterise,
    save_weights,
    vae_loss,
)
from cnnbook.training import fit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


MEAN, LOG_VARIANCE = drawn(5, 3, seed=1), drawn(5, 3, seed=2)


def posterior(mean=MEAN, log_variance=LOG_VARIANCE):
    return Normal(mean, log_variance.exp().sqrt())


class Linear(VAE):
    """A VAE that can be worked out: two pixels, one latent, everything a dense layer."""

    def __init__(self):
        encoder = nn.Flatten()
        encoder.features = 2
        decoder = nn.Sequential(nn.Linear(1, 2), nn.Unflatten(1, (1, 1, 2)))
        super().__init__(encoder, decoder, 1)


def linear():
    torch.manual_seed(4)
    return Linear().double()


# ---------------------------------------------------------------- divergence


def check_divergence(divergence):
    """½ Σ (σ² + μ² − 1 − log σ²): three numbers by hand, then those of torch.distributions."""
    mean = torch.tensor([[0.0, 2.0, 0.0]], dtype=torch.float64)
    log_variance = torch.tensor([[0.0, 0.0, math.log(4)]], dtype=torch.float64)
    by_hand = [[0, 2, (4 - 1 - math.log(4)) / 2]]
    np.testing.assert_allclose(divergence(mean, log_variance, per_latent=True), by_hand)
    expected = kl_divergence(posterior(), Normal(0.0, 1.0))
    ours = divergence(MEAN, LOG_VARIANCE, per_latent=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    np.testing.assert_allclose(divergence(MEAN, LOG_VARIANCE), expected.sum(1), rtol=1e-12)


def divergence_of_sigma(mean, log_variance, *, per_latent=False):
    """Broken: log σ² is taken for log σ."""
    each = 0.5 * ((2 * log_variance).exp() + mean**2 - 1 - 2 * log_variance)
    return each if per_latent else each.sum(1)


def divergence_of_variance(mean, log_variance, *, per_latent=False):
    """Broken: log σ² is taken for σ²."""
    each = 0.5 * (log_variance + mean**2 - 1 - log_variance.abs().log())
    return each if per_latent else each.sum(1)


def test_the_divergence_is_the_closed_form():
    check_divergence(models.kl_divergence)


@pytest.mark.parametrize("broken", [divergence_of_sigma, divergence_of_variance])
def test_a_wrong_divergence_is_found(broken):
    with pytest.raises(AssertionError):
        check_divergence(broken)


def test_the_divergence_is_the_mean_over_draws():
    q, p = posterior(), Normal(0.0, 1.0)
    torch.manual_seed(0)
    z = q.sample((200_000,))
    ratio = q.log_prob(z) - p.log_prob(z)
    error = ratio.std(0) / math.sqrt(len(z))
    exact = models.kl_divergence(MEAN, LOG_VARIANCE, per_latent=True)
    assert ((ratio.mean(0) - exact).abs() < 4 * error).all()


def test_the_gradient_of_the_divergence():
    mean, log_variance = (t.clone().requires_grad_() for t in (MEAN, LOG_VARIANCE))
    models.kl_divergence(mean, log_variance).sum().backward()
    np.testing.assert_allclose(mean.grad, MEAN)
    np.testing.assert_allclose(log_variance.grad, (LOG_VARIANCE.exp() - 1) / 2)


# ---------------------------------------------------------------- drawing the code


def check_draws(draw):
    """The draws have the mean μ and the standard deviation exp(½ log σ²)."""
    mean, log_variance = (t.repeat(50_000, 1) for t in (MEAN[:1], LOG_VARIANCE[:1]))
    z, sigma = draw(mean, log_variance, generator()), (LOG_VARIANCE[0] / 2).exp()
    assert z.shape == mean.shape
    np.testing.assert_allclose((z.mean(0) - MEAN[0]) / sigma, 0, atol=0.02)
    np.testing.assert_allclose(z.std(0) / sigma, 1, rtol=0.02)
    assert torch.equal(z, draw(mean, log_variance, generator()))  # the generator decides


def draw_with_log_variance(mean, log_variance, generator=None):
    """Broken: log σ² is taken for σ."""
    return mean + log_variance * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)


def draw_with_variance(mean, log_variance, generator=None):
    """Broken: σ² is taken for σ, as if the encoder gave log σ."""
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + log_variance.exp() * noise


def draw_about_the_mean(mean, log_variance, generator=None):
    """Broken: ε ~ N(μ, I), so that the mean is added twice over."""
    noise = mean + torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + (0.5 * log_variance).exp() * noise


def test_codes_are_drawn_from_the_posterior():
    check_draws(reparameterise)


@pytest.mark.parametrize(
    "broken", [draw_with_log_variance, draw_with_variance, draw_about_the_mean]
)
def test_a_wrong_draw_is_found(broken):
    """Fault 4 of the lab: log-variance and standard deviation mixed up."""
    with pytest.raises(AssertionError):
        check_draws(broken)


def test_gradients_pass_through_the_draw():
    """E[z²] = μ² + σ²: its gradient is 2μ for μ, and σ² for log σ²."""
    mean, log_variance = (t[0].clone().requires_grad_() for t in (MEAN, LOG_VARIANCE))
    z = reparameterise(mean.expand(400_000, 3), log_variance.expand(400_000, 3), generator())
    (z**2).mean(0).sum().backward()
    np.testing.assert_allclose(mean.grad, 2 * MEAN[0], atol=0.02)
    np.testing.assert_allclose(log_variance.grad, LOG_VARIANCE[0].exp(), atol=0.03)


# ---------------------------------------------------------------- the loss


def test_reconstruction_errors_are_densities_without_their_constants():
    logits, pixels = drawn(4, 2, 3, 5), torch.rand(4, 2, 3, 5, generator=generator(), dtype=float)
    p, count = logits.sigmoid(), 30
    for name, density, left_out in (
        ("l1", Laplace(p, 1.0), math.log(2)),
        ("l2", Normal(p, math.sqrt(0.5)), math.log(math.pi) / 2),
        ("bernoulli", Bernoulli(p), 0),
    ):
        x = pixels.round() if name == "bernoulli" else pixels
        expected = -Independent(density, 3).log_prob(x) - count * left_out
        ours = reconstruction_error(x, logits, likelihood=name)
        np.testing.assert_allclose(ours, expected, rtol=1e-10, err_msg=name)


def output(seed=0):
    x = torch.rand(5, 1, 2, 3, generator=generator(seed), dtype=torch.float64)
    return VAEOutput(x, drawn(5, 1, 2, 3, seed=seed), MEAN, LOG_VARIANCE, MEAN)


def test_the_loss_is_the_mean_of_weighted_divergence_and_error():
    out = output()
    difference = (out.x - out.reconstruction.sigmoid()).reshape(5, 6).numpy()
    divergences = models.kl_divergence(out.mean, out.log_variance).numpy()
    pairs = zip(divergences, difference, strict=True)
    expected = sum(2.5 * divergence + sum(abs(row)) for divergence, row in pairs) / 5
    np.testing.assert_allclose(vae_loss(out, kl_weight=2.5), expected)
    without = vae_loss(out, torch.zeros(5), kl_weight=0)
    assert without == reconstruction_loss(out)
    squares = (difference**2).sum() / 5
    np.testing.assert_allclose(reconstruction_loss(out, likelihood="l2"), squares)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        (
            (5, 1, 2, 3),
            {"likelihood": "L1"},
            "likelihood is 'L1', must be one of l1, l2, bernoulli",
        ),
        ((5, 1, 3, 2), {}, r"x has shape \(5, 1, 2, 3\), reconstruction \(5, 1, 3, 2\)"),
    ],
)
def test_the_error_refuses(shape, options, message):
    with pytest.raises(ValueError, match=message):
        reconstruction_error(output().x, drawn(*shape), **options)


# ---------------------------------------------------------------- bounds


X = torch.tensor([[[[0.0, 1.0]]], [[[1.0, 1.0]]], [[[0.0, 0.0]]]], dtype=torch.float64)


def exact(model, x):
    """Integrate over the one latent: log p(x), and the ELBO of the encoder's posterior."""
    z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
    step, mean, log_variance = z[1] - z[0], *model.encode(x)
    likelihood = Independent(Bernoulli(logits=model.decoder(z[:, None])), 3)
    joint = likelihood.log_prob(x[:, None]) + Normal(0.0, 1.0).log_prob(z)
    evidence = joint.logsumexp(1) + step.log()
    q = Normal(mean, (log_variance / 2).exp())
    elbo = (q.log_prob(z).exp() * (joint - q.log_prob(z))).sum(1) * step
    return evidence.detach(), elbo.detach()


def test_bounds_are_those_of_the_integral():
    model = linear().train()
    evidence, elbo = exact(model, X)
    assert (elbo < evidence).all()
    many = X.repeat_interleave(100_000, 0)
    mean = lambda values: values.reshape(3, -1).mean(1)  # noqa: E731
    drawn_elbo = -mean(negative_elbo(model, many, generator=generator()))
    np.testing.assert_allclose(drawn_elbo, elbo, atol=0.03)
    once = importance_weighted_bound(model, many, 1, batch_size=90_000, generator=generator())
    np.testing.assert_allclose(mean(once), elbo, atol=0.03)
    tight = importance_weighted_bound(model, X, 200_000, batch_size=2, generator=generator())
    np.testing.assert_allclose(tight, evidence, atol=0.02)
    fewer = X.repeat_interleave(4_000, 0)
    some = mean(importance_weighted_bound(model, fewer, 5, batch_size=3_000, generator=generator()))
    assert ((elbo < some) & (some < evidence)).all()
    assert model.training


def test_a_bound_needs_a_draw():
    with pytest.raises(ValueError, match="k is 0, must be at least 1"):
        importance_weighted_bound(linear(), X, 0)


# ---------------------------------------------------------------- networks


SHAPES = [
    (lambda: DenseVAE(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
    (lambda: DenseAutoencoder(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
    (ConvVAE, (1, 28, 28)),
    (lambda: ConvAutoencoder(3, (3, 64, 64), 4), (3, 64, 64)),
    (lambda: ConvVAE(6, (2, 16, 24), 4), (2, 16, 24)),
]


@pytest.mark.parametrize(("build", "shape"), SHAPES)
def test_networks_return_images_of_the_shape_they_saw(build, shape):
    torch.manual_seed(0)
    model, x = build().train(), torch.rand(4, *shape, generator=generator())
    out = model(x)
    assert out.x is x
    assert out.reconstruction.shape == x.shape
    assert out.z.shape == (4, model.latents)
    np.testing.assert_allclose(model.decode(out.z).detach(), out[1].sigmoid().detach())
    (vae_loss if isinstance(model, VAE) else reconstruction_loss)(out).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    for pictures in (
        model.reconstruct(x),
        model.traverse(x[0], 1, [-1, 0, 1, 2]),
        model.interpolate(x[0], x[1], 4),
    ):
        assert pictures.shape == x.shape
        assert not pictures.requires_grad
        assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1
    assert model.training


def test_networks_have_the_layers_they_claim():
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    dense = 784 * 400 + 400 + 2 * 400 + 400 + 400 * 784 + 784
    assert count(DenseAutoencoder()) == dense + 400 * 2 + 2 == 630_386
    assert count(DenseVAE()) == dense + 400 * 4 + 4
    sizes = [tuple(maps.shape[1:]) for maps in outputs(ConvVAE().encoder, torch.rand(1, 1, 28, 28))]
    assert sizes == [(16, 14, 14), (32, 7, 7)]
    sizes = outputs(ConvVAE(shape=(3, 64, 64)).encoder, torch.rand(1, 3, 64, 64))
    assert [tuple(maps.shape[1:]) for maps in sizes][-1] == (128, 4, 4)
    with pytest.raises(ValueError, match="images of 7×9 cannot be halved, expected even sizes > 4"):
        ConvVAE(shape=(1, 7, 9))


def outputs(encoder, x):
    maps = []
    for layer in encoder.eval():
        x = layer(x)
        maps += [x] if isinstance(layer, nn.Conv2d) else []
    return maps


def test_the_decoder_covers_every_pixel_equally_often():
    """Constant maps stay constant inside: no chequered pattern."""
    layer = next(p for p in ConvVAE().decoder if isinstance(p, nn.ConvTranspose2d))
    nn.init.ones_(layer.weight)
    inside = layer(torch.ones(1, layer.in_channels, 6, 6))[:, :, 2:-2, 2:-2]
    assert inside.shape[2:] == (8, 8)
    np.testing.assert_allclose(inside.std((2, 3)).detach(), 0, atol=1e-4)


def test_traversals_and_morphs_are_those_of_the_codes():
    torch.manual_seed(0)
    model, x = ConvVAE(4, (1, 8, 8), 3).eval(), torch.rand(2, 1, 8, 8, generator=generator())
    first, second = model.encode(x).mean.detach()
    codes = first.repeat(3, 1)
    codes[:, 2] = torch.tensor([-2.0, 0.5, 2.0])
    expected = model.decode(codes).detach()
    np.testing.assert_allclose(model.traverse(x[0], 2, [-2, 0.5, 2]), expected, rtol=1e-5)
    np.testing.assert_allclose(model.traverse(first, 2, codes[:, 2]), expected, rtol=1e-5)
    np.testing.assert_allclose(first, model.encode(x).mean[0].detach())  # it was not changed
    middle = model.decode(((first + second) / 2)[None]).detach()
    morph = model.interpolate(x[0], second, 5)
    np.testing.assert_allclose(morph[2:3], middle, rtol=1e-5)
    np.testing.assert_allclose(morph[[0, -1]], model.reconstruct(x), rtol=1e-5)


def test_pictures_do_not_depend_on_the_mode():
    """Batch normalisation would normalise one image by itself in training mode."""
    torch.manual_seed(0)
    model, x = ConvVAE(4, (1, 8, 8), 3), torch.rand(3, 1, 8, 8, generator=generator())
    in_training = model.train().reconstruct(x)
    assert torch.equal(in_training, model.eval().reconstruct(x))


def test_samples_are_decoded_from_the_prior():
    torch.manual_seed(0)
    model = DenseVAE(latents=3, hidden=5, shape=(1, 2, 4))
    pictures = model.sample(6, generator(7))
    codes = torch.randn(6, 3, generator=generator(7))
    np.testing.assert_allclose(pictures, model.decode(codes).detach(), rtol=1e-6)
    assert torch.equal(pictures, model.sample(6, generator(7)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.traverse(torch.zeros(2), 2, [0]), "latent is 2, must be from 0 to 1"),
        (
            lambda m: m.traverse(torch.zeros(3), 0, [0]),
            r"start has shape \(3,\), expected .*\(2,\)",
        ),
        (
            lambda m: m.interpolate(torch.zeros(2), torch.zeros(2), 1),
            "steps is 1, must be at least",
        ),
    ],
)
def test_pictures_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(DenseVAE(hidden=4))


# ---------------------------------------------------------------- training, saving


def bars(count=200):
    """Make images with one latent fact: how many rows are bright."""
    rows = torch.arange(count) % 8
    bright = torch.arange(8) <= rows[:, None]
    images = bright.float()[:, None, :, None].expand(count, 1, 8, 8).contiguous()
    return Images(images, rows, tuple("abcdefgh"))


bernoulli_loss = functools.partial(vae_loss, likelihood="bernoulli")


def train(model, **options):
    options = {"epochs": 15, "lr": 0.01, "loss": bernoulli_loss, "correct": None} | options
    return fit(model, bars(), batch_size=20, progress=False, device="cpu", **options)


def test_a_vae_learns_by_fit(tmp_path):
    torch.manual_seed(1)
    model = ConvVAE(2, (1, 8, 8), 8)
    history = train(model, validation=bars(8))
    assert history.loss[-1] < 0.6 * history.loss[0]
    assert history.accuracy == history.validation_accuracy == []
    back = model.reconstruct(bars(8).images)
    assert float((back.round() == bars(8).images).float().mean()) > 0.97
    save_weights(model, "bars", home=tmp_path)
    again = load_weights(ConvVAE(2, (1, 8, 8), 8), "bars", home=tmp_path)
    assert torch.equal(again.reconstruct(bars(8).images), back)


def test_a_vae_resumes_exactly(tmp_path):
    models = []
    for checkpoints in (False, True):
        torch.manual_seed(1)
        model = ConvVAE(2, (1, 8, 8), 4)
        options = {"epochs": 3, "checkpoint": tmp_path / "vae.pt" if checkpoints else None}
        if checkpoints:
            train(model, until=lambda h: h.epochs == 2, **options)
            model = ConvVAE(2, (1, 8, 8), 4)
        train(model, **options)
        models.append(model.state_dict())
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[0])
