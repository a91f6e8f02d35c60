"""A line that cannot be read, as a line of a rejects file (ERROR-1)."""

from cobrowse_session.errors import DecodeError
from cobrowse_session.wire.strict_json import dump


def encode_rejected(error: DecodeError, text: str, length: int, file: str | None = None) -> str:
    """Return the line of a rejects file: the first problem, the beginning of the rejected line, and its length in bytes.

    Args:
        error: the reason.
        text: the beginning of the line.
        length: its length in bytes.
        file: the name of its file. None: there is only one.
    """
    return dump(
        {
            **({} if file is None else {"file": file}),
            "line": error.line,
            "error": error.error,
            "path": error.path,
            "found": error.found,
            "expected": error.expected,
            "text": text,
            "length": length,
        }
    )
