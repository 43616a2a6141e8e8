"""Why columns that tell something of a person stand in clear: what could not be done if they were sealed, or not there.

The moments and states of an account are kept whatever the policy keeps of their category: no row can be without them.
"""

from typing import Final

ACCOUNT: Final = "who is known here is told by it without any key, and it is necessary: it ends with the account"
KNOWN_SINCE: Final = "periods count from it without any key, and it is necessary: it ends with the account"
REMOVED: Final = "nobody logs in by a row that has it, and the identifier is free for others; it ends with the account"
RESTRICTED: Final = "the person demanded it (GDPR Art. 18): whatever shows, changes or erases asks it without any key"
EVENT: Final = "periods start and end by it, and are counted without any key; it ends with the account"
HOLD: Final = "nothing is erased before it was asked; who laid it and why is sealed; it ends with the account"

DEVICE: Final = "it is asked at every log-in, before any key is opened; it goes with the device"
CODE: Final = "a code is worth nothing once it is used or over, which is asked before anybody is known"
DIGEST: Final = "a digest of a random secret: who has the secret is found by it, and it says nothing by itself"
CONSOLE: Final = "it is asked before a password or a factor is; it goes with the console account"

MEMBERSHIP: Final = "the floor is decided by it at every request to talk; it goes with the membership"
FIELD: Final = "a field is found by its name, and its period counts from when it was written; it goes with its value"
CONTACT: Final = "its period counts from it; it goes with the contact"
CALL: Final = "it tells how well calls work, without any key; it goes with the record of the burst"
MESSAGE: Final = "what waits for whom is found by it without opening anything; it goes with the record of the message"
ALERT: Final = "what an open alert waits for is found by it without any key; it goes with the record of the alert"
