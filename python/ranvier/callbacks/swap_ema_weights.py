"""Moving averages of weights in the weights' place."""

from __future__ import annotations

from ranvier.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Puts the moving averages into the model while it is evaluated or predicts.

    Args:
        swap_on_epoch: whether they also stay in it from the end of an epoch to the begin of the
            next, for callbacks after this one (a `ModelCheckpoint`). Default False.

    Raises:
        ValueError: the model's optimizer was made without `use_ema=True`.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _swap(self, to_averages: bool) -> None:
        optimizer = self.model.optimizer
        if optimizer is None or not optimizer.use_ema:
            raise ValueError("SwapEMAWeights: the model's optimizer needs use_ema=True")
        if self._swapped == to_averages or optimizer.averages is None:
            return
        for variable, at in optimizer._places:
            average = optimizer.averages[at : at + variable.size].reshape(variable.shape)
            kept = variable.numpy()
            variable.assign(average)
            average[...] = kept
        self._swapped = to_averages

    def on_train_begin(self, logs: Logs = None) -> None:
        self._swapped = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)
            self._last = [v.numpy() for v, _ in self.model.optimizer._places]

    def on_train_end(self, logs: Logs = None) -> None:
        if not self._swapped:
            return
        # `fit` has just brought back what lay in the averages' place, the weights
        optimizer = self.model.optimizer
        for (variable, at), average in zip(optimizer._places, self._last, strict=True):
            variable.assign(average)
            optimizer.averages[at : at + variable.size] = average.reshape(-1)
        self._swapped = False

    def on_test_begin(self, logs: Logs = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._swap(False)
