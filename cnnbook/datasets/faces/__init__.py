"""Faces whose attributes are known, drawn by a program, and pictures that are almost faces."""

from cnnbook.datasets.faces.attributes import (
    ATTRIBUTES,
    BALANCED,
    FEW_PROFILES,
    RARE_GROUPS,
    Attribute,
    Joint,
    biased,
    face_groups,
    sample_attributes,
)
from cnnbook.datasets.faces.difficulty import HARD, Difficulty
from cnnbook.datasets.faces.generating import faces
from cnnbook.datasets.faces.non_faces import NON_FACES, non_faces
from cnnbook.datasets.faces.rendering import render_faces

__all__ = [
    "ATTRIBUTES",
    "BALANCED",
    "FEW_PROFILES",
    "HARD",
    "NON_FACES",
    "RARE_GROUPS",
    "Attribute",
    "Difficulty",
    "Joint",
    "biased",
    "face_groups",
    "faces",
    "non_faces",
    "render_faces",
    "sample_attributes",
]
