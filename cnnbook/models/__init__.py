"""The networks of the book as PyTorch modules, one architecture a file."""
# ruff: noqa: F401 - what is imported here is what there is

from cnnbook.files import HOME
from cnnbook.models.alexnet import AlexNet, AlexNet2012, SmallAlexNet
from cnnbook.models.debiasing_vae import (
    DebiasingOutput,
    DebiasingVAE,
    FaceClassifier,
    count_faces_right,
    debiasing_loss,
    face_loss,
)
from cnnbook.models.efficientnet_lite import EfficientNetLite0
from cnnbook.models.enas import Architecture, Controller, SharedNetwork, uniform_architecture
from cnnbook.models.fully_convolutional import fully_convolutional
from cnnbook.models.googlenet import GoogLeNet
from cnnbook.models.inception import Inception, SmallInception
from cnnbook.models.lenet import LeNet
from cnnbook.models.lenet5 import C3_TABLE, LeNet5, ScaledTanh, Subsampling, TableConv2d
from cnnbook.models.mlp import MLP
from cnnbook.models.one_d import Net1d
from cnnbook.models.portrait_vae import PortraitVAE, edge_error, portrait_loss
from cnnbook.models.summary import summary
from cnnbook.models.vae import VAE, ConvVAE, DenseAutoencoder, DenseVAE, VAEOutput
from cnnbook.models.variational import (
    importance_weighted_bound,
    kl_divergence,
    negative_elbo,
    reconstruction_error,
    reconstruction_loss,
    reparameterise,
    vae_loss,
)
from cnnbook.models.weights import find_weights, load_weights, pretrained, save_weights
from cnnbook.recording import evaluating
