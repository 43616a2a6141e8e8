"""Settings of the server: a TOML file, overridden by environment variables (`PTTSERVER_SIGNALLING__PORT=9443`).

Every key is documented where it is defined, units are in the names, and an unknown key is an error.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from pttserver.errors import ConfigError

CONFIG_VARIABLE = "PTTSERVER_CONFIG"
DEFAULT_CONFIG_FILE = Path("pttserver.toml")

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Origin = Annotated[str, Field(pattern=r"^https://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)


class SignallingSettings(_Section):
    address: str = "0.0.0.0"  # noqa: S104 - a server listens
    """Local address of the TLS port (WebSocket and HTTP)."""
    port: Port = 8443
    """TCP port; 0 takes a free one."""
    public_host: str | None = None
    """Host that devices reach the server at; goes into enrolment codes. Default: this machine's name."""
    certificate_file: Path | None = None
    """PEM certificate chain. Default: a private certificate is made in `data_dir` at the first start."""
    private_key_file: Path | None = None
    """PEM private key of the certificate."""
    handshake_timeout_s: Seconds = 10
    """A connection that has not finished TLS and the HTTP request by then is closed."""
    login_timeout_s: Seconds = 10
    """A WebSocket connection that is not logged in by then is closed."""
    max_message_bytes: Annotated[int, Field(ge=1024)] = 65_536
    """Larger WebSocket messages close the connection with 1009."""
    messages_per_s: Seconds = 50
    """Signalling messages that a connection may send, on average."""
    messages_burst: Count = 100
    """... and at once."""
    outbox_bytes: Annotated[int, Field(ge=65_536)] = 262_144
    """Signalling waiting for a slow reader; over this its connection is closed."""
    outbox_voice_bytes: Annotated[int, Field(ge=1024)] = 16_384
    """Octets waiting for a slow reader; over this it loses voice."""
    max_connections: Count = 20_000
    """Open connections, of all kinds."""
    max_unauthenticated_per_address: Count = 200
    """Connections of one address (IPv6: /64) that are not logged in yet."""


class MediaSettings(_Section):
    address: str = "0.0.0.0"  # noqa: S104 - a server listens
    """Local address of the UDP port (SRTP and SRTCP)."""
    port: Port = 8443
    """UDP port; 0 takes a free one."""
    public_host: str | None = None
    """Host that devices send media to. Default: the host of the signalling connection."""
    socket_buffer_bytes: Annotated[int, Field(ge=65_536)] = 4_194_304
    """Kernel buffers of the port, each direction; the kernel may grant less."""
    packets_per_s: Count = 150
    """Voice packets that a talker may send, on average (10 ms frames need 100)."""
    packets_burst: Count = 250
    """... and at once: speech recorded between the press and the grant comes in one burst."""


class FloorTimerSettings(_Section):
    """Timers and counters of TS 24.380 §11.1; their names are the standard's."""

    t1_end_of_rtp_s: Seconds = 4
    """No voice from the talker for this long ends the burst."""
    t2_stop_talking_s: Annotated[float, Field(gt=0, le=600)] = 30
    """Longest talk burst."""
    t3_grace_s: Annotated[float, Field(ge=0, le=30)] = 3
    """A revoked talker may still send this long; 0 cuts in at once."""
    t4_inactivity_s: Seconds = 30
    """Hang time: the call ends when the floor has been idle this long."""
    t7_floor_idle_s: Seconds = 2
    """Floor Idle is repeated at this interval ..."""
    c7_floor_idle: Annotated[int, Field(ge=0)] = 10
    """... this many times."""
    t8_floor_revoke_s: Seconds = 1
    """Floor Revoke is repeated at this interval."""
    t20_floor_granted_s: Seconds = 1
    """Floor Granted out of the queue is repeated at this interval ..."""
    c20_floor_granted: Annotated[int, Field(ge=0)] = 3
    """... this many times; then the next in the queue gets the floor."""
    taken_repeat_s: Seconds = 1
    """Floor Taken is repeated at this interval while somebody talks (ours: TS 24.380 leaves it open)."""
    queue_limit: Annotated[int, Field(ge=0, le=253)] = 100
    """Waiting requests of a group; 0 turns queueing off."""


