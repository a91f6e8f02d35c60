"""Every field of the platform's models of a co-browse leg: what reads it, or why nothing does.

The models are those of the public API and its notifications: REST, topics, detail events, events of providers.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from cobrowse_session.sources.genesys.parts import MEDIA

__all__ = ["FIELDS", "Unread", "markdown"]


class Unread(StrEnum):
    """Why a field is not read."""

    REQUEST = "in other requests and answers, never in a payload about a leg"
    CONVERSATION = "of the whole conversation, not of a leg"
    NAME = "a name or an address, which a session does not have"
    ENTITY = "names another object of the platform, which the context does not have"
    RESTATED = "restates what the leg itself has"
    FOLLOWS = "follows from the prompt and the state"
    WITHIN = "changes nothing about the connection: a leg on hold stays connected"
    RECORDING = "recording and monitoring, not the life of the leg"
    ROUTING = "how the leg was routed before it began"
    OTHER_MEDIA = "of other kinds of media only"
    SCREEN = "for the platform's own screen"
    CAUSE = "the cause in words, beside the disconnect type"
    COMPUTED = "the library computes it from the times"
    OWN_DATA = "data of the customer or of other features"


def _model(*groups: Mapping[str, str] | Mapping[Unread, str]) -> Mapping[str, str]:
    """Return the fields of a model by name, each with what reads it. A group has the names of several fields in one text."""
    return {name: words for group in groups for words, names in group.items() for name in names.split()}


_ADDRESS = {"self": "name nameRaw addressNormalized addressRaw addressDisplayable"}
_WRAPUP = {"wrapup": "code notes tags endTime", "reconcile": "durationSeconds"}
_WORK = {"after-call work": "state startTime endTime"}
_QUEUE_MEDIA = {
    "settings": "alertingTimeoutSeconds",
    Unread.SCREEN: "autoAnswerAlertToneSeconds manualAnswerAlertToneSeconds enableAutoAnswer",
}
_ROUTING = {Unread.ROUTING: "queue language priority skills skillExpressionId scoredAgents"}
_ERROR = {
    Unread.CAUSE: "message code status entityId entityName messageWithParams messageParams contextId details errors limit",
}
_CAUSE = {Unread.OTHER_MEDIA: "type code phrase reason"}

_LEG = {
    "leg": "id",
    "state": "state",
    "details": "initialState provider afterCallWorkRequired self peerId cobrowseSessionId cobrowseRole controlling viewerUrl",
    "edition": "providerEventTime",
    "connected": "connectedTime",
    "end": "disconnectedTime disconnectType",
    "wrapup": "wrapup",
    "after-call work": "afterCallWork",
}
_PARTICIPANT = {
    "context": "id userId queueId purpose",
    "end": "endTime",
    "settings": "wrapupPrompt wrapupTimeoutMs alertingTimeoutMs",
    "wrapup": "wrapup",
    "after-call work": "startAcwTime endAcwTime",
    "legs": " ".join(MEDIA),
    Unread.RESTATED: "connectedTime",
    Unread.FOLLOWS: "wrapupRequired",
    Unread.NAME: "name address",
    Unread.ENTITY: "externalContactId externalContactInitialDivisionId externalOrganizationId groupId teamId "
    "consultParticipantId",
    Unread.ROUTING: "conversationRoutingData",
    Unread.RECORDING: "monitoredParticipantId coachedParticipantId bargedParticipantId screenRecordingState mediaRoles",
    Unread.OWN_DATA: "attributes flaggedReason",
}
_FLAT = {
    "leg": "id",
    "context": "purpose user queue",
    "state": "state",
    "begin": "startTime",
    "connected": "connectedTime",
    "end": "endTime disconnectType",
    "details": "provider peer cobrowseSessionId cobrowseRole controlling viewerUrl",
    "edition": "providerEventTime",
    "settings": "wrapupPrompt wrapupTimeoutMs alertingTimeoutMs",
    "wrapup": "wrapup",
    "after-call work": "startAcwTime endAcwTime wrapupSkipped",
    Unread.FOLLOWS: "wrapupRequired",
    Unread.NAME: "name address",
    Unread.ENTITY: "team externalContact externalContactInitialDivisionId externalOrganization",
    Unread.WITHIN: "held startHoldTime parkTime resumeTime",
    Unread.CAUSE: "errorInfo",
    Unread.ROUTING: "direction conversationRoutingData",
    Unread.RECORDING: "mediaRoles",
    Unread.SCREEN: "script",
    Unread.OWN_DATA: "attributes flaggedReason journeyContext",
}
_CONVERSATION = {"context": "id", "legs": "participants"}
_DETAIL = {
    "leg": "sessionId",
    "context": "conversationId participantId mediaType",
    "details": "provider",
    Unread.NAME: "ani dnis addressTo addressFrom",
    Unread.OTHER_MEDIA: "callbackUserName callbackNumbers callbackScheduledTime subject messageType",
    Unread.ENTITY: "conversationExternalContactIds conversationExternalOrganizationIds utilizationLabel",
    Unread.ROUTING: "direction",
}
_DETAIL_END = {"end": "eventTime disconnectType", Unread.ENTITY: "divisionId"}
_DETAIL_WRAPUP = {
    "context": "queueId",
    "wrapup": "eventTime wrapupCode wrapupNotes",
    Unread.COMPUTED: "wrapupDurationMs",
}
_PROVIDER = {"event": "eventId", "context": "conversationId", "leg": "communicationId"}

FIELDS: Mapping[str, Mapping[str, str]] = {
    # REST
    "Cobrowsesession": _model(_LEG, {"alerting": "startAlertingTime", "states": "segments"}),
    "Address": _model(_ADDRESS),
    "Segment": _model({"states": "startTime endTime type", "reconcile": "howEnded", "end": "disconnectType"}),
    "Wrapup": _model(_WRAPUP, {"wrapup": "name provisional"}),
    "WrapupInput": _model({Unread.REQUEST: "code name notes tags durationSeconds endTime provisional disableEndTimeUpdates"}),
    "AssignedWrapupCode": _model({Unread.REQUEST: "code notes tags durationSeconds endTime"}),
    "AfterCallWork": _model(_WORK),
    "AfterCallWorkUpdate": _model({Unread.REQUEST: "afterCallWorkRequired"}),
    "DisconnectReason": _model(_CAUSE),
    "AcwSettings": _model({Unread.REQUEST: "wrapupPrompt timeoutMs"}),
    "Settings": _model(
        {
            Unread.REQUEST: "communicationBasedACW includeNonAgentConversationSummary allowCallbackQueueSelection "
            "callbacksInheritRoutingFromInboundCall completeAcwWhenAgentTransitionsOffline totalActiveCallback"
        }
    ),
    "CobrowseConversation": _model(
        _CONVERSATION,
        {
            Unread.CONVERSATION: "name otherMediaUris recentTransfers utilizationLabelId inactivityTimeout divisions selfUri",
        },
    ),
    "CobrowseMediaParticipant": _model(_FLAT, {"alerting": "startAlertingTime"}),
    "MediaParticipantRequest": _model(
        {Unread.REQUEST: "wrapup state recording muted confined held wrapupSkipped resumeTime"},
    ),
    "Participant": _model(
        _PARTICIPANT,
        {
            "begin": "startTime",
            "after-call work": "wrapupSkipped",
            Unread.NAME: "queueName ani aniName dnis locale",
            Unread.ENTITY: "userUri participantType",
            Unread.OWN_DATA: "evaluations",
        },
    ),
    "ConversationRoutingData": _model(_ROUTING, {Unread.ROUTING: "skillExpression label"}),
    "ErrorBody": _model(_ERROR),
    "CobrowseWebMessagingSession": _model(
        {Unread.REQUEST: "id name joinCode websocketUrl dateOfferEnds communicationType selfUri"},
    ),
    "CobrowseSettings": _model(
        {
            Unread.REQUEST: "enabled allowAgentControl allowAgentNavigation allowDraw maskSelectors channels "
            "readonlySelectors pauseCriteria"
        }
    ),
    # Notifications of conversations
    "ConversationEventTopicConversation": _model(
        _CONVERSATION,
        {
            Unread.CONVERSATION: "maxParticipants recentTransfers address externalTag utilizationLabelId accessAttributes "
            "inactivityTimeout associatedConversation consultationConversations divisions",
            Unread.RECORDING: "recordingState securePause",
        },
    ),
    "ConversationEventTopicParticipant": _model(
        _PARTICIPANT,
        {Unread.FOLLOWS: "wrapupExpected", Unread.RECORDING: "screenMonitoredParticipantId", Unread.OWN_DATA: "workflow"},
    ),
    "ConversationEventTopicCobrowse": _model(
        _LEG,
        {"settings": "queueMediaSettings", Unread.ENTITY: "roomId", Unread.SCREEN: "scriptId"},
    ),
    "ConversationEventTopicAfterCallWork": _model(_WORK),
    "ConversationEventTopicWrapup": _model(_WRAPUP),
    "ConversationEventTopicQueueMediaSettings": _model(_QUEUE_MEDIA),
    "ConversationEventTopicDisconnectReason": _model(_CAUSE),
    # Notifications of co-browse sessions
    "ConversationCobrowseEventTopicCobrowseConversation": _model(
        _CONVERSATION,
        {
            Unread.CONVERSATION: "name otherMediaUris address utilizationLabelId accessAttributes inactivityTimeout divisions",
        },
    ),
    "ConversationCobrowseEventTopicCobrowseMediaParticipant": _model(
        _FLAT,
        {"details": "initialState", "settings": "queueMediaSettings", Unread.RECORDING: "screenRecordingState"},
    ),
    "ConversationCobrowseEventTopicWrapup": _model(_WRAPUP),
    "ConversationCobrowseEventTopicErrorBody": _model(_ERROR),
    "ConversationCobrowseEventTopicDetail": _model({Unread.CAUSE: "errorCode fieldName entityId entityName"}),
    "ConversationCobrowseEventTopicConversationRoutingData": _model(_ROUTING),
    "ConversationCobrowseEventTopicQueueMediaSettings": _model(_QUEUE_MEDIA),
    # Detail events
    "AcdStartDetailEventTopicAcdStartEvent": _model(
        _DETAIL,
        {
            "begin": "eventTime",
            "context": "queueId",
            Unread.ENTITY: "divisionId",
            Unread.ROUTING: "routingPriority requestedRoutingSkillIds skillExpressionApplied",
        },
    ),
    "AcdEndDetailEventTopicAcdEndEvent": _model(
        _DETAIL,
        _DETAIL_END,
        {
            "context": "queueId",
            Unread.ENTITY: "answeredUserId",
            Unread.ROUTING: "acdOutcome requestedRoutings usedRouting requestedRoutingSkillIds requestedSkillExpressionIds "
            "requestedLanguageId requestedRoutingUserIds routingPriority connectedDurationMs flowType",
        },
    ),
    "UserStartDetailEventTopicUserStartEvent": _model(
        _DETAIL, {"alerting": "eventTime", "context": "userId queueId", Unread.ENTITY: "divisionId"}
    ),
    "UserEndDetailEventTopicUserEndEvent": _model(
        _DETAIL,
        _DETAIL_END,
        {
            "context": "userId queueId",
            "connected": "interactingDurationMs heldDurationMs",
            Unread.COMPUTED: "alertingDurationMs contactingDurationMs dialingDurationMs",
            Unread.OTHER_MEDIA: "callbackDurationMs",
        },
    ),
    "CustomerEndDetailEventTopicCustomerEndEvent": _model(
        _DETAIL,
        _DETAIL_END,
        {"connected": "interactingDurationMs", Unread.ENTITY: "externalOrganizationId externalContactId"},
    ),
    "AcwDetailEventTopicAfterCallWorkEvent": _model(_DETAIL, _DETAIL_WRAPUP, {"context": "userId"}),
    "WrapupDetailEventTopicWrapupEvent": _model(_DETAIL, _DETAIL_WRAPUP),
    # Events of providers
    "CommunicationAnsweredEvent": _model(_PROVIDER, {"connected": "eventDateTime"}),
    "CommunicationEndedEvent": _model(
        _PROVIDER,
        {"end": "eventDateTime disconnectType", Unread.ENTITY: "destinationConversationId"},
    ),
    "CommunicationDispositionAppliedEvent": _model(_PROVIDER, {"wrapup": "eventDateTime code notes tags"}),
    "MessagingCommunicationEndedEvent": _model(_PROVIDER, {"end": "eventDateTime disconnectType"}),
}
"""The fields of each model. The value is one word for what reads the field, or an `Unread`."""


def markdown() -> Iterator[str]:
    """Yield a Markdown table of the fields of each model, line by line. A row has the fields that the same word is about."""
    for model, fields in FIELDS.items():
        yield f"**`{model}`**"
        yield ""
        yield "| fields | read for, or why not |"
        yield "| --- | --- |"
        for words in dict.fromkeys(fields.values()):
            names = ", ".join(f"`{name}`" for name, other in fields.items() if other == words)
            yield f"| {names} | {'not read: ' if isinstance(words, Unread) else ''}{words} |"
        yield ""
