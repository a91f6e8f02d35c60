"""The pytest plugin of cobrowse-session (extra `testing`).

pytest loads it in every run of an environment that has the package. So this module is beside the package, and imports nothing of
it until a test uses the fixture, or compares two of its values.
"""

import json
import re
import sys
from collections.abc import Generator, Iterator
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# ruff: noqa: PLC0415 (the docstring says why)

if TYPE_CHECKING:
    from cobrowse_session.testing.checked import Logs
    from cobrowse_session.testing.coverage import Coverage

_LOGS = pytest.StashKey["Logs"]()
_FAILED = pytest.StashKey[bool]()
_RAISED = pytest.StashKey[bool]()
_COVERAGES = pytest.StashKey["list[Coverage]"]()
_CRASHED = pytest.StashKey[int]()
_PRODUCTION = pytest.StashKey["Coverage | None"]()
_WORKER_KEY = "cobrowse_coverage"
_ALLOWED = ("allow_refused", "allow_pending", "allow_rejected", "allow_lost")


# --- Options ------------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin, each of them as an ini setting, too."""
    group = parser.getgroup("cobrowse-session", "cobrowse-session")
    group.addoption(
        "--cobrowse-coverage", action="store_true", default=None, help="Show which rows of the table the tests never took."
    )
    group.addoption(
        "--cobrowse-stories",
        metavar="DIR",
        default=None,
        help="Where the story of a failed test is written. Default: pytest's cache.",
    )
    group.addoption(
        "--cobrowse-production",
        metavar="TRACE.jsonl",
        default=None,
        help="Also show which rows production takes and the tests never do. `cobrowse-session replay --trace` writes its trace.",
    )
    group.addoption(
        "--cobrowse-table",
        metavar="MODULE:NAME",
        default=None,
        help="The table of the trace of production. Default: the standard one.",
    )
    parser.addini("cobrowse_coverage", "as --cobrowse-coverage", type="bool", default=False)
    for name in ("stories", "production", "table"):
        parser.addini(f"cobrowse_{name}", f"as --cobrowse-{name}", default="")
    for name in _ALLOWED:
        parser.addini(f"cobrowse_{name}", f"as @pytest.mark.cobrowse({name}=True) on every test", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    arguments = ", ".join(f"{name}=False" for name in _ALLOWED)
    config.addinivalue_line("markers", f"cobrowse(*, {arguments}): what nobody looked at is no failure.")
    config.stash[_COVERAGES], config.stash[_CRASHED] = [], 0
    if config.getoption("--cobrowse-table") and not _text_of(config, "production"):
        raise pytest.UsageError("--cobrowse-table: it is the table of the trace of --cobrowse-production, which is missing")
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist
    config.stash[_PRODUCTION] = _production(config) if _text_of(config, "production") and not is_worker else None


def pytest_report_header(config: pytest.Config) -> str:
    """Return one line for the head of the report."""
    shown = ", coverage of the table" if _wants_coverage(config) else ""
    return f"cobrowse-session: {version('cobrowse-session')}{shown}"


def _wants_coverage(config: pytest.Config) -> bool:
    asked = config.getoption("--cobrowse-coverage") or config.getini("cobrowse_coverage")
    return bool(asked) or bool(_text_of(config, "production"))


def _text_of(config: pytest.Config, name: str) -> str:
    """Return an option with a text, or the ini setting. It is empty if neither is there."""
    return str(config.getoption(f"--cobrowse-{name}") or config.getini(f"cobrowse_{name}"))


def _path_of(config: pytest.Config, name: str) -> Path:
    """Return a path: an option is relative to where pytest was called, the ini setting to the root."""
    start = config.invocation_params.dir if config.getoption(f"--cobrowse-{name}") else config.rootpath
    return start / _text_of(config, name)


# --- The fixture --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cobrowse(request: pytest.FixtureRequest) -> "Iterator[Logs]":
    """Logs and inboxes that are checked at the end of the test.

    The test fails if a session is not the fold of its events, a saved log does not read back, the observers of a watched inbox
    were replaced, an observer or a guard raised, a deadline was not fired, or if nobody looked at a refusal, at input that was
    rejected, or at an event that was lost. The marker `cobrowse` allows the latter four.
    """
    from cobrowse_session.testing.checked import Logs

    node, config = request.node, request.config
    allowed = {name: bool(config.getini(f"cobrowse_{name}")) for name in _ALLOWED}
    for mark in reversed([*node.iter_markers("cobrowse")]):  # the closest one last
        allowed |= _checked(mark)
    with Logs.open() as logs:
        node.stash[_LOGS], node.stash[_FAILED], node.stash[_RAISED] = logs, False, False
        yield logs
        if _wants_coverage(config):
            config.stash[_COVERAGES] += logs.coverages()
        if not (node.stash[_FAILED] or node.stash[_RAISED]) and (problems := logs.problems(**allowed, of_fixture=True)):
            pytest.fail("\n".join(problems), pytrace=False)


def _checked(mark: pytest.Mark) -> dict[str, bool]:
    unknown = [*mark.args, *(name for name in mark.kwargs if name not in _ALLOWED)]
    if unknown:
        expected = ", ".join(f"{name}=True" for name in _ALLOWED)
        found = ", ".join(map(str, unknown))
        pytest.fail(f"@pytest.mark.cobrowse: expected one of {expected}, found {found}", pytrace=False)
    for name, value in mark.kwargs.items():
        if not isinstance(value, bool):
            pytest.fail(f"@pytest.mark.cobrowse: {name}: expected True or False, found {value!r}", pytrace=False)
    return dict(mark.kwargs)


# --- The story of a failed test -----------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> "Generator[None, pytest.TestReport, pytest.TestReport]":
    """Write the story of a failed test to a file, and add its path to the report."""
    report = yield
    logs = item.stash.get(_LOGS, None)
    if logs is not None:
        # Each subtest has a report of its own, before that of its test. One that was skipped does not end the test.
        item.stash[_FAILED] = item.stash[_FAILED] or report.failed
        item.stash[_RAISED] = call.excinfo is not None  # an expected failure and a skip, too
        if report.failed and logs.logs:
            report.sections.append(("cobrowse-session", _written(item, logs)))
    return report


def _written(item: pytest.Item, logs: "Logs") -> str:
    """Write the story of a test, and return where it is, or why it could not be written."""
    try:
        if (folder := _folder(item.config)) is None:
            return logs.story()
        path = folder / f"{_file_name(item.nodeid)}.txt"
        path.write_text(logs.story(), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 (a store that is closed already, a folder that cannot be written: the run goes on)
        from cobrowse_session.printable import printable

        return printable(f"the story could not be written: {type(error).__name__}: {error}")
    return f"what happened: {path}"


def _file_name(nodeid: str) -> str:
    """Return a name for the file of a test. Two tests have two names."""
    name = re.sub(r"[^\w.-]+", "-", nodeid, flags=re.ASCII).strip("-")
    if len(name) <= _MAX_NAME and re.fullmatch(r"[\w./:]+", nodeid, flags=re.ASCII):
        return name
    test, *_ = nodeid.partition("[")  # of a long name, parameters are cut first, then folders
    cut = max(len(re.sub(r"[^\w.-]+", "-", test, flags=re.ASCII)) - _MAX_NAME, 0)
    return f"{name[cut:][:_MAX_NAME]}-{blake2b(nodeid.encode(errors='surrogatepass'), digest_size=4).hexdigest()}"


_MAX_NAME = 150


def _folder(config: pytest.Config) -> Path | None:
    """Return where stories are written. None: nowhere is asked for, and pytest has no cache."""
    if _text_of(config, "stories"):
        folder = _path_of(config, "stories")
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return None if cache is None else cache.mkdir("cobrowse-stories")


# --- Assertions ---------------------------------------------------------------------------------------------------------------


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Return the fields that differ, for two outcomes, two sessions or two traces."""
    if op != "==" or "cobrowse_session.model" not in sys.modules:  # nobody has made such a value
        return None
    from cobrowse_session.testing.differences import differences

    return differences(left, right)


# --- Coverage -----------------------------------------------------------------------------------------------------------------


def _production(config: pytest.Config) -> "Coverage":
    """Return the coverage of the trace of production."""
    from cobrowse_session.errors import CobrowseError
    from cobrowse_session.io.diff import read_trace
    from cobrowse_session.named import table_named
    from cobrowse_session.testing.coverage import coverage

    path, name = _path_of(config, "production"), _text_of(config, "table")
    try:
        table = table_named(name) if name else None
    except (CobrowseError, ValueError) as error:
        raise pytest.UsageError(f"--cobrowse-table: {error}") from None
    try:
        with path.open("rb") as file:
            return coverage(read_trace(file), table=table)
    except (OSError, CobrowseError, ValueError) as error:
        raise pytest.UsageError(f"--cobrowse-production: {path}: {error}") from None


def _merged(config: pytest.Config) -> "list[Coverage]":
    """Return the coverage of each table, of all tests. It is merged at the end: a merge after each test takes more and more."""
    if not (every := config.stash[_COVERAGES]):
        return []
    from cobrowse_session.testing.coverage import merged_coverages

    return merged_coverages(every)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the coverage of a worker of pytest-xdist to its controller."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        # As text: what a table's own names may be, as members of an enum, a worker cannot send.
        output[_WORKER_KEY] = json.dumps([one.as_json() for one in _merged(session.config)])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # a node of pytest-xdist
    """Take the coverage of a worker that has ended. One that crashed has sent none."""
    output = getattr(node, "workeroutput", None)
    node.config.stash[_CRASHED] += output is None
    documents = json.loads((output or {}).get(_WORKER_KEY, "[]"))
    if documents:
        from cobrowse_session.testing.coverage import Coverage

        node.config.stash[_COVERAGES] += [Coverage.from_json(document) for document in documents]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the coverage of each table."""
    if not _wants_coverage(config):
        return
    terminalreporter.section("coverage of the table")
    every, production = _merged(config), config.stash[_PRODUCTION]
    reports = [
        one.report(
            production if production is not None and production.is_of(one) else None,
            with_cells=config.get_verbosity() > 0,
        )
        for one in sorted(every, key=lambda one: one.table)
    ]
    for line in reports or ["No test used the fixture cobrowse. The logs of Logs.checked are not counted."]:
        terminalreporter.line(line)
    if production is not None and not any(map(production.is_of, every)):
        terminalreporter.line(
            f"The trace of production has the table {production.table}. No test has a table of this name and these rows. "
            "--cobrowse-table names another one."
        )
    if config.stash[_CRASHED]:
        terminalreporter.line(f"Workers that crashed, so that what their tests took is missing: {config.stash[_CRASHED]}")
