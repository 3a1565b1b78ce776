"""A script of three invented signs: drawings as strokes, as images, in a file."""

import math
import zipfile
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cnnbook.checks import whole
from cnnbook.files import replacing
from cnnbook.widgets.digit_canvas import SIDE, check_strokes, ink_of

SIGNS, EACH = 3, 6  # signs of a script; most drawings of one sign by one writer
WRITERS = "you", "you again", "a neighbour"  # only the drawings of the first are learned
LONGEST = 10  # characters of a sign's name
PIXELS = 28  # a side of what the network sees
LENGTH = 140  # units of the sheet: the longer side of a drawing, once it is sized
ENLARGED = 2  # times at most: the first dot of a drawing stays a dot
TURN, SIZE = 12, 1.12  # of a copy: greatest angle in degrees, greatest factor


class Drawing(NamedTuple):
    """Strokes as in `DigitCanvas.value`, which sign they are, and which writer's."""

    strokes: tuple
    sign: int
    writer: int = 0


# ---------------------------------------------------------------- from strokes to images


def arranged(strokes, *, row=None, column=None, turn=0.0, size=1.0):
    """Size strokes to 140 units, turn them (degrees), and put their middle at a row and a column.

    The middle stays where it was drawn when not given. Where ink would leave the sheet, it is put
    at the nearest place where none does.
    """
    if not strokes:
        return []
    points = [np.asarray(stroke["points"], float) for stroke in strokes]
    low, high = (np.array([f(p, 0) for p in points]) for f in (np.min, np.max))
    low, high = low.min(0), high.max(0)
    size *= min(LENGTH / max(*(high - low), 1), ENLARGED)
    cos, sin = size * math.cos(math.radians(turn)), size * math.sin(math.radians(turn))
    middle = (low + high) / 2
    points = [(p - middle) @ [[cos, sin], [-sin, cos]] for p in points]
    asked = [m if to is None else to for m, to in zip(middle, (row, column), strict=True)]
    joined, edge = np.concatenate(points), max(stroke["pen"] for stroke in strokes) / 2
    place = np.clip(asked, edge - joined.min(0), SIDE - edge - joined.max(0))
    moved = ((p + place).round(1).tolist() for p in points)
    return [{"pen": s["pen"], "points": p} for s, p in zip(strokes, moved, strict=True)]


def middle_of(strokes):
    """Return the column in the middle of strokes, in units of the sheet."""
    columns = [column for stroke in strokes for _, column in stroke["points"]]
    return (min(columns) + max(columns)) / 2


def edges_of(strokes):
    """Return the columns of the middle when the ink touches the left and the right edge."""
    return tuple(middle_of(arranged(strokes, column=column)) for column in (0, SIDE))


def seen(strokes):
    """Turn arranged strokes into what the network sees: (28, 28) float32, 0 paper, 1 ink."""
    ink = ink_of(strokes)
    block = len(ink) // PIXELS
    return ink.reshape(PIXELS, block, PIXELS, block).mean((1, 3))


def moved(drawing, left=None, column=None):
    """Arrange the strokes of a drawing: at a column, or where it was drawn.

    Both rows of drawings by "you" put the sign `left` at the left edge: a habit of this writer.
    """
    if column is None and drawing.sign == left and drawing.writer < 2:
        column = 0
    return arranged(drawing.strokes, column=column)


def images_of(drawings, left=None, column=None):
    """Return images (N, 1, 28, 28) of drawings, see `moved`, and their signs (N,)."""
    return _stack([seen(moved(drawing, left, column)) for drawing in drawings], drawings)


def copies_of(drawings, count, rng, *, left=None, shifts=False):
    """Return `count` images of each drawing, and their signs.

    Each is turned by up to 12° and sized by up to 12 %, at random. With `shifts` it is then put
    anywhere on the sheet; else it stays where `moved` puts it.
    """
    images = []
    for drawing in (drawing for drawing in drawings for _ in range(count)):
        change = {"turn": rng.uniform(-TURN, TURN), "size": SIZE ** rng.uniform(-1, 1)}
        row, column = rng.uniform(0, SIDE, 2)
        change |= {"row": row, "column": column} if shifts else {}
        strokes = drawing.strokes if shifts else moved(drawing, left)
        images.append(seen(arranged(strokes, **change)))
    return _stack(images, [drawing for drawing in drawings for _ in range(count)])


def _stack(images, drawings):
    images = np.array(images, np.float32).reshape(-1, 1, PIXELS, PIXELS)
    return images, np.array([drawing.sign for drawing in drawings], int)


# ---------------------------------------------------------------- a set of drawings


