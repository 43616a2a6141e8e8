"""A membership as the member is told of it."""

from pttserver.store.records import Membership
from pttserver.wire import signalling


def group_info(membership: Membership) -> signalling.GroupInfo:
    """The group, and what the member may do in it."""
    return signalling.GroupInfo(
        group=membership.group_id,
        name=membership.group_name,
        priority=membership.priority,
        listen_only=membership.listen_only,
    )
