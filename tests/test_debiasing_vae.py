"""The debiasing VAE, its resampling, and the faults of the well-known lab: each is found."""

import functools
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
from cnnbook.training import (
    adaptive,
    directions,
    effective_sample_size,
    evaluate,
    expected_distinct,
    explained,
    fit,
    group_report,
    latent_means,
    matched_threshold,
    resampling_probabilities,
)
from cnnbook.training.resampling import densities

SHAPE = (3, 16, 16)


def small(seed=0, network=DebiasingVAE):
    torch.manual_seed(seed)
    options = {"latents": 3, "decoder_width": 3} if network is DebiasingVAE else {}
    return network(shape=SHAPE, width=4, **options)


def some(count=40, seed=0):
    """Make faces, brighter at the top, and non-faces, brighter at the bottom."""
    images = 0.5 * torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))
    labels = (torch.arange(count) % 4 > 0).long()  # three quarters are faces
    images[labels == 1, :, :8] += 0.5
    images[labels == 0, :, 8:] += 0.5
    return Images(images, labels, ("not a face", "face"))


def train(model, data, **options):
    options = {"epochs": 2, "lr": 0.005, "batch_size": 8, "loss": debiasing_loss} | options
    return fit(model, data, correct=count_faces_right, progress=False, **options)


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


def test_the_networks_as_given():
    count = lambda model: sum(p.numel() for p in model.parameters())  # noqa: E731
    convolutions = 9 * (3 * 12 + 12 * 24 + 24 * 48 + 48 * 96) + 2 * (12 + 24 + 48 + 96)
    assert count(FaceClassifier()) == convolutions + 96 * 16 + 1
    decoder = 21 * 64 * 16 + 16 * (64 * 32 + 32 * 16 + 16 * 8 + 8 * 3) + 32 + 16 + 8 + 3
    assert count(DebiasingVAE()) == count(FaceClassifier()) + (96 * 16 + 1) * 40 + decoder


