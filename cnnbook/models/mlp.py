"""Dense layers only: the baseline that a convolutional network has to beat."""

import itertools
import math

from torch import nn

from cnnbook.models._stack import Stack


class MLP(Stack):
    """Dense layers with an activation between each two: 266,610 parameters as given.

    That is 784-300-100-10 with 235,500 + 30,100 + 1,010 parameters, biases counted: more than four
    times as many as `LeNet` has.

    Parameters
    ----------
    input_size : int or tuple of int
        Numbers a sample, or the shape (C, H, W) of one; it is flattened.
    hidden : sequence of int
        Units of each hidden layer; without any it is one linear layer.
    num_classes : int
    activation : class of nn.Module
        Called without arguments.
    dropout : float
        Probability with which a hidden unit is left out during training.

    References
    ----------
    LeCun et al. (1998), section III.C: 784-300-100-10 had 3.05 % error on MNIST, and 2.5 % when
    distorted images were added.

    Examples
    --------
    >>> sum(p.numel() for p in MLP().parameters())
    266610
    """

    def __init__(
        self,
        input_size=(1, 28, 28),
        hidden=(300, 100),
        num_classes=10,
        activation=nn.ReLU,
        dropout=0.0,
    ):
        features = math.prod(input_size) if isinstance(input_size, (tuple, list)) else input_size
        layers = [nn.Flatten()]
        for units, following in itertools.pairwise((features, *hidden)):
            layers += [nn.Linear(units, following), activation()]
            layers += [nn.Dropout(dropout)] if dropout else []
        layers.append(nn.Linear((features, *hidden)[-1], num_classes))
        super().__init__(*layers)
