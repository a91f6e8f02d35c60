"""The processes that run the tests: one for the map of lines and tests, one for each mutant.

A mutant is run in two ways, the quick one first:

    quick      the tests were collected once. A fork of that process gets the code of the changed function, and runs the tests
    thorough   a process that has imported nothing of this package imports the changed file, collects the tests, and runs them

The quick way takes a tenth of the time. What ran before the fork, as the making of a table, ran without the change. So what
survives there is run in the thorough way, if its lines run before the tests, too. A worker has a copy of `src/` of its own for
that.
"""

import gc
import os
import resource
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib import import_module
from itertools import count, pairwise
from math import ceil
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest
from attrs import define, field, frozen

Line = tuple[str, int]
"""A line of a file of the package."""
Step = Mapping[str, float]
"""Tests that run in one process, in order. Each has the seconds that it takes without a mutant."""

MAX_MEMORY = 8 << 30
UNCHANGED = 98
"""The exit code of a process that could not put a mutant into its memory."""
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


def limit(usual: float) -> int:
    """Return the processor time after which tests are killed, in seconds. They usually take so many."""
    return 5 + ceil(15 * usual)


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


@frozen
class Map:
    """Which tests run a line.

    Attributes:
        tests: those that run it, by line.
        early: the lines that also run before the tests, or in what several of them share: any test may depend on them.
        seconds: how long each test takes.
    """

    tests: Mapping[Line, Collection[str]]
    early: Collection[Line]
    seconds: Mapping[str, float]


def read_map(source: Path, data: Path, durations: Path) -> Map:
    """Return what `write_map` wrote."""
    lines = (line.split(" ", 1) for line in durations.read_text(encoding="utf-8").splitlines())
    seconds = {name: float(number) for number, name in lines}
    names = {name.removesuffix(".py").replace("/", ".").replace(".py::", ".").replace("::", "."): name for name in seconds}
    tests: dict[Line, Collection[str]] = {}
    early: set[Line] = set()
    stored = coverage.CoverageData(str(data))
    stored.read()
    for file in stored.measured_files():
        path = Path(file).relative_to(source.resolve()).as_posix()
        for line, contexts in stored.contexts_by_lineno(file).items():
            tests[path, line] = {names[name] for name in contexts if name in names}
            if "" in contexts:
                early.add((path, line))
    return Map(tests, early, seconds)


# --- One mutant ---------------------------------------------------------------------------------------------------------------


@frozen
class Task:
    """A mutant to run.

    Attributes:
        key: of the mutant.
        file: its path in the package.
        function: the name of the function that is changed. None: the file is as it is.
        source: the file as it is then.
        own: tests that run the changed lines, the fastest first.
        others: tests that may depend on them, because the changed lines run before the tests, too.
    """

    key: str
    file: str
    function: str | None
    source: str
    own: Sequence[Step]
    others: Sequence[Step]


@frozen
class Worker:
    """Runs mutants, one after another. It has the tests, and a copy of `src/` of its own."""

    folder: Path
    collected: "Collected"
    _number: "count[int]" = field(factory=partial(count, 1))

    @classmethod
    def create(cls, parent: Path, source: Path, tests: Sequence[str]) -> "Worker":
        """Make a worker and its copy."""
        folder = parent / str(os.getpid())
        shutil.copytree("src", folder, ignore=shutil.ignore_patterns("__pycache__"))
        return cls(folder, Collected.start(source, tests, folder / "tmp"))

    def end_of(self, task: Task) -> End:
        """Run the tests of a mutant until one fails."""
        if not task.own and not task.others:
            return End.NO_TEST
        for step in task.own:
            end = self.collected.run(task, step)
            if end is None:
                return self._thorough(task)
            if end is not End.SURVIVED:
                return end
        return self._thorough(task) if task.others or task.function is None else End.SURVIVED

    def _thorough(self, task: Task) -> End:
        """Put a mutant into the copy, run tests until one fails, and put the file back."""
        path = self.folder / "cobrowse_session" / task.file
        original = path.read_text(encoding="utf-8")
        self._write(path, task.source)
        try:
            steps = (*task.own, *task.others)
            every = (end_by(forked(partial(self._run, step), limit(1 + sum(step.values())))) for step in steps)
            return next((end for end in every if end is not End.SURVIVED), End.SURVIVED)
        finally:
            self._write(path, original)

    def _write(self, path: Path, text: str) -> None:
        # Python takes a compiled file if the time and the size of its source are those that it was compiled from.
        path.write_text(text, encoding="utf-8")
        time = next(self._number)
        os.utime(path, (time, time))

    def _run(self, tests: Iterable[str]) -> int:
        sys.path.insert(0, str(self.folder))
        os.environ["PYTHONPATH"] = str(self.folder)  # for the processes that tests start
        return int(pytest.main(["-x", *PROFILE, *tests]))


