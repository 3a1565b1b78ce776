"""Widgets of the chapters: a pure state, and one view that they all share."""

from cnnbook.widgets.architecture_explorer import architecture_explorer
from cnnbook.widgets.augmentation_explorer import augmentation_explorer
from cnnbook.widgets.backward_stepper import backward_stepper
from cnnbook.widgets.beat_gradient_descent import beat_gradient_descent
from cnnbook.widgets.channel_stepper import channel_stepper
from cnnbook.widgets.dense_to_convolution import dense_to_convolution
from cnnbook.widgets.draw_digit import draw_digit
from cnnbook.widgets.glass_lenet import glass_lenet
from cnnbook.widgets.im2col_stepper import im2col_stepper
from cnnbook.widgets.kernel_workbench import kernel_workbench
from cnnbook.widgets.latent_explorer import latent_explorer
from cnnbook.widgets.learning_curve import learning_curve
from cnnbook.widgets.maximisation_stepper import maximisation_stepper
from cnnbook.widgets.morph import morph
from cnnbook.widgets.own_script import own_script
from cnnbook.widgets.padding_explorer import padding_explorer
from cnnbook.widgets.pooling_stepper import pooling_stepper
from cnnbook.widgets.receptive_field_explorer import receptive_field_explorer
from cnnbook.widgets.resampling_explorer import resampling_explorer
from cnnbook.widgets.shared_weights_explorer import shared_weights_explorer
from cnnbook.widgets.sliding_explorer import sliding_explorer
from cnnbook.widgets.vae_loss_explorer import vae_loss_explorer
from cnnbook.widgets.window_stepper import window_stepper
