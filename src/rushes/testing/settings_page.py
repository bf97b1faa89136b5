"""docs/settings.md from the code: every setting, its variable, its default, and what it means.

    python -m rushes.testing.settings_page docs/settings.md

A setting without a meaning below fails the build: whoever adds one says here what it is for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rushes import settings as of
from rushes.settings import Settings

MEANINGS: Final[Mapping[str, str]] = {
    "data_dir": "The data folder: database, films, scratch files, cards of your own, unless the "
    "sections below say another place.",
    "log_level": "What is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR`.",
    "log_json": "A JSON object a line, for machines.",
    "metadata_policy": "Which keys of a caller's `metadata` a provider is given: those that the "
    "card lists (`listed`), `all`, `none`.",
    "coerce_parameters": "A length or size outside a card becomes the card's default, and is told, "
    "instead of being refused ([relays](how-to/relays.md)).",
    "response_style": "How submit, query and cancel of `/v1/video/generations` answer: `flat` or "
    "`envelope` ([relays](how-to/relays.md)).",
    "cancel_rule": "What a canceled task costs that a provider may have begun: `release` nothing, "
    "`capture` its hold ([prices](how-to/prices-and-budgets.md)).",
    "metrics_open": "Whether `/metrics` is answered at all; no key is asked for.",
    "server.host": "The address that is listened at.",
    "server.port": "The port; 0 takes a free one.",
    "server.public_url": "Under which address callers reach us, and links are made. Without it the "
    "one that is bound.",
    "server.drain_s": "How long requests may finish when the server stops.",
    "server.trusted_proxies": "Networks whose word is taken for where a request comes from "
    "(`X-Forwarded-For`).",
    "server.admin": "Where operators' calls are answered: on the `same` port, at `HOST:PORT` "
    "alone, or not at all (`off`).",
    "server.console": "Whether there is the page for people at `/console`.",
    "database.url": "`sqlite:///PATH` or `postgresql://USER@HOST/NAME`. Without it SQLite in the "
    "data folder.",
    "storage.url": "`file://PATH`, `s3://BUCKET/PREFIX`, `gs://…` or `az://…`. Without it files in "
    "the data folder ([storage](how-to/storage.md)).",
    "storage.free_bytes_min": "Below so many free bytes new tasks are refused with 503.",
    "storage.endpoint": "The address of an S3 that is not Amazon's.",
    "storage.region": "The bucket's region.",
    "storage.addressing": "How S3 names the bucket: in the `path`, or as a host (`virtual`).",
    "storage.allow_http": "Whether a bucket that is not on this machine may be spoken to without "
    "TLS.",
    "storage.access_key_id": "S3 credentials, by reference. Without them those of the environment "
    "or of the machine's role.",
    "storage.secret_access_key": "Goes with `access_key_id`.",
    "storage.session_token": "Goes with both, where they are temporary.",
    "storage.credentials_expire_s": "How long after the start credentials are good for, where they "
    "end; links then live no longer.",
    "storage.timeout_s": "How long a bucket may keep silent.",
    "storage.links": "Who sends the bytes of a link: we (`own`), or the bucket (`presigned`).",
    "limits.requests_per_s": "Requests of each key in a second, unless the key has its own limit "
    "([limits](how-to/limits.md)).",
    "limits.submits_per_minute": "Submits of each key in a minute, the same.",
    "limits.in_flight_max": "Unfinished tasks of each key, the same.",
    "limits.queued_max": "Waiting tasks of each key, the same.",
    "limits.queued_total_max": "Tasks that may wait, whoever's; beyond it submits are 503.",
    "limits.bodies_bytes_max": "Bytes of request bodies that a process holds at once.",
    "limits.json_bytes_max": "The largest JSON body.",
    "limits.form_bytes_max": "The largest form, its files included.",
    "limits.metadata_bytes_max": "The largest `metadata`, as JSON, images excepted.",
    "limits.download_json_bytes_max": "The largest film that the JSON download answers with.",
    "limits.film_bytes_max": "The largest film that is fetched from a provider.",
    "limits.streams_per_key_max": "Event streams and long-polls that a key may hold open.",
    "limits.connections_max": "Connections of a process. Without it half of the files that it may "
    "open, and 16,384 at most.",
    "limits.header_bytes_max": "The largest head of a request.",
    "limits.header_s": "How long a head may take to come.",
    "limits.body_s": "How long a body may pause.",
    "limits.body_total_s": "How long a whole body may take to come.",
    "limits.keep_alive_s": "How long an idle connection stays.",
    "times.queue_s": "How long a task may wait for a provider.",
    "times.submit_call_s": "How long a provider may take to answer a submit.",
    "times.doubt_s": "How long a submit without an answer is looked for.",
    "times.render_s": "How long a provider may render.",
    "times.collect_s": "How long a finished film is tried to be brought home.",
    "times.aftercare_s": "How long an ended task's job at a provider is looked after.",
    "times.missing_for_s": "A task that its provider does not know is lost after this time …",
    "times.missing_max": "… and so many looks in a row.",
    "times.link_ttl_s": "How long a link to a film lives.",
    "workers.collects_max": "Films that a process brings home at once.",
    "workers.lost_after_s": "A process that did not say that it lives for so long is taken for "
    "dead, and others go on with its work (PostgreSQL).",
    "webhooks.allow_http": "Whether events may be posted without TLS.",
    "webhooks.allow_networks": "Networks that may be posted to although they are not public.",
    "webhooks.previous_ttl_s": "How long the old secret signs too, after a rotation.",
    "webhooks.disable_after_s": "An address that took nothing for so long is disabled.",
    "webhooks.keep_s": "How long posts that have ended are kept.",
    "links.secrets": "What links are signed with, by reference: the first signs, all are believed. "
    "Without it a file of the data folder.",
    "retention.films_s": "How long films are kept after their end; without it for ever.",
    "retention.inputs_s": "How long callers' files are kept after the end of a task that used "
    "them; without it for ever.",
    "moderation.block_lists": "Files of phrases that no wish may have "
    "([moderation](how-to/moderate.md)).",
    "moderation.url": "A service that speaks OpenAI's moderation protocol, without `/moderations`.",
    "moderation.model": "The service's model, where it has several.",
    "moderation.api_key": "The service's key, by reference.",
    "moderation.on_failure": "While the service is away tasks wait (`closed`) or go on unjudged "
    "(`open`).",
    "moderation.timeout_s": "How long the service may take.",
    "moderation.reads": "What it is shown: of `prompt`, `negative_prompt`, `passthrough`, "
    "`images`.",
    "moderation.rehearsals": "Whether it judges rehearsals too.",
    "sandbox.in_flight_max": "Films that the built-in engine draws at once.",
    "provenance.c2pa": "Whether films are sealed ([provenance](how-to/provenance.md)).",
    "provenance.name": "Whose films they are, in a certificate that is made here.",
    "provenance.certificate": "A certificate of your own, PEM by reference; goes with `key`.",
    "provenance.key": "Its key, PEM by reference.",
    "provenance.tells": "What a seal says besides: of `model`, `provider`, `prompt`.",
    "provenance.aigc": "Whether films get the tag that China's rules of 2025 ask for.",
    "provenance.aigc_producer": "Who makes the films, by those rules' code; needed with `aigc`.",
    "provenance.aigc_propagator": "Who spreads them, by those rules' code.",
    "provenance.label": "Words that are drawn into the beginning of each film.",
    "provenance.label_s": "For how long they are seen.",
    "traces.enabled": "Whether tasks are traced by OpenTelemetry, to where its own variables say.",
    "traces.endpoint": "A collector's address for OTLP over HTTP, without `/v1/traces`; turns "
    "traces on.",
    "traces.service_name": "Under which name spans are told.",
    "traces.sample_ratio": "The share of tasks that is traced, 0 to 1.",
    "providers": "Upstreams, a table each: below.",
    "providers.name": "Your name for it, in routes and everywhere else.",
    "providers.kind": "Which protocol it speaks: one of those in `docs/providers.md`, or the "
    "module of an adapter of your own.",
    "providers.profile": "Which sort of server, where a kind has several.",
    "providers.base_url": "Its address; a kind that knows its own needs none.",
    "providers.api_key": "Its credential, by reference.",
    "providers.in_flight_max": "Tasks with it at once.",
    "providers.in_flight_per_account_max": "The same, of each account.",
    "providers.starts_per_minute_max": "Submits to it in a minute.",
    "providers.traceparent": "Whether it is told which span a request belongs to, where traces are "
    "on.",
    "providers.options": "What else its kind takes; what it does not know is refused.",
    "models": "What callers may ask for, a table each: below.",
    "models.id": "The name that callers write.",
    "models.card": "Whose rules apply: the name of a card, or one of your own as a table.",
    "models.films_s": "How long its films are kept, before `[retention]`; 0 keeps them.",
    "models.routes": "Who serves it, a table each; there is at least one.",
    "models.routes.provider": "The provider's name.",
    "models.routes.model": "What the provider calls the model.",
    "models.routes.billable": "Whether a submit may cost money. What may is never sent twice.",
    "models.routes.attempts_max": "How often a film may be begun, where it is not billable.",
    "models.routes.weight": "How often it is asked, among those of its priority.",
    "models.routes.priority": "Who is asked first: the smallest.",
    "models.prices": "What it costs, a table each ([prices](how-to/prices-and-budgets.md)).",
    "models.prices.per": "For what: `second`, `film`, `million_tokens`, `input_second`.",
    "models.prices.microusd": "How much, in millionths of a US dollar.",
    "models.prices.when": "What a task must ask for; what is left out always fits.",
    "models.prices.when.resolution": "Only at this resolution.",
    "models.prices.when.audio": "Only with sound, or only without.",
    "models.prices.when.mode": "Only in this mode, as `image_to_video`.",
    "models.prices.tokens_max": "How many tokens a film has at most, where that is the price.",
    "accounts": "What is different for an account, a table each.",
    "accounts.id": "Which account.",
    "accounts.weight": "How often its turn comes in a queue, 1 to 60.",
    "accounts.films_s": "How long its films are kept, before `[retention]`; 0 keeps them.",
    "keys": "What is different for a key, a table each.",
    "keys.id": "Which key.",
    "keys.response_style": "How it is answered, before `response_style` above.",
}
"""What each setting is for, by its path."""

TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "providers": of.ProviderSettings,
    "models": of.ModelSettings,
    "models.routes": of.RouteSettings,
    "models.prices": of.PriceSettings,
    "models.prices.when": of.PriceWhen,
    "accounts": of.AccountSettings,
    "keys": of.KeySettings,
}
"""Lists of tables, which only the file has."""

HEAD: Final = """# Settings

