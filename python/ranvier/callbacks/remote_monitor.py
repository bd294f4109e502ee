"""The logs of each epoch, sent to a server."""

from __future__ import annotations

import json
import warnings
from typing import Any

from ranvier.callbacks.callback import Callback, Logs


class RemoteMonitor(Callback):
    """Posts the logs of each epoch, with its number, to `root + path`.

    Args:
        root: of the address, http or https. Default "http://localhost:9000".
        path: the rest of it. Default "/publish/epoch/end/".
        field: of the form that holds the logs as JSON. Default "data".
        headers: of the request, or None.
        send_as_json: whether the body is the JSON itself. Default False.

    A server that cannot be reached is warned of; training goes on.

    Raises:
        ValueError: an address that is not http or https.

    >>> RemoteMonitor(root="https://example.org").field
    'data'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if str(root).partition("://")[0].lower() not in ("http", "https"):
            raise ValueError(
                f"RemoteMonitor: `root` must begin with http:// or https://; got {root!r}"
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        # here: it takes as long to import as half of ranvier
        from urllib import error, parse, request

        text = json.dumps({"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}})
        headers = dict(self.headers or {})
        if self.send_as_json:
            headers.setdefault("Content-Type", "application/json")
        else:
            text = parse.urlencode({self.field: text})
        post = request.Request(self.root + self.path, text.encode(), headers)
        try:
            request.urlopen(post, timeout=10).close()
        except (error.URLError, OSError) as failure:
            warnings.warn(
                f"RemoteMonitor: {self.root} could not be reached ({failure})",
                RuntimeWarning,
                stacklevel=2,
            )


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
