"""Training: the loop against one written out, interrupting, augmentation, judging."""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.datasets import Images
from cnnbook.training import Augment, evaluate, fit
from cnnbook.training.evaluation import count_right


def some(count=50, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    images = torch.rand(count, 1, 4, 5, generator=generator) * 0.5
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


# ---------------------------------------------------------------- fit


def test_fit_is_the_loop_that_one_would_write():
    data, model, other = some(), network(), network()
    history = train(model, data, schedule="constant", seed=7)
    optimizer = torch.optim.AdamW(other.parameters(), lr=0.02)
    losses = []
    for epoch in range(3):
        generator = torch.Generator().manual_seed(7 * 100_003 + epoch)
        torch.randint(2**62, (), generator=generator)
        total = 0
        for chosen in torch.randperm(50, generator=generator).split(16):
            loss = F.cross_entropy(other(data.images[chosen]), data.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
        losses.append(total / 50)
    assert torch.equal(parameters(model), parameters(other))
    np.testing.assert_allclose(history.loss, losses)
    assert not model.training


def test_fit_learns_and_reports():
    model, data = network(), some(90)
    history = train(model, data, validation=some(30, seed=1), epochs=8)
    assert history.epochs == len(history.seconds) == len(history.validation_loss) == 8
    assert history.accuracy[-1] > 0.9
    judged = evaluate(model, some(30, seed=1))
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


def rates_of(**options):
    """The learning rates of the steps of a training."""
    rates = []

    class Noting(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    train(network(), optimizer=Noting, **options)
    return rates


def test_one_cycle_rises_and_falls():
    rates = rates_of(epochs=5, lr=0.1)
    assert len(rates) == 20
    np.testing.assert_allclose(max(rates), 0.1, rtol=0.01)
    assert 4 <= int(np.argmax(rates)) <= 6
    assert max(rates[0], rates[-1]) < 0.005


@pytest.mark.parametrize("schedule", ["one cycle", "constant"])
@pytest.mark.parametrize(("count", "batch"), [(1, 1), (2, 5), (6, 3), (7, 3)])
def test_a_training_may_have_few_steps(schedule, count, batch):
    """Three steps in all, up to fifteen: no rate is negative or above `lr`, and not all are 0."""
    for epochs in range(1, 6):
        rates = rates_of(data=some(count), batch_size=batch, schedule=schedule, epochs=epochs)
        assert len(rates) == epochs * -(-count // batch)
        assert all(0 < rate <= 0.02 * (1 + 1e-9) for rate in rates)


def test_an_interrupt_keeps_what_was_learned():
    model, calls = network(), []

    def interrupting(scores, labels):
        calls.append(1)
        if len(calls) == 6:  # in the second epoch of four batches
            raise KeyboardInterrupt
        return F.cross_entropy(scores, labels)

    history = train(model, loss=interrupting)
    assert history.interrupted
    assert history.epochs == 1
    assert not torch.equal(parameters(model), parameters(network()))
    assert not model.training


def test_the_reader_may_end_it_after_an_epoch():
    asked = []
    history = train(network(), until=lambda h: asked.append(h.epochs) or h.epochs == 2)
    assert asked == [1, 2]
    assert (history.epochs, history.interrupted) == (2, False)


def test_a_loss_that_explodes_is_reported():
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) after \d+ steps of epoch .*lr"):
        train(network(), lr=1e30, optimizer=torch.optim.SGD, schedule="constant")


# ---------------------------------------------------------------- other outputs, other draws


def test_right_answers_are_counted_as_asked_and_shown(capsys):
    data = some(50)
    half = lambda scores, labels: len(labels) / 2  # noqa: E731
    history = train(network(), data, correct=half, validation=data, progress=True)
    assert history.accuracy == history.validation_accuracy == [0.5] * 3
    shown = capsys.readouterr().err
    assert "12/12" in shown  # batches
    assert "accuracy=0.5" in shown
    history = train(network(), data, correct=None, validation=data, progress=True)
    assert history.accuracy == history.validation_accuracy == []
    assert len(history.loss) == len(history.validation_loss) == 3
    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "accuracy" not in shown


def test_images_are_drawn_by_their_probabilities():
    data, seen, asked = some(80), [], []
    weights = torch.tensor([0, 1, 2, 3, 4, 0, 10, 5.0]).repeat_interleave(10)

    def draw(model, data):
        asked.append(len(seen))
        return weights / weights.sum()

    def note(images, generator):
        seen.extend((images[:, None] == data.images).all((2, 3, 4)).int().argmax(1).tolist())
        return images

    train(network(), data, draw=draw, augment=note, epochs=40, batch_size=30)
    assert asked == list(range(0, 40 * 80, 80))  # before each epoch
    counts = torch.bincount(torch.tensor(seen), minlength=80)
    expected = weights / weights.sum() * len(seen)
    assert counts[weights == 0].sum() == 0
    kept = expected > 0
    statistic = float(((counts - expected)[kept] ** 2 / expected[kept]).sum())
    assert statistic < 87.2  # chi-square with 59 degrees of freedom: 1 in 100 goes beyond


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_a_draw_by_no_probabilities_is_refused(value):
    one = torch.zeros(50)
    one[0] = value
    for draw in (torch.full((50,), value), one):
        with pytest.raises(ValueError, match="draw gave probabilities from"):
            train(network(), draw=lambda *_, p=draw: p)
    with pytest.raises(ValueError, match=r"draw gave .* shape \(3,\), expected \(50,\)"):
        train(network(), draw=lambda model, data: torch.ones(3))


# ---------------------------------------------------------------- evaluate


def test_evaluate_means_over_images_not_over_batches():
    model, data = network(dropout=0.5).train(), some(25)
    judged = evaluate(model, data, batch_size=10)
    assert model.training
    model.eval()
    scores = model(data.images).detach()
    np.testing.assert_allclose(judged.scores, scores, rtol=1e-6)
    np.testing.assert_allclose(judged.loss, F.cross_entropy(scores, data.labels), rtol=1e-6)
    assert judged.accuracy == float((scores.argmax(1) == data.labels).double().mean())


def test_evaluate_joins_named_outputs():
    class Two(NamedTuple):
        score: torch.Tensor
        twice: torch.Tensor

    class Both(nn.Linear):
        def forward(self, images):
            score = super().forward(images.flatten(1))
            return Two(score, 2 * score)

    data = some(25)
    loss = lambda out, labels: F.cross_entropy(out.score, labels)  # noqa: E731
    judged = evaluate(Both(20, 3), data, loss=loss, correct=None, batch_size=10)
    assert judged.accuracy is None
    assert isinstance(judged.scores, Two)
    assert torch.equal(judged.scores.twice, 2 * judged.scores.score)
    assert judged.scores.score.shape == (25, 3)
    np.testing.assert_allclose(judged.loss, loss(judged.scores, data.labels), rtol=1e-6)


# ---------------------------------------------------------------- augmentation


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_change_changes_nothing():
    images = torch.rand(3, 2, 5, 9, generator=generator())
    np.testing.assert_allclose(Augment()(images, generator()), images, atol=1e-6)


def test_shifts_are_whole_pixels_with_black_outside():
    images = torch.rand(200, 1, 5, 7, generator=generator())
    changed = Augment(shift=2)(images, generator())
    wide, seen = F.pad(images, (2, 2, 2, 2)), []
    for rows, columns in itertools.product(range(5), repeat=2):
        moved = wide[..., rows : rows + 5, columns : columns + 7]
        seen.append((moved - changed).abs().amax((1, 2, 3)) < 1e-5)
    seen = torch.stack(seen)
    assert (seen.sum(0) == 1).all()  # each image lies in one place
    assert seen.any(1).all()  # and each place is taken


def test_flip_mirrors_about_half():
    images = torch.rand(400, 1, 3, 4, generator=generator())
    changed = Augment(flip=True)(images, generator())
    mirrored = (images.flip(3) - changed).abs().amax((1, 2, 3)) < 1e-5
    kept = (images - changed).abs().amax((1, 2, 3)) < 1e-5
    assert (mirrored ^ kept).all()
    assert 150 < int(mirrored.sum()) < 250


def test_maps_turn_scale_stretch_and_shear_in_pixels():
    """Undo the normalised coordinates, and look at what each setting does to a square of pixels."""
    size = (10, 30)
    extent = torch.tensor([size[1] / 2, size[0] / 2])

    def pixels(augment):
        maps = augment.maps(500, size, generator())[:, :, :2]
        return maps * extent[:, None] / extent

    turned = pixels(Augment(rotation=20))
    np.testing.assert_allclose(turned @ turned.mT, torch.eye(2).expand(500, 2, 2), atol=1e-5)
    angles = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0]))
    assert 19 < float(angles.max()) <= 20
    assert -20 <= float(angles.min()) < -19
    sized = pixels(Augment(scale=0.25))
    np.testing.assert_allclose(sized[:, 0, 0], sized[:, 1, 1], rtol=1e-5)
    assert 0.8 <= float(sized[:, 0, 0].min()) < 0.81
    assert 1.24 < float(sized[:, 0, 0].max()) <= 1.25
    stretched = pixels(Augment(stretch=0.25))
    np.testing.assert_allclose(stretched[:, 0, 0], 1, rtol=1e-5)
    assert float(stretched[:, 1, 1].max()) > 1.24
    slanted = pixels(Augment(shear=0.3))
    np.testing.assert_allclose(slanted[:, [0, 1, 1], [0, 0, 1]], [[1, 0, 1]] * 500, atol=1e-5)
    assert 0.29 < float(slanted[:, 0, 1].max()) <= 0.3


