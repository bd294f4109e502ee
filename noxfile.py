"""Every task of development; CI calls these.

nox -s tests lint types cpp asan bench wheel
"""

from __future__ import annotations

import pathlib
import shutil

import nox

nox.options.sessions = ["lint", "types", "tests", "cpp"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True

BUILD = pathlib.Path("build")


@nox.session
def tests(session: nox.Session) -> None:
    """The Python tests, parity with Keras included, and the doctests."""
    session.install(".[test,parity,demo]")
    session.run("pytest", *(session.posargs or ["-n", "2"]))
    session.run("pytest", "--doctest-modules", "--pyargs", "ranvier", "-p", "no:cacheprovider")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff and clang-format; nothing is changed."""
    session.install("ruff>=0.8", "clang-format>=18")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [str(p) for s in ("*.cpp", "*.hpp") for p in pathlib.Path("csrc").rglob(s)]
    session.run("clang-format", "--dry-run", "--Werror", *sources)


@nox.session
def types(session: nox.Session) -> None:
    """mypy, and the extension's stub against the extension."""
    session.install(".", "mypy>=1.13")
    session.run("mypy")
    session.run(
        "python", "-m", "mypy.stubtest", "ranvier._core", "--allowlist", ".ci/stubtest-allowlist"
    )


def _cpp(session: nox.Session, directory: str, *arguments: str) -> None:
    session.install("cmake>=3.20", "ninja")
    build = str(BUILD / directory)
    session.run("cmake", "-S", ".", "-B", build, "-G", "Ninja", "-DRANVIER_PYTHON=OFF",
                "-DRANVIER_TESTS=ON", "-DRANVIER_WERROR=ON", *arguments)  # fmt: skip
    session.run("cmake", "--build", build)
    session.run("ctest", "--test-dir", build, "--output-on-failure")


@nox.session
def cpp(session: nox.Session) -> None:
    """The C++ tests for each instruction set; warnings are errors."""
    _cpp(session, "cpp")


@nox.session
def asan(session: nox.Session) -> None:
    """The C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    _cpp(
        session, "asan", "-DRANVIER_SANITIZE=address,undefined", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"
    )


@nox.session
def bench(session: nox.Session) -> None:
    """C++ against NumPy, and ranvier against other frameworks: tables and JSON."""
    session.install(".", "torch==2.13.0", "jax", "keras", "scikit-learn", "onnxruntime", "onnx")
    session.run("ranvier", "bench")
    for suite in ("kernels", "layers", "frameworks", "busy", "memory", "callbacks"):
        session.run("python", "-m", f"benchmarks.{suite}", "--output",
                    f"benchmarks/results/{suite}.json")  # fmt: skip
    session.run("python", "-m", "benchmarks.startup")


@nox.session
def wheel(session: nox.Session) -> None:
    """Builds the wheel and checks its size and that the extension is stripped."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", "dist")
    session.run("python", ".ci/check_wheel.py", "dist")
