"""What a question on a worksheet is, and where its numbers come from."""

import itertools
import math
import random
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Question:
    """A question with numbers, and its answers.

    Parameters
    ----------
    text : str
        What is asked; ``{name}`` stands for what is given under this name.
    answers : dict
        What to write down, and its value: a number, a text, yes or no, or an array.
    how : str
        How one gets there, in a line for the answer sheet; may use the names, too.
    given : dict
        The numbers that were drawn; arrays are shown as tables under the text.
    checker : str
        The exercise that asks the same, such as "3.1"; empty if there is none.
    case : tuple
        The arguments that this exercise would be tried with.
    """

    text: str
    answers: dict
    how: str
    given: dict
    checker: str = ""
    case: tuple = ()


def ask(text, answers, how, checker="", case=(), /, **given):
    """Make a question; what is given follows by name."""
    return Question(text, answers, how, given, checker, case)


class Draw(random.Random):
    """Random numbers of one question on one sheet, the same on every machine."""

    def grid(self, *shape, low=0, high=4):
        """Draw whole numbers from low to high, as an array of floats."""
        numbers = [self.randint(low, high) for _ in range(math.prod(shape))]
        return np.array(numbers, float).reshape(shape)

    def nonzero(self, *shape, low=-2, high=3):
        """Draw whole numbers from low to high, none of them 0."""
        return self.until(np.all, lambda: self.grid(*shape, low=low, high=high))

    def distinct(self, *shape, low=0, high=20):
        """Draw whole numbers that are all different."""
        numbers = self.sample(range(low, high + 1), math.prod(shape))
        return np.array(numbers, float).reshape(shape)

    def order(self, items):
        """Shuffle a copy."""
        return self.sample(list(items), len(items))

    def until(self, fits, make):
        """Draw again until it fits."""
        return next(drawn for drawn in (make() for _ in itertools.count()) if fits(drawn))
