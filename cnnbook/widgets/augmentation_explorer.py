"""Turn, shift, stretch and slant a digit at random, and see the affine map behind it."""

from dataclasses import dataclass
from functools import cached_property

import ipywidgets as widgets
import numpy as np
import torch

from cnnbook.datasets import Images, digits
from cnnbook.figures.augmentation import MOST, Augmentation, draw_augmentation
from cnnbook.training import Augment
from cnnbook.widgets.explorer import LABELS, Explorer, factory

OWN = "your image"
RANGES = {
    "rotation": (45, 1, "rotation, degrees"),
    "shift": (6, 1, "shift, pixels"),
    "scale": (0.5, 0.02, "scale"),
    "stretch": (0.5, 0.02, "stretch"),
    "shear": (0.6, 0.02, "shear"),
    "noise": (0.4, 0.02, "noise"),
}  # field: greatest value, step, label
SEEDS = 99  # the greatest


@dataclass(frozen=True, eq=False)
class AugmentationState:
    """One image and the settings of its random changes.

    Parameters
    ----------
    data : Images
        Where the image is from: one channel.
    digit : str
        Name of a class.
    which : int
        Number of the image among those of its class, from 0; the last one if there are fewer.
    rotation, shift, scale, stretch, shear, noise
        See `cnnbook.training.Augment`.
    seed : int
        What decides the random numbers: other settings with the same seed draw the same ones.
    model : callable, optional
        A network in evaluation mode; it turns the samples into scores.

    Raises
    ------
    TypeError, ValueError
        If the data have more than one channel, there is no such image, or a number is negative.
    """

    data: Images
    digit: str
    which: int = 0
    rotation: float = 0
    shift: int = 0
    scale: float = 0
    stretch: float = 0
    shear: float = 0
    noise: float = 0
    seed: int = 0
    model: object = None

    def __post_init__(self):
        if self.data.images.shape[1] != 1:
            raise ValueError(f"the images have {self.data.images.shape[1]} channels, expected 1")
        if self.digit not in self.data.classes:
            raise ValueError(f"there is no class {self.digit!r}, only {self.data.classes}")
        if not len(self.members):
            raise ValueError(f"there is no image of class {self.digit!r}")
        for name in ("which", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, must not be negative")
        # another class may have fewer images
        object.__setattr__(self, "which", min(self.which, len(self.members) - 1))
        _ = self.augment  # refuses what is negative

    @cached_property
    def members(self):
        """Numbers of the images of the class."""
        return (self.data.labels == self.data.classes.index(self.digit)).nonzero()[:, 0]

    @property
    def bounds(self):
        """How many images the class has."""
        return {"which": (0, len(self.members) - 1)}

    @property
    def augment(self):
        """The random changes as they are used in training."""
        return Augment(
            rotation=self.rotation, shift=self.shift, scale=self.scale,
            stretch=self.stretch, shear=self.shear, noise=self.noise,
        )  # fmt: skip

    @property
    def image(self):
        """The chosen image, of shape (H, W)."""
        return self.data.images[self.members[self.which], 0]

    @cached_property
    def augmentation(self):
        """The samples, their maps, and what the model makes of them."""
        batch = self.image.expand(MOST, 1, *self.image.shape)
        # the maps are drawn first: the same seed draws the same ones again
        maps = self.augment.maps(MOST, self.image.shape, self._generator())
        samples = self.augment(batch, self._generator())
        label = None if self.digit == OWN else self.data.classes.index(self.digit)
        return Augmentation(
            self.image.numpy(), maps.numpy(), samples[:, 0].numpy(), self._read(samples), label
        )

    def _generator(self):
        return torch.Generator().manual_seed(self.seed)

    def _read(self, samples):
        if self.model is None:
            return ()
        with torch.no_grad():
            shares, named = self.model(samples).softmax(1).max(1)
        return tuple(zip(named.tolist(), shares.tolist(), strict=True))

    def picture(self):
        """Draw the image, the map of the first sample, and all samples."""
        return draw_augmentation(self.augmentation)


@factory
def augmentation_explorer(
    data=None,
    *,
    image=None,
    model=None,
    digit=None,
    which=0,
    rotation=12,
    shift=2,
    scale=0.12,
    stretch=0.12,
    shear=0.2,
    noise=0,
    seed=0,
):
    """Open sliders for the random changes that a training makes to its images.

    Parameters
    ----------
    data : Images, optional
        Images of one channel to choose from; else the embedded digits as 28×28.
    image : ndarray of shape (H, W), values from 0 to 1, optional
        Your own image, shown first; bright ink on black.
    model : torch.nn.Module, optional
        In evaluation mode: what it takes each sample for is written below the sample.
    digit : str, optional
        Class to start with; the image's own, or "3".
    which : int
        Number of the image in its class.
    rotation, shift, scale, stretch, shear, noise, seed
        Where to start; see `cnnbook.training.Augment`.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If there is no such image, or a setting is beyond its slider.
    """
    data = digits(as_mnist=True).test if data is None else data
    if image is not None:
        data = _with_own(data, image)
        digit = OWN if digit is None else digit
    state = AugmentationState(
        data, "3" if digit is None else digit, which, rotation, shift, scale, stretch, shear,
        noise, seed, model,
    )  # fmt: skip
    if which > state.which:
        raise ValueError(f"which is {which}, class {state.digit!r} has {len(state.members)} images")
    for name, (most, _, _) in RANGES.items():
        if getattr(state, name) > most:
            raise ValueError(f"{name} is {getattr(state, name)}, the slider holds at most {most}")
    if seed > SEEDS:
        raise ValueError(f"seed is {seed}, the slider holds at most {SEEDS}")
    return Explorer(state, _controls(state))


def _with_own(data, image):
    """Put the reader's image before the others, as a class of its own."""
    image = np.asarray(image, dtype=np.float32)
    if image.ndim != 2:
        raise ValueError(f"image has {image.ndim} axes, expected 2: (H, W)")
    if image.min() < 0 or image.max() > 1:
        raise ValueError(f"image has values from {image.min()} to {image.max()}, expected 0 to 1")
    if image.shape != tuple(data.images.shape[2:]):  # the others would have another size
        return Images(torch.from_numpy(image)[None, None], torch.tensor([0]), (OWN,))
    images = torch.cat([data.images, torch.from_numpy(image)[None, None]])
    labels = torch.cat([data.labels, torch.tensor([len(data.classes)])])
    return Images(images, labels, (*data.classes, OWN))


def _controls(state):
    # three columns: two short controls are as wide as one slider
    slider = {"style": {"description_width": "112px"}, "layout": widgets.Layout(width="296px")}
    controls = {
        "digit": widgets.Dropdown(
            options=list(state.data.classes), value=state.digit, description="digit",
            style=LABELS, layout=widgets.Layout(width="148px"),
        ),
        "which": widgets.BoundedIntText(
            state.which, 0, len(state.members) - 1, description="which", style=LABELS,
            layout=widgets.Layout(width="120px"),
        ),
        "seed": widgets.IntSlider(state.seed, 0, SEEDS, description="seed", **slider),
    }  # fmt: skip
    for name, (most, step, label) in RANGES.items():
        kind = widgets.IntSlider if step == 1 else widgets.FloatSlider
        value = getattr(state, name)
        controls[name] = kind(value, min=0, max=most, step=step, description=label, **slider)
    return controls
