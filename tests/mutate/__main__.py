"""Mutate the code, and run the tests on each mutant: `make mutate ONLY="lifecycle/deadline.py stream"`.

The results are in `build/mutants`. What was killed is not run again, until its function changes. What survived is run again each
time, because there may be a new test. `tests/mutate/equivalent.txt` has a reason for each mutant that no test can kill. One that
survived and has a reason is not run again, either: all tests that may kill it take a minute.
"""

# ruff: noqa: T201 (it prints)

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define, field, frozen
from tests.mutate.mutants import SOURCE, Mutant, Mutated, mutated
from tests.mutate.worker import End, Map, Step, Task, Worker, forked, preload, read_map, write_map

PACKAGES = ("lifecycle", "stream", "sources")
RESULTS = Path("build/mutants")
UNTOUCHED = RESULTS / "untouched.txt"
REASONS = Path(__file__).with_name("equivalent.txt")
FIRST = 20
"""The number of tests that run first."""
MOST, MOST_OTHERS = 60.0, 10.0
"""The seconds that the tests that run a mutant's lines may have taken, and the others that may depend on them."""
WORKERS = 2
_SUBJECTS = """
activity acw_started after_call_work atomic cases changes checks clock connection convert converter_corners copies
corpus details_and_settings diff durations errors explain extension facts genesys genesys_properties inbox join lifecycle log
log_corners machine merge named observers odd_sessions order own_tables own_timers own_values paths payload_fields
payload_legs payload_rules plan printable properties quick_ways reader reading reconcile repeats replay reprs rows saved
session_json sources specification table_checks trace_rows words wrapup
"""
TESTS = tuple(f"tests/test_{subject}.py" for subject in _SUBJECTS.split())
"""The files of tests that are run."""


@frozen
class Known:
    """Which tests are run for a mutant."""

    map: Map

    def task_of(self, mutant: Mutant) -> Task:
        """Return the task to run a mutant: first the tests that run its lines, the fastest first."""
        lines = {(mutant.file, line) for line in mutant.lines}
        own = {test for line in lines for test in self.map.tests.get(line, ())}
        about = {test for test in self.map.seconds if is_about(mutant.file, test)}
        if own:  # a line that makes what is kept, as the machines of a table, runs in the first test of many that depend on it
            own |= about
        others = self.map.seconds.keys() - own if lines & set(self.map.early) else set[str]()
        steps = self._steps(own, MOST, about), self._steps(others, MOST_OTHERS, about)
        return Task(mutant.key, mutant.file, mutant.function, mutant.source(), *steps)

    def unchanged(self, one: Mutated) -> Task:
        """Return the task to run a file as it is, with the tests that come first for any of its mutants."""
        lines = {(mutant.file, line) for mutant in one.mutants for line in mutant.lines}
        first = {test for line in lines for test in self._sorted(self.map.tests.get(line, ()))[:FIRST]}
        return Task(one.file, one.file, None, (SOURCE / one.file).read_text(encoding="utf-8"), self._steps(first, MOST, ()), ())

    def _sorted(self, tests: Iterable[str]) -> Sequence[str]:
        return sorted(tests, key=self.map.seconds.__getitem__)

    def _steps(self, found: Iterable[str], most: float, about: Collection[str]) -> Sequence[Step]:
        """Return the fastest tests, then all that are about the file, then others until the time is over."""
        seconds, tests = self.map.seconds, self._sorted(found)
        first, rest = tests[:FIRST], tests[FIRST:]
        total = accumulate(seconds[test] for test in rest)
        others = [test for test, until in zip(rest, total, strict=True) if until <= most and test not in about]
        parts = (first, [test for test in rest if test in about], others)
        return [{test: seconds[test] for test in part} for part in parts if part]


def is_about(file: str, test: str) -> bool:
    """Return whether a test is about a file of the package, by the names of both."""
    words = _ABOUT.get(file, {*Path(file).stem.split("_")})
    return not words.isdisjoint(Path(test.partition("::")[0]).stem.split("_"))


