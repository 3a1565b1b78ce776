"""How well a detector serves each group, and how sure one can be of that."""

import math
from typing import NamedTuple

import torch


class Interval(NamedTuple):
    """From where to where a share may well be, by what was seen."""

    low: float
    high: float


class GroupRecall(NamedTuple):
    """How many faces of one group are found."""

    name: str
    count: int
    """Faces of the group."""
    recall: float
    interval: Interval
    """Wilson's, 95 %."""


class GroupReport(NamedTuple):
    """What `group_report` found. Shares go from 0 to 1."""

    groups: tuple
    """A `GroupRecall` for each group."""
    variance: float
    """Of the groups' recalls, divided by their number: these are all the groups there are."""
    gap: float
    """Recall of the best group less that of the worst."""
    recall: float
    """Of all faces together."""
    precision: float
    """Share of faces among what was called one; NaN if nothing was."""
    accuracy: float
    auc: float
    """Probability that a face scores higher than a non-face; ties count half."""


def group_report(scores, labels, groups, names, *, minimum=300, threshold=0.0):
    """Judge a face detector for each group.

    Parameters
    ----------
    scores : tensor of shape (N,)
        Greater is more like a face.
    labels : tensor of shape (N,)
        1 for a face, 0 for anything else.
    groups : tensor of shape (N,)
        Index of a face's group in `names`, −1 for what belongs to none.
    names : sequence of str
    minimum : int
        Fewest faces that a group needs. Of 300, a recall of 90 % is known to ± 3.4 points; of
        20, to ± 13.
    threshold : float
        A score above it says "face": 0 for logits.

    Returns
    -------
    GroupReport

    Raises
    ------
    ValueError
        If a group has too few faces, a non-face has a group, there are no non-faces, or the shapes
        differ.
    """
    _check(scores, labels, groups, names, minimum)
    faces, found = labels == 1, scores > threshold
    rows = []
    for index, name in enumerate(names):
        hits = found[groups == index]
        right, count = int(hits.sum()), len(hits)
        rows.append(GroupRecall(name, count, right / count, wilson_interval(right, count)))
    recalls = torch.tensor([row.recall for row in rows], dtype=torch.float64)
    called, hits = int(found.sum()), int((found & faces).sum())
    return GroupReport(
        groups=tuple(rows),
        variance=float(recalls.var(correction=0)),
        gap=float(recalls.max() - recalls.min()),
        recall=hits / int(faces.sum()),
        precision=hits / called if called else math.nan,
        accuracy=float((found == faces).double().mean()),
        auc=area_under_curve(scores, faces),
    )


def _check(scores, labels, groups, names, minimum):
    for name, tensor in (("labels", labels), ("groups", groups)):
        if tensor.shape != scores.shape or scores.ndim != 1:
            shapes = f"{tuple(tensor.shape)}, scores {tuple(scores.shape)}"
            raise ValueError(f"{name} has shape {shapes}, expected (N,) for both")
    if len(groups) and not int(groups.max()) < len(names):
        raise ValueError(f"groups go up to {int(groups.max())}, but there are {len(names)} names")
    strays = int(((groups >= 0) & (labels != 1)).sum())
    if strays:
        raise ValueError(f"{strays} images with a group are no faces, must be 0")
    for index, name in enumerate(names):
        count = int((groups == index).sum())
        if count < max(minimum, 1):
            raise ValueError(f"group {name!r} has {count} faces, must be at least {minimum}")


def wilson_interval(right, count, *, z=1.959964):
    """Estimate between which shares the true one may well lie.

    Parameters
    ----------
    right, count : int
        Successes, and trials.
    z : float
        Standard normal quantile: 1.959964 covers 95 %.

    Returns
    -------
    Interval
        Within 0 and 1 also where every trial, or none, was a success.

    Raises
    ------
    ValueError
        If `count` is below 1, or `right` not from 0 to `count`.

    References
    ----------
    Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, Journal of
    the American Statistical Association 22, doi:10.1080/01621459.1927.10502953.
    """
    if count < 1 or not 0 <= right <= count:
        raise ValueError(f"right is {right} of count {count}, must be from 0 to count, at least 1")
    share, weight = right / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    spread = math.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return Interval(max(0.0, middle - spread), min(1.0, middle + spread))


def area_under_curve(scores, faces):
    """Return the area under the ROC curve, by the ranks of the scores.

    Parameters
    ----------
    scores : tensor of shape (N,)
    faces : bool tensor of shape (N,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If one of the two kinds is missing.

    References
    ----------
    Mann & Whitney (1947), doi:10.1214/aoms/1177730491.
    """
    positive = int(faces.sum())
    negative = len(faces) - positive
    if not positive or not negative:
        raise ValueError(f"there are {positive} faces and {negative} non-faces, need both")
    _, place, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0) - (counts - 1) / 2  # ties share the mean of their ranks
    surplus = ranks[place][faces].double().sum() - positive * (positive + 1) / 2
    return float(surplus / (positive * negative))
