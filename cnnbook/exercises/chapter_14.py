"""Exercises of chapter 14, the debiasing VAE."""

import math

import numpy as np

from cnnbook.exercises.exercise import Exercise

# ---------------------------------------------------------------- 14.1 both rare

BOTH = Exercise(
    "14.1",
    "Both rare",
    right=((1 / 6) / (0.05 * 0.1), 200 / 6),
    wrong={
        "that is the share after; asked is how many times as much as before.": 1 / 6,
        "that is for a dark face, of any pose: two of the six groups.": (2 / 6) / 0.05,
        "that is for a profile, of any skin: three of the six groups.": (3 / 6) / 0.1,
        "dark and profile are independent: their shares are multiplied.": (1 / 6) / (0.05 + 0.1),
        "there are six groups, and all are drawn equally often: one has 1/6.": 0.5 / (0.05 * 0.1),
        "turn it round: they are drawn more often than they are there.": 0.005 * 6,
    },
    why="0.05 · 0.1 = 0.5 % of the faces become 1/6 of what is drawn: 33 times as much.",
    hints=(
        "Which share of the faces is dark and in profile?",
        "0.05 · 0.1. And which share of the draws does one of six equal groups get?",
        "1/6 divided by 0.005.",
    ),
)

# ---------------------------------------------------------------- 14.2 one encoder, two tasks


def loss(logit, is_face, vae, weight):
    decision = np.log1p(np.exp(np.where(is_face == 1, -logit, logit)))
    return float(np.mean(decision + weight * is_face * vae))


def loss_by_image(logit, is_face, vae, weight):
    total = 0.0
    for s, y, v in zip(logit, is_face, vae, strict=True):
        p = 1 / (1 + math.exp(-s))
        total += -math.log(p) + weight * v if y else -math.log(1 - p)
    return total / len(logit)


def _decisions(s, y):
    return np.log1p(np.exp(np.where(y == 1, -s, s)))


LOSS = Exercise(
    "14.2",
    "One encoder, two tasks",
    right=(loss, loss_by_image),
    wrong={
        "that is fault 1: the factor stands at the decision, and no non-face teaches.": (
            lambda s, y, v, w: np.mean(y * _decisions(s, y) + w * v)
        ),
        "the VAE's loss counts for faces only.": lambda s, y, v, w: np.mean(
            _decisions(s, y) + w * v
        ),
        "the mean is over all images: a non-face adds 0 to the VAE's part.": lambda s, y, v, w: (
            np.mean(_decisions(s, y)) + w * np.mean(v[y == 1])
        ),
        "a face wants a large logit: log(1 + exp(−s)).": lambda s, y, v, w: np.mean(
            _decisions(-s, y) + w * y * v
        ),
        "the weight belongs to the VAE's part.": lambda s, y, v, w: np.mean(
            w * _decisions(s, y) + y * v
        ),
        "the losses of a batch are averaged, not summed.": lambda s, y, v, w: np.sum(
            _decisions(s, y) + w * y * v
        ),
        "one number for the batch, not one for each image.": lambda s, y, v, w: (
            _decisions(s, y) + w * y * v
        ),
    },
    why="Every image decides, only faces are drawn again, and all are averaged together.",
    hints=(
        "A face costs log(1 + exp(−s)). And a non-face?",
        "log(1 + exp(s)). Add weight · vae, but only where is_face is 1.",
        "np.mean over all images.",
    ),
    cases=tuple(
        (r.normal(0, 2, n).round(1), np.array(y), r.uniform(100, 900, n).round(), w)
        for n, y, w, r in (
            (2, [1, 0], 0.01, np.random.default_rng(1)),
            (3, [0, 1, 0], 0.001, np.random.default_rng(2)),
            (6, [1, 0, 1, 1, 0, 0], 0.002, np.random.default_rng(3)),
        )
    ),
)

# ---------------------------------------------------------------- 14.3 what is rare


def probabilities(means, bins, alpha):
    density, edges = np.histogram(means, bins, density=True)
    weights = 1 / (density[np.digitize(means, edges[1:-1])] + alpha)
    return weights / weights.sum()


def probabilities_by_counting(means, bins, alpha):
    low, width = min(means), (max(means) - min(means)) / bins
    place = [min(int((m - low) / width), bins - 1) for m in means]
    weights = [1 / (place.count(b) / len(means) / width + alpha) for b in place]
    return np.array(weights) / sum(weights)


def _weighed(means, bins, weigh):
    """Weigh each mean by its bin's count, the number of means, and the bin's width."""
    counts, edges = np.histogram(means, bins)
    weights = weigh(counts[np.digitize(means, edges[1:-1])], len(means), edges[1] - edges[0])
    return weights / weights.sum()


RARE = Exercise(
    "14.3",
    "What is rare",
    right=(probabilities, probabilities_by_counting),
    wrong={
        "Q is a density: divide the share by the width of the bin.": lambda m, b, a: _weighed(
            m, b, lambda k, n, width: 1 / (k / n + a)
        ),
        "Q is a share of all faces, not a count.": lambda m, b, a: _weighed(
            m, b, lambda k, n, width: 1 / (k / width + a)
        ),
        "α is added to Q before the division, not to the weight.": lambda m, b, a: _weighed(
            m, b, lambda k, n, width: n * width / k + a
        ),
        "that draws the common ones more often: it is 1/(Q + α).": lambda m, b, a: _weighed(
            m, b, lambda k, n, width: k / n / width + a
        ),
        "probabilities add up to 1: divide by their sum.": lambda m, b, a: (
            1 / (np.histogram(m, b, density=True)[0][_places(m, b)] + a)
        ),
        "faces of one bin share nothing: each of them has the weight 1/(Q + α).": (
            lambda m, b, a: _weighed(m, b, lambda k, n, width: 1 / (k / n / width + a) / k)
        ),
        "α is missing.": lambda m, b, a: _weighed(m, b, lambda k, n, width: n * width / k),
    },
    why="1/(Q + α), Q being the share of a bin divided by its width; then scaled to sum 1.",
    hints=(
        "np.histogram(means, bins, density=True) gives Q of each bin, and the bins' edges.",
        "np.digitize(means, edges[1:-1]) says in which bin each face lies.",
        "weights = 1 / (Q of that bin + alpha), divided by their sum.",
    ),
    cases=(
        (np.array([0.0, 0.4, 0.8, 1.5, 3.0]), 3, 0.2),
        (np.array([-1.0, 0.5, 0.6, 0.7]), 2, 0.5),
        *((r.normal(0, s, n).round(2), b, a)
          for n, s, b, a, r in ((12, 2.0, 4, 0.05, np.random.default_rng(5)),
                                (30, 0.5, 6, 0.3, np.random.default_rng(6)))),
    ),
)  # fmt: skip


