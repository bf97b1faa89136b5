"""Settings: one frozen object, read once, refused whole with every complaint at once.

A value comes from the environment (`RUSHES_SERVER_PORT`), else from `rushes.toml`
(`[server] port`), else from here. Secrets are references, never values.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from datetime import timedelta
from importlib import metadata
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rushes.domain.access import CancelRule
from rushes.domain.catalog import Per
from rushes.domain.prices import PRICE_MICROUSD_MAX, TOKENS_MAX
from rushes.domain.spec import Mode

DEFAULT_PORT: Final = 8080
PORT_MAX: Final = 65535
CONFIG_NAME: Final = "rushes.toml"
POSTGRES: Final = ("postgresql://", "postgres://")

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


def _referring(value: str) -> str:
    if not value.startswith(("env:", "file:", "command:")):
        raise ValueError("must be a reference: env:NAME, file:PATH or command:…")
    return value


Reference = Annotated[str, AfterValidator(_referring)]
"""Says where a secret is, and never is one."""

BUCKETS: Final = ("s3", "gs", "az")
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def place_of(text: str) -> tuple[str, int] | None:
    """Read HOST:PORT; None if it is not that.

    >>> place_of("127.0.0.1:8081"), place_of("[::1]:8081"), place_of("8081")
    (('127.0.0.1', 8081), ('::1', 8081), None)
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) <= PORT_MAX:
        return None
    return host, int(port)


class SettingsRefused(Exception):
    """The settings are wrong; the message holds every complaint, a line each."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Section):
    """Where callers find us.

    `trusted_proxies` are the networks whose word we take for where a request comes from
    (`X-Forwarded-For`). `admin` is where operators' calls (`/admin/v1`) are answered: on the
    `same` port, at `HOST:PORT` alone, or not at all (`off`). `console` is the page for people at
    `/console`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = DEFAULT_PORT
    public_url: str | None = None
    drain_s: Seconds = 8.0
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    admin: str = "same"
    console: bool = True

    @field_validator("admin")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if value not in {"same", "off"} and place_of(value) is None:
            raise ValueError("must be same, off, or HOST:PORT as in 127.0.0.1:8081")
        return value

    @property
    def admin_place(self) -> tuple[str, int] | None:
        """Host and port that answer operators alone; None where none do."""
        return place_of(self.admin)

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else None


class Database(_Section):
    """Where the truth is; SQLite in the data folder if nothing is said.

    `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; a password may come from the
    driver's own places (PGPASSWORD, a .pgpass file) instead.
    """

    url: str | None = None


class Storage(_Section):
    """Where films are; files in the data folder if nothing is said.

    `free_bytes_min` is asked of the disks that we write to. The rest concerns buckets:
    credentials are references, and none means those of the environment or of the machine's
    role. `credentials_expire_s` says how long they are good for after the start, where they
    end. `timeout_s` is how long a bucket may keep silent.
    """

    url: str | None = None
    free_bytes_min: Annotated[int, Field(ge=0)] = 512 * 2**20
    endpoint: str | None = None
    region: str | None = None
    addressing: Literal["path", "virtual"] = "path"
    allow_http: bool = False
    access_key_id: Reference | None = None
    secret_access_key: Reference | None = None
    session_token: Reference | None = None
    credentials_expire_s: Positive | None = None
    timeout_s: Seconds = 30.0
    links: Literal["own", "presigned"] = "own"

    @property
    def scheme(self) -> str:
        """Which kind of storage it is: `file`, or that of a bucket."""
        return "file" if self.url is None else self.url.partition("://")[0]


class LinkSettings(_Section):
    """What links are signed with: the first signs, all are believed."""

    secrets: tuple[Reference, ...] = ()


class Retention(_Section):
    """How long what was made and given is kept after a task ended; None keeps it.

    A model's or an account's own `films_s` goes before; 0 there keeps films for ever.
    """

    films_s: Positive | None = None
    inputs_s: Positive | None = None


