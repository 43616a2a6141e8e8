"""The tables by which the data of people are governed: keys, policies, events, holds, sweeps, the audit log.

Nothing here names a person, but by the identifier of a subject, which ends with its key. Who acts for the tenant is
sealed under a subject that the tenant has for itself, whose identifier is the tenant's. What is written of somebody
(reasons, remarks) is sealed under that person's key: it dies with the person, in every copy.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from pttserver.privacy.categories import Category
from pttserver.store import reasons
from pttserver.store.columns import (
    Lasting,
    dated,
    identity,
    impersonal,
    lifecycle,
    lifecycle_moment,
    moment,
    part_of,
    reference,
    sealed,
)
from pttserver.store.schema import metadata

tenant_keys = Table(
    "tenant_keys",
    metadata,
    part_of("tenants", primary_key=True),
    impersonal("master_id", Text),
    impersonal("wrapped", LargeBinary),
)

# A data subject: a subscriber, somebody without an account, or the tenant itself. No row, no key: nothing can be read.
subjects = Table(
    "subjects",
    metadata,
    identity(),
    part_of("tenants"),
    impersonal("wrapped", LargeBinary),
    lifecycle("kind", Text(), Category.IDENTIFIER, reasons.ACCOUNT),
    lifecycle_moment("created", Category.IDENTIFIER, reasons.KNOWN_SINCE),
    lifecycle_moment("restricted", Category.IDENTIFIER, reasons.RESTRICTED, nullable=True),
    lifecycle("restriction", Text(), Category.IDENTIFIER, reasons.RESTRICTED, nullable=True),
    CheckConstraint("kind IN ('subscriber', 'other', 'tenant')", name="kind"),
    Index(None, "tenant_id"),
)
Index(
    "ix_subjects_restricted",
    subjects.c.tenant_id,
    subjects.c.restricted_ms,
    sqlite_where=subjects.c.restricted_ms.is_not(None),
)


def _of_subject(because: str) -> Column[str]:
    """None: of all of the tenant. So it is never emptied: what is said of one would be said of everybody."""
    owner = ForeignKey("subjects.id", ondelete="CASCADE")
    return lifecycle("subject_id", Text(), Category.IDENTIFIER, because, owner, nullable=True)


# The instruction log of the tenant (GDPR Art. 28(3)(a)): the newest row is in force; `published`: its file is written.
# `locating`: what of it decides when people are located (privacy/location_admission.py); NULL: not noted.
# A policy names people to turn to, so it is sealed; from `replaced` on it has an age, by the rule of the audit log.
policy_versions = Table(
    "policy_versions",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("tenants"),
    sealed("text", Category.AUDIT_LOG, of="tenant"),
    impersonal("digest", Text),
    impersonal("acknowledged", Text),
    impersonal("published", Boolean),
    impersonal("locating", Text, nullable=True),
    sealed("actor", Category.AUDIT_LOG, of="tenant"),
    sealed("reason", Category.AUDIT_LOG, of="tenant"),
    moment("at"),
    moment("replaced", nullable=True),
    Index(None, "tenant_id", "id"),
    info={"lasting": Lasting("tenant_id", since="replaced_ms")},
)

# What starts a period: an account is closed, a deletion is requested, billing is closed. Of one subject, or of all.
# It may have happened long before it was `recorded`, from when on what the operator said of it ages.
retention_events = Table(
    "retention_events",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("tenants"),
    _of_subject(reasons.EVENT),
    lifecycle("kind", Text(), Category.IDENTIFIER, reasons.EVENT),
    lifecycle_moment("at", Category.IDENTIFIER, reasons.EVENT),
    lifecycle_moment("recorded", Category.IDENTIFIER, reasons.EVENT),
    sealed("actor", Category.AUDIT_LOG, of="tenant"),
    sealed("reason", Category.AUDIT_LOG, of="tenant"),
    Index(None, "tenant_id", "subject_id"),
    info={"lasting": Lasting("tenant_id", since="recorded_ms")},
)

# While a hold lasts nothing that it covers is deleted: of one subject or all, of one category or all.
holds = Table(
    "holds",
    metadata,
    identity(),
    part_of("tenants"),
    _of_subject(reasons.HOLD),
    lifecycle("category", Text(), Category.IDENTIFIER, reasons.HOLD, nullable=True),
    sealed("actor", Category.AUDIT_LOG, of="tenant"),
    sealed("reason", Category.AUDIT_LOG, of="either"),
    lifecycle_moment("since", Category.IDENTIFIER, reasons.HOLD),
    lifecycle_moment("until", Category.IDENTIFIER, reasons.HOLD, nullable=True),
    Index(None, "tenant_id"),
    info={"lasting": Lasting("tenant_id", since="until_ms")},  # while it lasts, it can be told why
)

sweeps = Table(
    "sweeps",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("tenants"),
    moment("started"),
    moment("ended", nullable=True),
    impersonal("policy_digest", Text),
    impersonal("erased", Text),
    impersonal("outcome", Text),
    Index(None, "tenant_id", "id"),
)

# Append-only; each entry carries the digest of the one before. What it says stands sealed, so the chain can be verified
# without any key, and outlives what it speaks of. It is no `happening`: store/audit.py prunes it with the chain whole.
audit_entries = Table(
    "audit_entries",
    metadata,
    part_of("tenants", primary_key=True),
    impersonal("sequence", Integer, primary_key=True),
    dated("at_ms", Category.AUDIT_LOG),
    impersonal("operation", Text),
    reference("subject", Category.AUDIT_LOG),
    sealed("actor", Category.AUDIT_LOG, of="tenant"),
    sealed("details", Category.AUDIT_LOG, of="tenant"),
    sealed("remarks", Category.AUDIT_LOG, of="either"),
    impersonal("previous", LargeBinary),
    impersonal("digest", LargeBinary),
    Index(None, "subject"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    part_of("tenants", primary_key=True),
    impersonal("sequence", Integer, primary_key=True),
    impersonal("digest", LargeBinary),
    moment("at"),
    impersonal("signature", LargeBinary),
)

# Where a log begins that was pruned: what came up to there was over, and the server itself took it away.
audit_prunings = Table(
    "audit_prunings",
    metadata,
    part_of("tenants", primary_key=True),
    impersonal("sequence", Integer),
    moment("at"),
    impersonal("signature", LargeBinary),
)
