"""Key epochs: who left cannot read what comes, who joins cannot read what was; members are told each new key.

After a departure the group gets a new key before another packet is sent. Departures come in herds (a radio mast fails,
a shift ends), and each new key is told to all who stay; so departures within a few milliseconds share one epoch, but
a packet never waits for that and never goes out under the old key. Before an arrival the group gets a new key if the
present one has protected anything; in a herd of arrivals not more than once a second, which is as much of the past as a
newcomer could then read.
"""

import asyncio

from pttserver.crypto.epochs import KeyEpoch
from pttserver.media.channel import GroupChannel
from pttserver.wire import signalling

COALESCE_S = 0.05
ARRIVALS_SHARE_S = 1.0


class KeyEpochs:
    """Renews the keys of groups and tells their members."""

    def __init__(self) -> None:
        self._timers: dict[GroupChannel, asyncio.TimerHandle] = {}

    def expire(self, channel: GroupChannel) -> None:
        """Somebody left the group."""
        channel.expire_key()
        if channel not in self._timers:
            self._timers[channel] = asyncio.get_running_loop().call_later(COALESCE_S, self.renew, channel)

    def admit(self, channel: GroupChannel) -> None:
        """Somebody is about to join the group."""
        age_s = asyncio.get_running_loop().time() - channel.renewed_at
        if channel.epoch.packets and age_s >= ARRIVALS_SHARE_S:
            channel.expire_key()
        if age_s >= COALESCE_S:
            self.renew(channel)

    def renew(self, channel: GroupChannel) -> None:
        """Gives the group its next epoch, if the present one has expired."""
        self.forget(channel)
        if not channel.stale:
            return
        channel.stale = False
        channel.renewed_at = asyncio.get_running_loop().time()
        channel.epoch = channel.epoch.next()
        text = signalling.GroupEpoch(group=channel.group_id, epoch=epoch_message(channel.epoch)).to_json()
        for session in channel.listeners():
            if session.link is not None:
                session.link.post(text)

    def forget(self, channel: GroupChannel) -> None:
        """The channel needs no renewal any more."""
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()


def epoch_message(epoch: KeyEpoch) -> signalling.Epoch:
    """The epoch as members are told it."""
    return signalling.Epoch(number=epoch.number, key=epoch.key.key, salt=epoch.key.salt)
