"""Faces whose attributes are known, drawn by a program, and pictures that are almost faces."""
