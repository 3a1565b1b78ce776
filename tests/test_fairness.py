"""Group reports: counted by hand, intervals from the literature."""

import math

import numpy as np
import pytest
import torch

from cnnbook.training import group_report

NAMES = ("light", "dark")


def hundred():
    """60 faces of one group, 54 found; 40 of the other, 20 found; 50 others, 5 taken for faces."""
    scores = torch.cat([torch.ones(54), -torch.ones(6), torch.ones(20), -torch.ones(20)])
    scores = torch.cat([scores, torch.ones(5), -torch.ones(45)])
    labels = torch.cat([torch.ones(100), torch.zeros(50)]).long()
    groups = torch.cat([torch.zeros(60), torch.ones(40), -torch.ones(50)]).long()
    return scores, labels, groups


def test_a_report_is_what_one_counts():
    scores, labels, groups = hundred()
    report = group_report(scores, labels, groups, NAMES, minimum=40)
    rows = [(row.name, row.count, row.recall) for row in report.groups]
    assert rows == [("light", 60, 0.9), ("dark", 40, 0.5)]
    np.testing.assert_allclose([report.variance, report.gap], [0.2**2, 0.4])
    assert (report.recall, report.precision) == (74 / 100, 74 / 79)
    np.testing.assert_allclose(report.accuracy, (74 + 45) / 150)
    right_order, ties = 74 * 45, 74 * 5 + 26 * 45
    np.testing.assert_allclose(report.auc, (right_order + ties / 2) / (100 * 50))
    report = group_report(scores - 1, labels, groups, NAMES, minimum=40)
    assert report.recall == 0  # above 0, not at it
    assert math.isnan(report.precision)
    groups[groups == 1] = -1  # faces of no group count in the whole only
    report = group_report(scores, labels, groups, NAMES[:1], minimum=40)
    assert (report.gap, report.recall) == (0, 0.74)


def test_twenty_faces_are_not_enough():
    """Fault 5 of the lab: a report on as many faces as there happen to be."""
    scores, labels, groups = (part[-70:] for part in hundred())  # 20 faces of the second group
    with pytest.raises(ValueError, match="group 'dark' has 20 faces, must be at least 300"):
        group_report(scores, labels, (groups - 1).clamp(min=-1), ["dark"])


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_the_published_ones(right, count, low, high):
    scores = torch.cat([torch.ones(right), -torch.ones(count - right + 1)])
    labels = torch.cat([torch.ones(count), torch.zeros(1)])
    (row,) = group_report(scores, labels, labels.long() - 1, ["all"], minimum=1).groups
    np.testing.assert_allclose(row.interval, (low, high), atol=5e-5)
    assert (row.interval.low, row.interval.high) == tuple(row.interval)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, y, g: (s, y, g[1:]), r"groups has shape \(149,\), scores \(150,\)"),
        (lambda s, y, g: (s[:, None], y, g), r"labels has shape \(150,\), scores \(150, 1\)"),
        (lambda s, y, g: (s, y[:, None], g), r"labels has shape \(150, 1\), scores \(150,\)"),
        (lambda s, y, g: (s, y * 2, g), "labels holds 2, must be 1 for a face or 0"),
        (lambda s, y, g: (s * math.nan, y, g), "150 of 150 scores are NaN"),
        (lambda s, y, g: (s, y, g + (g == 1)), "groups go up to 2, but there are 2 names"),
        (lambda s, y, g: (s, y, g.clamp(min=0)), "50 images with a group are no faces"),
        (lambda s, y, g: (s[100:], y[100:], g[100:]), "0 of 50 images are faces, need"),
        (lambda s, y, g: (s[:100], y[:100], g[:100]), "100 of 100 images are faces, need"),
        (lambda s, y, g: (s[60:], y[60:], g[60:]), "group 'light' has 0 faces, must be"),
    ],
)
def test_a_report_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        group_report(*change(*hundred()), NAMES, minimum=40)
