"""The command `ranvier`: demo, bench, info."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)

    import ranvier

    if options.command == "info":
        ranvier.show_config()
    elif options.command == "bench":
        from ranvier.ops import bench as ops_bench

        ops_bench.run(seconds=options.seconds)
    else:
        from ranvier.cli.demo import MissingExtra, run

        try:
            run(options.model, options.epochs, options.seed, options.output)
        except MissingExtra as error:
            print(f"ranvier demo: {error}", file=sys.stderr)
            return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ranvier", description="Small and medium neural networks on the CPU."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train on real handwritten digits")
    network = "a perceptron network (default) or a convolutional one"
    demo.add_argument("--model", choices=["mlp", "cnn"], default="mlp", help=network)
    demo.add_argument("--epochs", type=_positive, help="default: what the network needs")
    demo.add_argument("--seed", type=int, default=0)
    pictures = "where the picture goes; the second one of cnn goes to <its name>-filters.png"
    demo.add_argument("--output", default="ranvier-demo.png", help=pictures)
    bench = commands.add_parser("bench", help="C++ against NumPy on this machine")
    bench.add_argument("--seconds", type=float, default=0.2, help="time for each op and size")
    commands.add_parser("info", help="version, instruction set, threads, compiler")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; got {value}")
    return value
