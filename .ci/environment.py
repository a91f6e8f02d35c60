"""Make a virtual environment from a lock: exactly what the lock lists, and nothing if that fails.

    python3 .ci/environment.py .venv constraints.txt --project

The environment that is there is moved aside first. It comes back if the new one cannot be made, and if the work is interrupted. A
run that was killed outright is undone by the next one. The new one is made at its final path, for its scripts name that path.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an old Python reads this far)
    sys.exit("Python 3.11 or newer is needed, but this is %d.%d. Name another: make PYTHON3=python3.11" % sys.version_info[:2])  # noqa: UP031

import argparse
import shutil
import signal
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXACTLY = ["--no-deps", "--require-hashes"]
"""Resolving would ask the index, and find newer versions than the lock's, for example behind an extra that it does not name."""


def make(target: Path, lock: Path, *, project: bool) -> None:
    """Make the environment, or leave what was there.

    Args:
        target: the folder of the environment. `target/.stamp` is written last.
        lock: the requirements, each with its version and hashes.
        project: install this project, too, so that changes of its sources count at once.

    Raises:
        SystemExit: the target is a link, or an installation failed or was interrupted.
    """
    if target.is_symlink():
        sys.exit(f"{target} is a symbolic link, and setting up would empty what it points to. Remove the link, then try again.")
    aside = target.with_name(f"{target.name}.old")
    recover(target, aside)
    if target.exists():
        target.rename(aside)
    try:
        print(f"setting up {target} ...", flush=True)
        build(target, lock, project=project)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        recover(target, aside)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def recover(target: Path, aside: Path) -> None:
    """Put back what was moved aside, if an earlier run did not come to its end."""
    if aside.exists():
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)


def build(target: Path, lock: Path, *, project: bool) -> None:
    """Make the environment where there is none."""
    venv.create(target, with_pip=True, symlinks=True)
    (target / ".gitignore").write_text("*\n")
    pip(target, "install", *EXACTLY, "-r", str(lock))
    if project:
        pip(target, "install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    pip(target, "check")  # the lock is whole: --no-deps would hide a hole in it
    (target / ".stamp").touch()


def pip(target: Path, command: str, *arguments: str) -> None:
    """Run pip of the environment, quietly unless it fails."""
    run = [str(target / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", command, *arguments]
    done = subprocess.run(  # noqa: S603 (our own command)
        run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\npip {command} failed. The environment that was there is unchanged.")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a virtual environment from a lock.")
    parser.add_argument("target", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--project", action="store_true", help="install this project, too")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    make(arguments.target, arguments.lock, project=arguments.project)


if __name__ == "__main__":
    main()
