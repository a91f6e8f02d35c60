"""The settings of a session: what the queue prescribes."""

import difflib
from datetime import timedelta
from typing import Self

from attrs import field, frozen

from cobrowse_session.checks import check_fields, shown
from cobrowse_session.errors import SettingsError
from cobrowse_session.printable import short_repr
from cobrowse_session.times import milliseconds, plain_timedelta
from cobrowse_session.vocabulary import UnknownPrompt, WrapupPrompt

MAX_TIMEOUT = timedelta(days=1)
"""The vendor's largest bound so far (SETTING-8)."""


def _prompt(prompt: WrapupPrompt | str | None) -> WrapupPrompt | UnknownPrompt | None:
    if prompt is None or isinstance(prompt, WrapupPrompt):
        return prompt
    if not isinstance(prompt, str):
        raise TypeError(f"Settings: wrapup_prompt: expected WrapupPrompt, text or None, found {shown(prompt)}")
    if isinstance(known := WrapupPrompt.read(prompt), WrapupPrompt):
        return known
    if isinstance(prompt, UnknownPrompt):
        return prompt
    raise SettingsError("wrapup_prompt", f"one of {', '.join(WrapupPrompt)}", f"{prompt!r}{_nearest_prompt(prompt)}")


def _nearest_prompt(prompt: str) -> str:
    known = {member.lower(): member for member in WrapupPrompt}
    nearest = difflib.get_close_matches(prompt.lower(), known, n=1)
    return f" (did you mean {known[nearest[0]].value!r}?)" if nearest else ""


def check_duration(name: str, duration: timedelta | None, least: timedelta, most: timedelta) -> timedelta | None:
    """Return a duration cut to whole milliseconds.

    Args:
        name: of the setting, for the error.
        duration: None: unset.
        least: the shortest duration that makes sense.
        most: the longest one.

    Raises:
        TypeError: it is no timedelta.
        SettingsError: it is too short or too long.
    """
    if duration is None:
        return None
    if not isinstance(duration, timedelta):
        raise TypeError(f"{name}: expected timedelta or None, found {shown(duration)}")
    if not least <= duration <= most:
        raise SettingsError(name, f"a timedelta from {_length(least)} to {_length(most)}", shown(duration))
    return timedelta(milliseconds=milliseconds(plain_timedelta(duration)))


def _length(duration: timedelta) -> str:
    return f"{milliseconds(duration)} ms"


_MIN_TIMEOUT = timedelta(milliseconds=1)


def _wrapup_timeout(duration: timedelta | None) -> timedelta | None:
    return check_duration("wrapup_timeout", duration, _MIN_TIMEOUT, MAX_TIMEOUT)


def _alerting_timeout(duration: timedelta | None) -> timedelta | None:
    return check_duration("alerting_timeout", duration, _MIN_TIMEOUT, MAX_TIMEOUT)


@frozen(kw_only=True, cache_hash=True, repr=False)
class Settings:
    """The settings that the queue prescribes for a session. The defaults of the `Lifecycle` fill in what is unset.

    Args:
        wrapup_prompt: when after-call work happens and how it may end.
        wrapup_timeout: the longest duration of after-call work. Whole milliseconds, 1 ms to 1 day (SETTING-8).
        alerting_timeout: the longest duration of an alert. Whole milliseconds, 1 ms to 1 day.

    Raises:
        TypeError: a value of another type.
        SettingsError: an unknown prompt (the error names the nearest known one), or a timeout out of range.
    """

    wrapup_prompt: WrapupPrompt | UnknownPrompt | None = field(default=None, converter=_prompt)
    wrapup_timeout: timedelta | None = field(default=None, converter=_wrapup_timeout)
    alerting_timeout: timedelta | None = field(default=None, converter=_alerting_timeout)

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        if type(self.wrapup_prompt) is UnknownPrompt:
            check_fields(self)

    def with_defaults(self, defaults: Self) -> Self:
        """Return these settings with the unset ones taken from `defaults`."""
        if defaults is NO_SETTINGS:
            return self
        if self is NO_SETTINGS:
            return defaults
        return type(self)(
            wrapup_prompt=self.wrapup_prompt if self.wrapup_prompt is not None else defaults.wrapup_prompt,
            wrapup_timeout=self.wrapup_timeout if self.wrapup_timeout is not None else defaults.wrapup_timeout,
            alerting_timeout=self.alerting_timeout if self.alerting_timeout is not None else defaults.alerting_timeout,
        )


NO_SETTINGS = Settings()
