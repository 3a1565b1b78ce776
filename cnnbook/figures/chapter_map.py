"""The chapters of the book, what each one needs, and which exercises are solved."""

from collections import Counter
from typing import NamedTuple

from cnnbook.figures.scene import Block, column, named, page, placed, text
from cnnbook.figures.state import State, state


class Chapter(NamedTuple):
    """A chapter: the lines of its title, the chapters that it needs, its place on the map."""

    title: tuple
    needs: tuple
    place: tuple  # column and row


CHAPTERS = {
    1: Chapter(("From the MLP", "to convolution"), (), (0, 0)),
    2: Chapter(("Convolution and", "cross-correlation"), (), (0, 1)),
    3: Chapter(("Padding and", "stride"), (2,), (1, 1)),
    4: Chapter(("Channels",), (3,), (2, 1)),
    5: Chapter(("Pooling",), (4,), (3, 1)),
    6: Chapter(("Fast", "convolution"), (5,), (4, 0)),
    7: Chapter(("Backpropagation",), (5,), (4, 2)),
    8: Chapter(("Receptive", "fields"), (5,), (4, 1)),
    9: Chapter(("LeNet",), (8,), (5, 1)),
    10: Chapter(("AlexNet",), (9,), (6, 0)),
    11: Chapter(("Inception and", "fully convolutional", "networks"), (8,), (5, 0)),
    12: Chapter(("What a CNN", "sees"), (7, 9), (6, 1)),
    13: Chapter(("The variational", "autoencoder"), (7, 9), (6, 2)),
    14: Chapter(("The debiasing", "VAE"), (13,), (7, 2)),
    15: Chapter(("Sharing weights", "between", "architectures"), (7, 9), (6, 3)),
}
"""What the needs of a chapter need is needed too, and not said twice."""

WIDE, HIGH, ACROSS, DOWN = 98, 84, 115, 104


@state
class ChapterMap(State):
    """The map of the book.

    Parameters
    ----------
    exercises : sequence of str
        Numbers of all exercises that can be checked, such as "3.2".
    done : dict of str to str
        "tried" or "solved" for some of them.
    """

    exercises: tuple = ()
    done: dict = None

    @property
    def solved(self):
        """Solved exercises by chapter."""
        done = self.done or {}
        return Counter(int(n.split(".")[0]) for n in self.exercises if done.get(n) == "solved")

    @property
    def all(self):
        """Exercises by chapter."""
        return Counter(int(number.split(".")[0]) for number in self.exercises)

    @property
    def description(self):
        """Chapters, needs and exercises in words."""
        words = []
        for number, chapter in CHAPTERS.items():
            needs = f", needs {' and '.join(map(str, chapter.needs))}" if chapter.needs else ""
            solved = f", {self._count(number)}" if self.all[number] else ""
            words.append(f"{number} {' '.join(chapter.title)}{needs}{solved}")
        return f"Map of chapters: {'; '.join(words)}."

    def _count(self, number):
        return f"{self.solved[number]} of {self.all[number]} solved"

    def picture(self):
        """Draw a box for each chapter, and an arrow from each one to those that need it."""
        width, height = (
            max(chapter.place[axis] for chapter in CHAPTERS.values()) * pitch + side
            for axis, pitch, side in ((0, ACROSS, WIDE), (1, DOWN, HIGH))
        )

        def draw(picture, x, y):
            corners = {
                number: (x + chapter.place[0] * ACROSS, y + chapter.place[1] * DOWN)
                for number, chapter in CHAPTERS.items()
            }
            for number, chapter in CHAPTERS.items():
                for need in chapter.needs:
                    ends = _ends(corners[need], corners[number])
                    picture.arrow(*ends, stroke="muted")
            for number, chapter in CHAPTERS.items():
                self._draw(picture, number, chapter, *corners[number])

        return page(named("map", Block(width, height, draw)), description=self.description)

    def _draw(self, picture, number, chapter, x, y):
        done = self.all[number] and self.solved[number] / self.all[number]
        look = {"stroke": "output" if done else "line", "radius": 4, "at": (number,)}
        with picture.part("chapter"):
            picture.rect(x, y, WIDE, HIGH, fill="output" if done else "paper", tint=done * 0.5 or 1)
            picture.rect(x, y, WIDE, HIGH, stroke_width=2 if done == 1 else 1, **look)
        lines = [text(words, size=10.5) for words in chapter.title]
        if self.all[number]:
            lines.append(text(self._count(number), size=10.5, bold=done > 0))
        block = column(text(str(number), size=15, bold=True), *lines, gap=2, align=0.5)
        placed(block, WIDE, HIGH).draw(picture, x, y)


def _ends(start, end):
    """Where an arrow leaves a box and meets another."""
    out = start[0] + WIDE, start[1] + HIGH / 2
    if end[0] > start[0] + ACROSS and end[1] < start[1]:  # from below, past what lies between
        return out, (end[0] + WIDE / 2, end[1] + HIGH)
    return out, (end[0], end[1] + HIGH / 2)
