"""The picture of an architecture among those that share weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_checks import check_state

from cnnbook.figures.shared_weights import NAMES, SharedWeights


@st.composite
def states(draw):
    layers = draw(st.integers(1, 4))
    bits = [st.tuples(*[st.integers(0, 1)] * k) for k in range(layers)]
    architectures = st.tuples(
        st.tuples(*[st.integers(0, len(NAMES) - 1)] * layers), st.tuples(*bits)
    )
    operations, skips = draw(architectures)
    if draw(st.booleans()):
        return SharedWeights(operations, skips)
    alone = draw(st.dictionaries(architectures, st.floats(0, 1), min_size=1, max_size=5))
    rows = st.lists(st.floats(0, 1), min_size=len(alone), max_size=len(alone))
    chances = np.full((3, layers, len(NAMES)), 1 / len(NAMES))
    return SharedWeights(
        operations, skips, accuracies={"chance": lambda o, s: 0.5, "ENAS": lambda o, s: 1.0},
        weights=draw(st.sampled_from(["chance", "ENAS"])), alone=alone,
        clouds={"chance": draw(rows), "ENAS": draw(rows)}, chances={"ENAS": chances},
        update=draw(st.sampled_from([0, 10, 50])),
    )  # fmt: skip


@given(states())
def test_pictures_are_laid_out(state):
    check_state(state)


def some(**more):
    known = ((1, 4), ((), (1,))), ((0, 0), ((), (0,)))
    return SharedWeights(
        *known[0],
        accuracies={"chance": lambda o, s: 0.25 + 0.5 * (o == (0, 0))},
        weights="chance",
        alone={known[0]: 0.5, known[1]: 0.75},
        clouds={"chance": [0.25, 0.75]},
        **more,
    )


def test_a_click_chooses_an_operation_a_skip_or_a_known_network():
    state = some()
    assert state.touched("operation", 1, 2) == {"operations": (1, 2), "skips": ((), (1,))}
    assert state.touched("skip", 0, 1) == {"operations": (1, 4), "skips": ((), (0,))}
    assert state.touched("known", 1) == {"operations": (0, 0), "skips": ((), (0,))}
    buttons = {mark.live[0][2:] for mark in state.picture().marks if mark.live[0]}
    assert {("operation", 1, 5), ("skip", 0, 1), ("known", 0), ("known", 1)} < buttons
    assert len(buttons) == 12 + 1 + 2


def test_it_says_both_accuracies_or_that_one_is_not_known():
    assert "25 % with" in some().description
    assert "from scratch 50 %" in some().description
    other = some().touched("operation", 0, 0)
    other = SharedWeights(**{**vars(some()), **other})
    assert other.scratch is None
    assert "not known" in other.description


@pytest.mark.parametrize(
    "wrong",
    [
        {"operations": (1, 6), "skips": ((), (1,))},
        {"operations": (1, 1), "skips": ((), (1, 0))},
        {"operations": (1,), "skips": ((),), "accuracies": {"a": len}, "weights": "b"},
    ],
)
def test_what_is_no_architecture_is_refused(wrong):
    with pytest.raises(ValueError, match=r"operations holds 6|there are 2 layers|weights is 'b'"):
        SharedWeights(**wrong)
