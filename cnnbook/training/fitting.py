"""Train a network on images in memory."""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from cnnbook.checks import real, whole
from cnnbook.training.evaluation import check_data, check_right, count_right, device_of, evaluate

SCHEDULES = ("one cycle", "constant")
SEEDS = 2**46  # the greatest seed: with the number of an epoch it makes a seed of 64 bits


@dataclass
class History:
    """What happened in each epoch of a training."""

    loss: list = field(default_factory=list)  # mean over the batches, as each was learned from
    accuracy: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)  # after the epoch
    validation_accuracy: list = field(default_factory=list)
    interrupted: bool = False  # by the reader: the network keeps what it had learned

    @property
    def epochs(self):
        """How many epochs were completed."""
        return len(self.loss)


def fit(
    model, data, *, epochs, lr=1e-3, optimizer=torch.optim.AdamW, schedule="one cycle",
    batch_size=64, loss=F.cross_entropy, correct=count_right, augment=None, draw=None,
    validation=None, seed=0, progress=True, until=None,
):  # fmt: skip
    """Train a network on images in memory, on the device where it is; return the `History`.

    Interrupting (the stop button of JupyterLab) ends it early and keeps what was learned. The
    network is left in evaluation mode, and the caller's random state as it was.

    Parameters
    ----------
    data, validation : Images
        What to learn from, and what to judge by after each epoch: tensors `images` and `labels`.
    optimizer : callable
        Called as ``optimizer(parameters, lr=lr)``: a class of `torch.optim`, or a partial of one.
    schedule : {"one cycle", "constant"}
        Up to `lr` over the first quarter of all steps and down to nothing (Smith & Topin, 2017,
        arXiv:1708.07120), or `lr` throughout.
    loss, correct : callable
        (output, labels) to the mean loss, and to the number of right answers; None counts none.
    augment : callable, optional
        (images, generator) to images of the same shape, such as an `Augment`.
    draw : callable, optional
        (model, data) to probabilities (N,), asked before each epoch, which then draws N images by
        them, with replacement, such as `adaptive`. Else every image is seen once.
    seed : int
        Decides the order of the images, their changes and the dropout, not the first weights.
    until : callable, optional
        Called with the history after each epoch; true ends the training.
    """
    batch_size = check_data(data, batch_size)
    if validation is not None:
        check_data(validation, batch_size)
    epochs, seed = whole("epochs", epochs), whole("seed", seed, 0, SEEDS)
    lr = real("lr", lr, above=True)
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule is {schedule!r}, must be one of {', '.join(SCHEDULES)}")
    steps = epochs * math.ceil(len(data.labels) / batch_size)
    optimizer, history = optimizer(model.parameters(), lr=lr), History()
    parts = {"optimizer": optimizer, "rate": _schedule(schedule, optimizer, lr, steps)}
    parts |= {"augment": augment, "loss": loss, "correct": correct}
    with tqdm(total=steps, disable=not progress) as bar, torch.random.fork_rng():
        try:
            for epoch in range(epochs):
                generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
                torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))  # for dropout
                batches = _order(model, data, draw, generator).split(batch_size)
                _epoch(model, data, batches, generator, history, bar, **parts)
                if validation is not None:
                    judged = evaluate(model, validation, loss=loss, correct=correct)
                    history.validation_loss.append(judged.loss)
                    history.validation_accuracy += [] if correct is None else [judged.accuracy]
                if until is not None and until(history):
                    break
        except KeyboardInterrupt:
            history.interrupted = True
    model.eval()
    return history


def _epoch(
    model, data, batches, generator, history, bar, *, optimizer, rate, augment, loss, correct
):
    """Learn from each batch, a tensor of the numbers of its images."""
    device, total, right, seen = device_of(model.train()), 0.0, 0.0, 0
    for done, chosen in enumerate(batches):
        images, labels = data.images[chosen], data.labels[chosen].to(device)
        if augment is not None:
            images = augment(images, generator)
        output = model(images.to(device))
        value = loss(output, labels)
        if not torch.isfinite(value):
            when = f"after {done} steps of epoch {history.epochs + 1}"
            raise ValueError(f"the loss is {value.item()} {when}: try a smaller lr")
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        rate.step()
        seen += len(labels)
        total += value.item() * len(labels)
        shown = {"loss": f"{total / seen:.3f}"}
        if correct is not None:
            right += float(check_right(correct(output, labels), len(labels)))
            shown["accuracy"] = f"{right / seen:.3f}"
        bar.set_postfix(shown, refresh=False)
        bar.update()
    history.loss.append(total / seen)
    history.accuracy += [] if correct is None else [right / seen]


def _order(model, data, draw, generator):
    """Number the images of an epoch: all of them in any order, or a draw by probabilities."""
    count = len(data.labels)
    if draw is None:
        return torch.randperm(count, generator=generator)
    probabilities = torch.as_tensor(draw(model, data)).cpu()
    if (shape := tuple(probabilities.shape)) != (count,):
        raise ValueError(f"draw gave probabilities of shape {shape}, expected ({count},)")
    if not (probabilities.isfinite().all() and probabilities.min() >= 0 < probabilities.sum()):
        low, high = probabilities.min().item(), probabilities.max().item()
        raise ValueError(f"draw gave probabilities from {low:g} to {high:g}, must be finite, not 0")
    return torch.multinomial(probabilities, count, replacement=True, generator=generator)


def _schedule(name, optimizer, lr, steps):
    if name == "constant":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    total = max(steps, 2) + 1
    # OneCycleLR divides by pct_start · total − 1, the length of the way up, which must not be 0
    rise = 0.25 if total != 4 else 0.25 + 2**-10
    options = {"total_steps": total, "pct_start": rise, "cycle_momentum": False}
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, **options)
