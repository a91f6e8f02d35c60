"""The life that all ways live: six events that are all applied, from the alert to a wrap-up that is saved twice."""

from cobrowse_session.testing import stream

LIFE = (
    stream("s1", delay=0.03)
    .alerting(wrapup_prompt="timeout", wrapup_timeout=30, cobrowse_role="viewer")
    .after(3)
    .connected()
    .after("5m")
    .updated(controlling=["page-1"])
    .after("7m")
    .disconnected("peer")
    .after(14.22)
    .wrapup("sale", name="Sale")
    .after(60)
    .wrapup("resolved")
    .events
)
