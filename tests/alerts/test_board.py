"""Which alert is which: by id, by raiser, after its end; who may claim an emergency, and where."""

from pttserver.alerts.alert import Alert, AlertRules
from pttserver.alerts.audience import Audience
from pttserver.alerts.board import REMEMBERED_CLOSED, Board
from pttserver.alerts.emergency import EmergencyGroups
from pttserver.alerts.states import At, StepKind
from pttserver.ids import AlertId, GroupId, Personal, SubscriberId
from pttserver.roles import Role

ANNA, BERT = SubscriberId("sub_anna"), SubscriberId("sub_bert")
PATROL, FIRE = GroupId("grp_patrol"), GroupId("grp_fire")
NOW = At(0, 1)


def alert(number: int, raiser: SubscriberId = ANNA, within_s: float = 30) -> Alert:
    made = Alert(AlertId(f"alr_{number:016x}"), raiser, AlertRules(within_s))
    made.open(NOW)
    return made


def closed(number: int) -> Alert:
    over = alert(number)
    over.end(NOW, ANNA, StepKind.CANCELLED, Personal(""))
    return over


def test_an_open_alert_is_found_by_id_and_by_raiser() -> None:
    board, annas = Board(), alert(1)
    board.put(annas)
    assert board.known(annas.alert_id) is annas
    assert board.open_of(ANNA) is annas
    assert board.open_of(BERT) is None
    assert list(board) == [annas]


def test_a_closed_alert_is_known_by_its_id_only() -> None:
    board, annas = Board(), alert(1)
    board.put(annas)
    annas.end(NOW, ANNA, StepKind.CANCELLED, Personal(""))
    board.close(annas)
    assert board.known(annas.alert_id) is annas
    assert board.open_of(ANNA) is None
    assert len(board) == 0
    board.put(alert(2))
    assert board.open_of(ANNA) is not None


def test_memory_of_closed_alerts_is_bounded() -> None:
    board = Board()
    for number in range(REMEMBERED_CLOSED + 5):
        board.put(closed(number))
    assert board.known(AlertId(f"alr_{4:016x}")) is None
    assert board.known(AlertId(f"alr_{5:016x}")) is not None


def test_the_earliest_deadline_counts() -> None:
    board = Board()
    assert board.next_deadline() is None
    board.put(alert(1, within_s=30))
    board.put(alert(2, BERT, within_s=20))
    assert board.next_deadline() == 20


def test_an_audience_is_people_by_role_by_name_or_all() -> None:
    control = Audience(roles=frozenset({Role.DISPATCHER}))
    both = control | Audience(members=frozenset({BERT}))
    assert control.includes(ANNA, Role.DISPATCHER)
    assert not control.includes(BERT, Role.SUBSCRIBER)
    assert both.includes(BERT, Role.SUBSCRIBER)
    assert not both.includes(ANNA, Role.MANAGER)
    assert (both | Audience(everybody=True)).includes(ANNA, Role.SUBSCRIBER)
    assert not Audience().includes(ANNA, Role.DISPATCHER)


def test_only_who_has_an_alert_open_may_claim_an_emergency() -> None:
    emergencies = EmergencyGroups()
    emergencies.begin(ANNA, shown=True)
    assert emergencies.may_claim(ANNA)
    assert not emergencies.may_claim(BERT)
    emergencies.end(ANNA)
    assert not emergencies.may_claim(ANNA)


def test_a_group_is_in_emergency_until_the_last_alert_in_it_is_over() -> None:
    emergencies = EmergencyGroups()
    emergencies.begin(ANNA, shown=True)
    assert emergencies.join(ANNA, PATROL)
    assert not emergencies.join(ANNA, PATROL)
    assert not emergencies.join(BERT, FIRE)
    emergencies.begin(BERT, shown=True)
    assert not emergencies.join(BERT, PATROL)
    assert emergencies.join(BERT, FIRE)
    assert emergencies.end(ANNA) == set()
    assert PATROL in emergencies
    assert emergencies.end(BERT) == {PATROL, FIRE}
    assert PATROL not in emergencies


def test_where_the_policy_says_so_no_group_is_in_emergency() -> None:
    emergencies = EmergencyGroups()
    emergencies.begin(ANNA, shown=False)
    assert not emergencies.join(ANNA, PATROL)
    assert PATROL not in emergencies
    assert emergencies.may_claim(ANNA)
    assert emergencies.end(ANNA) == set()
