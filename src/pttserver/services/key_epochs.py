"""Key epochs: after a departure the group gets a new key before another packet is sent, and its members are told.

Departures come in herds (a radio mast fails, a shift ends), and each new key is told to all who stay. So departures
within a few milliseconds share one new epoch; but a packet never waits for that and never goes out under the old key.
"""

import asyncio

from pttserver.crypto.epochs import KeyEpoch
from pttserver.media.channel import GroupChannel
from pttserver.wire import signalling

COALESCE_S = 0.05


class KeyEpochs:
    """Renews the keys of groups and tells their members."""

    def __init__(self) -> None:
        self._timers: dict[GroupChannel, asyncio.TimerHandle] = {}

    def expire(self, channel: GroupChannel) -> None:
        """Somebody left the group."""
        channel.expire_key()
        if channel not in self._timers:
            self._timers[channel] = asyncio.get_running_loop().call_later(COALESCE_S, self.renew, channel)

    def renew(self, channel: GroupChannel) -> None:
        """Gives the group its next epoch, if the present one has expired."""
        self.forget(channel)
        if not channel.stale:
            return
        channel.stale = False
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
