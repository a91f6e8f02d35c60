"""Naive mistakes in an implementation of the specification, as changes of the second reading: for `test_conformance_mutants.py`.

The reading is a plain program, so a mistake is one piece of its text and what a person might have written in its place.
"""

from functools import cache
from pathlib import Path
from types import ModuleType

from tests import reading

Change = tuple[str, str]
"""A piece of `tests/reading.py` that is there once, and what replaces it."""


@cache
def source() -> str:
    """Return the text of the second reading."""
    return Path(reading.__file__).read_text(encoding="utf-8")


@cache
def mistaken(change: Change) -> ModuleType:
    """Return the second reading with a mistake."""
    old, new = change
    assert source().count(old) == 1, f"{source().count(old)} times in the reading: {old}"
    module = ModuleType("mistaken")
    exec(source().replace(old, new), vars(module))  # noqa: S102 (it is our own text)
    return module


RECEIVED = "return event.received if abs(event.received - event.at) <= 2 * SECOND else event.at"
NO_NOTES = "notes = not_taken + [key for key, value in stated.items() if not is_known(key, value)]"
GRANT = 'return event.kind == "connected" or (session["state"] == "connected" and event.kind not in ENDED)'
TAKEN = 'return not ended or event.kind == "acw.started"'
SETTING = "return defaults[setting] if session[setting] is None else session[setting]"
COLUMN = 'return prompt if prompt in PROMPTS and prompt != "none" else "optional"'
UNTIMED = 'if prompt in ("timeout", "forcedTimeout") and in_force(session, options, "wrapupTimeoutMs") is None:'
LIMITED = 'column(session, options) not in ("timeout", "forcedTimeout", "agentRequested")'
DIFFERS = "bool(session[key] != event.data[key])"
DECIDED = """    for key in taken:
        after[key] = event.data[key]
    news = any(differs(before, event, key) for key in taken)
    verdict = RULES[event.kind](after, event, options)
"""
DECIDED_BEFORE = """    news = any(differs(before, event, key) for key in taken)
    verdict = RULES[event.kind](after, event, options)
    for key in taken:
        after[key] = event.data[key]
"""
NULL_IS_FALSE = """data = envelope.get("data", {})
    return data | ({"afterCallWorkRequired": False} if data.get("afterCallWorkRequired", 0) is None else {})"""
REQUESTED = """ != "connected":
        return "refused", "not_connected"
    if session["afterCallWorkRequired"]"""
OPEN_SEGMENT = 'int(session["segments"][-1]["startTime"] + timeout + options.alerting_grace)'
NO_GRACE = "timeout is None or options.alerting_grace is None:\n        return None\n    return " + OPEN_SEGMENT
ENDS = 'unanswered or prompt in (None, "none"):\n        make_final(session, at)'
SETTLED = 'session["afterCallWork"] = {"startTime": session["disconnectedTime"], "endTime": at, "state": state}'
DROPPED = """    if session["wrapup"] and session["wrapup"]["provisional"]:
        session["wrapup"] = None
"""
LEFT = 'session["wrapup"] = {**left, "provisional": True} if is_a_draft else None'
SAME = 'if shown(session["wrapup"], WRAPUP) == shown(wrapup, WRAPUP):'
KEY = "return event.at, rank, event.source, sequence_key(event.sequence), event.id"
RANKED = '"connected", "updated", "acw.required", *ENDED, "acw.started", "wrapup", "acw.ended")'
NUMBER = "return 1, len(number), number, sequence"
EARLIEST = "min(other.received for other in copies if (other.type, other.at) == (best.type, best.at))"
DURATION = '(wrapup["endTime"] - disconnected) // SECOND'
FOLD = "        due = acw_due(session, options)\n        if due is not None and due < event.at:"
CONTEXT = "context |= event.context"

IDENTITY = 'id=envelope["id"],'
SOURCE = 'source=envelope["source"],'
WORDS = '{key: event.data.get(key) for key in ("code", "name", "notes", "tags")}'
ABSENT = 'return value is None or (key, value) == ("code", "")'

