"""The gate: every personal value passes here before it is kept, and comes out as the tenant's policy lets it, or not.

1. credentials and memberships pass: without them nobody could log in, and no policy may refuse them
2. is anything of the category written at all? (no-log mode keeps nothing that happens)
3. is the purpose one of those that the policy names for it?
4. truncated, or marked to be pseudonymised, as its rule says; whose it is, the subject's own name, is not truncated
"""

from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.contradictions import NECESSARY
from pttserver.privacy.forms import WHOLE, form_of
from pttserver.privacy.policy import Policy, Storage
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import PERMIT, Released, Value
from pttserver.privacy.truncation import truncate


class Gate:
    """Decides by one policy. A new policy has a new gate."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def release(
        self, category: Category, purpose: Purpose, subject_id: str, value: Value, *, extra: str = ""
    ) -> Released | None:
        """What may be kept of a value about a subject; None: nothing. `extra`: the name of a field of the tenant's."""
        if category in NECESSARY:  # 1
            return Released(PERMIT, category, subject_id, value, WHOLE)
        if not self.keeps(category, purpose, extra=extra):
            return None
        return self.again(category, subject_id, value, extra=extra)

    def again(self, category: Category, subject_id: str, value: Value, *, extra: str = "") -> Released | None:
        """What is left of a value that is kept already, or None: nothing."""
        rule = self.policy.rule(category, extra)
        if rule.storage is Storage.NONE:
            return None
        if rule.storage is Storage.TRUNCATED and value != subject_id:  # 4
            try:
                value = truncate(category, value.reveal() if isinstance(value, Personal) else value, rule)
            except ValueError:  # no part of what is not understood is known to be harmless
                return None
        return Released(PERMIT, category, subject_id, value, form_of(rule))

    def keeps(self, category: Category, purpose: Purpose, *, extra: str = "") -> bool:
        """Whether anything of the category is kept for this purpose."""
        if category in NECESSARY:
            return True
        return self.policy.keeps_for(category, purpose, extra)  # 2, 3


def release_instruction(tenant_id: str, text: str) -> Released:
    """A policy, about the tenant itself: no policy can refuse that it is written down itself."""
    return Released(PERMIT, Category.AUDIT_LOG, tenant_id, text, WHOLE)
