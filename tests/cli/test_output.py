"""Tables of commands: what is copied from them stands in one piece, however narrow the terminal is."""

import pytest

from pttserver.cli.output import print_table

HOLD, SINCE = "hld_323d330b383d9ed6", "2026-10-25 12:00:00 UTC"
HEADINGS = ["Hold", "Since", "By", "Reason"]
ROW = [HOLD, SINCE, "Olga Operator", "court order 5, of which this is a long description"]


@pytest.mark.parametrize("columns", [40, 60, 64, 70, 80, 100, 160])
def test_identifiers_and_dates_are_in_one_piece_and_nothing_is_cut_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table("Holds", HEADINGS, [ROW, ROW])
    shown = capsys.readouterr().out
    assert shown.count(HOLD) == shown.count(SINCE) == 2
    for word in ("Olga", "court", "description"):
        assert shown.count(word) == 2 or columns < 80  # there words are folded
    together = "".join(each for each in shown if each.isalnum())
    assert together.count("Operator"[:4]) >= 2


def test_where_they_do_not_fit_each_row_is_a_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    print_table("Holds", HEADINGS, [ROW])
    assert capsys.readouterr().out.splitlines() == [
        "Holds",
        "",
        f"  Hold    {HOLD}",
        f"  Since   {SINCE}",
        "  By      Olga Operator",
        f"  Reason  {ROW[3]}",
    ]


def test_a_table_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Holds", HEADINGS, [])
    assert capsys.readouterr().out == "Holds: none\n"
