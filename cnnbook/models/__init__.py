"""The networks of the book as PyTorch modules, one architecture a file."""

from cnnbook.models.alexnet import AlexNet, AlexNet2012
from cnnbook.models.fully_convolutional import fully_convolutional
from cnnbook.models.googlenet import GoogLeNet, GoogLeNetOutput
from cnnbook.models.inception import ConvUnit, Inception, SmallInception
from cnnbook.models.lenet import LeNet
from cnnbook.models.lenet5 import (
    C3_TABLE,
    LeNet5,
    RadialBasis,
    ScaledTanh,
    Subsampling,
    TableConv2d,
)
from cnnbook.models.mlp import MLP
from cnnbook.models.normalisation import LocalResponseNorm, paper_lrn
from cnnbook.models.one_d import Net1d
from cnnbook.models.small_alexnet import SmallAlexNet
from cnnbook.models.summary import LayerRow, Summary, summary
from cnnbook.models.weights import HOME, load_weights, save_weights

__all__ = [
    "C3_TABLE",
    "HOME",
    "MLP",
    "AlexNet",
    "AlexNet2012",
    "ConvUnit",
    "GoogLeNet",
    "GoogLeNetOutput",
    "Inception",
    "LayerRow",
    "LeNet",
    "LeNet5",
    "LocalResponseNorm",
    "Net1d",
    "RadialBasis",
    "ScaledTanh",
    "SmallAlexNet",
    "SmallInception",
    "Subsampling",
    "Summary",
    "TableConv2d",
    "fully_convolutional",
    "load_weights",
    "paper_lrn",
    "save_weights",
    "summary",
]
