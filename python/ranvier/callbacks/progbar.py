"""Progress: a live bar on a terminal or in a notebook, else a line an epoch."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._messages import is_live, say
from ranvier.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds between two drawings of the bar, each of about a millisecond, and between two lines.
# Faster epochs are not all printed: training shall not wait for a terminal.
_DRAW = 0.25
_LINE = 0.05
# On a live bar at least so many times as long as the last took: a slow terminal costs 2 % at most.
_TIMES = 50


class ProgbarLogger(Callback):
    """Shows steps, time, loss and metrics. `fit` adds one unless `verbose=0`.

    `verbose` 1 is a live bar on a terminal or in a notebook (elsewhere lines), 2 a line an epoch.
    Lines come at most every 0.05 s; the first and last epoch always have theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verbose = 1
        self.epochs = 1
        self.target: int | None = None
        self._fitting = False
        self._bar: Any = None
        self._task: Any = None
        self._epoch = 0
        self._seen = 0
        self._started = self._drawn = self._printed = 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")
        self._live = self.verbose == 1 and is_live()

    # -- when -------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._fitting = True
        self._printed = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._begin(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        last = epoch + 1 >= self.epochs or getattr(self.model, "stop_training", False)
        self._line(logs or {}, always=last)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.progress(batch + 1, lambda: logs or {})

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._fitting:
            self.progress(batch + 1, lambda: logs or {})

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.progress(batch + 1, dict)

    def on_train_end(self, logs: Logs = None) -> None:
        self._fitting = False
        self.close()

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._fitting:
            self._begin(0)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._fitting:
            self._line(logs or {}, always=True)
            self.close()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._begin(0)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._line({}, always=True)
        self.close()

    # -- what -------------------------------------------------------------------------------

    def _begin(self, epoch: int) -> None:
        self._epoch, self._seen = epoch, 0
        self._started = time.perf_counter()
        if self._drawn == 0.0:
            self._drawn = self._started

    def progress(self, step: int, logs: Callable[[], dict[str, Any]]) -> None:
        """Notes that `step` steps are done, and draws the bar if it is time to."""
        self._seen = step
        if not self._live:
            return
        now = time.perf_counter()
        if now - self._drawn < _DRAW:
            return
        if self._bar is None:
            self._open()
            now = time.perf_counter()
        self._bar.update(
            self._task,
            completed=step,
            total=self.target,
            epoch=f"Epoch {self._epoch + 1}/{self.epochs}" if self._fitting else "",
            logs=_text(logs()),
        )
        self._bar.refresh()
        self._drawn = _after(now, _DRAW)

    def _open(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        self._bar = Progress(
            "{task.fields[epoch]}",
            BarColumn(20),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            "{task.fields[logs]}",
            auto_refresh=False,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("", epoch="", logs="")

    def _line(self, logs: dict[str, Any], always: bool) -> None:
        if self.target is None:
            self.target = self._seen
        if not self.verbose:
            return
        now = time.perf_counter()
        if not always and now - self._printed < _LINE:
            return
        seconds = now - self._started
        parts = []
        if self._fitting and self.epochs > 1:
            parts.append(f"Epoch {self._epoch + 1}/{self.epochs}")
        parts.append(f"{self.target}/{self.target}")
        parts.append(f"{seconds:.1f}s {_duration(seconds / max(1, self.target))}/step")
        text = " - ".join([*parts, *([_text(logs)] if logs else [])])
        self._printed = now
        if self._bar is None:
            say(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False)
            self._printed = _after(now, _LINE)

    def close(self) -> None:
        """Takes the live bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._fitting = False
        self._drawn = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bar": None, "_task": None}


class Progbar:
    """Shows how many steps are done, the time a step takes, and values: for loops of one's own.

    Args:
        target: how many steps there are, or None.
        width: of the bar. Default 20.
        verbose: 0: silent; 1 (default): a line drawn again and again; 2: a line at the end.
        interval: least seconds between two drawings. Default 0.05.
        stateful_metrics: names of values shown as they come, of others the means; or
        stateless_metrics: names of those of which the means are shown.
        unit_name: of a step.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.add(1, [("loss", 1.0)])
    >>> bar.add(1, [("loss", 0.5)])
    2/2 - 0s - ... - loss: 0.5000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        stateless_metrics: Any = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: give `stateful_metrics` or `stateless_metrics`, not both")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self._others = stateless_metrics is None  # whether those not named are means
        self._named = set(stateful_metrics or stateless_metrics or ())
        self._values: dict[str, tuple[Any, int]] = {}
        self._seen = self._shown = 0
        self._drawn, self._started = 0.0, time.time()
        self._second: float | None = None

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """`current` steps are done.

        Args:
            values: pairs (name, value of these steps).
            finalize: whether these were the last; None: if the target is reached.
        """
        goal, now = self.target or 0, time.time()
        if finalize is None:
            finalize = self.target is not None and current >= goal
        for name, value in values or ():
            total, n = self._values.get(name, (0, 0))
            steps = max(current - self._seen, 1)
            if finalize or (name in self._named) is self._others:
                total, n, steps = 0, 0, 1
            self._values[name] = total + value * steps, n + steps
        self._seen = current
        each = (now - self._started) / max(current, 1)
        if current > 1 and self._second is not None:  # the first step is not like others
            each = (now - self._second) / (current - 1)
        if current == 1:
            self._second = now
        if not finalize and (self.verbose != 1 or now - self._drawn < self.interval):
            return
        self._drawn = now
        count = f"{current:{len(str(goal))}d}/{goal}" if goal > 0 else f"{current:7d}/Unknown"
        clock = f"{now - self._started:.0f}s"
        means = {k: float(np.mean(total)) / n for k, (total, n) in self._values.items()}
        info = f"{_duration(each)}/{self.unit_name}" + " - " * bool(means) + _text(means)
        if self.verbose == 2 and goal > 0:
            say(f"{count} - {clock} - {info}")
        if self.verbose != 1:
            return
        if goal > 0:
            done = int(self.width * current / goal)
            bar = f"\x1b[32m{'━' * done}\x1b[0m" if done > 0 else ""
            count = f"\x1b[1m{count}\x1b[0m {bar}\x1b[37m{'━' * (self.width - done)}\x1b[0m"
            if not finalize:
                left = int(each * (goal - current))
                clock = f"{left // 60}:{left % 60:02d}" if left > 60 else f"{left}s"
                if left > 3600:
                    clock = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
        text = f"{count} \x1b[1m{clock}\x1b[0m {info}"
        plain = re.sub("\x1b\\[\\d+m", "", text)
        if not is_live():
            say(plain)
            return
        before, self._shown = self._shown, len(plain)
        text = "\b" * before + "\r" + text + " " * (before - len(plain))
        say(text, end="\n" if finalize else "")

    def add(self, n: int, values: Any = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)


def _after(begin: float, pause: float) -> float:
    """The time from which `pause` counts, for something that began at `begin` and ends now."""
    end = time.perf_counter()
    return end + max(0.0, _TIMES * (end - begin) - pause)


def _text(logs: dict[str, Any]) -> str:
    return " - ".join(f"{name}: {_number(value)}" for name, value in logs.items())


def _number(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
