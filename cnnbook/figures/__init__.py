"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.channels import Channels
from cnnbook.figures.picture import Picture
from cnnbook.figures.style import LIGHT, FewColours, diverging, label_line, plain_axes, show_photo
from cnnbook.figures.window import Window
