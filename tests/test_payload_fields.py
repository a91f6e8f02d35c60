"""Every field of the vendor's models is read, or is in the table with the reason why not.

`models.json` has the models as the vendor's Python SDK has them: field and type, and the first word of an enumeration.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cobrowse_session.sources import convert
from cobrowse_session.sources.genesys.fields import FIELDS, Unread, markdown
from cobrowse_session.sources.reader import PayloadReader

Json = dict[str, Any]  # `Any`: JSON
MODELS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8"))
SAMPLES = {"str": "x", "datetime": "2026-03-01T09:00:00.000Z", "int": 1, "float": 1.5, "bool": True, "dict(str, str)": {"a": "b"}}
NINE = 1_772_355_600_000  # 2026-03-01T09:00:00Z, in milliseconds since 1970


def sample(of_type: str) -> Any:
    """A value of a type of the table."""
    if listed := re.fullmatch(r"list\[(\w+)\]", of_type):
        return [sample(listed[1])] if listed[1] in MODELS or listed[1] in SAMPLES else []
    kind, _, word = of_type.partition("=")
    return word or (payload(kind) if kind in MODELS else SAMPLES.get(kind, {"id": "x"}))


def payload(model: str) -> Json:
    """An object that has every field of a model."""
    if model.endswith(("ErrorBody", "RoutingData")):  # it has parts of its own kind
        return {"id": "x"}
    return {name: sample(kind) for name, kind in MODELS[model].items()} | ({"eventTime": NINE} if "Detail" in model else {})


def notified(topic: str, model: str) -> Json:
    return {"topicName": topic, "eventBody": payload(model)}


def detail(kind: str, model: str) -> tuple[Json, str, str]:
    return notified(f"v2.detail.events.conversation.c1.{kind}", model), "$.eventBody", model


FAMILIES: dict[str, tuple[Json, str, str]] = {
    "conversation": ({"id": "c1", "participants": [payload("Participant")]}, "$.participants", "Participant"),
    "co-browse sessions": (payload("CobrowseConversation"), "$", "CobrowseConversation"),
    "topic of conversations": (
        notified("v2.users.u1.conversations", "ConversationEventTopicConversation"),
        "$.eventBody",
        "ConversationEventTopicConversation",
    ),
    "topic of co-browse sessions": (
        notified("v2.users.u1.conversations.cobrowsesessions", "ConversationCobrowseEventTopicCobrowseConversation"),
        "$.eventBody",
        "ConversationCobrowseEventTopicCobrowseConversation",
    ),
    "acd.start": detail("acd.start", "AcdStartDetailEventTopicAcdStartEvent"),
    "acd.end": detail("acd.end", "AcdEndDetailEventTopicAcdEndEvent"),
    "user.start": detail("user.start", "UserStartDetailEventTopicUserStartEvent"),
    "user.end": detail("user.end", "UserEndDetailEventTopicUserEndEvent"),
    "customer.end": detail("customer.end", "CustomerEndDetailEventTopicCustomerEndEvent"),
    "acw": detail("acw", "AcwDetailEventTopicAfterCallWorkEvent"),
    "wrapup": detail("wrapup", "WrapupDetailEventTopicWrapupEvent"),
    **{
        key: ({key: [payload(model)]}, f"$.{key}", model)
        for key, model in {
            "communicationAnsweredEvents": "CommunicationAnsweredEvent",
            "communicationEndedEvents": "CommunicationEndedEvent",
            "communicationDispositionAppliedEvents": "CommunicationDispositionAppliedEvent",
            "messagingCommunicationEndedEvents": "MessagingCommunicationEndedEvent",
        }.items()
    },
}
"""A payload of each family that has every field, and where in it which model begins."""

Keys = dict[str, set[str]]


@pytest.fixture
def keys_read(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """The keys that the readers read, by the path of their object without indexes."""
    keys: Keys = defaultdict(set)

    def recording(read: Callable[..., Any], argument: int) -> Callable[..., Any]:
        def recorded(reader: PayloadReader, *arguments: Any) -> Any:
            keys[re.sub(r"\[[0-9]+\]", "", reader.path)].add(arguments[argument])
            return read(reader, *arguments)

        return recorded

    monkeypatch.setattr(PayloadReader, "_of", recording(PayloadReader._of, 1))  # noqa: SLF001
    monkeypatch.setattr(PayloadReader, "time", recording(PayloadReader.time, 0))
    return keys


def model_at(path: str, root: str, model: str) -> str | None:
    """The model of the object at a path, from the types of the fields. None: it is none of the table."""
    if not path.startswith(root):
        return None
    for key in path.removeprefix(root).split(".")[1:]:
        found = re.fullmatch(r"(?:list\[)?(\w+)\]?", MODELS[model].get(key, "").partition("=")[0])
        if found is None or found[1] not in MODELS:
            return None
        model = found[1]
    return model


def declared(model: str) -> set[str]:
    return {name for name, words in FIELDS[model].items() if not isinstance(words, Unread)}


@pytest.mark.parametrize("family", FAMILIES)
def test_exactly_the_fields_that_the_table_names_are_read(family: str, keys_read: Keys) -> None:
    document, root, model = FAMILIES[family]
    convert(document)

    read: Keys = defaultdict(set)
    for path, keys in keys_read.items():
        if name := model_at(path, root, model):
            read[name] |= keys & MODELS[name].keys()
    assert model in read
    assert dict(read) == {name: declared(name) for name in read}


def test_the_table_has_every_field_of_every_model() -> None:
    assert {model: sorted(fields) for model, fields in MODELS.items()} == {m: sorted(fields) for m, fields in FIELDS.items()}


def test_every_model_with_a_field_that_is_read_is_in_a_payload_of_the_proof(keys_read: Keys) -> None:
    found = set[str | None]()
    for document, root, model in FAMILIES.values():
        keys_read.clear()
        convert(document)
        found |= {model_at(path, root, model) for path in keys_read}

    assert {model for model in FIELDS if declared(model)} - found == set()


def test_the_printed_table_has_every_field() -> None:
    printed: list[tuple[str, str]] = []
    model = ""
    for line in markdown():
        if line.startswith("**"):
            model = line.strip("*`")
        elif line.startswith("| `"):
            printed += [(model, name.strip(" `")) for name in line.split("|")[1].split(", ")]

    assert sorted(printed) == sorted((model, name) for model, fields in MODELS.items() for name in fields)


def test_the_table_of_a_model_says_what_reads_a_field_or_why_nothing_does() -> None:
    table = """
**`ConversationEventTopicQueueMediaSettings`**

| fields | read for, or why not |
| --- | --- |
| `alertingTimeoutSeconds` | settings |
| `autoAnswerAlertToneSeconds`, `manualAnswerAlertToneSeconds`, `enableAutoAnswer` | not read: for the platform's own screen |

**"""

    assert table in "\n".join(markdown())
