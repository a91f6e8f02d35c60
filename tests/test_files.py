"""Files in and out: an output is complete or unchanged, no input is destroyed, and an error names its file."""

import errno
import gzip
import os
import signal
import stat
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import typer
from tests.commands import command, process
from tests.test_convert import GOOD
from tests.test_replay import CALL, lines, words

from cobrowse_session.cli import app
from cobrowse_session.cli.errors import BROKEN_PIPE, FileError, naming
from cobrowse_session.testing import stream

OLD = "yesterday's\n"
RUN = f"'{sys.executable}' -m cobrowse_session"
MANY = lines(*(stream(f"s{number}").alerting() for number in range(5000)))
DAMAGED = gzip.compress(MANY)[:2000]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two inputs and an old output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").write_bytes(lines(CALL))
    (tmp_path / "payload.json").write_text(GOOD)
    (tmp_path / "out").write_text(OLD)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def shell(line: str) -> tuple[int, str]:
    """A line of a shell: the exit code of its first command, and standard error."""
    done = subprocess.run(["bash", "-c", f"{line}\nexit ${{PIPESTATUS[0]}}"], capture_output=True, check=False, timeout=60)
    return done.returncode, done.stderr.decode()


# --- One file under two names -------------------------------------------------------------------------------------------------

WRITERS: dict[str, tuple[str, ...]] = {
    "replay": ("replay", "events.jsonl", "-o", "{output}"),
    "trace": ("replay", "events.jsonl", "-o", "other", "--trace", "{output}"),
    "rejects": ("replay", "events.jsonl", "-o", "other", "--rejects", "{output}"),
    "convert": ("convert", "events.jsonl", "-o", "{output}"),
    "timeline": ("timeline", "events.jsonl", "s1", "-o", "{output}"),
    "perfetto": ("perfetto", "events.jsonl", "-o", "{output}"),
    "diagram": ("diagram", "--trace", "events.jsonl", "-o", "{output}"),
}
READERS: dict[str, tuple[str, ...]] = {
    "replay": ("replay", "events.jsonl"),
    "replay by another name": ("replay", "events.jsonl", "-o", "/dev/stdout"),
    "validate": ("validate", "events.jsonl"),
    "convert": ("convert", "events.jsonl"),
    "reconcile": ("reconcile", "events.jsonl", "payload.json"),
    "reconcile, second": ("reconcile", "payload.json", "events.jsonl"),
    "diff": ("diff", "events.jsonl", "payload.json"),
    "diff, second": ("diff", "payload.json", "events.jsonl"),
    "explain": ("explain", "events.jsonl", "s1", "state"),
    "history": ("history", "events.jsonl"),
    "timeline": ("timeline", "events.jsonl", "s1"),
    "perfetto": ("perfetto", "events.jsonl"),
    "diagram": ("diagram", "--trace", "events.jsonl"),
}


@pytest.mark.parametrize("link", ["the same name", "another spelling", "a hard link", "a symbolic link"])
@pytest.mark.parametrize("arguments", WRITERS.values(), ids=WRITERS)
def test_an_output_that_is_the_input_is_refused_and_the_input_stays(arguments: tuple[str, ...], link: str, folder: Path) -> None:
    source = folder / "events.jsonl"
    before = source.read_bytes()
    output = {"the same name": "events.jsonl", "another spelling": "./x/../events.jsonl"}.get(link, "link")
    (folder / "x").mkdir()
    if link == "a hard link":
        os.link("events.jsonl", "link")
    elif link == "a symbolic link":
        (folder / "link").symlink_to("events.jsonl")

    done = command(*(argument.format(output=output) for argument in arguments))

    assert (done.code, done.out) == (2, "")
    assert "its own file" in words(done.err.replace("│", " "))
    assert source.read_bytes() == before
    assert "other" not in names(folder)


