"""What a subscriber is known by, set and put right: each value by its name, through the gate, all or nothing.

Contact data have fixed names; every other field is one that the tenant's policy declares (`[extra.NAME]`).
"""

from collections.abc import Mapping
from typing import Final

from pttserver.errors import InvalidValue
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services import naming
from pttserver.store.profiles import NewIdentifier, ProfileChange

CONTACT: Final = ("email", "phone", "address", "country")
IDENTIFIER, DISPLAY_NAME = "identifier", "display_name"


def change_of(gate: Gate, subject_id: str, values: Mapping[str, str], at_ms: int) -> ProfileChange:
    """`values` by name; an empty text takes the value away. Raises InvalidValue: nothing is left out in silence."""
    if not values:
        raise InvalidValue("say what to set: NAME=VALUE")
    return ProfileChange(
        at_ms=at_ms,
        identifier=_identifier(gate, subject_id, values[IDENTIFIER]) if IDENTIFIER in values else None,
        renames=DISPLAY_NAME in values,
        display_name=_name(gate, subject_id, values.get(DISPLAY_NAME, "")),
        fields={
            name: field_value(gate, subject_id, name, text)
            for name, text in values.items()
            if name not in (IDENTIFIER, DISPLAY_NAME)
        },
    )


def field_value(gate: Gate, subject_id: str, name: str, text: str) -> Released | None:
    """None: taken away. Raises InvalidValue for what is no field of this tenant, or what its policy does not keep."""
    value = Personal(naming.remark(text, f"the field {name}")) if text.strip() else None
    if name not in CONTACT and name not in gate.policy.extra:
        raise InvalidValue(f"{name} is no field here; there are: {', '.join(known_fields(gate))}")
    if value is None:
        return None
    return _kept(release_field(gate, subject_id, name, value), name)


def release_field(gate: Gate, subject_id: str, name: str, value: Personal) -> Released | None:
    """None: the policy does not keep it."""
    category = Category.CONTACT_DATA if name in CONTACT else Category.EXTRA
    extra = "" if category is Category.CONTACT_DATA else name
    if extra and extra not in gate.policy.extra:
        return None
    return gate.release(category, purpose_of(gate, category, extra), subject_id, value, extra=extra)


def purpose_of(gate: Gate, category: Category, extra: str = "") -> Purpose:
    """The first that the policy names for it, since an operator sets the field for whatever it is declared for."""
    return min(gate.policy.rule(category, extra).purposes, default=Purpose.OPERATIONS)


def known_fields(gate: Gate) -> list[str]:
    return [IDENTIFIER, DISPLAY_NAME, *CONTACT, *gate.policy.extra]


def _name(gate: Gate, subject_id: str, text: str) -> Released | None:
    name = naming.personal_name(text, "the display name")
    if name is None:
        return None
    return _kept(gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, subject_id, name), DISPLAY_NAME)


def _identifier(gate: Gate, subject_id: str, text: str) -> NewIdentifier:
    known_as, kind = naming.identifier(text)
    released = gate.release(Category.IDENTIFIER, Purpose.SERVICE, subject_id, known_as)
    return NewIdentifier(_kept(released, IDENTIFIER), kind)


def _kept(released: Released | None, name: str) -> Released:
    if released is None:
        raise InvalidValue(f"the policy of the tenant does not keep {name}")
    return released
