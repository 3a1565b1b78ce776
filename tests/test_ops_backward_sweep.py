"""One seeded sweep: more than a thousand argument combinations of every backward, against autograd.

Run with ``-s`` to see how many combinations each operation was compared on. The arguments are
drawn as for the sweep of the forwards; where PyTorch refuses them, the backward must refuse them
too.
"""

import inspect

import numpy as np
import pytest
import torch
from drawing import OPERATIONS, described

from cnnbook import ops

DRAWS = 60  # of each operation
LEAST = 1_000  # comparisons in total
SAME_WARNING = "ignore:Using padding='same' with even kernel lengths:UserWarning"
BACKWARDS = [name for name in OPERATIONS if hasattr(ops, f"{name}_backward")]


def to_tensor(argument):
    """Turn an array into a tensor, one of floats into a leaf whose gradient can be asked for."""
    if not isinstance(argument, np.ndarray):
        return argument
    return torch.tensor(argument, requires_grad=argument.dtype.kind == "f")


def compare(rng, name, theirs, arguments):
    """Compare the gradients of one call; return whether PyTorch took the arguments."""
    backward = getattr(ops, f"{name}_backward")
    tensors = [to_tensor(a) for a in arguments]
    try:
        out = theirs(*tensors)
    except (RuntimeError, ValueError, TypeError, IndexError):
        with pytest.raises((ValueError, TypeError)):  # noqa: PT012
            backward(np.ones((1,)), *arguments)
            pytest.fail(f"PyTorch refuses {described(name, arguments)}")
        return False
    out = out[0] if isinstance(out, tuple) else out
    grad_out = np.asarray(rng.standard_normal(out.shape))
    leaves = [t for t in tensors if isinstance(t, torch.Tensor) and t.requires_grad]
    expected = torch.autograd.grad(out, leaves, torch.tensor(grad_out))
    given = [grad for grad in backward(grad_out, *arguments) if grad is not None]
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(
            one,
            other.numpy(),
            rtol=1e-10,
            atol=1e-10,
            strict=True,
            err_msg=described(name, arguments),
        )
    with pytest.raises(ValueError, match="grad_out has shape"):
        backward(np.ones((*out.shape, 1)), *arguments)
    return True


@pytest.mark.filterwarnings(SAME_WARNING)
def test_every_backward_agrees_with_autograd_over_its_arguments():
    taken = {}
    for seed, name in enumerate(BACKWARDS):
        theirs, draw = OPERATIONS[name]
        rng = np.random.default_rng(1000 + seed)
        results = [compare(rng, name, theirs, draw(rng)) for _ in range(DRAWS)]
        taken[name] = sum(results)
        print(f"{name:22} {taken[name]:5} compared, {DRAWS - taken[name]:4} refused by both")
        assert taken[name] >= DRAWS // 4
    print(f"{'total':22} {sum(taken.values()):5} compared")
    assert sum(taken.values()) >= LEAST


def test_every_operation_with_a_twin_in_torch_has_a_backward():
    assert BACKWARDS == list(OPERATIONS)


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_backward_takes_what_its_forward_takes(name):
    forward = inspect.signature(getattr(ops, name)).parameters
    backward = inspect.signature(getattr(ops, f"{name}_backward")).parameters
    assert next(iter(backward)) == "grad_out"
    assert [str(p) for p in backward.values()][1:] == [str(p) for p in forward.values()]
