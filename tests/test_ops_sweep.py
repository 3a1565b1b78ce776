"""One seeded sweep: thousands of argument combinations of every forward, all against PyTorch.

Run with ``-s`` to see how many combinations each operation was compared on. Where PyTorch refuses
a combination, the operation must refuse it too, with a ValueError or a TypeError.
"""

import numpy as np
import pytest
import torch
from drawing import OPERATIONS, described

from cnnbook import ops

DRAWS = 120  # of each operation
LEAST = 2_000  # comparisons in total
SAME_WARNING = "ignore:Using padding='same' with even kernel lengths:UserWarning"


def compare(name, theirs, arguments):
    """Compare one call; return whether PyTorch took the arguments."""
    ours = getattr(ops, name)
    tensors = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        expected = theirs(*tensors)
    except (RuntimeError, ValueError, TypeError, IndexError):
        with pytest.raises((ValueError, TypeError)):  # noqa: PT012
            ours(*arguments)
            pytest.fail(f"PyTorch refuses {described(name, arguments)}")
        return False
    out = ours(*arguments)
    pairs = (
        [(out, expected)] if isinstance(expected, torch.Tensor) else zip(out, expected, strict=True)
    )
    for one, other in pairs:
        np.testing.assert_allclose(
            one,
            other.numpy(),
            rtol=1e-10,
            atol=1e-10,
            strict=True,
            err_msg=described(name, arguments),
        )
    return True


@pytest.mark.filterwarnings(SAME_WARNING)
def test_every_forward_agrees_with_torch_over_its_arguments():
    taken = {}
    for seed, (name, (theirs, draw)) in enumerate(OPERATIONS.items()):
        rng = np.random.default_rng(seed)
        results = [compare(name, theirs, draw(rng)) for _ in range(DRAWS)]
        taken[name] = sum(results)
        print(f"{name:22} {taken[name]:5} compared, {DRAWS - taken[name]:4} refused by both")
        assert taken[name] >= DRAWS // 4
    print(f"{'total':22} {sum(taken.values()):5} compared")
    assert sum(taken.values()) >= LEAST


def test_the_sweep_leaves_no_forward_out():
    """scipy, not PyTorch, is the oracle of convolve and correlate; the loops have a doctest."""
    forwards = {name for name in ops.__all__ if not name.endswith("_backward")}
    assert forwards - {"convolve", "correlate", "conv2d_loops"} == set(OPERATIONS)
