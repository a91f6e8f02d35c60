"""The environments of the Makefile: exactly their lock, and never half made (.ci/environment.py)."""

import base64
import hashlib
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ENVIRONMENT = Path(__file__).parents[1] / ".ci" / "environment.py"
PIP = (
    "pip==23.2.1 --hash=sha256:7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be"
    " --hash=sha256:fb0bd5435b3200c602b5bf61d2d43c2f13c02e29c1707567ae7fbc514eb9faf2"
)


# --- A local index of two tiny packages ---------------------------------------------------------------------------------------


def wheel(folder: Path, name: str, version: str, *, metadata: str = "") -> str:
    """Write a wheel and return its hash."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},sha256={_record(text)},{len(text)}\n" for file, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


class Index:
    """An index as pip reads it, and the locks of its packages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        asks = "Requires-Dist: other[toml]>=1.0\n"
        self.hashes = {
            "wants 1.0": wheel(folder, "wants", "1.0", metadata=asks),
            "other 1.0": wheel(folder, "other", "1.0", metadata="Provides-Extra: toml\n"),
        }
        wheel(folder, "other", "2.0", metadata="Provides-Extra: toml\n")  # newer than the lock's

    def lock(self, *names: str) -> Path:
        """Write a lock as pip-compile --strip-extras writes it."""
        lines = [f"{name.replace(' ', '==')} --hash=sha256:{self.hashes[name]}" for name in names]
        path = self.folder.parent / "lock.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes pip look here only."""
        return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder), "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index(tmp_path_factory.mktemp("index") / "packages")


def set_up(target: Path, lock: Path, index: Index) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ENVIRONMENT), str(target), str(lock)]
    return subprocess.run(command, env=index.environment, capture_output=True, text=True, check=False)


def installed(target: Path) -> list[str]:
    names = (path.name.removesuffix(".dist-info") for path in target.glob("lib/*/site-packages/*.dist-info"))
    return sorted(name for name in names if not name.startswith(("pip", "setuptools")))


# --- Exactly the lock ---------------------------------------------------------------------------------------------------------


def test_a_lock_without_extras_is_installed_exactly_by_pip_23_2_1(index: Index, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    (tmp_path / "pip.txt").write_text(PIP)
    subprocess.run([python, "-m", "pip", "install", "-qq", "--require-hashes", "-r", tmp_path / "pip.txt"], check=True)
    lock = index.lock("wants 1.0", "other 1.0")
    install = [str(python), "-m", "pip", "install", "--require-hashes", "-r", str(lock)]

    resolved = subprocess.run(install, env=index.environment, capture_output=True, text=True, check=False)
    exact = subprocess.run([*install, "--no-deps"], env=index.environment, capture_output=True, text=True, check=False)

    assert "other[toml]" in resolved.stderr, "pip 23.2.1 resolves the extra and leaves the lock; if not, this test proves nothing"
    assert resolved.returncode == 1
    assert exact.returncode == 0, exact.stderr
    assert "--no-deps" in ENVIRONMENT.read_text()


def test_an_environment_has_what_its_lock_lists_and_no_newer_version(index: Index, tmp_path: Path) -> None:
    done = set_up(tmp_path / "env", index.lock("wants 1.0", "other 1.0"), index)

    assert done.returncode == 0, done.stdout
    assert (installed(tmp_path / "env"), (tmp_path / "env" / ".stamp").exists()) == (["other-1.0", "wants-1.0"], True)
    assert not (tmp_path / "env.old").exists()


def test_a_hole_in_the_lock_is_named(index: Index, tmp_path: Path) -> None:
    done = set_up(tmp_path / "env", index.lock("wants 1.0"), index)

    assert done.returncode == 1
    assert "wants 1.0 requires other" in done.stderr
    assert not (tmp_path / "env").exists()


# --- Never half made ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def working(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that every test must leave as it was."""
    target = tmp_path_factory.mktemp("working") / "env"
    assert set_up(target, index.lock("other 1.0"), index).returncode == 0
    (target / "mine").write_text("kept")
    return target


def is_as_it_was(target: Path) -> bool:
    return (target / "mine").read_text() == "kept" and installed(target) == ["other-1.0"] and not Path(f"{target}.old").exists()


def test_a_failed_set_up_puts_the_old_environment_back(working: Path, index: Index) -> None:
    done = set_up(working, index.lock("wants 1.0"), index)

    assert (done.returncode, is_as_it_was(working)) == (1, True)


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_set_up_puts_the_old_environment_back(working: Path, tmp_path: Path, signalled: signal.Signals) -> None:
    fifo = tmp_path / "fifo"  # the lock: pip waits for someone to write it
    os.mkfifo(fifo)
    process = subprocess.Popen([sys.executable, str(ENVIRONMENT), str(working), str(fifo)], start_new_session=True)
    with fifo.open("w"):  # opened as soon as pip reads it
        assert Path(f"{working}.old").exists()
        os.killpg(process.pid, signalled)

    assert process.wait() != 0
    assert is_as_it_was(working)


def test_what_a_killed_set_up_left_is_undone_by_the_next_one(working: Path, index: Index) -> None:
    aside = working.rename(f"{working}.old")  # as a run leaves it that is killed outright
    working.mkdir()
    (working / "half").touch()

    done = set_up(working, index.lock("wants 1.0"), index)  # and even if that one fails

    assert (done.returncode, aside.exists(), (working / "half").exists()) == (1, False, False)
    assert is_as_it_was(working)


def test_a_symbolic_link_is_refused_and_what_it_points_to_is_untouched(working: Path, index: Index, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(working)

    done = set_up(link, index.lock("other 1.0"), index)

    assert (done.returncode, "is a symbolic link" in done.stderr, link.is_symlink()) == (1, True, True)
    assert is_as_it_was(working)


def test_every_installation_of_the_makefile_is_by_a_lock_or_of_this_project() -> None:
    makefile = (ENVIRONMENT.parents[1] / "Makefile").read_text()
    lines = [line for line in makefile.split("\n") if "pip install" in line]

    assert lines, "the package target installs the wheel"
    assert all("--no-deps build/package/*.whl" in line for line in lines)
