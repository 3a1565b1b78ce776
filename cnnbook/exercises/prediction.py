"""A question whose answer opens after a guess, and in a page that nobody runs by a click."""

import re
from html import escape
from math import isfinite
from numbers import Real

import ipywidgets as widgets

_guesses = {}  # by question and answer, as long as the kernel lives: a second run shows them again
SEEN = object()  # the guess of those who wanted to see it without one


def predict(question, answer, choices=None, *, shows=""):
    """Ask before the answer is seen; a guess opens it and says how far off it was.

    Parameters
    ----------
    question : str
    answer : number, bool or str
        A number is typed, yes or no is clicked.
    choices : sequence of str, optional
        What is clicked where the answer is a text; one of them is the answer.
    shows : str or picture, optional
        What stands under the answer: what the cell would have printed or drawn.

    Raises
    ------
    TypeError, ValueError
        If there is nothing that could be guessed.
    """
    return Prediction(question, answer, choices, shows)


class Prediction(widgets.VBox):
    """A question, a field or buttons, and the answer, closed until somebody guesses."""

    def __init__(self, question, answer, choices=None, shows=""):
        self.question, self.answer = question, _checked(question, answer, choices)
        if isinstance(self.answer, bool):
            self.answer, choices = "yes" if self.answer else "no", ("yes", "no")
        self._more, self.result = _page(shows), widgets.HTML()
        if choices:
            self.controls = [_button(one, self.guess) for one in choices]
        else:
            look = {"placeholder": "a number, then Enter", "layout": {"width": "260px"}}
            field = widgets.Text(description="Your guess", continuous_update=False, **look)
            field.observe(lambda change: self.guess(change["new"]), "value")
            self.controls = [field]
        self.controls.append(_button("Show me", lambda _: self._open(SEEN)))
        row = {"flex_flow": "row wrap", "grid_gap": "4px 8px"}
        head = widgets.HTML(f'<p style="margin:0;line-height:1.4"><b>{escape(question)}</b></p>')
        answering = widgets.HBox(self.controls, layout=row)
        super().__init__([head, answering, self.result], layout={"max_width": "960px"})
        if self._key in _guesses:
            self._open(_guesses[self._key])

    @property
    def _key(self):
        return self.question, self.answer

    def guess(self, text):
        """Open the answer beside what was typed or clicked; say so if that is no number."""
        try:
            self._open(text if isinstance(self.answer, str) else read_number(text))
        except ValueError as error:
            self.result.value = f'<p role="alert" style="margin:4px 0">{escape(str(error))}</p>'

    def _open(self, guess):
        _guesses[self._key] = guess  # the first one counts
        for control in self.controls:
            control.disabled = True
            if control.description == guess:
                control.button_style = "info"
        words = escape(distance(self.question, guess, self.answer))
        says = f'<p style="margin:4px 0;line-height:1.4"><b>{words}</b></p>'
        self.result.value = f'<div role="status">{says}{self._more}</div>'

    def __repr__(self):
        return f"{self.question} {write(self.answer)}"

    def _repr_mimebundle_(self, **options):
        # where no kernel runs the answer is there, folded
        data = super()._repr_mimebundle_(**options) or {}
        data["text/plain"] = repr(self)
        head = f"<p><b>{escape(self.question)}</b></p>"
        says = "<summary>Run the cell and guess, or open the answer here</summary>"
        answer = f"<p>{escape(write(self.answer))}</p>{self._more}"
        data["text/html"] = f"{head}<details>{says}{answer}</details>"
        return data, {"cnnbook": True}


def _button(words, does):
    button = widgets.Button(description=words, layout={"width": "auto"})
    button.on_click(lambda button: does(button.description))
    return button


def _checked(question, answer, choices):
    if not isinstance(question, str):
        raise TypeError(f"question must be a text, got {type(question).__name__}")
    answer = answer.item() if hasattr(answer, "item") else answer  # of an array, of a tensor
    if not isinstance(answer, Real | str):
        raise TypeError(f"answer must be a number, a bool or a text, got {type(answer).__name__}")
    if isinstance(answer, str) != bool(choices):
        needs = "needs" if isinstance(answer, str) else "takes no"
        raise ValueError(f"the answer {answer!r} {needs} choices, got {choices!r}")
    if choices and answer not in choices:
        raise ValueError(f"answer must be one of {', '.join(choices)}, got {answer!r}")
    if not isinstance(answer, str) and not isfinite(answer):
        raise ValueError(f"answer must be finite, got {answer}")
    return answer


def read_number(text):
    """Read a number as people of any country type it.

    Examples
    --------
    >>> [read_number(text) for text in ("1,000", "0,5", "−2", "3/4", "12 %", "1e6")]
    [1000, 0.5, -2, 0.75, 12, 1000000]
    """
    word = text.replace("−", "-").replace(" ", "").rstrip("%")
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d*)?", word):
        word = word.replace(",", "")
    over, _, under = word.replace(",", ".").partition("/")
    try:
        number = float(over) / float(under or 1)
        whole = int(number)  # refuses infinity and nan
    except (ValueError, ArithmeticError):
        raise ValueError(f"{text.strip()!r} is not a number: type digits, such as 0.5") from None
    return whole if whole == number else number


def write(value):
    """Write an answer: whole numbers in full, others with three digits.

    Examples
    --------
    >>> write(62006), write(-0.12345), write("yes")
    ('62,006', '−0.123', 'yes')
    """
    if isinstance(value, str):
        return value
    return (f"{int(value):,}" if value == int(value) else f"{value:.3g}").replace("-", "−")


def distance(question, guess, answer):
    """Say how far a guess is from the answer, and as a factor where it is far.

    Examples
    --------
    >>> distance("How many layers?", 12, 15)
    'You said 12; it is 15: 3 too few.'
    >>> distance("Which share?", 0.05, 0.5)
    'You said 0.05; it is 0.5: 0.45 too low, a factor of 10.'
    """
    if guess is SEEN:
        return f"It is {write(answer)}."
    if write(guess) == write(answer):
        return f"Right: {write(answer)}."
    said = f"You said {write(guess)}; it is {write(answer)}"
    if isinstance(answer, str):
        return f"{said}."
    counted = "how many" in question.lower()
    below, above = ("few", "many") if counted else ("low", "high")
    words = f"{write(abs(guess - answer))} too {below if guess < answer else above}"
    factor = max(guess / answer, answer / guess) if guess * answer > 0 else 1
    if factor >= 2:
        words += f", a factor of {write(round(factor, 1) if factor < 10 else round(factor))}"
    elif 1 < factor < 1.05:
        words = f"close, {words}"
    return f"{said}: {words}."


def _page(shows):
    """Turn a text or a picture into a part of a page."""
    if isinstance(shows, str):
        return f"<pre>{escape(shows)}</pre>" if shows else ""
    data, about = shows._repr_mimebundle_()
    look = "" if about["image/png"]["keeps"] else ' class="cnnbook-inverts"'
    words, width = escape(data["text/plain"]), about["image/png"]["width"]
    source = f"data:image/png;base64,{data['image/png']}"
    return f'<img{look} width="{width}" style="max-width:100%" alt="{words}" src="{source}">'