Every setting there is. A value comes from the environment, else from `rushes.toml` (`RUSHES_CONFIG`
names another file), else from here. All are read at the start and refused whole, with every
complaint at once; `rushes doctor` says the same without a start. At SIGHUP a server reads
providers, models, cards, `[retention]` and `[moderation]` anew. Lists in the environment are JSON.
Secrets are references (`env:NAME`, `file:PATH`, `command:…`), never values. Written by `make docs`.
"""


def page() -> str:
    """Return the page.

    Raises:
        KeyError: a setting has no meaning above.
    """
    top, sections = [], []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            inner = type(field.default).model_fields
            rows = [_row(f"{name}.{key}", one) for key, one in inner.items()]
            sections.append("\n".join([f"\n## `[{name}]`\n", *_head(), *rows]))
        else:
            top.append(_row(name, field))
    tables = [
        "\n".join([f"\n## `[[{name}]]`\n", *_table(name, model)]) for name, model in TABLES.items()
    ]
    whole = "\n".join([HEAD, *_head(), *top, *sections, *tables])
    return whole.replace("`[[models.prices.when]]`", "`when` of a price") + "\n"


def _head() -> list[str]:
    return ["| setting | environment | default | what it means |", "|---|---|---|---|"]


def _row(path: str, field: FieldInfo) -> str:
    name = path.rpartition(".")[2]
    variable = "-" if path in TABLES else f"`RUSHES_{path.replace('.', '_').upper()}`"
    return f"| `{name}` | {variable} | {_default(field)} | {MEANINGS[path]} |"


def _table(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield "| field | default | what it means |"
    yield "|---|---|---|"
    for key, field in model.model_fields.items():
        yield f"| `{key}` | {_default(field)} | {MEANINGS[f'{name}.{key}']} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or (not value and not isinstance(value, int)):
        return "-"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(
            f"`{one}`" for one in (value if isinstance(value, tuple) else sorted(value))
        )
    if isinstance(value, (int, float)):
        return f"`{value:g}`" if value < 10**5 else _large(int(value))
    return f"`{value}`"


def _large(value: int) -> str:
    """Return a number that people can read, and the number itself.

    >>> _large(512 * 2**20), _large(200_000), _large(432_000)
    ('`536870912` (512 MiB)', '`200000`', '`432000`')
    """
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if value % 2**power == 0:
            return f"`{value}` ({value >> power} {unit})"
    return f"`{value}`"


def main(words: list[str] | None = None) -> int:
    """Write the page to a file."""
    (place,) = sys.argv[1:] if words is None else words
    Path(place).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
