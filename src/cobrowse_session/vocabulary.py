"""The enums of the vendor, and their spellings."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Self, TypeVar


class Vocabulary(StrEnum):
    """An enum of the vendor's words, which the vendor spells in several ways.

    >>> DisconnectType.read("NO_ANSWER_TRANSFER"), DisconnectType.read("noAnswerTransfer")
    (<DisconnectType.TRANSFER_NOANSWER: 'transfer.noanswer'>, <DisconnectType.TRANSFER_NOANSWER: 'transfer.noanswer'>)
    """

    @classmethod
    def read(cls, text: str) -> Self | str:
        """Return the member that `text` spells, in any case and any vendor spelling, else `text` itself, so nothing is lost."""
        members: Mapping[str, Self] = _spellings(cls)
        # A constructor converts before it checks, so this may be no text at all.
        return members.get(text.lower(), text) if isinstance(text, str) and text.isascii() else text

    @classmethod
    def other_spellings(cls) -> dict[str, str]:
        """Spellings that no rule yields from the member's own value: text in lower case to member."""
        return {}


V = TypeVar("V", bound=Vocabulary)


@cache
def _spellings(vocabulary: type[V]) -> Mapping[str, V]:
    """Spelling, in lower case, to member: `transfer.conference` is also `conferenceTransfer` and `CONFERENCE_TRANSFER`."""
    table = {spelling: vocabulary(word) for spelling, word in vocabulary.other_spellings().items()}
    for member in vocabulary:
        first, dot, second = member.value.partition(".")
        in_order, turned = (first, second), (second, first)
        if dot:
            table.update({joint.join(parts): member for parts in (in_order, turned) for joint in ("", "_")})
        table[_SMALL_THEN_LARGE.sub(r"\1_\2", member.value).lower()] = member
        table[member.value.lower()] = member
    return table


_SMALL_THEN_LARGE = re.compile("([a-z])([A-Z])")


class ConnectionState(Vocabulary):
    """The state of the leg."""

    #: Before the first event.
    NONE = "none"
    #: The leg begins at a later time (callbacks).
    SCHEDULED = "scheduled"
    #: The leg is offered (voice: the customer's and the queue's legs begin in this state).
    OFFERING = "offering"
    #: The agent's own station is being reached.
    CONTACTING = "contacting"
    #: The other party is being called.
    DIALING = "dialing"
    #: The agent is being alerted.
    ALERTING = "alerting"
    #: Both sides are connected.
    CONNECTED = "connected"
    #: The leg has ended.
    DISCONNECTED = "disconnected"
    #: The leg has ended and its connection is released (voice only).
    TERMINATED = "terminated"

    @property
    def is_pending(self) -> bool:
        """True if the leg is neither connected nor ended, after its first event (CONN-1)."""
        return self in PENDING_STATES

    @property
    def is_ended(self) -> bool:
        """True if the leg has ended (CONN-1)."""
        return self in ENDED_STATES


class DisconnectType(Vocabulary):
    """The cause of the end of the leg, relative to its participant."""

    #: This user's device, or the closed browser.
    ENDPOINT = "endpoint"
    #: The user interface of this user: the agent declined or hung up.
    CLIENT = "client"
    #: The cloud or the provider, an alert that timed out among others.
    SYSTEM = "system"
    #: A time-out of the system, while dialing.
    TIMEOUT = "timeout"
    #: Transferred to someone else.
    TRANSFER = "transfer"
    #: Transferred into a conference.
    TRANSFER_CONFERENCE = "transfer.conference"
    #: Transferred after a consultation.
    TRANSFER_CONSULT = "transfer.consult"
    #: Forwarded.
    TRANSFER_FORWARD = "transfer.forward"
    #: The media connection failed.
    TRANSPORT_FAILURE = "transport.failure"
    #: An error of the provider.
    ERROR = "error"
    #: Another participant ended it.
    PEER = "peer"
    #: None of the other reasons.
    OTHER = "other"
    #: Marked as spam.
    SPAM = "spam"
    #: The number cannot be called.
    UNCALLABLE = "uncallable"
    #: The endpoint has Do Not Disturb set (notifications).
    ENDPOINT_DND = "endpoint.dnd"
    #: Transferred because the endpoint has Do Not Disturb set (notifications).
    TRANSFER_DND = "transfer.dnd"
    #: Transferred after an alert that nobody answered (notifications).
    TRANSFER_NOANSWER = "transfer.noanswer"
    #: Transferred because nobody was available (notifications).
    TRANSFER_NOTAVAILABLE = "transfer.notavailable"
    #: Nothing happened for too long (notifications).
    INACTIVITY = "inactivity"
    #: The session behind it expired (notifications).
    SESSION_EXPIRED = "session.expired"
    #: Someone else took it over (notifications).
    TAKEOVER = "takeover"

    @classmethod
    def other_spellings(cls) -> dict[str, str]:
        """Return the spellings of other APIs: `donotdisturb` for `dnd`, and words that detail events divide."""
        return {
            "endpoint.donotdisturb": cls.ENDPOINT_DND,
            "transfer.donotdisturb": cls.TRANSFER_DND,
            "no_answer_transfer": cls.TRANSFER_NOANSWER,
            "not_available_transfer": cls.TRANSFER_NOTAVAILABLE,
        }


