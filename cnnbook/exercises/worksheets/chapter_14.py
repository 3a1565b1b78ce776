"""Questions of chapter 14, the debiasing VAE."""

import numpy as np

from cnnbook.exercises import chapter_14
from cnnbook.exercises.worksheets.question import ask

RARE = [
    (g, a, b)
    for g in (4, 5, 6, 8, 10)
    for a in (2, 4, 5, 10, 20)
    for b in (5, 8, 10, 20, 25)
    if 10_000 % (g * a * b) == 0 and 10_000 > g * a * b
]
"""Numbers of groups, and two shares in percent, with a whole number as the answer."""


def recalls(draw):
    """Who is found."""
    common, rare = 100, draw.choice((10, 20, 25))
    found = draw.randint(88, 97), draw.randint(rare // 2, rare * 4 // 5)
    shares = 100 * found[0] / common, 100 * found[1] / rare
    return ask(
        "A detector finds {first} of {common} faces of a common kind and {second} of {rare} of a "
        "rare kind. What are the recalls of both groups and the gap between them, in % and in "
        "points? What is the recall of all faces together, in %, to one decimal?",
        {
            "recalls": shares,
            "gap": shares[0] - shares[1],
            "of all": round(100 * sum(found) / (common + rare), 1),
        },
        "{first} + {second} of {common} + {rare}: the whole hides the part.",
        first=found[0], second=found[1], common=common, rare=rare,
    )  # fmt: skip


def both_rare(draw):
    """Both rare."""
    g, a, b = draw.choice(RARE)
    return ask(
        "{a} % of the faces are dark, {b} % in profile, independently. The faces fall into {g} "
        "groups; one of them is the dark profiles. All {g} groups are then drawn equally often. "
        "How many times as often as before does a dark profile come?",
        {"times": 10_000 // (g * a * b)},
        "1/{g} divided by {a} % · {b} %",
        g=g, a=a, b=b,
    )  # fmt: skip


def one_encoder(draw):
    """One encoder, two tasks."""
    logit = np.array([*draw.sample((-2, -1, 1, 2), 3), draw.choice((-1, 1))], float)
    is_face = np.array(draw.order((1, 1, 0, draw.randint(0, 1))))
    vae, weight = 100 * draw.grid(4, low=1, high=6), draw.choice((0.01, 0.002))
    case = logit, is_face, vae, weight
    return ask(
        "A batch of four images: logit s, face (1) or not (0), and the loss of the VAE. A face "
        "costs log(1 + exp(−s)), a non-face log(1 + exp(s)), and λ = {weight}. What is the loss of "
        "the batch? Use log(1 + e) = 1.313, log(1 + 1/e) = 0.313, "
        "log(1 + e²) = 2.127, log(1 + 1/e²) = 0.127.",
        {"loss": chapter_14.loss(*case)},
        "The mean over four images; the VAE counts for faces only, times λ.",
        "14.2", case, weight=weight, **{"logit": logit, "face": is_face, "VAE": vae},
    )  # fmt: skip


def what_is_rare(draw):
    """What is rare."""
    counts = draw.order(draw.choice(((3, 1, 1), (2, 2, 1))))
    alpha = draw.choice((0.2, 0.4, 0.6))
    means = [b + step / 10 for b, n in enumerate(counts) for step in draw.sample(range(1, 10), n)]
    means = np.array(sorted(means)).round(1)
    means[0], means[-1] = 0, 3
    case = means, 3, alpha
    return ask(
        "Five faces have the means below. The histogram has three bins of width 1, from 0 to 3 "
        "(3 belongs to the last bin); Q is the share of the faces in a bin, divided by its width. "
        "A face weighs 1/(Q + α) with α = {alpha}. With which probability is each face drawn, to "
        "three decimals?",
        {"probabilities": chapter_14.probabilities(*case)},
        "The weights 1/(Q + α), divided by their sum.",
        "14.3", case, means=means, alpha=alpha,
    )  # fmt: skip


def how_many_faces(draw):
    """How many faces that is."""
    own = np.array(draw.order(draw.choice(
        ((1, 3), (1, 2), (1, 1, 4), (1, 1, 1, 3), (3, 3, 1, 1), (1, 1, 1, 1, 4), (2, 2, 2))
    ))) / 100  # fmt: skip
    p = np.append(own, np.full(3, (1 - own.sum()) / 3))
    case = p, np.arange(len(p)) < len(own)
    return ask(
        "The faces of a group are drawn with these probabilities; the rest of the draws goes to "
        "other groups. What is the effective sample size of the group: of how many faces, drawn "
        "evenly, are its draws worth?",
        {"effective size": chapter_14.effective(*case)},
        "(Σp)² / Σp² over the group: scale the probabilities to the sum 1 first.",
        "14.4", case, p=own,
    )  # fmt: skip


def threshold(draw):
    """A threshold for all."""
    scores, labels = draw.distinct(10, low=-9, high=9) / 2, np.array(draw.order([1] * 5 + [0] * 5))
    share = draw.choice((0.2, 0.4))
    case = scores, labels, share
    line = chapter_14.threshold(*case)
    return ask(
        "Ten images with their scores, faces are labelled 1. What scores above the threshold is "
        "called a face. Which is the lowest score of a non-face above which at most {percent} % of "
        "the non-faces lie? How many faces are found with this threshold?",
        {"threshold": line, "faces found": int((scores[labels == 1] > line).sum())},
        "Sort the five scores of the non-faces, the highest first; {percent} % of 5 may lie above.",
        percent=round(100 * share), score=scores, label=labels,
    )  # fmt: skip


TITLE = "The debiasing VAE"
QUESTIONS = (recalls, both_rare, one_encoder, what_is_rare, how_many_faces, threshold)
