"""The sources of payloads, and the choice of the one that converts a payload.

The built-in sources are always asked. A source of another package is an entry point of the group `cobrowse_session.sources`. It
is asked if it is named, so an installed package alone changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from itertools import chain
from typing import Any

from cobrowse_session.checks import shown as type_shown
from cobrowse_session.errors import SourceError
from cobrowse_session.sources.genesys import GENESYS
from cobrowse_session.sources.join import Joiner
from cobrowse_session.sources.repeats import without_repeats
from cobrowse_session.sources.source import Converted, Source
from cobrowse_session.times import event_time
from cobrowse_session.wire.strict_json import check_document, decode_error

__all__ = ["BUILT_IN", "GROUP", "checked_sources", "convert", "convert_checked", "known_sources", "sources_named"]

GROUP = "cobrowse_session.sources"
"""The group of entry points. The name of an entry point is that of its source."""

BUILT_IN: tuple[Source, ...] = (GENESYS,)
"""The sources that are always asked."""

_MEMBERS = ("name", "families", "lifecycle", "looks_like", "recognise", "convert")


# --- Sources by name ----------------------------------------------------------------------------------------------------------


def known_sources() -> tuple[str, ...]:
    """Return the names of the built-in sources, and of those of installed packages."""
    built_in = [source.name for source in BUILT_IN]
    return (*built_in, *sorted(entry_points(group=GROUP).names - {*built_in}))


def sources_named(*names: str) -> tuple[Source, ...]:
    """Return the built-in sources, and those of other packages with these names.

    Args:
        names: of entry points. Their packages are imported now. The name of a built-in source adds nothing.

    Raises:
        SourceError: no package has a source of a name, or several have, or it cannot be imported, or it is no source.
    """
    found = {source.name: source for source in BUILT_IN}
    for name in names:
        if name not in found:
            found[name] = _loaded(name)
    return tuple(found.values())


def _loaded(name: str) -> Source:
    entries = [*entry_points(group=GROUP, name=name)]
    if len(entries) != 1:
        found = " and ".join(entry.value for entry in entries) or "no such name"
        raise SourceError(name, "one package with it" if entries else f"one of {', '.join(known_sources())}", found)
    (entry,) = entries
    try:
        loaded: Any = entry.load()
    except Exception as error:
        expected = f"an object that can be imported from {entry.value}"
        raise SourceError(name, expected, f"{type(error).__name__}: {error}") from error
    if lacks := _lacks(loaded):
        raise SourceError(name, f"a source at {entry.value}", lacks)
    if loaded.name != name:
        raise SourceError(name, f"a source of this name at {entry.value}", f"the name {loaded.name!r}")
    source: Source = loaded
    return source


def checked_sources(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources, after a check.

    Raises:
        TypeError: one of them is no source.
    """
    if isinstance(sources, str) or not isinstance(sources, Iterable):
        raise TypeError(f"sources: expected a tuple of sources, found {type_shown(sources)}; sources_named returns one")
    checked = tuple(sources)
    for index, source in enumerate(checked):
        if lacks := _lacks(source):
            raise TypeError(f"sources[{index}]: expected a source, found {lacks}")
    return checked


def _lacks(source: object) -> str | None:
    """Return what an object is that is no source. None: it is one."""
    if isinstance(source, type):
        return f"the class {source.__name__}, not an object of it"
    missing = [name for name in _MEMBERS if not hasattr(source, name)]
    return f"an object of type {type(source).__name__} without {', '.join(missing)}" if missing else None


# --- Payloads -----------------------------------------------------------------------------------------------------------------


def convert(  # noqa: PLR0913 (all but the document are optional)
    document: Any,
    family: str | None = None,
    *,
    sources: Sequence[Source] = BUILT_IN,
    received_at: datetime | None = None,
    place: int = 0,
    path: str = "$",
) -> Converted:
    """Return the events of a payload, or of a list of payloads.

    Args:
        document: parsed JSON: one payload, in an envelope or bare, or a list of them. Each of a list is recognised by itself.
            `Any`: JSON.
        family: the family of all of them, of one of the sources. None: it is recognised.
        sources: those that are asked. `sources_named` returns others than the built-in ones.
        received_at: when it was received, on the cloud clock. None: it is not known.
        place: its place in the input, from 0. Of equal times, the later place corrects the earlier one. The payloads of a list
            have the places from there on.
        path: its path in a larger document.

    Returns:
        Events, each fact once, and warnings. Traffic that states nothing of a leg, such as a heartbeat, is in `skipped`.

    Raises:
        DecodeError: it is no JSON (`check_document`), or no source recognises it (`not_recognised`), or several do
            (`ambiguous_source`), or the source that does cannot read it. Nothing was converted.
        TypeError: a naive `received_at`.
        ValueError: a `received_at` outside of the years 1970 to 9998.
    """
    check_document(document, path)
    received_at = received_at and event_time(received_at)
    return Joiner().join(convert_checked(document, family, sources=sources, received_at=received_at, place=place, path=path))


def convert_checked(  # noqa: PLR0913 (as above)
    document: Any, family: str | None, *, sources: Sequence[Source], received_at: datetime | None, place: int, path: str
) -> Converted:
    """Return the events of a payload that `read_json` returned, or of a list. See `convert`. `Any`: JSON.

    A `Joiner` joins its legs with those of the same input.
    """
    parts: list[Converted] = []
    for one, where in _payloads(document, path):
        source = _source_of(one, family, sources, where)
        parts.append(source.convert(one, family, received_at=received_at, place=place, path=where))
        place = parts[-1].place_after(place)
    return Converted(
        tuple(without_repeats(chain.from_iterable(part.events for part in parts))),
        tuple(chain.from_iterable(part.warnings for part in parts)),
        tuple(chain.from_iterable(part.legs for part in parts)),
        tuple(chain.from_iterable(part.skipped for part in parts)),
    )


def _payloads(document: Any, path: str) -> Iterator[tuple[Any, str]]:  # JSON
    """Yield each payload of a document, and its path. A list may be in a list."""
    if not isinstance(document, list):
        yield document, path
        return
    for index, one in enumerate(document):
        yield from _payloads(one, f"{path}[{index}]")


def _source_of(payload: Any, family: str | None, sources: Sequence[Source], path: str) -> Source:  # JSON
    """Return the one source that recognises a payload. With a family, only sources that have it are asked."""
    # Examples, with what each of two sources answers. A source whose family is chosen is believed, and its `convert` decides.
    #
    #     family     a has    a recognises   b recognises   result
    #     none                conversation   nothing        a
    #     none                heartbeat      visit          ambiguous_source: a (heartbeat) and b (visit)
    #     none                nothing        nothing        not_recognised
    #     analytics  yes      not asked      not asked      a
    #     unheard    no       not asked      not asked      not_recognised
    if not isinstance(payload, dict):
        raise decode_error("not_recognised", path, payload, "a JSON object, or a list of them")
    asked = [source for source in sources if family is None or family in source.families]
    if family is not None and len(asked) == 1:
        return asked[0]
    found = {source.name: (source, kind) for source in asked if (kind := source.recognise(payload)) is not None}
    if len(found) == 1:
        ((source, _),) = found.values()
        return source
    if not found:
        names = ", ".join(source.name for source in sources) or "none"
        expected = f"a payload of {'a known family' if family is None else family} (sources: {names})"
        raise decode_error("not_recognised", path, payload, expected)
    both = " and ".join(f"{name} ({kind})" for name, (_, kind) in found.items())
    raise decode_error("ambiguous_source", path, payload, f"a payload of one source, not of {both}; name its family")
