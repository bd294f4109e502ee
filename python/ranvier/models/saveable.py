"""save, save_weights, load_weights, export: what models do with files."""

from __future__ import annotations

from typing import Any

from ranvier._serialize import deserialize_keras_object, serialize_keras_object

_COMPILED = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
    "steps_per_execution", "jit_compile",
)  # fmt: skip


class Saveable:
    """What a model can do with files; see `ranvier.saving`."""

    # from the model
    label: str
    layers: Any
    compile: Any
    _compiled: bool
    _compile_arguments: dict[str, Any]

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
    ) -> None:
        """Writes the model into a `.keras` file; see `ranvier.saving.save_model`."""
        from ranvier.saving import save_model

        save_model(self, filepath, overwrite, zipped, include_optimizer=include_optimizer)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: Any = None
    ) -> None:
        """Writes the weights into a file; see `ranvier.saving.save_weights`."""
        from ranvier.saving import save_weights

        save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Reads weights from a file; see `ranvier.saving.load_weights`."""
        from ranvier.saving import load_weights

        load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "onnx",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Writes what the model predicts as an ONNX file; see `ranvier.export.export_model`."""
        from ranvier.export import export_model

        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as a JSON string; `kwargs` go to `json.dumps`."""
        import json

        return json.dumps(serialize_keras_object(self), **kwargs)

    def saved_parts(self) -> list[tuple[str, Any]]:
        """The layers, as files name them."""
        return [("layers", self.layers)]

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was called with, as plain values; empty before it was."""
        config = serialize_keras_object(self._compile_arguments) if self._compiled else {}
        return dict(config)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with what `get_compile_config` (or Keras') returned."""
        if not isinstance(config, dict) or not set(config) <= set(_COMPILED):
            raise ValueError(
                f"{self.label}: compile settings must be a dictionary of {', '.join(_COMPILED)}; "
                f"got {config!r}"
            )
        self.compile(**deserialize_keras_object(config))
