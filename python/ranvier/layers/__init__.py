"""Layers, with Keras' names."""

from ranvier.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from ranvier.layers.batch_normalization import BatchNormalization
from ranvier.layers.dense import Dense
from ranvier.layers.group_normalization import GroupNormalization
from ranvier.layers.input import Input, InputLayer
from ranvier.layers.layer import Layer
from ranvier.layers.layer_normalization import (
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from ranvier.layers.preprocessing import Normalization, Rescaling
from ranvier.layers.regularization import Dropout, GaussianNoise
from ranvier.layers.shaping import Flatten, Permute, RepeatVector, Reshape
from ranvier.layers.spatial_dropout import (
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "UnitNormalization",
]
