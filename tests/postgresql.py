"""A PostgreSQL server of the tests' own, in a folder that is removed in the end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
"""Where Debian puts the programs of a server."""


def program(name: str) -> str | None:
    """Return a program of PostgreSQL. None: it is not installed."""
    return shutil.which(name, path=os.pathsep.join([*map(str, FOLDERS), os.environ.get("PATH", "")]))


@contextmanager
def server(folder: Path) -> Iterator["Server"]:
    """Run a server in an empty folder."""
    one = Server(folder)
    one.start()
    try:
        yield one
    finally:
        one.stop("immediate")


class Server:
    """A server that can be stopped, killed and started again.

    Args:
        folder: it gets the data.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        folder.chmod(0o755)
        if user := _user():
            shutil.chown(folder, user)
        self._run("initdb", "-D", self.data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        """The address of its first database."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # Without fsync: what a process has written survives its end. Only a loss of power needs more.
        options = f"-c fsync=off -c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder}"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it. `immediate` is as if it were killed: it recovers at the next start."""
        self._run("pg_ctl", "-D", self.data, "-m", mode, "stop")

    def kill(self) -> None:
        """Kill all its processes at once, with SIGKILL. For Linux."""
        lock = self.data / "postmaster.pid"
        postmaster = int(lock.read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # it starts no other process meanwhile
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_is_running, processes)):
            sleep(0.001)
        for file in (lock, *self.folder.glob(".s.PGSQL.*")):  # nobody may have waited for the process, so its id is still there
            file.unlink(missing_ok=True)

    def _run(self, name: str, *arguments: str | Path) -> None:
        found = program(name)
        assert found is not None, f"{name} is not installed"
        # The output goes nowhere: the server would keep a pipe open.
        command = [found, *map(str, arguments)]
        subprocess.run(command, check=True, user=_user(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _user() -> str | None:
    """Return the user who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    return next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