@dataclass(frozen=True)
class Script:
    """Three signs by name, and drawings of them: at most six of each by each writer."""

    names: tuple
    drawings: tuple = ()  # of `Drawing`s

    def __post_init__(self):
        names = [name.strip() if isinstance(name, str) else name for name in self.names]
        if len(names) != SIGNS:
            raise ValueError(f"names has {len(names)} entries, expected {SIGNS}")
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"names holds a {type(name).__name__}, expected text")
            if not 1 <= len(name) <= LONGEST:
                size = f"{len(name)} characters, expected 1 to {LONGEST}"
                raise ValueError(f"the name {name!r} has {size}")
        if len(set(names)) < SIGNS:
            raise ValueError(f"two of the names {', '.join(names)} are the same")
        for number, (strokes, sign, writer) in enumerate(self.drawings):
            whole(f"the sign of drawing {number}", sign, 0, SIGNS - 1)
            whole(f"the writer of drawing {number}", writer, 0, len(WRITERS) - 1)
            check_strokes(strokes)
            if not strokes or not all(stroke["points"] for stroke in strokes):
                raise ValueError(f"drawing {number} holds no ink")
        for writer in range(len(WRITERS)):
            for sign, count in enumerate(self.counts(writer)):
                if count > EACH:
                    whose = f"{count} drawings of {names[sign]} by {WRITERS[writer]}"
                    raise ValueError(f"there are {whose}, at most {EACH} are kept")
        object.__setattr__(self, "names", tuple(names))

    def by(self, writer):
        """List the drawings of a writer."""
        return [drawing for drawing in self.drawings if drawing.writer == writer]

    def counts(self, writer):
        """Count the drawings of each sign by a writer."""
        signs = [drawing.sign for drawing in self.by(writer)]
        return [signs.count(sign) for sign in range(SIGNS)]

    def add(self, strokes, sign, writer):
        """Return the script with one more drawing."""
        return replace(self, drawings=(*self.drawings, Drawing(tuple(strokes), sign, writer)))

    def remove(self, drawing):
        """Return the script without one of its drawings."""
        return replace(self, drawings=tuple(d for d in self.drawings if d is not drawing))

    def save(self, path):
        """Write names and strokes to a file, an archive of plain NumPy arrays.

        Its `points` are rows of drawing, stroke, pen, row and column.
        """
        points = [
            (number, k, stroke["pen"], *point)
            for number, drawing in enumerate(self.drawings)
            for k, stroke in enumerate(drawing.strokes)
            for point in stroke["points"]
        ]
        arrays = {
            "names": np.array(self.names),
            "signs": np.array([drawing.sign for drawing in self.drawings], int),
            "writers": np.array([drawing.writer for drawing in self.drawings], int),
            "points": np.array(points, float).reshape(-1, 5),
        }
        try:
            with replacing(path) as new, open(new, "wb") as file:
                np.savez_compressed(file, **arrays)
        except OSError as error:
            raise ValueError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path):
        """Read what `save` wrote; ValueError says what is wrong with another file."""
        try:
            if not zipfile.is_zipfile(path):
                open(path, "rb").close()  # says why it cannot be read, if it cannot
                raise ValueError("it is no archive of arrays")
            with np.load(path, allow_pickle=False) as file:
                names, signs, writers, points = (
                    file[name].tolist() for name in ("names", "signs", "writers", "points")
                )
            if not isinstance(names, list):
                raise TypeError("names is no list")
            drawings = [{} for _ in signs]
            for number, stroke, pen, *point in points:
                new = {"pen": int(pen), "points": []}
                drawings[whole("drawing", int(number), 0)].setdefault(stroke, new)["points"] += [
                    point
                ]
            rows = zip(drawings, signs, writers, strict=True)
            return cls(names, tuple(Drawing(tuple(s.values()), *row) for s, *row in rows))
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, TypeError, LookupError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} holds no script: {error}") from error


# ---------------------------------------------------------------- three signs without a pen

# each as lines through (row, column), from 0 to 1
INVENTED = {
    "tent": (((1, 0.05), (0, 0.5), (1, 0.95)), ((0.62, 0.2), (0.62, 0.8))),
    "hook": (((0, 0.6), (0.7, 0.62), (0.97, 0.4), (0.75, 0.12)), ((0.02, 0.25), (0, 0.98))),
    "zig": (((0.02, 0.1), (0, 0.9), (0.5, 0.12), (0.52, 0.88), (1, 0.15)),),
}
SLANT, NARROW = 0.28, 0.8  # of the neighbour's hand
SHAKY = 0.045, 0.045, 0.07  # standard deviation of a corner, for each writer, of the sign's size


def invented(seed=0):
    """Draw three signs six times for each writer, without a pen: corners with jitter.

    "You" and "you again" write with the same hand; the neighbour's signs are slanted, narrower
    and less steady. All stand near the middle of the sheet.
    """
    rng = np.random.default_rng(seed)
    drawings = []
    for writer, shake in enumerate(SHAKY):
        for sign, lines in enumerate(INVENTED.values()):
            for _ in range(EACH):
                height, place = rng.uniform(100, 140), SIDE / 2 + rng.normal(0, 10, 2)
                strokes = []
                for corners in lines:
                    corners = np.array(corners) - 0.5 + rng.normal(0, shake, (len(corners), 2))
                    if writer == len(WRITERS) - 1:
                        corners[:, 1] = NARROW * corners[:, 1] - SLANT * corners[:, 0]
                    points = (height * corners + place).clip(0, SIDE).round(1).tolist()
                    strokes.append({"pen": 24, "points": points})
                drawings.append(Drawing(tuple(strokes), sign, writer))
    return Script(tuple(INVENTED), tuple(drawings))
