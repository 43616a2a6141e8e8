"""Attachments on their way in: chunks of a session are put together in memory until their message comes."""

import hashlib
import hmac
from collections import OrderedDict

from pttserver.errors import InvalidValue
from pttserver.ids import SessionId
from pttserver.wire.signalling import AttachmentInfo

ALL_UPLOADS_BYTES = 64 << 20


class _Upload:
    __slots__ = ("info", "octets")

    def __init__(self, info: AttachmentInfo) -> None:
        self.info = info
        self.octets = bytearray()


class MessageUploads:
    """One attachment for a session; when all together grow too large, the oldest are forgotten."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[SessionId, _Upload] = OrderedDict()

    def put(self, session_id: SessionId, info: AttachmentInfo, offset: int, data: bytes) -> None:
        """Raises InvalidValue: not the next chunk, too much, or not what the digest says."""
        upload = self._uploads.get(session_id)
        if upload is None or upload.info != info:
            upload = self._uploads[session_id] = _Upload(info)
            self._uploads.move_to_end(session_id)
        octets = upload.octets
        if octets[offset : offset + len(data)] == data:
            return
        if offset != len(octets) or offset + len(data) > info.size:
            raise InvalidValue(f"The next chunk begins at {len(octets)} of {info.size}.")
        octets += data
        self._bound()
        if len(octets) == info.size and not hmac.compare_digest(hashlib.sha256(octets).digest(), info.digest):
            del self._uploads[session_id]
            raise InvalidValue("The attachment is not what its digest says.")

    def _bound(self) -> None:
        while len(self._uploads) > 1 and sum(len(each.octets) for each in self._uploads.values()) > ALL_UPLOADS_BYTES:
            self._uploads.popitem(last=False)

    def get(self, session_id: SessionId, info: AttachmentInfo) -> bytes:
        """The whole attachment. Raises InvalidValue if it is not here."""
        upload = self._uploads.get(session_id)
        if upload is None or upload.info != info or len(upload.octets) != info.size:
            raise InvalidValue("The attachment has not come yet; send its chunks first.")
        return bytes(upload.octets)

    def forget(self, session_id: SessionId) -> None:
        """Its message was taken."""
        self._uploads.pop(session_id, None)