def test_it_learns_and_is_judged():
    """Fault 3 of the lab: the estimate sets evaluation mode, and nobody sets it back."""
    model, data = small().eval(), some(40, seed=1)
    history = train(model, some(200), epochs=6, draw=adaptive(0.1))
    counted = {int(m.num_batches_tracked) for m in model.modules() if hasattr(m, "running_mean")}
    assert counted == {6 * 200 // 8}, "batch normalisation did not learn"
    assert history.accuracy[-1] > 0.95
    assert history.loss[-1] < history.loss[0]
    judged = evaluate(model, data, loss=debiasing_loss, correct=count_faces_right, batch_size=7)
    assert isinstance(judged.scores, DebiasingOutput)
    assert judged.scores.reconstruction.shape == data.images.shape
    np.testing.assert_allclose(judged.scores.logit, model.classify(data.images), atol=1e-6)
    right = (judged.scores.logit > 0) == (data.labels == 1)
    assert judged.accuracy == float(right.double().mean()) > 0.95


def test_the_loss_is_that_of_the_paper():
    """L_y counts for all six images, the VAE's terms for the three faces, all divided by six."""
    generator, labels = torch.Generator().manual_seed(0), torch.tensor([1, 0, 0, 1, 1, 0])
    shapes = [(6,), (6, 1, 2, 3), (6, 1, 2, 3), (6, 4), (6, 4), (6, 4)]
    parts = [torch.rand(*shape, generator=generator, dtype=torch.float64) for shape in shapes]
    out = DebiasingOutput(*(part.requires_grad_() for part in parts))
    value, expected = debiasing_loss(out, labels, kl_weight=2.0, vae_weight=0.1), 0
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
    assert debiasing_loss(out, 0 * labels) == face_loss(out.logit, 0 * labels)


def test_the_estimate_sees_the_images_of_training():
    """Faults 2 and 6 of the lab: values from 0 to 255, and the channels in the other order."""
    model, data, seen = small(), some(), {True: [], False: []}
    data.images[:, 0] *= 0.5  # so that the order of the channels can be told
    model.encoder.register_forward_pre_hook(
        lambda module, inputs: seen[module.training].append(inputs[0].detach())
    )
    train(model, data, draw=lambda model, data: latent_means(model, data.images).softmax(0)[:, 0])
    learned, estimated = torch.cat(seen[True]), torch.cat(seen[False])
    assert len(estimated) == len(learned) == 2 * len(data)
    ours = {image.numpy().tobytes() for image in data.images}
    assert all(image.numpy().tobytes() in ours for image in (*learned, *estimated))
    with pytest.raises(TypeError, match=r"images is torch\.uint8, expected float"):
        latent_means(model, (data.images * 255).to(torch.uint8))


@pytest.mark.parametrize("network", [FaceClassifier, DebiasingVAE])
def test_networks_are_asked_in_evaluation_mode_and_return_to_theirs(network):
    """Codes and scores do not depend on the other images, and nothing is learned from them."""
    images, model = some().images, small(network=network).train()
    model.encoder[1].eval()  # as where a layer is frozen
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    for ask in [model.classify] + [lambda x: latent_means(model, x)] * (network is DebiasingVAE):
        whole, parts = ask(images), [ask(part) for part in images.split(7)]
        np.testing.assert_allclose(whole, torch.cat(parts), atol=1e-6)
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
        assert not whole.requires_grad
    model.encode = lambda images: 1 / 0
    with pytest.raises(ZeroDivisionError):
        latent_means(model, images)
    assert [module.training for module in model.modules()] == modes


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


MEANS = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
MEANS *= torch.tensor([1, 2, 0.1, 5.0])


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_the_combinations_are_those_of_the_lab_and_of_the_paper(alpha):
    values = torch.tensor([[0.0], [0.1], [0.2], [1.0]])  # three in [0, ½), one in [½, 1]
    np.testing.assert_allclose(densities(values, bins=2)[:, 0], [1.5, 1.5, 1.5, 0.5])
    ours = resampling_probabilities(MEANS, alpha=alpha, bins=8)
    np.testing.assert_allclose(ours, as_in_the_lab(MEANS, 8, alpha), rtol=1e-9)
    product = (1 / (densities(MEANS, bins=8) + alpha)).prod(1)
    ours = resampling_probabilities(MEANS, alpha=alpha, bins=8, combine="product")
    np.testing.assert_allclose(ours, product / product.sum(), rtol=1e-9)


@pytest.mark.parametrize("combine", ["max", "product"])
def test_alpha_goes_from_even_bins_to_even_images(combine):
    draw = functools.partial(resampling_probabilities, combine=combine)
    spread = [float(draw(MEANS, alpha=alpha, bins=8).std()) for alpha in (0, 0.1, 10, 1e9)]
    assert spread == sorted(spread, reverse=True)
    for alpha in (1e12, math.inf):
        np.testing.assert_allclose(draw(MEANS, alpha=alpha, bins=8), 1 / 500, rtol=1e-6)
    many = torch.randn(300, 400, generator=torch.Generator().manual_seed(0))
    many[:, 7] = 0.25
    np.testing.assert_allclose(draw(many, alpha=0).sum(), 1)  # no number becomes too small
    np.testing.assert_allclose(draw(many[:, 7:8], alpha=0.1), 1 / 300)


def test_half_of_what_is_drawn_are_faces_and_the_rare_ones_come_more_often():
    model = nn.Identity()
    model.encode = lambda images: SimpleNamespace(mean=images[:, 0, 0, :1])  # the first pixel
    images = torch.zeros(100, 1, 1, 1)
    images[:5] = 1.0  # five rare faces among eighty
    data = Images(images, (torch.arange(100) < 80).long(), ("not a face", "face"))
    p = adaptive(0, bins=4)(model, data)
    np.testing.assert_allclose(p[:5], 0.25 / 5)
    np.testing.assert_allclose(p[5:80], 0.25 / 75)
    np.testing.assert_allclose(p[80:], 0.5 / 20)
    np.testing.assert_allclose(adaptive(math.inf)(model, data)[:80], 0.5 / 80)


def test_the_effective_sample_is_that_of_an_even_draw():
    """A mean of draws by p varies as one of that many even draws."""
    assert effective_sample_size(torch.full((40,), 3.0)) == pytest.approx(40)
    assert effective_sample_size(torch.tensor([0.0, 7.0, 0.0])) == 1
    assert effective_sample_size(torch.tensor([0.5, 0.25, 0.25])) == pytest.approx(8 / 3)
    half = torch.zeros(100)
    half[:50] = 1  # half of them evenly, the others never
    assert effective_sample_size(half) == pytest.approx(50)


def test_the_distinct_images_are_those_that_one_counts():
    p = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    drawn = torch.multinomial(
        p.expand(4000, 5), 7, True, generator=torch.Generator().manual_seed(0)
    )
    seen = torch.zeros(4000, 5).scatter_(1, drawn, 1.0)
    assert expected_distinct(p, 7) == pytest.approx(float(seen.sum(1).mean()), abs=0.05)
    some = torch.tensor([False, True, False, True, True])
    counted = float(seen[:, some].sum(1).mean())
    assert expected_distinct(9 * p, 7, some) == pytest.approx(counted, abs=0.05)
    assert expected_distinct(torch.tensor([1.0, 0.0]), 5) == 1
    even = expected_distinct(torch.ones(3000), 3000)
    assert even == pytest.approx(3000 * (1 - (1 - 1 / 3000) ** 3000))


def test_what_codes_know_is_read_off_their_last_fifth():
    codes = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    linear = 2 * codes[:, 0] - codes[:, 1] + 5
    assert explained(codes, linear) == pytest.approx(1, abs=1e-6)
    turned = codes[:, 2] ** 2  # how far, to whichever side
    assert explained(codes, turned) == pytest.approx(1, abs=1e-6)
    noise = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    assert explained(codes, linear + 5**0.5 * noise) == pytest.approx(0.5, abs=0.1)
    assert -0.1 < explained(codes, noise) < 0.1
    linear[800:] = noise[800:]  # what is not fitted is judged
    assert explained(codes, linear) < 0
    assert 0 < explained(codes, codes[:, 0] > 0) < 1


def test_a_direction_changes_one_property_and_leaves_the_others():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(400, 3, generator=generator)
    values[:, 1] += values[:, 0]  # two properties that come together
    true = torch.randn(3, 5, generator=generator)
    noise = 0.01 * torch.randn(400, 5, generator=generator)
    np.testing.assert_allclose(directions(values @ true + 7 + noise, values), true, atol=0.01)


def test_right_answers_are_counted():
    logit, labels = torch.tensor([2.0, -1.0, 0.0, 3.0]), torch.tensor([1, 1, 0, 0])
    out = DebiasingOutput(logit, *[torch.zeros(4)] * 5)
    for kind in (torch.bool, torch.uint8, torch.int64, torch.float32):
        assert count_faces_right(logit, labels.to(kind)) == count_faces_right(out, labels) == 2


FACES = SimpleNamespace(images=torch.zeros(4, 3, 8, 8), labels=torch.ones(4))
LOOSE = SimpleNamespace(images=FACES.images, labels=torch.ones(4, 1))
SHAPES = r"labels has shape .*, logit \(3,.*expected \(N,\)"
REFUSED = [
    (lambda: resampling_probabilities(torch.zeros(3), alpha=0), r"\(N, latents\), got shape \(3,"),
    (lambda: resampling_probabilities(MEANS * math.nan, alpha=0), "means must be finite"),
    (lambda: resampling_probabilities(MEANS, alpha=-0.1), r"alpha is -0\.1, must not be negative"),
    (lambda: resampling_probabilities(MEANS, alpha=0, bins=0), "bins is 0, must be from 1 to"),
    (lambda: resampling_probabilities(MEANS, alpha=0, combine="sum"), "must be one of max, prod"),
    (lambda: effective_sample_size(torch.zeros(3)), r"not all 0; got shape \(3,\), sum 0"),
    (lambda: effective_sample_size(torch.ones(3, 1)), r"must be \(N,\), .* got shape \(3, 1\)"),
    (lambda: expected_distinct(torch.tensor([1.0, -0.1]), 3), "not negative"),
    (lambda: expected_distinct(torch.ones(3), 0), "draws is 0, must be at least 1"),
    (lambda: explained(MEANS, MEANS[:, 0][1:]), r"values has shape \(499,\), codes \(500, 4\)"),
    (lambda: explained(MEANS, 0 * MEANS[:, 0]), "values of the last 100 images are all the same"),
    (lambda: directions(MEANS, MEANS[:, 0]), r"values has shape \(500,\), codes \(500, 4\)"),
    (lambda: directions(MEANS, MEANS[:, [0, 0]]), "values has 2 columns, but 1 are independent"),
    (lambda: matched_threshold(MEANS[:, 0], torch.ones(500), 0.1), "0 of 500 images are non-faces"),
    (lambda: matched_threshold(MEANS[:, 0], torch.zeros(500), 1.2), "false_positives is 1.2, must"),
    (lambda: adaptive(0)(None, FACES), "4 of 4 images are faces, need both kinds"),
    (lambda: adaptive(0)(None, LOOSE), r"data\.labels has shape \(4, 1\), expected \(4,\)"),
]
for judge in (face_loss, count_faces_right):
    for shape in (3, 1), (1,), ():
        REFUSED.append((functools.partial(judge, torch.ones(3), torch.ones(shape)), SHAPES))
    REFUSED.append((functools.partial(judge, torch.ones(3, 1), torch.ones(3, 1)), SHAPES))
    for label in (-1, 2, 0.5, math.nan):
        words = r"labels holds .*, must be 1 for a face or 0"
        REFUSED.append(
            (functools.partial(judge, torch.ones(3), torch.tensor([1, 0, label])), words)
        )


NAMES = ("light", "dark")


def hundred():
    """60 faces of one group, 54 found; 40 of the other, 20 found; 50 others, 5 taken for faces."""
    scores = torch.cat([torch.ones(54), -torch.ones(6), torch.ones(20), -torch.ones(20)])
    scores = torch.cat([scores, torch.ones(5), -torch.ones(45)])
    labels = torch.cat([torch.ones(100), torch.zeros(50)]).long()
    groups = torch.cat([torch.zeros(60), torch.ones(40), -torch.ones(50)]).long()
    return scores, labels, groups


def test_a_report_is_what_one_counts():
    scores, labels, groups = hundred()
    report = group_report(scores, labels, groups, NAMES, minimum=40)
    rows = [(row.name, row.count, row.recall) for row in report.groups]
    assert rows == [("light", 60, 0.9), ("dark", 40, 0.5)]
    np.testing.assert_allclose([report.variance, report.gap], [0.2**2, 0.4])
    assert (report.recall, report.precision) == (74 / 100, 74 / 79)
    np.testing.assert_allclose(report.accuracy, (74 + 45) / 150)
    right_order, ties = 74 * 45, 74 * 5 + 26 * 45
    np.testing.assert_allclose(report.auc, (right_order + ties / 2) / (100 * 50))
    report = group_report(scores - 1, labels, groups, NAMES, minimum=40)
    assert report.recall == 0  # above 0, not at it
    assert math.isnan(report.precision)
    groups[groups == 1] = -1  # faces of no group count in the whole only
    report = group_report(scores, labels, groups, NAMES[:1], minimum=40)
    assert (report.gap, report.recall) == (0, 0.74)


def test_a_matched_threshold_takes_that_share_of_the_non_faces():
    scores = torch.randn(5000, generator=torch.Generator().manual_seed(0))
    labels = (torch.arange(5000) % 5 == 0).long()
    scores[labels == 1] += 100  # faces do not count
    for share in (0.0, 0.03, 0.12, 0.5, 1.0):
        found = (scores[labels == 0] > matched_threshold(scores, labels, share)).double().mean()
        assert found == pytest.approx(share, abs=1 / 4000)


def test_at_a_threshold_the_groups_are_counted_and_their_order_is_not():
    scores, labels, groups = hundred()
    one = group_report(scores, labels, groups, NAMES, minimum=40)
    other = group_report(scores + 3, labels, groups, NAMES, threshold=3.0, minimum=40)
    assert one == other
    none = group_report(scores, labels, groups, NAMES, threshold=1.0, minimum=40)
    assert [row.recall for row in none.groups] == [0, 0]
    light, dark = (54 * 45 + (54 * 5 + 6 * 45) / 2) / 3000, (20 * 45 + (20 * 50) / 2) / 2000
    for report in (one, none):
        np.testing.assert_allclose([row.auc for row in report.groups], [light, dark])
    with pytest.raises(ValueError, match="threshold is nan, must be finite"):
        group_report(scores, labels, groups, NAMES, threshold=math.nan, minimum=40)


# Newcombe (1998), Statistics in Medicine 17, table I, method 3
NEWCOMBE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611)]


