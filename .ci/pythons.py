"""Run the tests on every Python from 3.11 on that is found, each in an environment that has exactly the lock.

The oldest and the newest one run the long tests, too. Those between them have fewer random examples. The one that runs this is
that of `make test`, so it runs the long tests alone.

Prints one line per Python: its version, the result of pytest, the seconds. A version that is not found is named.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""The versions that pyproject.toml names."""


def main() -> None:
    """Run the tests on all Pythons. Exit with 1 if a test failed or no Python was found."""
    every = [(python, version) for version in VERSIONS if (python := found(version))]
    here = ".".join(map(str, sys.version_info[:2]))
    ends = {version for _, version in (every[:1] + every[-1:])}
    passed = [tested(python, version, arguments(is_end=version in ends, is_here=version == here)) for python, version in every]
    sys.exit(not passed or not all(passed))


def arguments(*, is_end: bool, is_here: bool) -> tuple[str, ...]:
    """Return which tests a Python runs, as arguments of pytest.

    Args:
        is_end: it is the oldest or the newest one.
        is_here: it runs `make test`, too.
    """
    if is_here:
        return "-m", "long and not soak"
    return ("-m", "not soak") if is_end else ("-m", "not long", "--hypothesis-profile", "quick")


def found(version: str) -> Path | None:
    """Return an interpreter of this version that can make environments. If there is none, print so."""
    for python in candidates(version):
        probe: list[str | Path] = [python, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(probe, capture_output=True, text=True, check=False).stdout.strip() == version:  # noqa: S603 (a Python)
            return python
    print(f"Python {version}: not found")
    return None


def candidates(version: str) -> Iterator[Path]:
    """Yield what may be an interpreter of this version: on the PATH, then of pyenv."""
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def tested(python: Path, version: str, arguments: Sequence[str]) -> bool:
    """Run some tests on an interpreter and print the result. Return whether all passed."""
    environment = f"build/python-{version}"
    make: list[str | Path] = [python, ".ci/environment.py", environment, "constraints.txt", "--editable", "."]
    subprocess.run(make, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 (this project's own command)
    started = monotonic()
    test = [f"{environment}/bin/python", "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "-p", "no:cacheprovider"]
    test += arguments
    done = subprocess.run(test, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (this project's own command)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    result = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no result"
    print(f"Python {version}: {result.strip('= ')} ({monotonic() - started:.0f} s)", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
