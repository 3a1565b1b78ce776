"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.architecture import Architecture, Towers
from cnnbook.figures.dense import MatrixLayer, draw_stages
from cnnbook.figures.inception import InceptionModule, draw_inception
from cnnbook.figures.layer_step import LayerStep
from cnnbook.figures.learning_curve import LearningCurve
from cnnbook.figures.lenet import BitmapReading, ConnectionTable
from cnnbook.figures.picture import Picture
from cnnbook.figures.style import LIGHT, FewColours, label_line, plain_axes, show_photo
from cnnbook.figures.window import Window
