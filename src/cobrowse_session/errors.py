"""The errors of this package, in one tree.

Each error names who caused it (`fault`), what was found, what was expected and what to do. After an error, the session, the log
and the settings are as they were before the call. All errors can be pickled.
"""

from typing import TYPE_CHECKING, ClassVar

from attrs import define, frozen

from cobrowse_session.printable import printable

if TYPE_CHECKING:  # the outcomes stand on a floor above; the errors only carry them
    from cobrowse_session.lifecycle.outcome import Refused, Stale


@define(eq=False, slots=False)
class CobrowseError(Exception):
    """The root of the tree. It is never raised itself."""

    #: Whose fault it is: the `sender` of the event, the `caller` of this library, or its `installation`.
    fault: ClassVar[str]


@frozen
class Problem:
    """One thing wrong with one document.

    Attributes:
        error: a stable name of the kind of error, as `not_json`, `wrong_type`, `time_in_the_future`.
        path: where, as a JSON path: `$.data.self.name`.
        found: the value there, cut to a readable length.
        expected: what the place takes.
        leg: whose place it is, where a converter knows the leg.
    """

    error: str
    path: str
    found: str
    expected: str
    leg: str | None = None

    def __str__(self) -> str:
        of_leg = f" (leg {self.leg})" if self.leg else ""
        return printable(f"{self.error}: {self.path}{of_leg}: expected {self.expected}, found {self.found}")


@define(eq=False, slots=False)
class DecodeError(CobrowseError, ValueError):
    """A document cannot be read. The sender's fault. Correct the document and send it again.

    Attributes:
        problems: what is wrong, at least one. Of very many, the first, and one that counts them: `too_many_problems`.
        line: the physical line of the file, from 1, if there is one.
    """

    fault: ClassVar[str] = "sender"
    problems: tuple[Problem, ...]
    line: int | None = None

    @property
    def error(self) -> str:
        """The kind of the first problem."""
        return self.problems[0].error

    @property
    def path(self) -> str:
        """The path of the first problem."""
        return self.problems[0].path

    @property
    def found(self) -> str:
        """The text that was found there."""
        return self.problems[0].found

    @property
    def expected(self) -> str:
        """The text that was expected there."""
        return self.problems[0].expected

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        return where + "; ".join(map(str, self.problems))


@define(eq=False, slots=False)
class RefusedError(CobrowseError):
    """A strict lifecycle got an event that breaks a rule. The sender's fault. The event did not change the session.

    Attributes:
        session: the session's id.
        event: the event's type and id.
        outcome: what a lifecycle that is not strict would have returned: rule, sentence, state.
    """

    fault: ClassVar[str] = "sender"
    session: str
    event: str
    outcome: "Refused"

    def __str__(self) -> str:
        return (
            f"session {self.session!r}, {self.event}: refused {self.outcome.rule} in state {self.outcome.from_state}: "
            f"{self.outcome.reason}"
        )


@define(eq=False, slots=False)
class StaleError(CobrowseError):
    """A strict lifecycle got an event that is older than the session. The caller's fault: the step takes events in order.

    Attributes:
        session: the session's id.
        event: the event's type and id.
        outcome: what a lifecycle that is not strict would have returned.
    """

    fault: ClassVar[str] = "caller"
    session: str
    event: str
    outcome: "Stale"

    def __str__(self) -> str:
        return f"session {self.session!r}, {self.event}: stale: {self.outcome.reason}"


@define(eq=False, slots=False)
class SettingsError(CobrowseError, ValueError):
    """A setting that makes no sense. The caller's fault. Nothing was built.

    Attributes:
        setting: its name.
        expected: what it takes.
        found: what was given.
    """

    fault: ClassVar[str] = "caller"
    setting: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.setting}: expected {self.expected}, found {self.found}"


@define(eq=False, slots=False)
class TableError(CobrowseError, ValueError):
    """The table has an error. The caller's fault. No machine was built.

    Attributes:
        problems: one sentence for each.
    """

    fault: ClassVar[str] = "caller"
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((f"the table has {len(self.problems)} error{'s' * (len(self.problems) > 1)}:", *self.problems))


@define(eq=False, slots=False)
class FormatVersionError(CobrowseError):
    """Saved data have a format version that this package does not support. The caller's fault: install a newer cobrowse-session.

    Attributes:
        what: which format.
        found: the version found.
        newest: the newest version that is known here.
    """

    fault: ClassVar[str] = "caller"
    what: str
    found: object
    newest: int

    def __str__(self) -> str:
        return (
            f"{self.what} has format version {self.found!r}, this package reads up to {self.newest}: "
            "install a newer cobrowse-session"
        )


@define(eq=False, slots=False)
class SourceError(CobrowseError, LookupError):
    """A source of payloads cannot be loaded by its name. The caller's fault. Correct the name, or the package that has it.

    Attributes:
        source: the name.
        expected: what the name leads to.
        found: what was found instead.
    """

    fault: ClassVar[str] = "caller"
    source: str
    expected: str
    found: str

    def __str__(self) -> str:
        return printable(f"source {self.source!r}: expected {self.expected}, found {self.found}")


@define(eq=False, slots=False)
class StoreError(CobrowseError):
    """A store cannot do what was asked: its database is gone, full, read-only or of another version. Nothing was stored.

    Attributes:
        store: the address of the database, without its password.
        problem: what happened.
        advice: what to do.
    """

    fault: ClassVar[str] = "installation"
    store: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return printable(f"store {self.store}: {self.problem}; {self.advice}")


@define(eq=False, slots=False)
class ConflictError(StoreError):
    """Another writer was first: it changed the same rows, or acknowledged the same message. Nothing was stored.

    Read what there is now, then try again.
    """


@define(eq=False, slots=False)
class EpochError(StoreError):
    """A position in the feed of messages is of an earlier epoch: the store was restored or moved since. Read the feed anew."""


@define(eq=False, slots=False)
class UnreadableError(StoreError):
    """The rows of one session cannot be read, because something other than this package changed them. Other sessions work.

    Attributes:
        session: the session's id.
        position: that of its message, if the feed of messages was read. Read it on from there. None: something else was read.
    """

    session: str
    position: str | None = None


@define(eq=False, slots=False)
class MissingExtraError(CobrowseError, ImportError):
    """A feature needs an extra that is not installed.

    Attributes:
        feature: what was asked for.
        extra: the extra that brings it.
    """

    fault: ClassVar[str] = "installation"
    feature: str
    extra: str

    def __str__(self) -> str:
        package, checkout = f"'cobrowse-session[{self.extra}]'", f"'.[{self.extra}]'"
        return f"{self.feature} needs the extra {self.extra!r}: pip install {package}, or from a checkout: pip install {checkout}"
