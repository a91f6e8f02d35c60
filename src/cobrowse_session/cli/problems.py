"""The problems of lines that cannot be read, printed."""

from collections.abc import Callable

from attrs import define

from cobrowse_session.cli.as_json import problem_json
from cobrowse_session.io.replay import Rejected
from cobrowse_session.wire.strict_json import dump


@define
class ProblemReporter:
    """Prints the problems of lines that cannot be read, and counts them."""

    name: str
    inform: Callable[[str], object]
    write: Callable[[str], object] | None = None
    as_json: bool = False
    lines: int = 0
    problems: int = 0

    def __call__(self, rejected: Rejected) -> None:
        """Print the problems of one rejected line."""
        self.lines += rejected.count
        self.problems += len(rejected.error.problems)
        for problem in rejected.error.problems:
            line = rejected.error.line
            self.inform(dump(problem_json(line, problem)) if self.as_json else f"{self.name}:{line}: {problem}")
        if self.write:
            file = self.name.encode(errors="backslashreplace").decode()  # a name of bytes that are no UTF-8
            self.write(rejected.as_json(file))
