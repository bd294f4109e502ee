"""evaluate and predict."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.models import data
from ranvier.models.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ranvier.callbacks import CallbackList
    from ranvier.models.steps import Steps

# The engine returns to Python at least so often, for progress, Ctrl-C and callbacks.
SECONDS = 0.05


class Evaluable:
    """What `Sequential` can do with the weights as they are."""

    # from Sequential and Trainable
    label: str
    network: Any
    _fit_shape: Any
    _layers: Any
    _sample_shape: Any
    build: Any
    _rows: Any
    _steps_for: Any
    _need_compiled: Any
    _has_own: Any
    predict_step: Any

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Loss and metrics on data, as `fit` takes them.

        Args:
            x, y, sample_weight: see `fit`.
            batch_size: rows at a time, default 32.
            verbose: 0 silent, 1 a progress bar, 2 a line, "auto" is 1.
            steps: at most so many batches.
            callbacks: list of `Callback`.
            return_dict: whether to give the results by name.

        Returns:
            The loss, or [loss, metrics...], or a dict of them if `return_dict`.

        Raises:
            ValueError, TypeError: data that do not fit, or no `compile` before.
        """
        if kwargs:
            raise TypeError(f"{self.label}: evaluate() has no argument `{next(iter(kwargs))}`")
        self._need_compiled("evaluate")
        from ranvier.callbacks import CallbackList

        batch = data.batch_size_of(self.label, batch_size)
        steps = data.steps_of(self.label, "steps", steps)
        feeds, total = self._feeds(x, y, sample_weight, batch, steps)
        hooks = CallbackList(
            callbacks,
            model=self,
            add_progbar=bool(verbose),
            verbose=verbose,
            epochs=1,
            steps=total,
        )
        try:
            logs = self._evaluate(feeds, steps, hooks, True)
        finally:
            hooks.close()
        return results(logs, return_dict)

    def _feeds(
        self, x: Any, y: Any, sample_weight: Any, batch: int, steps: int | None
    ) -> tuple[Iterable[Feed], int | None]:
        """Pieces of data; and the number of batches, if known."""
        if data.is_array_like(x):
            rows = self._rows(x, y, sample_weight)
            total = -(-len(rows.x) // batch)
            return [Feed(rows, batch)], min(total, steps or total)
        data.check_alone(self.label, y=y, sample_weight=sample_weight)
        return self._row_batches(x), data.length(self.label, x, steps, "steps")

    def _row_batches(self, source: Any) -> Generator[Feed, None, None]:
        with closing(data.once(self.label, source)) as items:
            for item in items:
                rows = self._rows(*data.unpack(self.label, item))
                yield Feed(rows, len(rows.x))

    def _evaluate(
        self,
        feeds: Iterable[Feed],
        limit: int | None,
        hooks: CallbackList,
        progress: bool,
    ) -> dict[str, float]:
        hooks.on_test_begin()
        machine: Steps | None = None
        done = 0
        most = data.MANY if limit is None else limit
        with closing(feeds) if isinstance(feeds, Generator) else nullcontext(feeds) as pieces:
            for feed in pieces:
                if machine is None:
                    machine = self._steps_for(feed.rows.y)
                    machine.prepare()
                    machine.reset()
                done = self._evaluate_piece(machine, feed, done, most, hooks, progress)
                if done >= most:
                    break
        if machine is None:
            raise ValueError(f"{self.label}: the data are empty (no batches)")
        logs = machine.logs()
        hooks.on_test_end(logs)
        return logs

    def _evaluate_piece(
        self,
        machine: Steps,
        feed: Feed,
        done: int,
        most: int,
        hooks: CallbackList,
        progress: bool,
    ) -> int:
        start = 0
        while start < len(feed.rows.x) and done < most:
            if hooks.has_test_batch_hooks:
                hooks.on_test_batch_begin(done)
                n = machine.evaluate(feed, start, 1, SECONDS)
                hooks.on_test_batch_end(done, machine.logs())
            else:
                n = machine.evaluate(feed, start, most - done, SECONDS)
            done += n
            start += n * feed.batch
            if progress:
                hooks.progress(done, machine.logs)
        return done

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics on one batch, as `evaluate` gives them."""
        self._need_compiled("test_on_batch")
        rows = self._rows(x, y, sample_weight)
        machine = self._steps_for(rows.y)
        machine.prepare()
        machine.reset()
        machine.evaluate(Feed(rows, len(rows.x)), 0, 1, SECONDS)
        return results(machine.logs(), return_dict)

    # -- predict ----------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> NDArray[Any]:
        """The outputs for all rows of `x`.

        Args:
            x: array, data frame, or an iterable of batches.
            batch_size: rows at a time for `steps` and callbacks; the engine chooses its own
                blocks otherwise, with the same result. Default 32.
            verbose: 0 silent, 1 a progress bar, 2 a line, "auto" is 1.
            steps: at most so many batches.
            callbacks: list of `Callback`.

        Returns:
            Array (N, ...) of the model's dtype.

        Raises:
            ValueError, TypeError: data that do not fit, or no weights yet and no rows to tell
                their shape.
        """
        if batch_size is not None:
            batch_size = data.batch_size_of(self.label, batch_size)
        fixed = self._rows_of_states()
        if self._has_own("predict_step"):
            pass
        elif fixed is not None:
            batch_size = batch_size or fixed
        elif verbose == 0 and callbacks is None and steps is None and isinstance(x, np.ndarray):
            if x.ndim > 0 and len(x) <= 256:
                return self(x)  # type: ignore[operator]
            inputs = self._inputs(x)
            return self.network().run(inputs)
        return self._predict(x, batch_size, verbose, steps, callbacks)

    def _rows_of_states(self) -> int | None:
        """The batch size that stateful layers are made for, if there are any."""
        for layer in self._layers:
            inner = getattr(layer, "_rows_of_states", None)
            states = getattr(layer, "states", None)
            rows = states[0].shape[0] if states else inner() if inner else None
            if rows is not None:
                return int(rows)
        return None

    def _inputs(self, x: Any) -> NDArray[Any]:
        """`x` as an array that fits the model, which is built for it if it has no weights yet."""
        sample = self._sample_shape
        if type(x) is not np.ndarray:
            x = data.only(x, lambda s: len(s) > 1 if sample is None else len(s) == len(sample) + 1)
        array = data.as_rows(self.label, x, "x")
        if sample is None:
            self.build((None, *(array.shape[1:] or (1,))))
        return self._fit_shape(array)

    def _predict(
        self, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any
    ) -> NDArray[Any]:
        from ranvier.callbacks import CallbackList

        batch = data.batch_size_of(self.label, batch_size)
        total = steps = data.steps_of(self.label, "steps", steps)
        piece = batch
        if data.is_array_like(x):
            x = self._inputs(x)
            if len(x) == 0:
                return self.network().run(x)
            x = x if steps is None else x[: steps * batch]
            total = -(-len(x) // batch)
        else:
            total = data.length(self.label, x, steps, "steps")
        hooks = CallbackList(
            callbacks,
            model=self,
            add_progbar=bool(verbose),
            verbose=verbose,
            epochs=1,
            steps=total,
        )
        own = self._has_own("predict_step")
        alone = own or self._rows_of_states() is not None  # states go from batch to batch
        if isinstance(x, np.ndarray) and not hooks.has_predict_batch_hooks and not alone:
            # few, large pieces unless somebody watches each batch
            piece = max(batch, -(-len(x) // (50 * batch)) * batch)
        try:
            outputs = self._predict_pieces(x, piece, batch, steps, hooks)
        finally:
            hooks.close()
        if not outputs:
            raise ValueError(f"{self.label}: the data are empty (no batches)")
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _pieces(
        self, x: Any, piece: int, batch: int, steps: int | None
    ) -> Generator[tuple[NDArray[Any], int], None, None]:
        """Inputs, and how many batches are done after each."""
        if isinstance(x, np.ndarray):
            for start in range(0, len(x), piece):
                end = min(start + piece, len(x))
                yield x[start:end], -(-end // batch)
            return
        with closing(data.once(self.label, x)) as items:
            for i, item in enumerate(items):
                yield self._inputs(data.unpack(self.label, item)[0]), i + 1
                if i + 1 == steps:
                    return

    def _predict_pieces(
        self, x: Any, piece: int, batch: int, steps: int | None, hooks: CallbackList
    ) -> list[NDArray[Any]]:
        outputs: list[NDArray[Any]] = []
        own = self._has_own("predict_step")
        step = self.predict_step if own else self.network().run
        hooks.on_predict_begin()
        with closing(self._pieces(x, piece, batch, steps)) as pieces:
            for rows, done in pieces:
                if hooks.has_predict_batch_hooks:
                    hooks.on_predict_batch_begin(len(outputs))
                y = step(rows)
                outputs.append(y)
                if hooks.has_predict_batch_hooks:
                    hooks.on_predict_batch_end(len(outputs) - 1, {"outputs": y})
                hooks.progress(done, dict)
        hooks.on_predict_end()
        return outputs

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """The outputs for one batch."""
        return self.predict_step(x)


def results(logs: dict[str, float], return_dict: bool) -> Any:
    """Results as Keras gives them: by name, one number, or a list."""
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