class SessionSettings(_Section):
    keepalive_interval_s: Seconds = 15
    """A handset gives a sign of life at this interval on each path that it uses."""
    dead_after_s: Seconds = 60
    """A session without any sign of life for this long ends."""
    resume_lifetime_s: Seconds = 43_200
    """A resume token lets a device return without the PIN for this long after the log-in with the PIN."""
    max_affiliations: Count = 32
    """Groups that a session may be affiliated to at once."""
    roster_event_interval_s: Seconds = 1
    """Shortest interval between roster events of a group; what changes in between is told together."""


class CallSettings(_Section):
    """Calls from person to person, temporary groups, and what dispatchers are told."""

    ring_timeout_s: Seconds = 30
    """Who is called is rung for this long."""
    temporary_group_idle_s: Annotated[float, Field(ge=700, allow_inf_nan=False)] = 3600
    """A temporary group, a call too, is dissolved when nobody has talked for this long."""
    dissolve_with_maker: bool = True
    """A temporary group is dissolved when the session of its maker ends."""
    alert_lifetime_s: Seconds = 86_400
    """A wish to be called back waits this long for the person to log in."""
    dispatch_event_interval_s: Annotated[float, Field(ge=0.05, allow_inf_nan=False)] = 0.5
    """Dispatchers who watch are told of changes at this interval."""


class AuthenticationSettings(_Section):
    pin_hash_memory_kib: Annotated[int, Field(ge=8)] = 47_104
    """argon2id memory (OWASP: 46 MiB, 1 pass, 1 lane)."""
    pin_hash_passes: Count = 1
    """argon2id passes."""
    pin_hash_workers: Count = 1
    """PIN hashes computed at once; each takes one core."""
    pin_hash_waiting: Count = 200
    """PIN hashes waiting for a worker; more log-ins are told to come back."""
    failures_per_address: Count = 100
    """Failed attempts that an address (IPv6: /64) may make at once ..."""
    failures_per_address_refill_s: Seconds = 6
    """... and how long it takes until one more is allowed."""
    failures_per_subscriber: Count = 10
    """Wrong PINs from the subscriber's own device at once; strangers cannot use these up ..."""
    failures_per_subscriber_refill_s: Seconds = 30
    """... and how long it takes until one more is allowed."""


class ConsoleSettings(_Section):
    """Log-in of dispatchers and managers with a browser."""

    origins: list[Origin] = []
    """Origins of pages that may speak to the server besides its own, such as "https://ptt.example" of a proxy; the
    first one goes into invitations. An origin is its own if it is https:// and the Host of the request."""
    idle_s: Seconds = 1800
    """A console session that nobody uses for this long ends ..."""
    absolute_s: Seconds = 43_200
    """... and so does every one this long after the log-in."""
    map_tiles: Path | None = None
    """Folder of raster tiles of your own for the console's map, ZOOM/X/Y.png with 256 pixels, as most tools write them
    (EPSG:3857). Without them the map shows countries only; nothing is ever fetched from elsewhere."""
    map_attribution: Annotated[str, Field(max_length=200)] = ""
    """Whom the tiles are by, shown on the map; most licences ask for it."""
    failures_per_account: Count = 10
    """Failed log-ins to an account at once, from addresses that it was not logged in from before ..."""
    failures_per_account_refill_s: Seconds = 30
    """... and how long it takes until one more is allowed."""
    managers_may_apply_policy: bool = False
    """Managers may put a privacy policy of their organisation in force from the browser; else they read it there, and
    the policy file and the command are the only ways."""


class BoundSettings(_Section):
    at_least: str | None = None
    """A policy that keeps the category for less is refused, such as "6 months"."""
    at_most: str | None = None
    """A policy that keeps it for longer is refused."""


class KeySettings(_Section):
    """The master keys that wrap all that is sealed at rest: 64 hexadecimal digits, one key a line, newest first."""

    master_key_file: Path | None = None
    """File with the master keys. Default: `master.key` in `data_dir`, made at the first start. Keep a copy elsewhere,
    and apart from backups: whoever has both can read everything, and who has lost it can read nothing."""
    master_key: SecretStr | None = None
    """The master keys themselves; meant for the environment: PTTSERVER_KEYS__MASTER_KEY."""
    master_key_command: list[str] | None = None
    """Command and arguments that print the master keys, such as a client of your secret store."""
    subject_keys_file: Path | None = None
    """File without which backups tell nothing about anybody. Default: `subject_keys.backup` in `data_dir`. Each
    backup and each erasure writes it: copy it to where backups are kept, over the copy from before."""