def _places(means, bins):
    return np.digitize(means, np.histogram_bin_edges(means, bins)[1:-1])


# ---------------------------------------------------------------- 14.4 how many faces that is


def effective(p, members):
    own = p[members]
    return float(own.sum() ** 2 / (own**2).sum())


def effective_by_shares(p, members):
    own = [one for one, there in zip(p, members, strict=True) if there]
    return 1 / sum((one / sum(own)) ** 2 for one in own)


EFFECTIVE = Exercise(
    "14.4",
    "How many faces that is",
    right=(effective, effective_by_shares),
    wrong={
        "the group's probabilities do not add up to 1: scale them first.": lambda p, m: (
            1 / (p[m] ** 2).sum()
        ),
        "that is the effective size of all faces, not of the group.": lambda p, m: (
            1 / (p**2).sum()
        ),
        "that counts the group's faces, however often each is drawn.": lambda p, m: m.sum(),
        "1/Σp², not 1 over the largest p.": lambda p, m: p[m].sum() / p[m].max(),
        "that is the perplexity, the exponential of the entropy; asked is 1/Σp².": (
            lambda p, m: np.exp(-(p[m] / p[m].sum() * np.log(p[m] / p[m].sum())).sum())
        ),
        "turn it round: (Σp)² over Σp².": lambda p, m: (p[m] ** 2).sum() / p[m].sum() ** 2,
        "that is a share of the group; asked is a number of faces.": lambda p, m: (
            effective(p, m) / m.sum()
        ),
    },
    why="Scaled to the group it is 1/Σp², that is (Σp)²/Σp²: one face that is always drawn is 1.",
    hints=(
        "Take the group's probabilities alone. What do they add up to?",
        "Divide them by their sum, then 1/Σp².",
        "p[members].sum() ** 2 / (p[members] ** 2).sum()",
    ),
    cases=(
        (np.array([0.4, 0.1, 0.1, 0.4]), np.array([False, True, True, False])),
        (np.array([0.25, 0.5, 0.125, 0.125]), np.array([True, True, False, True])),
        *((p / p.sum(), np.arange(len(p)) % 3 > 0)
          for n in (7, 20) for p in (np.random.default_rng(n).uniform(0.1, 2, n) ** 2,)),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- 14.5 a threshold for all


def threshold(scores, labels, share):
    others = np.sort(scores[labels == 0])[::-1]
    return float(others[int(share * len(others) + 1e-9)])


def threshold_by_trying(scores, labels, share):
    others = scores[labels == 0]
    return min(t for t in others if np.mean(others > t) <= share + 1e-9)


def _from_above(scores, share):
    return np.sort(scores)[::-1][int(share * len(scores) + 1e-9)]


THRESHOLD = Exercise(
    "14.5",
    "A threshold for all",
    right=(threshold, threshold_by_trying),
    wrong={
        "false positives are non-faces: leave the faces out.": lambda s, y, a: _from_above(s, a),
        "that is the share of the faces that is found; asked is that of the non-faces.": (
            lambda s, y, a: _from_above(s[y == 1], a)
        ),
        "that lets all but this share through: count from the highest score.": lambda s, y, a: (
            np.sort(s[y == 0])[int(a * (y == 0).sum() + 1e-9)]
        ),
        "above it means above: the score at the threshold is no face any more.": lambda s, y, a: (
            np.sort(s[y == 0])[::-1][max(int(a * (y == 0).sum() + 1e-9) - 1, 0)]
        ),
        "the share is of the non-faces, not of all images.": lambda s, y, a: np.sort(s[y == 0])[
            ::-1
        ][min(int(a * len(s) + 1e-9), (y == 0).sum() - 1)],
        "that is logit 0, where each detector has other false positives.": lambda s, y, a: 0.0,
    },
    why="The highest non-faces, as many as the share allows, lie above it, and all others do not.",
    hints=(
        "Only the scores of the non-faces matter. Sort them, the highest first.",
        "Of n non-faces share · n may lie above the threshold.",
        "The non-face at place int(share * n), counted from 0.",
    ),
    cases=(
        (np.array([2.0, -1.0, 0.5, 3.0, -2.0, 1.5]), np.array([1, 0, 0, 1, 0, 0]), 0.25),
        (np.array([0.1, 0.4, -0.3, 0.9, 2.0]), np.array([0, 0, 0, 0, 1]), 0.5),
        *((r.normal(size=n).round(2) + 1.5 * y, y, a)
          for n, a, r in ((30, 0.2, np.random.default_rng(7)), (50, 0.12, np.random.default_rng(8)))
          for y in ((np.arange(n) % 2),)),
    ),
)  # fmt: skip

EXERCISES = (BOTH, LOSS, RARE, EFFECTIVE, THRESHOLD)
