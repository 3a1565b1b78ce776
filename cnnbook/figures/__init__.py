"""Pictures that show themselves, and the type and colours of all figures."""

from cnnbook.figures.augmentation import Augmentation
from cnnbook.figures.confusion import Confusion
from cnnbook.figures.field_on_photo import PlacedField
from cnnbook.figures.filtering import KERNELS, Filtering, Kernel, draw_kernels, draw_photos
from cnnbook.figures.picture import Picture
from cnnbook.figures.receptive_field import NETWORKS, FieldStack
from cnnbook.figures.score_map import ScoreMap
from cnnbook.figures.style import LIGHT, FewColours, label_line, plain_axes, show_photo
from cnnbook.figures.window import Window