class Limits(_Section):
    """What a caller may send, what we answer at most, and how much may come at once.

    `requests_per_s`, `submits_per_minute`, `in_flight_max` and `queued_max` are those of each key,
    unless it has its own. `queued_total_max` tasks may wait, whoever's, and `bodies_bytes_max` of
    request bodies may be held by a process. A whole body has `body_total_s` to come.
    `connections_max` bounds the connections of a process; None means half of the files that it may
    open, and 16,384 at most.
    """

    requests_per_s: Count | None = None
    submits_per_minute: Count | None = None
    in_flight_max: Count | None = None
    queued_max: Count | None = None
    queued_total_max: Positive = 200_000
    bodies_bytes_max: Positive = 512 * 2**20

    json_bytes_max: Positive = 25 * 2**20
    form_bytes_max: Positive = 64 * 2**20
    metadata_bytes_max: Positive = 256 * 2**10
    download_json_bytes_max: Positive = 64 * 2**20
    film_bytes_max: Positive = 4 * 2**30
    streams_per_key_max: Positive = 100
    connections_max: Positive | None = None
    header_bytes_max: Positive = 32 * 2**10
    header_s: Seconds = 20.0
    body_s: Seconds = 30.0
    body_total_s: Seconds = 900.0
    keep_alive_s: Seconds = 75.0


class Times(_Section):
    """How long a task may stay where (promise P3), and how long a link lives.

    A task that its upstream does not know is lost after `missing_max` looks in a row, over
    `missing_for_s` at least.
    """

    queue_s: Seconds = 24 * 3600
    submit_call_s: Seconds = 60
    doubt_s: Seconds = 180
    render_s: Seconds = 3600
    collect_s: Seconds = 6 * 3600
    aftercare_s: Seconds = 24 * 3600
    missing_for_s: Seconds = 30
    missing_max: Positive = 3
    link_ttl_s: Positive = 24 * 3600


class Workers(_Section):
    """The workers of one process.

    A process that did not write that it lives for `lost_after_s` is taken for dead, and others
    go on with its work; it submits nothing any more until it has written again. Finished films
    are taken every fifth of a second: it brings home at most five times `collects_max` a second.
    """

    collects_max: Positive = 64
    lost_after_s: Annotated[float, Field(ge=2)] = 4.0


class Webhooks(_Section):
    """Where events may be posted, and when an address or a record is given up.

    `allow_networks` are networks that may be posted to although they are not public.
    """

    allow_http: bool = False
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    previous_ttl_s: Positive = 24 * 3600
    disable_after_s: Positive = 5 * 24 * 3600
    keep_s: Positive = 30 * 24 * 3600


class ModerationSettings(_Section):
    """Who judges wishes before a provider sees them: files of phrases, a service, or both.

    `url` is that of a service that speaks OpenAI's protocol, without `/moderations`. While it
    does not answer, tasks wait (`closed`) or go on unjudged (`open`). `rehearsals` has it judge
    rehearsals too; block lists always do.
    """

    block_lists: tuple[Path, ...] = ()
    url: str | None = None
    model: str | None = None
    api_key: Reference | None = None
    on_failure: Literal["open", "closed"] = "closed"
    timeout_s: Seconds = 10.0
    reads: frozenset[Literal["prompt", "negative_prompt", "passthrough", "images"]] = frozenset(
        {"prompt", "passthrough"}
    )
    rehearsals: bool = False


class Sandbox(_Section):
    """The built-in engine."""

    in_flight_max: Positive = 16


class Provenance(_Section):
    """What films say of where they come from (docs/how-to/provenance.md).

    `certificate` and `key` are references to PEM, and go together; without them the data folder
    has its own, made once for films of `name`. `tells` is what a seal says of a film besides that
    it was generated. `aigc` writes the tag `AIGC`, `label` draws words into the first `label_s`
    seconds, for which pictures are coded again.
    """

    c2pa: bool = True
    name: Annotated[str, Field(min_length=1, max_length=40)] = "Rushes"
    certificate: Reference | None = None
    key: Reference | None = None
    tells: tuple[Literal["model", "provider", "prompt"], ...] = ("model", "provider", "prompt")
    aigc: bool = False
    aigc_producer: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    aigc_propagator: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    label: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    label_s: Annotated[float, Field(ge=2)] = 3.0


class TraceSettings(_Section):
    """Where traces of tasks go, by OpenTelemetry (docs/traces.md); nowhere if nothing is said.

    `endpoint` is a collector's address for OTLP over HTTP, without `/v1/traces`. With `enabled`
    alone the library's own variables say it (OTEL_EXPORTER_OTLP_ENDPOINT), and whatever is left
    out here. `sample_ratio` is the share of tasks that are traced.
    """

    enabled: bool = False
    endpoint: str | None = None
    service_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    sample_ratio: Annotated[float, Field(ge=0, le=1)] | None = None

    @property
    def is_on(self) -> bool:
        """Whether spans are recorded at all."""
        return self.enabled or self.endpoint is not None