_ABOUT = {
    "stream/log.py": {"log", "atomic", "saved", "order"},
    "stream/copies.py": {"copies", "atomic"},
    "stream/revisions.py": {"changes", "explain"},
}
"""The words in the names of test files, where they are others than the name of the file."""


@define
class Results:
    """The ends of the mutants of a file, by key, with the digest for which they are valid."""

    path: Path
    ends: dict[str, tuple[str, End]] = field(factory=dict)

    @classmethod
    def of(cls, file: Path) -> "Results":
        """Read those of a file."""
        path = RESULTS / file.relative_to(SOURCE).with_suffix(".json")
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(path, {key: (digest, End(end)) for key, (digest, end) in stored.items()})

    def get(self, mutant: Mutant) -> End | None:
        """Return the end of a mutant. None: it was not run."""
        digest, end = self.ends.get(mutant.key, (None, None))
        return end if digest == mutant.digest else None

    def put(self, mutant: Mutant, end: End) -> None:
        """Store the end of a mutant."""
        self.ends[mutant.key] = (mutant.digest, end)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.ends, indent=0, ensure_ascii=False), encoding="utf-8")


def main() -> int:
    """Read the command line, run what was not killed yet, and print the tables."""
    parser = argparse.ArgumentParser(description="Mutate the code, and run the tests on each mutant.")
    parser.add_argument("only", nargs="*", default=PACKAGES, help="files or folders of the package (default: %(default)s)")
    parser.add_argument("--no-run", action="store_true", help="print what is known")
    options = parser.parse_args()
    files = [file for only in options.only for file in _files(SOURCE / only)]
    preload()
    every = {file: mutated(file) for file in files}
    reasons = read_reasons(REASONS.read_text(encoding="utf-8"))
    if not options.no_run:
        known = _known()
        with TemporaryDirectory(prefix="mutants-") as folder, get_context("fork").Pool(WORKERS, prepare, [Path(folder)]) as pool:
            for file, one in every.items():
                run(one, Results.of(file), known, pool, reasons)
    return report(every, reasons)


def _files(place: Path) -> Sequence[Path]:
    return [place] if place.suffix else sorted(place.rglob("*.py"))


def _known() -> Known:
    """Return which tests run a line. The tests run once, on the code as it is."""
    data, durations = RESULTS / "coverage", RESULTS / "durations"
    newest = max(path.stat().st_mtime for path in [*SOURCE.rglob("*.py"), *Path("tests").rglob("*.py")])
    if not durations.exists() or durations.stat().st_mtime < newest:
        RESULTS.mkdir(parents=True, exist_ok=True)
        print("looking which tests run each line, in some minutes ...", flush=True)
        if code := forked(lambda: write_map(TESTS, data, durations), 3600):
            raise SystemExit(f"the tests fail without a mutant (exit code {code}): run them first")
    found = read_map(SOURCE, data, durations)
    if not found.tests:
        raise SystemExit(f"the tests run no line of {SOURCE}: they import another copy of the package")
    return Known(found)


def run(one: Mutated, results: Results, known: Known, pool: Pool, reasons: Collection[str]) -> None:
    """Run the mutants of a file that were not killed yet and have no reason, and store each end."""
    waiting = {mutant.key: mutant for mutant in one.mutants if is_waiting(results.get(mutant), mutant.key in reasons)}
    _check_unchanged(pool.apply(end_of, [known.unchanged(one)]))
    tasks = (known.task_of(mutant) for mutant in waiting.values())
    for number, (key, end) in enumerate(pool.imap_unordered(end_of, tasks), 1):
        results.put(waiting[key], end)
        if end in {End.SURVIVED, End.NO_TEST}:
            print(f"{end}: {key}", flush=True)
        elif number % 100 == 0:
            print(f"{number} of {len(waiting)} in {waiting[key].file}", flush=True)


