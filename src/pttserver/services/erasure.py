"""Erasure of a data subject (GDPR Art. 17): carried out, proven, certified; or asked for, with time to think again.

A certificate is made only when the proof succeeded: before, the subject is erased and nobody can vouch for the disk. It
names nobody. Who gave the instruction, and why, is sealed in the audit log.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.signed_document import draw_signing_key, load_signing_key, public_text, sign, verified_by
from pttserver.errors import ConfigError
from pttserver.ids import TenantId
from pttserver.services import naming
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.store import audit
from pttserver.store.database import Database
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, LedgerEntry
from pttserver.store.erasures import Erased, Erasures, Proof
from pttserver.store.inventory import erased_columns
from pttserver.store.private_files import make_private_file, make_private_folder, refuse_exposed

KEY_FILE: Final = "erasure_key.pem"
FORMAT: Final = "pttserver certificate of erasure, 1"
