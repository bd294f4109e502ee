"""Layers, with Keras' names."""

from ranvier.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from ranvier.layers.dense import Dense
from ranvier.layers.input import Input, InputLayer
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing import Normalization, Rescaling
from ranvier.layers.random_color import RandomBrightness, RandomContrast
from ranvier.layers.random_geometry import (
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from ranvier.layers.regularization import Dropout, GaussianNoise
from ranvier.layers.resizing import CenterCrop, Resizing
from ranvier.layers.shaping import Flatten, Permute, RepeatVector, Reshape

__all__ = [
    "ELU",
    "Activation",
    "CenterCrop",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "Permute",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "Softmax",
]
