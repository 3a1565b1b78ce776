"""Factories of widgets refuse what they cannot take by ValueError or TypeError, nothing else."""

import inspect

import pytest

from cnnbook import widgets
from cnnbook.widgets.explorer import factory

CASES = [
    ("backward_stepper", {"kernel_size": "x"}),
    ("backward_stepper", {"step": 2.5}),
    ("dense_to_convolution", {"locality": 7}),
    ("augmentation_explorer", {"data": "x"}),
    ("draw_digit", {"centred": None}),
    ("pooling_stepper", {"step": "x"}),
    ("kernel_workbench", {"image": 7}),
]


def test_every_factory_is_guarded():
    given = {name for name, value in vars(widgets).items() if inspect.isfunction(value)}
    assert len(given) == 19
    assert all(getattr(widgets, name).__wrapped__.__name__ == name for name in given)


@pytest.mark.parametrize(("name", "given"), CASES)
def test_what_no_widget_takes(name, given):
    with pytest.raises((ValueError, TypeError)):
        getattr(widgets, name)(**given)


@pytest.mark.parametrize("error", [KeyError, IndexError, AttributeError, OverflowError])
def test_a_refusal_says_what_was_given(error):
    @factory
    def widget(size, *, step=0):
        raise error("why")

    with pytest.raises(TypeError, match=r"widget cannot take size=3, step='x': .*why"):
        widget(3, step="x")
