"""Labelled images in memory: what every data set of the book is."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Images:
    """Images with their classes, as tensors in memory.

    Parameters
    ----------
    images : tensor of shape (N, C, H, W), float32
        Values from 0 (black) to 1, where the data set does not say otherwise.
    labels : tensor of shape (N,), int64
        Indices into `classes`.
    classes : tuple of str
        Names of the classes.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or a label has no class.

    Examples
    --------
    >>> from cnnbook.datasets import digits
    >>> digits().test[:3].images.shape
    torch.Size([3, 1, 8, 8])
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple

    def __post_init__(self):
        if self.images.ndim != 4:
            raise ValueError(f"images has {self.images.ndim} axes, expected 4: (N, C, H, W)")
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels has shape {tuple(self.labels.shape)}, expected ({len(self.images)},)"
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels go from {self.labels.min()} to {self.labels.max()}, "
                f"but there are {len(self.classes)} classes"
            )

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        """Choose images by a slice, a mask or a tensor of indices."""
        return Images(self.images[index], self.labels[index], self.classes)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set with its fixed split: `train` to learn from, `test` to be looked at once."""

    train: Images
    test: Images

    @property
    def classes(self):
        """Names of the classes."""
        return self.train.classes


def hold_out(data, size, *, seed=0):
    """Set some training images aside, to choose settings on.

    Parameters
    ----------
    data : Images
    size : int
        How many to set aside, the same share of every class as nearly as that goes.
    seed : int
        What decides which; the same seed gives the same split everywhere.

    Returns
    -------
    tuple of Images and Images
        What remains, and what was set aside; both in their old order.

    Raises
    ------
    ValueError
        If `size` is not between 1 and one less than the number of images.

    Examples
    --------
    >>> from cnnbook.datasets import digits
    >>> train, validation = hold_out(digits().train, 200)
    >>> len(train), len(validation)
    (1237, 200)
    """
    if not 0 < size < len(data):
        raise ValueError(f"size is {size}, must be from 1 to {len(data) - 1}")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data), generator=generator)
    # number the images of each class; taking the lowest numbers first takes equal shares
    labels = data.labels[order]
    rank = torch.empty(len(data))
    for label in labels.unique():
        members = labels == label
        rank[members] = (torch.arange(int(members.sum())) + 0.5) / members.sum()
    chosen = torch.zeros(len(data), dtype=torch.bool)
    chosen[order[rank.argsort(stable=True)[:size]]] = True
    return data[~chosen], data[chosen]
