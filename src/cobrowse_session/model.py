"""The values: a communication, its parts, its settings and their vocabulary.

Everything here is a plain value. `Address`, `Segment`, `Wrapup` and `AfterCallWork` are frozen: the lifecycle *replaces* them
and never changes them in place, so `copy.copy(session)` is a whole copy. A session itself is mutable, and only the lifecycle
should write to it: its attributes are correlated.
"""

from datetime import datetime
from functools import cache
from typing import Any, Self

from attrs import converters, define, evolve, field, fields, frozen, setters

from cobrowse_session.checks import MAX_DEPTH, NO_EXTRA, Extra, check_fields, check_keys, extra_key, own_extra
from cobrowse_session.segments import Segments, time_line
from cobrowse_session.settings import NO_SETTINGS, Settings
from cobrowse_session.vocabulary import (
    ENDED_STATES,
    AfterCallWorkState,
    CobrowseRole,
    ConnectionState,
    DisconnectType,
    read_role,
    read_state,
    read_words,
)

# --- Names ---------------------------------------------------------------------------------------------------------------------


@cache
def vendor_name(attribute: str) -> str:
    """The vendor's name of an attribute: `after_call_work` is `afterCallWork`, a timeout says its unit: `wrapupTimeoutMs`."""
    head, *tail = attribute.split("_")
    return head + "".join(map(str.capitalize, tail)) + ("Ms" if attribute.endswith("_timeout") else "")


# --- Context ------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, cache_hash=True)
class Context:
    """The conversation, participant and queue of a leg. It is kept beside the session, outside of its JSON and its equality.

    Args:
        conversation_id: the conversation that the leg belongs to.
        participant_id: the participant whose leg it is.
        user_id: the agent.
        queue_id: the queue that routed the leg.
        purpose: the participant's purpose, for example `agent` or `customer`.
        media_type: the kind of leg, for example `call` or `cobrowse`.

    Raises:
        TypeError: a field of another type.
        ValueError: text that cannot be written.
    """

    conversation_id: str | None = None
    participant_id: str | None = None
    user_id: str | None = None
    queue_id: str | None = None
    purpose: str | None = None
    media_type: str | None = None

    def __attrs_post_init__(self) -> None:
        check_fields(self)

    def with_defaults(self, earlier: Self) -> Self:
        """Return this context with the unset fields taken from an earlier one."""
        if earlier is NO_CONTEXT or self is earlier:
            return self
        if self is NO_CONTEXT:
            return earlier
        stated = {name: value for name in _CONTEXT_NAMES if (value := getattr(self, name)) is not None}
        return evolve(earlier, **stated) if len(stated) < len(_CONTEXT_NAMES) else self


_CONTEXT_NAMES = tuple(attribute.name for attribute in fields(Context))
NO_CONTEXT = Context()


# --- Parts of a communication -------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Address:
    """Address and name of one side of the leg.

    Args:
        name: for a person.
        name_raw: as the provider sent it.
        address_normalized: in one form for all providers.
        address_raw: as the provider sent it.
        address_displayable: for a person.
        extra: unknown keys, as they came.

    Raises:
        TypeError: a field of another type.
        ValueError: text or JSON that cannot be written and read back.
    """

    name: str | None = None
    name_raw: str | None = None
    address_normalized: str | None = None
    address_raw: str | None = None
    address_displayable: str | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    def __attrs_post_init__(self) -> None:
        check_fields(self)
        own_extra(self, MAX_DEPTH - 2)
        check_keys("Address: extra", self.extra, _ADDRESS_NAMES)


_ADDRESS_NAMES = frozenset(vendor_name(a.name) for a in fields(Address) if a.name != "extra")


@frozen(kw_only=True)
class Wrapup:
    """The agent's record of the leg.

    Args:
        code: the wrap-up code.
        name: the code's name.
        notes: free text.
        tags: free words.
        duration_seconds: from the leg's end to its own, in whole seconds, rounded down [O].
        end_time: when it was saved, on the corrected provider clock; None: it is a preparation [D].
        provisional: a draft, to be used later [D].
        extra: unknown keys, as they came.
    """

    code: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    duration_seconds: int | None = None
    end_time: datetime | None = None
    provisional: bool = False
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    def __attrs_post_init__(self) -> None:
        own_extra(self, MAX_DEPTH - 1)


