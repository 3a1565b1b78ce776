"""Train a network on images in memory."""

import math
import time

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from cnnbook.training._checkpoint import resume, save
from cnnbook.training._checks import check_data, device_of
from cnnbook.training.evaluation import choose_device, evaluate

SCHEDULES = ("one cycle", "constant")


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
    augment=None,
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
        Turns images into scores; changed in place, and left on the device, in evaluation mode.
    data : Images
        What to learn from: anything with tensors `images` and `labels`.
    epochs : int
        How often every image is seen. The schedule stretches over all of them.
    lr : float
        Learning rate; the greatest one of the cycle.
    optimizer : callable
        Called as ``optimizer(parameters, lr=lr)``: a class of `torch.optim`, or a partial of one.
    schedule : {"one cycle", "constant"}
        Up to `lr` over the first quarter of all steps and down to nothing (Smith & Topin, 2017,
        arXiv:1708.07120), or `lr` throughout.
    batch_size : int
        The last batch of an epoch may be smaller.
    loss : callable
        (scores, labels) to the mean loss.
    augment : callable, optional
        (images, generator) to images of the same shape, such as an `Augment`.
    validation : Images, optional
        Judged after each epoch.
    seed : int
        Decides the order of the images, their changes and the dropout. The weights are drawn when
        the model is made: use ``torch.manual_seed`` before that.
    device : str or torch.device, optional
        See `choose_device`.
    progress : bool
        Show a progress bar with loss and accuracy.
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
        If an argument is out of range, there are no images, the loss is not finite, or a
        checkpoint belongs to other settings.

    Notes
    -----
    Interrupting (the stop button of JupyterLab, Ctrl-C) ends it early and keeps what was learned.
    Random numbers are drawn anew from (seed, epoch) in each epoch, so a checkpoint needs none; the
    caller's random state is left as it was.
    """
    check_data(data, batch_size)
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}, must be at least 1")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}, must be one of {', '.join(SCHEDULES)}")
    device = choose_device(device)
    model.to(device)
    steps = math.ceil(len(data.labels) / batch_size)
    optimizer = optimizer(model.parameters(), lr=lr)
    rate = _schedule(schedule, optimizer, lr, epochs * steps)
    settings = {"epochs": epochs, "steps": steps, "lr": lr, "seed": seed, "schedule": schedule}
    history = resume(checkpoint, settings, model, optimizer, rate)
    bar = tqdm(total=epochs * steps, initial=history.epochs * steps, disable=not progress)
    with bar, torch.random.fork_rng():
        try:
            while history.epochs < epochs and not (history.epochs and until and until(history)):
                _epoch(model, data, history, optimizer, rate, loss, augment, batch_size, seed, bar)
                if validation is not None:
                    judged = evaluate(model, validation, loss=loss, device=device)
                    history.validation_loss.append(judged.loss)
                    history.validation_accuracy.append(judged.accuracy)
                save(checkpoint, settings, model, optimizer, rate, history)
        except KeyboardInterrupt:
            history.interrupted = True
    model.eval()
    return history


def _epoch(model, data, history, optimizer, rate, loss, augment, batch_size, seed, bar):
    """Learn from every image once."""
    began, device = time.perf_counter(), device_of(model)
    generator = torch.Generator().manual_seed(seed * 100_003 + history.epochs)
    torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # for dropout
    order = torch.randperm(len(data.labels), generator=generator)
    total = right = 0.0
    model.train()
    for done, chosen in enumerate(order.split(batch_size), 1):
        images, labels = data.images[chosen], data.labels[chosen].to(device)
        if augment is not None:
            images = augment(images, generator)
        scores = model(images.to(device))
        value = loss(scores, labels)
        if not torch.isfinite(value):
            raise ValueError(
                f"the loss is {value.item()} after {done - 1} steps of epoch {history.epochs + 1}: "
                "try a smaller lr"
            )
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        rate.step()
        total += value.item() * len(labels)
        right += float((scores.argmax(1) == labels).sum())
        seen = min(done * batch_size, len(order))
        bar.set_postfix(loss=f"{total / seen:.3f}", accuracy=f"{right / seen:.3f}", refresh=False)
        bar.update()
    history.loss.append(total / len(order))
    history.accuracy.append(right / len(order))
    history.seconds.append(time.perf_counter() - began)


def _schedule(name, optimizer, lr, steps):
    if name == "constant":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=max(steps, 2) + 1, pct_start=0.25, cycle_momentum=False
    )
