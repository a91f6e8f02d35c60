"""An environment is exactly its lock, and a set-up that fails, is stopped or is killed loses no complete environment."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import distributions
from itertools import count
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from tests.effort import share, soak_only

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "environment.py"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCKS = re.findall(r"COMPILE\).* -o (\S+)", MAKEFILE)
PIP = "pip==23.2.1 --hash=sha256:7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be\n"

STEP = 100 // share(100)
"""A process is stopped before each `STEP`th line: before every line in `make soak`."""


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


environment = _script()


# --- The Makefile and the locks -----------------------------------------------------------------------------------------------


def test_the_makefile_installs_by_locks_only() -> None:
    makefile = "\n".join(line for line in MAKEFILE.replace("\\\n", "").splitlines() if "--dry-run" not in line)

    assert re.findall(r"(?:pip|npm|npx|uv\)?) +(?:install|i|ci|exec|sync|add|run)\b|-m venv|uvx|pipx", makefile) == []
    assert sorted(LOCKS) == sorted(_locks())
    assert [lock for lock in LOCKS if not re.search(rf"ENVIRONMENT\) \S+ {lock}|stamp: {lock}", makefile)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_each_entry_of_a_lock_has_hashes_and_the_version_of_the_main_lock(lock: str) -> None:
    entries, main = _entries(ROOT / lock), _entries(ROOT / "constraints.txt")

    assert entries
    assert {entry: pin for entry, pin in entries.items() if pin[0] != main.get(entry, pin)[0]} == {}


def test_the_runtime_lock_is_a_part_of_the_command_line_lock() -> None:
    runtime, command_line = _entries(ROOT / ".ci/locks/runtime.txt"), _entries(ROOT / ".ci/locks/cli.txt")

    assert {entry: command_line.get(entry) for entry in runtime} == runtime


def test_a_locked_package_supports_every_python_that_its_marker_names() -> None:
    """The first release of each Python counts, for a package can need a later one. `make constraints` checks each system."""
    needs = {(one.name.lower(), one.version): one.metadata.get_all("Requires-Python", [""])[0] for one in distributions()}
    pythons = [f"{version}.0" for version in _supported_pythons()]
    wrong = [
        (entry, python)
        for entry, (version, _) in _entries(ROOT / "constraints.txt").items()
        for name, _, marker in [entry.partition(" ; ")]
        for python in pythons
        if not marker or Marker(marker).evaluate({"python_full_version": python, "python_version": python[:4]})
        if python not in SpecifierSet(needs.get((name, version), ""))
    ]

    assert len(pythons) > 2
    assert wrong == []


# --- What is installed --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: `asking` 1.0 asks for an extra of `other`, which is there as 1.0 and, newer than the lock, 2.0."""
    folder = tmp_path_factory.mktemp("index")
    _wheel(folder, "asking", "1.0", "Requires-Dist: other[more]>=1.0")
    _wheel(folder, "other", "1.0", "Provides-Extra: more")
    _wheel(folder, "other", "2.0", "Provides-Extra: more")
    return folder