def test_noise_has_its_size_and_stays_in_range():
    images = torch.full((20, 1, 30, 30), 0.5)
    changed = Augment(noise=0.1)(images, generator())
    np.testing.assert_allclose(changed.std(), 0.1, rtol=0.02)
    dark = Augment(noise=0.5)(torch.zeros(5, 1, 9, 9), generator())
    assert float(dark.min()) == 0
    assert 0.9 < float(dark.max()) <= 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rotation": math.nan}, ValueError, "rotation is nan, must be finite and at least 0"),
        ({"noise": -0.1}, ValueError, r"noise is -0\.1, must be finite and at least 0"),
        ({"shear": "1"}, TypeError, "shear is '1', must be a number"),
        ({"shift": 1.5}, TypeError, r"shift is 1\.5, must be a whole number"),
        ({"shift": 2**63}, ValueError, "shift is 9223372036854775808, must be from 0 to"),
        ({"flip": 0.5}, ValueError, r"flip is 0\.5, must be True or False"),
    ],
)
def test_augment_refuses_what_is_no_range(options, error, message):
    with pytest.raises(error, match=message):
        Augment(**options)


# ---------------------------------------------------------------- odd arguments


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs is 0, must be at least 1"),
        ({"epochs": 2.0}, TypeError, r"epochs is 2\.0, must be a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size is 0, must be at least 1"),
        ({"batch_size": math.nan}, TypeError, "batch_size is nan, must be a whole number"),
        ({"lr": 0}, ValueError, "lr is 0, must be finite and above 0"),
        ({"lr": math.nan}, ValueError, "lr is nan, must be finite and above 0"),
        ({"lr": True}, TypeError, "lr is True, must be a number"),
        ({"seed": -1}, ValueError, "seed is -1, must be from 0 to"),
        ({"seed": 2**63}, ValueError, "seed is 9223372036854775808, must be from 0 to"),
        ({"schedule": "cosine"}, ValueError, "schedule is 'cosine', must be one of one cycle, con"),
        ({"data": some()[:0]}, ValueError, "there are no images"),
    ],
)
def test_fit_refuses_by_name(options, error, message):
    with pytest.raises(error, match=message):
        train(network(), **options)


