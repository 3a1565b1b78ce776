"""The arithmetic of one padded axis: windows, zeros, pixels unseen, admissible padding."""

from dataclasses import dataclass

from cnnbook.figures.cells import format_number, indexed
from cnnbook.shapes import (
    effective_kernel_size,
    output_size,
    participation_counts,
    per_axis,
    same_padding_range,
)


def plural(count, noun):
    """Write a count with its noun.

    Parameters
    ----------
    count : int
    noun : str
        In the singular.

    Returns
    -------
    str
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class PaddedAxis:
    """A window that slides along one axis of an input.

    Parameters
    ----------
    size, kernel_size : int
        In pixels, at least 1.
    stride : int
    padding : (int, int)
        Zeros before and after; a negative number cuts that many pixels off.
    dilation : int
    step : int
        Number of the framed window, from 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, no window fits, or there is no such step.

    References
    ----------
    Chapter 3.
    """

    size: int
    kernel_size: int
    stride: int = 1
    padding: tuple = (0, 0)
    dilation: int = 1
    step: int = 0

    def __post_init__(self):
        object.__setattr__(self, "padding", per_axis("padding", self.padding, 2))
        for name in ("size", "kernel_size", "stride", "dilation"):
            per_axis(name, getattr(self, name), 1, minimum=1)
        cut = sum(max(-zeros, 0) for zeros in self.padding)
        if cut >= self.size:
            raise ValueError(
                f"padding {self.padding} cuts off {cut} pixels, the axis has {self.size}"
            )
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @property
    def total(self):
        """P: zeros before and after together."""
        return sum(self.padding)

    @property
    def extent(self):
        """Pixels from the first to the last entry of the kernel."""
        return effective_kernel_size(self.kernel_size, self.dilation)

    @property
    def steps(self):
        """Number of window positions: the output size."""
        return output_size(
            self.size + self.total, self.kernel_size, self.stride, dilation=self.dilation
        )

    @property
    def same_steps(self):
        """Number of window positions that SAME asks for: a kernel of one pixel visits as many."""
        return output_size(self.size, 1, self.stride)

    @property
    def admissible(self):
        """Every P that gives as many outputs as this one."""
        same = same_padding_range(self.size, self.kernel_size, self.stride, self.dilation)
        shift = self.stride * (self.steps - self.same_steps)
        return range(same.start + shift, same.stop + shift)

    def taps(self, step):
        """Pixels under the kernel's entries; below 0 and from `size` on there are zeros."""
        start = step * self.stride - self.padding[0]
        return range(start, start + self.extent, self.dilation)

    @property
    def counts(self):
        """In how many windows each pixel takes part."""
        cut = [max(-zeros, 0) for zeros in self.padding]
        zeros = tuple(max(zeros, 0) for zeros in self.padding)
        kept = participation_counts(
            self.size - sum(cut), self.kernel_size, self.stride, zeros, self.dilation
        )
        return (0,) * cut[0] + kept + (0,) * cut[1]

    @property
    def unseen(self):
        """Pixels in no window."""
        return [pixel for pixel, count in enumerate(self.counts) if count == 0]

    @property
    def zero_products(self):
        """Products with a zero of the padding, in all windows together."""
        return self.steps * self.kernel_size - sum(self.counts)

    @property
    def most_zeros(self):
        """Products with a zero in the window that has most of them."""
        return max(
            sum(not 0 <= pixel < self.size for pixel in self.taps(step))
            for step in range(self.steps)
        )

    @property
    def unseen_text(self):
        """The unseen pixels by name."""
        names = [indexed("x", pixel) for pixel in self.unseen]
        more = f" … {names[-1]} ({len(names)})" if len(names) > 6 else ""
        return ", ".join(names[: 4 if more else 6]) + more if names else "none"

    @property
    def size_formula(self):
        """The output size with its numbers put in."""
        total = f"+ {self.total}" if self.total >= 0 else f"− {-self.total}"
        inside = f"{self.size} {total} − {self.extent}"
        over = f"⌊({inside}) / {self.stride}⌋" if self.stride > 1 else inside
        return f"{over} + 1 = {self.steps}"

    @property
    def range_formula(self):
        """The admissible padding with its numbers put in."""
        low, high = self.admissible.start - 1, self.admissible.stop - 1
        one_less = f"{self.stride}·{self.steps - 1} − {self.size} + {self.extent} − 1"
        whole = f"{self.stride}·{self.steps} − {self.size} + {self.extent} − 1"
        low, total, high = map(format_number, (low, self.total, high))
        return f"{one_less} = {low} < P = {total} ≤ {high} = {whole}"

    @property
    def padding_text(self):
        """The zeros, or what is cut off, in words."""
        before, after = self.padding
        if min(before, after) < 0:
            return f"cut off: {max(-before, 0)} before, {max(-after, 0)} after"
        return f"zeros: {before} before, {after} after" if before or after else "no zeros"

    @property
    def covered_text(self):
        """What the framed window covers, in words."""
        inside = [indexed("x", p) for p in self.taps(self.step) if 0 <= p < self.size]
        zeros = self.kernel_size - len(inside)
        if len(inside) > 4:
            inside = [f"{inside[0]} … {inside[-1]}"]
        parts = [", ".join(inside)] * bool(inside) + [plural(zeros, "zero")] * bool(zeros)
        return f"window {self.step} covers {' and '.join(parts)}"

    @property
    def description(self):
        """The axis in words and numbers."""
        dilation = f", dilation {self.dilation}" if self.dilation > 1 else ""
        counts = " ".join(map(str, self.counts))
        return (
            f"Input {self.size}, kernel {self.kernel_size}, stride {self.stride}{dilation}, "
            f"{self.padding_text}: {self.size_formula} outputs; {self.range_formula}. "
            f"Step {self.step + 1} of {self.steps}: {self.covered_text}. "
            f"Times seen: {counts}; unseen: {self.unseen_text}."
        )
