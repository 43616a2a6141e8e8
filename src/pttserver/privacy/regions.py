"""Where data may be: the European Economic Area, and countries whose protection the Commission found adequate."""

_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_ADEQUATE = "AD AR CA CH FO GB GG IL IM JE JP KR NZ UY"

EEA = frozenset(_EEA.split())
ADEQUATE = frozenset(_ADEQUATE.split())
"""By GDPR Art. 45, for recipients of all kinds; that for the United States covers certified companies only."""


def within_eea(region: str) -> bool:
    """`region`: ISO 3166-1 alpha-2, or `EEA`."""
    return region == "EEA" or region in EEA
