"""Labelled images in memory: what every data set of the book is."""

from dataclasses import dataclass

import torch

from cnnbook.checks import whole

FACE_CLASSES = ("not a face", "face")  # of every set of faces: label 1 is a face


@dataclass(frozen=True, eq=False)
class Images:
    """Images (N, C, H, W), float32, with their classes, as tensors in memory.

    Values are from 0 (black) to 1, where the data set does not say otherwise; labels (N,), int64,
    are indices into `classes`. A number chooses one image and its label, ``data[3]``, so that
    `torch.utils.data.DataLoader`, `Subset` and `random_split` take them; a slice, a mask or a
    tensor of indices chooses several, ``data[:100]``, which are `Images` again.

    >>> from cnnbook.datasets import digits
    >>> data = digits().test
    >>> data[:3].images.shape
    torch.Size([3, 1, 8, 8])
    >>> data.classes[data[0][1]]
    '0'
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple

    def __post_init__(self):
        for name, values in (("images", self.images), ("labels", self.labels)):
            if not isinstance(values, torch.Tensor):
                raise TypeError(f"{name} is a {type(values).__name__}, expected a tensor")
        axes, shape, count = self.images.ndim, tuple(self.labels.shape), len(self.classes)
        if axes != 4:
            hint = "; images[:, None] adds a channel" if axes == 3 else ""
            raise ValueError(f"images has {axes} axes, expected 4: (N, C, H, W){hint}")
        if shape != (len(self.images),):
            raise ValueError(f"labels has shape {shape}, expected ({len(self.images)},)")
        low, high = self.labels.aminmax() if len(self.labels) else (0, count - 1)
        if not 0 <= low <= high < count:
            raise ValueError(f"labels go from {low} to {high}, but there are {count} classes")

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        if isinstance(index, slice | list) or getattr(index, "ndim", 0):
            return self._several(index)
        try:
            number = whole("index", index, -len(self), len(self) - 1)
        except ValueError:  # what ends a loop over the images
            raise IndexError(f"index is {index}, there are {len(self)} images") from None
        except TypeError:
            expected = "expected a number, a slice, a mask or a tensor of indices"
            raise TypeError(f"index is {index!r}, {expected}") from None
        return self.images[number], int(self.labels[number])

    def _several(self, index):
        return Images(self.images[index], self.labels[index], self.classes)


@dataclass(frozen=True, eq=False)
class AttributedImages(Images):
    """Images of which more is known than their class: a tensor (N,) for each attribute.

    A value is -1, or NaN where the numbers are floats, if an attribute means nothing for an image.
    """

    attributes: dict

    def __post_init__(self):
        super().__post_init__()
        for name, values in self.attributes.items():
            if values.shape != self.labels.shape:
                shape, expected = tuple(values.shape), f"expected ({len(self.labels)},)"
                raise ValueError(f"attribute {name!r} has shape {shape}, {expected}")

    def _several(self, index):
        chosen = {name: values[index] for name, values in self.attributes.items()}
        return AttributedImages(self.images[index], self.labels[index], self.classes, chosen)


def concatenate(*parts):
    """Put several `AttributedImages`, of the same classes and attributes, into one, in order."""
    if not parts:
        raise ValueError("parts has 0 sets of images, must be at least 1")
    first = parts[0]
    for part in parts[1:]:
        if part.classes != first.classes:
            raise ValueError(f"classes differ: {first.classes} and {part.classes}")
        if set(part.attributes) != set(first.attributes):
            odd = sorted(set(part.attributes) ^ set(first.attributes))
            raise ValueError(f"attributes differ: {', '.join(odd)} not in both")
    images, labels = (torch.cat([getattr(p, n) for p in parts]) for n in ("images", "labels"))
    attributes = {n: torch.cat([part.attributes[n] for part in parts]) for n in first.attributes}
    return AttributedImages(images, labels, first.classes, attributes)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A data set with its fixed split: `train` to learn from, `test` to be looked at once."""

    train: Images
    test: Images

    @property
    def classes(self):
        """Names of the classes."""
        return self.train.classes


def hold_out(data, size):
    """Set `size` images aside, to choose settings on: the same ones everywhere.

    They are the same share of every class, as nearly as that goes. Returns what remains, and what
    was set aside, both in their old order.
    """
    size = whole("size", size, most=len(data) - 1)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    # number the images of each class; taking the lowest numbers first takes equal shares
    labels, rank = data.labels[order], torch.empty(len(data))
    for label in labels.unique():
        members = labels == label
        rank[members] = (torch.arange(int(members.sum())) + 0.5) / members.sum()
    chosen = torch.zeros(len(data), dtype=torch.bool)
    chosen[order[rank.argsort(stable=True)[:size]]] = True
    return data[~chosen], data[chosen]