@pytest.fixture(scope="module")
def old_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with pip 23.2.1, which resolves the extra to the newest version."""
    folder = tmp_path_factory.mktemp("old-pip")
    (folder / "pip.txt").write_text(PIP, encoding="utf-8")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", "--require-hashes", "-r", folder / "pip.txt"], check=True)
    return python


@pytest.fixture(autouse=True)
def _offline(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip see the packages of this test only."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))


@pytest.fixture
def python(old_pip: Path) -> Iterator[Path]:
    yield old_pip
    subprocess.run([old_pip, "-m", "pip", "uninstall", "-qq", "--yes", "asking", "other"], check=True, capture_output=True)


def test_an_extra_of_a_locked_package_brings_no_newer_version(python: Path, index: Path, tmp_path: Path) -> None:
    environment.install(python, _lock(tmp_path, index, "asking-1.0", "other-1.0"))

    assert _installed(python.parents[1]) == {"asking-1.0", "other-1.0"}


def test_an_install_that_resolves_fails_on_the_same_lock(python: Path, index: Path, tmp_path: Path) -> None:
    lock = _lock(tmp_path, index, "asking-1.0", "other-1.0")
    done = _ran(python, "-m", "pip", "install", "--require-hashes", "-r", lock)

    assert done.returncode != 0
    assert "other[more]" in done.stderr


def test_a_package_that_the_lock_lacks_is_named(python: Path, index: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"asking 1\.0 requires other, which is not installed"):
        environment.install(python, _lock(tmp_path, index, "asking-1.0"))


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("other==1.0", "Hashes are required"),
        ("other==1.0 --hash=sha256:" + "0" * 64, "DO NOT MATCH THE HASHES"),
    ],
)
def test_an_entry_without_a_hash_or_with_a_wrong_one_is_refused(python: Path, tmp_path: Path, entry: str, complaint: str) -> None:
    (tmp_path / "lock.txt").write_text(entry, encoding="utf-8")
    with pytest.raises(SystemExit, match=complaint):
        environment.install(python, tmp_path / "lock.txt")

    assert _installed(python.parents[1]) == set()


def test_a_source_distribution_is_refused_before_its_code_runs(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = _source_distribution(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    (tmp_path / "lock.txt").write_text(f"source==1.0 --hash=sha256:{digest}", encoding="utf-8")
    with pytest.raises(SystemExit, match="No matching distribution"):
        environment.install(python, tmp_path / "lock.txt")

    assert not (tmp_path / "ran").exists()


# --- The whole script, with the real pip and npm ------------------------------------------------------------------------------


@pytest.fixture
def _at_most_two_minutes() -> Iterator[None]:
    """Opening a pipe that no other process opens would wait for ever."""

    def fail(*_: object) -> None:
        raise TimeoutError

    old = signal.signal(signal.SIGALRM, fail)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


@soak_only
@pytest.mark.usefixtures("_at_most_two_minutes")
def test_a_set_up_that_fails_or_is_stopped_keeps_the_old_environment(index: Path, tmp_path: Path) -> None:
    target, lock = tmp_path / "env", _lock(tmp_path, index, "asking-1.0", "other-1.0")
    first = _ran(sys.executable, SCRIPT, target, lock)
    assert first.returncode == 0, first.stderr
    assert _installed(target) == {"asking-1.0", "other-1.0"}
    before = _tree(target)

    lock.write_text("other==2.0 --hash=sha256:" + "0" * 64, encoding="utf-8")
    failed = _ran(target / "bin" / "python", SCRIPT, target, lock)  # as in an activated environment
    assert "DO NOT MATCH THE HASHES" in failed.stderr
    assert _tree(target) == before

    fifo = _fifo(tmp_path)
    lock.write_text("-r fifo\n", encoding="utf-8")
    with subprocess.Popen([sys.executable, SCRIPT, target, lock]) as process, fifo.open("w"):  # open when pip reads it
        second = _ran(sys.executable, SCRIPT, target, lock)
        process.send_signal(signal.SIGTERM)
        process.wait()

    assert process.returncode == 128 + signal.SIGTERM
    assert (second.returncode, "being set up by another process" in second.stderr) == (1, True)
    assert _tree(target) == before
    assert {path.name for path in tmp_path.iterdir()} == {"env", "env.lock", "lock.txt", "fifo"}


@pytest.mark.usefixtures("_at_most_two_minutes")
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_a_stopped_npm_ci_keeps_the_old_folder(tmp_path: Path) -> None:
    target, source = tmp_path / "node", tmp_path / "source"
    source.mkdir()
    (source / ".npmrc").touch()
    (source / "package-lock.json").write_text(
        json.dumps({"name": "x", "lockfileVersion": 3, "requires": True, "packages": {"": {"name": "x"}}}), encoding="utf-8"
    )
    _new_folder(target, "old")
    script = f"sleep 600 > {_fifo(tmp_path)}"
    (source / "package.json").write_text(json.dumps({"name": "x", "scripts": {"install": script}}), encoding="utf-8")
    process = subprocess.Popen([sys.executable, SCRIPT, target, source / "package-lock.json"])
    _stop_and_wait_for_all(process, tmp_path / "fifo", signal.SIGTERM)

    assert process.returncode == 128 + signal.SIGTERM
    assert _contents(target) == "old"
    assert not target.with_name("node.old").exists()


@pytest.mark.usefixtures("_at_most_two_minutes")
@pytest.mark.parametrize("number", environment.STOPS)
def test_a_signal_ends_all_children_and_puts_the_old_folder_back(tmp_path: Path, number: signal.Signals) -> None:
    target, fifo = tmp_path / "env", _fifo(tmp_path)
    _new_folder(target, "old")
    process = _set_up_that_runs("mkdir env; sleep 600 > fifo & wait", tmp_path)
    _stop_and_wait_for_all(process, fifo, number)

    assert process.returncode == 128 + number
    assert {path.name for path in tmp_path.iterdir()} == {"env", "env.lock", "fifo"}
    assert _contents(target) == "old"


@pytest.mark.usefixtures("_at_most_two_minutes")
def test_the_children_of_a_killed_set_up_keep_the_next_one_out(tmp_path: Path) -> None:
    target, fifo = tmp_path / "env", _fifo(tmp_path)
    _new_folder(target, "old")
    with _set_up_that_runs("mkdir env; cat fifo", tmp_path) as process, fifo.open("w"):
        process.kill()
        process.wait()
        second = _ran(sys.executable, SCRIPT, target, tmp_path / "lock")
    _replace(target, "failure")

    assert (second.returncode, "being set up by another process" in second.stderr) == (1, True)
    assert _contents(target) == "old"


def _set_up_that_runs(command: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a set-up of `env` whose build is one shell command."""
    code = (
        "import environment, signal\n"
        "for stop in environment.STOPS: signal.signal(stop, signal.SIG_DFL)\n"  # nohup hands on one that is ignored
        f"environment.build = lambda *_: environment.run('sh', '-c', {command!r})\n"
        "environment.main()"
    )
    beside = {**os.environ, "PYTHONPATH": str(SCRIPT.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([sys.executable, "-c", code, folder / "env", "lock"], cwd=folder, env=beside)


def _stop_and_wait_for_all(process: subprocess.Popen[bytes], fifo: Path, number: signal.Signals) -> None:
    """Stop a set-up when its grandchild writes to a pipe, and wait until the grandchild has ended, too."""
    with process:
        try:
            with fifo.open("rb") as reader:
                process.send_signal(number)
                assert reader.read() == b""
            process.wait()
        finally:
            process.kill()


# --- The replacement of a folder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "outcome", "after"),
    [(None, "new", "new"), ("old", "new", "new"), (None, "failure", None), ("old", "failure", "old")],
)
def test_a_folder_is_replaced_by_a_complete_one_only(tmp_path: Path, before: str | None, outcome: str, after: str | None) -> None:
    target = tmp_path / "env"
    if before:
        _new_folder(target, before)
    _replace(target, outcome)

    assert _contents(target) == after
    assert [path.name for path in tmp_path.iterdir()] == ["env"] * bool(after)


def test_an_environment_made_by_hand_comes_back_after_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "env"
    target.mkdir()
    (target / "mine").touch()
    _replace(target, "failure")

    assert [path.name for path in target.iterdir()] == ["mine"]


@pytest.mark.parametrize("points_to", ["real", "nowhere"])
def test_a_symbolic_link_is_refused_and_what_it_points_to_is_untouched(tmp_path: Path, points_to: str) -> None:
    _new_folder(tmp_path / "real", "old")
    link = tmp_path / "link"
    link.symlink_to(points_to)
    done = _ran(sys.executable, SCRIPT, link, tmp_path / "lock")

    assert (done.returncode, "link is a symbolic link" in done.stderr) == (1, True)
    assert link.readlink() == Path(points_to)
    assert _contents(tmp_path / "real") == "old"


@pytest.mark.parametrize("outcome", ["new", "failure"])
@pytest.mark.parametrize("kind", ["killed", "interrupted"])
def test_a_stop_at_any_line_loses_no_complete_folder(tmp_path: Path, kind: str, outcome: str) -> None:
    for target in _stopped_at_each_line(tmp_path, kind, outcome):
        complete = "new" if _contents(target) == "new" else "old"
        _replace(target, "failure")
        assert _contents(target) == complete
        _replace(target, "newer")
        assert _contents(target) == "newer"
        assert [path.name for path in target.parent.iterdir()] == ["env"]


def test_a_half_removed_folder_is_never_put_back(tmp_path: Path) -> None:
    for target in _stopped_at_each_line(tmp_path, "killed", "new"):
        shutil.rmtree(target, ignore_errors=True)  # by hand
        _replace(target, "failure")
        assert _contents(target) in {None, "old"}


# --- Real signals at every moment ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_at_most_two_minutes")
def test_a_signal_while_a_command_starts_or_ends_leaves_a_whole_folder_and_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command writes later than the set-up ends, if it survives: then the old folder is no longer what it was."""
    write = "sleep 0.3; mkdir -p env; echo new > env/first; echo new > env/second"
    monkeypatch.setattr(environment, "build", lambda *_: environment.run("sh", "-c", write))
    monkeypatch.setattr(sys, "argv", ["environment.py", "env", "lock"])
    for line in count(1, STEP):
        folder = tmp_path / str(line)
        folder.mkdir()
        _new_folder(folder / "env", "old")
        monkeypatch.chdir(folder)
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        code = _in_child(partial(_signalled_at, line))
        os.close(writer)
        assert os.read(reader, 1) == b""  # every child has ended
        os.close(reader)
        assert (code, _contents(folder / "env")) in {(128 + signal.SIGTERM, "old"), (0, "new\n"), (_NO_SIGNAL, "new\n")}, line
        if code == _NO_SIGNAL:
            break

    assert line > 30


@pytest.mark.parametrize(("command", "code"), [("exit 1", 1), ("kill -TERM $PPID; sleep 600", 128 + signal.SIGTERM)])
def test_a_signal_does_not_stop_the_return_of_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    target, remove = tmp_path / "env", environment.remove
    _new_folder(target, "old")

    def signal_and_remove(folder: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        remove(folder)

    monkeypatch.setattr(environment, "build", lambda *_: environment.run("sh", "-c", f"mkdir {target}; {command}"))
    monkeypatch.setattr(environment, "remove", signal_and_remove)
    monkeypatch.setattr(sys, "argv", ["environment.py", str(target), "lock"])

    assert _in_child(environment.main) == code
    assert _contents(target) == "old"


def _signalled_at(line: int) -> None:
    """Set up, with a signal before the line of `subprocess` that runs as the `line`th."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != subprocess.__file__:
            return None
        left -= event == "line"
        if not left:
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    sys.settrace(trace)
    environment.main()
    if left > 0:
        sys.exit(_NO_SIGNAL)


# --- How ----------------------------------------------------------------------------------------------------------------------

_STOPPED = 9
_NO_SIGNAL = 10


class _Interrupt(BaseException):
    pass


def _stopped_at_each_line(folder: Path, kind: str, outcome: str) -> Iterator[Path]:
    """Yield a folder whose replacement stopped before the first line of the script or of a removal, then a later one, ..."""
    for line in count(1, STEP):
        target = folder / str(line) / "env"
        target.parent.mkdir()
        _new_folder(target, "old")
        code = _in_child(partial(_stopped_at, line, kind, target, outcome))
        yield target
        if code != _STOPPED:
            break

    assert line > 30


def _stopped_at(line: int, kind: str, target: Path, outcome: str) -> None:
    """Replace a folder, and stop before the line that runs as the `line`th."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in {str(SCRIPT), shutil.__file__}:
            return None
        left -= event == "line"
        if not left:
            sys.settrace(None)
            if kind == "killed":
                os._exit(_STOPPED)
            raise _Interrupt
        return trace

    sys.settrace(trace)
    environment.replace(target, _builds(target, outcome))


def _replace(target: Path, outcome: str) -> None:
    _in_child(partial(environment.replace, target, _builds(target, outcome)))


def _in_child(act: Callable[[], None]) -> int:
    """Return the exit code of an act in a process of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside the threads of pytest-xdist
        child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except _Interrupt:
            code = _STOPPED
        except SystemExit as exited:
            code = exited.code if isinstance(exited.code, int) else 1
        finally:
            os._exit(code)  # nothing of the child may reach pytest
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _builds(target: Path, outcome: str) -> Callable[[], None]:
    def build() -> None:
        _new_folder(target, outcome, complete=False)
        if outcome == "failure":
            raise SystemExit(1)

    return build


def _new_folder(folder: Path, content: str, *, complete: bool = True) -> None:
    folder.mkdir()
    for name in ("first", "second", *[".stamp"] * complete):
        (folder / name).write_text(content, encoding="utf-8")


def _contents(folder: Path) -> str | None:
    """Return what the files of a complete folder contain, None if there is no folder, or a description of an incomplete one."""
    if not folder.exists():
        return None
    names = sorted(path.name for path in folder.iterdir())
    contents = {(folder / name).read_text(encoding="utf-8") for name in names if name != ".stamp"}
    return contents.pop() if names == [".stamp", "first", "second"] and len(contents) == 1 else f"{names} {contents}"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _wheel(folder: Path, name: str, version: str, *metadata: str) -> None:
    info = f"{name}-{version}.dist-info"
    head = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", head)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def _source_distribution(folder: Path, code: str) -> str:
    """Write a source distribution whose build backend is itself and runs this code, and return its hash."""
    tree = folder / "source-1.0"
    tree.mkdir()
    (tree / "backend.py").write_text(code, encoding="utf-8")
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: source\nVersion: 1.0\n", encoding="utf-8")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n', encoding="utf-8"
    )
    with tarfile.open(folder / "source-1.0.tar.gz", "w:gz") as archive:
        archive.add(tree, tree.name)
    return _digest(folder / "source-1.0.tar.gz")


