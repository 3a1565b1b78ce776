"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.layer_maps import LayerMaps, draw_layers
from cnnbook.figures.morphing import Morph
from cnnbook.figures.picture import Picture
from cnnbook.figures.readings import Readings
from cnnbook.figures.resampling import Resampling
from cnnbook.figures.style import LIGHT, FewColours, label_line, plain_axes, show_photo
from cnnbook.figures.traversal import Traversal
from cnnbook.figures.variational import Code
from cnnbook.figures.window import Window
