"""Train a network on images in memory."""

import math
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from cnnbook.checks import real, whole
from cnnbook.training._checkpoint import resume, save
from cnnbook.training._checks import check_data, checked_count, device_of
from cnnbook.training.evaluation import choose_device, count_right, evaluate

SCHEDULES = ("one cycle", "constant")
SEEDS = 2**46
"""The greatest seed: with the number of an epoch it makes a seed of 64 bits."""


def fit(
    model,
    data,
    *,
    epochs,
    lr=1e-3,
    optimizer=torch.optim.AdamW,
    schedule="one cycle",
    batch_size=64,
    loss=F.cross_entropy,
    correct=count_right,
    augment=None,
    draw=None,
    validation=None,
    seed=0,
    device=None,
    progress=True,
    checkpoint=None,
    until=None,
):
    """Train a network on images in memory.

    Parameters
    ----------
    model : torch.nn.Module
        Turns images into what `loss` reads; changed in place, and left on the device, in
        evaluation mode.
    data : Images
        What to learn from: anything with tensors `images` and `labels`.
    epochs : int
        How often as many images are seen as there are. The schedule stretches over all of them.
    lr : float
        Learning rate, above 0; the greatest one of the cycle.
    optimizer : callable
        Called as ``optimizer(parameters, lr=lr)``: a class of `torch.optim`, or a partial of one.
    schedule : {"one cycle", "constant"}
        Up to `lr` over the first quarter of all steps and down to nothing (Smith & Topin, 2017,
        arXiv:1708.07120), or `lr` throughout.
    batch_size : int
        The last batch of an epoch may be smaller.
    loss : callable
        (output, labels) to the mean loss.
    correct : callable or None
        (output, labels) to the number of right answers; None counts no accuracy.
    augment : callable, optional
        (images, generator) to images of the same shape, such as an `Augment`.
    draw : callable, optional
        (model, data) to probabilities of shape (N,), asked before each epoch, which then draws N
        images by them, with replacement, such as `adaptive`. Else every image is seen once.
    validation : Images, optional
        Judged after each epoch.
    seed : int
        From 0 to 2⁴⁶. Decides the order of the images, their changes and the dropout. The weights
        are drawn when the model is made: use ``torch.manual_seed`` before that.
    device : str or torch.device, optional
        See `choose_device`.
    progress : bool
        Show a progress bar with the loss, and the accuracy if one is counted.
    checkpoint : path, optional
        File that is written after each epoch. If it is there at the start, training goes on from
        it, and ends with the same numbers as if it had never stopped.
    until : callable, optional
        Called with the history after each epoch; true ends the training.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, there are no images or not one label for each, the loss is
        not finite, a checkpoint belongs to other settings, or `draw` does not give N probabilities.
    TypeError
        If `epochs`, `batch_size` or `seed` is no whole number, or `lr` no number.

    Notes
    -----
    Interrupting (the stop button of JupyterLab, Ctrl-C) ends it early and keeps what was learned.
    Random numbers are drawn anew from (seed, epoch) in each epoch, so a checkpoint needs none; the
    caller's random state is left as it was.
    """
    batch_size = check_data(data, batch_size)
    if validation is not None:
        check_data(validation, batch_size)
    epochs, seed = whole("epochs", epochs), whole("seed", seed, 0, SEEDS)
    lr = real("lr", lr, above=True)
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}, must be one of {', '.join(SCHEDULES)}")
    device = choose_device(device)
    model.to(device)
    steps = math.ceil(len(data.labels) / batch_size)
    optimizer = optimizer(model.parameters(), lr=lr)
    rate = _schedule(schedule, optimizer, lr, epochs * steps)
    settings = {"epochs": epochs, "steps": steps, "lr": lr, "seed": seed, "schedule": schedule}
    history = resume(checkpoint, settings, model, optimizer, rate)
    way = _Way(loss, correct, augment, draw, batch_size, seed)
    bar = tqdm(total=epochs * steps, initial=history.epochs * steps, disable=not progress)
    with bar, torch.random.fork_rng():
        try:
            while history.epochs < epochs and not (history.epochs and until and until(history)):
                _epoch(model, data, history, optimizer, rate, way, bar)
                if validation is not None:
                    _judge(model, validation, history, way)
                save(checkpoint, settings, model, optimizer, rate, history)
        except KeyboardInterrupt:
            history.interrupted = True
    model.eval()
    return history


class _Way(NamedTuple):
    """How to learn: the arguments of `fit` of the same names, three of which may be None."""

    loss: callable
    correct: callable
    augment: callable
    draw: callable
    batch_size: int
    seed: int


def _epoch(model, data, history, optimizer, rate, way, bar):
    """Learn from as many images as there are."""
    began, device = time.perf_counter(), device_of(model)
    generator = torch.Generator().manual_seed(way.seed * 100_003 + history.epochs)
    torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # for dropout
    order = _order(model, data, way.draw, generator)
    total = right = 0.0
    model.train()
    for done, chosen in enumerate(order.split(way.batch_size), 1):
        images, labels = data.images[chosen], data.labels[chosen].to(device)
        if way.augment is not None:
            images = way.augment(images, generator)
        output = model(images.to(device))
        value = way.loss(output, labels)
        if not torch.isfinite(value):
            raise ValueError(
                f"the loss is {value.item()} after {done - 1} steps of epoch {history.epochs + 1}: "
                "try a smaller lr"
            )
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        rate.step()
        seen = min(done * way.batch_size, len(order))
        total += value.item() * len(labels)
        shown = {"loss": f"{total / seen:.3f}"}
        if way.correct is not None:
            right += float(checked_count(way.correct(output, labels), len(labels)))
            shown["accuracy"] = f"{right / seen:.3f}"
        bar.set_postfix(shown, refresh=False)
        bar.update()
    history.loss.append(total / len(order))
    history.accuracy.extend([right / len(order)] if way.correct is not None else [])
    history.seconds.append(time.perf_counter() - began)


def _order(model, data, draw, generator):
    """Decide which images an epoch sees: all of them in any order, or a draw by probabilities."""
    count = len(data.labels)
    if draw is None:
        return torch.randperm(count, generator=generator)
    probabilities = torch.as_tensor(draw(model, data)).cpu()
    if probabilities.shape != (count,):
        shape = tuple(probabilities.shape)
        raise ValueError(f"draw gave probabilities of shape {shape}, expected ({count},)")
    if not (probabilities.isfinite().all() and probabilities.min() >= 0 < probabilities.sum()):
        low, high = probabilities.min().item(), probabilities.max().item()
        raise ValueError(f"draw gave probabilities from {low:g} to {high:g}, must be finite, not 0")
    return torch.multinomial(probabilities, count, replacement=True, generator=generator)


def _judge(model, validation, history, way):
    """Note how well the network does on images that it does not learn from."""
    judged = evaluate(model, validation, loss=way.loss, correct=way.correct)
    history.validation_loss.append(judged.loss)
    history.validation_accuracy.extend([] if judged.accuracy is None else [judged.accuracy])


def _schedule(name, optimizer, lr, steps):
    if name == "constant":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    total = max(steps, 2) + 1
    # OneCycleLR divides by pct_start · total − 1, the length of the way up, which must not be 0
    rise = 0.25 if total != 4 else 0.25 + 2**-10
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=total, pct_start=rise, cycle_momentum=False
    )
