"""`pttserver config`: the example is valid and complete, and a wrong key is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pttserver.cli.main import app
from pttserver.config import Settings, load_settings
from pttserver.errors import ConfigError


def test_the_example_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["config", "example"])
    assert printed.exit_code == 0
    file = tmp_path / "pttserver.toml"
    file.write_text(printed.stdout)

    assert load_settings(file).model_dump() == Settings().model_dump()
    for name, field in Settings.model_fields.items():
        for key in getattr(type(field.default), "model_fields", {name: None}):
            assert f"\n{key} =" in printed.stdout or f"\n# {key} =" in printed.stdout


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[signalling]\nprot = 1\n", "signalling.prot"),
        ("[floor]\nt2_stop_talking_s = -1\n", "floor.t2_stop_talking_s"),
        ("[floor]\nt1_end_of_rtp_s = nan\n", "floor.t1_end_of_rtp_s"),
        ("[signalling]\nport = 70000\n", "signalling.port"),
        ("nonsense = 1\n", "nonsense"),
        ("[signalling\n", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "pttserver.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_settings(file)
    outcome = CliRunner().invoke(app, ["--config", str(file), "config", "check"])
    assert outcome.exit_code == 1


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pttserver.toml"
    file.write_text("[signalling]\nport = 1111\n")
    monkeypatch.setenv("PTTSERVER_SIGNALLING__PORT", "2222")
    assert load_settings(file).signalling.port == 2222


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_settings(tmp_path / "missing.toml")
