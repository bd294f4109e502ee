"""What files keep of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from ranvier.layers.layer import Layer
    from ranvier.variables import Variable


class Saved:
    """How a layer's state goes into files and comes back, by Keras' names and order."""

    # What the entries of `save_own_variables` are called where files have names; by default those
    # of the variables.
    saved_names: tuple[str, ...] = ()
    built: bool
    input_shape: Any
    _weights: list[Variable]
    all_variables: Any
    ensure_built: Any

    def own_variables(self) -> list[Variable]:
        """The layer's own, without those of layers inside, as Keras' files order them."""
        return sorted(self._weights, key=lambda v: not v.made_trainable)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Puts arrays into `store`: "0", "1", ... of the layer's own variables."""
        for i, variable in enumerate(self.own_variables()):
            store[str(i)] = variable.value

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Takes what `save_own_variables` put in; shapes are checked already."""
        for i, variable in enumerate(self.own_variables()):
            variable.assign(store[str(i)])

    def load_assets(self, files: Mapping[str, bytes]) -> None:
        """Takes the layer's files beside the weights, by name."""

    def saved_parts(self) -> list[tuple[str, Layer | list[Layer]]]:
        """The layers inside and lists of them, by attribute: sorted, private ones last."""
        inside: list[Layer] = getattr(self, "inner_layers", list)()
        own = {id(layer) for layer in inside}
        parts: list[tuple[str, Any]] = []
        for name in sorted(vars(self), key=lambda name: (name.startswith("_"), name)):
            value = getattr(self, name)
            if id(value) in own:
                parts.append((name, value))
                own.discard(id(value))
            elif isinstance(value, (list, tuple)):
                held = [item for item in value if id(item) in own]
                if held:
                    parts.append((name, held))
                    own -= {id(item) for item in held}
        rest = [layer for layer in inside if id(layer) in own]
        return [*parts, ("inner_layers", rest)] if rest else parts

    # -- configuration ----------------------------------------------------------------------

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape that the weights were made for, if there are any."""
        if not self.built or self.input_shape is None or not self.all_variables():
            return None
        return {"input_shape": list(self.input_shape)}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Makes the weights for what `get_build_config` returned."""
        shape = config.get("input_shape")
        if shape is not None:
            self.ensure_built(tuple(shape))
