"""The debiasing VAE, its resampling, and the faults of the well-known lab: each is found."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.datasets import Images
from cnnbook.models import DebiasingOutput, DebiasingVAE, FaceClassifier, vae_loss
from cnnbook.models.debiasing_vae import count_faces_right, debiasing_loss, face_loss
from cnnbook.training import adaptive, evaluate, fit, latent_means, resampling_probabilities
from cnnbook.training.resampling import densities

SHAPE = (3, 16, 16)


def small(seed=0, network=DebiasingVAE, **options):
    torch.manual_seed(seed)
    options = {"latents": 3, "decoder_width": 3} if network is DebiasingVAE else {}
    return network(shape=SHAPE, width=4, **options)


def some(count=40, seed=0):
    """Make faces, brighter at the top, and non-faces, brighter at the bottom."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.5 * torch.rand(count, *SHAPE, generator=generator)
    labels = (torch.arange(count) % 4 > 0).long()  # three quarters are faces
    images[labels == 1, :, :8] += 0.5
    images[labels == 0, :, 8:] += 0.5
    return Images(images, labels, ("not a face", "face"))


def train(model, data=None, **options):
    options = {"epochs": 2, "lr": 0.005, "batch_size": 8, "loss": debiasing_loss} | options
    options = {"correct": count_faces_right, "progress": False} | options
    return fit(model, some() if data is None else data, **options)


def means(count=500, latents=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, latents, generator=generator) * torch.tensor([1, 2, 0.1, 5.0])


def test_the_classifier_is_the_path_to_the_logit():
    standard, debiasing = small(network=FaceClassifier), small(seed=1)
    images = some().images
    own = {k: v for k, v in debiasing.state_dict().items() if k in standard.state_dict()}
    assert set(own) == set(standard.state_dict())
    standard.load_state_dict(own)
    logit = debiasing.eval().classify(images)
    assert torch.equal(standard.eval().classify(images), logit)
    assert torch.equal(debiasing(images).logit.detach(), logit)
    np.testing.assert_allclose(debiasing(images).mean.detach(), debiasing.code(images).detach())


@pytest.mark.parametrize("network", [FaceClassifier, DebiasingVAE])
def test_classify_does_not_depend_on_the_mode_and_leaves_it(network):
    model, images = small(network=network).train(), some().images[:5]
    model.encoder[1].eval()
    modes = [part.training for part in model.modules()]
    logit = model.classify(images)
    assert [part.training for part in model.modules()] == modes
    assert not logit.requires_grad
    assert torch.equal(model.eval().classify(images), logit)


def test_the_networks_as_given():
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    convolutions = 9 * (3 * 12 + 12 * 24 + 24 * 48 + 48 * 96) + 2 * (12 + 24 + 48 + 96)
    assert count(FaceClassifier()) == convolutions + 96 * 16 + 1
    decoder = 21 * 64 * 16 + 16 * (64 * 32 + 32 * 16 + 16 * 8 + 8 * 3) + 32 + 16 + 8 + 3
    assert count(DebiasingVAE()) == count(FaceClassifier()) + (96 * 16 + 1) * 40 + decoder


def test_right_answers_are_counted():
    logit, labels = torch.tensor([2.0, -1.0, 0.0, 3.0]), torch.tensor([1, 1, 0, 0])
    assert count_faces_right(logit, labels) == 2
    out = DebiasingOutput(logit, *[torch.zeros(4)] * 5)
    assert count_faces_right(out, labels) == 2


def test_it_learns_and_is_judged():
    model, data = small(), some(40, seed=1)
    history = train(model, some(200), epochs=6, draw=adaptive(0.1))
    assert history.accuracy[-1] > 0.95
    assert history.loss[-1] < history.loss[0]
    judged = evaluate(model, data, loss=debiasing_loss, correct=count_faces_right, batch_size=7)
    assert isinstance(judged.scores, DebiasingOutput)
    assert judged.scores.reconstruction.shape == data.images.shape
    np.testing.assert_allclose(judged.scores.logit, model.classify(data.images), atol=1e-6)
    right = (judged.scores.logit > 0) == (data.labels == 1)
    assert judged.accuracy == float(right.double().mean()) > 0.95


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    x = torch.rand(6, 1, 2, 3, generator=generator, dtype=torch.float64)
    out = DebiasingOutput(draw(6), x, draw(6, 1, 2, 3), draw(6, 4), draw(6, 4), draw(6, 4))
    out = DebiasingOutput(*(part.requires_grad_() for part in out))
    return out, torch.tensor([1, 0, 0, 1, 1, 0])


def check_loss(loss):
    """L_y counts for all six images, the VAE's terms for the three faces, all divided by six."""
    out, labels = batch()
    value = loss(out, labels, kl_weight=2.0, vae_weight=0.1)
    expected = 0
    for n, label in enumerate(labels.tolist()):
        expected += F.softplus(out.logit[n] * (1 - 2 * label))
        if label:
            one = DebiasingOutput(*(part[[n]] for part in out))
            expected += 0.1 * vae_loss(one, kl_weight=2.0)
    np.testing.assert_allclose(value.item(), expected.item() / 6)
    value.backward()
    assert out.logit.grad.ne(0).all(), "a label teaches nothing"
    assert out.mean.grad.ne(0).any(1).equal(labels == 1)
    assert out.reconstruction.grad.flatten(1).ne(0).any(1).equal(labels == 1)


