"""PyTorch, eager, channels last, with its fused optimizers."""

from __future__ import annotations

import os

import numpy as np

from benchmarks import networks as cases

COMPILE = False


def network(case):
    import torch
    from torch import nn

    class Swap(nn.Module):
        """Channels last as torch has it: only the axes' names change places, nothing is copied."""

        def __init__(self, *order):
            super().__init__()
            self.order = order

        def forward(self, x):
            return x.permute(self.order)

    class Steps(nn.Module):
        """A recurrent layer's output, all steps or the last."""

        def __init__(self, kind, inputs, n, sequences):
            super().__init__()
            self.layer = getattr(nn, kind.upper())(inputs, n, batch_first=True)
            self.sequences = sequences

        def forward(self, x):
            y = self.layer(x)[0]
            return y if self.sequences else y[:, -1]

    layers = [Swap(0, 3, 1, 2)] if len(case.shape) == 3 else []
    for i, ((kind, n), inputs) in enumerate(zip(case.layers, case.shapes[:-1], strict=True)):
        if kind in cases.GATES:
            layers.append(Steps(kind, inputs[-1], n, case.sequences(i)))
        elif kind == "conv":
            layers += [nn.Conv2d(inputs[-1], n, 3, padding=int(case.padding == "same")), nn.ReLU()]
        elif kind == "pool":
            layers.append(nn.MaxPool2d(n))
        elif kind == "flatten":
            layers += [Swap(0, 2, 3, 1), nn.Flatten()]
        else:
            layers += [nn.Linear(inputs[0], n), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)


def set_weights(model, weights):
    """Keras' weights: for recurrent layers PyTorch has a second bias, and r before z in a GRU."""
    import torch
    from torch import nn

    weights = iter(weights)
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            kernel, recurrent, bias = next(weights), next(weights), next(weights)
            if isinstance(module, nn.GRU):
                kernel, recurrent, bias = (swapped(w) for w in (kernel, recurrent, bias))
            else:
                bias = np.stack([bias, bias * 0])
                module.bias_hh_l0.requires_grad_(False)
            given = (kernel.T, recurrent.T, *bias)
        elif isinstance(module, (nn.Linear, nn.Conv2d)):
            w = next(weights)
            given = (w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T, next(weights))
        else:
            continue
        for p, w in zip(module.parameters(), given, strict=True):
            p.copy_(torch.from_numpy(np.ascontiguousarray(w)))


def swapped(w):
    z, r, candidate = np.split(w, 3, -1)
    return np.concatenate([r, z, candidate], -1)


def make(case):
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    model = network(case)
    with torch.no_grad():
        set_weights(model, cases.weights(case))
    x_np, y_np = cases.data(case)
    x, y = torch.from_numpy(x_np), torch.from_numpy(y_np)
    loss_of = nn.CrossEntropyLoss()
    trained = [p for p in model.parameters() if p.requires_grad]
    if case.optimizer == "adam":
        optimizer = torch.optim.Adam(trained, lr=1e-3, fused=True)
    else:
        optimizer = torch.optim.SGD(trained, lr=1e-2, fused=True)

    def forward_loss(xb, yb):
        return loss_of(model(xb), yb)

    def infer(xb):
        return torch.softmax(model(xb), 1)

    if COMPILE:
        torch.compiler.reset()  # or the case before makes shapes dynamic
        forward_loss, infer = torch.compile(forward_loss), torch.compile(infer)

    def predict(rows):
        with torch.inference_mode():
            return torch.softmax(model(torch.from_numpy(np.asarray(rows))), 1).numpy()

    def run(n):
        if case.kind == "predict":
            with torch.inference_mode():
                for _ in range(n):
                    infer(torch.from_numpy(x_np)).numpy()
            return
        done = 0
        while done < n:
            order = torch.randperm(case.rows)
            for i in range(0, case.rows, case.batch):
                rows = order[i : i + case.batch]
                optimizer.zero_grad(set_to_none=True)
                forward_loss(x[rows], y[rows]).backward()
                optimizer.step()
                done += 1

    return lambda: predict(cases.data(case)[0]), run


def versions():
    import torch

    return f"torch {torch.__version__}" + (" compiled" if COMPILE else " eager")
