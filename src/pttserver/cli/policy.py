"""`pttserver policy`: privacy policies checked, explained, compared, tried out; and presets to start from."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pttserver.cli import notice, policy_office
from pttserver.cli.instruction import file_text
from pttserver.cli.office import in_office, settings_of
from pttserver.cli.output import AsJson, complain, print_json, print_table

if TYPE_CHECKING:  # slow to import, see main.py
    from collections.abc import Collection

    from pttserver.privacy.document import Problem
    from pttserver.privacy.findings import Finding
    from pttserver.privacy.policy import Policy

app = typer.Typer(help="Privacy policies: what is kept about people, why, and how long.", no_args_is_help=True)
presets = typer.Typer(help="Policy files to start from.", no_args_is_help=True)
app.add_typer(presets, name="presets")
app.command()(policy_office.apply)
app.command()(policy_office.history)
app.command()(policy_office.status)
app.command()(notice.notice)

PolicyFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Policy file.", show_default=False)]
PolicyOf = Annotated[
    str,
    typer.Argument(metavar="FILE|TENANT", help="Policy file, or a tenant for its policy in force.", show_default=False),
]
FOUND = 3  # exit status; 1 is an error, 2 a wrong command line


@app.command()
def check(
    ctx: typer.Context,
    file: PolicyFile,
    json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 3 if there are findings.")] = False,
) -> None:
    """Check a policy: errors with line and key, the operator's bounds, and what touches the GDPR.

    Exit status 1: the policy cannot be applied. 3, with --strict: it can, but there are findings.
    """
    from pttserver.privacy.bounds import violations
    from pttserver.privacy.document import PolicyFileInvalid
    from pttserver.privacy.findings import findings

    try:
        policy = read_policy(file)
    except PolicyFileInvalid as error:
        _tell_problems(file, error.problems, json)
        raise typer.Exit(1) from None
    beyond, found = violations(policy, settings_of(ctx).privacy.bounds), findings(policy)
    (_print_check_as_json if json else _print_check)(file, policy, beyond, found)
    if beyond:
        raise typer.Exit(1)
    if strict and found:
        raise typer.Exit(FOUND)


@app.command()
def explain(ctx: typer.Context, of: PolicyOf, json: AsJson = False) -> None:
    """Say in plain sentences what happens to each datum, and what cannot work then."""
    from pttserver.privacy.explain import explain as sentences
    from pttserver.privacy.limitations import limitations

    policy, acknowledged = _with_acknowledged(ctx, of)
    limited = [(limitation, limitation.code in acknowledged) for limitation in limitations(policy)]
    if json:
        told = [asdict(limitation) | {"acknowledged": is_known} for limitation, is_known in limited]
        return print_json({"sentences": sentences(policy), "limitations": told})
    for sentence in sentences(policy):
        _print_hanging(sentence)
    for limitation, is_known in limited:
        known = "acknowledged" if is_known else "not acknowledged yet"
        _print_hanging(f"Cannot work ({limitation.code}, {known}): {limitation.text}")
    return None


@app.command()
def diff(ctx: typer.Context, old: PolicyOf, new: PolicyOf, json: AsJson = False) -> None:
    """Say what would change from one policy to another, and whether that is stricter or laxer.

    From the policy of a tenant: also how much of what is stored the next sweep would erase or rewrite, counted as
    `pttserver retention sweep` counts. What applying the policy writes down itself is not in it.
    """
    from pttserver.privacy.difference import difference

    wanted = policy_of(ctx, new)
    changes = difference(policy_of(ctx, old), wanted)
    due = [] if Path(old).is_file() else in_office(ctx, lambda office: policy_office.due_under(office, old, wanted))
    if json:
        return print_json({"changes": list(map(asdict, changes)), "erased_at_next_sweep": list(map(asdict, due))})
    words = {True: "stricter", False: "laxer", None: "-"}
    rows = [[c.category, c.what, c.before, c.after, words[c.stricter]] for c in changes]
    print_table("Changes", ["Where", "What", "Before", "After", "Is"], rows)
    if not Path(old).is_file():
        gone = [[d.category, d.where, d.in_words] for d in due]
        print_table("Erased or rewritten at the next sweep", ["Category", "Where", "How much"], gone)
    return None


@app.command()
def simulate(
    ctx: typer.Context,
    of: PolicyOf,
    years: Annotated[int, typer.Option(min=1, max=30, help="Years of operation; one more is watched.")] = 3,
    plot: Annotated[Path | None, typer.Option(help="Write a picture to this PNG file.", dir_okay=False)] = None,
    json: AsJson = False,
) -> None:
    """Run a policy over made-up years: what is held when, if one record of each kind is made a day."""
    import shutil

    from pttserver.cli.policy_chart import picture, text_chart
    from pttserver.privacy.simulation import simulate as run

    policy = policy_of(ctx, of)
    simulation = run(policy, years, int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000)
    if plot is not None:
        picture(simulation, policy.policy.title, plot)
    if json:
        return print_json(asdict(simulation))
    for line in text_chart(simulation, shutil.get_terminal_size((120, 40)).columns):
        typer.echo(line)
    return None


@presets.command("list")
def list_presets(json: AsJson = False) -> None:
    """List the presets."""
    from pttserver.privacy.presets import PRESETS

    if json:
        return print_json(dict(PRESETS))
    return print_table("Presets", ["Name", "For"], PRESETS.items())


@presets.command()
def show(name: str) -> None:
    """Print a preset, with its comments."""
    from pttserver.privacy.presets import preset_text

    typer.echo(preset_text(name), nl=False)


@presets.command()
def write(name: str, file: Path) -> None:
    """Write a preset to a new file, for you to edit."""
    from pttserver.errors import AlreadyExists, InvalidValue
    from pttserver.privacy.presets import preset_text

    text = preset_text(name)
    try:
        with file.open("x", encoding="utf-8", newline="") as target:
            target.write(text)
    except FileExistsError:
        raise AlreadyExists(f"{file} exists already; name a new file") from None
    except OSError as error:
        raise InvalidValue(f"{file}: {error.strerror}") from None
    typer.echo(f"Written: {file}. Edit it, then run: pttserver policy check {file}")


def policy_of(ctx: typer.Context, of: str) -> "Policy":
    """That of a file, or the one in force of a tenant. Raises PolicyInvalid, PolicyMissing, NotFound."""
    if Path(of).is_file():
        return read_policy(Path(of))
    return in_office(ctx, lambda office: policy_office.in_force(office, of))


def _with_acknowledged(ctx: typer.Context, of: str) -> "tuple[Policy, Collection[str]]":
    """As `policy_of`, with the codes of limitations that are accepted: in the file, or when it was put in force."""
    if not Path(of).is_file():
        return in_office(ctx, lambda office: policy_office.acknowledged(office, of))
    policy = read_policy(Path(of))
    return policy, policy.policy.acknowledged


def read_policy(file: Path) -> "Policy":
    """Raises PolicyInvalid; the problems of a PolicyFileInvalid have lines."""
    from pttserver.privacy.policy import parse_policy

    return parse_policy(file_text(file))


def _tell_problems(file: Path, problems: "tuple[Problem, ...]", as_json: bool) -> None:
    """For people as compilers do, so that editors find the place."""
    if as_json:
        told = list(map(asdict, problems))
        empty: dict[str, Any] = {"beyond_bounds": [], "findings": [], "unacknowledged": []}
        return print_json({"valid": False, "problems": told, **empty})
    for problem in problems:
        place = f"{file}:{problem.line}" if problem.line else str(file)
        complain(f"{place}: {f'{problem.key}: ' if problem.key else ''}{problem.text}")
    return None


def _print_check(file: Path, policy: "Policy", beyond: list[str], found: "list[Finding]") -> None:
    from pttserver.privacy.limitations import unacknowledged

    typer.echo(f"{file}: {'beyond the bounds of the operator' if beyond else 'valid'}.")
    for text in beyond:
        complain(text)
    if limited := unacknowledged(policy):
        title = "To be acknowledged in policy.acknowledged, or with --acknowledge CODE"
        print_table(title, ["Code", "What"], [[limitation.code, limitation.text] for limitation in limited])
    headings = ["Severity", "Where", "Finding", "GDPR"]
    print_table("Findings", headings, [[f.severity, f.category, f.text, f.article] for f in found])


def _print_check_as_json(file: Path, policy: "Policy", beyond: list[str], found: "list[Finding]") -> None:
    from pttserver.privacy.limitations import unacknowledged

    told = {"findings": list(map(asdict, found)), "unacknowledged": list(map(asdict, unacknowledged(policy)))}
    print_json({"valid": not beyond, "problems": [], "beyond_bounds": beyond, **told})


def _print_hanging(text: str) -> None:
    import shutil
    import textwrap

    width = min(100, shutil.get_terminal_size((100, 40)).columns)
    typer.echo(textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False))
