"""A personal value that the gate has let through: the only kind of value that the store takes."""

from typing import Final

from pttserver.privacy.categories import Category

Value = str | int | bytes


class Released:
    """Made by the gate (privacy/gate.py) and by nobody else. `value` is what may be kept of the original.

    `form`: see privacy/forms.py; if it is a pseudonym, the store keeps one in the place of the value.
    """

    __slots__ = ("category", "form", "subject_id", "value")

    def __init__(self, permit: object, category: Category, subject_id: str, value: Value, form: bytes) -> None:
        if permit is not PERMIT:
            raise TypeError("only the gate releases personal values")
        self.category = category
        self.subject_id = subject_id
        self.value = value
        self.form = form

    def __repr__(self) -> str:
        return f"Released({self.category.value})"


PERMIT: Final = object()
"""The gate's own; tests/store/test_only_the_gate_releases.py looks for any other user."""