def without_non_faces(output, labels, **weights):
    """Broken: the classification loss of non-faces is dropped, too."""
    faces = (labels == 1).double()
    each = F.binary_cross_entropy_with_logits(output.logit, faces, reduction="none")
    nothing = output._replace(logit=torch.zeros(6, dtype=torch.float64))
    return (faces * each).mean() + debiasing_loss(nothing, labels, **weights) - math.log(2)


def with_all_reconstructed(output, labels, *, kl_weight, vae_weight):
    """Broken: non-faces are reconstructed as well."""
    return face_loss(output.logit, labels) + vae_weight * vae_loss(output, kl_weight=kl_weight)


def test_the_loss_is_that_of_the_paper():
    check_loss(debiasing_loss)
    for broken in (without_non_faces, with_all_reconstructed):
        with pytest.raises(AssertionError):
            check_loss(broken)


def test_a_batch_without_faces_has_no_terms_of_the_vae():
    out, _ = batch()
    labels = torch.zeros(6, dtype=torch.int64)
    assert debiasing_loss(out, labels) == face_loss(out.logit, labels)


def check_scaling(estimate):
    """The estimate sees images on the scale that training sees."""
    model, data, seen = small(), some(), {True: [], False: []}
    model.encoder.register_forward_pre_hook(
        lambda module, inputs: seen[module.training].append(inputs[0].detach())
    )
    train(model, data, draw=lambda model, data: estimate(model, data.images).softmax(0)[:, 0])
    learned, estimated = torch.cat(seen[True]), torch.cat(seen[False])
    assert len(estimated) == len(learned) == 2 * len(data)
    assert data.images.min() <= estimated.min() < estimated.max() <= data.images.max(), "scale"


def test_the_estimate_sees_the_scale_of_training():
    """Fault 2: the values from 0 to 255 as they are in the file."""
    check_scaling(latent_means)
    with pytest.raises(AssertionError, match="scale"):
        check_scaling(lambda model, images: latent_means(model, images * 255))


def test_bytes_are_refused():
    with pytest.raises(TypeError, match=r"images is torch\.uint8, expected float"):
        latent_means(small(), (some().images * 255).to(torch.uint8))


