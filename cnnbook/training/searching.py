"""Search for an architecture with shared weights: train them, reward a controller, derive one.

Pham et al. (2018), arXiv:1802.03268, sections 2.2 and 3.1. Costs are counted in steps and in image
passes, so that searches can be given equal ones.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from cnnbook.training.evaluation import check_data
from cnnbook.training.fitting import fit

SGD = partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=1e-4)
BATCH = 100  # images at once when accuracy is taken: batch normalisation depends on it


class MovingAverage:
    """A baseline: the mean of past rewards, the older the less; used before it is updated."""

    def __init__(self, decay=0.9, start=0.1):
        self.decay, self.value = decay, start

    def __call__(self, rewards):
        """Return the baseline for these rewards, then take them in."""
        before = self.value
        self.value = self.decay * before + (1 - self.decay) * float(rewards.mean())
        return before


def reinforce_loss(log_probability, rewards, baseline=0.0):
    """The loss whose gradient is minus the estimate of the gradient of the expected reward.

    E[(R − b) ∇ log p] is that gradient for every b that does not depend on the sample (Williams
    1992, Simple Statistical Gradient-Following Algorithms). Arguments have shape (N,).
    """
    return -(log_probability * (rewards - baseline).detach()).mean()


@dataclass
class SearchHistory:
    """What happened in each step of the shared weights, and in each update of the controller."""

    loss: list = field(default_factory=list)
    reward: list = field(default_factory=list)  # from here on one an update: the mean reward
    entropy: list = field(default_factory=list)  # in nats
    chances: list = field(default_factory=list)  # of the operations, (layers, 6)
    interrupted: bool = False


@torch.no_grad()
def shared_accuracy(network, architecture, data, limit=None):
    """Share of images that an architecture reads with the shared weights as they are.

    Batch normalisation goes by the batch, of `BATCH` images; `limit` takes the first images only.
    """
    count = len(data.labels) if limit is None else limit
    right = 0
    for start in range(0, count, BATCH):
        chosen = slice(start, min(start + BATCH, count))
        scores = network(data.images[chosen], architecture)
        right += int((scores.argmax(1) == data.labels[chosen]).sum())
    return right / count


def search(
    network, draw, train, validation, *, epochs=40, warm_up=0, updates=200, samples=4,
    batch_size=50, lr=0.05, controller_lr=0.005, entropy_weight=1e-4, seed=0, progress=True,
):  # fmt: skip
    """Train shared weights on sampled architectures and, in turn, the controller that samples.

    Parameters
    ----------
    network : SharedNetwork
        Each step changes the weights of one sampled architecture, and no others.
    draw : Controller, or callable
        What samples. Whatever is no controller is called with a generator, returns an
        architecture, and learns nothing: random search with shared weights.
    train, validation : Images
        What the weights learn from, and what the controller is rewarded by.
    epochs, warm_up : int
        Epochs of the weights, and after how many of them the controller begins to learn.
    updates, samples : int
        Updates of the controller in all, in equal parts after each epoch; each has the accuracies
        of so many architectures on `BATCH` validation images as rewards.
    lr, controller_lr : float
        Greatest rate of SGD, which falls along a cosine to 0; rate of Adam.

    Returns
    -------
    SearchHistory
        Interrupting keeps what was learned.
    """
    batch_size = check_data(train, batch_size)
    learns = isinstance(draw, torch.nn.Module)
    generator = torch.Generator().manual_seed(seed)
    optimizer = SGD(network.parameters(), lr=lr)
    steps = epochs * math.ceil(len(train.labels) / batch_size)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    history, baseline = SearchHistory(), MovingAverage()
    teacher = learns and torch.optim.Adam(draw.parameters(), lr=controller_lr)
    taught = [0] * warm_up + [*_shares(updates if learns else 0, epochs - warm_up)]
    with tqdm(total=steps, disable=not progress) as bar:
        try:
            for epoch in range(epochs):
                order = torch.randperm(len(train.labels), generator=generator)
                for chosen in order.split(batch_size):
                    one = _one(draw, generator, learns)
                    loss = F.cross_entropy(network(train.images[chosen], one), train.labels[chosen])
                    optimizer.zero_grad(set_to_none=True)  # or weights that rest would drift
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                    optimizer.step()
                    rate.step()
                    history.loss.append(loss.item())
                    bar.update()
                for _ in range(taught[epoch]):
                    _teach(
                        network, draw, validation, teacher, baseline, history, samples,
                        entropy_weight, generator,
                    )  # fmt: skip
                if history.reward:
                    bar.set_postfix(reward=f"{history.reward[-1]:.2f}", refresh=False)
        except KeyboardInterrupt:
            history.interrupted = True
    return history


def _one(draw, generator, learns):
    with torch.no_grad():
        return draw.sample(1, generator).architectures[0] if learns else draw(generator)


def _shares(total, parts):
    """Split a whole number into whole parts that differ by one at most."""
    return ((k + 1) * total // parts - k * total // parts for k in range(parts))


def _teach(
    network, controller, validation, teacher, baseline, history, samples, entropy_weight, generator
):
    """One update of the controller: sample, look up the rewards, climb."""
    drawn = controller.sample(samples, generator)
    part = validation[torch.randperm(len(validation), generator=generator)[:BATCH]]
    rewards = torch.tensor([shared_accuracy(network, a, part) for a in drawn.architectures])
    loss = reinforce_loss(drawn.log_probability, rewards, baseline(rewards))
    loss = loss - entropy_weight * drawn.entropy.mean()
    teacher.zero_grad()
    loss.backward()
    teacher.step()
    history.reward.append(float(rewards.mean()))
    history.entropy.append(float(drawn.entropy.mean().detach()))
    history.chances.append(drawn.chances.mean(0))


def derive(network, candidates, validation):
    """Rank architectures by their accuracy with the shared weights, the best first.

    Returns
    -------
    list of (float, Architecture)
        Each architecture once.
    """
    ranked = [(shared_accuracy(network, a, validation), a) for a in dict.fromkeys(candidates)]
    return sorted(ranked, key=lambda pair: -pair[0])


def train_child(network, architecture, train, *, epochs=8, seed=0, progress=False):
    """Train one architecture from the weights that a fresh `SharedNetwork` has.

    Returns
    -------
    Child
    """
    child = network.child(architecture)
    fit(
        child, train, epochs=epochs, lr=0.05, optimizer=SGD, batch_size=50, seed=seed,
        progress=progress,
    )  # fmt: skip
    return child
