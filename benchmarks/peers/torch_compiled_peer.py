"""PyTorch with torch.compile around forward and loss."""

from __future__ import annotations

from benchmarks.peers import torch_peer


def make(case):
    torch_peer.COMPILE = True
    return torch_peer.make(case)


def versions():
    torch_peer.COMPILE = True
    return torch_peer.versions()
