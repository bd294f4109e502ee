"""Layers, with Keras' names."""

from ranvier.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from ranvier.layers.convolution import Conv1D, Conv2D, Conv3D
from ranvier.layers.dense import Dense
from ranvier.layers.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from ranvier.layers.input import Input, InputLayer
from ranvier.layers.layer import Layer
from ranvier.layers.preprocessing import Normalization, Rescaling
from ranvier.layers.regularization import Dropout, GaussianNoise
from ranvier.layers.shaping import Flatten, Permute, RepeatVector, Reshape
from ranvier.layers.transposed import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

__all__ = [
    "ELU",
    "Activation",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
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
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "Softmax",
]