def is_waiting(end: End | None, has_reason: bool) -> bool:  # noqa: FBT001 (of one mutant)
    """Return whether a mutant is run: it was not, or it survived and has no reason."""
    return end is None or (end not in {End.KILLED, End.TIMEOUT} and not has_reason)


def _check_unchanged(control: tuple[str, End]) -> None:
    """Check that the tests pass on the file as it is. Otherwise each mutant would count as killed."""
    file, end = control
    if end not in {End.SURVIVED, End.NO_TEST}:
        raise SystemExit(f"{file}: its tests fail without a mutant in the copy of src/ ({end}): run them first")


worker: Worker
"""The worker of a process of the pool."""


def prepare(folder: Path) -> None:
    """Make the worker of this process."""
    global worker  # noqa: PLW0603 (a pool has no other place)
    worker = Worker.create(folder, SOURCE, TESTS)


def end_of(task: Task) -> tuple[str, End]:
    """Run a mutant in the worker of this process."""
    return task.key, worker.end_of(task)


# --- What is printed ----------------------------------------------------------------------------------------------------------


def report(every: Mapping[Path, Mutated], reasons: Mapping[str, str]) -> int:
    """Print the tables, and return 1 if a survivor has no reason or a reason has no survivor."""
    total: Counter[str] = Counter()
    wrong: list[str] = []
    survivors: set[str] = set()
    print("| file | mutants | killed | timeout | wording | equivalent | survived | not run | lines that no mutant touches |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for file, one in every.items():
        results, counts = Results.of(file), Counter[str](mutants=len(one.mutants), untouched=len(one.untouched))
        for mutant in one.mutants:
            end = results.get(mutant)
            name = _name_of(mutant, end, reasons)
            counts[name] += 1
            if end in {End.SURVIVED, End.NO_TEST}:
                survivors.add(mutant.key)
            if name in {"survived", "unknown"}:
                wrong.append(f"{end or 'not run'}: {mutant.key}")
        print(f"| {' | '.join([file.relative_to(SOURCE).as_posix(), *(f'{counts[name]:,}' for name in NAMES)])} |")
        total += counts
    print(f"| all | {' | '.join(f'{total[name]:,}' for name in NAMES)} |\n")
    skipped = [f"{file.relative_to(SOURCE).as_posix()} {name}" for file, one in every.items() for name in one.skipped]
    print(f"Functions in which nothing can be changed: {', '.join(skipped) or 'none'}.\n")
    untouched = [f"{file}:{number}" for file, one in every.items() for number in one.untouched]
    UNTOUCHED.parent.mkdir(parents=True, exist_ok=True)
    UNTOUCHED.write_text("\n".join(untouched) + "\n", encoding="utf-8")
    print(f"Lines that no mutant touches: {UNTOUCHED}\n")
    files = {file.relative_to(SOURCE).as_posix() for file in every}
    stale = [f"no such survivor: {key}" for key in reasons if key not in survivors and key.partition(" ")[0] in files]
    print("\n".join([*wrong, *stale]))
    parts = (f"{total[name]:,} {name.replace('_', ' ')}" for name in (*NAMES[:5], "untouched"))
    print(f"{len(every)} files, {', '.join(parts)} lines, {len(skipped)} skipped functions")
    return int(bool(wrong or stale))


NAMES = ("mutants", "killed", "timeout", "wording", "equivalent", "survived", "unknown", "untouched")


def _name_of(mutant: Mutant, end: End | None, reasons: Mapping[str, str]) -> str:
    if end is None:
        return "unknown"
    if end in {End.KILLED, End.TIMEOUT}:
        return str(end)
    return "equivalent" if mutant.key in reasons else "wording" if mutant.is_wording else "survived"


def read_reasons(text: str) -> Mapping[str, str]:
    """Return the reason of each mutant that no test can kill. A reason is a line with `#`, for the lines below it."""
    reason, found = "", {}
    for line in text.splitlines():
        if line.startswith("#"):
            reason = line.removeprefix("#").strip()
        elif reason and line.strip():
            found[line.strip()] = reason
    return found


if __name__ == "__main__":
    sys.exit(main())
