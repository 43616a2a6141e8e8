"""A small organisation on its way into the store: what the gate lets through, with keys of its own."""

from pttserver.crypto.sealing import MasterKey
from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.store.enrolment import NewKey
from pttserver.store.policies import PolicyVersion
from pttserver.store.records import IdentifierKind, NewDevice, NewSubscriber
from pttserver.store.vault import Vault

MASTER = MasterKey.draw()
VAULT = Vault(lambda: [MASTER])
POLICY = """
[policy]
title = "Everything"
version = "1"
"""
GATE = Gate(parse_policy(POLICY))
CODE_HASH = b"c" * 32
PUBLIC_KEY = b"k" * 32
TENANT, GROUP, RADIO = TenantId("ten_1"), GroupId("grp_1"), DeviceId("dev_1")
ANNA, BERT = SubscriberId("sub_anna"), SubscriberId("sub_bert")


def credential(subscriber_id, value):
    """A PIN hash or a key, as the gate lets it through."""
    return GATE.release(Category.CREDENTIAL, Purpose.SECURITY, subscriber_id, value)


def subscriber(subscriber_id, identifier, name=None, tenant_id=TENANT):
    """On its way in."""
    shown = GATE.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, subscriber_id, Personal(name)) if name else None
    return NewSubscriber(
        subscriber_id=subscriber_id,
        tenant_id=tenant_id,
        identifier=GATE.release(Category.IDENTIFIER, Purpose.SERVICE, subscriber_id, Personal(identifier)),
        identifier_kind=IdentifierKind.PHONE if identifier.startswith("+") else IdentifierKind.CUSTOM,
        display_name=shown,
        pin_hash=credential(subscriber_id, "hash of 4711"),
        created_ms=3,
    )


def device(device_id, subscriber_id, label=None, tenant_id=TENANT):
    """On its way in."""
    name = GATE.release(Category.NICKNAME, Purpose.SERVICE, subscriber_id, Personal(label)) if label else None
    return NewDevice(device_id, tenant_id, subscriber_id, name, 4)


def first_policy(tenant_id):
    return PolicyVersion(tenant_id, POLICY, GATE.policy.digest, (), None, None, 1, published=True)


def new_key(public_key=PUBLIC_KEY, device_type="ptt cli"):
    """What `Enrolments.claim` asks for when it knows whose device it is."""

    def release(_tenant_id, subscriber_id):
        kind = GATE.release(Category.DEVICE_TYPE, Purpose.SERVICE, subscriber_id, Personal(device_type))
        return NewKey(credential(subscriber_id, public_key), kind)

    return release
