"""What pictures show, read from matplotlib's own objects."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier import layers as L

pytest.importorskip("matplotlib")

from ranvier import plot


def shown(figure: Any, axes: int = 0) -> Any:
    """The numbers of the picture on some axes."""
    return np.asarray(figure.axes[axes].images[0].get_array())


def finite(picture: Any) -> Any:
    picture = np.ma.filled(np.ma.asarray(picture, dtype=float), np.nan)
    return picture[np.isfinite(picture)]


def built(layer: Any, shape: tuple[Any, ...]) -> Any:
    layer.build(shape)
    return layer


@pytest.fixture
def model() -> ranvier.Sequential:
    return ranvier.Sequential(
        [
            ranvier.Input((9, 9, 1)),
            L.RandomTranslation(0.5, 0.5),
            L.Conv2D(6, 3, activation="relu", name="edges"),
            L.MaxPooling2D(name="pool"),
            L.Flatten(name="flat"),
            L.Dense(2, activation="softmax"),
        ]
    )


# -- filters ------------------------------------------------------------------------------------


def test_grey_filters_on_a_scale_symmetric_about_0() -> None:
    layer = built(L.Conv2D(5, (3, 2)), (None, 9, 9, 1))
    figure = plot.filters(layer)
    image = figure.axes[0].images[0]
    largest = np.abs(layer.kernel.numpy()).max()
    assert image.get_clim() == (-largest, largest)
    # all weights are there, once each, and the first tile is the first kernel
    picture = shown(figure)
    np.testing.assert_array_equal(np.sort(finite(picture)), np.sort(layer.kernel.numpy().ravel()))
    np.testing.assert_array_equal(picture[1:4, 1:3], layer.kernel.numpy()[:, :, 0, 0])
    np.testing.assert_array_equal(picture[1:4, 4:6], layer.kernel.numpy()[:, :, 0, 1])


def test_filters_of_three_channels_in_colour() -> None:
    layer = built(L.Conv2D(4, 3), (None, 9, 9, 3))
    picture = shown(plot.filters(layer))
    kernel = layer.kernel.numpy()
    assert picture.ndim == 3 and picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_allclose(
        picture[1:4, 1:4], 0.5 + kernel[..., 0] / (2 * np.abs(kernel).max()), rtol=1e-6
    )


def test_filters_of_many_channels_are_a_table() -> None:
    layer = built(L.Conv2D(7, 3), (None, 9, 9, 5))
    figure = plot.filters(layer, most=4)
    picture, kernel = shown(figure), layer.kernel.numpy()
    assert picture.shape == (4 * 4 + 1, 4 * 4 + 1)
    for f in range(4):
        for c in range(4):
            tile = picture[1 + 4 * f :, 1 + 4 * c :][:3, :3]
            np.testing.assert_array_equal(tile, kernel[:, :, c, f])
    assert "the first 4 of 7 filters" in figure.axes[0].get_title()
    assert figure.axes[0].get_xlabel() == "input channel, 4 of 5"


@pytest.mark.parametrize(
    ("layer", "shape", "first_tile"),
    [
        (L.Conv2DTranspose(5, 3), (None, 9, 9, 1), lambda l: l.kernel.numpy()[:, :, 0, 0]),
        (L.DepthwiseConv2D(3, depth_multiplier=2), (None, 9, 9, 4), lambda l: l.kernel.numpy()[:, :, 0, 0]),
        (L.SeparableConv2D(5, 3), (None, 9, 9, 3), lambda l: l.depthwise_kernel.numpy()[:, :, 0, 0]),
        (L.Conv1D(5, 4), (None, 9, 6), lambda l: l.kernel.numpy()[:, :, 0].T),
        (L.Conv1D(5, 4), (None, 9, 1), lambda l: l.kernel.numpy()[:, :, 0].T),
        (L.DepthwiseConv1D(4), (None, 9, 6), lambda l: l.kernel.numpy()[:, 0, :1].T),
        (L.Conv1DTranspose(5, 4), (None, 9, 6), lambda l: l.kernel.numpy()[:, 0].T),
        (L.Conv2D(4, 3, data_format="channels_first"), (None, 1, 9, 9), lambda l: l.kernel.numpy()[:, :, 0, 0]),
        (L.Conv2D(4, 3, groups=2), (None, 9, 9, 2), lambda l: l.kernel.numpy()[:, :, 0, 0]),
    ],
)  # fmt: skip
def test_kernels_of_every_kind(layer: Any, shape: tuple[Any, ...], first_tile: Any) -> None:
    picture, want = shown(plot.filters(built(layer, shape))), first_tile(layer)
    np.testing.assert_array_equal(picture[1:, 1:][: want.shape[0], : want.shape[1]], want)
    count = (L.SeparableConv2D,)
    weights = layer.depthwise_kernel if isinstance(layer, count) else layer.kernel
    assert finite(picture).size == weights.size


def test_the_first_convolution_of_a_model_is_drawn(model: Any) -> None:
    nested = ranvier.Sequential([ranvier.Input((9, 9, 1)), L.RandomFlip(), model])
    for whole in (model, nested):
        assert "Conv2D 'edges'" in plot.filters(whole).axes[0].get_title()


def test_filters_of_what_has_none(model: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a convolution over sequences or images.*<Dense"):
        plot.filters(model.layers[-1])
    with pytest.raises(TypeError, match="<Conv3D"):
        plot.filters(L.Conv3D(2, 2))
    with pytest.raises(ValueError, match="found no convolution"):
        plot.filters(ranvier.Sequential([L.Dense(2)], name="plain"))
    with pytest.raises(ValueError, match="'new': there are no weights to draw yet"):
        plot.filters(L.Conv2D(2, 3, name="new"))
    with pytest.raises(ValueError, match="`most` must be an integer >= 1; got 0"):
        plot.filters(model, most=0)


def test_weights_that_are_all_zero_can_be_drawn() -> None:
    layer = built(L.Conv2D(2, 3, kernel_initializer="zeros"), (None, 5, 5, 1))
    assert plot.filters(layer).axes[0].images[0].get_clim() == (-1, 1)


# -- feature maps -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [(9, 9), (9, 9, 1), (1, 9, 9, 1)])
@pytest.mark.parametrize("layer", ["edges", "pool", None, 2])
def test_feature_maps_are_the_layers_output(model: Any, rng: Any, how: Any, layer: Any) -> None:
    image = rng.normal(size=(9, 9)).astype("float32")
    figure = plot.feature_maps(model, image.reshape(how), layer)
    want = model.layers[1](image.reshape(1, 9, 9, 1))  # without augmentation
    if layer in ("pool", 2):
        want = model.layers[2](want)
    np.testing.assert_allclose(shown(figure), image)
    picture = shown(figure, 1)
    np.testing.assert_allclose(np.sort(finite(picture)), np.sort(want.ravel()), atol=1e-6)
    h, w = want.shape[1:3]
    np.testing.assert_allclose(picture[1 : 1 + h, 1 : 1 + w], want[0, :, :, 0], atol=1e-6)


def test_feature_maps_of_channels_first(rng: Any) -> None:
    model = ranvier.Sequential(
        [ranvier.Input((3, 8, 7)), L.Conv2D(4, 3, data_format="channels_first")]
    )
    image = rng.uniform(size=(3, 8, 7)).astype("float32")
    figure = plot.feature_maps(model, image)
    np.testing.assert_allclose(shown(figure), np.moveaxis(image, 0, -1))
    np.testing.assert_allclose(shown(figure, 1)[1:7, 1:6], model(image[None])[0, 0], atol=1e-6)


def test_feature_maps_of_what_has_none(model: Any) -> None:
    with pytest.raises(ValueError, match="Flatten 'flat': feature maps have height, width"):
        plot.feature_maps(model, np.zeros((9, 9)), "flat")
    with pytest.raises(
        ValueError, match=r"`image` must be one image.*\(9, 9, 1\); got shape \(2, 9, 9, 1\)"
    ):
        plot.feature_maps(model, np.zeros((2, 9, 9, 1)))
    with pytest.raises(ValueError, match=r"expected input of shape \(None, 9, 9, 1\)"):
        plot.feature_maps(model, np.zeros((8, 9)))
    with pytest.raises(TypeError, match="must be a Sequential"):
        plot.feature_maps(model.layers[1], np.zeros((9, 9)))
    with pytest.raises(TypeError, match="must hold numbers"):
        plot.feature_maps(model, np.full((9, 9), "a"))


# -- curves -------------------------------------------------------------------------------------


def test_history_has_curves_of_training_and_validation(rng: Any) -> None:
    model = ranvier.Sequential([L.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = rng.normal(size=(20, 3))
    record = model.fit(x, x[:, :1], epochs=7, validation_split=0.3, validation_freq=3, verbose=0)
    figure = plot.history(record)
    assert [axes.get_title() for axes in figure.axes] == ["loss", record.model.metrics_names[1]]
    training, validation = figure.axes[0].lines
    np.testing.assert_array_equal(training.get_xdata(), range(1, 8))
    np.testing.assert_array_equal(training.get_ydata(), record.history["loss"])
    np.testing.assert_array_equal(validation.get_xdata(), [3, 6])
    np.testing.assert_array_equal(validation.get_ydata(), record.history["val_loss"])


def test_history_of_training_that_went_on_begins_there(rng: Any) -> None:
    model = ranvier.Sequential([L.Dense(1)])
    model.compile("sgd", "mse")
    record = model.fit(rng.normal(size=(5, 2)), np.zeros(5), initial_epoch=4, epochs=6, verbose=0)
    np.testing.assert_array_equal(plot.history(record).axes[0].lines[0].get_xdata(), [5, 6])


def test_history_without_its_object() -> None:
    figure = plot.history({"val_loss": [1.0, 2.0]})  # evaluated only: a curve of its own
    assert [axes.get_title() for axes in figure.axes] == ["val_loss"]
    uneven = plot.history({"loss": [1.0] * 7, "val_loss": [1.0] * 5})
    assert len(uneven.axes[0].lines[1].get_xdata()) == 5
    with pytest.raises(ValueError, match="nothing was recorded"):
        plot.history({"loss": []})
    with pytest.raises(TypeError, match="must be what fit"):
        plot.history([1.0, 2.0])


# -- images -------------------------------------------------------------------------------------


def test_images_and_labels() -> None:
    x = np.arange(4 * 6, dtype="uint8").reshape(4, 3, 2) * 10
    figure = plot.images(x, np.array([3, 1, 2, 0]), columns=3)
    assert [axes.get_title() for axes in figure.axes] == ["3", "1", "2", "0"]
    for axes, image in zip(figure.axes, x, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), image / 255)
        assert axes.images[0].get_clim() == (0, 1)
    columns = {axes.get_subplotspec().colspan.start for axes in figure.axes}
    assert columns == {0, 1, 2}


@pytest.mark.parametrize(
    ("x", "want"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 0.5, 1]),
        (np.array([0.0, 51.0, 255.0]), [0, 0.2, 1]),
        (np.array([-1.0, 0.0, 3.0]), [0, 0.25, 1]),
        (np.array([0.0, 500.0, 1000.0]), [0, 0.5, 1]),
        (np.array([300.0, 300.0, 300.0]), [0, 0, 0]),
        (np.array([0.0, np.nan, 255.0]), [0, np.nan, 1]),
    ],
)
def test_brightness(x: Any, want: Any) -> None:
    got = plot.images(x.reshape(1, 1, 3, 1)).axes[0].images[0].get_array()
    np.testing.assert_allclose(np.ma.filled(got.ravel(), np.nan), want)


def test_colour_and_most() -> None:
    figure = plot.images(np.zeros((9, 4, 4, 3)), most=5)
    assert len(figure.axes) == 5 and shown(figure).shape == (4, 4, 3)


def test_what_is_no_batch_of_images() -> None:
    for shape in ((4, 4), (2, 4, 4, 2), (0, 4, 4), (1, 2, 4, 4, 1)):
        with pytest.raises(ValueError, match="`x` must be images"):
            plot.images(np.zeros(shape))
    with pytest.raises(ValueError, match="3 images need as many `labels`; got 2"):
        plot.images(np.zeros((3, 4, 4)), [1, 2])


# -- the confusion matrix -----------------------------------------------------------------------


def matrix(figure: Any) -> Any:
    """The numbers written into the picture."""
    axes = figure.axes[0]
    n = len(axes.get_xticklabels())
    counts = np.zeros((n, n), int)
    for text in axes.texts:
        column, row = text.get_position()
        counts[int(row), int(column)] = int(text.get_text())
    return counts


def test_confusion_matrix_counts_as_scikit_learn_does(rng: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    y, predicted = rng.integers(0, 5, 80), rng.integers(0, 5, 80)
    want = metrics.confusion_matrix(y, predicted)
    one_hot, probabilities = np.eye(5)[y], np.eye(5)[predicted] * 0.4 + 0.12
    for a in (y, list(y), y.astype(float), one_hot, y[:, None]):
        for b in (predicted, probabilities):
            np.testing.assert_array_equal(matrix(plot.confusion_matrix(a, b)), want)
    figure = plot.confusion_matrix(y, predicted)
    assert figure.axes[0].get_title() == f"{want.trace()} of 80 right"
    np.testing.assert_allclose(shown(figure), np.sqrt(want))


def test_confusion_matrix_of_two_classes_and_of_names() -> None:
    got = plot.confusion_matrix([[0], [1], [1]], np.array([[0.2], [0.9], [0.4]]))
    np.testing.assert_array_equal(matrix(got), [[1, 0], [1, 1]])
    figure = plot.confusion_matrix([0, 1, 1], [0, 1, 0], names=["cat", "dog", "cow"])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["cat", "dog", "cow"]
    np.testing.assert_array_equal(matrix(figure), [[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    texts = plot.confusion_matrix(["b", "a"], ["b", "b"])
    np.testing.assert_array_equal(matrix(texts), [[0, 1], [0, 1]])


@pytest.mark.parametrize(
    ("y", "predicted", "message"),
    [
        ([0, 1], [0], "as many rows"),
        ([], [], "as many rows"),
        ([0, 1], [0.2, 1.0], "class numbers; got 0.2"),
        ([0, 1], [np.nan, 1.0], "class numbers; got nan"),
        ([0, 1], ["a", "b"], "both be numbers or both texts"),
        ([0, 7], [[0.1, 0.9], [0.9, 0.1]], "`y_true` has class 7, but there are 2 classes"),
        ([[[0]]], [0], "must be classes"),
    ],
)
def test_what_is_no_pair_of_classes(y: Any, predicted: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.confusion_matrix(y, predicted)


def test_many_classes_are_coloured_without_numbers() -> None:
    figure = plot.confusion_matrix(np.arange(120), np.arange(120))
    assert not figure.axes[0].texts and len(figure.axes[0].get_xticks()) <= 50


# -- files and imports --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_pictures_are_saved(model: Any, tmp_path: Any, ending: str) -> None:
    makers: dict[str, Any] = {
        "filters": lambda path: plot.filters(model, path=path),
        "maps": lambda path: plot.feature_maps(model, np.eye(9), path=path),
        "history": lambda path: plot.history({"loss": [1.0]}, path=str(path)),
        "images": lambda path: plot.images(np.zeros((1, 3, 3)), path=path),
        "matrix": lambda path: plot.confusion_matrix([0], [0], path=path),
    }
    for name, make in makers.items():
        make(tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"{name}.{ending}").stat().st_size > 500


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_matplotlib_is_loaded_by_the_first_picture_and_pyplot_never() -> None:
    python(
        "import sys, ranvier\n"
        "assert 'ranvier.plot' not in sys.modules and 'matplotlib' not in sys.modules\n"
        "ranvier.plot\n"
        "assert 'ranvier.plot' in sys.modules and 'matplotlib' not in sys.modules\n"
        "ranvier.plot.history({'loss': [1.0]})\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )


def test_without_matplotlib_the_error_names_the_extra() -> None:
    said = python(
        "import importlib.util, ranvier\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'matplotlib' else find(n, *a)\n"
        "try: ranvier.plot.history({'loss': [1.0]})\n"
        "except ranvier.plot.MissingExtra as error: print(error)\n"
    )
    assert "ranvier.plot needs the package matplotlib" in said and "'ranvier[plot]'" in said
    assert issubclass(plot.MissingExtra, ImportError)