def _lock(folder: Path, index: Path, *releases: str) -> Path:
    """Write a lock of these releases of the index."""
    hashes = {release: _digest(index / f"{release}-py3-none-any.whl") for release in releases}
    lines = [f"{release.replace('-', '==')} --hash=sha256:{digest}\n" for release, digest in hashes.items()]
    (folder / "lock.txt").write_text("".join(lines), encoding="utf-8")
    return folder / "lock.txt"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _locks() -> set[str]:
    """Return every file of the project that has hashes of packages."""
    found = [ROOT / "constraints.txt", *ROOT.glob(".ci/**/*.txt"), *ROOT.glob("tests/**/requirements*.txt")]
    return {str(path.relative_to(ROOT)) for path in found}


def _entries(lock: Path) -> Mapping[str, tuple[str, str]]:
    """Return the version and the hashes of each entry, by name and marker. Each line must be an entry."""
    entries = {}
    for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        entry = re.fullmatch(r"([\w.-]+)==([\w.]+)( ; [^#]*?)?((?: +--hash=sha256:\w{64})+)", line)
        assert entry is not None, line
        entries[f"{entry[1]}{(entry[3] or '').rstrip()}"] = (entry[2], entry[4])
    return entries


def _supported_pythons() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r"Python :: 3\.\d+$", name)]


def _ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _installed(target: Path) -> set[str]:
    names = {path.name.removesuffix(".dist-info") for path in target.glob("lib/*/site-packages/*.dist-info")}
    return {name for name in names if not name.startswith(("pip-", "setuptools-"))}


def _tree(folder: Path) -> Mapping[str, bytes]:
    """Return every file of an environment but what Python writes while it runs."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path): path.read_bytes() for path in files}
