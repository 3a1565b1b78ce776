"""Questions of chapter 7, backpropagation."""

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask


def one_number(draw):
    """One number at a time."""
    x, w, b = draw.randint(1, 5), draw.randint(2, 4), draw.randint(-3, 3)
    target = w * x + b - draw.choice((-4, -2, 2, 4))
    arrays = np.array([float(x)]), np.array([[float(w)]]), np.array([float(b)])
    y = ops.linear(*arrays)
    back = ops.linear_backward(y - target, *arrays)
    return ask(
        "u = w · x, y = u + b, L = ½ (y − {target})², with x = {x}, w = {w}, b = {b}. Compute the "
        "loss and its gradients.",
        {
            "L": ((y - target) ** 2 / 2).item(),
            "∂L/∂y": (y - target).item(),
            "∂L/∂w": back.grad_weight.item(),
            "∂L/∂x": back.grad_x.item(),
            "∂L/∂b": back.grad_bias.item(),
        },
        "∂L/∂y = y − {target}; times x for w, times w for x, times 1 for b.",
        x=x, w=w, b=b, target=target,
    )  # fmt: skip


def convolution(draw):
    """A convolution backwards."""
    x, w, g = draw.grid(4, low=-2, high=3), draw.nonzero(2), draw.nonzero(3)
    back = ops.conv1d_backward(g[None], x[None], w[None, None])
    return ask(
        "y slides w over x (no flip, stride 1, no padding). g holds ∂L/∂y. Compute the gradients.",
        {"∂L/∂w": back.grad_weight[0, 0], "∂L/∂x": back.grad_x[0]},
        "Each g[t] times the window under it is added to ∂L/∂w, g[t] times w to ∂L/∂x there.",
        x=x, w=w, g=g,
    )  # fmt: skip


def with_a_stride(draw):
    """With a stride."""
    x, w, g = np.zeros((1, 7)), draw.nonzero(3), draw.nonzero(3)
    zeros = np.zeros(5)
    zeros[::2] = g
    return ask(
        "A kernel of three slides over seven inputs with stride 2; g holds the gradients of the "
        "three outputs. Put the zeros between the entries of g, and compute the gradient of the "
        "input.",
        {
            "g with zeros": zeros,
            "∂L/∂x": ops.conv1d_backward(g[None], x, w[None, None], stride=2).grad_x[0],
        },
        "Then go on as for stride 1: each entry of g adds itself times w. Where windows overlap, "
        "sum.",
        w=w, g=g,
    )  # fmt: skip


def largest(draw):
    """Max pooling backwards."""
    x, g = draw.distinct(4, 4, high=19), draw.distinct(2, 2, low=1, high=9)
    return ask(
        "x went through max pooling, 2 × 2, stride 2. g holds the gradients of the outputs. Write "
        "down the gradient of x.",
        {"∂L/∂x": ops.max_pool2d_backward(g[None], x[None], 2).grad_x[0]},
        "The largest number of each window gets all, the others get 0.",
        x=x, g=g,
    )  # fmt: skip


def mean(draw):
    """Average pooling backwards."""
    g = 4 * draw.nonzero(2, 2)
    back = ops.avg_pool2d_backward(g[None], np.zeros((1, 3, 3)), 2, 1)
    return ask(
        "A map of 3 × 3 went through average pooling, 2 × 2 with stride 1: the windows overlap. "
        "g holds the gradients of the outputs. Write down the gradient of the map.",
        {"∂L/∂x": back.grad_x[0]},
        "Each input gets a quarter of g from each window that it lies in; the middle one from all.",
        g=g,
    )  # fmt: skip


def softmax(draw):
    """Softmax and cross-entropy backwards."""
    cuts = sorted(draw.sample(range(1, 10), 3))
    p = np.diff([0, *cuts, 10]) / 10
    right = draw.randint(0, 3)
    back = ops.cross_entropy_backward(np.ones(()), np.log(p), np.array(right))
    return ask(
        "The softmax of four scores is p. The right class is number {right} (counted from 0). "
        "Write down the gradient of the cross-entropy by the scores.",
        {"gradient": back.grad_x},
        "p, less 1 at the right class: the entries sum to 0.",
        right=right, p=p,
    )  # fmt: skip


def bias(draw):
    """The gradient of a bias, and a step."""
    g = draw.grid(2, 2, 2, low=-2, high=4)
    x, w, b = np.zeros((2, 1, 2, 2)), np.zeros((1, 1, 1, 1)), draw.randint(1, 5)
    gradient = ops.conv2d_backward(g[:, None], x, w, np.zeros(1)).grad_bias.item()
    return ask(
        "Two samples, one output map of 2 × 2. g holds ∂L/∂y at all positions of both samples. The "
        "bias is {b}. What is its gradient, and its value after a step with the learning rate 0.1?",
        {"∂L/∂b": gradient, "bias after the step": round(b - 0.1 * gradient, 9)},
        "One number is used at all places: sum, do not average.",
        g=g, b=b,
    )  # fmt: skip


TITLE = "Backpropagation"
QUESTIONS = (one_number, convolution, with_a_stride, largest, mean, softmax, bias)
