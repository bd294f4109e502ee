"""Tries an installed ranvier with nothing beside it: the README's example, files, threads.

python tools/smoke.py README.md
"""

from __future__ import annotations

import pathlib
import re
import shutil
import sys
import tempfile

import numpy as np

import ranvier
from ranvier import layers

assert shutil.which("g++") is None and shutil.which("cc") is None, "a compiler is at hand"

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 20)).astype("float32")
y = (x[:, 0] > x[:, 1]).astype("int64")
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
(example, *_) = re.findall(r"```python\n(.*?)```", text, re.S)
space = {"x": x, "y": y}
exec(example, space)
model = space["model"]
assert model.evaluate(x, y, verbose=0)[1] > 0.9

with tempfile.TemporaryDirectory() as directory:
    path = f"{directory}/model.keras"
    model.save(path)
    again = ranvier.models.load_model(path)
np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))

pictures = rng.normal(size=(32, 16, 16, 3)).astype("float32")
weights = []
for threads in (1, 4):
    ranvier.utils.set_random_seed(1)
    ranvier.config.set_num_threads(threads)
    net = ranvier.Sequential(
        [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
         layers.Dense(2)]
    )  # fmt: skip
    net.compile("adam", "mse")
    net.fit(pictures, rng.normal(size=(32, 2)) * 0 + 1, epochs=2, verbose=0)
    weights.append(np.concatenate([w.ravel() for w in net.get_weights()]))
assert (weights[0] == weights[1]).all(), "the number of threads changed the weights"
print(f"ranvier {ranvier.__version__} on Python {sys.version.split()[0]}: well")
