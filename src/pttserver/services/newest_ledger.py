"""Which ledger of erasures a restore goes by: one that knows all that the backup's and that in place know."""

from pathlib import Path
from typing import Final

from pttserver.errors import LedgerBroken
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, LedgerEntry, parse_ledger
from pttserver.store.private_files import replace_private_file

_NO_LEDGER: Final = (
    "give the newest ledger with --ledger, or accept that later erasures are unknown: --without-ledger --reason WHY"
)


def choose_ledger(folder: Path, newest: Path | None, in_place: Path) -> None:
    """It lies in `folder` then, where that of the backup lies now. `newest` None: no newer one is known.

    Raises LedgerBroken.
    """
    inside = ErasureLedger(folder / LEDGER_FILE).entries()
    if newest is None:
        return _refuse_to_forget(in_place, inside)
    try:
        given = parse_ledger(newest.read_bytes())
    except FileNotFoundError:
        raise LedgerBroken(f"{newest}: there is no such file; {_NO_LEDGER}") from None
    if given[: len(inside)] != inside:
        raise LedgerBroken(f"{newest} has not all the erasures that the backup knows; {_NO_LEDGER}")
    _refuse_to_forget(in_place, given)
    return replace_private_file(folder / LEDGER_FILE, b"".join(entry.line() for entry in given))


def _refuse_to_forget(in_place: Path, chosen: list[LedgerEntry]) -> None:
    """What the ledger in place knows must be in the chosen one. One that is damaged tells nothing."""
    try:
        known = ErasureLedger(in_place).entries()
    except LedgerBroken:
        return
    if known[: len(chosen)] == chosen and len(known) > len(chosen):
        more = len(known) - len(chosen)
        raise LedgerBroken(
            f"{in_place} goes on from the ledger that you chose, with {more} more erasures: it is the newest; "
            "leave out --ledger and --without-ledger"
        )
    if chosen[: len(known)] != known:
        raise LedgerBroken(
            f"{in_place} has erasures that the chosen ledger has not; if it is another server's, move it away"
        )
