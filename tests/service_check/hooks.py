"""How schemathesis writes documents on lines. The schema of such a body is that of the list of its documents."""

import json
from typing import Any

import schemathesis  # type: ignore[import-not-found, unused-ignore]  # it has an environment of its own


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator, unused-ignore]  # as above
def lines(_context: object, value: Any) -> bytes:  # JSON
    """Return a list as lines of JSON. Another value, which is wrong here, is one line."""
    documents = value if isinstance(value, list) else [value]
    return "\n".join(map(json.dumps, documents)).encode()
