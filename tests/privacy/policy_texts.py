"""Policy files for tests: the least that a file must say, and more below it."""

from pttserver.privacy.policy import Policy, parse_policy

HEAD = '[policy]\ntitle = "Test"\nversion = "1"\n'


def policy_of(more: str = "", head: str = "") -> Policy:
    """`head`: further lines of [policy]."""
    return parse_policy(f"{HEAD}{head}\n{more}\n")