MISTAKES: dict[str, Change] = {
    # Times and the envelope
    "TIME-8 the bound is exclusive": (RECEIVED, RECEIVED.replace("<=", "<")),
    "TIME-8 always the time received": (RECEIVED, "return event.received"),
    "TIME-8 never the time received": (RECEIVED, "return event.at"),
    "TIME-8 however early": (RECEIVED, "return event.received if event.received - event.at <= 2 * SECOND else event.at"),
    "TIME-9 rounded": ('int(((fraction or "") + "000")[:3])', 'round(float(f"0.{fraction or 0}") * 1000)'),
    "TIME-9 the offset is not read": ('minute + "00" + zone', 'minute + "00Z"'),
    "TIME-10 second 60 is the next minute": ('59_999 if second == "60" else ', ""),
    "CONTEXT-1 no participant": ('"conversationid", "participantid",', '"conversationid",'),
    "CONTEXT-1 no media type": ('"purpose", "mediatype")', '"purpose")'),
    "CONTEXT-3 the first counts": (CONTEXT, "context = event.context | context"),
    "CONTEXT-3 replaced as a whole": (CONTEXT, "context = dict(event.context or context)"),
    "CONTEXT-3 of applied events only": (
        CONTEXT,
        "context |= event.context if apply(session, event, options)[1] == APPLIED else {}",
    ),
    "EVENT-5 the uncorrected time counts": (
        'moment(envelope["time"]), moment',
        'moment(envelope.get("providertime", envelope["time"])), moment',
    ),
    "EVENT-8 the origin is not noted": ('("derivedfrom", "derivedfrom" in envelope)', '("derivedfrom", False)'),
    "EVENT-9 base64 is not read": ('if "data_base64" in envelope:', "if False:"),
    "CLOCK-4 the correction is not noted": ('("providertime", is_corrected)', '("providertime", False)'),
    "KEEP-1 unknown keys are dropped": (
        "other = {key: value for key, value in data.items() if key not in keys or key in not_taken}",
        "other = {}",
    ),
    "KEEP-2 an unknown word is dropped": ("return (word_of(key, value) or value) if", "return word_of(key, value) if"),
    "KEEP-2 an unknown word is not noted": ("return key not in WORDS or", 'return key != "by" or'),
    "KEEP-3 the case of words stays": ("return (word_of(key, value) or value) if key in WORDS else value", "return value"),
    "KEEP-5 a null is a value": ("return value is None or (key, value)", "return (key, value)"),
    "KEEP-5 a null is false": ('return dict(envelope.get("data", {}))', NULL_IS_FALSE),
    "KEEP-5 a null in an address": ("if part is not None or name not in ADDRESS", "if True"),
    "KEEP-6 an empty code is a code": ('(key, value) == ("code", "") or ', ""),
    "KEEP-8 a blank code is none": ('(key, value) == ("code", "") or ', '(key == "code" and not value.strip()) or '),
    "KEEP-9 an unknown by is offline": ('"by" in event.notes or ', ""),
    "KEEP-9 any known state is a report": ("not in REPORTED)", 'not in WORDS["state"])'),
    "KEEP-10 a misspelt code is not noted": ('if kind == "wrapup" and "code" not in stated:', "if False:"),
    "KEEP-11 without the prefix": ("name.startswith(PREFIX) and ", ""),
    "KEEP-11 whatever the case": ("kind = name.removeprefix(PREFIX)\n", "kind = (name := name.lower()).removeprefix(PREFIX)\n"),
    # Details and settings
    "DETAIL-3 after the end, too": (
        '"afterCallWorkRequired":\n        return not ended',
        '"afterCallWorkRequired":\n        return True',
    ),
    "DETAIL-6 each replaces it": ('return session["initialState"] is None', "return True"),
    "DETAIL-7 a grant in any state": (GRANT, "return True"),
    "DETAIL-7 not with connected": (GRANT, 'return bool(session["state"] == "connected" and event.kind not in ENDED)'),
    "DETAIL-7 with the end, too": (GRANT, 'return event.kind == "connected" or session["state"] == "connected"'),
    "DETAIL-8 grants stay": ('session["controlling"] = []', "pass"),
    "SETTING-2 the queue's spelling is unknown": ('(QUEUE_PROMPTS if key == "wrapupPrompt" else {})', "{}"),
    "SETTING-3 none is the default": (
        SETTING,
        'return defaults[setting] if session[setting] in (None, "none") else session[setting]',
    ),
    "SETTING-4 after the end, too": (TAKEN, "return True"),
    "SETTING-4 not of the end": (TAKEN, 'return (not ended and event.kind not in ENDED) or event.kind == "acw.started"'),
    "SETTING-5 the lifecycle wins": (SETTING, "return session[setting] if defaults[setting] is None else defaults[setting]"),
    "SETTING-6 an unknown prompt is none": (
        ENDS,
        ENDS.replace('prompt in (None, "none")', 'prompt not in PROMPTS or prompt == "none"'),
    ),
    "SETTING-6 an unknown prompt is mandatory": (
        COLUMN,
        COLUMN.replace('"optional"', '("optional" if prompt in (None, "none") else "mandatory")'),
    ),
    "SETTING-7 forcedTimeout stays": (UNTIMED, "if False:"),
    "SETTING-7 forcedTimeout is optional": (UNTIMED + '\n        return "mandatory"', UNTIMED + '\n        return "optional"'),
    "SETTING-8 0 is a timeout": ("1 <= value <= DAY", "0 <= value <= DAY"),
    "SETTING-8 a day is none": ("1 <= value <= DAY", "1 <= value < DAY"),
    "SETTING-8 no bound": ("1 <= value <= DAY", "1 <= value"),
    "SETTING-9 a fraction is a timeout": ("isinstance(value, int) and 1 <=", "1 <="),
    "SETTING-9 it is not noted": (NO_NOTES, NO_NOTES.replace("not_taken + ", "")),
    "SAME-1 decided before its settings": (DECIDED, DECIDED_BEFORE),
    "SAME-2 what is refused states its details": (
        "if verdict != APPLIED:\n        return before, verdict",
        "if verdict != APPLIED:\n        return {**before, **{key: event.data[key] for key in taken}}, verdict",
    ),
    "SAME-4 other details are no change": ("if news:", "if False:"),
    "SAME-5 a grant is no difference": ('return "ignored", "not_connected"', "return DUPLICATE"),
    "SAME-6 settings are no difference": ('return "ignored", "settings_after_end"', "return DUPLICATE"),
    "SAME-8 unset is empty": (DIFFERS, "(session[key] or None) != (event.data[key] or None)"),
    "SAME-8 unset is not asked": (
        'session["afterCallWorkRequired"] is event.data["required"]',
        'bool(session["afterCallWorkRequired"]) is event.data["required"]',
    ),
    # The connection
    "CONN-15 the last reason": ('and session["disconnectType"] is None:', ":"),
    "CONN-15 not on the segment": ('session["segments"][-1]["disconnectType"] = disconnect_type', "pass"),
    "STAMP-2 the last alert": ('if kind == "alerting" and session["startAlertingTime"] is None:', 'if kind == "alerting":'),
    "STAMP-3 before the alert": ('max(cloud_time(event), session["startAlertingTime"] or 0)', "cloud_time(event)"),
    "STAMP-4 the cloud time": ("end(session, kind, event.at,", "end(session, kind, cloud_time(event),"),
    "STAMP-6 a timer moves it": (
        'settle(session, "complete", due)',
        'settle(session, "complete", due)\n    session["providerEventTime"] = due',
    ),
    "STAMP-6 each event moves it": (
        "verdict != APPLIED:\n        return before, verdict",
        'verdict != APPLIED:\n        return {**before, "providerEventTime": event.at}, verdict',
    ),
    "SEG-1 the cloud time": ('{"startTime": event.at, "type"', '{"startTime": cloud_time(event), "type"'),
    "SEG-2 the state decides": ('event.data.get("segmentType", SEGMENTS[kind])', "SEGMENTS[kind]"),
    "ALERT-2 without a grace, too": (
        NO_GRACE,
        NO_GRACE.replace(" or options.alerting_grace is None", "").replace(
            "options.alerting_grace)", "(options.alerting_grace or 0))"
        ),
    ),
    "ALERT-3 without the grace": (OPEN_SEGMENT, OPEN_SEGMENT.replace(" + options.alerting_grace", "")),
    "ALERT-3 from startAlertingTime": (
        OPEN_SEGMENT,
        OPEN_SEGMENT.replace('["segments"][-1]["startTime"]', '["startAlertingTime"]'),
    ),
    "ALERT-3 from the first segment": (OPEN_SEGMENT, OPEN_SEGMENT.replace("[-1]", "[0]")),
    "ALERT-3 another reason": ('"disconnected", due, "system")', '"disconnected", due, "timeout")'),
    "ALERT-4 after-call work": ('due, "system")', 'due, "system")\n    begin_after_call_work(session, _options)'),
    "ALERT-5 an event fires it": (
        FOLD,
        "        late = alerting_due(session, options)\n"
        "        if late is not None and late < event.at:\n            session = fire_alerting(session, options, late)\n" + FOLD,
    ),
    # After-call work
    "ACW-3 a leg that never alerted connected": (
        'unanswered = session["connectedTime"] is None',
        'unanswered = session["startAlertingTime"] is not None and session["connectedTime"] is None',
    ),
    "ACW-3 acw_when_unanswered does not count": (" and not options.acw_when_unanswered", ""),
    "ACW-4 case-sensitive": ('(session["disconnectType"] or "").lower()', '(session["disconnectType"] or "")'),
    "ACW-4 the word alone": ('.lower().startswith("transfer")', '.lower() == "transfer"'),
    "ACW-4 anywhere in the word": ('.lower().startswith("transfer")', '.lower().count("transfer")'),
    "ACW-4 always": ("not options.acw_after_transfer and ", ""),
    "ACW-5 unless false": ('session["afterCallWorkRequired"] is not True', 'session["afterCallWorkRequired"] is False'),
    "ACW-7 not final": (ENDS, ENDS.replace("make_final(session, at)", "pass")),
    "ACW-12 forcedTimeout exits early": ('pending and column(session, options) == "forcedTimeout"', "False"),
    "ACW-15 Done under forcedTimeout": ('if event.data["by"] == "agent" and rules == "forcedTimeout":', "if False:"),
    "ACW-18 agentRequested has no limit": (LIMITED, LIMITED.replace(', "agentRequested"', "")),
    "ACW-18 every prompt has a limit": ("timeout is None or " + LIMITED, "timeout is None"),
    "ACW-19 a final code only": (
        '(session["wrapup"] or {}).get("code") is not None',
        '(session["wrapup"] or {}).get("code") is not None and not session["wrapup"]["provisional"]',
    ),
    "ACW-20 it stays provisional": ('session["wrapup"]["provisional"] = False', "pass"),
    "ACW-21 a skip keeps the draft": (DROPPED, ""),
    "ACW-21 each way to skipped drops the draft": (
        SETTLED,
        SETTLED
        + '\n    if state == "skipped" and session["wrapup"] and session["wrapup"]["provisional"]:'
        + '\n        session["wrapup"] = None',
    ),
    "ACW-22 the timer's code replaces a code": ('if wrapup.get("code") is None:', "if True:"),
    "ACW-23 the name stays": ('"code": options.timeout_code, "name": None}', '"code": options.timeout_code}'),
    "ACW-24 the deadline has one code": ('"code": options.timeout_code, "name"', '"code": Options.timeout_code, "name"'),
    "ACW-24 one code is withdrawn": ('.get("code") != options.timeout_code', '.get("code") != Options.timeout_code'),
    "ACW-26 the deadline comes first": ("due < event.at:", "due <= event.at:"),
    "ACW-29 from now on": (
        SETTLED,
        SETTLED.replace('session["disconnectedTime"]', '(session["afterCallWork"] or {"startTime": at})["startTime"]'),
    ),
    "ACW-30 skipped keeps the timer's code": ('if state == "skipped":', "if False:"),
    "ACW-30 complete withdraws it, too": ('if state == "skipped":', "if True:"),
    "ACW-30 no work keeps it": (
        'withdraw_timer_code(session, options)\n        session["afterCallWork"] = None',
        'session["afterCallWork"] = None',
    ),
    "ACW-31 now": ('make_final(session, session["disconnectedTime"])', "make_final(session, event.at)"),
    "ACW-32 the end moves": ('if session["wrapup"].get("endTime") is None:', "if True:"),
    "ACW-33 the state alone": ('(work["state"], work.get("endTime")) == (state, event.at)', 'work["state"] == state'),
    "ACW-36 not taken": (TAKEN, "return not ended"),
    "ACW-38 the end stays": ('session["wrapup"].pop("endTime", None)', "pass"),
    "ACW-39 the name stays": ('not in ("code", "name")', '!= "code"'),
    "ACW-39 what remains is final": (LEFT, 'session["wrapup"] = left if is_a_draft else None'),
    "ACW-39 nothing remains": (LEFT, 'session["wrapup"] = None'),
    "ACW-39 an empty draft remains": (LEFT, LEFT.replace(" if is_a_draft else None", "")),
    "ACW-39 tags are nothing": (' or left.get("tags") is not None', ""),
    "ACW-39 any code": (' or wrapup.get("code") != options.timeout_code:', ":"),
    "ACW-41 at the deadline, too": ("event.at > latest:", "event.at >= latest:"),
    "ACW-41 however late": ("if latest is not None and event.at > latest:", "if False:"),
    "ACW-42 no prompt is mandatory": (COLUMN, COLUMN.replace('"optional"', '("mandatory" if prompt is None else "optional")')),
    "ACW-42 none is mandatory": (COLUMN, COLUMN.replace('"optional"', '("mandatory" if prompt == "none" else "optional")')),
    # The wrap-up
    "WRAP-1 merged": (
        'session["wrapup"] = wrapup\n',
        'session["wrapup"] = (session["wrapup"] or {}) | {key: item for key, item in wrapup.items() if item is not None}\n',
    ),
    "WRAP-2 ignored": ('keeps = "disableEndTimeUpdates" in event.data and old_end is not None', "keeps = False"),
    "WRAP-2 the end always stays": ('"disableEndTimeUpdates" in event.data and old_end is not None', "old_end is not None"),
    "WRAP-1 tags are sorted": (
        WORDS,
        WORDS.replace("event.data.get(key)", "sorted(x) if isinstance(x := event.data.get(key), list) else x"),
    ),
    "WRAP-1 tags are a set": (
        WORDS,
        WORDS.replace("event.data.get(key)", "[*dict.fromkeys(x)] if isinstance(x := event.data.get(key), list) else x"),
    ),
    "WRAP-1 empty tags are left out": (
        WORDS,
        WORDS.replace("event.data.get(key)", "[one for one in x if one] if isinstance(x := event.data.get(key), list) else x"),
    ),
    "WRAP-1 no tags are none": (WORDS, WORDS.replace("event.data.get(key)", "event.data.get(key) or None")),
    "KEEP-6 any empty text is absent": (ABSENT, 'return value is None or value == ""'),
    "KEEP-8 a text of spaces is absent": (ABSENT, "return value is None or (isinstance(value, str) and not value.strip())"),
    "WRAP-3 a moved end is none": (SAME, SAME.replace("WRAPUP", '("code", "name", "notes", "tags", "provisional")')),
    "WRAP-3 never a duplicate": (SAME, "if False:"),
    "WRAP-5 with an end": (
        "return save(session, wrapup_of(event))\n    if pending:",
        'return save(session, wrapup_of(event) | {"endTime": event.at})\n    if pending:',
    ),
    "WRAP-6 a draft replaces": ("if has_final or not open_to_drafts:", "if not open_to_drafts:"),
    "WRAP-6 a draft at any time": ("if has_final or not open_to_drafts:", "if has_final:"),
    "WRAP-11 rounded": (DURATION, 'round((wrapup["endTime"] - disconnected) / SECOND)'),
    "WRAP-11 rounded up": (DURATION, '-((disconnected - wrapup["endTime"]) // SECOND)'),
    # Order and copies
    "ORDER-1 no source": (KEY, KEY.replace("event.source", '""')),
    "ORDER-1 no sequence": (KEY, KEY.replace("sequence_key(event.sequence)", "0")),
    "ORDER-1 no id": (KEY, KEY.replace("event.id", '""')),
    "ORDER-1 the sequence first": (
        KEY,
        KEY.replace("event.source, sequence_key(event.sequence)", "sequence_key(event.sequence), event.source"),
    ),
    "ORDER-1 ids by UTF-16 units": (KEY, KEY.replace("event.id", 'event.id.encode("utf-16-be")')),
    "ORDER-1 ids whatever their case": (KEY, KEY.replace("event.id", "event.id.lower()")),
    "ORDER-1 sources by UTF-16 units": (KEY, KEY.replace("event.source", 'event.source.encode("utf-16-be")')),
    "ORDER-2 connected behind updated": (RANKED, RANKED.replace('"connected", "updated"', '"updated", "connected"')),
    "ORDER-2 updated behind a request": (RANKED, RANKED.replace('"updated", "acw.required"', '"acw.required", "updated"')),
    "ORDER-2 a request behind the end": (RANKED, RANKED.replace('"acw.required", *ENDED', '*ENDED, "acw.required"')),
    "ORDER-2 a report before the end": (RANKED, RANKED.replace('*ENDED, "acw.started"', '"acw.started", *ENDED')),
    "ORDER-2 a report of pending behind a save": (RANKED, RANKED.replace('"acw.started", "wrapup"', '"wrapup", "acw.started"')),
    "ORDER-2 a save behind the end of work": (RANKED, RANKED.replace('"wrapup", "acw.ended"', '"acw.ended", "wrapup"')),
    "ORDER-2 unknown types first": ("else len(RANKS)", "else -1"),
    "ORDER-3 no sequence last": ('return 0, 0, "", ""', 'return 3, 0, "", ""'),
    "ORDER-3 text before numbers": ('return 2, 0, sequence, ""', 'return 0, 1, sequence, ""'),
    "ORDER-4 numbers as text": (NUMBER, 'return 1, 0, sequence, ""'),
    "ORDER-4 equal numbers are equal": (NUMBER, 'return 1, len(number), number, ""'),
    "ORDER-4 any digits": ('re.fullmatch("[0-9]+", sequence)', "sequence.isdigit()"),
    "ORDER-4 64 bits": ('number = sequence.lstrip("0")', "number = str(int(sequence) % 2**63)"),
    "ORDER-4 doubles": ('number = sequence.lstrip("0")', "number = str(int(float(sequence)))"),
    "ORDER-5 text by UTF-16 units": ('return 2, 0, sequence, ""', 'return 2, 0, sequence.encode("utf-16-be").hex(), ""'),
    "COPY-2 the lowest edition": ("reverse=True)", "reverse=False)"),
    "COPY-3 the latest received": ("(event.received, event.canonical))", "(-event.received, event.canonical))"),
    "COPY-3 the first that came": ("(event.received, event.canonical))", "event.received)"),
    "COPY-1 an id is trimmed": (IDENTITY, 'id=envelope["id"].strip(),'),
    "COPY-1 an id in any case": (IDENTITY, 'id=envelope["id"].casefold(),'),
    "COPY-1 an id in a normal form": (IDENTITY, 'id=__import__("unicodedata").normalize("NFC", envelope["id"]),'),
    "COPY-1 a source is trimmed": (SOURCE, 'source=envelope["source"].rstrip(),'),
    "COPY-1 a source in any case": (SOURCE, 'source=envelope["source"].lower(),'),
    "COPY-4 nothing is filled in": ("if best.kind is None or other.kind is None:", "if True:"),
    "COPY-4 from unknown types, too": ("if best.kind is None or other.kind is None:", "if False:"),
    "COPY-4 no context": ("if key not in context and key in other.context:", "if False:"),
    "COPY-4 from the same edition, too": ("sequence_key(other.sequence) < sequence_key(best.sequence)]", "other is not best]"),
    "COPY-5 the reason is not filled in": ("if other.type == best.type and key", "if False and key"),
    "COPY-5 from any type": ("if other.type == best.type and key", "if key"),
    "COPY-6 a wrap-up is filled in": (
        "for key in (*DETAILS, *SETTINGS):\n            if key not in data",
        'for key in (*DETAILS, *SETTINGS, "name", "notes"):\n            if key not in data',
    ),
    "COPY-7 of the counting copy": (EARLIEST, "best.received"),
    "COPY-7 of all copies": (EARLIEST, "min(other.received for other in copies)"),
    "COPY-10 nulls are kept": (
        "stated = {key: value for key, value in data.items() if key not in other and not is_unset(key, value)}",
        "stated = {key: value for key, value in data.items() if key not in other}",
    ),
    "COPY-10 the time as it came": ('form["time"] = printed(at)', "pass"),
    "COPY-12 empty data count": ("if data not in (None, {}):", "if True:"),
    "COPY-15 the time received counts": ('("receivedtime", "data", "data_base64")', '("data", "data_base64")'),
    "COPY-17 of all editions": ("if event.sequence == highest}", "}"),
    "COPY-17 editions as numbers": (
        "if event.sequence == highest}",
        "if sequence_key(event.sequence)[:3] == sequence_key(highest)[:3]}",
    ),
    "WORD-6 the id alone": ("return self.source, self.id", 'return "", self.id'),
    "TIMER-2 not at the advance": ("due <= until:", "due < until:"),
    "TIMER-1 events do not fire it": ("due < event.at:", "False:"),
    "TIMER-6 the time of any copy": (
        "received = min(other.received",
        "best = Event(**{**vars(best), 'at': max(one.at for one in copies)})\n    received = min(other.received",
    ),
    "DETAIL-1 no session of the platform": (
        '"peerId", "cobrowseSessionId", "cobrowseRole", "controlling", "viewerUrl", "initialState"),\n    "after',
        '"peerId", "cobrowseRole", "controlling", "viewerUrl", "initialState"),\n    "after',
    ),
    "DISC-1 takeover is unknown": ('"session.expired", "takeover"', '"session.expired"'),
    "DISC-1 spam is unknown": ('"other", "spam",', '"other",'),
    "KEEP-4 a sharer is unknown": ('("sharer", "viewer")', '("viewer",)'),
    "SEG-4 the state decides": (
        'close_segment(session, event.at, segment["type"])',
        "close_segment(session, event.at, SEGMENTS[kind])",
    ),
    "ACW-47 under agentRequested only": (
        REQUESTED,
        REQUESTED.replace(":", ' or session["wrapupPrompt"] != "agentRequested":', 1),
    ),
    "JSON-5 provisional is false": (' and not (name == "provisional" and item is False)', ""),
    "COPY-11 other keys are left out": ("data | other if kind else", "data if kind else"),
    "COPY-13 data of an unknown type are left out": ('else envelope.get("data"))', "else None)"),
    "COPY-14 the order of keys counts": (
        'json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)',
        'json.dumps(form, separators=(",", ":"), ensure_ascii=False)',
    ),
    "COPY-14 escaped": ('separators=(",", ":"), ensure_ascii=False)', 'separators=(",", ":"))'),
    "COPY-9 by UTF-16 units": ("(event.received, event.canonical))", '(event.received, event.canonical.encode("utf-16-be")))'),
    "COPY-16 1 is true": ("len({event.canonical for", 'len({event.canonical.replace("true", "1") for'),
    "COPY-19 of equal copies only": (
        "len(copies) - len(identities)",
        "len(copies) - len({(one.identity, one.canonical) for one in copies})",
    ),
}
