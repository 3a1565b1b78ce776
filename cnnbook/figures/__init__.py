"""Figures of the chapters: arrays in, pictures and axes out."""
