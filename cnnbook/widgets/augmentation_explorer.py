"""Turn, shift, stretch and slant a digit at random, and see the affine map behind it."""

from functools import cached_property

import numpy as np
import torch

from cnnbook.checks import integer
from cnnbook.datasets import Images, digits
from cnnbook.figures.augmentation import MOST, Augmentation
from cnnbook.figures.state import State, state
from cnnbook.training import Augment
from cnnbook.widgets.explorer import choice, explore, factory, slider, whole

OWN = "your image"
SETTINGS = {
    "rotation": (45, 1, "rotation, degrees"),
    "shift": (6, 1, "shift, pixels"),
    "scale": (0.5, 0.02, "scale"),
    "stretch": (0.5, 0.02, "stretch"),
    "shear": (0.6, 0.02, "shear"),
    "noise": (0.4, 0.02, "noise"),
}  # field: greatest value, step, label
SEEDS = 100


@state
class Augmented(State):
    """One image and the settings of its random changes, which are those of `Augment`."""

    data: Images  # where the image is from: one channel
    digit: str = "3"  # name of a class
    which: int = 0  # number of the image among those of its class; the last one if there are fewer
    rotation: float = 12
    shift: int = 2
    scale: float = 0.12
    stretch: float = 0.12
    shear: float = 0.2
    noise: float = 0
    seed: int = 0  # other settings with the same seed draw the same random numbers
    model: object = None  # in evaluation mode: what it reads is written below each sample
    chosen: int = 0  # the sample whose map is shown

    def __post_init__(self):
        if self.data.images.shape[1] != 1:
            raise ValueError(f"the images have {self.data.images.shape[1]} channels, expected 1")
        self._one_of("digit", self.data.classes)
        if not len(self.members):
            raise ValueError(f"there is no image of class {self.digit!r}")
        for name in ("which", "seed"):
            integer(name, getattr(self, name), 0)
        self._within("seed", SEEDS)
        # another class may have fewer images
        object.__setattr__(self, "which", min(self.which, len(self.members) - 1))
        for name, (most, _, _) in SETTINGS.items():
            if (value := getattr(self, name)) > most:
                raise ValueError(f"{name} is {value}, expected at most {most}")
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
        return Augment(**{name: getattr(self, name) for name in SETTINGS})

    @property
    def image(self):
        """The chosen image, of shape (H, W)."""
        return self.data.images[self.members[self.which], 0]

    @cached_property
    def inner(self):
        """The samples, their maps, and what the model makes of them."""
        random = torch.Generator()
        maps = self.augment.maps(MOST, self.image.shape, random.manual_seed(self.seed))
        batch = self.image.expand(MOST, 1, *self.image.shape)
        samples = self.augment(batch, random.manual_seed(self.seed))  # draws the same maps first
        readings = ()
        if self.model is not None:
            with torch.no_grad():
                shares, named = self.model(samples).softmax(1).max(1)
            readings = tuple(zip(named.tolist(), shares.tolist(), strict=True))
        label = None if self.digit == OWN else self.data.classes.index(self.digit)
        arrays = self.image, maps, samples[:, 0]
        return Augmentation(*(array.numpy() for array in arrays), readings, label, self.chosen)

    def picture(self):
        """Draw the image, the map of the first sample, and all samples."""
        return self.inner.picture()


@factory
def augmentation_explorer(data=None, *, image=None, **settings):
    """Open sliders for the random changes that a training makes to its images.

    Parameters
    ----------
    data : Images, optional
        Images of one channel to choose from; else the embedded digits as 28×28.
    image : ndarray of shape (H, W), values from 0 to 1, optional
        Your own image, shown first; bright ink on black.
    **settings
        The other fields of `Augmented`.
    """
    data = digits(as_mnist=True).test if data is None else data
    if image is not None:
        data = _with_own(data, image)
        settings = {"digit": OWN, **settings}
    state = Augmented(data, **settings)
    count, wide = len(state.members), {"width": "296px"}
    if settings.get("which", 0) >= count:
        raise ValueError(f"which is {settings['which']}, class {state.digit!r} has {count} images")
    sliders = {name: slider(0, most, label, step=step, **wide)
               for name, (most, step, label) in SETTINGS.items()}  # fmt: skip
    view = explore(  # three columns: two short controls are as wide as one slider
        state,
        more=("which", "seed"),
        page={"digit": ..., "seed": (0, 1, 2, 3, 4)},
        digit=choice(data.classes, width="148px"),
        which=whole(0, count - 1, width="120px"),
        seed=slider(0, SEEDS - 1, **wide),
        **sliders,
    )
    for name in ("seed", *SETTINGS):
        view.controls[name].style = {"description_width": "112px"}
    return view


def _with_own(data, image):
    """Put the reader's image before the others, as a class of its own."""
    image = np.asarray(image, dtype=np.float32)
    if image.ndim != 2:
        raise ValueError(f"image has {image.ndim} axes, expected 2: (H, W)")
    if image.min() < 0 or image.max() > 1:
        raise ValueError(f"image has values from {image.min()} to {image.max()}, expected 0 to 1")
    own = torch.from_numpy(image)[None, None]
    if image.shape != tuple(data.images.shape[2:]):  # the others would have another size
        return Images(own, torch.tensor([0]), (OWN,))
    labels = torch.cat([data.labels, torch.tensor([len(data.classes)])])
    return Images(torch.cat([data.images, own]), labels, (*data.classes, OWN))
