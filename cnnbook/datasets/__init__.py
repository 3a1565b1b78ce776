"""Data for the chapters, most of it readable without a network."""

from cnnbook.datasets.benchmarks import cifar10, mnist
from cnnbook.datasets.celeba import celeba
from cnnbook.datasets.digits import centre_digits, digits, mnist_small
from cnnbook.datasets.faces.attributes import (
    ATTRIBUTES,
    FEW_PROFILES,
    RARE_GROUPS,
    Joint,
    biased,
    face_groups,
    sample_attributes,
)
from cnnbook.datasets.faces.difficulty import HARD, Difficulty
from cnnbook.datasets.faces.non_faces import non_faces
from cnnbook.datasets.faces.rendering import faces, render_faces
from cnnbook.datasets.folder import image_folder
from cnnbook.datasets.images import AttributedImages, Images, ImageSet, concatenate, hold_out
from cnnbook.datasets.photographs import PHOTOGRAPHS, photograph
from cnnbook.datasets.sources import DatasetError, data_root

__all__ = [
    "ATTRIBUTES",
    "FEW_PROFILES",
    "HARD",
    "PHOTOGRAPHS",
    "RARE_GROUPS",
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
    "hold_out",
    "image_folder",
    "mnist",
    "mnist_small",
    "non_faces",
    "photograph",
    "render_faces",
    "sample_attributes",
]
