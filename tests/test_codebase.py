"""The rules of docs/architecture.md that a machine can hold."""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "ranvier"
CSRC = ROOT / "csrc"
SOURCES = [p for p in CSRC.rglob("*") if p.suffix in (".cpp", ".hpp")]
MODULES = list(PACKAGE.rglob("*.py"))

# What each room may import at its modules' top level, besides private modules of the package and
# itself. Lower rooms first.
BELOW = {
    "reference": set(),
    "ops": {"_core", "reference"},
    "activations": {"ops"},
    "initializers": set(),
    "regularizers": {"ops"},
    "constraints": set(),
    "losses": {"ops"},
    "metrics": {"initializers", "losses", "ops", "variables"},
    "optimizers": {"initializers", "ops", "variables"},
    "callbacks": set(),
    "layers": {"activations", "constraints", "initializers", "ops", "regularizers", "variables"},
    "models": {
        "_core", "activations", "callbacks", "layers", "losses", "metrics", "ops", "optimizers",
        "saving", "utils", "variables",
    },
    "saving": {"variables"},
    "datasets": set(),
    "inspect": {"layers", "models"},
    "export": {"activations", "layers", "models", "ops", "saving"},
    "plot": {"inspect", "layers", "models"},
    "sklearn": {"layers", "losses", "metrics", "models", "ops", "optimizers", "plot", "regularizers"},
}  # fmt: skip


def rooms_imported(path: pathlib.Path) -> set[str]:
    """Rooms of ranvier that a module imports when it is imported."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ranvier"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("ranvier.")}
    return {name for name in found if name == "_core" or not name.startswith("_")}


@pytest.mark.parametrize("room", BELOW)
def test_imports_run_one_way(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        wrong = rooms_imported(path) - BELOW[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_reference_never_imports_the_extension() -> None:
    for path in (PACKAGE / "reference").rglob("*.py"):
        assert "_core" not in path.read_text(), path


def test_import_ranvier_imports_nothing_but_numpy_and_itself() -> None:
    # each module of the standard library is a millisecond, and `import numpy` takes 70
    code = """
import sys, numpy
before = set(sys.modules)
import ranvier
print(*{m.split(".")[0] for m in sys.modules.keys() - before} - {"ranvier", "__future__"})
"""
    told = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}{code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == []


LAZY = [p for p in PACKAGE.rglob("__init__.py") if "= lazy(" in p.read_text()]


@pytest.mark.parametrize("path", LAZY, ids=lambda p: p.parent.name)
def test_names_imported_when_asked_for_are_those_that_type_checkers_see(path: pathlib.Path) -> None:
    package = f"ranvier.{path.parent.name}"
    seen, aliases, homes = {}, {}, {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If):
            for inner in node.body:
                if isinstance(inner, ast.ImportFrom) and inner.module.startswith("ranvier."):
                    module = inner.module.removeprefix(f"{package}.")
                    seen[module] = " ".join(a.name for a in inner.names)
                elif isinstance(inner, ast.Assign):
                    aliases[inner.targets[0].id] = inner.value.id
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if getattr(node.value.func, "id", "") == "lazy":
                homes, *rest = map(ast.literal_eval, node.value.args[1:])
                assert aliases == (rest[0] if rest else {})
    assert seen == homes
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="Nothing"):
        module.Nothing  # noqa: B018


def test_no_python_in_the_engine() -> None:
    for path in SOURCES:
        if "bindings" not in path.parts:
            assert not re.search(r"pybind11|Python\.h|PyObject", path.read_text()), path


def test_openmp_only_in_the_parallel_runtime() -> None:
    for path in SOURCES:
        if re.search(r"#pragma omp|omp\.h|\bomp_\w+\(", path.read_text()):
            assert path.relative_to(CSRC).as_posix() == "runtime/parallel.cpp", path


def test_no_flags_that_change_floating_point_results() -> None:
    for path in [ROOT / "CMakeLists.txt", *CSRC.rglob("CMakeLists.txt"), *ROOT.glob("cmake/*")]:
        flags = re.sub(r"#.*", "", path.read_text())
        assert not re.search(r"-march=native|-Ofast|-ffast-math|-funsafe-math", flags), path


# Where a user asks for it by name; SECURITY.md promises that nothing else does.
NETWORKED = ("datasets/", "callbacks/remote_monitor.py")
NETWORK = {
    "aiohttp", "asyncio", "ftplib", "http", "httpx", "pooch", "requests", "smtplib", "socket",
    "socketserver", "ssl", "urllib", "urllib3", "webbrowser", "xmlrpc",
}  # fmt: skip


def test_the_network_is_opened_by_data_sets_and_the_remote_monitor_alone() -> None:
    for path in MODULES:
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(NETWORKED):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            wrong = {m.split(".")[0] for m in modules} & NETWORK
            assert not wrong, f"{name} imports {sorted(wrong)}"
    for path in SOURCES:
        assert "sys/socket.h" not in path.read_text(), path.relative_to(ROOT)


def test_files_stay_short() -> None:
    long = [p for p in [*SOURCES, *MODULES] if len(p.read_text().splitlines()) > 450]
    assert not long, [str(p.relative_to(ROOT)) for p in long]


def test_every_public_name_has_a_docstring() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            public = isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_"
            if public and not path.name.startswith("_") and "cli" not in path.parts:
                assert ast.get_docstring(node) or _short(node), f"{path}: {node.name}"


def _short(node: ast.AST) -> bool:
    """A helper inside a room that its name explains."""
    return isinstance(node, ast.FunctionDef) and len(node.body) <= 6
