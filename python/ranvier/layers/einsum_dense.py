"""The perceptron layer over any axes."""

from __future__ import annotations

import copy
import math
import re
import string
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ranvier import activations, constraints, initializers, regularizers
from ranvier.layers.layer import Layer, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ranvier.models.lowering import Builder

_EQUATION = re.compile(r"(\.{3})?([a-zA-Z]+)(\.{3})?,([a-zA-Z]+)->(\.{3})?([a-zA-Z]+)(\.{3})?")


class _Axes(NamedTuple):
    """An equation without ellipses: a letter for each axis, and the letters' extents."""

    x: str
    kernel: str
    y: str
    extents: dict[str, int | None]

    def shape(self, letters: str) -> Shape:
        return tuple(self.extents[letter] for letter in letters)


class _Product(NamedTuple):
    """The engine's dense node: x as (kept, summed), W (summed, made), y (kept, made)."""

    kept: str
    summed: str
    made: str


class EinsumDense(Layer):
    """A perceptron layer over any axes: `y = activation(einsum(equation, x, W) + b)`.

    In the engine, as a dense layer between changes of shape, if W's axes are those that are summed
    over and then new ones, and b has all new ones, which are y's last; else by NumPy.

    Args:
        equation: "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac...", with any letters; the first
            axis of x and y is the batch.
        output_shape: extents of y without the batch axis and those of the ellipsis: an integer or a
            tuple, None where x tells.
        activation: a name, a function of `ranvier.activations`, or None (linear).
        bias_axes: letters of y along which b varies, or None: no b.
        kernel_initializer: for W, default "glorot_uniform".
        bias_initializer: for b, default "zeros".
        kernel_regularizer, bias_regularizer: penalties added to the loss, or None.
        kernel_constraint, bias_constraint: projections after each update, or None.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: only None.

    Raises:
        ValueError: an equation of another form; extents that do not fit or are not known.

    >>> import numpy as np, ranvier
    >>> layer = ranvier.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")
    >>> layer(np.ones((1, 4, 5), "float32")).shape, layer.kernel.shape
    ((1, 4, 2, 3), (5, 2, 3))
    """

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        absent = {
            "lora_rank": lora_rank,
            "lora_alpha": lora_alpha,
            "gptq_unpacked_column_size": gptq_unpacked_column_size,
            "quantization_config": quantization_config,
        }
        for argument, value in absent.items():
            if value is not None:
                raise ValueError(f"{self.label}: `{argument}` is not in ranvier; got {value!r}")
        self.equation = equation
        self._parts = self._parse(equation)
        shape = (output_shape,) if isinstance(output_shape, (int, np.integer)) else output_shape
        if not isinstance(shape, (list, tuple)) or any(
            n is not None and (isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1)
            for n in shape
        ):
            raise ValueError(
                f"{self.label}: `output_shape` must hold positive integers or None; "
                f"got {output_shape!r}"
            )
        self.partial_output_shape = tuple(shape)
        left, _, _, y = self._parts
        if len(shape) != len(y) - (not left):
            raise ValueError(
                f"{self.label}: `output_shape` must have an extent for each of '{y}' but the "
                f"batch axis; got {output_shape!r}"
            )
        if bias_axes is not None and (
            not isinstance(bias_axes, str) or not bias_axes or not set(bias_axes) <= set(y)
        ):
            raise ValueError(
                f"{self.label}: `bias_axes` must be letters of the output '{y}'; got {bias_axes!r}"
            )
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._product: _Product | None = None

    # -- the equation -----------------------------------------------------------------------

    def _parse(self, equation: Any) -> tuple[bool, str, str, str]:
        """(whether the ellipsis comes first, the letters of x, W and y)."""
        match = _EQUATION.fullmatch(equation) if isinstance(equation, str) else None
        if match is not None:
            left, x, right, kernel, y_left, y, y_right = match.groups()
            forms = left == y_left and right == y_right and not (left and right)
            once = all(len(set(letters)) == len(letters) for letters in (x, kernel, y))
            batch = bool(left) or (x[0] == y[0] and x[0] not in kernel)
            known = set(kernel) <= set(x + y) and set(y) <= set(x + kernel)
            if forms and once and batch and known and not (right and len(x) < 2):
                return bool(left), x, kernel, y
        raise ValueError(
            f"{self.label}: `equation` must be of the form 'ab,bc->ac', '...ab,bc->...ac' or "
            "'ab...,bc->ac...': each letter once a part, the batch first (and not in the second "
            "part), none in one part alone but of the first; "
            f"got {equation!r}"
        )

    def _axes_of(self, input_shape: Shape) -> _Axes:
        left, x, kernel, y = self._parts
        rest = len(input_shape) - len(x)
        dots = "..." in self.equation
        if rest < left or (rest > 0 and not dots):
            raise ValueError(
                f"{self.label}: the equation {self.equation!r} does not fit input of shape "
                f"{tuple(input_shape)}"
            )
        more = "".join(a for a in string.ascii_letters if a not in x + kernel + y)[:rest]
        given = list(self.partial_output_shape)
        if left:
            x, y_all = more + x, more + y
        else:
            x, y_all, y = x + more, y + more, y[1:]
        extents = dict(zip(x, input_shape, strict=True))
        for letter, n in zip(y, given, strict=True):
            known = extents.get(letter)
            if None not in (n, known) and n != known:
                raise ValueError(
                    f"{self.label}: `output_shape` has {n} for '{letter}' of {self.equation!r}; "
                    f"got input of shape {tuple(input_shape)}"
                )
            extents[letter] = known if n is None else n
        return _Axes(x, kernel, y_all, extents)

    def _known(self, axes: _Axes, letters: str) -> tuple[int, ...]:
        shape = axes.shape(letters)
        if None in shape:
            raise ValueError(
                f"{self.label}: the extents of '{letters}' in {self.equation!r} must be known, "
                f"from `output_shape` or the input; got {shape}"
            )
        return tuple(int(n or 0) for n in shape)

    def _as_product(self, axes: _Axes) -> _Product | None:
        x, kernel, y, _ = axes
        summed = "".join(a for a in kernel if a not in y)
        made = "".join(a for a in kernel if a not in x)
        kept = "".join(a for a in y if a in x)
        plain = summed and made and kernel == summed + made and len(x) == len(kept + summed)
        biased = self.bias_axes is None or (y.endswith(made) and set(self.bias_axes) == set(made))
        unknown = axes.shape(kept[1:]).count(None)
        return _Product(kept, summed, made) if plain and biased and unknown < 2 else None

    # -- what layers do ---------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        axes = self._axes = self._axes_of(input_shape)
        self._product = self._as_product(axes)
        act = self.activation
        if self._product is None and act is not None and getattr(act, "native", None) is None:
            raise ValueError(
                f"{self.label}: the activation {act!r} cannot be that of an equation which runs in "
                "Python; put it behind the layer"
            )
        make = self.kernel_initializer
        if isinstance(make, initializers.VarianceScaling) and None in (
            make.input_axes,
            make.output_axes,
        ):
            make = copy.copy(make)
            make.input_axes = [i for i, a in enumerate(axes.kernel) if a not in axes.y]
            make.output_axes = [i for i, a in enumerate(axes.kernel) if a in axes.y]
        self.kernel = self.add_weight(
            self._known(axes, axes.kernel),
            initializer=make,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.bias_axes is not None:
            first = min(axes.y.index(a) for a in self.bias_axes)
            along = [a if a in self.bias_axes else "" for a in axes.y[first:]]
            self.bias = self.add_weight(
                tuple(self._known(axes, a)[0] if a else 1 for a in along),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axes = self._axes_of(input_shape)
        return axes.shape(axes.y)

    @property
    def is_native(self) -> bool:
        return super().is_native and self._product is not None

    @property
    def _is_linear(self) -> bool:
        return self.activation is None or self.activation.native[0] == "linear"

    def lower(self, builder: Builder, x: int) -> int:
        graph, axes = builder.graph, self._axes
        assert self._product is not None
        kept, summed, made = self._product
        # one extent may be left to the engine: that which is not known, or any
        extents = [-1 if n is None else n for n in axes.shape(kept[1:])]
        if extents and -1 not in extents:
            extents[0] = -1
        ins, outs = axes.shape(summed), self._known(axes, made)
        units_in, units = math.prod(self._known(axes, summed)), math.prod(outs)
        x = _permuted(graph, x, axes.x, kept + summed)
        if len(ins) > 1:
            x = graph.reshape(x, [*extents, units_in])
        fused, rest = builder.split_activation(self.label, self.activation)
        kernel = builder.weight(self.kernel, self.trainable)
        bias = -1 if self.bias is None else builder.weight(self.bias, self.trainable)
        x = graph.dense(x, units_in, units, kernel, bias, *fused)
        if len(outs) > 1:
            x = graph.reshape(x, [*extents, *outs])
        x = _permuted(graph, x, kept + made, axes.y)
        return builder.activation(self.label, rest, x)

    def forward(self, x: NDArray[Any], training: bool = False) -> tuple[NDArray[Any], Any]:
        """Of equations that are no dense layer."""
        axes = self._axes
        z = _einsum(x, axes.x, self.kernel.value, axes.kernel, axes.y)
        if self.bias is not None:
            z = z + self.bias.value
        return z if self._is_linear else self.activation(z), (x, z)

    def backward(self, cache: Any, dy: NDArray[Any]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        x, z = cache
        axes = self._axes
        if not self._is_linear:
            slope = self.activation.derivative(z)
            matrices = slope.ndim > z.ndim  # softmax: one for each row
            dy = np.einsum("...i,...ij->...j", dy, slope) if matrices else dy * slope
        gradients = [_einsum(x, axes.x, dy, axes.y, axes.kernel)]
        if self.bias is not None:
            shape = (1,) * (dy.ndim - self.bias.ndim) + self.bias.shape
            over = tuple(i for i, n in enumerate(shape) if n != dy.shape[i])
            gradients.append(dy.sum(over).reshape(self.bias.shape))
        # what is in x alone was added up
        alone = [i for i, a in enumerate(axes.x) if a not in axes.kernel + axes.y]
        seen = "".join(a for i, a in enumerate(axes.x) if i not in alone)
        dx = _einsum(dy, axes.y, self.kernel.value, axes.kernel, seen)
        return np.broadcast_to(np.expand_dims(dx, alone), x.shape), gradients

    # -- configuration ----------------------------------------------------------------------

    def _config_value(self, name: str) -> Any:
        return self.partial_output_shape if name == "output_shape" else super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        """What makes this layer again; Keras writes no LoRA or GPTQ unless used."""
        config = super().get_config()
        for kept_out in ("lora_rank", "lora_alpha", "gptq_unpacked_column_size"):
            del config[kept_out]
        penalty = regularizers.serialize(self.activity_regularizer)
        return {**config, "activity_regularizer": penalty}


def _einsum(a: NDArray[Any], la: str, b: NDArray[Any], lb: str, out: str) -> NDArray[Any]:
    """`np.einsum(f"{la},{lb}->{out}", a, b)` as matrix products, which it only makes of some.

    `b` has no letters of its own that are not in `out`.
    """
    alone = tuple(i for i, x in enumerate(la) if x not in lb + out)
    if alone:
        a, la = a.sum(alone), "".join(x for i, x in enumerate(la) if i not in alone)
    batch = [x for x in la if x in lb and x in out]
    summed = [x for x in la if x in lb and x not in out]
    rows = [x for x in la if x not in lb]
    columns = [x for x in lb if x not in la]
    size = dict(zip(la + lb, a.shape + b.shape, strict=True))

    def matrices(array: NDArray[Any], letters: str, *groups: list[str]) -> NDArray[Any]:
        order = [letters.index(x) for group in groups for x in group]
        return array.transpose(order).reshape([math.prod(size[x] for x in g) for g in groups])

    left, right = matrices(a, la, batch, rows, summed), matrices(b, lb, batch, summed, columns)
    have = [*batch, *rows, *columns]
    product = np.matmul(left, right).reshape([size[x] for x in have])
    return product.transpose([have.index(x) for x in out])


def _permuted(graph: Any, x: int, have: str, want: str) -> int:
    """The value with its axes, named by letters, in another order; the batch stays first."""
    return x if have == want else int(graph.permute(x, [have.index(a) for a in want[1:]]))
