"""Messages as lines of text for a terminal: nothing in them moves the cursor or changes the direction of the line."""

from collections.abc import Iterable
from datetime import UTC, datetime
from unicodedata import category as _category

from ptthandset.message_chain import Verdict
from ptthandset.message_events import (
    DeviceSeen,
    MessageEvent,
    MessageReceived,
    MessageRefused,
    MessageTakenBack,
    OutcomeChanged,
    ReadMessage,
)

_REMARKS = {
    Verdict.GENUINE: "",
    Verdict.GAP: "messages before it are missing",
    Verdict.LATE: "it came late",
    Verdict.DUPLICATE: "it has come before",
    Verdict.BROKEN: "it does not follow from the message before: one of them is not what was said",
    Verdict.ALTERED: "ALTERED on the way: it cannot be opened",
    Verdict.FORGED: "FORGED: changed on the way, or not by this device",
    Verdict.KEY_CHANGED: "signed with ANOTHER KEY than this device is known by; ask the sender",
    Verdict.UNREADABLE: "it was not sealed for this device",
    Verdict.GONE: "its content is kept no longer, or was damaged",
}

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain(text: str) -> str:
    """Controls, format characters and line separators of Unicode are shown as U+FFFD.

    A new line stays one, and so does the joiner that emoji are composed with.
    """
    return "".join("\ufffd" if char not in "\n\u200d" and _category(char) in _UNSEEN else char for char in text)


def message_lines(message: ReadMessage) -> str:
    stored = message.stored
    when = datetime.fromtimestamp(stored.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    head = f"{when}  {plain(stored.name) or stored.sender}  {stored.id}"
    lines = [head, *(f"  {line}" for line in plain(message.text or "").split("\n") if line)]
    if message.attachment is not None:
        lines.append(f"  [{message.attachment.kind}: {plain(message.attachment.name)}]")
    if _REMARKS[message.verdict]:
        lines.append(f"  ! {_REMARKS[message.verdict]}")
    lines += [f"  {each.subscriber}: {each.state}" for each in stored.states or ()]
    return "\n".join(lines)


def event_lines(event: MessageEvent) -> str:
    match event:
        case MessageReceived(message):
            return message_lines(message)
        case OutcomeChanged(message, subscriber, state):
            return f"{message}: {state} at {subscriber}"
        case MessageTakenBack(message):
            return f"{message} was deleted by its author"
        case DeviceSeen(subscriber, device, changed):
            return f"{subscriber} has {'ANOTHER KEY on' if changed else 'a further device:'} {device}"
        case MessageRefused(_, _, reason):
            return f"A message that waited was refused: {reason}"


def joined(messages: Iterable[ReadMessage]) -> str:
    return "\n".join(map(message_lines, messages))
