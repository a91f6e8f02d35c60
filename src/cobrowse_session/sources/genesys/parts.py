"""The parts of a leg that several families spell alike: address, wrap-up, settings."""

from typing import Any

from cobrowse_session.model import Address, Wrapup
from cobrowse_session.settings import Settings
from cobrowse_session.sources.reader import PayloadReader
from cobrowse_session.vocabulary import WrapupPrompt, read_prompt


def address(reader: PayloadReader | None) -> Address | None:
    """Return an address, read from the platform's JSON."""
    if reader is None:
        return None
    return Address(
        name=reader.text("name"),
        name_raw=reader.text("nameRaw"),
        address_normalized=reader.text("addressNormalized"),
        address_raw=reader.text("addressRaw"),
        address_displayable=reader.text("addressDisplayable"),
    )


def wrapup(reader: PayloadReader | None) -> Wrapup | None:
    """Return a wrap-up, read from the platform's JSON."""
    if reader is None:
        return None
    return Wrapup(
        code=reader.text("code"),
        name=reader.text("name"),
        notes=reader.text("notes"),
        tags=reader.words("tags"),
        duration_seconds=reader.number("durationSeconds"),
        end_time=reader.time("endTime"),
        provisional=reader.flag("provisional") or False,
    )


def settings(reader: PayloadReader, alerting_timeout: Any = None) -> Settings:
    """Return the queue's settings, as a participant shows them. A participant without a prompt has no after-call work."""
    return Settings(
        wrapup_prompt=read_prompt(reader.text("wrapupPrompt") or WrapupPrompt.NONE),
        wrapup_timeout=reader.timeout("wrapupTimeoutMs"),
        alerting_timeout=reader.timeout("alertingTimeoutMs") or alerting_timeout,
    )
