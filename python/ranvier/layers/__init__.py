"""Layers, with Keras' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier._lazy import lazy
from ranvier._serialize import deserialize_keras_object, serialize_keras_object
from ranvier.layers.input import Input, InputLayer
from ranvier.layers.layer import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ranvier.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from ranvier.layers.adaptive_pooling import (
        AdaptiveAveragePooling1D,
        AdaptiveAveragePooling2D,
        AdaptiveAveragePooling3D,
        AdaptiveMaxPooling1D,
        AdaptiveMaxPooling2D,
        AdaptiveMaxPooling3D,
    )
    from ranvier.layers.batch_normalization import BatchNormalization
    from ranvier.layers.bidirectional import Bidirectional
    from ranvier.layers.categories import (
        CategoryEncoding,
        Discretization,
        HashedCrossing,
        Hashing,
    )
    from ranvier.layers.cells import GRUCell, LSTMCell, SimpleRNNCell
    from ranvier.layers.convolution import Conv1D, Conv2D, Conv3D
    from ranvier.layers.dense import Dense
    from ranvier.layers.depthwise import (
        DepthwiseConv1D,
        DepthwiseConv2D,
        SeparableConv1D,
        SeparableConv2D,
    )
    from ranvier.layers.einsum_dense import EinsumDense
    from ranvier.layers.embedding import Embedding
    from ranvier.layers.framing import (
        Cropping1D,
        Cropping2D,
        Cropping3D,
        ZeroPadding1D,
        ZeroPadding2D,
        ZeroPadding3D,
    )
    from ranvier.layers.global_pooling import (
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalAveragePooling3D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
        GlobalMaxPooling3D,
    )
    from ranvier.layers.group_normalization import GroupNormalization
    from ranvier.layers.identity import ActivityRegularization, Identity, InputSpec
    from ranvier.layers.integer_lookup import IntegerLookup
    from ranvier.layers.lambda_layer import Lambda
    from ranvier.layers.layer_normalization import (
        LayerNormalization,
        RMSNormalization,
        UnitNormalization,
    )
    from ranvier.layers.masking import Masking
    from ranvier.layers.pipeline import Pipeline
    from ranvier.layers.pooling import (
        AveragePooling1D,
        AveragePooling2D,
        AveragePooling3D,
        MaxPooling1D,
        MaxPooling2D,
        MaxPooling3D,
    )
    from ranvier.layers.preprocessing import Normalization, Rescaling
    from ranvier.layers.random_color import (
        AutoContrast,
        Equalization,
        RandomBrightness,
        RandomContrast,
        Solarization,
    )
    from ranvier.layers.random_geometry import (
        RandomCrop,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
    )
    from ranvier.layers.random_pixels import (
        RandomColorDegeneration,
        RandomErasing,
        RandomGaussianBlur,
        RandomGrayscale,
        RandomHue,
        RandomInvert,
        RandomPosterization,
        RandomSaturation,
        RandomSharpness,
    )
    from ranvier.layers.random_policies import AugMix, RandAugment, RandomColorJitter
    from ranvier.layers.random_warps import RandomPerspective, RandomShear
    from ranvier.layers.recurrent import GRU, LSTM, SimpleRNN
    from ranvier.layers.regularization import (
        AlphaDropout,
        Dropout,
        GaussianDropout,
        GaussianNoise,
    )
    from ranvier.layers.resizing import CenterCrop, Resizing
    from ranvier.layers.rnn import RNN
    from ranvier.layers.shaping import Flatten, Permute, RepeatVector, Reshape
    from ranvier.layers.spatial_dropout import (
        SpatialDropout1D,
        SpatialDropout2D,
        SpatialDropout3D,
    )
    from ranvier.layers.spectral_normalization import SpectralNormalization
    from ranvier.layers.spectrograms import MelSpectrogram, STFTSpectrogram
    from ranvier.layers.stacked_cells import StackedRNNCells
    from ranvier.layers.string_lookup import StringLookup
    from ranvier.layers.text_vectorization import TextVectorization
    from ranvier.layers.transposed import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
    from ranvier.layers.upsampling import UpSampling1D, UpSampling2D, UpSampling3D
    from ranvier.layers.wrapper import TimeDistributed, Wrapper

    # Keras' short names, and its long ones
    AvgPool1D = AveragePooling1D
    AvgPool2D = AveragePooling2D
    AvgPool3D = AveragePooling3D
    GlobalAvgPool1D = GlobalAveragePooling1D
    GlobalAvgPool2D = GlobalAveragePooling2D
    GlobalAvgPool3D = GlobalAveragePooling3D
    GlobalMaxPool1D = GlobalMaxPooling1D
    GlobalMaxPool2D = GlobalMaxPooling2D
    GlobalMaxPool3D = GlobalMaxPooling3D
    MaxPool1D = MaxPooling1D
    MaxPool2D = MaxPooling2D
    MaxPool3D = MaxPooling3D
    Convolution1D = Conv1D
    Convolution2D = Conv2D
    Convolution3D = Conv3D
    Convolution1DTranspose = Conv1DTranspose
    Convolution2DTranspose = Conv2DTranspose
    Convolution3DTranspose = Conv3DTranspose
    SeparableConvolution1D = SeparableConv1D
    SeparableConvolution2D = SeparableConv2D


def serialize(layer: Layer) -> dict[str, Any]:
    """A layer as Keras 3's dictionary of module, class name, config and registered name."""
    return dict(serialize_keras_object(layer))


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """The layer that `serialize`, ranvier's or Keras', wrote.

    Raises:
        ValueError: a name that is not known, or of something that is no layer.

    >>> from ranvier import layers
    >>> layers.deserialize(layers.serialize(layers.Dense(2, name="given")))
    <Dense name=given, built=False>
    """
    made = deserialize_keras_object(config, custom_objects, family="layer")
    if not isinstance(made, Layer):
        raise ValueError(f"a config of a layer was wanted; got {config!r}")
    return made


