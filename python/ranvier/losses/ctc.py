"""Connectionist temporal classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier import ops
from ranvier.losses.loss import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = -1e5  # a log-probability of what cannot be, as in Keras: differences stay finite


class CTC(Loss):
    """`-log sum_a prod_t p(a_t)` over all alignments a of the labels with the steps.

    An alignment writes each label once or several times in a row, with blanks between (there must
    be one between two equal labels). Class 0 is the blank.

    Args:
        reduction, name, dtype: see `Loss`.

    Shapes:
        y_true class numbers (N, L), filled up with 0 behind; y_pred logits (N, T, classes).

    Labels that do not fit into T steps have a loss of about 1e5, as in Keras.

    Raises:
        ValueError: other shapes, or a label that is no class number.

    Reference: Graves et al., Connectionist Temporal Classification, ICML 2006.

    >>> import numpy as np, ranvier
    >>> loss = ranvier.losses.CTC()  # two steps, two classes: 3 alignments of 4
    >>> round(loss(np.array([[1]]), np.zeros((1, 2, 2))), 4)
    0.2877
    """

    kind = "ctc"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "ctc",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _fit(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        true, pred = np.asarray(y_true), np.asarray(y_pred)
        if true.ndim != 2 or pred.ndim != 3 or len(true) != len(pred):
            raise ValueError(
                f"CTC '{self.name}': y_true must hold class numbers (N, L) for logits y_pred "
                f"(N, T, classes); got {true.shape} and {pred.shape}"
            )
        labels = true.astype(np.int64)
        bad = (labels < 0) | (labels >= pred.shape[-1]) | (labels != true)
        if bad.any():
            raise ValueError(
                f"CTC '{self.name}': y_true must hold class numbers in 0..{pred.shape[-1] - 1}; "
                f"got {true[bad][0]}"
            )
        return labels, pred

    def _values_shape(self, y_true: Any, y_pred: Any) -> tuple[int, ...]:
        return (len(y_pred),)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels, pred = self._fit(y_true, y_pred)
        return _Alignments(labels, pred).values

    def gradient_call(self, y_true: Any, y_pred: Any) -> Any:
        labels, pred = self._fit(y_true, y_pred)
        return _Alignments(labels, pred).gradient()


class _Alignments:
    """The log-probabilities of all beginnings of the labels after each step.

    blank[t][:, n]: n labels are written and a blank was last (or nothing yet); label[t][:, n]: the
    label n was last. A label that equals the one before needs the blank between.
    """

    def __init__(self, labels: NDArray[Any], logits: NDArray[Any]) -> None:
        self.labels, self.logits = labels, logits
        samples, length = labels.shape
        self.logs = ops.log_softmax(logits).transpose(1, 0, 2)
        self.rows = np.arange(samples)[:, None]
        repeats = np.zeros(labels.shape, logits.dtype)
        repeats[:, :-1] = labels[:, :-1] == labels[:, 1:]
        self.through, self.between = _NEVER * repeats, _NEVER * (1 - repeats)
        self.lengths = (labels != 0).sum(axis=1)
        blank = np.full((samples, length + 1), _NEVER, logits.dtype)
        blank[:, 0] = 0
        self.blank, self.label = [blank], [np.full(labels.shape, _NEVER, logits.dtype)]
        for logs in self.logs:
            self._step(logs)
        last = self.blank[-1].copy()
        last[:, 1:] = np.logaddexp(last[:, 1:], self.label[-1])
        self.values = -last[self.rows[:, 0], self.lengths]

    def _ready(self, t: int) -> NDArray[Any]:
        """Before step t: after a label the next may follow at once, unless it is the same."""
        ready = self.blank[t].copy()
        ready[:, 1:] = np.logaddexp(ready[:, 1:], self.label[t] + self.through)
        return ready

    def _step(self, logs: NDArray[Any]) -> None:
        before = self.label[-1]
        ready = self._ready(len(self.label) - 1)
        blank = ready.copy()
        blank[:, 1:] = np.logaddexp(ready[:, 1:], before + self.between)
        self.blank.append(blank + logs[:, :1])
        self.label.append(np.logaddexp(ready[:, :-1], before) + logs[self.rows, self.labels])

    def gradient(self) -> NDArray[Any]:
        """The values' derivative in the logits: the steps backwards."""
        d_logs = np.zeros_like(self.logs)
        d_blank = np.zeros_like(self.blank[0])
        d_blank[self.rows[:, 0], self.lengths] = -1
        d_blank, d_label = _split(d_blank, self.blank[-1], self.label[-1])
        for t in range(len(self.logs) - 1, -1, -1):
            d_logs[t, :, 0] += d_blank.sum(axis=1)
            np.add.at(d_logs[t], (self.rows, self.labels), d_label)
            before, ready = self.label[t], self._ready(t)
            # blank = logaddexp(ready, before + between), label = logaddexp(ready, before)
            d_ready, d_before = _split(d_blank, ready, before + self.between)
            from_ready, from_before = _shares(ready[:, :-1], before)
            d_ready[:, :-1] += d_label * from_ready
            d_before += d_label * from_before
            d_blank, more = _split(d_ready, self.blank[t], before + self.through)
            d_label = d_before + more
        d_logits: NDArray[Any] = d_logs.transpose(1, 0, 2)
        return d_logits - ops.softmax(self.logits) * d_logits.sum(axis=-1, keepdims=True)


def _shares(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The derivatives of `logaddexp(a, b)`."""
    both = np.logaddexp(a, b)
    return np.exp(a - both), np.exp(b - both)


def _split(
    dy: NDArray[Any], blank: NDArray[Any], label: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """`dy` of `logaddexp(blank[:, 1:], label)` (and of blank[:, 0]), as shares of both."""
    mine, theirs = _shares(blank[:, 1:], label)
    d_blank = dy.copy()
    d_blank[:, 1:] *= mine
    return d_blank, dy[:, 1:] * theirs
