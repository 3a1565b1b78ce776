"""Widgets of the chapters: a pure state, and one view that they all share."""

from cnnbook.widgets.channel_stepper import channel_stepper
from cnnbook.widgets.window_stepper import window_stepper

__all__ = ["channel_stepper", "window_stepper"]
