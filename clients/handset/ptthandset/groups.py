"""The groups of a handset: those that it may take part in, and those in which it does."""

import re
from collections.abc import Callable, Collection

from ptthandset.errors import Refused
from ptthandset.events import GroupGone, GroupNew, HandsetEvent
from ptthandset.media_link import MediaLink
from ptthandset.options import Options
from ptthandset.signalling_client import SignallingClient
from ptthandset.talkgroup import Talkgroup
from pttserver.wire import signalling

_GROUP_NUMBER = re.compile("grp_[0-9a-f]{16}")


class Groups:
    """`known`: what the server says one may join; `joined`: by number, where one talks and listens."""

    def __init__(
        self, options: Options, connected: Callable[[], SignallingClient], tell: Callable[[HandsetEvent], None]
    ) -> None:
        """`connected` gives the connection to ask over, or raises NotConnected."""
        self._options = options
        self._connected = connected
        self._tell = tell
        self.media: MediaLink | None = None  # of the session
        self.known: list[signalling.GroupInfo] = []
        self.joined: dict[str, Talkgroup] = {}

    def number(self, name_or_id: str) -> str:
        """Of a group that is known; a number is taken as it is. Raises Refused (`not_found`)."""
        if _GROUP_NUMBER.fullmatch(name_or_id):
            return name_or_id
        for info in self.known:
            if name_or_id == info.name:
                return info.group
        known = ", ".join(info.name for info in self.known) or "none"
        raise Refused("not_found", f"You are not a member of {name_or_id}. Your groups: {known}.")

    async def join(self, group_id: str, *, press: bool = False) -> Talkgroup:
        """Raises Refused (`not_found`)."""

        def joined(reply: signalling.Affiliated) -> None:
            self._joined(reply)
            if press:
                self.joined[group_id].press_key()

        await self._connected().request(signalling.Affiliate(id=1, group=group_id), signalling.Affiliated, joined)
        if group_id not in self.joined:  # it was taken away right behind the reply
            raise Refused("not_found", "The group is gone.")
        return self.joined[group_id]

    def _joined(self, reply: signalling.Affiliated) -> None:
        """At once, since the state of the floor, and perhaps voice, come right behind the reply."""
        assert self.media is not None
        group = self.joined.get(reply.affiliation.group)
        if group is None:
            self.joined[reply.affiliation.group] = Talkgroup(
                reply.affiliation,
                self.media,
                timers=self._options.timers,
                sample_rate_hz=self._options.sample_rate_hz,
                on_played=self._options.on_played,
                on_sent=self._options.on_sent,
            )
        else:
            group.bind(reply.affiliation, self.media)
        self._try_held_again()

    def _try_held_again(self) -> None:
        """Voice that came before its group or key did."""
        if self.media is not None:
            self.media.try_held_again()

    async def leave(self, group_id: str) -> None:
        self._forget(group_id)
        await self._connected().request(signalling.Deaffiliate(id=1, group=group_id), signalling.Done)

    async def presence(self, group_id: str) -> signalling.PresenceList:
        return await self._connected().request(signalling.ListPresence(id=1, group=group_id), signalling.PresenceList)

    async def refresh(self) -> list[signalling.GroupInfo]:
        """Asks what may be joined now."""
        self.known = (await self._connected().request(signalling.ListGroups(id=1), signalling.Groups)).groups
        return self.known

    def close(self) -> None:
        """The voice of all of them ends."""
        for group in self.joined.values():
            group.close()

    # A new connection --------------------------------------------------------------------------------------------

    def go_on(self, there: Collection[signalling.Affiliation]) -> None:
        """The session is as it was, with these groups as the server has them."""
        present = {affiliation.group: affiliation for affiliation in there}
        for group_id in self.joined.keys() & present:
            self.joined[group_id].go_on(present[group_id])
        self._try_held_again()

    async def agree(self, there: Collection[signalling.Affiliation]) -> None:
        """Makes up for what changed while the connection was lost. `there`: the groups as the server has them."""
        present = {affiliation.group for affiliation in there}
        for group_id in self.joined.keys() - present:
            try:
                await self.join(group_id)
            except Refused as error:
                if error.code != "not_found":
                    raise
                self._lose(group_id)
        for group_id in present - self.joined.keys():
            await self._connected().request(signalling.Deaffiliate(id=1, group=group_id), signalling.Done)

    # What the server says ----------------------------------------------------------------------------------------

    def take(self, event: signalling.Message) -> None:
        """An event of the server; most concern others."""
        match event:
            case signalling.GroupEpoch(group=group_id, epoch=epoch) if group_id in self.joined:
                self.joined[group_id].keys.renew(epoch)
                self._try_held_again()
            case signalling.GroupRoster(group=group_id) if group_id in self.joined:
                self.joined[group_id].change_roster(event)
            case signalling.GroupRights(group=group_id) if group_id in self.joined:
                self.joined[group_id].priority = event.priority
                self.joined[group_id].listen_only = event.listen_only
            case signalling.GroupAdded(group=info, temporary=temporary):
                self._gain(info, temporary)
            case signalling.GroupCondition(group=group_id) if group_id in self.joined:
                self.joined[group_id].imminent_peril = event.imminent_peril
            case signalling.GroupEmergency(group=group_id, on=on) if group_id in self.joined:
                self.joined[group_id].emergency = on
            case signalling.GroupRemoved(group=group_id):
                self._lose(group_id)

    def _gain(self, info: signalling.GroupInfo, temporary: bool) -> None:
        is_new = all(each.group != info.group for each in self.known)
        self.known = [*(each for each in self.known if each.group != info.group), info]
        if is_new:
            self._tell(GroupNew(info.group, info.name, temporary))

    def _lose(self, group_id: str) -> None:
        self._forget(group_id)
        self.known = [info for info in self.known if info.group != group_id]
        self._tell(GroupGone(group_id))

    def _forget(self, group_id: str) -> None:
        group = self.joined.pop(group_id, None)
        if group is not None:
            group.close()
