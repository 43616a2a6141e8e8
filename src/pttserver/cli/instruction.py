"""Options of commands that act on the data of people: who gives the instruction, and why."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pttserver.cli.office import operator

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.services.instructions import Instruction

Actor = Annotated[str | None, typer.Option("--by", help="Who gives the instruction. Default: the user of this shell.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the instruction log, sealed.")]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option("--acknowledge", metavar="CODE", help="Accept what cannot work then; `policy explain` lists it."),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", exists=True, dir_okay=False, help="Privacy policy file; see: pttserver policy presets."),
]
Preset = Annotated[str, typer.Option("--preset", help="Preset to take as privacy policy where no file is given.")]

NOT_WRITTEN_YET = 3
NOT_WRITTEN = """The policy is in force, but its file could not be written: {}.
A server that runs tries again, and so does the next start."""


def exit_if_unwritten(problem: str | None) -> None:
    """What was asked for is done, so it is no error; but the file does not say so yet."""
    if problem is not None:
        typer.secho(NOT_WRITTEN.format(problem), err=True)
        raise typer.Exit(NOT_WRITTEN_YET)


def instruction_of(by: str | None, reason: str, acknowledge: list[str] | None = None) -> "Instruction":
    """Raises InvalidValue for a reason that is none, and for texts that hold what cannot be seen."""
    from pttserver.errors import InvalidValue
    from pttserver.ids import Personal
    from pttserver.services import naming
    from pttserver.services.instructions import Instruction

    if not reason.strip():
        raise InvalidValue("the reason is empty: say why with --reason")
    actor = naming.name(by or operator().reveal(), "the actor")
    return Instruction(Personal(actor), Personal(naming.remark(reason, "the reason")), tuple(acknowledge or ()))


def policy_text(file: Path | None, preset: str) -> str:
    """The file's text, or the preset's. Raises PolicyInvalid, NotFound."""
    from pttserver.privacy.presets import preset_text

    return preset_text(preset) if file is None else file_text(file)


def file_text(file: Path) -> str:
    """The text as it is, with its own line ends, so that its digest is that of the file. Raises PolicyInvalid."""
    from pttserver.errors import PolicyInvalid
    from pttserver.privacy.document import MAX_CHARACTERS

    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that nobody writes must not keep us waiting
        with os.fdopen(descriptor, "rb") as source:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PolicyInvalid(f"{file}: a policy is a regular file")
            return source.read(4 * MAX_CHARACTERS + 1).decode()
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"{file}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise PolicyInvalid(f"{file}: {error.strerror}") from None
