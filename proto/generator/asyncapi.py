"""The AsyncAPI 3.0 document: one channel, the WebSocket; what a client sends, what answers it, what comes unasked."""

from typing import Any

from generator.schemas import schemas
from pttserver.wire.signalling import PATH, REQUESTS, SERVER_MESSAGES, SUBPROTOCOL, Reply

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
REPLIES = {
    "hello": "welcome",
    "enroll": "enrolled",
    "login": "session",
    "login.console": "session",
    "resume": "session",
    "logout": "done",
    "groups.list": "groups",
    "affiliate": "affiliated",
    "deaffiliate": "done",
    "presence.list": "presence",
    "media.path": "done",
    "ping": "pong",
    "message.key": "done",
    "message.recipients": "message.keys",
    "message.send": "message.accepted",
    "message.attach": "done",
    "message.attachment": "message.chunk",
    "message.fetch": "message.queue",
    "message.received": "done",
    "message.history": "message.page",
    "message.delete": "done",
    "contact.list": "contacts",
    "contact.put": "done",
    "contact.remove": "done",
    "location.report": "location.taken",
    "location.switch": "done",
    "location.looks": "location.looked",
    "location.request": "location.requested",
    "location.last": "location.last_known",
    "location.history": "location.track",
    "location.watch": "done",
    "location.unwatch": "done",
    "location.group": "group.made",
    "fence.put": "fence.kept",
    "fence.remove": "done",
    "fence.list": "fences",
    "call.private": "call.started",
    "call.first_to_answer": "call.started",
    "call.broadcast": "call.started",
    "call.answer": "done",
    "call.reject": "done",
    "call.end": "done",
    "call.alert": "call.alert.sent",
    "call.alert.acknowledge": "done",
    "group.peril": "done",
    "dispatch.overview": "overview",
    "dispatch.watch": "done",
    "floor.revoke": "done",
    "device.logout": "done",
    "device.stun": "done",
    "device.enable": "done",
    "device.wipe": "done",
    "device.wiped": "done",
    "subscriber.regroup": "done",
    "group.make": "group.made",
    "group.dissolve": "done",
    "alert.raise": "alert.accepted",
    "alert.delivered": "done",
    "alert.acknowledge": "done",
    "alert.handle": "done",
    "alert.note": "done",
    "alert.resolve": "done",
    "alert.cancel": "done",
    "alert.position": "location.taken",
    "alert.list": "alerts",
    "alert.past": "alerts.past",
    "alert.debrief": "alert.debriefing",
    "alert.listen": "alert.listening",
    "alert.listen.end": "done",
}
_CHANNEL = {"$ref": "#/channels/ptt"}
_PACKET = "media.packet"


def events() -> list[str]:
    """Messages that the server sends unasked; `error` is one too, if no request can be named."""
    return [kind for kind, model in SERVER_MESSAGES.items() if not issubclass(model, Reply)]


def asyncapi() -> dict[str, Any]:
    """The document, from the point of view of a client: it sends requests and receives replies and events."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "pttserver signalling",
            "version": SUBPROTOCOL,
            "description": "JSON text frames and binary media packets on one WebSocket; a client's point of view. "
            "The rules that a schema cannot tell are in signalling.md, media.md and floor-control.md.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "pttserver": {
                "host": "ptt.example:8443",
                "protocol": "wss",
                "description": "TLS 1.3, TLS_AES_256_GCM_SHA384 only.",
            }
        },
        "channels": {
            "ptt": {
                "address": PATH,
                "title": "The connection of a device",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names()},
                "bindings": {"ws": {"method": "GET", "headers": _upgrade_headers(), "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {**_requests(), **_events(), **_packets()},
        "components": {"messages": _messages()},
    }


def _upgrade_headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL}},
        "required": ["Sec-WebSocket-Protocol"],
    }


def _message_names() -> list[str]:
    return [*REQUESTS, *SERVER_MESSAGES, _PACKET]


def _channel_message(kind: str) -> dict[str, str]:
    return {"$ref": f"#/channels/ptt/messages/{kind}"}


def _requests() -> dict[str, Any]:
    return {
        f"send_{kind}": {
            "action": "send",
            "channel": _CHANNEL,
            "summary": _summary(REQUESTS[kind]),
            "messages": [_channel_message(kind)],
            "reply": {"channel": _CHANNEL, "messages": [_channel_message(answer), _channel_message("error")]},
        }
        for kind, answer in REPLIES.items()
    }


def _events() -> dict[str, Any]:
    return {
        f"receive_{kind}": {
            "action": "receive",
            "channel": _CHANNEL,
            "summary": _summary(SERVER_MESSAGES[kind]),
            "messages": [_channel_message(kind)],
        }
        for kind in events()
    }


def _packets() -> dict[str, Any]:
    return {
        f"{action}_{_PACKET}": {
            "action": action,
            "channel": _CHANNEL,
            "summary": "A binary frame: one RTP packet or one RTCP datagram, not encrypted a second time (media.md).",
            "messages": [_channel_message(_PACKET)],
        }
        for action in ("send", "receive")
    }


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {kind: _message(kind, schema) for kind, schema in schemas().items()}
    found[_PACKET] = {
        "name": _PACKET,
        "title": "RTP or RTCP",
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary"},
    }
    return found


def _message(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": kind,
        "title": schema["title"],
        "summary": schema["description"],
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./schemas/{kind}.json"}},
        "examples": [{"name": kind, "payload": schema["examples"][0]}],
    }
    for member in ("id", "re"):
        if member in schema["properties"]:
            message["correlationId"] = {"location": f"$message.payload#/{member}"}
    return message


def _summary(model: type) -> str:
    return " ".join((model.__doc__ or "").split())
