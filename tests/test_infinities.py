"""NaN and infinities: where PyTorch has them, the operations and their gradients have them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook import ops

SPIKES = [np.inf, -np.inf, np.nan, 0.0, 1e200]


def agree(ours, theirs):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("spike", SPIKES)
@pytest.mark.parametrize("where", ["x", "grad_out"])
@pytest.mark.parametrize("beta", [0, 0.75, 2])
def test_local_response_norm(spike, where, beta):
    rng = np.random.default_rng(0)
    x, grad_out = rng.standard_normal((2, 1, 6, 2, 2))
    (x if where == "x" else grad_out)[0, 2, 1, 0] = spike
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.local_response_norm(tensor, 3, alpha=0.5, beta=beta)
    agree(ops.local_response_norm(x, 3, alpha=0.5, beta=beta), theirs)
    theirs.backward(torch.from_numpy(grad_out))
    (grad_x,) = ops.local_response_norm_backward(grad_out, x, 3, alpha=0.5, beta=beta)
    agree(grad_x, tensor.grad)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("grad_out", [1.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("spike", SPIKES)
@pytest.mark.parametrize("column", [0, 1])
def test_cross_entropy(grad_out, spike, column):
    x, target = np.random.default_rng(0).standard_normal((3, 4)), np.array([0, 1, 3])
    x[0, column] = spike
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.cross_entropy(tensor, torch.from_numpy(target))
    agree(ops.cross_entropy(x, target), theirs)
    theirs.backward(torch.tensor(grad_out, dtype=torch.float64))
    (grad_x,) = ops.cross_entropy_backward(np.array(grad_out), x, target)
    agree(grad_x, tensor.grad)


def test_a_pooling_beyond_the_integers_of_numpy_is_refused():
    for settings in ((2**63, 1, 2**62), (2**62, 1, 2**61), (2, 1, 10**30)):
        with pytest.raises(ValueError, match=r"kernel_size|padding"):
            ops.avg_pool1d(np.ones((1, 1, 4)), *settings)
