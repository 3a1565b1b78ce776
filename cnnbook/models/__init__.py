"""The networks of the book as PyTorch modules, one architecture a file."""

from cnnbook.models.alexnet import AlexNet, AlexNet2012
from cnnbook.models.coders import ConvDecoder, ConvEncoder, DenseDecoder, DenseEncoder
from cnnbook.models.debiasing_vae import (
    DebiasingOutput,
    DebiasingVAE,
    FaceClassifier,
    count_faces_right,
    debiasing_loss,
    face_loss,
)
from cnnbook.models.efficientnet_lite import EfficientNetLite0, pretrained
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
from cnnbook.models.vae import (
    VAE,
    Autoencoder,
    AutoencoderOutput,
    ConvAutoencoder,
    ConvVAE,
    DenseAutoencoder,
    DenseVAE,
    Latent,
    VAEOutput,
)
from cnnbook.models.variational import (
    importance_weighted_bound,
    kl_divergence,
    negative_elbo,
    reconstruction_error,
    reconstruction_loss,
    reparameterise,
    vae_loss,
)
from cnnbook.models.weights import HOME, find_weights, load_weights, save_weights
from cnnbook.recording import evaluating

__all__ = [
    "C3_TABLE",
    "HOME",
    "MLP",
    "VAE",
    "AlexNet",
    "AlexNet2012",
    "Autoencoder",
    "AutoencoderOutput",
    "ConvAutoencoder",
    "ConvDecoder",
    "ConvEncoder",
    "ConvUnit",
    "ConvVAE",
    "DebiasingOutput",
    "DebiasingVAE",
    "DenseAutoencoder",
    "DenseDecoder",
    "DenseEncoder",
    "DenseVAE",
    "EfficientNetLite0",
    "FaceClassifier",
    "GoogLeNet",
    "GoogLeNetOutput",
    "Inception",
    "Latent",
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
    "VAEOutput",
    "count_faces_right",
    "debiasing_loss",
    "evaluating",
    "face_loss",
    "find_weights",
    "fully_convolutional",
    "importance_weighted_bound",
    "kl_divergence",
    "load_weights",
    "negative_elbo",
    "paper_lrn",
    "pretrained",
    "reconstruction_error",
    "reconstruction_loss",
    "reparameterise",
    "save_weights",
    "summary",
    "vae_loss",
]
