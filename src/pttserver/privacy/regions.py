"""Where data may be: countries, the European Economic Area, and whose protection the Commission found adequate."""

_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_ADEQUATE = "AD AR CA CH FO GB GG IL IM JE JP KR NZ UY"
_ISO_3166_1 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
_MISTAKEN = {"EU": "EEA", "UK": "GB", "EL": "GR"}

COUNTRIES = frozenset(_ISO_3166_1.split())
"""By ISO 3166-1, alpha-2: what is assigned officially."""
EEA = frozenset(_EEA.split())
ADEQUATE = frozenset(_ADEQUATE.split())
"""By GDPR Art. 45, for recipients of all kinds; that for the United States covers certified companies only."""


def within_eea(region: str) -> bool:
    """`region`: ISO 3166-1 alpha-2, or `EEA`."""
    return region == "EEA" or region in EEA


def meant_by(text: str, known: frozenset[str]) -> str | None:
    """What of the `known` was meant by a text that is none of them: `GB` by `UK`, `EEA` by `EU`, `DK` by `dk`."""
    upper = text.upper()
    meant = _MISTAKEN.get(upper, upper)
    return meant if meant in known else None
