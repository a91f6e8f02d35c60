"""The time line of a leg, as an immutable sequence of segments."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import overload

from attrs import field, frozen

from cobrowse_session.checks import MAX_DEPTH, NO_EXTRA, Extra, extra_key, own_extra
from cobrowse_session.printable import short_repr
from cobrowse_session.vocabulary import DisconnectType


@frozen(kw_only=True, repr=False)
class Segment:
    """One stretch of the leg's time line, all on the corrected provider clock.

    Args:
        start_time: when the state was entered (SEG-1).
        end_time: when it was left. None: it is open.
        type: the provider's own type, or `Scheduled`, `System`, `Contacting`, `Dialing`, `Alert`, `Interact` (SEG-2).
        how_ended: the type of the next segment, or `Disconnect` (SEG-4).
        disconnect_type: of the last segment only: the disconnect type of the leg (SEG-5).
        extra: unknown keys, as they came.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    type: str | None = None
    how_ended: str | None = None
    disconnect_type: DisconnectType | str | None = None
    extra: Extra = field(default=NO_EXTRA, eq=extra_key)

    __repr__ = short_repr

    def __attrs_post_init__(self) -> None:
        if self.extra is not NO_EXTRA:
            own_extra(self, MAX_DEPTH - 2)

    def closed(self, end: datetime | None, how_ended: str | None, disconnect_type: DisconnectType | str | None) -> "Segment":
        """Return this segment with its end."""
        return Segment(
            start_time=self.start_time,
            end_time=end,
            type=self.type,
            how_ended=how_ended,
            disconnect_type=disconnect_type,
            extra=self.extra,
        )


class Segments(Sequence[Segment]):
    """The time line of a leg: an immutable sequence of segments. One more segment costs one step.

    A tuple would be copied for each segment. A leg that alternates between two states would cost the square of its length.
    """

    # Many time lines share one list of segments. Each reads as many of them as its count. Only the last segment ever changes, so
    # it is kept apart. `appended` appends to the shared list if the list ends with this time line, else to a copy of it.
    #
    # Example: alerting, then connected. A copy of the session is made, and both go on in different ways.
    #
    #                                list           count   last
    #     both                       [Alert]        1       Interact
    #     the first one goes on      [Alert, Int.]  2       Hold        appended to the shared list
    #     the other one goes on      [Alert, Int.]  2       Disconnect  the list is longer than its count: a copy

    __slots__ = ("_count", "_earlier", "_last")

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        """Make a time line.

        Args:
            segments: in order.
        """
        self._earlier = list(segments)
        self._last = self._earlier.pop() if self._earlier else None
        self._count = len(self._earlier)

    def appended(self, segment: Segment) -> "Segments":
        """Return this time line with one more segment."""
        return self._with(*self._shared(), segment)

    def with_last(self, segment: Segment) -> "Segments":
        """Return this time line with its last segment replaced."""
        return self._with(self._earlier, self._count, segment)

    def first_difference(self, other: "Segments") -> int:
        """Return the index of the first segment that may differ. Time lines that share a list are not compared one by one."""
        if self._earlier is other._earlier:  # noqa: SLF001 (of this very class)
            return min(self._count, other._count)  # noqa: SLF001
        return next(
            (index for index, pair in enumerate(zip(self, other, strict=False)) if pair[0] != pair[1]), min(len(self), len(other))
        )

    def _shared(self) -> tuple[list[Segment], int]:
        if self._last is None:
            return self._earlier, 0
        earlier = self._earlier if len(self._earlier) == self._count else self._earlier[: self._count]
        earlier.append(self._last)
        return earlier, self._count + 1

    @staticmethod
    def _with(earlier: list[Segment], count: int, last: Segment) -> "Segments":
        made = Segments.__new__(Segments)
        made._earlier, made._count, made._last = earlier, count, last  # noqa: SLF001 (of this very class)
        return made

    def __len__(self) -> int:
        return self._count + (self._last is not None)

    @overload
    def __getitem__(self, index: int) -> Segment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Segment, ...]: ...
    def __getitem__(self, index: int | slice) -> Segment | tuple[Segment, ...]:
        if index in (-1, self._count) and self._last is not None:
            return self._last
        if isinstance(index, int) and 0 <= index < self._count:
            return self._earlier[index]
        return tuple(self)[index]

    def __iter__(self) -> Iterator[Segment]:
        yield from self._earlier[: self._count]
        if self._last is not None:
            yield self._last

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Segments | tuple):
            return NotImplemented
        return len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[type["Segments"], tuple[tuple[Segment, ...]]]:
        return Segments, (tuple(self),)


def time_line(segments: Iterable[Segment] | None) -> Segments | None:
    """Return segments as a time line."""
    return segments if segments is None or isinstance(segments, Segments) else Segments(segments)
