"""Training: the loop against one written out, interrupting, augmentation, judging."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.datasets import Images
from cnnbook.training import Augment, evaluate, fit
from cnnbook.training.evaluation import count_right


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def some(count=50, seed=0):
    labels = torch.arange(count) % 3
    images = torch.rand(count, 1, 4, 5, generator=generator(seed)) * 0.5
    images[torch.arange(count), 0, labels] += 0.5  # the bright row is the class
    return Images(images, labels, ("a", "b", "c"))


def network(dropout=0.0):
    torch.manual_seed(3)
    layers = [nn.Linear(20, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(nn.Flatten(), *layers)


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def train(model, data=None, **options):
    options = {"epochs": 3, "lr": 0.02, "batch_size": 16, "progress": False} | options
    return fit(model, some() if data is None else data, **options)


def test_fit_is_the_loop_that_one_would_write():
    data, model, other, losses = some(), network(), network(), []
    history = train(model, data, schedule="constant", seed=7)
    optimizer = torch.optim.AdamW(other.parameters(), lr=0.02)
    for epoch in range(3):
        own = generator(7 * 100_003 + epoch)
        torch.randint(2**62, (), generator=own)
        total = 0
        for chosen in torch.randperm(50, generator=own).split(16):
            loss = F.cross_entropy(other(data.images[chosen]), data.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
        losses.append(total / 50)
    assert torch.equal(parameters(model), parameters(other))
    np.testing.assert_allclose(history.loss, losses)
    assert not model.training


def test_fit_learns_reports_and_ends_when_asked_to():
    model, asked, data = network(), [], some(30, seed=1)
    until = lambda h: asked.append(h.epochs) or h.epochs == 8  # noqa: E731
    history = train(model, some(90), validation=data, epochs=10, until=until)
    assert asked == list(range(1, 9))
    assert (len(history.validation_loss), history.interrupted) == (8, False)
    assert history.accuracy[-1] > 0.9
    judged = evaluate(model, data)
    assert history.validation_accuracy[-1] == judged.accuracy > 0.9
    np.testing.assert_allclose(history.validation_loss[-1], judged.loss)


def test_the_seed_decides_and_the_callers_random_numbers_stay():
    results = []
    for seed in (0, 0, 1):
        model = network(dropout=0.5)
        torch.manual_seed(11)
        train(model, seed=seed, augment=Augment(shift=1, noise=0.1))
        assert torch.equal(torch.rand(3), torch.rand(3, generator=generator(11)))
        results.append(parameters(model))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("schedule", ["one cycle", "constant"])
@pytest.mark.parametrize(("count", "batch"), [(1, 1), (2, 5), (6, 3), (7, 3), (50, 16)])
def test_the_learning_rate_follows_its_schedule(schedule, count, batch):
    """One step in all, up to twenty: no rate is negative or above `lr`, and not all are 0."""
    for epochs in range(1, 6):
        rates = []

        class Noting(torch.optim.SGD):
            def step(self, closure=None, rates=rates):
                rates.append(self.param_groups[0]["lr"])
                return super().step(closure)

        options = {"batch_size": batch, "schedule": schedule, "epochs": epochs}
        train(network(), some(count), optimizer=Noting, **options)
        assert len(rates) == epochs * -(-count // batch)
        assert all(0 < rate <= 0.02 * (1 + 1e-9) for rate in rates)
    if schedule == "constant":
        assert set(rates) == {0.02}
    elif count == 50:
        np.testing.assert_allclose(max(rates), 0.02, rtol=0.01)
        assert 4 <= int(np.argmax(rates)) <= 6
        assert max(rates[0], rates[-1]) < 0.001


def test_an_interrupt_keeps_what_was_learned():
    model, calls = network(), itertools.count(1)

    def interrupting(scores, labels):
        if next(calls) == 6:  # in the second epoch of four batches
            raise KeyboardInterrupt
        return F.cross_entropy(scores, labels)

    history = train(model, loss=interrupting)
    assert (history.interrupted, history.epochs, model.training) == (True, 1, False)
    assert not torch.equal(parameters(model), parameters(network()))


def test_a_loss_that_explodes_is_reported():
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) after \d+ steps of epoch .*lr"):
        train(network(), lr=1e30, optimizer=torch.optim.SGD, schedule="constant")


def test_right_answers_are_counted_as_asked_and_shown(capsys):
    half = lambda scores, labels: len(labels) / 2  # noqa: E731
    for correct, found, words in ((half, [0.5] * 3, "accuracy=0.5"), (None, [], "loss=")):
        history = train(network(), correct=correct, validation=some(), progress=True)
        assert history.accuracy == history.validation_accuracy == found
        assert len(history.validation_loss) == 3
        shown = capsys.readouterr().err
        assert "12/12" in shown  # batches
        assert words in shown
    assert "accuracy" not in shown


def test_images_are_drawn_by_their_probabilities():
    data, seen, asked = some(80), [], []
    weights = torch.tensor([0, 1, 2, 3, 4, 0, 10, 5.0]).repeat_interleave(10)
    weights /= weights.sum()
    draw = lambda model, data: asked.append(len(seen)) or weights  # noqa: E731

    def note(images, generator):
        seen.extend((images[:, None] == data.images).all((2, 3, 4)).int().argmax(1).tolist())
        return images

    train(network(), data, draw=draw, augment=note, epochs=40, batch_size=30)
    assert asked == list(range(0, 40 * 80, 80))  # before each epoch
    counts, expected = torch.bincount(torch.tensor(seen), minlength=80), weights * len(seen)
    assert counts[weights == 0].sum() == 0
    statistic = ((counts - expected) ** 2 / expected)[weights > 0].sum()
    assert statistic < 87.2  # chi-square with 59 degrees of freedom: 1 in 100 goes beyond


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_a_draw_by_no_probabilities_is_refused(value):
    one = torch.zeros(50)
    one[0] = value
    for draw in (torch.full((50,), value), one):
        with pytest.raises(ValueError, match="draw gave probabilities from"):
            train(network(), draw=lambda *_, p=draw: p)


def test_evaluate_means_over_images_not_over_batches():
    model, data = network(dropout=0.5).train(), some(25)
    judged = evaluate(model, data, batch_size=10)
    assert model.training
    model.eval()
    scores = model(data.images).detach()
    np.testing.assert_allclose(judged.scores, scores, rtol=1e-6)
    np.testing.assert_allclose(judged.loss, F.cross_entropy(scores, data.labels), rtol=1e-6)
    assert judged.accuracy == float((scores.argmax(1) == data.labels).double().mean())


def test_shifts_are_whole_pixels_with_black_outside_and_half_are_mirrored():
    images = torch.rand(400, 1, 5, 7, generator=generator())
    changed, seen = Augment(shift=2, flip=True)(images, generator()), []
    for sides in (images, images.flip(3)):
        wide = F.pad(sides, (2, 2, 2, 2))
        for rows, columns in itertools.product(range(5), repeat=2):
            moved = wide[..., rows : rows + 5, columns : columns + 7]
            seen.append((moved - changed).abs().amax((1, 2, 3)) < 1e-5)
    seen = torch.stack(seen)
    assert (seen.sum(0) == 1).all()  # each image lies in one place
    assert seen.any(1).all()  # and each place is taken
    assert 150 < int(seen[:25].sum()) < 250
    np.testing.assert_allclose(Augment()(images, generator()), images, atol=1e-6)


def test_maps_turn_scale_stretch_and_shear_in_pixels():
    """Undo the normalised coordinates, and look at what each setting does to a square of pixels."""
    extent = torch.tensor([15.0, 5.0])

    def pixels(**settings):
        maps = Augment(**settings).maps(500, (10, 30), generator())[:, :, :2]
        return maps * extent[:, None] / extent

    def goes(values, least, most):
        np.testing.assert_allclose([values.min(), values.max()], [least, most], atol=0.01 * most)

    turned = pixels(rotation=20)
    np.testing.assert_allclose(turned @ turned.mT, torch.eye(2).expand(500, 2, 2), atol=1e-5)
    goes(torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0])), -20, 20)
    sized = pixels(scale=0.25)
    np.testing.assert_allclose(sized[:, 0, 0], sized[:, 1, 1], rtol=1e-5)
    goes(sized[:, 0, 0], 0.8, 1.25)
    stretched = pixels(stretch=0.25)
    np.testing.assert_allclose(stretched[:, 0, 0], 1, rtol=1e-5)
    goes(stretched[:, 1, 1], 0.8, 1.25)
    slanted = pixels(shear=0.3)
    np.testing.assert_allclose(slanted[:, [0, 1, 1], [0, 0, 1]], [[1, 0, 1]] * 500, atol=1e-5)
    goes(slanted[:, 0, 1], -0.3, 0.3)


def test_noise_has_its_size_and_stays_in_range():
    changed = Augment(noise=0.1)(torch.full((20, 1, 30, 30), 0.5), generator())
    np.testing.assert_allclose(changed.std(), 0.1, rtol=0.02)
    dark = Augment(noise=0.5)(torch.zeros(5, 1, 9, 9), generator())
    assert 0 == float(dark.min()) < 0.9 < float(dark.max()) <= 1


FIVE = some(5)
LABELS = FIVE.labels
REFUSED = [
    (lambda: train(network(), epochs=0), "epochs is 0, must be at least 1"),
    (lambda: train(network(), epochs=2.0), r"epochs is 2\.0, must be a whole number"),
    (lambda: train(network(), batch_size=0), "batch_size is 0, must be at least 1"),
    (lambda: train(network(), batch_size=math.nan), "batch_size is nan, must be a whole number"),
    (lambda: train(network(), lr=0), "lr is 0, must be finite and above 0"),
    (lambda: train(network(), lr=math.nan), "lr is nan, must be finite and above 0"),
    (lambda: train(network(), lr=True), "lr is True, must be a number"),
    (lambda: train(network(), seed=-1), "seed is -1, must be from 0 to"),
    (lambda: train(network(), seed=2**63), "seed is 9223372036854775808, must be from 0 to"),
    (lambda: train(network(), schedule="cosine"), "schedule is 'cosine', must be one of one cyc"),
    (lambda: train(network(), FIVE[:0]), "there are no images"),
    (lambda: train(network(), draw=lambda *_: torch.ones(3)), r"shape \(3,\), expected \(50,\)"),
    (lambda: train(network(), FIVE, correct=lambda *_: 16), "correct counted 16 .* of 5 images"),
    (lambda: evaluate(network(), FIVE, correct=lambda *_: 16), "correct counted 16 .* of 5 images"),
    (
        lambda: count_right(torch.eye(5), LABELS.float()),
        "labels is torch.float32, must be int",
    ),
    (lambda: count_right(torch.eye(5), LABELS > 0), "labels is torch.bool, must be integers"),
    (lambda: count_right(torch.eye(5), LABELS + 3), "labels holds 5, scores has classes 0 to 4"),
    (lambda: count_right(torch.eye(5), LABELS - 1), "labels holds -1, scores has classes 0 to 4"),
    (lambda: Augment(rotation=math.nan), "rotation is nan, must be finite and at least 0"),
    (lambda: Augment(noise=-0.1), r"noise is -0\.1, must be finite and at least 0"),
    (lambda: Augment(shear="1"), "shear is '1', must be a number"),
    (lambda: Augment(shift=1.5), r"shift is 1\.5, must be a whole number"),
    (lambda: Augment(shift=2**63), "shift is 9223372036854775808, must be from 0 to"),
    (lambda: Augment(flip=0.5), r"flip must be True or False, got 0\.5"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize("labels", [LABELS[:, None], LABELS[None], LABELS[:4]])
def test_labels_are_one_for_each_image(labels):
    """(N, 1) against (N,) would be N×N comparisons, and more right answers than images."""
    loose = SimpleNamespace(images=FIVE.images, labels=labels)
    for judge in (
        lambda: count_right(network()(FIVE.images), labels),
        lambda: train(network(), loose),
        lambda: train(network(), FIVE, validation=loose),
        lambda: evaluate(network(), loose),
    ):
        with pytest.raises(ValueError, match="labels has shape"):
            judge()
