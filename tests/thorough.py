"""How often what is drawn at random is tried: a part of it in `make test`, all of it in `make test-thorough`."""

import os


def tries(usual: int, thorough: int) -> int:
    return thorough if os.environ.get("PTT_THOROUGH") else usual
