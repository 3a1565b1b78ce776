"""Data for the chapters, most of it readable without a network."""
# ruff: noqa: F401 - what is imported here is what there is

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
from cnnbook.datasets.faces.rendering import faces, portraits, render_faces
from cnnbook.datasets.folder import image_folder
from cnnbook.datasets.images import AttributedImages, Images, ImageSet, concatenate, hold_out
from cnnbook.datasets.photographs import PHOTOGRAPHS, photograph
from cnnbook.datasets.scattered_digits import scattered_digits
from cnnbook.datasets.sources import DatasetError, data_root