class ProviderSettings(_Section):
    """A provider: a kind with an address and a credential, under a name of the operator's.

    A kind that knows its own addresses needs no `base_url`; one that does not says so.
    `traceparent` tells it which span a request belongs to, where traces are on.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    kind: str
    profile: str | None = None
    base_url: str | None = None  # a kind that needs one says so
    api_key: Reference | None = None
    in_flight_max: Positive = 8
    in_flight_per_account_max: Positive | None = None
    starts_per_minute_max: Positive | None = None
    traceparent: bool = False
    options: dict[str, Any] = Field(default_factory=dict)


class RouteSettings(_Section):
    """One way to serve a model."""

    provider: str
    model: str
    billable: bool = True
    attempts_max: Positive = 1
    weight: Positive = 1
    priority: int = 0


class PriceWhen(_Section):
    """What a task must ask for, so that a price rule matches; what is left out always does."""

    resolution: str | None = None
    audio: Annotated[bool, Field(strict=True)] | None = None
    mode: Mode | None = None


class PriceSettings(_Section):
    """A price rule, in whole millionths of a US dollar (CONTRACT §9).

    `tokens_max` is how many tokens a film has at most, where the price is by the token: that is
    what a task holds. Without it a formula says so.
    """

    per: Per
    microusd: Annotated[int, Field(ge=0, le=PRICE_MICROUSD_MAX, strict=True)]
    when: PriceWhen = PriceWhen()
    tokens_max: Annotated[int, Field(gt=0, le=TOKENS_MAX, strict=True)] | None = None


class ModelSettings(_Section):
    """A public model: the name callers write, whose rules apply, who serves it, what it costs."""

    id: str
    card: str | dict[str, Any]
    films_s: Annotated[int, Field(ge=0)] | None = None
    routes: Annotated[tuple[RouteSettings, ...], Field(min_length=1)]
    prices: tuple[PriceSettings, ...] = ()


class AccountSettings(_Section):
    """What is different for an account: its weight is how often its turn comes in a queue.

    `films_s` is how long its films are kept; 0 keeps them for ever.
    """

    id: str
    weight: Annotated[int, Field(ge=1, le=60)] = 1
    films_s: Annotated[int, Field(ge=0)] | None = None


class KeySettings(_Section):
    """What is different for a key: how it is answered (CONTRACT §5.4)."""

    id: str
    response_style: Literal["flat", "envelope"]


class _TomlFile(InitSettingsSource):
    """The config file, if there is one."""

    def __init__(self, settings: type[BaseSettings], path: Path | None) -> None:
        super().__init__(settings, {} if path is None else _read_toml(path))


class Settings(BaseSettings):
    """Everything an operator may say."""

    model_config = SettingsConfigDict(
        env_prefix="RUSHES_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    data_dir: Path = Path("rushes-data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False
    metadata_policy: Literal["listed", "all", "none"] = "listed"
    coerce_parameters: bool = False
    response_style: Literal["flat", "envelope"] = "flat"
    cancel_rule: CancelRule = CancelRule.RELEASE
    metrics_open: bool = True
    server: Server = Server()
    database: Database = Database()
    storage: Storage = Storage()
    limits: Limits = Limits()
    times: Times = Times()
    workers: Workers = Workers()
    webhooks: Webhooks = Webhooks()
    links: LinkSettings = LinkSettings()
    retention: Retention = Retention()
    moderation: ModerationSettings = ModerationSettings()
    sandbox: Sandbox = Sandbox()
    provenance: Provenance = Provenance()
    traces: TraceSettings = TraceSettings()
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    accounts: tuple[AccountSettings, ...] = ()
    keys: tuple[KeySettings, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank: arguments, environment, file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _TomlFile(settings_cls, config_path())

    @property
    def is_on_postgres(self) -> bool:
        """Whether the truth is in PostgreSQL, where any number of processes may work."""
        return (self.database.url or "").startswith(POSTGRES)

    @property
    def database_path(self) -> Path:
        """Where the SQLite file is."""
        url = self.database.url
        if url is None:
            return self.data_dir / "rushes.db"
        return Path(url.removeprefix("sqlite:///"))

    @property
    def database_place(self) -> Path | str:
        """Where the truth is: a file, or PostgreSQL's address."""
        return self.database.url or "" if self.is_on_postgres else self.database_path

    @property
    def blobs_path(self) -> Path | None:
        """Where films are on this machine, None where they are in a bucket."""
        if self.storage.scheme != "file":
            return None
        url = self.storage.url
        return self.data_dir / "blobs" if url is None else Path(url.removeprefix("file://"))

    def budget(self, name: str) -> timedelta:
        """Return one of the times as a duration."""
        return timedelta(seconds=float(getattr(self.times, f"{name}_s")))


