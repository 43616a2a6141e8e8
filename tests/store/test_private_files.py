"""A file that is replaced has all of one content, and no other file keeps a part of another one."""

import fcntl
import os
import signal
import subprocess
import sys

import pytest

from pttserver.errors import StoreUnavailable
from pttserver.store.private_files import replace_private_file

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
from pttserver.store.private_files import replace_private_file
replace_private_file(Path(sys.argv[1]), b"a key that will be destroyed")
"""


@pytest.fixture
def keys(tmp_path):
    file = tmp_path / "keys"
    replace_private_file(file, b"old")
    return file


def names(file):
    return sorted(path.name for path in file.parent.iterdir())


def test_what_a_killed_writer_left_goes_with_the_next_content(keys):
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(keys)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = set(names(keys)) - {"keys"}
    assert keys.read_bytes() == b"old"
    assert b"destroyed" in (keys.parent / left).read_bytes()
    replace_private_file(keys, b"new")
    assert names(keys) == ["keys"]
    assert keys.read_bytes() == b"new"
    assert keys.stat().st_mode & 0o777 == 0o600


def test_what_another_writer_is_at_is_left_to_it(keys):
    theirs = keys.with_name(".keys.4711.new")
    with open(theirs, "wb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        replace_private_file(keys, b"new")
        assert names(keys) == [".keys.4711.new", "keys"]
    replace_private_file(keys, b"newer")
    assert names(keys) == ["keys"]


def test_a_disk_that_fails_leaves_the_old_content(keys, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreUnavailable, match="No space left"):
        replace_private_file(keys, b"new")
    assert names(keys) == ["keys"]
    assert keys.read_bytes() == b"old"