@pytest.mark.parametrize("arguments", READERS.values(), ids=READERS)
def test_an_input_that_standard_output_is_redirected_to_is_refused_and_stays(arguments: tuple[str, ...], folder: Path) -> None:
    before = (folder / "events.jsonl").read_bytes()

    with (
        (folder / "events.jsonl").open("a") as file,
        redirect_stdout(file),
        pytest.raises(typer.BadParameter, match="are the same file"),
    ):
        app([*arguments], standalone_mode=False)

    assert (folder / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize("line", ["replay - < events.jsonl >> events.jsonl", "replay /dev/stdin -o events.jsonl < events.jsonl"])
def test_standard_input_that_is_an_output_is_refused_and_stays(line: str, folder: Path) -> None:
    before = (folder / "events.jsonl").read_bytes()

    code, err = shell(f"{RUN} {line}")

    assert code == 2
    assert "its own file" in words(err.replace("│", " "))
    assert (folder / "events.jsonl").read_bytes() == before


@pytest.mark.usefixtures("folder")
def test_an_input_that_the_shell_has_emptied_is_no_success() -> None:
    code, _ = shell(f"{RUN} replay - < events.jsonl > events.jsonl")

    assert code == 2


def test_two_outputs_that_are_one_file_are_refused(folder: Path) -> None:
    os.link("out", "link")

    for one, other in (("out", "link"), ("new", "./new"), ("-", "-"), ("-", "/dev/stdout")):
        done = command("replay", "events.jsonl", "-o", one, "--trace", other)
        assert (done.code, done.out) == (2, "")
    assert (folder / "out").read_text() == OLD


@pytest.mark.usefixtures("folder")
def test_a_device_may_take_two_outputs() -> None:
    assert command("replay", "events.jsonl", "-o", os.devnull, "--trace", os.devnull).code == 0


# --- Complete or unchanged ----------------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "gzip": (("replay", "-", "--trace", "new"), DAMAGED, "standard input"),
    "gzip, converted": (("convert", "-", "--rejects", "new"), gzip.compress(GOOD.encode() * 9)[:-9], "standard input"),
    "another output is full": (("replay", "events.jsonl", "--trace", "/dev/full"), b"", "/dev/full"),
    "rejects are full": (("replay", "-", "--rejects", "/dev/full"), b"{\n", "/dev/full"),
    "another output has no folder": (("replay", "events.jsonl", "--trace", "no/such"), b"", "no/such"),
    "no input": (("replay", "no-such", "--trace", "new"), b"", "no-such"),
    "no session": (("timeline", "events.jsonl", "nobody"), b"", ""),
}


@pytest.mark.parametrize(("arguments", "stdin", "named"), FAILURES.values(), ids=FAILURES)
def test_after_an_error_no_output_has_changed_and_the_error_names_its_file(
    arguments: tuple[str, ...], stdin: bytes, named: str, folder: Path
) -> None:
    before = names(folder)

    done = command(*arguments, "-o", "out", stdin=stdin)

    assert (done.code, done.out) == (2, "")
    if named:
        assert done.err.startswith(f"cobrowse-session: {named}: ")
        assert done.err.count("\n") == 1
    assert (folder / "out").read_text() == OLD
    assert names(folder) == before


