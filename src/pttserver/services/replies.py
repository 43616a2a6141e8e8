"""Replies to a log-in and to an affiliation, made of what the server knows."""

from dataclasses import dataclass

from pttserver.crypto.srtp import SrtpKey
from pttserver.ids import Ssrc
from pttserver.services.attendance import Opened
from pttserver.services.key_epochs import epoch_message
from pttserver.services.talk import TalkService
from pttserver.sessions.session import Affiliation, Session
from pttserver.wire import signalling


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server tells every session of itself. Times in seconds."""

    media: signalling.MediaEndpoint
    server_ssrc: Ssrc
    keepalive_interval_s: float
    dead_after_s: float
    resume_lifetime_s: float


def session_started(
    offer: Offer,
    opened: Opened,
    request_id: int,
    groups: list[signalling.GroupInfo],
    terms: signalling.Terms,
    token: bytes | None,
) -> signalling.SessionStarted:
    """A new session: its keys are told here and nowhere else."""
    session = opened.session
    return _session(offer, session, request_id, groups, terms).model_copy(
        update={
            "uplink": _keys(session.uplink_key),
            "downlink": _keys(session.downlink_key),
            "resume_token": token,
            "resume_lifetime_s": offer.resume_lifetime_s if token else None,
            "superseded": opened.superseded,
        }
    )


def session_resumed(
    offer: Offer,
    session: Session,
    request_id: int,
    groups: list[signalling.GroupInfo],
    terms: signalling.Terms,
    affiliations: list[signalling.Affiliation],
) -> signalling.SessionStarted:
    """A session goes on: its keys stay as they are, the groups may have new epochs."""
    reply = _session(offer, session, request_id, groups, terms)
    return reply.model_copy(update={"resumed": True, "affiliations": affiliations})


def _session(
    offer: Offer, session: Session, request_id: int, groups: list[signalling.GroupInfo], terms: signalling.Terms
) -> signalling.SessionStarted:
    return signalling.SessionStarted(
        re=request_id,
        session=session.id,
        resumed=False,
        subscriber=session.identity.subscriber_id,
        name=session.identity.display_name.reveal(),
        ssrc=session.ssrc,
        server_ssrc=offer.server_ssrc,
        media=offer.media,
        keepalive_interval_s=offer.keepalive_interval_s,
        dead_after_s=offer.dead_after_s,
        groups=groups,
        terms=terms,
        affiliations=[],
    )


def affiliation_message(
    affiliation: Affiliation, talk: TalkService, roster: signalling.Roster
) -> signalling.Affiliation:
    channel = talk.channel(affiliation.group_id)
    return signalling.Affiliation(
        group=affiliation.group_id,
        name=affiliation.group_name,
        priority=affiliation.priority,
        listen_only=affiliation.listen_only,
        ssrc=affiliation.ssrc,
        control_ssrc=channel.control_ssrc,
        epoch=epoch_message(channel.epoch),
        roster=roster,
        imminent_peril=talk.is_in_peril(affiliation.group_id),
        emergency=talk.is_in_emergency(affiliation.group_id),
    )


def _keys(key: SrtpKey) -> signalling.SrtpKeys:
    return signalling.SrtpKeys(key=key.key, salt=key.salt)
