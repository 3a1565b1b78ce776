"""Data for the chapters, most of it readable without a network."""

from cnnbook.datasets._fetching import DatasetError, data_root
from cnnbook.datasets.benchmarks import cifar10, fashion_mnist, mnist
from cnnbook.datasets.digits import DIGITS, centre_digits, digits
from cnnbook.datasets.folder import image_folder
from cnnbook.datasets.images import Images, ImageSet, hold_out
from cnnbook.datasets.photographs import PHOTOGRAPHS, photograph

__all__ = [
    "DIGITS",
    "PHOTOGRAPHS",
    "DatasetError",
    "ImageSet",
    "Images",
    "centre_digits",
    "cifar10",
    "data_root",
    "digits",
    "fashion_mnist",
    "hold_out",
    "image_folder",
    "mnist",
    "photograph",
]