@frozen(kw_only=True)
class AfterCallWork:
    """After-call work: its state, and its times on the corrected provider clock.

    Args:
        start_time: when the leg ended, to the millisecond [O].
        end_time: when it was done, skipped, or over; None: it is pending.
        state: how far it has come.
        extra: unknown keys, as they came.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    state: AfterCallWorkState | str | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    def __attrs_post_init__(self) -> None:
        own_extra(self, MAX_DEPTH - 1)


def _unless_empty(work: AfterCallWork | None) -> AfterCallWork | None:
    """After-call work that says nothing is none: the platform writes `{}` for legs that have none [O]."""
    return None if work == _EMPTY_WORK else work


_EMPTY_WORK = AfterCallWork()


# --- Communications -----------------------------------------------------------------------------------------------------------


@define(kw_only=True, on_setattr=setters.NO_OP)
class Communication:
    """One leg of one participant: what a call, a callback, a chat and a co-browse session share.

    Args:
        state: where the leg is in its life.
        initial_state: the state in which it was first seen, or the platform's own word for it.
        id: the communication's id; events name it as their `subject`.
        disconnect_type: what ended it; None: it has not ended, or nothing has said why.
        self_: address and name of this side; the attribute itself is called `self`, as the vendor has it.
        provider_event_time: when the last applied event happened, on the corrected provider clock [D].
        start_alerting_time: when it was first put into alerting, on the cloud clock [O].
        connected_time: when it was connected, on the cloud clock [D].
        disconnected_time: when it ended, on the corrected provider clock [D, C].
        provider: who provides it; None: no event named the provider.
        peer_id: the communication of the other side.
        segments: its time line; None: no state was entered yet.
        wrapup: what the agent noted.
        after_call_work: None: there is none.
        after_call_work_required: whether the agent asked for it; it counts under the prompt `agentRequested` only [D].
        extra: unknown keys, as they came.
        settings: what its events said of the queue's rules. No part of the vendor's model: equality and the session JSON
            leave it out.
    """

    # Setting an attribute runs no hook: the lifecycle writes nothing that a converter would change, and writes often.

    state: ConnectionState | str = ConnectionState.NONE
    initial_state: ConnectionState | str | None = None
    id: str | None = None
    disconnect_type: DisconnectType | str | None = None
    self: Address | None = field(default=None, alias="self_")  # the vendor's name; as an argument it would hide the instance
    provider_event_time: datetime | None = None
    start_alerting_time: datetime | None = None
    connected_time: datetime | None = None
    disconnected_time: datetime | None = None
    provider: str | None = None
    peer_id: str | None = None
    segments: Segments | None = field(default=None, converter=time_line)
    wrapup: Wrapup | None = None
    after_call_work: AfterCallWork | None = field(default=None, converter=_unless_empty)
    after_call_work_required: bool | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)
    settings: Settings = field(default=NO_SETTINGS, eq=False)

    def __attrs_post_init__(self) -> None:
        own_extra(self, MAX_DEPTH)


@define(kw_only=True, on_setattr=setters.NO_OP)
class CobrowseSession(Communication):
    """The platform's `Cobrowsesession`: a communication whose two sides share a page.

    Args:
        cobrowse_session_id: the id of the shared page's session, which both sides have.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control; empty: none [D]; None: nothing was said.
        viewer_url: where the page can be looked at.
    """

    cobrowse_session_id: str | None = None
    cobrowse_role: CobrowseRole | str | None = None
    controlling: tuple[str, ...] | None = None
    viewer_url: str | None = None


def is_ended(session: Communication) -> bool:
    """Return whether the leg has ended."""
    return session.state in ENDED_STATES


def is_connected(session: Communication) -> bool:
    """Return whether both sides are connected."""
    return session.state == ConnectionState.CONNECTED


@frozen(kw_only=True)
class Details:
    """What any event may state about the leg. None states nothing, and never clears.

    Args:
        self_: address and name of this side.
        provider: who provides it.
        peer_id: the communication of the other side.
        cobrowse_session_id: the id of the shared page's session.
        cobrowse_role: whether this side shares its page or looks at it.
        controlling: the participants whose page this side may control; taken while connected only [C].
        viewer_url: where the page can be looked at.
        initial_state: the platform's own word for the state in which the leg began; taken once.
        after_call_work_required: the platform's own word for whether after-call work is required; taken until the leg has ended.

    Raises:
        TypeError: a field of another type.
        ValueError: text that cannot be written.
    """

    self: Address | None = field(default=None, alias="self_")
    provider: str | None = None
    peer_id: str | None = None
    cobrowse_session_id: str | None = None
    cobrowse_role: CobrowseRole | str | None = field(default=None, converter=converters.optional(read_role))
    controlling: tuple[str, ...] | None = field(default=None, converter=converters.optional(read_words))
    viewer_url: str | None = None
    initial_state: ConnectionState | str | None = field(default=None, converter=converters.optional(read_state))
    after_call_work_required: bool | None = None

    def __attrs_post_init__(self) -> None:
        check_fields(self)

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Return what is not None, as (attribute, value) pairs. `Any`: the values' types differ."""
        return tuple((name, value) for name in _DETAIL_NAMES if (value := getattr(self, name)) is not None)


_DETAIL_NAMES = tuple(attribute.name for attribute in fields(Details))
NO_DETAILS = Details()
