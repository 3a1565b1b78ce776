"""What learning needs beside the layers: a loss, and optimisers that follow its gradients."""

import numpy as np

from cnnbook import ops


class CrossEntropyLoss:
    """Softmax and cross-entropy in one, see `cnnbook.ops.cross_entropy`."""

    def forward(self, x, target):
        """Return the mean loss of a batch of scores."""
        self.x, self.target = x, target
        return ops.cross_entropy(x, target)

    def backward(self):
        """Return the gradient of the loss with respect to the scores."""
        return ops.cross_entropy_backward(np.ones((), self.x.dtype), self.x, self.target).grad_x


def _zeros(network):
    return {name: np.zeros_like(array) for name, array in network.parameters.items()}


class SGD:
    """Gradient descent with momentum, as `torch.optim.SGD` with these arguments."""

    def __init__(self, network, lr, momentum=0.0):
        self.network, self.lr, self.momentum = network, lr, momentum
        self.velocity = _zeros(network)

    def step(self):
        """Change every parameter in place, by the gradients of the last backward."""
        parameters, gradients = self.network.parameters, self.network.gradients
        for name, velocity in self.velocity.items():
            velocity *= self.momentum
            velocity += gradients[name]
            parameters[name] -= self.lr * velocity


class Adam:
    """Adam (Kingma & Ba, 2015, arXiv:1412.6980, algorithm 1), as `torch.optim.Adam`."""

    def __init__(self, network, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.network, self.lr, self.betas, self.eps, self.steps = network, lr, betas, eps, 0
        self.mean, self.square = _zeros(network), _zeros(network)

    def step(self):
        """Change every parameter in place, by the gradients of the last backward."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in self.betas)  # both start at 0: correct
        parameters, gradients = self.network.parameters, self.network.gradients
        for name, grad in gradients.items():
            mean, square = self.mean[name], self.square[name]
            mean += (1 - self.betas[0]) * (grad - mean)
            square += (1 - self.betas[1]) * (grad * grad - square)
            parameters[name] -= self.lr / first * mean / (np.sqrt(square / second) + self.eps)
