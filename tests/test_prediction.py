"""Predictions: what is asked, how far off a guess was, and what a page keeps."""

import numpy as np
import pytest

from cnnbook.exercises import predict, prediction
from cnnbook.figures import Window
from cnnbook.jupyter import VIEW


@pytest.fixture(autouse=True)
def nobody_has_guessed(monkeypatch):
    monkeypatch.setattr(prediction, "_guesses", {})


def page(question):
    data, about = question._repr_mimebundle_()
    assert about == {"cnnbook": True}  # so that saving drops the view
    return data["text/html"]


FAR = [
    ("How many layers?", 15, "15", "Right: 15."),
    ("How many layers?", 15, "17", "You said 17; it is 15: 2 too many."),
    ("How many weights?", 3_600_000_000, "36,000", "3,599,964,000 too few, a factor of 100,000."),
    ("By which factor?", 4.0, "2", "You said 2; it is 4: 2 too low, a factor of 2."),
    ("Which share?", 0.8734, "0.873", "Right: 0.873."),
    ("Which share?", 0.8734, "0,9", "You said 0.9; it is 0.873: close, 0.0266 too high."),
    ("What is 10 − 20?", np.int64(246), "-10", "You said −10; it is 246: 256 too low."),
    ("How many stay?", 0, "5", "You said 5; it is 0: 5 too many."),
]


@pytest.mark.parametrize(("question", "answer", "typed", "words"), FAR)
def test_a_guess_is_told_how_far_it_is_and_counts_once(question, answer, typed, words):
    asked = predict(question, answer, shows="and why")
    assert not asked.result.value
    asked.controls[0].value = typed
    assert words in asked.result.value
    assert "<pre>and why</pre>" in asked.result.value
    assert all(control.disabled for control in asked.controls)
    assert predict(question, answer, shows="and why").result.value == asked.result.value
    assert not predict(question, 77).result.value  # the code above was changed: asked anew


@pytest.mark.parametrize("typed", ["abc", "1/0", "inf", "nan", "1 2 x", "--1", "<b>"])
def test_what_is_no_number_is_refused_in_words_and_may_be_tried_again(typed):
    asked = predict("How many layers?", 15)
    asked.controls[0].value = typed
    assert "is not a number" in asked.result.value
    assert "<b>" not in asked.result.value
    asked.controls[0].value = "15"
    assert "Right" in asked.result.value


def test_choices_are_clicked_and_show_me_needs_no_guess():
    asked = predict("Which one?", "max", ("max", "mean"))
    asked.controls[1].click()
    assert "You said mean; it is max." in asked.result.value
    assert [control.button_style for control in asked.controls] == ["", "info", ""]
    asked = predict("Does it?", np.bool_(False))
    assert [control.description for control in asked.controls] == ["yes", "no", "Show me"]
    asked.controls[-1].click()
    assert "It is no." in asked.result.value


def test_the_page_keeps_question_and_answer_folded_and_no_guess():
    picture = Window([[1, 2], [3, 4]], [[1]])
    asked, other = predict("Are 3 < 4?", True), predict("What?", 1.5, shows=picture)
    before = page(asked)
    head, folded = before.split("<details>")
    assert head == "<p><b>Are 3 &lt; 4?</b></p>"
    assert "<p>yes</p>" in folded
    asked.controls[1].click()
    assert page(asked) == before  # so that nbval compares the same, whoever has guessed
    assert f'alt="{picture.description}" src="data:image/png;base64,' in page(other)
    assert repr(other) == "What? 1.5"
    assert VIEW in other._repr_mimebundle_()[0]


BAD = [
    (TypeError, (1, 2), "question must be a text, got int"),
    (TypeError, ("?", [1, 2]), "got list"),
    (ValueError, ("?", "a"), "'a' needs choices, got None"),
    (ValueError, ("?", 1, ("a", "b")), "1 takes no choices"),
    (ValueError, ("?", "c", ("a", "b")), "one of a, b, got 'c'"),
    (ValueError, ("?", float("nan")), "finite, got nan"),
]


@pytest.mark.parametrize(("kind", "given", "words"), BAD)
def test_what_cannot_be_guessed_is_refused(kind, given, words):
    with pytest.raises(kind, match=words):
        predict(*given)
