"""Let schemathesis ask the service: `python -m tests.service_check.check build/service-check/bin/st [SEED]`.

All of its checks, for every operation. A stream of `/changes` has no end, so all of them are ended first. Its parameters, status
and headers are checked here, and tests/test_service_live.py reads what is in it. Afterwards every operation that takes something
has answered 20 requests or more with 2xx, and the store verifies. A 500 that is planted is found.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import randrange
from tempfile import TemporaryDirectory

from tests.serving import Live, call, event, live

from cobrowse_session.service import Guard, read_tokens
from cobrowse_session.store.verify import verify

CONFIG = Path(__file__).with_name("schemathesis.toml")
ANSWERED = re.compile(r'cobrowse_session_requests_total\{method="(\w+)",route="([^"]*)",status="(\d)\d\d"\} (\S+)')
LEAST = 20
SECRET = "schemathesis-0123456789"  # noqa: S105 (it guards nothing)
GUARD, TOKEN = Guard(read_tokens(f"check read,write,acknowledge {SECRET}")), {"authorization": f"Bearer {SECRET}"}


def main(program: str, seed: str) -> None:
    """Ask a service that is as it should be, then one with a fault."""
    with TemporaryDirectory() as folder:
        with live(f"sqlite:///{folder}/sessions.db", GUARD) as one:
            one.client.headers.update(TOKEN)
            one.post(*call("s1"), event(session="s2"), event(session="s3"))
            one.service.end_streams()
            done = _ask(program, seed, one)
            one.post(*(event(session=f"more{number}") for number in range(LEAST)))
            for message in one.client.get("/messages", params={"limit": LEAST}).json()["messages"]:
                # Somebody who does not know the numbers gets a 409 almost always.
                one.client.post("/messages/acknowledged", json={"ids": [message["id"]]}).raise_for_status()
                one.client.get("/changes", params={"after": message["position"]}).raise_for_status()  # as with the numbers
            answers = _answers(one)
            findings = verify(one.service.store).findings
        with live(f"sqlite:///{folder}/planted.db", GUARD) as one:

            @one.service.app.get("/planted")
            def planted(number: int) -> float:
                return 1 / (max(0, number))

            found = _ask(program, seed, one, "--include-path", "/planted")
    print(done.stdout[-6000:], f"seed {seed}", sep="\n")
    few = {route for route in answers if answers[route] < LEAST}
    problems = [
        *(["schemathesis found something"] if done.returncode else []),
        *(f"{route}: {answers[route]} answers of 2xx" for route in sorted(few)),
        *map(str, findings),
        *([] if found.returncode and "Server error" in found.stdout else ["the planted 500 was not found"]),
    ]
    for route, number in sorted(answers.items()):
        print(f"{number:6.0f} answers of 2xx: {route}")
    sys.exit("\n".join(problems) or None)


def _ask(program: str, seed: str, one: Live, *more: str) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [
        Path(program).resolve(),
        "--config-file",
        CONFIG,
        "run",
        f"{one.address}/openapi.json",
        "--checks",
        "all",
    ]
    command += [
        "--seed",
        seed,
        "--max-examples",
        "60",
        "--no-color",
        "-H",
        f"Authorization: Bearer {SECRET}",
        *more,
    ]
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=Path(program).resolve().parents[1],  # it leaves a folder there
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py").resolve())},
    )


def _answers(one: Live) -> Counter[str]:
    """Return for each operation of the document how many requests were answered with 2xx."""
    answers: Counter[str] = Counter()
    for path, methods in one.client.get("/openapi.json").json()["paths"].items():
        taking = [method for method, route in methods.items() if "parameters" in route or "requestBody" in route]
        answers.update({f"{method.upper()} {path}": 0 for method in taking})
    for method, route, status, number in ANSWERED.findall(one.client.get("/metrics").text):
        key = f"{method} {route.replace(':path', '')}"
        if status == "2" and key in answers:
            answers[key] += int(float(number))
    return answers


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else str(randrange(1 << 32)))