def test_numpy_numbers_and_large_ones_are_numbers():
    plain = {"epochs": 1, "batch_size": 2**40, "seed": 2**31, "lr": 0.02}
    kinds = {"epochs": np.int8, "batch_size": np.int64, "seed": np.uint32, "lr": np.float64}
    theirs = {name: kinds[name](value) for name, value in plain.items()}
    assert train(network(), **theirs).loss == train(network(), **plain).loss


# ---------------------------------------------------------------- labels of another shape


class Loose(NamedTuple):
    """Images and labels that nobody has checked."""

    images: torch.Tensor
    labels: torch.Tensor


@pytest.mark.parametrize(
    "change", [lambda y: y[:, None], lambda y: y[None], lambda y: y[:4]], ids=["N1", "1N", "few"]
)
def test_labels_are_one_for_each_image(change):
    """(N, 1) against (N,) would be N×N comparisons, and more right answers than images."""
    data = some(5)
    loose = Loose(data.images, change(data.labels))
    for judge in (
        lambda: count_right(network()(data.images), loose.labels),
        lambda: train(network(), loose),
        lambda: train(network(), data, validation=loose),
        lambda: evaluate(network(), loose),
    ):
        with pytest.raises(ValueError, match=r"labels has shape|5 images and"):
            judge()


def test_labels_are_classes():
    data = some(6)
    for labels, message in (
        (data.labels.float(), "labels is torch.float32, must be integers"),
        (data.labels > 0, "labels is torch.bool, must be integers"),
        (data.labels + 3, "labels holds 3, scores has classes 0 to 2"),
        (data.labels - 1, "labels holds -1, scores has classes 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            count_right(network()(data.images), labels)


def test_more_right_answers_than_images_are_refused():
    for judge in (evaluate, train):
        with pytest.raises(ValueError, match="correct counted 16 right answers of 4 images"):
            judge(network(), some(4), correct=lambda *_: 16)
