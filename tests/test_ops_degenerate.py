"""Degenerate input that PyTorch takes: an empty stride, layers without features."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook import ops

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_empty_stride_is_the_kernel_size(kind, axes):
    name, size = f"{kind}_pool{axes}d", (7, 6, 5)[:axes]
    x, kernel = RNG.standard_normal((2, 3, *size)), (3, 2, 2)[:axes]
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = getattr(F, name)(tensor, kernel, stride=())
    ours = getattr(ops, name)(x, kernel, stride=())
    np.testing.assert_allclose(ours, theirs.detach())
    grad_out = RNG.standard_normal(ours.shape)
    theirs.backward(torch.from_numpy(grad_out))
    (grad_x,) = getattr(ops, f"{name}_backward")(grad_out, x, kernel, stride=())
    np.testing.assert_allclose(grad_x, tensor.grad)


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(4, 0, 3), (4, 3, 0), (0, 3, 2), (4, 0, 0)]
)
def test_a_dense_layer_may_have_no_features(rows, inputs, outputs):
    x, weight = RNG.standard_normal((rows, inputs)), RNG.standard_normal((outputs, inputs))
    tensors = [torch.from_numpy(array).requires_grad_() for array in (x, weight)]
    theirs = F.linear(*tensors)
    np.testing.assert_allclose(ops.linear(x, weight), theirs.detach())
    grad_out = RNG.standard_normal((rows, outputs))
    theirs.backward(torch.from_numpy(grad_out))
    grads = ops.linear_backward(grad_out, x, weight)
    for ours, tensor in zip(grads, tensors, strict=False):
        np.testing.assert_allclose(ours, tensor.grad)
