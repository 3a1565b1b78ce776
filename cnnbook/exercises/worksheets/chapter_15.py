"""Questions of chapter 15, sharing weights between architectures."""

import numpy as np

from cnnbook.exercises import chapter_15
from cnnbook.exercises.worksheets.question import ask


def how_many_networks(draw):
    """Counting networks."""
    case = draw.choice(((2, 3), (2, 4), (2, 5), (2, 6), (3, 2), (3, 3), (3, 4), (3, 5), (4, 2)))
    return ask(
        "A network has {layers} layers. Each layer is one of {operations} operations, and may add "
        "the outputs of any layers before it to its own. How many networks are there?",
        {"networks": chapter_15.macro_count(*case)},
        "Layer k, counted from 0, has {operations} · 2ᵏ ways; multiply.",
        "15.1", case, layers=case[0], operations=case[1],
    )  # fmt: skip


def how_many_cells(draw):
    """Counting cells."""
    case = draw.choice(((3, 2), (3, 3), (3, 4), (3, 5), (3, 6), (4, 1), (4, 2), (5, 1)))
    return ask(
        "A cell has {nodes} nodes. Nodes 0 and 1 are inputs. Each other node chooses, twice, an "
        "earlier node and one of {operations} operations for it. How many cells are there?",
        {"cells": chapter_15.cell_count(*case)},
        "Node k has (k · {operations})² ways; multiply from k = 2 on.",
        "15.2", case, nodes=case[0], operations=case[1],
    )  # fmt: skip


def one_sample(draw):
    """One sample of the gradient."""
    cuts = sorted(draw.sample(range(1, 10), 2))
    p = np.diff([0, *cuts, 10]) / 10
    choice, reward = draw.randint(0, 2), draw.choice((0.9, 0.8, 0.7))
    baseline = draw.choice((0.4, 0.5, 0.6))
    case = np.log(p), choice, reward, baseline
    return ask(
        "A controller chooses one of three operations with the probabilities p, the softmax of its "
        "scores. It chose number {choice} (counted from 0); the reward was {reward}, the baseline "
        "is {baseline}. What is the estimate of the gradient by the three scores?",
        {"gradient": chapter_15.reinforce(*case)},
        "({reward} − {baseline}) times (1 − p at the choice, −p elsewhere)",
        "15.3", case, p=p, choice=choice, reward=reward, baseline=baseline,
    )  # fmt: skip


def better(draw):
    """Two methods, the same seeds."""
    away = np.array(draw.order(draw.choice(
        ((1, 1, -2), (-1, -1, 2), (2, 2, -4), (3, -1, -1, -1), (-3, 1, 1, 1), (4, -1, -1, -1, -1))
    )), float)  # fmt: skip
    theirs = draw.grid(len(away), low=82, high=90)
    ours = theirs + away + draw.randint(-2, 5)
    return ask(
        "Two methods were run with the same {n} seeds; the table holds accuracies in %, one column "
        "for each seed. What is the mean difference, ours minus theirs, and its standard error?",
        dict(zip(("mean", "standard error"), map(float, chapter_15.paired(ours, theirs)),
                 strict=True)),
        "The differences alone; their standard deviation (n − 1) divided by √{n}.",
        "15.4", (ours, theirs), n=len(away), ours=ours, theirs=theirs,
    )  # fmt: skip


def rankings(draw):
    """Two rankings."""
    shared, alone = draw.distinct(5, low=50, high=90), draw.distinct(5, low=80, high=97)
    return ask(
        "Five networks were judged with shared weights and trained alone (accuracies in %). What "
        "is Kendall's τ of the two rankings?",
        {"τ": float(chapter_15.kendall_tau(shared, alone))},
        "Of ten pairs: those in the same order minus those in the opposite one, divided by 10.",
        "15.5", (shared, alone), shared=shared, alone=alone,
    )  # fmt: skip


def equal_cost(draw):
    """At equal cost."""
    updates, samples = draw.choice((50, 100, 200)), draw.choice((2, 4, 5))
    images, derived = draw.choice((50, 100)), draw.choice((10, 20, 30))
    case = updates, samples, images, derived, draw.choice((500, 1000))
    return ask(
        "A search did {updates} updates of its controller. Each one took the accuracy of {samples} "
        "architectures on {images} images as rewards. At the end it ranked {derived} architectures "
        "on all {validation} validation images. How many candidates may a random search rank for "
        "the same number of image passes?",
        {"candidates": chapter_15.fair_candidates(*case)},
        "{updates} · {samples} · {images} / {validation}, and {derived} more.",
        "15.6", case, updates=updates, samples=samples, images=images, derived=derived,
        validation=case[-1],
    )  # fmt: skip


TITLE = "Sharing weights between architectures"
QUESTIONS = (how_many_networks, how_many_cells, one_sample, better, rankings, equal_cost)
