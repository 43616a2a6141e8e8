"""The policies that schedules change between: of calls, of accounts, and of positions."""

from dataclasses import dataclass

from pttserver.privacy.policy import Policy, parse_policy

HEAD = '[policy]\ntitle = "T"\nversion = "1"\n'
MINUTE = 60_000
DAY = 1440 * MINUTE


@dataclass(frozen=True, slots=True)
class Locating:
    """What a policy says of positions, in the model's own words. `duty`: days of the week, 0 is Monday (UTC).

    `precision_m`: of the grid that positions are rounded to as they come, `cut_m`: as they are stored.
    """

    enabled: bool = False
    stored: bool = True
    may_switch: bool = False
    interval_s: int = 5
    precision_m: int = 0
    cut_m: int = 0
    duty: frozenset[int] = frozenset(range(7))

    def section(self, keep: str) -> str:
        """The text of a policy that says so; `keep`: the list of what its rule keeps positions for."""
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        duty = [f"{days[day]} 00:00-24:00" for day in sorted(self.duty)] if len(self.duty) < 7 else []
        cut = f'store = "truncated"\ntruncate = {{metres = {self.cut_m}}}\n' if self.cut_m else ""
        rule = f"{cut}keep = {keep}\n" if self.stored else ""
        return (
            f"{HEAD}[location]\nenabled = true\nlive_only = {str(not self.stored).lower()}\n"
            f"subscriber_may_switch_off = {str(self.may_switch).lower()}\ninterval_s = {self.interval_s}\n"
            f"precision_m = {self.precision_m}\nduty_hours = {duty}\n"
            f'[categories.location]\nlegal_basis = "legitimate_interests"\n{rule}'
        )


@dataclass(frozen=True, slots=True)
class Text:
    """A policy as it is applied, as the server reads it, and what it says of positions."""

    toml: str
    policy: Policy
    locating: Locating


def _of_calls(record: str, participants: str, address: str) -> str:
    named = (("call_record", record), ("participants", participants), ("ip_address", address))
    return HEAD + "".join(f"[categories.{name}]\n{rule}\n" for name, rule in named)


def _text(toml: str, locating: Locating | None = None) -> Text:
    return Text(toml, parse_policy(toml), locating or Locating(may_switch=True))


def _located(keep: str, locating: Locating) -> Text:
    return _text(locating.section(keep), locating)


TEXTS = [
    _text(HEAD),
    _text(_of_calls('keep = "10 days"', 'keep = "5 days"', 'keep = "1 day"')),
    _text(_of_calls('keep = "5 days"', 'keep = "20 days"', 'keep = "20 days"')),
    _text(_of_calls('keep = "1 year"', 'store = "none"', 'keep = "3 days"')),
    _text(_of_calls('store = "none"', 'keep = "9 days"', 'keep = "9 days"')),
    _text(
        _of_calls(
            'keep = ["4 days + 4 days after deletion_requested", "30 days", "6 days after account_closed"]',
            'keep = ["2 days after deletion_requested", "40 days", "until contract_ended"]',
            'keep = ["until consent_withdrawn", "15 days"]',
        )
    ),
    _text(
        HEAD
        + '[categories.identifier]\nkeep = ["5 days after unsubscribed", "3 days + 3 days after deletion_requested"]\n'
    ),
    _text(HEAD + "[logging]\nrecords = false\n"),
    _text(
        _of_calls(
            'keep = "10 days"',
            'store = "pseudonymised"',
            'store = "truncated"\ntruncate = {ipv4_bits = 24, ipv6_bits = 48}',
        )
    ),
    _text(
        HEAD
        + '[categories.subscriber_name]\nkeep = ["2 days + 2 days after deletion_requested", "until account_closed"]\n'
    ),
    _located('["3 days"]', Locating(enabled=True)),
    _located('["12 days", "2 days + 2 days after deletion_requested"]', Locating(enabled=True, may_switch=True)),
    _located(
        '["until consent_withdrawn", "2 days after account_closed"]',
        Locating(enabled=True, may_switch=True, interval_s=1800, precision_m=1000),
    ),
    _located('["8 days"]', Locating(enabled=True, duty=frozenset({0, 1, 3, 4}), cut_m=5000)),
    _located("", Locating(enabled=True, stored=False, may_switch=True)),
]
"""The first is in force at the start. Those that come last locate."""
LOCATING = next(number for number, text in enumerate(TEXTS) if text.locating.enabled)
"""The first that locates."""