@pytest.mark.parametrize("options", [(), ("--jobs", "2")], ids=["one", "jobs"])
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_after_a_signal_no_output_has_changed(
    name: str, code: int, options: tuple[str, ...], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, number, temporary = names(folder), signal.Signals[name], tmp_path_factory.mktemp("temporary")
    line = [sys.executable, "-m", "cobrowse_session", "replay", "-", "-o", "out", *options]
    handler = signal.signal(number, signal.SIG_DFL)  # a shell's background job ignores SIGINT, and its children do, too
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        signal.signal(number, handler)
        assert running.stdin
        assert running.stderr
        running.stdin.write(b"\n" * 2_000_000)  # more than a pipe holds: the command reads
        running.stdin.flush()
        running.send_signal(number)
        said = running.stderr.read()  # to its end: no process is left that could write
        found = running.wait(timeout=60)

    assert (found, said) == (code, b"")
    assert (folder / "out").read_text() == OLD
    assert names(folder) == before
    assert names(temporary) == set()


def test_an_output_keeps_its_permissions_and_a_link_its_target(folder: Path) -> None:
    (folder / "out").chmod(0o640)
    (folder / "link").symlink_to("out")

    done = command("replay", "events.jsonl", "-o", "link")

    assert done.code == 0
    assert (folder / "link").is_symlink()
    assert '"id":"s1"' in (folder / "out").read_text()
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o640


def test_a_new_output_has_the_permissions_of_any_new_file(folder: Path) -> None:
    (folder / "plain").touch()

    command("replay", "events.jsonl", "-o", "new", "--trace", "trace")

    modes = {(folder / name).stat().st_mode for name in ("plain", "new", "trace")}
    assert len(modes) == 1


def test_a_named_pipe_is_written_directly(folder: Path) -> None:
    os.mkfifo("pipe")

    code, _ = shell(f"cat pipe > copy & {RUN} replay events.jsonl -o pipe; code=$?; wait; exit $code")

    assert code == 0
    assert '"id":"s1"' in (folder / "copy").read_text()
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


def test_standard_output_by_its_name_is_appended_to_as_the_shell_asked(folder: Path) -> None:
    code, _ = shell(f"{RUN} replay events.jsonl -o /dev/stdout >> out")

    assert code == 0
    first, second = (folder / "out").read_text().splitlines()
    assert (first, '"id":"s1"' in second) == (OLD.strip(), True)


@pytest.mark.parametrize("name", ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"])
def test_a_file_that_is_open_already_is_appended_to_and_never_replaced(name: str, folder: Path) -> None:
    code, _ = shell(f"{RUN} replay events.jsonl -o {name} 2>> out")

    assert code == 0
    told = (folder / "out").read_text()
    assert told.startswith(OLD)
    assert '"id":"s1"' in told
    assert "3 events, 1 session" in told


# --- Standard streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])  # with it Python writes to a raw file, which may take a part of a text
@pytest.mark.parametrize("line", ["replay many --trace trace --rejects rejects", "history many", "perfetto many"])
def test_a_reader_that_goes_away_cuts_no_other_output_and_is_no_success(line: str, unbuffered: str, folder: Path) -> None:
    (folder / "many").write_bytes(MANY + b"{\n")

    code, err = shell(f"PYTHONUNBUFFERED={unbuffered} {RUN} {line} | head -n 1 > /dev/null")

    assert code == BROKEN_PIPE
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    if "trace" in line:
        assert [len((folder / name).read_text().splitlines()) for name in ("trace", "rejects")] == [5000, 1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("replay - <&-", "standard input: it is closed"),
        ("replay events.jsonl >&-", "standard output: it is closed"),
        ("history events.jsonl >&-", "standard output: it is closed"),
        ("replay events.jsonl > /dev/full", "standard output: No space left on device. Free some space"),
        ("history events.jsonl > /dev/full", "standard output: No space left on device. Free some space"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_closed_or_full_stream_is_one_sentence_and_no_success(line: str, told: str) -> None:
    code, err = shell(f"{RUN} {line}")

    assert (code, err.count("\n")) == (2, 1)
    assert told in err


def test_without_standard_error_the_result_is_the_same(folder: Path) -> None:
    code, _ = shell(f"{RUN} replay events.jsonl -o new 2>/dev/full")

    assert code == 0
    assert '"id":"s1"' in (folder / "new").read_text()


def test_an_encoding_without_a_character_shows_its_escape(folder: Path) -> None:
    (folder / "emoji").write_bytes(lines(stream("s😀").alerting()) + "😀\n".encode())

    told = process("history", "emoji", PYTHONIOENCODING="cp1252")
    replayed = process("replay", "emoji", PYTHONIOENCODING="cp1252")

    assert (told.code, told.out.splitlines()[0]) == (1, "Session s\\U0001f600. All times are UTC.")
    assert '"id":"s😀"' in replayed.out


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "Free some space"), (errno.EACCES, "Check .* permissions"), (errno.EIO, "Check the disk")],
)
def test_an_error_has_the_advice_that_helps(number: int, advice: str) -> None:
    with pytest.raises(FileError, match=f"^a.jsonl: {os.strerror(number)}. {advice}"), naming("a.jsonl"):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("most", [1 << 40, 10**400], ids=["large", "too large"])
@pytest.mark.parametrize("command", ["convert long", "reconcile events.jsonl long"])
def test_no_number_of_bytes_is_too_large_for_memory_or_for_a_sentence(command: str, most: int, folder: Path) -> None:
    (folder / "long").write_bytes(b"{\n}\n")

    code, err = shell(f"{RUN} {command} --max-bytes {most}")

    assert code == (1 if most == 1 << 40 else 2)
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it needs a device that is always full")
@pytest.mark.parametrize("option", ["--help", "--version", "replay --help"])
def test_help_that_cannot_be_printed_is_one_sentence_and_no_success(option: str) -> None:
    line = [sys.executable, "-m", "cobrowse_session", *option.split()]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
