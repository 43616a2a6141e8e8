"""Examples of the messages of Push to Message and of contacts."""

from generator import fixed
from generator.sealed_messages import FIRST, SENT_MS, public, signed_key
from pttserver.wire import signalling as s

_INFO = FIRST.sealed().attachment
assert _INFO is not None
assert FIRST.attachment is not None
_SIGNING_KEY = fixed.DEVICE_KEY.public_key().public_bytes_raw()
_STORED = s.StoredMessage(
    id=fixed.MESSAGE,
    sender=fixed.ANNA,
    name="Anna",
    at_ms=SENT_MS + 100,
    signing_key=_SIGNING_KEY,
    sealed=FIRST.sealed(),
    key=FIRST.wrapped(fixed.BERTS_DEVICE),
)
_OWN = _STORED.model_copy(
    update={
        "key": FIRST.wrapped(fixed.DEVICE),
        "states": [s.RecipientState(subscriber=fixed.BERT, state="delivered")],
    }
)
_DEVICE = s.DeviceKeys(device=fixed.DEVICE, signing_key=_SIGNING_KEY, key=public(fixed.DEVICE), signature=signed_key())
_STATE = s.MessageState(message=fixed.MESSAGE, subscriber=fixed.BERT, state="read")

REQUESTS: list[s.Message] = [
    s.PublishKey(id=11, key=public(fixed.DEVICE), signature=signed_key()),
    s.FindRecipients(id=12, subscribers=[fixed.BERT]),
    s.PutChunk(id=13, attachment=_INFO, offset=0, data=FIRST.attachment),
    s.SendMessage(id=14, sealed=FIRST.sealed(), keys=FIRST.keys()),
    s.GetChunk(id=15, message=fixed.MESSAGE, offset=0),
    s.FetchMessages(id=16),
    s.ConfirmMessages(id=17, messages=[fixed.MESSAGE], state="delivered"),
    s.ListMessages(id=18, participants=[fixed.BERT], limit=20),
    s.DeleteMessage(id=19, message=fixed.MESSAGE),
    s.ListContacts(id=20),
    s.PutContact(id=21, subscriber=fixed.BERT, alias="Bertie"),
    s.RemoveContact(id=22, subscriber=fixed.BERT),
]
SERVER_MESSAGES: list[s.Message] = [
    s.MessageKeys(re=12, recipients=[s.Correspondent(subscriber=fixed.ANNA, name="Anna", devices=[_DEVICE])]),
    s.MessageAccepted(re=14, message=fixed.MESSAGE, at_ms=SENT_MS + 100, undelivered=[]),
    s.MessageQueue(re=16, messages=[_STORED], more=False, states=[_STATE], deleted=["msg_00000000000000f2"]),
    s.MessagePage(re=18, messages=[_OWN], more=False),
    s.AttachmentChunk(re=15, data=FIRST.attachment, size=len(FIRST.attachment)),
    s.NewMessage(message=_STORED),
    _STATE,
    s.MessageDeleted(message=fixed.MESSAGE),
    s.Contacts(re=20, contacts=[s.Contact(subscriber=fixed.BERT, alias="Bertie", name="Bert Bär")]),
]
