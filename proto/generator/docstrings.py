"""Puts the docstrings of members into the message models, for the schemas; programs that run do without them.

pydantic would look for them each time a program starts (`use_attribute_docstrings`), at a quarter of a second.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from pttserver.wire.signalling.parts import Message, Part


def describe_members() -> None:
    """Of all messages and of what they are composed of, parts first: what is built already has to be built anew."""
    models = sorted(_below(Part), key=lambda model: issubclass(model, Message))
    for model in models:
        told = _docstrings(model)
        for name, field in model.model_fields.items():
            field.description = field.description or told.get(name)
    for model in models:
        model.model_rebuild(force=True)


def _below(model: type[Part]) -> Iterator[type[Part]]:
    for each in model.__subclasses__():
        yield each
        yield from _below(each)


def _docstrings(model: type[Part]) -> dict[str, str]:
    """By the member's name, its own and those that it inherits."""
    bases = [base for base in reversed(model.__mro__) if issubclass(base, Part)]
    return {name: text for base in bases for name, text in _own_docstrings(base)}


@cache
def _own_docstrings(model: type[Part]) -> tuple[tuple[str, str], ...]:
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    return tuple(_told(body))


def _told(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The string below an annotation."""
    for member, text in pairwise(body.body):
        if isinstance(member, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(member.target, ast.Name)
            yield member.target.id, inspect.cleandoc(str(text.value.value))
