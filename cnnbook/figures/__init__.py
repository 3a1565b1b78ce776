"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.backward import BackwardStep
from cnnbook.figures.backward_graph import Node, draw_graph
from cnnbook.figures.channels import Channels
from cnnbook.figures.im2col import Im2col
from cnnbook.figures.padding import PaddedAxis, draw_paddings
from cnnbook.figures.participation import Participation
from cnnbook.figures.picture import Picture
from cnnbook.figures.pooling import Pooling
from cnnbook.figures.style import LIGHT, FewColours, label_line, plain_axes, show_photo
from cnnbook.figures.window import Window