def config_path() -> Path | None:
    """Return the config file: the one RUSHES_CONFIG names, else `rushes.toml` here, else none."""
    named = os.environ.get("RUSHES_CONFIG")
    if named:
        return Path(named)
    here = Path(CONFIG_NAME)
    try:
        return here if here.is_file() else None
    except PermissionError:  # as under sudo, in somebody else's home
        return None


def load(**given: Any) -> Settings:  # noqa: ANN401 -- sections by name, checked below
    """Read the settings; `given` wins over environment and file.

    Raises:
        SettingsRefused: with every complaint.
    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsRefused(_complaints(error)) from None
    complaints = [*_misfits(settings)]
    if complaints:
        raise SettingsRefused("\n".join(complaints))
    return settings


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused(f"{path} is no TOML: {error}") from None


def _complaints(error: ValidationError) -> str:
    lines = []
    for complaint in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in complaint["loc"])
        lines.append(f"{path}: {complaint['msg']}")
    return "\n".join(lines)


def _misfits(settings: Settings) -> list[str]:
    """Check what only shows when two values are held side by side."""
    complaints = []
    names = [provider.name for provider in settings.providers]
    complaints += [f"providers: the name {name} is taken twice" for name in _doubles(names)]
    complaints += [
        f"models: the id {name} is taken twice"
        for name in _doubles([model.id for model in settings.models])
    ]
    known = {*names, "sandbox"}
    for model in settings.models:
        complaints += [
            f"models.{model.id}: there is no provider {route.provider}; "
            f"providers are {', '.join(sorted(known))}"
            for route in model.routes
            if route.provider not in known
        ]
    times = settings.times
    live_s = times.submit_call_s + times.doubt_s + times.render_s
    if times.aftercare_s <= live_s:
        complaints.append(
            f"times.aftercare_s: must be more than {live_s:g}, the sum of submit_call_s, doubt_s "
            "and render_s: nobody looks after a submit while its task may still be alive"
        )
    complaints += _limit_misfits(settings.limits)
    place = settings.server.admin_place
    if place is not None and place[1] == settings.server.port:
        complaints.append(
            f"server.admin: port {place[1]} is where callers are answered; say another, or same"
        )
    database = settings.database.url
    if database is not None and not database.startswith(("sqlite:///", *POSTGRES)):
        complaints.append("database.url: must be sqlite:///PATH or postgresql://USER@HOST/NAME")
    elif settings.is_on_postgres and not _is_readable(database or ""):
        complaints.append(
            "database.url: host or port cannot be read; write postgresql://USER:PASSWORD@HOST:PORT"
            "/NAME, with whatever is no letter or digit of the password as %XX"
        )
    complaints += [
        f"accounts: the id {name} is taken twice"
        for name in _doubles([account.id for account in settings.accounts])
    ]
    complaints += [
        f"keys: the id {name} is taken twice"
        for name in _doubles([key.id for key in settings.keys])
    ]
    return [
        *complaints,
        *_storage_misfits(settings),
        *_moderation_misfits(settings.moderation),
        *_provenance_misfits(settings.provenance),
        *trace_misfits(settings.traces),
    ]


def _is_readable(url: str) -> bool:
    """Say whether an address has a host and a port that can be read; it is told to nobody."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _moderation_misfits(moderation: ModerationSettings) -> list[str]:
    """Check that what concerns a service has one."""
    if moderation.url is not None:
        return []
    complaints = [
        f"moderation.{name}: goes with moderation.url, the address of a service"
        for name in ("model", "api_key", "rehearsals")
        if getattr(moderation, name)
    ]
    if "images" in moderation.reads:
        complaints.append("moderation.reads: only a service looks at images; set moderation.url")
    return complaints


