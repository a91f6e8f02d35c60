"""Beamview's payloads: a visit as a whole, sent again whenever it changes."""

from datetime import datetime
from typing import Any

from attrs import frozen

from cobrowse_session import Lifecycle
from cobrowse_session.sources import Converted
from cobrowse_session.sources.facts import events_of
from cobrowse_session.sources.leg import Leg
from cobrowse_session.sources.reader import Origin, PayloadReader, Warnings
from cobrowse_session.wire.strict_json import decode_error

RULES = Lifecycle()
REASONS = {"visitor_left": "peer", "agent_left": "client"}  # the platform's word to the model's


@frozen
class Beamview:
    name: str = "beamview"
    families: tuple[str, ...] = ("visit",)
    lifecycle: Lifecycle = RULES

    def looks_like(self, keys: set[str]) -> bool:
        return {"visit", "region"} <= keys

    def recognise(self, payload: Any) -> str | None:
        if all(isinstance(word := payload.get(key), str) and word for key in ("visit", "region")):
            return "visit"
        return "ping" if payload.keys() == {"ping"} else None

    def convert(
        self, payload: Any, family: str | None = None, *, received_at: datetime | None = None, place: int = 0, path: str = "$"
    ) -> Converted:
        kind = self.recognise(payload)
        if kind == "ping" and family is None:
            return Converted(skipped=("ping",))
        if kind != "visit":
            raise decode_error("not_recognised", path, payload, "a visit of Beamview")
        warnings = Warnings()
        leg = leg_of(PayloadReader(payload, path, warnings, Origin(received_at=received_at, place=place)))
        return Converted(tuple(events_of(leg, warnings)), warnings.listed(path), (leg,))


def leg_of(visit: PayloadReader) -> Leg:
    reason, url = visit.text("why"), visit.text("url")
    return Leg(
        id=visit.object["visit"],
        source=f"/beamview/{visit.object['region']}",
        path=visit.path,
        origin=visit.origin,
        provider_event_time=visit.instant("sent"),
        start_alerting_time=visit.instant("rang"),
        connected_time=visit.instant("joined"),
        disconnected_time=visit.instant("left"),
        disconnect_type=REASONS.get(reason or "", reason),
        changing={"viewer_url": url} if url else {},
    )


BEAMVIEW = Beamview()
