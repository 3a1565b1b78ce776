"""Exercises of chapter 15, sharing weights between architectures."""

import itertools
import math

import numpy as np

from cnnbook.exercises.exercise import Exercise

# ---------------------------------------------------------------- 15.1 how many networks?


def macro_count(layers, operations):
    return operations**layers * 2 ** (layers * (layers - 1) // 2)


def macro_by_layers(layers, operations):
    return math.prod(operations * 2**k for k in range(layers))


MACRO = Exercise(
    "15.1",
    "How many networks?",
    right=(macro_count, macro_by_layers),
    wrong={
        "the skips are left out.": lambda L, m: m**L,
        "a layer takes no skip from itself: there are L(L − 1)/2.": lambda L, m: (
            m**L * 2 ** (L * (L + 1) // 2)
        ),
        "each skip is there or not: two ways each, so 2 to their number.": lambda L, m: (
            m**L * (L * (L - 1) // 2)
        ),
        "a skip goes forward only: each pair of layers counts once.": lambda L, m: (
            m**L * 2 ** (L * (L - 1))
        ),
        "there is a skip for each pair of layers, not for neighbours alone.": lambda L, m: (
            m**L * 2 ** (L - 1)
        ),
        "every layer chooses for itself: the operations are multiplied.": lambda L, m: (
            m * L * 2 ** (L * (L - 1) // 2)
        ),
    },
    why="Layer k has m operations and k possible skips: m · 2ᵏ ways, multiplied over all layers.",
    hints=(
        "How many ways does the first layer have? The second one?",
        "Layer k can take a skip from each of k layers before it, or not: 2ᵏ ways.",
        "Multiply m · 2ᵏ for k = 0 … L − 1.",
    ),
    cases=tuple(itertools.product((1, 2, 3, 4, 12), (1, 2, 6))),
)

# ---------------------------------------------------------------- 15.2 cells


def cell_count(nodes, operations):
    return math.prod((node * operations) ** 2 for node in range(2, nodes))


def cells_by_factorial(nodes, operations):
    return (operations ** (nodes - 2) * math.factorial(nodes - 1)) ** 2


CELLS = Exercise(
    "15.2",
    "What the text describes",
    right=(cell_count, cells_by_factorial),
    wrong={
        "that is the published formula: it gives a node one input and shares one operation.": (
            lambda B, m: (m * math.factorial(B - 2)) ** 2
        ),
        "a node takes two inputs, each with an operation of its own.": lambda B, m: math.prod(
            node * m for node in range(2, B)
        ),
        "the operations are chosen for both inputs, not once per node.": lambda B, m: math.prod(
            node**2 * m for node in range(2, B)
        ),
        "both inputs may be the same node.": lambda B, m: math.prod(
            node * (node - 1) * m**2 for node in range(2, B)
        ),
        "that is a pair of cells; the question is about one.": lambda B, m: cell_count(B, m) ** 2,
        "nodes 0 and 1 are inputs and choose nothing.": lambda B, m: math.prod(
            (max(node, 1) * m) ** 2 for node in range(B)
        ),
        "node k chooses among k nodes, 0 to k − 1.": lambda B, m: math.prod(
            ((node - 1) * m) ** 2 for node in range(2, B)
        ),
    },
    why="Node k has (k · m)² ways: an earlier node and an operation, twice.",
    hints=(
        "Node 2 can take node 0 or node 1. With which operations? How often does it choose?",
        "Node k chooses an earlier node (k ways) and an operation (m ways), twice.",
        "Multiply (k · m)² for k = 2 … B − 1.",
    ),
    cases=tuple(itertools.product((2, 3, 4, 5, 7), (1, 2, 5))),
)

# ---------------------------------------------------------------- 15.3 one sample of the gradient


def reinforce(scores, choice, reward, baseline):
    p = np.exp(scores - scores.max())
    return (reward - baseline) * (np.eye(len(scores))[choice] - p / p.sum())


def reinforce_by_differences(scores, choice, reward, baseline, step=1e-5):
    def log(z):
        return z[choice] - z.max() - np.log(np.exp(z - z.max()).sum())

    moves = np.eye(len(scores)) * step
    slopes = [(log(scores + move) - log(scores - move)) / (2 * step) for move in moves]
    return (reward - baseline) * np.array(slopes)


def _given():
    rng = np.random.default_rng(15)
    yield np.zeros(2), 0, 1.0, 0.0
    yield np.zeros(3), 2, 0.5, 0.25
    for n in (2, 3, 6):
        yield rng.normal(size=n).round(1), n - 2, round(float(rng.uniform()), 2), 0.3
    yield np.array([1.0, -2.0, 0.5, 3.0]), 1, 0.2, 0.9


REINFORCE = Exercise(
    "15.3",
    "One sample of the gradient",
    right=(reinforce, reinforce_by_differences),
    wrong={
        "the baseline is left out.": lambda z, c, r, b: reinforce(z, c, r, 0),
        "climb: a reward above the baseline makes the choice more likely.": lambda z, c, r, b: (
            -reinforce(z, c, r, b)
        ),
        "the probabilities are missing: ∂ log p of the others is −p.": lambda z, c, r, b: (
            (r - b) * np.eye(len(z))[c]
        ),
        "that is the gradient of p; the estimate takes that of log p.": lambda z, c, r, b: (
            reinforce(z, c, r, b) * (np.exp(z) / np.exp(z).sum())[c]
        ),
        "∂ log p of the choice by its own score is 1 − p.": lambda z, c, r, b: (
            -(r - b) * np.exp(z) / np.exp(z).sum()
        ),
        "the baseline is subtracted.": lambda z, c, r, b: reinforce(z, c, r, -b),
    },
    why="∂ log p(choice) / ∂ scores is 1 − p at the choice and −p elsewhere, times R − b.",
    hints=(
        "log p of the choice is its score minus log Σ exp(scores). What are its derivatives?",
        "1 − p at the choice, −p elsewhere: a one-hot vector minus the probabilities.",
        "Multiply by reward − baseline.",
    ),
    cases=tuple(_given()),
)

# ---------------------------------------------------------------- 15.4 is it better?


def paired(ours, theirs):
    difference = np.asarray(ours) - np.asarray(theirs)
    return difference.mean(), difference.std(ddof=1) / math.sqrt(len(difference))


def paired_by_sums(ours, theirs):
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    n, mean = len(differences), sum(differences) / len(differences)
    return mean, math.sqrt(sum((d - mean) ** 2 for d in differences) / (n * (n - 1)))


PAIRED = Exercise(
    "15.4",
    "Is it better?",
    right=(paired, paired_by_sums),
    wrong={
        "that spread is for one seed; that of the mean is smaller by √n.": lambda a, b: (
            paired(a, b)[0],
            np.std(a - b, ddof=1),
        ),
        "the spread of a sample divides by n − 1.": lambda a, b: (
            paired(a, b)[0],
            np.std(a - b) / math.sqrt(len(a)),
        ),
        "the seeds are paired: take differences first, and their spread.": lambda a, b: (
            paired(a, b)[0],
            math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / len(a)),
        ),
        "ours minus theirs.": lambda a, b: paired(b, a),
        "the spread is divided by √n, not by n.": lambda a, b: (
            paired(a, b)[0],
            np.std(a - b, ddof=1) / len(a),
        ),
        "take the mean, not the median.": lambda a, b: (np.median(a - b), paired(a, b)[1]),
    },
    why="The mean of the differences, and their standard deviation (n − 1) divided by √n.",
    hints=(
        "Both searches had the same seeds: which numbers belong together?",
        "Work with the differences alone.",
        "Their mean; their standard deviation with n − 1, divided by √n.",
    ),
    cases=tuple(
        (rng.uniform(0.8, 0.95, n).round(3), rng.uniform(0.8, 0.95, n).round(3))
        for n in (2, 3, 5, 10)
        for rng in (np.random.default_rng(n),)
    ),
)

# ---------------------------------------------------------------- 15.5 do they rank alike?


def kendall_tau(a, b):
    pairs = list(itertools.combinations(range(len(a)), 2))
    return sum(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs) / len(pairs)


def tau_by_matrix(a, b):
    a, b, n = np.asarray(a), np.asarray(b), len(a)
    signs = (np.sign(np.subtract.outer(values, values)) for values in (a, b))
    return np.prod(list(signs), 0).sum() / (n * (n - 1))


def _ranks(values):
    return np.argsort(np.argsort(values))


TAU = Exercise(
    "15.5",
    "Do they rank alike?",
    right=(kendall_tau, tau_by_matrix),
    wrong={
        "that is the correlation of the values; τ looks at their order only.": lambda a, b: (
            np.corrcoef(a, b)[0, 1]
        ),
        "that is the correlation of the ranks; τ counts pairs.": lambda a, b: np.corrcoef(
            _ranks(a), _ranks(b)
        )[0, 1],
        "a pair in the wrong order counts −1.": lambda a, b: np.mean(
            [(a[i] - a[j]) * (b[i] - b[j]) > 0 for i, j in itertools.combinations(range(len(a)), 2)]
        ),
        "there are n(n − 1)/2 pairs: divide by their number.": lambda a, b: (
            kendall_tau(a, b) * (len(a) - 1) / 2
        ),
        "each pair counts once, so divide by n(n − 1)/2, not by n².": lambda a, b: (
            kendall_tau(a, b) * (len(a) - 1) / len(a)
        ),
        "all pairs, not neighbours alone.": lambda a, b: np.mean(
            np.sign(np.diff(a)) * np.sign(np.diff(b))
        ),
    },
    why="Of all pairs, those in the same order minus those in the opposite one, as a share.",
    hints=(
        "Take two networks. Do both lists put the same one first?",
        "np.sign(a[i] − a[j]) · np.sign(b[i] − b[j]) is 1, −1, or 0 for a tie.",
        "Sum it over all pairs i < j, and divide by their number.",
    ),
    cases=(
        (np.array([1.0, 2, 3]), np.array([1.0, 3, 2])),
        (np.array([0.2, 0.9, 0.4, 0.8]), np.array([0.5, 0.6, 0.7, 0.9])),
        (np.array([0.2, 0.9, 0.4, 0.8, 0.1]), np.array([0.9, 0.1, 0.2, 0.3, 0.4])),
        *((rng.normal(size=9), rng.normal(size=9)) for rng in map(np.random.default_rng, (1, 2))),
    ),
)

# ---------------------------------------------------------------- 15.6 at equal cost


def fair_candidates(updates, samples, reward_images, derived, validation_images):
    spent = updates * samples * reward_images + derived * validation_images
    return spent // validation_images


def fair_by_budget(updates, samples, reward_images, derived, validation_images):
    controller = math.floor(updates * samples * reward_images / validation_images)
    return derived + controller


FAIR = Exercise(
    "15.6",
    "At equal cost",
    right=(fair_candidates, fair_by_budget),
    wrong={
        "the search also ranks candidates at its end: they count.": lambda u, s, r, d, v: (
            u * s * r // v
        ),
        "an update rewards several architectures.": lambda u, s, r, d, v: (u * r + d * v) // v,
        "count image passes: a reward takes fewer images than a rank.": lambda u, s, r, d, v: (
            u * s + d
        ),
        "the images of the rewards are given back, too.": lambda u, s, r, d, v: d,
        "that many do not fit any more: round down.": lambda u, s, r, d, v: (
            -(-(u * s * r + d * v) // v)
        ),
        "a candidate is ranked on all validation images.": lambda u, s, r, d, v: (
            (u * s * r + d * v) // r
        ),
    },
    why="Both searches then pass equally many images through the shared network.",
    hints=(
        "How many images does the controller pass through the network for its rewards?",
        "updates · samples · reward_images, and derived · validation_images at the end.",
        "Divide the sum by validation_images, rounded down.",
    ),
    cases=(
        (1, 1, 10, 1, 10),
        (2, 3, 5, 1, 10),
        (200, 4, 100, 30, 1000),
        (7, 3, 64, 10, 500),
        (50, 20, 128, 10, 5000),
    ),
)

EXERCISES = (MACRO, CELLS, REINFORCE, PAIRED, TAU, FAIR)
