"""From nothing to the first prediction: `pip install`, import and one row through a small network.

python -m benchmarks.install_time [--wheel dist/ranvier-....whl] [ranvier scikit-learn ...]

The packages are downloaded first, so that the network is not measured; then each is installed into
a new virtual environment, without a cache, and predicts in a new process, six times. Each has a
network of 20-100-2 with random weights.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import venv

# Without a version pip takes PyTorch for CUDA, some GB; this one is also a build for the CPU
# (PyTorch's own index has it).
REQUIREMENTS = {"torch": "torch==2.13.0"}
FIRST = {
    "ranvier": """
import numpy as np, ranvier
from ranvier import layers
model = ranvier.Sequential(
    [layers.Input((20,)), layers.Dense(100, activation="relu"), layers.Dense(2)]
)
y = model(np.zeros((1, 20), "float32"))
""",
    "torch": """
import torch
model = torch.nn.Sequential(torch.nn.Linear(20, 100), torch.nn.ReLU(), torch.nn.Linear(100, 2))
with torch.inference_mode():
    y = model(torch.zeros(1, 20))
""",
    "scikit-learn": """
import numpy as np, warnings
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")
model = MLPClassifier(max_iter=1).fit(np.eye(20, dtype="float32"), np.arange(20) % 2)
y = model.predict(np.zeros((1, 20), "float32"))
""",
    "onnxruntime": """
import numpy as np, onnxruntime
model = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
y = model.run(None, {"x": np.zeros((1, 20), "float32")})
""",
    "tensorflow-cpu": """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
model = keras.Sequential(
    [keras.Input((20,)), keras.layers.Dense(100, activation="relu"), keras.layers.Dense(2)]
)
y = model(np.zeros((1, 20), "float32"))
""",
}  # fmt: skip


def onnx_model(path: pathlib.Path) -> None:
    """The network for ONNX Runtime; written by the package onnx of this environment."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    sizes = {"w1": (20, 100), "b1": (100,), "w2": (100, 2), "b2": (2,)}
    weights = [
        numpy_helper.from_array(rng.normal(size=s).astype("f4"), k) for k, s in sizes.items()
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, k])
        for n, k in (("x", 20), ("y", 2))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def measure(name: str, requirement: str, work: pathlib.Path) -> str:
    files, home = work / f"{name}-files", work / f"{name}-venv"
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:",
                    "--dest", files, requirement], check=True)  # fmt: skip
    venv.create(home, with_pip=True)
    before = size_of(home)
    begin = time.perf_counter()
    subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-cache-dir",
                    "--no-index", "--find-links", files, requirement], check=True)  # fmt: skip
    install = time.perf_counter() - begin
    script = work / f"first-{name}.py"  # not the name of what it imports
    script.write_text(FIRST[name])
    runs = []
    for _ in range(6):
        begin = time.perf_counter()
        subprocess.run([home / "bin" / "python", script], check=True, cwd=work)
        runs.append(time.perf_counter() - begin)
    down = sum(p.stat().st_size for p in files.iterdir()) / 1e6
    return (f"| {name} | {down:.1f} | {(size_of(home) - before) / 1e6:.0f} | {install:.1f} | "
            f"{runs[0]:.2f} | {statistics.median(runs[1:]):.2f} |")  # fmt: skip


def size_of(directory: pathlib.Path) -> int:
    return sum(p.stat().st_size for p in directory.rglob("*") if p.is_file() and not p.is_symlink())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", help="of ranvier; default: the one in dist/ for this Python")
    parser.add_argument("names", nargs="*", default=list(FIRST), help="default: all")
    arguments = parser.parse_args()
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    wheel = arguments.wheel or str(next(pathlib.Path("dist").glob(f"ranvier-*-{tag}-*.whl")))
    print("| | downloaded, MB | on disk, MB | install, s | first prediction, s | again, s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        if "onnxruntime" in arguments.names:
            onnx_model(work / "model.onnx")
        for name in arguments.names:
            wanted = REQUIREMENTS.get(name, name)
            if name == "ranvier":
                wanted = str(pathlib.Path(wheel).resolve())
            print(measure(name, wanted, work), flush=True)


if __name__ == "__main__":
    main()