class WrapupPrompt(Vocabulary):
    """The after-call-work rule that the queue gives the leg."""

    #: The agent must choose a code. There is no time limit.
    MANDATORY = "mandatory"
    #: The agent may leave without a code.
    OPTIONAL = "optional"
    #: After-call work happens only if the agent asked for it while connected.
    AGENT_REQUESTED = "agentRequested"
    #: There is a time limit. The agent may finish early with a code.
    TIMEOUT = "timeout"
    #: There is a time limit and no early exit. Saving a code does not end it.
    FORCED_TIMEOUT = "forcedTimeout"
    #: This leg has no after-call work, whatever the default is.
    NONE = "none"

    @classmethod
    def other_spellings(cls) -> dict[str, str]:
        """Return the queue's spellings. They begin with `MANDATORY_` for both time limits."""
        return {"mandatory_timeout": cls.TIMEOUT, "mandatory_forced_timeout": cls.FORCED_TIMEOUT}


class AfterCallWorkState(Vocabulary):
    """The state of after-call work. The lifecycle itself writes `pending`, `complete` and `skipped`."""

    #: The platform has no value.
    UNKNOWN = "unknown"
    #: This kind of leg has none.
    NOT_APPLICABLE = "notApplicable"
    #: It ended without being done.
    SKIPPED = "skipped"
    #: It is going on.
    PENDING = "pending"
    #: It is done.
    COMPLETE = "complete"


class AfterCallWorkEndedBy(Vocabulary):
    """The one who ended after-call work."""

    #: The agent clicked Done.
    AGENT = "agent"
    #: The agent went offline, and the organisation completes after-call work in that case.
    OFFLINE = "offline"
    #: The platform's own report.
    PLATFORM = "platform"


class CobrowseRole(Vocabulary):
    """The side of the shared page on which this client is."""

    #: Shows its page.
    SHARER = "sharer"
    #: Looks at the page.
    VIEWER = "viewer"


# attrs and mypy want converters to be named functions; each keeps a word that nobody knows as it came.


def read_state(text: str) -> ConnectionState | str:
    """A connection state."""
    return ConnectionState.read(text)


def read_disconnect_type(text: str) -> DisconnectType | str:
    """A disconnect type."""
    return DisconnectType.read(text)


def read_acw_state(text: str) -> AfterCallWorkState | str:
    """A state of after-call work."""
    return AfterCallWorkState.read(text)


def read_ended_by(text: str) -> AfterCallWorkEndedBy | str:
    """Return who ended after-call work."""
    return AfterCallWorkEndedBy.read(text)


def read_role(text: str) -> CobrowseRole | str:
    """A co-browse role."""
    return CobrowseRole.read(text)


def read_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return a list of words as a tuple. A value that is no list comes back as it is, for `check_fields` to refuse."""
    return tuple(words) if isinstance(words, Sequence | set | frozenset | Iterator) and not isinstance(words, str) else words  # type: ignore[return-value]  # see above


PENDING_STATES = (
    ConnectionState.SCHEDULED,
    ConnectionState.OFFERING,
    ConnectionState.CONTACTING,
    ConnectionState.DIALING,
    ConnectionState.ALERTING,
)
ENDED_STATES = (ConnectionState.DISCONNECTED, ConnectionState.TERMINATED)


class UnknownPrompt(str):
    """A wrap-up prompt that this version does not know, as a payload stated it. It behaves as `optional`.

    In code a prompt is a member of `WrapupPrompt` or its text. A misspelt one is an error. A payload's prompt is kept.
    """

    __slots__ = ()


def read_prompt(text: str) -> WrapupPrompt | UnknownPrompt:
    """Return the wrap-up prompt that a text spells, or the text as an unknown prompt."""
    known = WrapupPrompt.read(text)
    return known if isinstance(known, WrapupPrompt) else UnknownPrompt(known)
