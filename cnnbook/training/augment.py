"""Random changes of images: one affine map per image, and noise."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cnnbook.checks import flag, real, whole

MOST_SHIFT = 1_000_000


@dataclass(frozen=True)
class Augment:
    """Change each image of a batch at random, by one affine map per image.

    Called as ``augment(images, generator)`` with a tensor (N, C, H, W) and a `torch.Generator`.
    What comes in from outside of an image is black, and the interpolation is bilinear.

    >>> Augment(shift=1)(torch.ones(1, 1, 3, 3), torch.Generator().manual_seed(1)).sum()
    tensor(6.)
    """

    rotation: float = 0  # greatest angle, in degrees to either side
    shift: int = 0  # greatest shift, in whole pixels up, down, left or right
    scale: float = 0  # greatest change of size: 0.1 gives factors from 1/1.1 to 1.1
    stretch: float = 0  # greatest change of the height against the width, likewise
    shear: float = 0  # greatest slant, in columns per row
    flip: bool = False  # mirror each image, left to right, with probability ½
    noise: float = 0  # standard deviation of normal noise; the result stays from 0 to 1

    def __post_init__(self):
        whole("shift", self.shift, 0, MOST_SHIFT)
        flag("flip", self.flip)
        for name in ("rotation", "scale", "stretch", "shear", "noise"):
            real(name, getattr(self, name))

    def maps(self, count, size, generator):
        """Draw (count, 2, 3) for `affine_grid`: from output to input, width first, from -1 to 1."""

        def draw(greatest):
            return (2 * torch.rand(count, generator=generator) - 1) * greatest

        angle, slant = draw(math.radians(self.rotation)), draw(self.shear)
        wide, tall = draw(math.log1p(self.scale)).exp(), draw(math.log1p(self.stretch)).exp()
        mirror = 1 - 2.0 * (torch.rand(count, generator=generator) < self.flip / 2)
        shifts = torch.randint(-self.shift, self.shift + 1, (count, 2), generator=generator)
        zero, one = torch.zeros(count), torch.ones(count)
        turned = angle.cos(), -angle.sin(), angle.sin(), angle.cos()
        slanted = one, slant, zero, one
        sized = wide * mirror, zero, zero, wide * tall
        each = [torch.stack(m, 1).reshape(-1, 2, 2) for m in (turned, slanted, sized)]
        pixels = each[0] @ each[1] @ each[2]  # (column, row) to (column, row), about the middle
        extent = torch.tensor([size[1] / 2, size[0] / 2])
        return torch.cat([pixels * extent / extent[:, None], (shifts / extent)[:, :, None]], 2)

    def __call__(self, images, generator):
        """Move each image of a batch (N, C, H, W) by a map of its own."""
        maps = self.maps(len(images), images.shape[2:], generator).to(images)
        grid = F.affine_grid(maps, list(images.shape), align_corners=False)
        changed = F.grid_sample(images, grid, align_corners=False)
        if self.noise:
            noise = torch.randn(changed.shape, generator=generator).to(changed)
            changed = (changed + self.noise * noise).clamp(0, 1)
        return changed
