"""Devices controlled from afar: logged out, disabled (stunned), enabled, wiped. Each act has a reason, and is audited.

What takes a right away is written first, with its entry in the audit log, then the session ends; should the server die
in between, the right is gone all the same. A device that is wiped is revoked in that transaction; it is told to delete
its keys at once (`Attendance.wipe`), or when it next shows its key.
"""

import asyncio
from collections.abc import Callable, Sequence

from pttserver.clock import Clock
from pttserver.errors import Forbidden, NotFound
from pttserver.ids import DeviceId
from pttserver.roles import Role
from pttserver.services.acts import Acts
from pttserver.services.attendance import Attendance, EndReason
from pttserver.services.desk import Handlers
from pttserver.services.telling import Telling
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.store.audit_chain import AuditNote
from pttserver.store.remote import ControlledDevice, RemoteDevices
from pttserver.wire import signalling


class RemoteControl:
    """Serves `device.logout`, `device.stun`, `device.enable`, `device.wipe`, `device.wiped`.

    Who is named is a device, or a subscriber for all its devices; another organisation's is as unknown as none.
    """

    def __init__(
        self,
        devices: RemoteDevices,
        sessions: SessionRegistry,
        attendance: Attendance,
        telling: Telling,
        acts: Acts,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._sessions = sessions
        self._attendance = attendance
        self._telling = telling
        self._acts = acts
        self._clock = clock
        self.on_controlled: list[Callable[[DeviceId], None]] = []
        """Called when a device was logged out, disabled or wiped."""

    def handlers(self) -> Handlers:
        return {
            signalling.LogOutDevice: self._log_out,
            signalling.DisableDevice: self._disable,
            signalling.EnableDevice: self._enable,
            signalling.WipeDevice: self._wipe,
            signalling.DeviceWiped: self._wiped,
        }

    async def _log_out(self, session: Session, request: signalling.LogOutDevice) -> signalling.Reply:
        devices = await self._named(session, request.who)
        note = self._note(session, "device.logout", devices, request.reason)
        await self._devices.forget_tokens(_numbers(devices), note)
        self._end_sessions(session, devices, "logged_out")
        return signalling.Done(re=request.id)

    async def _disable(self, session: Session, request: signalling.DisableDevice) -> signalling.Reply:
        devices = await self._named(session, request.who)
        note = self._note(session, "device.stun", devices, request.reason)
        await self._devices.stun(_numbers(devices), self._clock.utc_ms(), note)
        self._end_sessions(session, devices, "disabled")
        return signalling.Done(re=request.id)

    async def _enable(self, session: Session, request: signalling.EnableDevice) -> signalling.Reply:
        devices = await self._named(session, request.who)
        note = self._note(session, "device.enable", devices, request.reason)
        await self._devices.enable(_numbers(devices), note)
        for device in devices:
            self._tell(session, device, "enabled")
        return signalling.Done(re=request.id)

    async def _wipe(self, session: Session, request: signalling.WipeDevice) -> signalling.Reply:
        devices = await self._named(session, request.who)
        note = self._note(session, "device.wipe", devices, request.reason)
        await self._devices.wipe(_numbers(devices), self._clock.utc_ms(), note)
        for device in devices:
            self._tell(session, device, "wiped", confirmed=False)
            target = self._session(device)
            if target is not None:
                self._attendance.wipe(target)
            self._is_controlled(device)
        return signalling.Done(re=request.id)

    async def _wiped(self, session: Session, request: signalling.DeviceWiped) -> signalling.Reply:
        """The device says that its keys are gone. Raises NotFound: nobody has told it to delete them."""
        if not session.wiping:
            raise NotFound
        who = session.identity
        await self._acts.record(session, "device.wiped", "told by the device", who.subscriber_id, devices=who.device_id)
        device = ControlledDevice(who.device_id, who.subscriber_id, who.rights.role)
        self._tell(session, device, "wiped", confirmed=True)
        asyncio.get_running_loop().call_soon(self._attendance.end, session, "revoked")  # after the answer
        return signalling.Done(re=request.id)

    async def _named(self, session: Session, who: str) -> Sequence[ControlledDevice]:
        """Devices that are not revoked. Raises NotFound: none, or another organisation's; Forbidden: a manager's."""
        found = await self._devices.named(session.identity.tenant_id, who)
        if not found:
            raise NotFound
        above = session.identity.rights.role is not Role.MANAGER and found[0].owner_role is Role.MANAGER
        if above:
            raise Forbidden("Devices of managers are controlled by managers.")
        return found

    def _note(self, session: Session, operation: str, devices: Sequence[ControlledDevice], reason: str) -> AuditNote:
        about = devices[0].subscriber_id  # one device, or those of one subscriber
        return self._acts.note(session, operation, reason, about, devices=",".join(_numbers(devices)))

    def _session(self, device: ControlledDevice) -> Session | None:
        session = self._sessions.of_subscriber(device.subscriber_id)
        return session if session is not None and session.identity.device_id == device.device_id else None

    def _end_sessions(self, by: Session, devices: Sequence[ControlledDevice], state: EndReason) -> None:
        for device in devices:
            target = self._session(device)
            if target is not None:
                self._attendance.end(target, state)
            self._is_controlled(device)
            self._tell(by, device, state)

    def _is_controlled(self, device: ControlledDevice) -> None:
        for listener in self.on_controlled:
            listener(device.device_id)

    def _tell(
        self,
        by: Session,
        device: ControlledDevice,
        state: str,
        confirmed: bool | None = None,
    ) -> None:
        """To all dispatchers of the organisation, who did it too."""
        event = signalling.DeviceChanged.model_validate(
            {
                "device": device.device_id,
                "subscriber": device.subscriber_id,
                "state": state,
                "confirmed": confirmed,
            }
        )
        self._telling.tell_dispatchers(by.identity.tenant_id, event)


def _numbers(devices: Sequence[ControlledDevice]) -> list[DeviceId]:
    return [device.device_id for device in devices]
