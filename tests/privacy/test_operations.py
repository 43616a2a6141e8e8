"""The table of operations: every request has a row, and every cell of operation x role x scope x switch is walked."""

from itertools import product

import pytest

from pttserver.privacy.operations import OPERATIONS, SWITCHES, Operation, Switch, alerts_allowed, refusal
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.roles import Rights, Role, Scope
from pttserver.wire.signalling import REQUESTS

HEAD = '[policy]\ntitle = "t"\nversion = "1"\n'
BEFORE_LOGIN = {"hello", "enroll", "login", "login.console", "resume"}
CELLS = list(product(sorted(OPERATIONS), Role))


def policy(*, granted: list[str], switches_are_on: bool = True) -> Policy:
    scopes = f"dispatcher = {granted}\nmanager = {granted}\n".replace("'", '"')
    on = str(switches_are_on).lower()
    return parse_policy(
        f"{HEAD}[roles]\n{scopes}[alerts]\nenabled = {on}\nambient_listening = {on}\n[messages]\nenabled = {on}\n"
        f'[location]\nenabled = {on}\n[categories.location]\nlegal_basis = "contract"\n'
    )


EVERYTHING = policy(granted=[scope.value for scope in Scope])
NO_SCOPE = policy(granted=[])
ALL_OFF = policy(granted=[scope.value for scope in Scope], switches_are_on=False)


def test_every_request_after_the_login_has_a_row_and_no_row_is_left_over() -> None:
    assert OPERATIONS.keys() == REQUESTS.keys() - BEFORE_LOGIN


@pytest.mark.parametrize(("kind", "role"), CELLS)
def test_a_cell(kind: str, role: Role) -> None:
    operation, rights = OPERATIONS[kind], Rights(role)
    everybody = Role.SUBSCRIBER in operation.roles
    expected = None if role in operation.roles else "role"
    assert refusal(EVERYTHING, rights, operation) == expected
    without_scope = expected or (None if everybody else "scope")
    assert refusal(NO_SCOPE, rights, operation) == without_scope
    switched = expected or ("switch" if operation.switch else None)
    assert refusal(ALL_OFF, rights, operation) == switched
    refused_tenant = without_scope or ("switch" if operation.switch else None)
    assert refusal(None, rights, operation) == refused_tenant


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.MANAGER])
@pytest.mark.parametrize("scope", list(Scope))
def test_each_scope_is_granted_by_itself(role: Role, scope: Scope) -> None:
    rights, granted = Rights(role), policy(granted=[scope.value])
    for other in Scope:
        operation = Operation(other, frozenset({role}))
        assert refusal(granted, rights, operation) == (None if other is scope else "scope")


@pytest.mark.parametrize("own", [None, True, False])
@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_alerts_are_allowed_by_the_subscribers_own_setting_then_by_the_policys(
    own: bool | None, by_default: bool, enabled: bool
) -> None:
    text = f"[alerts]\nenabled = {str(enabled).lower()}\nallowed_by_default = {str(by_default).lower()}\n"
    allowed = alerts_allowed(parse_policy(HEAD + text), Rights(alerts_allowed=own))
    assert allowed is (enabled and (by_default if own is None else own))


def test_who_names_positions_for_another_purpose_than_operations_has_no_locating() -> None:
    located = f"{HEAD}[location]\nenabled = true\n[categories.location]\nlegal_basis = 'contract'\n"
    for_safety = parse_policy(f"{located}purpose = ['safety']\n")
    for policy, is_on in ((parse_policy(located), True), (for_safety, False)):
        assert policy.locates is is_on
        assert SWITCHES[Switch.LOCATION].is_on(policy, Rights()) is is_on


def test_every_switch_says_what_is_off() -> None:
    assert SWITCHES.keys() == set(Switch)
    assert all(position.otherwise.endswith(".") for position in SWITCHES.values())