def test_training_happens_in_training_mode():
    """Fault 3: the estimate sets evaluation mode, and nobody sets it back."""
    model, data = small().eval(), some()
    history = train(model, data, draw=adaptive(0.1), batch_size=8)
    counted = {int(m.num_batches_tracked) for m in model.modules() if hasattr(m, "running_mean")}
    assert counted == {history.epochs * len(data) // 8}, "batch normalisation did not learn"


def check_estimate(estimate):
    """Means come from evaluation mode, whatever the batch, and the model returns to its mode."""
    images = some().images
    for mode in (True, False):
        model = small().train(mode)
        state = {key: value.clone() for key, value in model.state_dict().items()}
        whole, parts = (estimate(model, images, batch_size=size) for size in (40, 7))
        np.testing.assert_allclose(whole, parts, atol=1e-6)
        assert model.training is mode
        assert all(module.training is mode for module in model.modules())
        assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
        assert not whole.requires_grad
        np.testing.assert_allclose(whole, model.eval().encode(images).mean.detach(), atol=1e-6)


def test_means_are_estimated_in_evaluation_mode():
    check_estimate(latent_means)
    for broken in (
        lambda model, images, batch_size: latent_means(model.eval(), images),  # is not set back
        lambda model, images, batch_size: torch.cat(  # in training mode
            [model.train().encode(part).mean.detach() for part in images.split(batch_size)]
        ),
    ):
        with pytest.raises(AssertionError):
            check_estimate(broken)


def test_the_mode_returns_after_an_error():
    model = small().train()
    model.encode = lambda images: 1 / 0
    with pytest.raises(ZeroDivisionError):
        latent_means(model, some().images)
    assert model.training


def test_probabilities_by_hand():
    """One latent, four images: three in [0, ½), one in [½, 1], widths ½."""
    values = torch.tensor([[0.0], [0.1], [0.2], [1.0]])
    np.testing.assert_allclose(densities(values, bins=2)[:, 0], [1.5, 1.5, 1.5, 0.5])
    weights = np.array([1 / 2.5, 1 / 2.5, 1 / 2.5, 1 / 1.5])  # α = 1
    ours = resampling_probabilities(values, alpha=1, bins=2)
    np.testing.assert_allclose(ours, weights / weights.sum())


def as_in_the_lab(values, bins, alpha):
    """The maximum over latents, written with NumPy in the lab's order of steps."""
    total = np.zeros(len(values))
    for column in values.double().numpy().T:
        density, edges = np.histogram(column, density=True, bins=bins)
        edges[0], edges[-1] = -np.inf, np.inf
        smoothed = (density + alpha) / (density + alpha).sum()
        p = 1 / smoothed[np.digitize(column, edges) - 1]
        total = np.maximum(p / p.sum(), total)
    return total / total.sum()


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_the_combinations_are_those_of_the_lab_and_of_the_paper(alpha):
    values = means()
    ours = resampling_probabilities(values, alpha=alpha, bins=8)
    np.testing.assert_allclose(ours, as_in_the_lab(values, 8, alpha), rtol=1e-9)
    product = (1 / (densities(values, bins=8) + alpha)).prod(1)
    ours = resampling_probabilities(values, alpha=alpha, bins=8, combine="product")
    np.testing.assert_allclose(ours, product / product.sum(), rtol=1e-9)


@pytest.mark.parametrize("combine", ["max", "product"])
def test_alpha_goes_from_even_bins_to_even_images(combine):
    values = means()
    options = {"bins": 8, "combine": combine}
    at_zero = resampling_probabilities(values, alpha=0, **options)
    assert at_zero.isfinite().all()
    np.testing.assert_allclose(at_zero.sum(), 1)
    spread = [
        float(resampling_probabilities(values, alpha=a, **options).std()) for a in (0, 0.1, 10, 1e9)
    ]
    assert spread == sorted(spread, reverse=True)
    for alpha in (1e12, math.inf):
        even = resampling_probabilities(values, alpha=alpha, **options)
        np.testing.assert_allclose(even, 1 / 500, rtol=1e-6)


def test_many_latents_and_a_constant_one_stay_finite():
    values = torch.randn(300, 400, generator=torch.Generator().manual_seed(0))
    values[:, 7] = 0.25
    for combine in ("max", "product"):
        ours = resampling_probabilities(values, alpha=0, combine=combine)
        assert ours.isfinite().all()
        np.testing.assert_allclose(ours.sum(), 1)
    np.testing.assert_allclose(resampling_probabilities(values[:, 7:8], alpha=0.1), 1 / 300)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (torch.zeros(3), {}, r"means must be finite, \(N, latents\), got shape \(3,\)"),
        (torch.full((2, 1), math.nan), {}, r"means must be finite"),
        (torch.zeros(2, 1), {"alpha": -0.1}, r"alpha is -0\.1, must not be negative"),
        (torch.zeros(2, 1), {"bins": 0}, "bins is 0, must be from 1 to"),
        (torch.zeros(2, 1), {"combine": "sum"}, "combine is 'sum', must be one of max, product"),
    ],
)
def test_resampling_refuses(values, options, message):
    with pytest.raises(ValueError, match=message):
        resampling_probabilities(values, **{"alpha": 0.1} | options)


def test_half_of_what_is_drawn_are_faces_and_the_rare_ones_come_more_often():
    class Encoder(nn.Linear):
        def encode(self, images):  # the first pixel is the one latent
            return SimpleNamespace(mean=images[:, 0, 0, :1])

    images = torch.zeros(100, 1, 1, 1)
    images[:5] = 1.0  # five rare faces among eighty
    labels = (torch.arange(100) < 80).long()
    data, model = Images(images, labels, ("not a face", "face")), Encoder(1, 1)
    p = adaptive(0, bins=4)(model, data)
    np.testing.assert_allclose(p[:5], 0.25 / 5)
    np.testing.assert_allclose(p[5:80], 0.25 / 75)
    np.testing.assert_allclose(p[80:], 0.5 / 20)
    np.testing.assert_allclose(adaptive(math.inf)(model, data)[:80], 0.5 / 80)
    with pytest.raises(ValueError, match="80 of 80 images are faces, need both kinds"):
        adaptive(0)(model, data[labels == 1])
    loose = SimpleNamespace(images=torch.zeros(4, 3, 8, 8), labels=torch.ones(4, 1))
    with pytest.raises(ValueError, match=r"data\.labels has shape \(4, 1\), expected \(4,\)"):
        adaptive(0.1)(None, loose)


@pytest.mark.parametrize("judge", [face_loss, count_faces_right])
@pytest.mark.parametrize("shapes", [((3,), (3, 1)), ((3,), (1,)), ((3,), ()), ((3, 1), (3, 1))])
def test_labels_of_faces_are_one_for_each_image(judge, shapes):
    with pytest.raises(ValueError, match=r"labels has shape .*, logit \(3,.*expected \(N,\)"):
        judge(*map(torch.ones, shapes))


def test_labels_of_faces_are_0_or_1():
    logit = torch.tensor([2.0, -1.0, 1.0])
    for wrong in (-1, 2, 0.5, math.nan):
        labels = torch.tensor([1, 0, wrong])
        for judge in (face_loss, count_faces_right):
            with pytest.raises(ValueError, match=r"labels holds .*, must be 1 for a face or 0"):
                judge(logit, labels)
    for kind in (torch.bool, torch.uint8, torch.int64, torch.float32):
        assert count_faces_right(logit, torch.tensor([1, 0, 0]).to(kind)) == 2
