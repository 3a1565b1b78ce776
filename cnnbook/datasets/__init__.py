"""Data for the chapters, most of it readable without a network."""

from cnnbook.datasets._fetching import DatasetError, data_root
from cnnbook.datasets.benchmarks import cifar10, fashion_mnist, mnist
from cnnbook.datasets.celeba import celeba
from cnnbook.datasets.digits import DIGITS, centre_digits, digits, mnist_small
from cnnbook.datasets.faces import (
    ATTRIBUTES,
    BALANCED,
    FEW_PROFILES,
    HARD,
    NON_FACES,
    RARE_GROUPS,
    Attribute,
    Difficulty,
    Joint,
    biased,
    face_groups,
    faces,
    non_faces,
    render_faces,
    sample_attributes,
)
from cnnbook.datasets.folder import image_folder
from cnnbook.datasets.images import (
    FACE_CLASSES,
    AttributedImages,
    Images,
    ImageSet,
    concatenate,
    hold_out,
)
from cnnbook.datasets.photographs import PHOTOGRAPHS, photograph

__all__ = [
    "ATTRIBUTES",
    "BALANCED",
    "DIGITS",
    "FACE_CLASSES",
    "FEW_PROFILES",
    "HARD",
    "NON_FACES",
    "PHOTOGRAPHS",
    "RARE_GROUPS",
    "Attribute",
    "AttributedImages",
    "DatasetError",
    "Difficulty",
    "ImageSet",
    "Images",
    "Joint",
    "biased",
    "celeba",
    "centre_digits",
    "cifar10",
    "concatenate",
    "data_root",
    "digits",
    "face_groups",
    "faces",
    "fashion_mnist",
    "hold_out",
    "image_folder",
    "mnist",
    "mnist_small",
    "non_faces",
    "photograph",
    "render_faces",
    "sample_attributes",
]
