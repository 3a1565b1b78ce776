"""How well a detector serves each group, and how sure one can be of that."""

import math
from typing import NamedTuple

import torch


class GroupRecall(NamedTuple):
    """How many faces of one group are found."""

    name: str
    count: int  # faces of the group
    recall: float
    interval: tuple  # Wilson's, 95 %, by SciPy: its ends are named `low` and `high`
    auc: float  # probability that a face of the group scores higher than a non-face


class GroupReport(NamedTuple):
    """What `group_report` found. Shares go from 0 to 1."""

    groups: tuple  # a `GroupRecall` for each group
    variance: float  # of the groups' recalls, over their number: there are no other groups
    gap: float  # recall of the best group less that of the worst
    recall: float  # of all faces together
    precision: float  # share of faces among what was called one; NaN if nothing was
    accuracy: float
    auc: float  # probability that a face scores higher than a non-face; ties count half


def wilson(right, count):
    """Return the ends, `low` and `high`, of the 95 % interval of a share: `right` of `count`."""
    from scipy.stats import binomtest

    return binomtest(right, count).proportion_ci(0.95, "wilson")


def auc(scores, labels):
    """Return the probability that a face scores higher than a non-face; ties count half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels.cpu(), scores.detach().cpu()))


def matched_threshold(scores, labels, false_positives):
    """Find the score above which that share of the non-faces lies, from tensors (N,).

    Detectors can be compared only where they raise as many false alarms: a lower threshold finds
    more of every group, most of the group that is found least. Choose it on validation images.
    `labels` are 0 for a non-face; the share is from 0 to 1.
    """
    if not 0 <= false_positives <= 1:
        raise ValueError(f"false_positives is {false_positives}, must be from 0 to 1")
    negatives = scores[labels == 0]
    if not len(negatives):
        raise ValueError(f"0 of {len(scores)} images are non-faces, must be at least 1")
    return float(negatives.double().quantile(1 - false_positives))


def group_report(scores, labels, groups, names, *, threshold=0.0, minimum=300):
    """Judge a face detector for each group, from tensors (N,).

    `scores` above the threshold mean a face: 0 is that of logits. `labels` are 1 for a face, 0 for
    anything else, `groups` the index of a face's group in `names`, −1 for what belongs to none;
    both kinds of images must be there. `minimum` is the fewest faces that a group needs: of 300, a
    recall of 90 % is known to ± 3.4 points; of 20, to ± 13.
    """
    _check(scores, labels, groups, names, minimum)
    if not math.isfinite(threshold):
        raise ValueError(f"threshold is {threshold}, must be finite")
    faces, found, rows = labels == 1, scores > threshold, []
    others = scores[~faces]
    for index, name in enumerate(names):
        hits = found[groups == index]
        right, count = int(hits.sum()), len(hits)
        known = torch.arange(count + len(others)) < count
        order = auc(torch.cat([scores[groups == index], others]), known)
        rows.append(GroupRecall(name, count, right / count, wilson(right, count), order))
    recalls = torch.tensor([row.recall for row in rows], dtype=torch.float64)
    called, hits = int(found.sum()), int((found & faces).sum())
    return GroupReport(
        groups=tuple(rows),
        variance=float(recalls.var(correction=0)),
        gap=float(recalls.max() - recalls.min()),
        recall=hits / int(faces.sum()),
        precision=hits / called if called else math.nan,
        accuracy=float((found == faces).double().mean()),
        auc=auc(scores, faces),
    )


def _check(scores, labels, groups, names, minimum):
    for name, tensor in (("labels", labels), ("groups", groups)):
        if tensor.shape != scores.shape or scores.ndim != 1:
            shapes = f"{tuple(tensor.shape)}, scores {tuple(scores.shape)}"
            raise ValueError(f"{name} has shape {shapes}, expected (N,) for both")
    if scores.isnan().any():
        raise ValueError(f"{int(scores.isnan().sum())} of {len(scores)} scores are NaN, must be 0")
    for wrong in labels[(labels != 0) & (labels != 1)][:1].tolist():
        raise ValueError(f"labels holds {wrong}, must be 1 for a face or 0")
    if len(groups) and not int(groups.max()) < len(names):
        raise ValueError(f"groups go up to {int(groups.max())}, but there are {len(names)} names")
    if not 0 < (faces := int((labels == 1).sum())) < len(labels):
        raise ValueError(f"{faces} of {len(labels)} images are faces, need both kinds")
    if strays := int(((groups >= 0) & (labels != 1)).sum()):
        raise ValueError(f"{strays} images with a group are no faces, must be 0")
    for index, name in enumerate(names):
        if (count := int((groups == index).sum())) < max(minimum, 1):
            raise ValueError(f"group {name!r} has {count} faces, must be at least {minimum}")
