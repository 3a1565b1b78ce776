"""Variational autoencoders: every formula by hand, by torch.distributions and by drawing."""

import decimal
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.distributions import Bernoulli, Independent, Laplace, Normal, kl_divergence

from cnnbook import models
from cnnbook.models import VAE, ConvVAE, DenseAutoencoder, DenseVAE, VAEOutput
from cnnbook.models.debiasing_vae import DebiasingOutput, debiasing_loss
from cnnbook.models.variational import (
    importance_weighted_bound,
    negative_elbo,
    reconstruction_error,
    reconstruction_loss,
    reparameterise,
    vae_loss,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


MEAN, LOG_VARIANCE = drawn(5, 3, seed=1), drawn(5, 3, seed=2)


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


def test_the_divergence_is_the_closed_form():
    """½ Σ (σ² + μ² − 1 − log σ²), as torch.distributions has it, and its gradient."""
    expected = kl_divergence(Normal(MEAN, (LOG_VARIANCE / 2).exp()), Normal(0.0, 1.0))
    ours = models.kl_divergence(MEAN, LOG_VARIANCE, per_latent=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    ours = models.kl_divergence(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(ours, expected.sum(1), rtol=1e-12)
    inputs = MEAN.clone().requires_grad_(), LOG_VARIANCE.clone().requires_grad_()
    assert torch.autograd.gradcheck(models.kl_divergence, inputs)


# what rounds in float16 and bfloat16 rounds the variance, so they get a coarser tolerance
PRECISIONS = {torch.float64: 1e-13, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-2}


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_the_divergence_does_not_cancel(dtype):
    """½ (e^ℓ − 1 − ℓ) against 50 digits, from 1e-12 to 10 or 700, on either side, and at ½."""
    size = torch.logspace(-12, 2.845 if dtype == torch.float64 else 1, 300, dtype=torch.float64)
    both = torch.cat([-size, size, torch.tensor([0.0, 0.5, -0.5])]).to(dtype)
    log_variance = both[:, None].requires_grad_()
    ours = models.kl_divergence(torch.zeros_like(log_variance), log_variance)
    with decimal.localcontext(prec=60):
        each = [decimal.Decimal(value) for value in both.tolist()]
        exact = np.array([float((x.exp() - 1 - x) / 2) for x in each])
        slope = np.array([float((x.exp() - 1) / 2) for x in each])
    assert (ours >= 0).all()
    assert ours.dtype == dtype
    # below the least normal number fewer digits are kept, then none
    close = {"rtol": PRECISIONS[dtype], "atol": torch.finfo(dtype).tiny}
    np.testing.assert_allclose(ours.detach().double(), exact, **close)
    ours.sum().backward()
    np.testing.assert_allclose(log_variance.grad.flatten().double(), slope, **close)


def test_codes_are_drawn_from_the_posterior():
    """Mean μ, standard deviation exp(½ log σ²): fault 4 of the lab has no ½."""
    mean, log_variance = (t.repeat(50_000, 1) for t in (MEAN[:1], LOG_VARIANCE[:1]))
    z, sigma = reparameterise(mean, log_variance, generator()), (LOG_VARIANCE[0] / 2).exp()
    np.testing.assert_allclose((z.mean(0) - MEAN[0]) / sigma, 0, atol=0.02)
    np.testing.assert_allclose(z.std(0) / sigma, 1, rtol=0.02)
    assert torch.equal(z, reparameterise(mean, log_variance, generator()))


def test_gradients_pass_through_the_draw():
    """E[z²] = μ² + σ²: its gradient is 2μ for μ, and σ² for log σ²."""
    mean, log_variance = (t[0].clone().requires_grad_() for t in (MEAN, LOG_VARIANCE))
    z = reparameterise(mean.expand(400_000, 3), log_variance.expand(400_000, 3), generator())
    (z**2).mean(0).sum().backward()
    np.testing.assert_allclose(mean.grad, 2 * MEAN[0], atol=0.02)
    np.testing.assert_allclose(log_variance.grad, LOG_VARIANCE[0].exp(), atol=0.03)


OUT = VAEOutput(
    torch.rand(5, 1, 2, 3, generator=generator(), dtype=torch.float64),
    drawn(5, 1, 2, 3), MEAN, LOG_VARIANCE, MEAN,
)  # fmt: skip
DENSITIES = {  # of one pixel, and what its error leaves out
    "l1": (lambda logits: Laplace(logits.sigmoid(), 1.0), math.log(2)),
    "l2": (lambda logits: Normal(logits.sigmoid(), math.sqrt(0.5)), math.log(math.pi) / 2),
    "bernoulli": (lambda logits: Bernoulli(logits=logits), 0),
}


@pytest.mark.parametrize("likelihood", DENSITIES)
def test_reconstruction_errors_are_densities_without_their_constants(likelihood):
    """Sums over the pixels, as the divergence is one: fault 8 of the lab takes a mean."""
    density, left_out = DENSITIES[likelihood]
    x = OUT.x.round() if likelihood == "bernoulli" else OUT.x
    expected = -Independent(density(OUT.reconstruction), 3).log_prob(x) - 6 * left_out
    ours = reconstruction_error(x, OUT.reconstruction, likelihood=likelihood)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_the_loss_is_the_mean_of_weighted_divergence_and_error():
    differences = (OUT.x - OUT.reconstruction.sigmoid()).abs().flatten(1)
    expected = (2.5 * models.kl_divergence(MEAN, LOG_VARIANCE) + differences.sum(1)).mean()
    np.testing.assert_allclose(vae_loss(OUT, kl_weight=2.5), expected)
    assert vae_loss(OUT, torch.zeros(5), kl_weight=0) == reconstruction_loss(OUT)
    squares = reconstruction_loss(OUT, likelihood="l2")
    np.testing.assert_allclose(squares, (differences**2).sum() / 5)


def debiasing(out, **options):
    face = DebiasingOutput(torch.zeros(5), *out)
    return debiasing_loss(face, torch.ones(5), **options)


@pytest.mark.parametrize("loss", [vae_loss, reconstruction_loss, debiasing])
@pytest.mark.parametrize("stray", [-1e-3, 1.001, 255.0, math.nan, math.inf, -math.inf])
def test_no_pixel_outside_0_to_1_has_a_bernoulli_likelihood(loss, stray):
    x = OUT.x.round()  # the ends belong to it
    assert torch.isfinite(loss(OUT._replace(x=x), likelihood="bernoulli"))
    x[3, 0, 1, 2] = stray
    with pytest.raises(ValueError, match=r"x goes from .* to .*'bernoulli' needs .* 0 to 1"):
        loss(OUT._replace(x=x), likelihood="bernoulli")
    x = torch.full((1, 1, 1, 2), 1 + 2e-7)  # a rounding error
    assert reconstruction_error(x, torch.zeros_like(x), likelihood="bernoulli") > 0


X = torch.tensor([[[[0.0, 1.0]]], [[[1.0, 1.0]]], [[[0.0, 0.0]]]], dtype=torch.float64)


def exact(model, x, density):
    """Integrate over the one latent: log p(x), and the ELBO of the encoder's posterior."""
    z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
    step, mean, log_variance = z[1] - z[0], *model.encode(x)
    likelihood = Independent(density(model.decoder(z[:, None])), 3)
    joint = likelihood.log_prob(x[:, None]) + Normal(0.0, 1.0).log_prob(z)
    q = Normal(mean, (log_variance / 2).exp())
    elbo = (q.log_prob(z).exp() * (joint - q.log_prob(z))).sum(1) * step
    return (joint.logsumexp(1) + step.log()).detach(), elbo.detach()


@pytest.mark.parametrize("likelihood", DENSITIES)
def test_bounds_are_those_of_the_integral(likelihood):
    """Without the constants both would be off by 2 log 2 or log π, and on the wrong side."""
    model, options = linear().train(), {"likelihood": likelihood, "generator": generator()}
    evidence, elbo = exact(model, X, DENSITIES[likelihood][0])
    assert (elbo < evidence).all()
    mean = lambda values: values.reshape(3, -1).mean(1)  # noqa: E731
    many = X.repeat_interleave(60_000, 0)
    estimated = -negative_elbo(model, many, batch_size=90_000, **options)
    np.testing.assert_allclose(mean(estimated), elbo, atol=0.03)
    once = importance_weighted_bound(model, many, 1, batch_size=90_000, **options)
    np.testing.assert_allclose(mean(once), elbo, atol=0.03)
    tight = importance_weighted_bound(model, X, 100_000, batch_size=2, **options)
    np.testing.assert_allclose(tight, evidence, atol=0.03)
    some = mean(importance_weighted_bound(model, many[::15], 5, batch_size=3_000, **options))
    assert ((elbo < some) & (some < evidence)).all()
    assert model.training


@pytest.mark.parametrize("log_variance", [-40.0, -120.0, -800.0])
def test_a_bound_of_a_very_sure_encoder_is_finite(log_variance):
    """z is the mean to the last digit: log p(x|z) + log p(z) + ½ (log σ² + ε²), by hand."""
    model = linear()
    model.encode = lambda x: (torch.ones(len(x), 1).double(), torch.full((len(x), 1), log_variance))
    ours = importance_weighted_bound(model, X, 1, generator=generator())
    drawn = reparameterise(torch.zeros(3, 1).double(), torch.zeros(3, 1), generator())[:, 0]
    logits = model.decoder(torch.ones(3, 1).double()).detach()
    error = reconstruction_error(X, logits, likelihood="bernoulli")
    np.testing.assert_allclose(ours, 0.5 * (log_variance + drawn**2 - 1) - error, rtol=1e-6)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: DenseVAE(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
        (lambda: DenseAutoencoder(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
        (ConvVAE, (1, 28, 28)),
        (lambda: ConvVAE(3, (3, 64, 64), 4), (3, 64, 64)),
        (lambda: ConvVAE(6, (2, 16, 24), 4), (2, 16, 24)),
    ],
)
def test_networks_return_images_of_the_shape_they_saw(build, shape):
    torch.manual_seed(0)
    model, x = build().train(), torch.rand(4, *shape, generator=generator())
    out = model(x)
    assert out.x is x
    assert out.z.shape == (4, model.latents)
    np.testing.assert_allclose(model.decode(out.z).detach(), out[1].sigmoid().detach())
    (vae_loss if isinstance(model, VAE) else reconstruction_loss)(out).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    morph, traversal = model.interpolate(x[0], x[1], 4), model.traverse(x[0], 1, [-1, 0, 1, 2])
    for pictures in (out.reconstruction.sigmoid().detach(), model.reconstruct(x), traversal, morph):
        assert pictures.shape == x.shape
        assert not pictures.requires_grad
        assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1
    assert model.training


def test_networks_have_the_layers_they_claim():
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    dense = 784 * 400 + 400 + 2 * 400 + 400 + 400 * 784 + 784
    assert count(DenseAutoencoder()) == dense + 400 * 2 + 2 == 630_386
    assert count(DenseVAE()) == dense + 400 * 4 + 4
    for shape, maps in (((1, 28, 28), (32, 7, 7)), ((3, 64, 64), (128, 4, 4))):
        assert ConvVAE(shape=shape).encoder.features == math.prod(maps)
    with pytest.raises(ValueError, match="images of 7×9 cannot be halved, expected even sizes > 4"):
        ConvVAE(shape=(1, 7, 9))


def test_the_decoder_covers_every_pixel_equally_often():
    """Constant maps stay constant inside: no chequered pattern."""
    layer = next(p for p in ConvVAE().decoder if isinstance(p, nn.ConvTranspose2d))
    nn.init.ones_(layer.weight)
    inside = layer(torch.ones(1, layer.in_channels, 6, 6))[:, :, 2:-2, 2:-2]
    assert inside.shape[2:] == (8, 8)
    np.testing.assert_allclose(inside.std((2, 3)).detach(), 0, atol=1e-4)


def test_traversals_morphs_and_samples_are_those_of_the_codes():
    torch.manual_seed(0)
    model, x = ConvVAE(4, (1, 8, 8), 3).eval(), torch.rand(2, 1, 8, 8, generator=generator())
    first, second = model.encode(x).mean.detach()
    codes = first.repeat(3, 1)
    codes[:, 2] = torch.tensor([-2.0, 0.5, 2.0])
    middle = ((first + second) / 2)[None]
    for ours, code in (
        (model.traverse(x[0], 2, [-2, 0.5, 2]), codes),
        (model.traverse(first, 2, codes[:, 2]), codes),
        (model.interpolate(x[0], second, 5)[2:3], middle),
        (model.interpolate(first, x[1], 5)[[0, -1]], torch.stack([first, second])),
        (model.sample(6, generator(7)), torch.randn(6, 4, generator=generator(7))),
    ):
        np.testing.assert_allclose(ours, model.decode(code).detach(), rtol=1e-5)
    np.testing.assert_allclose(first, model.encode(x).mean[0].detach())  # it was not changed


def test_pictures_do_not_depend_on_the_mode_and_leave_it():
    """Batch normalisation would normalise one image by itself in training mode."""
    torch.manual_seed(0)
    model, x = ConvVAE(4, (1, 8, 8), 3), torch.rand(3, 1, 8, 8, generator=generator())
    model.train().encoder[1].eval()  # as where a layer is frozen
    modes = [part.training for part in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    in_training = model.reconstruct(x)
    negative_elbo(model, x.round(), generator=generator())
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(in_training, model.eval().reconstruct(x))


GREY = torch.full((2, 1, 28, 28), 0.5)
REFUSED = [
    (lambda m: m.traverse(torch.zeros(2), 2, [0]), "latent is 2, must be from 0 to 1"),
    (lambda m: m.traverse(torch.zeros(3), 0, [0]), r"start has shape \(3,\), expected .*\(2,\)"),
    (lambda m: m.interpolate(GREY[0], GREY[1], 1), "steps is 1, must be at least"),
    (lambda m: negative_elbo(m, GREY), "x has pixels between 0 and 1"),
    (lambda m: importance_weighted_bound(m, GREY), "x has pixels between 0 and 1"),
    (lambda m: importance_weighted_bound(m, GREY, 0), "k is 0, must be at least 1"),
    (lambda m: negative_elbo(m, GREY, batch_size=0), "batch_size is 0, must be at least 1"),
    (lambda m: reconstruction_error(GREY, GREY[:1]), r"x has shape \(2, .*, reconstruction \(1, "),
    (lambda m: reconstruction_error(GREY, GREY, likelihood="L1"), "'L1', must be one of l1, l2, b"),
    (lambda m: models.kl_divergence(GREY, GREY[:1]), r"mean has shape \(2, .* log_variance \(1, "),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(DenseVAE(hidden=4))


def test_edges_are_differences_of_neighbours():
    """One pixel that is ½ too bright: four neighbours differ otherwise, in the middle."""
    x = torch.full((2, 1, 5, 5), 0.25)
    x[1, 0, 0, 0] = 0.5  # a corner has two
    reconstruction = torch.full((2, 1, 5, 5), 0.25).logit()
    reconstruction[0, 0, 2, 2] = torch.tensor(0.75).logit()
    np.testing.assert_allclose(models.edge_error(x, reconstruction), [4 * 0.5, 2 * 0.25], rtol=1e-5)
    out = VAEOutput(x, reconstruction, *[torch.zeros(2, 1)] * 3)
    pixels = vae_loss(out, kl_weight=0.1)
    loss = models.portrait_loss(out, kl_weight=0.1, edge_weight=3.0)
    np.testing.assert_allclose(loss - pixels, 3 * (2 + 0.5) / 2, rtol=1e-5)
    with pytest.raises(ValueError, match=r"x has shape \(2, 1, 5, 5\), reconstruction \(1, 1"):
        models.edge_error(x, reconstruction[:1])


def test_a_network_of_portraits_reads_a_file_and_says_what_it_was_made_for(tmp_path, capsys):
    torch.manual_seed(0)
    network = models.PortraitVAE(latents=4, width=4).eval()
    x = torch.rand(2, 3, 48, 48, generator=generator())
    assert network(x).reconstruction.shape == x.shape
    np.testing.assert_allclose(network.reconstruct(x), network.decode(network.code(x)).detach())
    assert capsys.readouterr().out == ""
    wide = np.zeros((48, 80, 3), np.uint8)
    wide[:, 16:64] = (255 * x[0]).byte().permute(1, 2, 0)
    Image.fromarray(wide).save(tmp_path / "own.png")
    seen = network.reconstruct(tmp_path / "own.png")
    np.testing.assert_allclose(seen, network.reconstruct((255 * x[:1]).floor() / 255), atol=1e-5)
    assert "heads that a program drew" in capsys.readouterr().out
    with pytest.raises(ValueError, match="there is no file"):
        network.reconstruct(tmp_path / "none.png")