class PrivacySettings(_Section):
    policy_dir: Path | None = None
    """Folder with a policy file for each tenant. Default: `policies` in `data_dir`."""
    policy_look_interval_s: Seconds = 60
    """A changed policy file is taken at once where the file system tells of it; all files are looked at again at this
    interval. `pttserver policy status` reports a file that differs for longer than this."""
    sweep_interval_s: Seconds = 600
    """What has outlived its period is erased at this interval; it is not shown any more from the moment on."""
    sweep_batch_rows: Count = 500
    """Rows erased in one transaction; voice and log-ins go between."""
    clock_jump_limit_s: Seconds = 86_400
    """If the clock went further than this beyond the time that passed, erasing waits until you confirm the time."""
    absence_limit_s: Seconds = 7_776_000
    """If the last sweep was longer ago than this when the server starts, erasing waits until you confirm the time."""
    bounds: dict[str, BoundSettings] = {}
    """What the law lets a tenant choose, by category: `[privacy.bounds.call_record]`. No policy beyond the bounds is
    taken. One that is in force already stays so, as the instruction of who decides: `pttserver policy status`, the log
    and the metric `policies_beyond_bounds` tell, for you to talk to the organisation."""


class SupportSettings(_Section):
    technicians: tuple[str, ...] = ()
    """Accounts of this machine that are the operator's staff, not the organisation's; `*`: all accounts. What they may
    see, a support session says."""


class MetricsSettings(_Section):
    enabled: bool = True
    """Serve Prometheus metrics."""
    address: str = "127.0.0.1"
    """Local address of the metrics port; keep it on loopback."""
    port: Port = 9464
    """TCP port of the metrics; 0 takes a free one."""


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    format: Literal["json", "console"] = "json"
    """`json`: one object a line, for machines. `console`: for people."""


class CallLogSettings(_Section):
    queue_records: Count = 10_000
    """Finished bursts and calls waiting for the disk; over this they are dropped and counted."""
    flush_interval_s: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Records are written at least this often: the most that a crash loses."""


class LocationSettings(_Section):
    """Positions of devices; whether there are any is for each organisation's policy to say."""

    last_known_s: Seconds = 900
    """The last position of a device is kept in memory for this long, and is then forgotten."""
    wanted_s: Seconds = 60
    """A device that was asked where it is may answer for this long."""
    queue_positions: Count = 20_000
    """Positions waiting for the disk, if a policy has them stored; over this they are dropped and counted."""
    flush_interval_s: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Positions are written at least this often: the most that a crash loses."""


class Settings(BaseSettings):
    """All settings; each section is a table of the TOML file."""

    model_config = SettingsConfigDict(
        env_prefix="PTTSERVER_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("pttserver-data")
    """Folder of the database and the private certificate; made with mode 0700."""
    signalling: SignallingSettings = SignallingSettings()
    media: MediaSettings = MediaSettings()
    floor: FloorTimerSettings = FloorTimerSettings()
    sessions: SessionSettings = SessionSettings()
    calls: CallSettings = CallSettings()
    authentication: AuthenticationSettings = AuthenticationSettings()
    console: ConsoleSettings = ConsoleSettings()
    call_log: CallLogSettings = CallLogSettings()
    location: LocationSettings = LocationSettings()
    keys: KeySettings = KeySettings()
    privacy: PrivacySettings = PrivacySettings()
    support: SupportSettings = SupportSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @property
    def database_file(self) -> Path:
        return self.data_dir / "pttserver.sqlite3"

    @property
    def policy_dir(self) -> Path:
        return self.privacy.policy_dir or self.data_dir / "policies"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keyword arguments (tests) over the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None) -> Settings:
    """Reads `file`, else `$PTTSERVER_CONFIG`, else `./pttserver.toml` if it is there, and the environment over it.

    Raises ConfigError that names each wrong key.
    """
    named = file or (Path(os.environ[CONFIG_VARIABLE]) if CONFIG_VARIABLE in os.environ else None)
    if named is not None and not named.is_file():
        raise ConfigError(f"{named}: there is no such configuration file")
    toml_file = named or DEFAULT_CONFIG_FILE

    class _FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=toml_file)

    try:
        return _FromFile()
    except ValidationError as error:
        wrong = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigError(f"{toml_file}:\n" + "\n".join(wrong)) from None
    except ValueError as error:
        raise ConfigError(f"{toml_file}: not valid TOML: {error}") from None