def _limit_misfits(limits: Limits) -> list[str]:
    """Check that what one request may send fits into what all may."""
    least = 2 * max(limits.json_bytes_max, limits.form_bytes_max)
    if limits.bodies_bytes_max >= least:
        return []
    why = "an account may hold half of it, and the largest body would never be taken"
    return [f"limits.bodies_bytes_max: must be {least} or more: {why}"]


def _storage_misfits(settings: Settings) -> list[str]:
    """Check where films are, and what links to them are signed with."""
    storage, complaints = settings.storage, []
    if storage.scheme not in {"file", *BUCKETS}:
        kinds = ", ".join(f"{kind}://BUCKET/PREFIX" for kind in BUCKETS)
        complaints.append(f"storage.url: must be file://PATH or one of {kinds}")
    elif storage.scheme != "file" and not urlsplit(storage.url or "").netloc:
        complaints.append(f"storage.url: {storage.url} names no bucket")
    if storage.links == "presigned" and storage.scheme == "file":
        complaints.append("storage.links: files on a disk have no presigned links; say own")
    if storage.endpoint is not None:
        complaints += _endpoint_misfits(storage)
    if (storage.access_key_id is None) != (storage.secret_access_key is None):
        complaints.append("storage: access_key_id and secret_access_key go together, or neither")
    if storage.session_token is not None and storage.access_key_id is None:
        complaints.append("storage.session_token: goes with access_key_id and secret_access_key")
    if storage.access_key_id is not None and storage.scheme != "s3":
        complaints.append("storage.access_key_id: is of s3:// only; the others use the environment")
    return complaints


def _endpoint_misfits(storage: Storage) -> list[str]:
    """Check the address of a store that is not its maker's own."""
    split = urlsplit(storage.endpoint or "")
    if storage.scheme != "s3":
        return ["storage.endpoint: is of s3:// only"]
    if split.scheme not in {"http", "https"} or not split.netloc or split.path.strip("/"):
        return ["storage.endpoint: must be an address such as https://s3.example.com, no path"]
    if split.scheme == "http" and split.hostname not in LOOPBACK and not storage.allow_http:
        why = "films and signatures would go unencrypted; say https, or allow_http = true"
        return [f"storage.endpoint: {why} where the network is yours"]
    return []


def _provenance_misfits(provenance: Provenance) -> list[str]:
    """Check what films are to say of themselves."""
    complaints = []
    if (provenance.certificate is None) != (provenance.key is None):
        complaints.append("provenance: certificate and key go together, or neither")
    if provenance.aigc and provenance.aigc_producer is None:
        complaints.append(
            "provenance.aigc_producer: must say who makes the films, by the code that the rules "
            "give you, where aigc = true"
        )
    return complaints


OTEL: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


def is_installed(distribution: str) -> bool:
    """Say whether a distribution is installed; nothing is imported."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def trace_misfits(
    traces: TraceSettings, *, is_installed: Callable[[str], bool] = is_installed
) -> list[str]:
    """Check that traces have somewhere to go, and something that takes them there."""
    complaints = []
    if traces.is_on and not all(map(is_installed, OTEL)):
        complaints.append(
            "traces: OpenTelemetry is not installed; pip install 'rushes[otel]', or take "
            "[traces] out"
        )
    endpoint = traces.endpoint
    if endpoint is not None and not _is_base(endpoint):
        complaints.append(
            "traces.endpoint: must be an address such as http://collector:4318, without "
            "/v1/traces, and without user or password; headers are OTEL_EXPORTER_OTLP_HEADERS"
        )
    if traces.endpoint is None and not traces.enabled:
        complaints += [
            f"traces.{name}: goes with traces.endpoint, or traces.enabled = true"
            for name in ("service_name", "sample_ratio")
            if getattr(traces, name) is not None
        ]
    return complaints


def _is_base(endpoint: str) -> bool:
    split = urlsplit(endpoint)
    is_plain = split.username is None and not split.query and not split.fragment
    is_address = split.scheme in {"http", "https"} and bool(split.hostname)
    return is_address and is_plain and not split.path.rstrip("/").endswith("/v1/traces")


def _doubles(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
