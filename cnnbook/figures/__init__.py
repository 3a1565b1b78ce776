"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.architecture import Architecture, Towers
from cnnbook.figures.augmentation import Augmentation
from cnnbook.figures.backward import BackwardStep
from cnnbook.figures.backward_graph import Node, draw_graph
from cnnbook.figures.channels import Channels
from cnnbook.figures.chapter_map import CHAPTERS, ChapterMap
from cnnbook.figures.confusion import Confusion
from cnnbook.figures.dense import MatrixLayer, draw_stages
from cnnbook.figures.descent import Descent
from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.field_on_photo import PlacedField
from cnnbook.figures.film import Film
from cnnbook.figures.filtering import KERNELS, Filtering, Kernel, draw_kernels, draw_photos
from cnnbook.figures.hidden_kernel import HiddenKernel
from cnnbook.figures.im2col import Im2col
from cnnbook.figures.inception import InceptionModule, draw_inception
from cnnbook.figures.layer_maps import LayerMaps, draw_layers
from cnnbook.figures.layer_step import LayerStep
from cnnbook.figures.learning_curve import LearningCurve
from cnnbook.figures.lenet import BitmapReading, ConnectionTable
from cnnbook.figures.morphing import Morph
from cnnbook.figures.own_script import OwnScript
from cnnbook.figures.padding import PaddedAxis, draw_paddings
from cnnbook.figures.participation import Participation
from cnnbook.figures.picture import Picture
from cnnbook.figures.pooling import Pooling
from cnnbook.figures.readings import Readings
from cnnbook.figures.receptive_field import NETWORKS, FieldStack
from cnnbook.figures.resampling import Resampling
from cnnbook.figures.score_map import ScoreMap
from cnnbook.figures.shared_weights import SharedWeights
from cnnbook.figures.style import LIGHT, FewColours, diverging, label_line, plain_axes, show_photo
from cnnbook.figures.traversal import Traversal
from cnnbook.figures.variational import Code
from cnnbook.figures.window import Window
