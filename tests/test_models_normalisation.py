"""The faster local response normalisation against PyTorch's, forward and backward."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook.models.alexnet import LocalResponseNorm, paper_lrn


@pytest.mark.parametrize("beta", [0.75, 0.5])
@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize("shape", [(2, 7, 3, 4), (2, 3, 5), (1, 4, 2, 3, 2)])
def test_it_is_pytorchs_layer(shape, size, beta):
    generator = torch.Generator().manual_seed(0)
    x, upstream = torch.randn(2, *shape, dtype=torch.float64, generator=generator) * 3
    settings = {"size": size, "alpha": 0.7, "beta": beta, "k": 1.5}
    results = []
    for layer in (LocalResponseNorm(**settings), nn.LocalResponseNorm(**settings)):
        signal = x.clone().requires_grad_()
        y = layer(signal)
        y.backward(upstream)
        results.append((y.detach().numpy(), signal.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12, strict=True)


def test_the_papers_alpha_is_not_divided():
    x = torch.full((1, 5, 1, 1), 10.0, dtype=torch.float64)
    middle = float(paper_lrn()(x)[0, 2])
    np.testing.assert_allclose(middle, 10 / (2 + 1e-4 * 5 * 100) ** 0.75)
