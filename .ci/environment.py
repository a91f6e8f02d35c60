"""Make an environment that has exactly what its lock lists.

    python3 .ci/environment.py FOLDER LOCK [what pip installs after the lock]

A lock for pip makes a virtual environment. A `package-lock.json` makes a folder with `node_modules`.
FOLDER/.stamp is written last. Until then, a set-up that fails or is stopped puts the old folder back. After a kill, the next
set-up puts it back.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an old Python reads this far)
    sys.exit("Python 3.11 or newer is needed, but this is %d.%d. Name another: make PYTHON3=python3.11" % sys.version_info[:2])  # noqa: UP031

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

BASE_PYTHON = Path(sys.executable).resolve()
"""The interpreter behind a virtual environment: it exists while FOLDER, which may be that environment, is moved aside."""

STAMP = ".stamp"
STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Read the command line and set up the environment."""
    target, lock = (Path(argument) for argument in sys.argv[1:3])
    for stop in STOPS:
        if signal.getsignal(stop) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(stop, lambda number, _: sys.exit(128 + number))
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # a signal waits until `run` can kill what it started
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        hold_lock(target)
        print(f"setting up {target} ...", flush=True)
        replace(target, lambda: build(target, lock, *sys.argv[3:]))
    except OSError as error:
        sys.exit(f"{target} was not set up: {error}")


def hold_lock(target: Path) -> None:
    """Keep other set-ups of the same folder out until this process and every command that it runs have ended.

    Raises:
        SystemExit: Another set-up holds the lock.
    """
    descriptor = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"{target} is being set up by another process. Wait until it has ended, then try again.")


def replace(target: Path, build: Callable[[], None]) -> None:
    """Build a folder anew, or keep what was there.

    The old folder is moved aside and the new one is built in its place, for the scripts of an environment name their own path.

    Args:
        target: The folder. It need not exist.
        build: Makes the folder. Whatever it raises is raised again.

    Raises:
        SystemExit: The folder is a symbolic link.
    """
    if target.is_symlink():
        sys.exit(f"{target} is a symbolic link. Nothing was changed. Remove the link, then try again.")
    aside = target.with_name(f"{target.name}.old")
    if aside.exists():  # an earlier set-up was killed
        settle(target, aside)
    if target.exists():
        target.rename(aside)
    try:
        build()
        (target / STAMP).touch()
    finally:
        settle(target, aside)


def settle(target: Path, aside: Path) -> None:
    """Keep the new folder if it is complete, else put the old one back."""
    if (target / STAMP).exists():
        remove(aside)
    else:
        remove(target)
        if aside.exists():
            aside.rename(target)


def remove(folder: Path) -> None:
    """Remove a folder, if it exists. It is renamed first, so that a half removed folder is never put back."""
    waste = folder.with_name(f"{folder.name}.removed")
    shutil.rmtree(waste, ignore_errors=True)
    if folder.exists():
        folder.rename(waste)
        shutil.rmtree(waste, ignore_errors=True)


def build(target: Path, lock: Path, *project: str) -> None:
    """Build an environment where there is none.

    Args:
        target: The folder of the environment.
        lock: Every package, each with its version and hashes.
        project: What pip installs after the lock, for example `--editable .`.

    Raises:
        SystemExit: A command failed.
    """
    if lock.name == "package-lock.json":
        target.mkdir()
        for name in ("package.json", lock.name, ".npmrc"):
            shutil.copy(lock.with_name(name), target)
        run("npm", "ci", "--no-audit", "--no-fund", "--prefix", target)
    else:
        run(BASE_PYTHON, "-m", "venv", target)
        install(target / "bin" / "python", lock, *project)


def install(python: Path, lock: Path, *project: str) -> None:
    """Install a lock exactly, then the project, and check that no package is missing.

    Args:
        python: The interpreter of the environment. Its own pip does the work.
        lock: As for `build`.
        project: As for `build`.

    Raises:
        SystemExit: A command failed.
    """
    pip = (python, "-m", "pip")
    # pip must not resolve: it finds newer versions than the lock's, for example behind an extra that the lock does not name.
    # A source distribution brings build requirements that no lock names.
    run(*pip, "install", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", lock)
    if project:
        run(*pip, "install", "--no-deps", "--no-build-isolation", *project)
    run(*pip, "check")  # --no-deps hides a package that the lock lacks


def run(*command: str | Path) -> None:
    """Run a command, quietly unless it fails. If this process is stopped, kill the command and all that it started.

    Raises:
        SystemExit: The command failed.
    """
    let_signals_in = partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOPS)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    with subprocess.Popen(  # noqa: S603 (the project's own commands)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=let_signals_in,  # noqa: PLW1509 (there is one thread)
        process_group=0,
        close_fds=False,  # the command holds the lock, too
    ) as process:
        try:
            let_signals_in()
            output, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if process.returncode:
        sys.exit(f"{output}\nfailed: {shlex.join(map(str, command))}\nNothing was changed.")


if __name__ == "__main__":
    main()
