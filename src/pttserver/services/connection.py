"""One signalling connection: which message is allowed when, and which use case it starts.

    new --hello--> greeted --log-in|resume--> logged in --logout|end of the session--> over
                     |  ^
                     +--+ enroll

A message that the state does not allow gets `protocol.state` or `auth.required`. Before the log-in any error ends the
connection; after it the connection stays, unless the frame was not a message at all.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pttserver import __version__
from pttserver.clock import Clock
from pttserver.crypto import device_keys
from pttserver.errors import (
    AuthenticationFailed,
    AuthenticationRequired,
    Forbidden,
    NotFound,
    OutOfOrder,
    PolicyMissing,
    ProtocolError,
    PttError,
    StoreUnavailable,
    UnsupportedVersion,
    as_told,
)
from pttserver.ids import GroupId, Personal, SubscriberId
from pttserver.media.relay import Relay
from pttserver.observe.log import get_logger
from pttserver.services.attendance import Attendance
from pttserver.services.authentication import Authentication, Challenged
from pttserver.services.console_room import ConsoleRoom
from pttserver.services.desk import Desk
from pttserver.services.group_info import group_info
from pttserver.services.memberships import Memberships
from pttserver.services.replies import (
    Offer,
    affiliation_message,
    session_resumed,
    session_started,
)
from pttserver.services.rosters import Rosters
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.terms import TermsTeller
from pttserver.sessions.console import ConsoleSession
from pttserver.sessions.session import Affiliation, Link, Session
from pttserver.store.records import LoginCandidate
from pttserver.wire import signalling
from pttserver.wire.rtp import is_rtcp
from pttserver.wire.signalling import PROTOCOL_VERSION, SERVED_VERSIONS

CLOSE_PROTOCOL = 1002  # RFC 6455 §7.4.1: protocol error
CLOSE_REFUSED = 4002
CLOSE_LOGGED_OUT = 1000
SERVER_NAME = f"pttserver/{__version__}"
_log = get_logger("connection")


@dataclass(frozen=True, slots=True)
class Door:
    """What connections need of the services, and what the server tells of itself at the door."""

    authentication: Authentication
    attendance: Attendance
    talk: TalkService
    rosters: Rosters
    memberships: Memberships
    terms: TermsTeller
    desk: Desk
    console: ConsoleRoom
    telling: Telling
    relay: Relay
    clock: Clock
    certificate_digest: bytes
    offer: Offer
    greetings: Sequence[Callable[[Session], Awaitable[None]]] = ()
    """Called after the answer to a log-in: what waits for the subscriber is told."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What the handshake of a browser brings: the origin of its page, which the caller found to be the server's own,
    and the token of its console session, if there was a cookie."""

    origin: str
    token: str | None = field(repr=False)


class Connection:
    """Serves one client. `address` is its host, `bucket` what limits it (sessions/attempts.py); `on_logged_in` is
    called once; `browser` None: it is none."""

    def __init__(
        self,
        door: Door,
        link: Link,
        address: Personal,
        bucket: str,
        on_logged_in: Callable[[], None],
        browser: Browser | None = None,
    ) -> None:
        self._door = door
        self._link = link
        self._address = address
        self._on_logged_in = on_logged_in
        self._greeted = False
        self._console = door.console.find(browser.token) if browser is not None else None
        self._challenged = Challenged(
            challenge=device_keys.draw_challenge(),
            server_digest=door.certificate_digest if browser is None else device_keys.origin_digest(browser.origin),
            address_bucket=bucket,
            console=None if self._console is None else self._console.subscriber_id,
        )
        self.session: Session | None = None

    # Frames ------------------------------------------------------------------------------------------------------

    async def receive_text(self, text: str) -> None:
        """One signalling message; replies and errors go out on the link."""
        if self._link.closed:
            return
        session = self._live_session()
        if session is not None:
            session.last_seen = self._door.clock.now()
        try:
            await self._serve(signalling.parse_request(text))
        except PttError as error:
            self._refuse(error, signalling.request_id(text))
        except Exception:  # a bug costs one request, not the server
            _log.exception("request_failed")
            self._refuse(PttError(), signalling.request_id(text))

    def receive_binary(self, packet: bytes) -> None:
        """One RTP or RTCP packet."""
        session = self._live_session()
        if session is None:
            return
        if session.console is not None and not is_rtcp(packet):  # somebody talks; RTCP comes by itself too
            self._door.console.use(session.console)
        try:
            self._door.relay.from_websocket(session, packet)
        except Exception:  # a bug costs one packet, not the connection
            self._door.relay.drops.internal_error += 1
            _log.exception("packet_failed")

    def lost(self) -> None:
        """The connection is gone. The session lives on until it is resumed or dies of silence."""
        if self.session is not None and self.session.link is self._link:
            self.session.link = None
            self._door.attendance.changed(self.session)

    def _live_session(self) -> Session | None:
        if self.session is not None and self.session.link is self._link:
            return self.session
        return None

    def _refuse(self, error: PttError, request_id: int | None) -> None:
        told = as_told(error)
        if told is not error:
            _log.error("database_failed", error=error.message)
        self._post(signalling.Error(re=request_id, code=told.code, message=told.message, details=told.details or None))
        if self._live_session() is None:
            self._link.close(CLOSE_REFUSED, told.code)
        elif isinstance(told, ProtocolError) and request_id is None:
            self._link.close(CLOSE_PROTOCOL, told.code)

    def _post(self, message: signalling.Message) -> None:
        self._link.post(message.to_json())

    def _tell(self, session: Session, message: signalling.Message) -> None:
        """What tells of others, as the session's role may see it."""
        self._post(self._door.telling.as_seen(session, message))

    # Requests ----------------------------------------------------------------------------------------------------

    async def _serve(self, request: signalling.Request) -> None:
        if isinstance(request, signalling.Hello):
            self._hello(request)
            return
        if not self._greeted:
            raise OutOfOrder("Say hello first.")
        if isinstance(request, signalling.Enroll | signalling.Login | signalling.LoginConsole | signalling.Resume):
            if self.session is not None:
                raise OutOfOrder("This connection is logged in already.")
            await _ENTRANCES[type(request)](self, request)
            return
        session = self._live_session()
        if session is None:
            raise AuthenticationRequired
        if session.console is not None:
            self._door.console.used_by_request(session.console, request)
        try:
            self._door.desk.require(session, request)
            await self._do(session, request)
        except (Forbidden, NotFound) as error:
            await self._door.desk.refused(session, request, error)
            raise

    async def _do(self, session: Session, request: signalling.Request) -> None:
        own = _REQUESTS.get(type(request))
        if own is not None:
            await own(self, session, request)
        else:
            self._tell(session, await self._door.desk.handle(session, request))

    def _hello(self, request: signalling.Hello) -> None:
        if self._greeted:
            raise OutOfOrder("Hello was said already.")
        if request.protocol not in SERVED_VERSIONS:
            raise UnsupportedVersion(versions_served=list(SERVED_VERSIONS))
        self._greeted = True
        challenge = self._challenged.challenge
        self._post(
            signalling.Welcome(re=request.id, protocol=PROTOCOL_VERSION, challenge=challenge, server=SERVER_NAME)
        )

    async def _enroll(self, request: signalling.Enroll) -> None:
        enrolled = await self._door.authentication.enroll(self._challenged, request)
        self._post(
            signalling.Enrolled(
                re=request.id,
                device=enrolled.device_id,
                subscriber=enrolled.subscriber_id,
                tenant=enrolled.tenant_id,
                tenant_name=enrolled.tenant_name,
                name=enrolled.display_name.reveal() if enrolled.display_name else "",
            )
        )

    async def _login(self, request: signalling.Login) -> None:
        candidate = await self._door.authentication.login(self._challenged, request)
        groups = await self._group_infos(candidate.subscriber_id)
        await self._open_session(candidate, groups, request.id, with_token=True)

    async def _login_console(self, request: signalling.LoginConsole) -> None:
        candidate = await self._door.authentication.login_console(self._challenged, request)
        groups = await self._group_infos(candidate.subscriber_id)
        await self._open_session(candidate, groups, request.id, with_token=True)

    async def _resume(self, request: signalling.Resume) -> None:
        candidate, memberships = await self._door.authentication.resume(self._challenged, request)
        if not self._door.attendance.may_resume(candidate):
            raise AuthenticationFailed
        temporary = self._door.memberships.temporary.memberships(candidate.subscriber_id)
        groups = [group_info(membership) for membership in (*memberships, *temporary)]
        console = self._console_of(candidate)
        session = self._door.attendance.reattach(candidate, request.session, self._link, self._address)
        if session is None:
            await self._open_session(candidate, groups, request.id, with_token=False)
            return
        session.console = console
        self._logged_in(session)
        affiliations = [self._affiliation(affiliation) for affiliation in session.affiliations.values()]
        terms = self._door.terms.told_now(session)
        self._tell(session, session_resumed(self._door.offer, session, request.id, groups, terms, affiliations))
        await self._greet(session)

    async def _open_session(
        self, candidate: LoginCandidate, groups: list[signalling.GroupInfo], request_id: int, *, with_token: bool
    ) -> None:
        """A token that a device resumed with stays good until its age ends it, so it gets no new one."""
        console = self._console_of(candidate)
        opened = self._door.attendance.open(candidate, self._link, self._address)
        opened.session.console = console
        self._logged_in(opened.session)
        token = await self._door.attendance.record_login(opened) if with_token else None
        if self._live_session() is None:
            return  # another device was faster while the record was written; this one has been told
        terms = self._door.terms.told_now(opened.session)
        self._post(session_started(self._door.offer, opened, request_id, groups, terms, token))
        await self._greet(opened.session)

    def _console_of(self, candidate: LoginCandidate) -> ConsoleSession | None:
        """The console session of a browser that logs in, at this moment. Raises AuthenticationFailed: it is over, or
        belongs to another key."""
        if not candidate.browser:
            return None
        console = self._console
        if console is None or not self._door.console.claim(console, candidate.device_id):
            raise AuthenticationFailed
        return console

    async def _greet(self, session: Session) -> None:
        """The log-in was answered: whoever has something to tell the person does so now."""
        self._door.attendance.arrived(session)
        for greet in self._door.greetings:
            try:
                await greet(session)
            except (StoreUnavailable, PolicyMissing) as error:  # it is told at the next log-in
                _log.error("greeting_failed", error=error.message)

    def _logged_in(self, session: Session) -> None:
        self.session = session
        self._on_logged_in()

    async def _group_infos(self, subscriber_id: SubscriberId) -> list[signalling.GroupInfo]:
        return [group_info(membership) for membership in await self._door.memberships.of(subscriber_id)]

    async def _logout(self, session: Session, request: signalling.Logout) -> None:
        await self._door.attendance.log_out(session)
        self._post(signalling.Done(re=request.id))
        self._link.close(CLOSE_LOGGED_OUT, "logged out")

    async def _list_groups(self, session: Session, request: signalling.ListGroups) -> None:
        self._post(signalling.Groups(re=request.id, groups=await self._group_infos(session.identity.subscriber_id)))

    async def _affiliate(self, session: Session, request: signalling.Affiliate) -> None:
        def tell(affiliation: Affiliation) -> None:
            self._tell(session, signalling.Affiliated(re=request.id, affiliation=self._affiliation(affiliation)))

        await self._door.attendance.affiliate(session, GroupId(request.group), tell)

    def _affiliation(self, affiliation: Affiliation) -> signalling.Affiliation:
        return affiliation_message(affiliation, self._door.talk, self._door.rosters.roster(affiliation))

    async def _deaffiliate(self, session: Session, request: signalling.Deaffiliate) -> None:
        affiliation = session.affiliations.get(GroupId(request.group))
        if affiliation is None:
            raise NotFound
        self._door.attendance.deaffiliate(affiliation)
        self._post(signalling.Done(re=request.id))

    async def _list_presence(self, session: Session, request: signalling.ListPresence) -> None:
        group_id = GroupId(request.group)
        if await self._door.memberships.place(session, group_id) is None:
            raise NotFound
        self._tell(session, await self._door.rosters.presence(session, group_id, request.id))

    async def _set_media_path(self, session: Session, request: signalling.SetMediaPath) -> None:
        via_udp = request.via == "udp"
        if via_udp and session.address is None:
            raise OutOfOrder("No authenticated datagram of this session has come by UDP yet.")
        if via_udp != session.via_udp:
            session.via_udp = via_udp
            for affiliation in session.affiliations.values():
                self._door.talk.channel(affiliation.group_id).path_changed(session)
        self._post(signalling.Done(re=request.id))

    async def _ping(self, session: Session, request: signalling.Ping) -> None:
        self._post(signalling.Pong(re=request.id))


_Entrance = Callable[[Connection, Any], Awaitable[None]]
_Handler = Callable[[Connection, Session, Any], Awaitable[None]]

_ENTRANCES: dict[type[signalling.Request], _Entrance] = {
    signalling.Enroll: Connection._enroll,
    signalling.Login: Connection._login,
    signalling.LoginConsole: Connection._login_console,
    signalling.Resume: Connection._resume,
}
_REQUESTS: dict[type[signalling.Request], _Handler] = {
    signalling.Logout: Connection._logout,
    signalling.ListGroups: Connection._list_groups,
    signalling.Affiliate: Connection._affiliate,
    signalling.Deaffiliate: Connection._deaffiliate,
    signalling.ListPresence: Connection._list_presence,
    signalling.SetMediaPath: Connection._set_media_path,
    signalling.Ping: Connection._ping,
}
