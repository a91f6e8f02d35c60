"""The command, and other ways from file to file, each as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter

from attrs import frozen

OURS = ("-m", "cobrowse_session")
WITHOUT_MSGSPEC = (
    "-c",
    "import sys; sys.modules['msgspec'] = None; from cobrowse_session.__main__ import main; sys.exit(main())",
)
"""The command where `import msgspec` fails, as it does without the extra `fast`."""


@frozen
class Cost:
    """What a process took.

    Attributes:
        cpu: seconds of all its processors: user and system, with those of the processes that it started.
        wall: seconds that passed.
        memory: the most bytes that it held, without those of the processes that it started.
    """

    cpu: float
    wall: float
    memory: int


def run(*arguments: str | os.PathLike[str]) -> Cost:
    """Run this Python with some arguments, and return what that cost.

    Raises:
        CalledProcessError: it failed. What it printed is printed.
    """
    command: Sequence[str | os.PathLike[str]] = (sys.executable, *arguments)
    began = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(said.decode(), file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(usage.ru_utime + usage.ru_stime, perf_counter() - began, usage.ru_maxrss * 1024)