@pytest.mark.parametrize(("right", "count", "low", "high"), NEWCOMBE)
def test_intervals_are_the_published_ones(right, count, low, high):
    scores = torch.cat([torch.ones(right), -torch.ones(count - right + 1)])
    labels = torch.cat([torch.ones(count), torch.zeros(1)])
    (row,) = group_report(scores, labels, labels.long() - 1, ["all"], minimum=1).groups
    np.testing.assert_allclose(row.interval, (low, high), atol=5e-5)
    assert (row.interval.low, row.interval.high) == tuple(row.interval)


S, Y, G = hundred()
REPORTED = [
    ((S, Y, G[1:]), r"groups has shape \(149,\), scores \(150,\)"),
    ((S[:, None], Y, G), r"labels has shape \(150,\), scores \(150, 1\)"),
    ((S, Y[:, None], G), r"labels has shape \(150, 1\), scores \(150,\)"),
    ((S, Y * 2, G), "labels holds 2, must be 1 for a face or 0"),
    ((S * math.nan, Y, G), "150 of 150 scores are NaN"),
    ((S, Y, G + (G == 1)), "groups go up to 2, but there are 2 names"),
    ((S, Y, G.clamp(min=0)), "50 images with a group are no faces"),
    ((S[100:], Y[100:], G[100:]), "0 of 50 images are faces, need"),
    ((S[:100], Y[:100], G[:100]), "100 of 100 images are faces, need"),  # fault 7
    ((S, Y, G), "group 'light' has 60 faces, must be at least 300"),  # fault 5 of the lab
]
for given, words in REPORTED:
    REFUSED.append((functools.partial(group_report, *given, NAMES), words))


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