__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AlphaDropout",
    "AugMix",
    "AutoContrast",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MelSpectrogram",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "deserialize",
    "serialize",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "activation": "ELU Activation LeakyReLU PReLU ReLU Softmax",
        "adaptive_pooling": (
            "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
            "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
        ),
        "batch_normalization": "BatchNormalization",
        "bidirectional": "Bidirectional",
        "categories": "CategoryEncoding Discretization HashedCrossing Hashing",
        "cells": "GRUCell LSTMCell SimpleRNNCell",
        "convolution": "Conv1D Conv2D Conv3D",
        "dense": "Dense",
        "depthwise": "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
        "einsum_dense": "EinsumDense",
        "embedding": "Embedding",
        "framing": "Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
        "global_pooling": (
            "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
            "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"
        ),
        "group_normalization": "GroupNormalization",
        "identity": "ActivityRegularization Identity InputSpec",
        "integer_lookup": "IntegerLookup",
        "lambda_layer": "Lambda",
        "layer_normalization": "LayerNormalization RMSNormalization UnitNormalization",
        "masking": "Masking",
        "pipeline": "Pipeline",
        "pooling": (
            "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D "
            "MaxPooling3D"
        ),
        "preprocessing": "Normalization Rescaling",
        "random_color": "AutoContrast Equalization RandomBrightness RandomContrast Solarization",
        "random_geometry": "RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom",
        "random_pixels": (
            "RandomColorDegeneration RandomErasing RandomGaussianBlur RandomGrayscale RandomHue "
            "RandomInvert RandomPosterization RandomSaturation RandomSharpness"
        ),
        "random_policies": "AugMix RandAugment RandomColorJitter",
        "random_warps": "RandomPerspective RandomShear",
        "recurrent": "GRU LSTM SimpleRNN",
        "regularization": "AlphaDropout Dropout GaussianDropout GaussianNoise",
        "resizing": "CenterCrop Resizing",
        "rnn": "RNN",
        "shaping": "Flatten Permute RepeatVector Reshape",
        "spatial_dropout": "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        "spectral_normalization": "SpectralNormalization",
        "spectrograms": "MelSpectrogram STFTSpectrogram",
        "stacked_cells": "StackedRNNCells",
        "string_lookup": "StringLookup",
        "text_vectorization": "TextVectorization",
        "transposed": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
        "upsampling": "UpSampling1D UpSampling2D UpSampling3D",
        "wrapper": "TimeDistributed Wrapper",
    },
    {
        "AvgPool1D": "AveragePooling1D",
        "AvgPool2D": "AveragePooling2D",
        "AvgPool3D": "AveragePooling3D",
        "GlobalAvgPool1D": "GlobalAveragePooling1D",
        "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "GlobalAvgPool3D": "GlobalAveragePooling3D",
        "GlobalMaxPool1D": "GlobalMaxPooling1D",
        "GlobalMaxPool2D": "GlobalMaxPooling2D",
        "GlobalMaxPool3D": "GlobalMaxPooling3D",
        "MaxPool1D": "MaxPooling1D",
        "MaxPool2D": "MaxPooling2D",
        "MaxPool3D": "MaxPooling3D",
        "Convolution1D": "Conv1D",
        "Convolution2D": "Conv2D",
        "Convolution3D": "Conv3D",
        "Convolution1DTranspose": "Conv1DTranspose",
        "Convolution2DTranspose": "Conv2DTranspose",
        "Convolution3DTranspose": "Conv3DTranspose",
        "SeparableConvolution1D": "SeparableConv1D",
        "SeparableConvolution2D": "SeparableConv2D",
    },
)
