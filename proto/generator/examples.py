"""One example of every message, as typed values: together they are one story, told in walkthrough.md."""

from collections.abc import Mapping

from generator import fixed, message_examples
from pttserver.crypto.device_keys import Purpose, origin_digest, proof
from pttserver.crypto.srtp import SrtpKey
from pttserver.wire import signalling as s

_INFO = s.GroupInfo(group=fixed.GROUP, name="Patrol", priority=100, listen_only=False)
_BERT = s.Participant(subscriber=fixed.BERT, name="Bert Bär")
_ANNA = s.Participant(subscriber=fixed.ANNA, name="Anna")


def signed(purpose: Purpose, credential: str, digest: bytes = fixed.CERTIFICATE_DIGEST) -> bytes:
    """The octets that the device signs on this connection."""
    return proof(purpose, s.PROTOCOL_VERSION, fixed.CHALLENGE, digest, credential)


def _signature(purpose: Purpose, credential: str, digest: bytes = fixed.CERTIFICATE_DIGEST) -> bytes:
    return fixed.DEVICE_KEY.sign(signed(purpose, credential, digest))


def _keys(key: SrtpKey) -> s.SrtpKeys:
    return s.SrtpKeys(key=key.key, salt=key.salt)


def _epoch(number: int, key: SrtpKey) -> s.Epoch:
    return s.Epoch(number=number, key=key.key, salt=key.salt)


_AFFILIATION = s.Affiliation(
    group=fixed.GROUP,
    name="Patrol",
    priority=100,
    listen_only=False,
    ssrc=fixed.AFFILIATION_SSRC,
    control_ssrc=fixed.CONTROL_SSRC,
    epoch=_epoch(1, fixed.EPOCH_1),
    roster=s.Roster(count=2, participants=[_BERT, _ANNA]),
)

_POSITION = s.Position(
    latitude=55.6761, longitude=12.5683, accuracy_m=8.0, at_ms=1_790_000_000_000, speed_mps=1.4, heading_deg=270.0
)
_ALERT = s.AlertInfo(
    alert=fixed.ALERT,
    subscriber=fixed.ANNA,
    name="Anna",
    raised_ms=1_790_000_000_250,
    state="acknowledged",
    drill=False,
    position=_POSITION,
)
_STEPS = [
    s.AlertStep(number=1, kind="raised", at_ms=1_790_000_000_250, by=fixed.ANNA, name="Anna"),
    s.AlertStep(number=2, kind="acknowledged", at_ms=1_790_000_004_500, by=fixed.BERT, name="Bert Bär"),
]
_MARK = s.AlertMark(alert=fixed.ALERT, raised_ms=1_790_000_000_250)
_PAST = s.PastAlert(
    info=_ALERT.model_copy(update={"state": "resolved", "position": None, "handler": None}), closed_ms=1_790_000_060_000
)

_END = s.AlertStep(number=3, kind="resolved", at_ms=1_790_000_060_000, by=fixed.BERT, name="Bert Bär")

_LOCATION = s.LocationTerms(
    state="on",
    interval_s=60,
    precision_m=0,
    stored=False,
    may_switch_off=True,
    sos=False,
    sos_interval_s=5,
    on_since_ms=1_789_990_000_000,
)
_RECORDING = s.RecordingTerms(allowed=False, on_alert=False, keep_s=2_592_000)
_TERMS = s.Terms(role="subscriber", alerts=True, listen_in_s=0, location=_LOCATION, recording=_RECORDING)
_CIRCLE = s.CircleShape(center=s.Point(latitude=55.6761, longitude=12.5683), radius_m=150.0)

_SESSION = s.SessionStarted(
    re=3,
    session=fixed.SESSION,
    resumed=False,
    subscriber=fixed.ANNA,
    name="Anna",
    ssrc=fixed.SESSION_SSRC,
    server_ssrc=fixed.SERVER_SSRC,
    uplink=_keys(fixed.UPLINK),
    downlink=_keys(fixed.DOWNLINK),
    media=s.MediaEndpoint(host="", port=8443),
    keepalive_interval_s=15.0,
    dead_after_s=60.0,
    resume_token=fixed.TOKEN,
    resume_lifetime_s=43200.0,
    groups=[_INFO],
    terms=_TERMS,
    affiliations=[],
)