def end_by(code: int | None) -> End:
    """Return how tests ended, by the exit code of their process. None: it was killed."""
    return End.TIMEOUT if code is None else End.KILLED if code else End.SURVIVED


# --- The quick way ------------------------------------------------------------------------------------------------------------


@frozen
class Collected:
    """A process that has collected the tests. Whatever runs is a fork of it."""

    _pipe: Connection

    @classmethod
    def start(cls, source: Path, tests: Sequence[str], folder: Path) -> "Collected":
        """Begin to collect tests.

        Args:
            source: the package.
            tests: their files.
            folder: for files that the tests write.
        """
        ours, theirs = Pipe()
        if not os.fork():
            ours.close()
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            pytest.main([*PROFILE, f"--basetemp={folder}", *tests], plugins=[_Loop(source.resolve(), theirs)])
            os._exit(0)
        theirs.close()
        return cls(ours)

    def run(self, task: Task, step: Step) -> End | None:
        """Run some tests of a mutant until one fails. None: the quick way cannot change that function."""
        self._pipe.send((task, step))
        code = self._pipe.recv()
        return None if code == UNCHANGED else end_by(code)


@define
class _Loop:
    """A plugin in place of pytest's loop over all tests: it runs those that it is sent."""

    source: Path
    pipe: Connection
    items: dict[str, list[pytest.Item]] = field(factory=lambda: defaultdict(list))
    functions: dict[tuple[str, str], list[FunctionType]] = field(factory=lambda: defaultdict(list))

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Run what comes, until nobody sends any more."""
        for item in session.items:
            self.items[item.nodeid.partition("[")[0]].append(item)
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(self.source)):
                self.functions[one.__code__.co_filename, one.__code__.co_qualname].append(one)
        gc.freeze()  # a collection in a fork would copy all of the memory
        while True:
            try:
                task, step = self.pipe.recv()
            except EOFError:
                os._exit(0)
            self.pipe.send(forked(partial(self._run, session, task, step), limit(sum(step.values()))))

    def _run(self, session: pytest.Session, task: Task, step: Step) -> int:
        path = str(self.source / task.file)
        if task.function and not change(
            self.functions[path, task.function], _codes(compile(task.source, path, "exec"), task.function)
        ):
            return UNCHANGED
        every = [(item, limit(usual)) for test, usual in step.items() for item in self.items[test]]
        for (item, seconds), (following, _) in pairwise([*every, (None, 0)]):
            assert item is not None
            signal.setitimer(signal.ITIMER_PROF, seconds)  # it kills the process: an endless loop ends here
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                return 1
        return 0


def change(functions: Sequence[FunctionType], codes: Sequence[CodeType]) -> bool:
    """Give a function its other code. Return whether that was possible.

    Args:
        functions: those of the function's name in its file. Several may have been made of one code.
        codes: those of that name in the other source of the file.

    It is not possible if two functions share a name, if none was made yet, or if only defaults or decorators differ.
    """
    if len({one.__code__ for one in functions}) != 1 or len(codes) != 1:
        return False
    (new,), old = codes, functions[0].__code__
    if _says(old) == _says(new) or old.co_freevars != new.co_freevars:
        return False
    for function in functions:
        function.__code__ = new
    return True


def _says(code: CodeType) -> tuple[object, ...]:
    return code.co_code, code.co_consts, code.co_names, code.co_varnames


def _codes(code: CodeType, name: str) -> Sequence[CodeType]:
    """Return the codes of all functions of a name in the code of a module."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return [found for one in inner for found in ([one] if one.co_qualname == name else _codes(one, name))]
