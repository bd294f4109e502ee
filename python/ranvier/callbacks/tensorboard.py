"""Event files that TensorBoard shows."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier._extras import need
from ranvier.callbacks.callback import Callback, Logs
from ranvier.callbacks.model_checkpoint import check_frequency

if TYPE_CHECKING:
    from numpy.typing import NDArray

# TensorBoard's graph page reads a model's configuration from summaries of this plugin.
_GRAPH = "graph_keras_model"
# Seconds from one flush to the next: each waits for the disk.
_FLUSH = 1.0


class TensorBoard(Callback):
    """Writes loss, metrics and learning rate, and histograms and images of weights if asked to.

    Files come to `log_dir/train` and `log_dir/validation`, under the tags that Keras uses:
    `epoch_loss`, `epoch_learning_rate`, `batch_loss`, `<weight>/histogram`, `<weight>/image`.

    Args:
        log_dir: where to. Default "logs".
        histogram_freq: epochs between two histograms of all weights; 0: none.
        write_graph: whether the layers are shown on TensorBoard's graph page. Default True.
        write_images: whether weights are shown as images where histograms are. Default False.
        write_steps_per_second: whether steps a second are written each epoch. Default False.
        update_freq: "epoch", "batch" or a number of batches: how often batches' values are written.
        profile_batch, embeddings_freq: 0; ranvier has no profiler and writes no projections.
        embeddings_metadata: None.

    Raises:
        MissingExtra: tensorboardX is not installed (the extra `tensorboard`).
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        need("tensorboardX", "tensorboard", "callbacks.TensorBoard needs")
        for argument, value in {
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }.items():
            if value:
                raise ValueError(f"TensorBoard: `{argument}` is not in ranvier; got {value!r}")
        if isinstance(histogram_freq, bool) or not isinstance(histogram_freq, int):
            raise ValueError(
                f"TensorBoard: `histogram_freq` must be an integer; got {histogram_freq!r}"
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        check_frequency("TensorBoard", self.update_freq)
        self._writers: dict[str, Any] = {}
        self._batches = self._seen = 0
        self._flushed = 0.0
        if self.update_freq != "epoch":  # batches are told only to who asks
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]

    def _writer(self, name: str) -> Any:
        if name not in self._writers:
            from tensorboardX import SummaryWriter

            self._writers[name] = SummaryWriter(os.path.join(self.log_dir, name))
        return self._writers[name]

    def _write(self, where: str, values: dict[str, Any], step: int) -> None:
        """Scalars as one event: each passes through a queue of tensorboardX'."""
        from tensorboardX.proto.summary_pb2 import Summary
        from tensorboardX.summary import scalar

        found = [part for name, value in values.items() for part in scalar(name, value).value]
        self._writer(where).file_writer.add_summary(Summary(value=found), step)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batches = 0
        self._iterations = self.model.optimizer.iterations
        if self.write_graph:
            self._write_graph()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.write_steps_per_second:
            self._began, self._iterations = time.perf_counter(), self.model.optimizer.iterations

    def _batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches % self.update_freq == 0:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            self._write("train", values, self._batches)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = dict(logs or {})
        for name, optimizer in self.model.optimizer._rated().items():
            values[name] = optimizer.learning_rate
        if self.write_steps_per_second:
            steps = self.model.optimizer.iterations - self._iterations
            values["steps_per_second"] = steps / (time.perf_counter() - self._began)
        parts: dict[str, dict[str, Any]] = {"train": {}, "validation": {}}
        for name, value in values.items():
            where = "validation" if name.startswith("val_") else "train"
            parts[where][f"epoch_{name.removeprefix('val_')}"] = value
        for where, part in parts.items():
            if part:
                self._write(where, part, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        now = time.perf_counter()
        if now - self._flushed >= _FLUSH:
            self._flushed = now
            for writer in self._writers.values():
                writer.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for variable in self.model.weights:
            writer.add_histogram(f"{variable.path}/histogram", variable.numpy(), epoch)
            if self.write_images and (pictures := as_pictures(variable.value)) is not None:
                writer.add_images(f"{variable.path}/image", pictures, epoch, dataformats="NHWC")

    def _write_graph(self) -> None:
        from tensorboardX.proto import summary_pb2, tensor_pb2

        plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=_GRAPH)
        text = tensor_pb2.TensorProto(
            dtype="DT_STRING", string_val=[json.dumps(json.loads(self.model.to_json())).encode()]
        )
        value = summary_pb2.Summary.Value(
            tag="keras", metadata=summary_pb2.SummaryMetadata(plugin_data=plugin), tensor=text
        )
        self._writer("train").file_writer.add_summary(summary_pb2.Summary(value=[value]), 0)


def as_pictures(weight: NDArray[Any]) -> NDArray[Any] | None:
    """Pictures (N, H, W, 1) with values in [0, 1]: of a matrix, a vector or filters; else None."""
    w = np.squeeze(weight)
    match w.ndim:
        case 1:
            w = w[None, :, None, None]
        case 2:  # the longer side across
            w = (w.T if w.shape[0] > w.shape[1] else w)[None, :, :, None]
        case 3:  # one picture for each channel
            w = np.moveaxis(w, -1, 0)[..., None]
        case _:
            return None
    low, high = float(w.min()), float(w.max())
    return (w - low) / (high - low or 1.0)