SESSION_RESUMED = _SESSION.model_copy(
    update={
        "re": 2,
        "resumed": True,
        "uplink": None,
        "downlink": None,
        "resume_token": None,
        "resume_lifetime_s": None,
        "affiliations": [_AFFILIATION.model_copy(update={"epoch": _epoch(2, fixed.EPOCH_2)})],
    }
)
VERSION_REFUSED = s.Error(
    re=1,
    code="protocol.version",
    message="The server does not speak this version of the protocol.",
    details={"versions_served": [1]},
)

_TEMPORARY = s.GroupInfo(group=fixed.TEMPORARY_GROUP, name="Search", priority=100, listen_only=False)
_PARTY = s.Party(subscriber=fixed.BERT, name="Bert Bär")
_ONLINE = s.OnlineSubscriber(
    subscriber=fixed.BERT,
    name="Bert Bär",
    role="subscriber",
    device=fixed.DEVICE,
    device_type="example radio",
    connected=True,
    via="udp",
    fraction_lost=0.0078125,
    jitter_ms=4.5,
)
_STATE = s.GroupState(
    group=fixed.GROUP, name="Patrol", temporary=False, affiliated=2, talker=_PARTY, waiting=0, imminent_peril=False
)
_REASON = "shift change"

_REQUESTS: list[s.Message] = [
    s.Hello(id=1, protocol=1, client="example/1.0"),
    s.Enroll(
        id=2,
        code=fixed.CODE,
        public_key=fixed.DEVICE_KEY.public_key().public_bytes_raw(),
        device_type="example radio",
        signature=_signature("enroll", fixed.CODE),
    ),
    s.Login(id=3, device=fixed.DEVICE, pin=fixed.PIN, signature=_signature("login", fixed.DEVICE)),
    s.LoginConsole(id=3, device=fixed.DEVICE, signature=_signature("login", fixed.DEVICE, origin_digest(fixed.ORIGIN))),
    s.Resume(
        id=2,
        device=fixed.DEVICE,
        token=fixed.TOKEN,
        signature=_signature("resume", fixed.DEVICE),
        session=fixed.SESSION,
    ),
    s.Logout(id=9),
    s.ListGroups(id=7),
    s.Affiliate(id=4, group=fixed.GROUP),
    s.Deaffiliate(id=8, group=fixed.GROUP),
    s.ListPresence(id=10, group=fixed.GROUP),
    s.SetMediaPath(id=5, via="udp"),
    s.Ping(id=6),
    s.LocationReport(id=11, positions=[_POSITION]),
    s.LocationSwitch(id=12, on=False),
    s.LocationLooks(id=13),
    s.LocationRequest(id=14, subscriber=fixed.ANNA),
    s.LocationLast(id=15, subscriber=fixed.ANNA),
    s.LocationHistory(id=16, subscriber=fixed.ANNA, from_ms=1_789_990_000_000, until_ms=1_790_000_000_000),
    s.LocationWatch(id=17, group=fixed.GROUP),
    s.LocationUnwatch(id=18),
    s.LocationGroup(id=49, name="Quay", shape=_CIRCLE, reason="fire at the quay"),
    s.PutFence(id=19, name="Yard", shape=_CIRCLE, dwell_s=600),
    s.RemoveFence(id=20, fence=fixed.FENCE),
    s.ListFences(id=21),
    s.PrivateCall(id=20, to=fixed.BERT, duplex=True, priority=120),
    s.FirstToAnswer(id=21, to=[fixed.BERT, fixed.ANNA]),
    s.BroadcastCall(id=22, group=fixed.GROUP),
    s.AnswerCall(id=23, call=fixed.CALL),
    s.RejectCall(id=24, call=fixed.CALL),
    s.EndCall(id=25, call=fixed.CALL),
    s.CallAlert(id=26, to=fixed.BERT),
    s.AcknowledgeCallAlert(id=27, of=fixed.ANNA),
    s.SetPeril(id=28, group=fixed.GROUP, on=True),
    s.GetOverview(id=29),
    s.Watch(id=30, on=True),
    s.RevokeFloor(id=31, group=fixed.GROUP, reason=_REASON),
    s.LogOutDevice(id=32, who=fixed.BERT, reason=_REASON),
    s.DisableDevice(id=33, who=fixed.DEVICE, reason="lost at the station"),
    s.EnableDevice(id=34, who=fixed.DEVICE, reason="found"),
    s.WipeDevice(id=35, who=fixed.DEVICE, reason="stolen"),
    s.DeviceWiped(id=36),
    s.Regroup(
        id=37, subscriber=fixed.BERT, add=[s.Seat(group=fixed.OTHER_GROUP)], remove=[fixed.GROUP], reason=_REASON
    ),
    s.MakeGroup(id=38, name="Search", members=[fixed.BERT], reason="missing child"),
    s.DissolveGroup(id=39, group=fixed.TEMPORARY_GROUP, reason="found"),
    s.RaiseAlert(id=20, alert=fixed.ALERT, position=_POSITION),
    s.ConfirmAlert(id=21, alert=fixed.ALERT),
    s.AcknowledgeAlert(id=22, alert=fixed.ALERT),
    s.HandleAlert(id=23, alert=fixed.ALERT),
    s.NoteAlert(id=29, alert=fixed.ALERT, note="a car is on its way"),
    s.ResolveAlert(id=24, alert=fixed.ALERT, outcome="resolved", note="taken to hospital"),
    s.CancelAlert(id=25, alert=fixed.ALERT, reason="pressed by mistake"),
    s.ReportAlertPosition(id=27, alert=fixed.ALERT, position=_POSITION),
    s.ListAlerts(id=26),
    s.ListPastAlerts(id=40, before=_MARK, limit=20),
    s.DebriefAlert(id=41, alert=fixed.ALERT),
    s.ListenToAlert(id=27, alert=fixed.ALERT, reason="no answer to our calls", for_s=60),
    s.StopListening(id=28, alert=fixed.ALERT),
    *message_examples.REQUESTS,
]
_SERVER_MESSAGES: list[s.Message] = [
    s.Welcome(re=1, protocol=1, challenge=fixed.CHALLENGE, server="pttserver/0.1.0"),
    s.Enrolled(
        re=2,
        device=fixed.DEVICE,
        subscriber=fixed.ANNA,
        tenant=fixed.TENANT,
        tenant_name="ACME",
        name="Anna",
    ),
    _SESSION,
    s.Groups(re=7, groups=[_INFO, s.GroupInfo(group=fixed.OTHER_GROUP, name="All", priority=0, listen_only=True)]),
    s.Affiliated(re=4, affiliation=_AFFILIATION),
    s.PresenceList(
        re=10,
        group=fixed.GROUP,
        affiliated=1,
        online=2,
        members=2,
        listed=[
            s.MemberPresence(subscriber=fixed.ANNA, name="Anna", presence="affiliated"),
            s.MemberPresence(subscriber=fixed.BERT, name="Bert Bär", presence="online"),
        ],
    ),
    s.Done(re=5),
    s.Pong(re=6),
    s.Error(
        re=3,
        code="auth.throttled",
        message="Too many attempts; wait, then try again.",
        details={"retry_after_s": 5.9},
    ),
    s.GroupEpoch(group=fixed.GROUP, epoch=_epoch(2, fixed.EPOCH_2)),
    s.GroupRoster(group=fixed.GROUP, count=1, left=[fixed.BERT]),
    s.TermsChanged(terms=_TERMS.model_copy(update={"role": "dispatcher"})),
    s.AlertAccepted(re=20, alert=fixed.ALERT, state="raised"),
    s.Alerts(re=26, alerts=[s.AlertDetail(info=_ALERT, steps=_STEPS)]),
    s.PastAlerts(re=40, alerts=[_PAST], further=_MARK),
    s.AlertDebriefing(
        re=41,
        past=_PAST,
        steps=[
            *_STEPS,
            s.AlertStep(number=3, kind="resolved", at_ms=1_790_000_060_000, by=fixed.BERT, name="Bert Bär"),
        ],
        place=s.Point(latitude=55.6761, longitude=12.5683),
        track=[s.TrackPoint(latitude=55.6761, longitude=12.5683, at_ms=1_790_000_005_000)],
    ),
    s.AlertRaised(info=_ALERT.model_copy(update={"state": "raised"})),
    s.AlertMoved(alert=fixed.ALERT, position=_POSITION),
    s.AlertStepped(alert=fixed.ALERT, state="acknowledged", step=_STEPS[1]),
    s.AlertListening(re=27, alert=fixed.ALERT, group=fixed.GROUP, at_most_s=60),
    s.AlertMicrophone(alert=fixed.ALERT, group=fixed.GROUP, open=True, shown=True, listeners=[_PARTY], at_most_s=60),
    s.GroupEmergency(group=fixed.GROUP, on=True),
    s.GroupRights(group=fixed.GROUP, priority=120, listen_only=True),
    s.GroupRemoved(group=fixed.GROUP),
    s.SessionSuperseded(device_type="example radio", at_ms=1_790_000_000_000),
    s.SessionEnded(reason="expired"),
    s.LocationTaken(re=11, accepted=1, dropped={}),
    s.LocationLooked(re=13, looks=[s.Look(at_ms=1_790_000_000_000, what="last", who="Dora")]),
    s.LocationRequested(re=14, request=fixed.LOCATION_REQUEST),
    s.LocationLastKnown(re=15, subscriber=fixed.ANNA, position=_POSITION, age_s=12),
    s.LocationTrack(re=16, subscriber=fixed.ANNA, positions=[_POSITION]),
    s.FenceKept(re=19, fence=fixed.FENCE),
    s.Fences(re=21, fences=[s.Fence(fence=fixed.FENCE, name="Yard", shape=_CIRCLE, dwell_s=600)], further=False),
    s.LocationWanted(request=fixed.LOCATION_REQUEST),
    s.LocationPosition(subscriber=fixed.ANNA, name="Anna", position=_POSITION, request=fixed.LOCATION_REQUEST),
    s.LocationGone(subscriber=fixed.ANNA),
    s.FenceEvent(
        fence=fixed.FENCE,
        fence_name="Yard",
        subscriber=fixed.ANNA,
        name="Anna",
        event="entered",
        at_ms=1_790_000_000_000,
    ),
    s.CallStarted(re=20, call=fixed.CALL, ring_timeout_s=30.0),
    s.CallAlertSent(re=26, delivered=True),
    s.CallInvited(call=fixed.CALL, kind="private", by=_PARTY, duplex=True, priority=120, ring_timeout_s=30.0),
    s.CallConnected(
        call=fixed.CALL,
        kind="private",
        duplex=True,
        party=_PARTY,
        talk=fixed.TEMPORARY_GROUP,
        listen=fixed.OTHER_GROUP,
    ),
    s.CallEnded(call=fixed.CALL, reason="ended"),
    s.CallAlerted(by=_PARTY, at_ms=1_790_000_000_000),
    s.CallAlertAcknowledged(by=_PARTY),
    s.GroupAdded(group=_TEMPORARY, temporary=True),
    s.GroupCondition(group=fixed.GROUP, imminent_peril=True),
    s.Overview(re=29, people=[_ONLINE], groups=[_STATE], online=1, last=True),
    s.GroupMade(re=38, group=fixed.TEMPORARY_GROUP),
    s.DispatchChanged(people=[_ONLINE], groups=[_STATE]),
    s.WipeOrdered(),
    s.DeviceChanged(device=fixed.DEVICE, subscriber=fixed.BERT, state="wiped", confirmed=True),
    *message_examples.SERVER_MESSAGES,
]


def _by_type(messages: list[s.Message]) -> Mapping[str, s.Message]:
    return {type(message).model_fields["type"].default: message for message in messages}


REQUESTS = _by_type(_REQUESTS)
SERVER_MESSAGES = _by_type(_SERVER_MESSAGES)
VARIANTS: list[s.Message] = [
    SESSION_RESUMED,
    VERSION_REFUSED,
    s.GroupRoster(group=fixed.GROUP, count=2, joined=[_BERT]),
    s.GroupRoster(group=fixed.GROUP, count=120),
    s.GroupRemoved(group=fixed.TEMPORARY_GROUP, reason="dissolved"),
    s.CallConnected(call=fixed.CALL, kind="broadcast", duplex=False, talk=fixed.TEMPORARY_GROUP),
    s.DispatchChanged(gone=[fixed.BERT]),
    s.DispatchChanged(dissolved=[fixed.TEMPORARY_GROUP]),
]
"""Other forms of messages of the server."""
