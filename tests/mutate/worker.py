"""The processes that run the tests: one for the map of lines and tests, one for each mutant.

They are forked from a process that has imported what the tests need, but nothing of this package. A worker has a copy of `src/`
of its own, and puts the mutant there.
"""

import os
import resource
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path

import coverage
import pytest
from attrs import field, frozen

Tests = Mapping[tuple[str, int], Collection[str]]
"""The tests that run a line of a file of the package. A line that runs in the import of the package is run by all."""

MAX_MEMORY = 8 << 30
PROFILE = (
    *("-q", "-p", "no:cacheprovider", "--hypothesis-profile=quick", "-m", "not long"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # what is preloaded cannot be rewritten
)
PRELOADED = (
    *("anyio", "cattrs", "freezegun", "hypothesis.internal.conjecture.engine", "hypothesis.strategies", "pytest_cov.plugin"),
    *("sqlalchemy", "sybil.document", "transitions", "xdist.plugin"),
)
"""What the tests import. It is imported once, and not for each mutant."""


class End(StrEnum):
    """How the tests of a mutant ended."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    NO_TEST = "no test"


def preload() -> None:
    """Import what the tests need, and nothing of this package."""
    os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # they would import the package
    for name in PRELOADED:
        import_module(name)
    assert "cobrowse_session" not in sys.modules


def forked(act: Callable[[], int], seconds: int) -> int | None:
    """Run a function in a process of its own, and return the exit code. None: it was killed after that processor time."""
    child = os.fork()
    if not child:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
            signal.alarm(3 * seconds)
            quiet = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(quiet, descriptor)
            code = act()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


# --- Which tests run a line ---------------------------------------------------------------------------------------------------


class _Durations:
    """A plugin that measures each test function, with all its parameters."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time of a phase."""
        self.seconds[report.nodeid.partition("[")[0]] += report.duration


def write_map(files: Sequence[str], data: Path, durations: Path) -> int:
    """Run the tests of some files with coverage, write what each ran and how long it took, and return pytest's exit code."""
    measured = coverage.Coverage(data_file=str(data), source_dirs=["src/cobrowse_session"], config_file=False)
    measured.set_option("run:dynamic_context", "test_function")
    times = _Durations()
    with measured.collect():
        code = int(pytest.main([*PROFILE, *files], plugins=[times]))
    measured.save()
    durations.write_text("\n".join(f"{seconds:.4f} {name}" for name, seconds in times.seconds.items()), encoding="utf-8")
    return code


def read_map(source: Path, data: Path, durations: Path) -> tuple[Tests, Mapping[str, float]]:
    """Return what `write_map` wrote: the tests of each line, and the seconds of each test."""
    lines = (line.split(" ", 1) for line in durations.read_text(encoding="utf-8").splitlines())
    seconds = {name: float(number) for number, name in lines}
    names = {name.removesuffix(".py").replace("/", ".").replace(".py::", ".").replace("::", "."): name for name in seconds}
    found: dict[tuple[str, int], Collection[str]] = {}
    stored = coverage.CoverageData(str(data))
    stored.read()
    for file in stored.measured_files():
        path = Path(file).relative_to(source.resolve()).as_posix()
        for line, contexts in stored.contexts_by_lineno(file).items():
            found[path, line] = seconds if "" in contexts else {names[name] for name in contexts if name in names}
    return found, seconds


# --- One mutant ---------------------------------------------------------------------------------------------------------------


@frozen
class Task:
    """A mutant to run.

    Attributes:
        key: of the mutant.
        file: its path in the package.
        source: the file as it is then.
        steps: tests, and the processor time after which they are killed, in seconds. The first step has the fastest tests.
    """

    key: str
    file: str
    source: str
    steps: Sequence[tuple[Sequence[str], int]]


@frozen
class Worker:
    """Runs mutants, one after another, in a copy of `src/` of its own."""

    folder: Path
    _number: "count[int]" = field(factory=partial(count, 1))

    @classmethod
    def create(cls, parent: Path) -> "Worker":
        """Make a worker and its copy."""
        folder = parent / str(os.getpid())
        shutil.copytree("src", folder, ignore=shutil.ignore_patterns("__pycache__"))
        return cls(folder)

    def end_of(self, task: Task) -> End:
        """Put a mutant into the copy, run tests until one fails, and put the file back."""
        if not task.steps:
            return End.NO_TEST
        path = self.folder / "cobrowse_session" / task.file
        original = path.read_text(encoding="utf-8")
        self._write(path, task.source)
        try:
            for tests, seconds in task.steps:
                code = forked(partial(self._run, tests), seconds)
                if code != 0:
                    return End.TIMEOUT if code is None else End.KILLED
        finally:
            self._write(path, original)
        return End.SURVIVED

    def _write(self, path: Path, text: str) -> None:
        # Python takes a compiled file if the time and the size of its source are those that it was compiled from.
        path.write_text(text, encoding="utf-8")
        time = next(self._number)
        os.utime(path, (time, time))

    def _run(self, tests: Sequence[str]) -> int:
        sys.path.insert(0, str(self.folder))
        os.environ["PYTHONPATH"] = str(self.folder)  # for the processes that tests start
        return int(pytest.main(["-x", *PROFILE, *tests]))
