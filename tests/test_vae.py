"""Variational autoencoders: every formula by hand, by torch.distributions and by drawing."""

import decimal
import math

import numpy as np
import pytest
import torch
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


def test_the_divergence_is_the_closed_form():
    """½ Σ (σ² + μ² − 1 − log σ²): three numbers by hand, then those of torch.distributions."""
    mean = torch.tensor([[0.0, 2.0, 0.0]], dtype=torch.float64)
    log_variance = torch.tensor([[0.0, 0.0, math.log(4)]], dtype=torch.float64)
    by_hand = [[0, 2, (4 - 1 - math.log(4)) / 2]]
    ours = models.kl_divergence(mean, log_variance, per_latent=True)
    np.testing.assert_allclose(ours, by_hand)
    expected = kl_divergence(posterior(), Normal(0.0, 1.0))
    ours = models.kl_divergence(MEAN, LOG_VARIANCE, per_latent=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    ours = models.kl_divergence(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(ours, expected.sum(1), rtol=1e-12)


# what rounds in float16 and bfloat16 rounds the variance, so they get a coarser tolerance
PRECISIONS = {torch.float64: 1e-13, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-2}


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_the_divergence_does_not_cancel(dtype):
    """½ (e^ℓ − 1 − ℓ) against 50 digits, from 1e-12 to 10 or 700, on either side, and at ½."""
    size = torch.logspace(-12, 2.845 if dtype == torch.float64 else 1, 300, dtype=torch.float64)
    log_variance = (
        torch.cat([-size, size, torch.tensor([0.0, 0.5, -0.5])]).to(dtype)[:, None].requires_grad_()
    )
    ours = models.kl_divergence(torch.zeros_like(log_variance), log_variance)
    with decimal.localcontext(prec=60):
        each = [decimal.Decimal(value) for value in log_variance.flatten().tolist()]
        exact = np.array([float((x.exp() - 1 - x) / 2) for x in each])
        slope = np.array([float((x.exp() - 1) / 2) for x in each])
    assert (ours >= 0).all()
    assert ours.dtype == dtype
    tiny = torch.finfo(dtype).tiny  # below it fewer digits are kept, then none
    np.testing.assert_allclose(ours.detach().double(), exact, rtol=PRECISIONS[dtype], atol=tiny)
    ours.sum().backward()
    gradient = log_variance.grad.flatten().double()
    np.testing.assert_allclose(gradient, slope, rtol=PRECISIONS[dtype], atol=tiny)


def test_the_divergence_has_a_gradient_and_refuses_shapes_that_differ():
    inputs = (MEAN.clone().requires_grad_(), LOG_VARIANCE.clone().requires_grad_())
    assert torch.autograd.gradcheck(models.kl_divergence, inputs)
    message = r"mean has shape \(3, 1\), log_variance \(1, 3\)"
    with pytest.raises(ValueError, match=message):
        models.kl_divergence(torch.zeros(3, 1), torch.zeros(1, 3))


# ---------------------------------------------------------------- drawing the code


def check_draws(draw):
    """The draws have the mean μ and the standard deviation exp(½ log σ²)."""
    mean, log_variance = (t.repeat(50_000, 1) for t in (MEAN[:1], LOG_VARIANCE[:1]))
    z, sigma = draw(mean, log_variance, generator()), (LOG_VARIANCE[0] / 2).exp()
    assert z.shape == mean.shape
    np.testing.assert_allclose((z.mean(0) - MEAN[0]) / sigma, 0, atol=0.02)
    np.testing.assert_allclose(z.std(0) / sigma, 1, rtol=0.02)
    assert torch.equal(z, draw(mean, log_variance, generator()))  # the generator decides


def test_codes_are_drawn_from_the_posterior():
    check_draws(reparameterise)


def noise(like, generator):
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


@pytest.mark.parametrize(
    "broken",
    [
        lambda mean, log_variance, g: mean + log_variance * noise(mean, g),  # taken for σ
        lambda mean, log_variance, g: mean + log_variance.exp() * noise(mean, g),  # for log σ
        lambda mean, log_variance, g: mean + (log_variance / 2).exp() * (mean + noise(mean, g)),
    ],
)
def test_a_wrong_draw_is_found(broken):
    """Fault 4 of the lab: log-variance and standard deviation mixed up; and ε about the mean."""
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
    ("shape", "likelihood", "message"),
    [
        ((5, 1, 2, 3), "L1", "likelihood is 'L1', must be one of l1, l2, bernoulli"),
        ((5, 1, 3, 2), "l1", r"x has shape \(5, 1, 2, 3\), reconstruction \(5, 1, 3, 2\)"),
    ],
)
def test_the_error_refuses(shape, likelihood, message):
    with pytest.raises(ValueError, match=message):
        reconstruction_error(output().x, drawn(*shape), likelihood=likelihood)


class Given(nn.Module):
    """Stand in for a VAE that returns what it is given."""

    def __init__(self, out):
        super().__init__()
        self.out = out
        self.decoder = lambda z: out.reconstruction

    def encode(self, x):
        return self.out.mean, self.out.log_variance

    def forward(self, x, generator=None):
        return self.out._replace(x=x)


BERNOULLI = {
    "reconstruction_error": lambda x, out, **k: reconstruction_error(x, out.reconstruction, **k),
    "reconstruction_loss": lambda x, out, **k: reconstruction_loss(out._replace(x=x), **k),
    "vae_loss": lambda x, out, **k: vae_loss(out._replace(x=x), **k),
    "negative_elbo": lambda x, out, **k: negative_elbo(Given(out), x, **k),
    "bound": lambda x, out, **k: importance_weighted_bound(Given(out), x, 1, **k),
    "debiasing_loss": lambda x, out, **k: debiasing_loss(
        DebiasingOutput(torch.zeros(5), x, *out[1:]), torch.ones(5), **k
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", BERNOULLI)
@pytest.mark.parametrize("stray", [-1e-3, 1.001, 255.0, math.nan, math.inf, -math.inf])
def test_no_pixel_outside_0_to_1_has_a_bernoulli_likelihood(name, stray, dtype):
    out = output()._replace(x=None)
    out = VAEOutput(None, *(part.to(dtype) for part in out[1:]))
    x = output().x.round().to(dtype)  # the ends belong to it
    assert torch.isfinite(BERNOULLI[name](x, out, likelihood="bernoulli")).all()
    x[3, 0, 1, 2] = stray
    with pytest.raises(ValueError, match=r"x goes from .* to .*'bernoulli' needs .* 0 to 1"):
        BERNOULLI[name](x, out, likelihood="bernoulli")


# ---------------------------------------------------------------- bounds


X = torch.tensor([[[[0.0, 1.0]]], [[[1.0, 1.0]]], [[[0.0, 0.0]]]], dtype=torch.float64)


DENSITIES = {
    "l1": lambda logits: Laplace(logits.sigmoid(), 1.0),
    "l2": lambda logits: Normal(logits.sigmoid(), math.sqrt(0.5)),
    "bernoulli": lambda logits: Bernoulli(logits=logits),
}


def exact(model, x, density=DENSITIES["bernoulli"]):
    """Integrate over the one latent: log p(x), and the ELBO of the encoder's posterior."""
    z = torch.linspace(-12, 12, 24_001, dtype=torch.float64)
    step, mean, log_variance = z[1] - z[0], *model.encode(x)
    likelihood = Independent(density(model.decoder(z[:, None])), 3)
    joint = likelihood.log_prob(x[:, None]) + Normal(0.0, 1.0).log_prob(z)
    evidence = joint.logsumexp(1) + step.log()
    q = Normal(mean, (log_variance / 2).exp())
    elbo = (q.log_prob(z).exp() * (joint - q.log_prob(z))).sum(1) * step
    return evidence.detach(), elbo.detach()


@pytest.mark.parametrize("likelihood", DENSITIES)
def test_bounds_are_those_of_the_integral(likelihood):
    """Without the constants both would be off by 2 log 2 or log π, and on the wrong side."""
    model = linear().train()
    evidence, elbo = exact(model, X, DENSITIES[likelihood])
    assert (elbo < evidence).all()
    options = {"likelihood": likelihood, "generator": generator()}
    mean = lambda values: values.reshape(3, -1).mean(1)  # noqa: E731
    many = X.repeat_interleave(60_000, 0)
    drawn_elbo = -mean(negative_elbo(model, many, batch_size=90_000, **options))
    np.testing.assert_allclose(drawn_elbo, elbo, atol=0.03)
    once = importance_weighted_bound(model, many, 1, batch_size=90_000, **options)
    np.testing.assert_allclose(mean(once), elbo, atol=0.03)
    tight = importance_weighted_bound(model, X, 100_000, batch_size=2, **options)
    np.testing.assert_allclose(tight, evidence, atol=0.03)
    fewer = X.repeat_interleave(4_000, 0)
    some = mean(importance_weighted_bound(model, fewer, 5, batch_size=3_000, **options))
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
    ("k", "batch_size", "error", "message"),
    [
        (0, 20, ValueError, "k is 0, must be at least 1"),
        (True, 20, TypeError, "k is True, must be a whole number"),
        (5, 0, ValueError, "batch_size is 0, must be at least 1"),
        (5, 2.0, TypeError, "batch_size is 2.0, must be a whole number"),
    ],
)
def test_a_bound_needs_whole_draws(k, batch_size, error, message):
    with pytest.raises(error, match=message):
        importance_weighted_bound(linear(), X, k, batch_size=batch_size)
    if batch_size != 20:
        with pytest.raises(error, match=message):
            negative_elbo(linear(), X, batch_size=batch_size)


# ---------------------------------------------------------------- networks


SHAPES = [
    (lambda: DenseVAE(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
    (lambda: DenseAutoencoder(shape=(2, 5, 3), hidden=7), (2, 5, 3)),
    (ConvVAE, (1, 28, 28)),
    (lambda: ConvVAE(3, (3, 64, 64), 4), (3, 64, 64)),
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
        (lambda m, code: m.traverse(code(2), 2, [0]), "latent is 2, must be from 0 to 1"),
        (lambda m, code: m.traverse(code(3), 0, [0]), r"start has shape \(3,\), expected .*\(2,\)"),
        (lambda m, code: m.interpolate(code(2), code(2), 1), "steps is 1, must be at least"),
    ],
)
def test_pictures_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(DenseVAE(hidden=4), torch.zeros)


def test_a_bound_of_grey_pixels_is_refused_and_a_rounding_error_is_not():
    model, grey = DenseVAE(latents=2, hidden=4), torch.full((2, 1, 28, 28), 0.5)
    for bound in (negative_elbo, importance_weighted_bound):
        with pytest.raises(ValueError, match="x has pixels between 0 and 1"):
            bound(model, grey)
        assert bound(model, grey, likelihood="l1").isfinite().all()
    x = torch.full((1, 1, 1, 2), 1 + 2e-7)
    assert reconstruction_error(x, torch.zeros_like(x), likelihood="bernoulli") > 0
