"""The handset: logs in, stays connected, and takes part in groups. Start with `Handset.connect` or `enroll`.

async with await Handset.connect(credentials, pin="4711") as handset:
    patrol = await handset.affiliate("Patrol")
    await patrol.talk(frames, OpusEncoder())
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Self

from ptthandset.alert_track import AlertTrack
from ptthandset.alerts import Alerts
from ptthandset.calls import Calls
from ptthandset.contacts import ContactList
from ptthandset.credentials import Credentials
from ptthandset.dispatch import Dispatch
from ptthandset.enrolment import enroll
from ptthandset.errors import HandsetError, NotConnected, Refused, ServerUnreachable, SessionEnded, Superseded, Wiped
from ptthandset.events import Connected, Disconnected, GroupGone, GroupNew, HandsetEvent, PathChanged
from ptthandset.group_keys import DeviceKeys
from ptthandset.groups import Groups
from ptthandset.listeners import tell_all
from ptthandset.listening import Listening
from ptthandset.location import Location
from ptthandset.media_link import MediaLink
from ptthandset.media_path import Via
from ptthandset.message_memory import MessageMemory
from ptthandset.messages import Messages
from ptthandset.options import Options
from ptthandset.service import R, Service
from ptthandset.signalling_client import SignallingClient
from ptthandset.talkgroup import Talkgroup
from pttserver.wire import rtcp, signalling

__all__ = [
    "Connected",
    "Disconnected",
    "GroupGone",
    "GroupNew",
    "Handset",
    "HandsetEvent",
    "Options",
    "PathChanged",
    "enroll",
]

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0
FAREWELL_S = 1.0
_HOPELESS = ("auth.failed", "protocol.version", "protocol.invalid")


class Handset:
    """A logged-in device. Leave it with `close` (the session lives on for a while) or `log_out`."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        self.credentials = credentials
        self.options = options
        self.name = credentials.name
        self.superseded: signalling.Superseded | None = None
        self.terms: signalling.Terms | None = None
        self.listeners: list[Callable[[HandsetEvent], None]] = []
        self.media: MediaLink | None = None
        self._groups = Groups(options, self._connected, self._tell)
        self._link: SignallingClient | None = None
        self._session: str | None = None
        self._early: list[signalling.Message] | None = None
        self._end: HandsetError | None = None
        self._stay: asyncio.Task[None] | None = None
        self._choices: set[asyncio.Task[None]] = set()
        self._wiped = False
        memory = MessageMemory(credentials, options.message_file)
        self.messages = Messages(self._ask, credentials, memory)
        self.contacts = ContactList(self._ask)
        self.calls = Calls(self._ask, self.affiliate, self._groups.joined.__contains__)
        self.dispatch = Dispatch(self._ask)
        self.alerts = Alerts(self._ask, self._send_alert, credentials.subscriber, lambda: self.terms)
        self.location = Location(self._ask, lambda: self.terms)
        self.listening = Listening(
            self._ask,
            self.affiliate,
            self._groups.joined.__contains__,
            credentials.subscriber,
            self.options.sample_rate_hz,
        )
        self.alert_track = AlertTrack(self._ask, lambda: self.alerts.own, lambda: self.location.terms)
        self.location.on_fix = self.alert_track.take
        self._services: list[Service] = [
            self.messages, self.contacts, self.calls, self.dispatch, self.alerts, self.location, self.listening,
        ]  # fmt: skip

    @classmethod
    async def connect(cls, credentials: Credentials, *, pin: str | None = None, options: Options | None = None) -> Self:
        """Logs in with the PIN, or without one by the resume token of an earlier log-in.

        Raises Refused (`auth.failed`: wrong PIN, or this device may not log in; `auth.disabled`: not until a dispatcher
        enables it), Wiped, ServerUnreachable, WrongServer.
        """
        handset = cls(credentials, options or Options())
        link = await handset._open_link()
        try:
            await handset._log_in(link, pin)
        except Refused as error:
            await link.close()
            if error.code == "auth.wiped":
                handset._delete_keys()
                raise Wiped from None
            raise
        except BaseException:
            await link.close()
            raise
        handset._stay = asyncio.create_task(handset._stay_connected(), name="stay connected")
        return handset

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Being connected ---------------------------------------------------------------------------------------------

    async def _open_link(self) -> SignallingClient:
        who = self.credentials
        self._early = []
        return await SignallingClient.open(who.server_url, who.certificate_pin, self._on_event, self._on_packet)

    async def _log_in(self, link: SignallingClient, pin: str | None) -> None:
        who = self.credentials
        request: signalling.Request
        if pin is not None:
            request = signalling.Login(
                id=1, device=who.device, pin=pin, signature=who.sign(link.proof("login", who.device))
            )
        elif who.resume_token is not None:
            signature = who.sign(link.proof("resume", who.device))
            request = signalling.Resume(
                id=1, device=who.device, token=who.resume_token, signature=signature, session=self._session
            )
        else:
            raise Refused("auth.failed", "This device was logged out; log in with the PIN.")
        reply = await link.request(request, signalling.SessionStarted)
        await self._adopt(link, reply)

    async def _adopt(self, link: SignallingClient, reply: signalling.SessionStarted) -> None:
        self._link = link
        self._groups.known = reply.groups
        self.name = reply.name
        self.superseded = reply.superseded
        self.terms = reply.terms
        if reply.resume_token is not None:
            self._keep_token(reply.resume_token)
        try:
            if reply.resumed and self.media is not None:
                await self._go_on(self.media, link, reply)
            else:
                await self._start_anew(link, reply)
        finally:
            self._take_early()
        self._session = reply.session
        for service in self._services:
            self._start(service.connected())
        self._tell(Connected(reply.resumed))

    async def _go_on(self, media: MediaLink, link: SignallingClient, reply: signalling.SessionStarted) -> None:
        media.link = link
        self._groups.go_on(reply.affiliations)
        self._tell_path(media.via)
        await self._open_media(reply.media)
        await self._groups.agree(reply.affiliations)

    async def _start_anew(self, link: SignallingClient, reply: signalling.SessionStarted) -> None:
        if reply.uplink is None or reply.downlink is None:
            raise Refused("protocol.invalid", "The server told no keys.")
        if self.media is not None:
            self.media.close()
        self.media = MediaLink(
            ssrc=reply.ssrc,
            server_ssrc=reply.server_ssrc,
            keys=DeviceKeys(reply.uplink, reply.downlink),
            keepalive_interval_s=reply.keepalive_interval_s,
            report=self._reports,
            on_path=self._tell_path,
            on_alert=self.alerts.receive,
        )
        self._groups.media = self.media
        self.media.link = link
        await self._open_media(reply.media)
        await self._groups.agree(())

    async def _open_media(self, endpoint: signalling.MediaEndpoint) -> None:
        assert self.media is not None
        assert self._link is not None
        host = self.options.media_host or endpoint.host or self._link.server_address[0]
        await self.media.open(host if self.options.use_udp else None, self.options.media_port or endpoint.port)

    async def _stay_connected(self) -> None:
        """Waits for the connection to be lost and gets it back, with growing pauses, until the session is over."""
        while self._link is not None:
            await self._link.closed()
            await self._link.close()
            self._forget_link()
            if self._wiped:
                self._end = self._end or Wiped()
            if self._end is not None:
                break
            self._tell(Disconnected())
            await self._reconnect()
        if self.media is not None:
            self.media.close()
        self._groups.close()

    async def _reconnect(self) -> None:
        pause_s = FIRST_RETRY_S
        while self._end is None:
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - so that a herd does not return at once
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)
            link = None
            try:
                link = await self._open_link()
                await self._log_in(link, None)
            except (ServerUnreachable, NotConnected):
                pass
            except Refused as error:
                if error.code == "auth.wiped":
                    self._delete_keys()
                    self._end = Wiped()
                elif error.code == "auth.disabled":
                    self._end = SessionEnded("disabled")
                elif error.code in _HOPELESS:
                    self._keep_token(None)
                    self._end = error
                pause_s = max(pause_s, error.retry_after_s or 0)
            except HandsetError as error:
                self._end = error
            else:
                return
            if link is not None:
                await link.close()
                self._forget_link()  # the log-in may have got as far as adopting it

    def _forget_link(self) -> None:
        self._link = None
        for service in self._services:
            service.disconnected()
        if self.media is not None:
            self.media.link = None

    async def wait_closed(self) -> None:
        """Waits until the handset is closed. Raises Superseded, SessionEnded or Refused if that was not our wish."""
        if self._stay is not None:
            await asyncio.wait([self._stay])
        if self._end is not None and not isinstance(self._end, _Closed):
            raise self._end

    async def close(self) -> None:
        """Leaves the groups without logging out: the resume token stays good."""
        self._end = self._end or _Closed()
        await self._leave_groups()
        if self._link is not None:
            await self._link.close()
        if self._stay is not None:
            await self._cancel(self._stay)
        if self.media is not None:
            self.media.close()

    async def _leave_groups(self) -> None:
        """So that the others see us go at once; if the server does not answer, they will see it later."""
        with contextlib.suppress(HandsetError, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                for group_id in list(self._groups.joined):
                    await self._groups.leave(group_id)

    async def _cancel(self, task: asyncio.Task[None]) -> None:
        if self._link is None:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def log_out(self) -> None:
        """Ends the session and its resume token."""
        link = self._connected()
        self._end = self._end or _Closed()
        await link.request(signalling.Logout(id=1), signalling.Done)
        self._keep_token(None)
        await self.close()

    def _keep_token(self, token: bytes | None) -> None:
        if self._wiped:  # what is kept must not come back
            return
        self.credentials = self.credentials.with_token(token)
        if self.options.on_token is not None:
            self.options.on_token(token)

    def _connected(self) -> SignallingClient:
        if self._end is not None and not isinstance(self._end, _Closed):
            raise self._end
        if self._link is None:
            raise NotConnected
        return self._link

    # Groups ------------------------------------------------------------------------------------------------------

    @property
    def groups(self) -> list[signalling.GroupInfo]:
        """Those that the subscriber may take part in."""
        return self._groups.known

    @property
    def talkgroups(self) -> Mapping[str, Talkgroup]:
        """Those in which the handset takes part, by number."""
        return self._groups.joined

    async def affiliate(self, name_or_id: str, *, press: bool = False) -> Talkgroup:
        """Takes part in a group of the subscriber; a dispatcher, by its number, in any group of the organisation.

        `press`: the key is down from the first moment on. Raises Refused (`not_found`).
        """
        return await self._groups.join(self._groups.number(name_or_id), press=press)

    async def deaffiliate(self, group: Talkgroup) -> None:
        """Leaves the group."""
        await self._groups.leave(group.group_id)

    async def presence(self, name_or_id: str) -> signalling.PresenceList:
        """Who of the group's members is there."""
        return await self._groups.presence(self._groups.number(name_or_id))

    async def refresh_groups(self) -> list[signalling.GroupInfo]:
        """The subscriber's groups as they are now."""
        return await self._groups.refresh()

    # What the server says ----------------------------------------------------------------------------------------

    def _on_packet(self, packet: bytes) -> None:
        if self.media is not None:
            self.media.receive_frame(packet)

    def _on_event(self, event: signalling.Message) -> None:
        """What is told right behind the answer to a log-in waits until that is taken in: who hears of it may ask."""
        if self._early is not None:
            self._early.append(event)
        else:
            self._take(event)

    def _take_early(self) -> None:
        early, self._early = self._early or [], None
        for event in early:
            self._take(event)

    def _take(self, event: signalling.Message) -> None:
        self._groups.take(event)
        self._take_of_session(event)
        for service in self._services:
            service.take(event)

    def _take_of_session(self, event: signalling.Message) -> None:
        match event:
            case signalling.SessionSuperseded(device_type=device_type, at_ms=at_ms):
                self._keep_token(None)
                self._finish(Superseded(device_type, at_ms))
            case signalling.SessionEnded(reason="revoked" | "logged_out" as reason):
                self._keep_token(None)
                self._finish(Wiped() if self._wiped else SessionEnded(reason))
            case signalling.SessionEnded(reason="disabled"):
                self._finish(SessionEnded("disabled"))
            case signalling.WipeOrdered():
                self._delete_keys()
                self._start(self._ask(signalling.DeviceWiped(id=1), signalling.Done))
            case signalling.TermsChanged(terms=terms):
                self.terms = terms

    def _delete_keys(self) -> None:
        """The organisation wiped the device: nothing of its keys stays, here or where the user keeps them."""
        self._wiped = True
        self.credentials = replace(self.credentials, private_key=b"", resume_token=None)
        if self.options.on_wiped is not None:
            self.options.on_wiped()

    def _finish(self, error: HandsetError) -> None:
        """The session is over for good: no reconnecting, and the media stop at once."""
        self._end = error
        if self.media is not None:
            self.media.close()
        self._groups.close()
        for service in self._services:
            service.close()

    async def _ask(self, request: signalling.Request, expected: type[R]) -> R:
        return await self._connected().request(request, expected)

    def _send_alert(self, alert: str, drill: bool) -> None:
        if self.media is not None:
            self.media.send_alert(alert, drill)

    def _tell(self, event: HandsetEvent) -> None:
        tell_all(self.listeners, event)

    def _tell_path(self, via: Via) -> None:
        link = self._link
        if link is not None:
            request = link.request(signalling.SetMediaPath(id=1, via=via.value), signalling.Done)
            self._start(request)  # it is queued already: what we send from now on comes after it
        self._tell(PathChanged(via))

    def _start(self, request: Coroutine[Any, Any, object]) -> None:
        async def wait() -> None:
            with contextlib.suppress(HandsetError):  # the next connection tells the path again
                await request

        task = asyncio.create_task(wait())
        self._choices.add(task)
        task.add_done_callback(self._choices.discard)

    def _reports(self) -> list[rtcp.ReportBlock]:
        return [block for group in self._groups.joined.values() for block in group.reports()]


class _Closed(HandsetError):
    """The user closed the handset."""
