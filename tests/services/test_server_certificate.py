"""The server's certificate: made once, kept private, or the operator's."""

import stat
import threading
import time

import pytest

from pttserver.clock import Clock
from pttserver.config import Settings, SignallingSettings
from pttserver.crypto.certificate import make_certificate
from pttserver.errors import ConfigError, StoreUnavailable
from pttserver.services.certificate import device_url, ensure_certificate


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def own(tmp_path):
    certificate, key = make_certificate(["x"], 1_790_000_000_000)
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    (tmp_path / "k.pem").chmod(0o640)
    files = {"certificate_file": tmp_path / "c.pem", "private_key_file": tmp_path / "k.pem"}
    return Settings(data_dir=tmp_path / "data", signalling=SignallingSettings(**files))


def test_made_once_and_private(settings):
    files = ensure_certificate(settings, Clock())
    assert stat.S_IMODE(files.private_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    assert ensure_certificate(settings, Clock()).pin() == files.pin()
    assert len(files.pin()) == 43


def test_many_that_need_it_at_once_get_one(settings, monkeypatch):
    def slowly(*args):
        time.sleep(0.05)
        made.append(1)
        return make_certificate(*args)

    made, pins = [], []
    monkeypatch.setattr("pttserver.services.certificate.make_certificate", slowly)
    threads = [
        threading.Thread(target=lambda: pins.append(ensure_certificate(settings, Clock()).pin())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(pins), len(set(pins))) == (1, 8, 1)


def test_a_crash_between_key_and_certificate_is_mended(settings):
    settings.data_dir.mkdir(mode=0o700)
    (settings.data_dir / "private_key.pem").write_bytes(b"half a k")
    files = ensure_certificate(settings, Clock())
    assert b"END PRIVATE KEY" in files.private_key.read_bytes()
    assert stat.S_IMODE(files.private_key.stat().st_mode) == 0o600


def test_t133_an_open_key_is_refused(settings):
    ensure_certificate(settings, Clock()).private_key.chmod(0o640)
    with pytest.raises(StoreUnavailable, match="chmod 600"):
        ensure_certificate(settings, Clock())


def test_the_operators_own(own):
    files = ensure_certificate(own, Clock())
    assert files.private_key == own.signalling.private_key_file
    assert not own.data_dir.exists()
    files.private_key.chmod(0o644)
    with pytest.raises(StoreUnavailable, match="chmod 600"):
        ensure_certificate(own, Clock())


def test_half_a_configuration(own):
    half = own.signalling.model_copy(update={"private_key_file": None})
    with pytest.raises(ConfigError, match="both"):
        ensure_certificate(own.model_copy(update={"signalling": half}), Clock())
    own.signalling.certificate_file.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        ensure_certificate(own, Clock())


def test_a_certificate_that_is_none(own):
    own.signalling.certificate_file.write_text("nonsense")
    with pytest.raises(ConfigError, match="not a readable PEM certificate"):
        ensure_certificate(own, Clock()).pin()


def test_the_address_of_devices(settings):
    assert device_url(settings).startswith("wss://")
    no_port = settings.model_copy(update={"signalling": SignallingSettings(public_host="h", port=0)})
    with pytest.raises(ConfigError, match="port"):
        device_url(no_port)
