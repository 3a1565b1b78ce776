"""The code of one latent: divergence, draws and slips, its pictures and its explorer."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts

from cnnbook.figures.variational import NOISE, RANGES, Code, normal
from cnnbook.models import kl_divergence
from cnnbook.widgets import vae_loss_explorer

SETTINGS = [(0.0, 0.0), (1.0, -1.0), (-3.0, 1.0), (3.0, -2.0)]
WIDE = np.linspace(-20, 20, 20001)


@settings(max_examples=30, deadline=None)
@given(st.floats(*RANGES["mean"]), st.floats(*RANGES["log_variance"]))
def test_every_picture(mean, log_variance):
    sizes = {picture.size for picture in check_state(Code(mean, log_variance))}
    assert sizes == {Code().picture().size}


@pytest.mark.parametrize(("mean", "log_variance"), SETTINGS)
def test_the_divergence_is_that_of_torch(mean, log_variance):
    code = Code(mean, log_variance)
    q = torch.distributions.Normal(code.mean, code.deviation)
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
    assert code.kl == pytest.approx(float(expected), abs=1e-6)
    ours = kl_divergence(torch.tensor([[mean]]), torch.tensor([[log_variance]]))
    assert code.kl == pytest.approx(float(ours), abs=1e-6)
    densities, p = normal(WIDE, mean, code.deviation), normal(WIDE)
    logarithms = q.log_prob(torch.tensor(WIDE))
    np.testing.assert_allclose(densities, logarithms.exp(), rtol=1e-5, atol=1e-12)
    # the lower curve adds up to it
    assert np.trapezoid(code.integrand(WIDE), WIDE) == pytest.approx(code.kl, abs=1e-6)
    assert code.between == pytest.approx(np.trapezoid(abs(densities - p), WIDE), abs=1e-4)


def test_a_code_worked_by_hand():
    code = Code(2.0, 0.0, step=1)
    assert NOISE[:2].tolist() == [0.13, -0.13]
    assert (code.kl, code.deviation) == (2, 1)
    np.testing.assert_allclose(code.samples, [2.13, 1.87])
    # log q − log p = μ·z − μ²/2 with σ = 1: 2·2.13 − 2 and 2·1.87 − 2
    assert code.estimate == pytest.approx((2.26 + 1.74) / 2)
    assert code.at(59).estimate == pytest.approx(code.kl, abs=0.2)  # it comes nearer
    assert code.shifted_mean == 4
    # σ = exp(½·(−1)) = 0.607, not σ² = 0.368
    assert Code(1.0, -1.0).samples[0] == pytest.approx(1 + 0.6065 * 0.13, abs=1e-4)
    assert repr(code) == (
        "To say N(2, 1) where N(0, 1) was expected costs 2 nats: KL = ½·(1 + 2² − 1 − 0) = 2. "
        "Draw 2 of 60: ε₁ = −0.13, z = 2 + 1·(−0.13) = 1.87. Mean of log q − log p over the draws "
        "so far: 2.00. Slips: σ for σ² gives ½·(1 + 2² − 1 − 0) = 2; ε from N(μ, 1) gives z the "
        "mean 4."
    )


def test_the_slips_are_wrong_by_what_is_said():
    code, sigma = Code(-1.0, -2.0), math.exp(-1)
    assert code.formula(code.deviation) == "½·(0.368 + (−1)² − 1 − (−1)) = 0.684"
    assert code.formula(code.variance) == "½·(0.135 + (−1)² − 1 − (−2)) = 1.07"
    shown = texts(code.picture())
    assert "σ where σ² belongs: off by −0.384 nats" in shown
    assert "ε ~ N(μ, 1): z has the mean −1.37, not −1" in shown
    generator = torch.Generator().manual_seed(0)
    shifted = -1 + torch.randn(100_000, generator=generator)  # the slip itself
    assert float((-1 + sigma * shifted).mean()) == pytest.approx(code.shifted_mean, abs=0.01)


def test_the_curves_are_the_densities():
    picture = Code(1.0, -1.0).picture()
    prior, posterior = picture.find("densities", "curve")
    assert (prior.stroke, prior.dashed, posterior.stroke) == ("input", True, "kernel")
    floor = max(y for _, y in prior.points)
    heights = [floor - min(y for _, y in line.points) for line in (prior, posterior)]
    assert heights[1] / heights[0] == pytest.approx(math.exp(0.5), rel=0.01)
    assert [m.fill for m in picture.find("integrand", "area")] == ["kernel", "negative"]


def test_controls_and_steps():
    view = vae_loss_explorer(0.5, -0.5, step=4)
    assert (view.controls["mean"].min, view.controls["mean"].max) == RANGES["mean"]
    for name, value in (("mean", -1.3), ("log_variance", 0.7)):
        view.controls[name].value = value
        assert (getattr(view.state, name), view.state.step) == (value, 4)  # the same ε
        assert view.state.formula(view.state.variance) in view.screen.value
    assert view.step.max == len(NOISE) - 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"log_variance": -2.1}, "log_variance is -2.1, must be from -2 to 1"),
        ({"step": 60}, "step is 60, expected 0 to 59"),
        ({"mean": float("nan")}, "mean is nan, must be from -3 to 3"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        vae_loss_explorer(**settings)
