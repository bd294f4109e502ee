"""Model files by coverage-guided fuzzing, if atheris is installed; else by blind mutation.

    python -m tests.fuzz.files --seconds 300            # blind
    pip install atheris && python -m tests.fuzz.files --guided --seconds 300

One file a case: an archive of config.json and model.weights.h5, of which the fuzzer changes bytes,
or a config that it changes as text. Loading ends in a model or a ValueError that names the file.
"""

from __future__ import annotations

import argparse
import io
import json
import pathlib
import random
import sys
import tempfile
import time
import warnings
import zipfile
from typing import Any

if "--guided" in sys.argv:
    import atheris

    with atheris.instrument_imports(include=["ranvier"]):
        import ranvier
        import ranvier.saving.model_files
else:
    import ranvier


def seeds() -> list[bytes]:
    """Files of small models."""
    L, made = ranvier.layers, []
    stacks: list[tuple[tuple[int, ...], list[Any]]] = [
        ((4,), [L.Dense(3, "relu"), L.BatchNormalization(), L.Dropout(0.1), L.Dense(2)]),
        ((6, 6, 2), [L.Conv2D(2, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(1)]),
        ((5, 3), [L.Bidirectional(L.LSTM(2)), L.LayerNormalization()]),
    ]
    for shape, layers in stacks:
        model = ranvier.Sequential([ranvier.Input(shape), *layers])
        model.compile("adam", "mse", metrics=["mae"])
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "m.keras"
            model.save(path)
            made.append(path.read_bytes())
    return made


def plain(archive: bytes) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read("config.json"), opened.read("model.weights.h5")


class Target:
    """What is fuzzed: `first` byte 0: the archive itself, 1: its config, 2: its weights."""

    def __init__(self, directory: str) -> None:
        self.path = pathlib.Path(directory) / "m.keras"
        self.parts = [plain(seed) for seed in seeds()]
        self.cases = self.refused = 0

    def __call__(self, data: bytes) -> None:
        if len(data) < 2:
            return
        kind, which = data[0] % 3, data[1] % len(self.parts)
        config, weights = self.parts[which]
        rest = bytes(data[2:])
        if kind == 0:
            self.path.write_bytes(rest)
        else:
            with zipfile.ZipFile(self.path, "w") as archive:
                archive.writestr("metadata.json", "{}")
                archive.writestr("config.json", rest if kind == 1 else config)
                archive.writestr("model.weights.h5", rest if kind == 2 else weights)
        self.cases += 1
        try:
            ranvier.saving.load_model(self.path)
        except ValueError as error:
            if str(self.path) not in str(error):
                raise
            self.refused += 1


def corpus(target: Target) -> list[bytes]:
    whole = [bytes([0, i]) + seed for i, seed in enumerate(seeds())]
    parts = [bytes([k + 1, i]) + p[k] for i, p in enumerate(target.parts) for k in (0, 1)]
    return whole + parts


WORDS = [b"null", b"-1", b"1e999", b"NaN", b"true", b'"x"', b"[]", b"{}", b"99999999999999999999",
         b"0", b'"Dense"', b'"class_name"', b"2147483648", b"4611686018427387904"]  # fmt: skip


def mutated(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        at = draw.randrange(2, len(changed))
        match draw.randrange(5):
            case 0:
                changed[at] = draw.randrange(256)
            case 1:
                changed[at] ^= 1 << draw.randrange(8)
            case 2:
                changed[at : at + draw.randrange(1, 32)] = b""
            case 3:
                begin = draw.randrange(2, len(changed))
                changed[at:at] = changed[begin : begin + draw.randrange(1, 64)]
            case _:  # a value of JSON
                end = at
                while end < len(changed) and changed[end] not in b",]}":
                    end += 1
                begin = max(changed.rfind(b":", 2, end), changed.rfind(b",", 2, end), 1) + 1
                if end - begin < 40:
                    changed[begin:end] = draw.choice(WORDS)
        if len(changed) < 3:
            return data
    return bytes(changed)


def guided(target: Target, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for i, seed in enumerate(corpus(target)):
            (pathlib.Path(directory) / str(i)).write_bytes(seed)
        atheris.Setup(
            [sys.argv[0], directory, f"-max_total_time={seconds}", "-max_len=65536", "-timeout=20"],
            target,
        )
        atheris.Fuzz()


def blind(target: Target, seconds: int, seed: int) -> None:
    draw, pool = random.Random(seed), corpus(target)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(draw.choice(pool), draw)
        began = time.monotonic()
        try:
            target(data)
        except BaseException:
            pathlib.Path("crash.bin").write_bytes(data)
            print("the file that failed is crash.bin", file=sys.stderr)
            raise
        if time.monotonic() - began > 20:
            raise RuntimeError("a file took more than 20 s")
    print(json.dumps({"cases": target.cases, "refused": target.refused, "failures": 0}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as directory:
        target = Target(directory)
        if options.guided:
            guided(target, options.seconds)
        else:
            blind(target, options.seconds, options.seed)


if __name__ == "__main__":
    main()
