"""Who takes part in the floor of a group: what the arbiter knows of one affiliation."""

from dataclasses import dataclass


@dataclass(slots=True)
class Participant:
    """One affiliation to the group, known by its SSRC.

    `user_id` is the opaque subscriber id and `functional_alias` the name to show (may be empty): Floor
    Taken carries both. `priority` is the provisioned one, 0-255, 255 the most urgent (TS 24.380 §8.2.3.2).
    `may_preempt`: emergency and imminent peril in this participant's requests are believed: it has an alert open.
    `implicit_request`: taking part is a floor request that no listener need be there for, as each party of a
    full-duplex call makes in its own channel (implicit floor request, TS 24.380 §4.1.1.2).
    """

    ssrc: int
    user_id: str
    functional_alias: str = ""
    priority: int = 0
    listen_only: bool = False
    chair: bool = False
    may_preempt: bool = False
    implicit_request: bool = False
