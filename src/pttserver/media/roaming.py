"""Follows sessions that change their address: between cellular and Wi-Fi, or behind a NAT that forgot them."""

from collections.abc import Mapping

from pttserver.ids import GroupId
from pttserver.media.channel import GroupChannel
from pttserver.media.drops import Drops
from pttserver.sessions.session import Session

ADDRESS_HOLD_S = 0.1  # a session may move this often; faster is flapping or an attack


class Roaming:
    """Told of the address of a session's newest authenticated packet, and of nothing else."""

    def __init__(self, channels: Mapping[GroupId, GroupChannel], drops: Drops) -> None:
        self._channels = channels
        self._drops = drops

    def learn(self, session: Session, address: bytes, now: float) -> None:
        """From now on the session is sent to there, in all its groups."""
        if address == session.address:
            return
        if now - session.address_changed_at < ADDRESS_HOLD_S:
            self._drops.address_flapping += 1
            return
        session.address = address
        session.address_changed_at = now
        for group_id in session.affiliations:
            self._channels[group_id].address_changed(session)
