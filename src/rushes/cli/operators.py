"""The verbs of operators: they need `rushes[server]`, and work on the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

DEMO_PROMPT: Final = "A paper boat crosses a rain puddle at dusk, seen from above"

Asks: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
TaskId: TypeAlias = Annotated[str, typer.Argument(metavar="TASK", help="The id of a video.")]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Only from then on: 2026-11-01, or an instant; UTC."),
]
Host: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Where to listen (else: 127.0.0.1).", show_default=False),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="The port; 0 takes a free one (else: 8080).", show_default=False
    ),
]


def serve(
    *,
    host: Host = None,
    port: Port = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where it listens in one line of JSON.")
    ] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    clock_offset_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a server until Ctrl-C: callers and workers in one process."""
    from rushes.cli.serving import Post, serve

    serve(Post(host=host, port=port, parent=parent, shift=clock_offset_file), as_json=as_json)


def api(
    *,
    host: Host = None,
    port: Port = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where it listens in one line of JSON.")
    ] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    clock_offset_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Answer callers, on PostgreSQL; any number of these may run, and workers do the work."""
    from rushes.app import Role
    from rushes.cli.serving import Post, serve

    serve(Post(Role.API, host, port, parent=parent, shift=clock_offset_file), as_json=as_json)


def worker(
    *,
    provider: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Work for this provider only; may be repeated."),
    ] = None,
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Listen for /healthz, /readyz and /metrics; else not at all."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say so in one line of JSON.")] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
    clock_offset_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Carry tasks, on PostgreSQL; any number of these may run, and one that dies is no loss."""
    from rushes.app import Role
    from rushes.cli.serving import Post, serve

    only = frozenset(provider) if provider else None
    serve(Post(Role.WORKER, host, port, only, parent, clock_offset_file), as_json=as_json)


def init(
    *,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="How it is spoken to; see docs/providers.md.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What you call it (else: the kind).", show_default=False)
    ] = None,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Where it is.")] = None,
    profile: Annotated[str | None, typer.Option(help="Which sort of server it is.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="env:NAME|file:PATH|command:…|none",
            help="Where its key is; never the key itself.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The name your callers write.")
    ] = None,
    upstream_model: Annotated[
        str | None,
        typer.Option(
            help="What the upstream is asked for (else: the same name, where it is known).",
            show_default=False,
        ),
    ] = None,
    card: Annotated[
        str | None,
        typer.Option(help="Whose rules apply (else: the model's).", show_default=False),
    ] = None,
    billable: Annotated[
        bool | None,
        typer.Option(
            "--billable/--own-gpu",
            help="A film may cost money, or it is your own.",
            show_default=False,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Whatever else the kind takes; may be repeated."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Where it is written; - prints it."),
    ] = Path("rushes.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what is usual.")] = (
        False
    ),
    as_json: Asks = False,
) -> None:
    """Write a rushes.toml that works, by a few questions or by flags, and check it for free."""
    from rushes.cli.init import init
    from rushes.cli.plan import Given

    init(
        Given(
            kind=kind,
            name=name,
            base_url=base_url,
            profile=profile,
            api_key=api_key,
            model=model,
            upstream_model=upstream_model,
            card=card,
            is_billable=billable,
            options=tuple(option or ()),
            output=output,
            is_forced=force,
            is_hurried=yes,
            is_for_machines=as_json,
        )
    )


def demo(
    *,
    prompt: Annotated[str, typer.Option(help="What to see.")] = DEMO_PROMPT,
    seconds: Annotated[int, typer.Option(min=1, max=20, help="How long.")] = 5,
    size: Annotated[str, typer.Option(metavar="WxH", help="How large.")] = "1280x720",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the film is left.")
    ] = Path("rushes-demo.mp4"),
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data folder.")] = False,
    chaos: Annotated[
        bool,
        typer.Option(
            "--chaos", help="Kill the server in the middle of submits, and count what was paid."
        ),
    ] = False,
    wishes: Annotated[
        int | None,
        typer.Option(min=6, max=48, help="With --chaos: how many.", show_default="12"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="With --chaos: who suffers what.", show_default="drawn"),
    ] = None,
    unsearchable: Annotated[
        bool,
        typer.Option("--unsearchable", help="With --chaos: the upstream has no list to search."),
    ] = False,
    picture: Annotated[
        bool,
        typer.Option("--picture/--no-picture", help="Show a still of it, in a terminal that can."),
    ] = True,
    as_json: Asks = False,
) -> None:
    """See it work: a server of its own, a key, a wish, a film. No network, no account."""
    if chaos:
        from rushes.cli.chaos import Chaos, play

        play(Chaos(wishes or 12, seed, not unsearchable, is_kept=keep), as_json=as_json)
        return
    if seed is not None or wishes is not None or unsearchable:
        from rushes.cli.plainly import Refused

        raise Refused("--wishes, --seed and --unsearchable go with --chaos.")
    from rushes.cli.demo import Demo, demo

    wanted = Demo(prompt, seconds, size, output, is_kept=keep, has_picture=picture)
    demo(wanted, as_json=as_json)


def verify_provider(
    name: Annotated[str, typer.Argument(help="The provider's name in rushes.toml.")],
    *,
    max_cost: Annotated[
        float, typer.Option(metavar="USD", min=0, help="What the film may cost at most.")
    ],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="By which of the models it serves.")
    ] = None,
    i_know_the_price: Annotated[
        bool,
        typer.Option("--i-know-the-price", help="Where no price is configured: you looked it up."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the page about it goes (else: KIND-DATE.md).",
            show_default=False,
        ),
    ] = None,
    film: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the film is left, if at all.")
    ] = None,
    as_json: Asks = False,
) -> None:
    """Have one small film made by a provider, with your own key, and write a page about it."""
    from rushes.cli.trial import Terms
    from rushes.cli.verifying import verify

    terms = Terms(max_cost, knows_price=i_know_the_price, is_hurried=yes)
    verify(name, model, terms, output=output, film=film, as_json=as_json)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A film: an MP4 file.")],
    *,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Say whether it was made from this prompt.")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Certificates that you believe, as PEM. [default: the data folder's own]",
            show_default=False,
        ),
    ] = None,
    as_json: Asks = False,
) -> None:
    """Say where a film comes from, who sealed it, and whether a byte was changed since."""
    from rushes.cli.sealed import verify

    verify(file, prompt, trust, as_json=as_json)


def migrate(*, as_json: Asks = False) -> None:
    """Bring the database to this version's schema; `serve` does so by itself."""
    from rushes.cli.books import migrate

    migrate(as_json=as_json)


def update_models(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Cards, as TOML.")],
    *,
    as_json: Asks = False,
) -> None:
    """Take a file of model cards into the data folder, over those that came with Rushes."""
    from rushes.cli.cards import update

    update(file, as_json=as_json)


def explain(
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a video.")],
    *,
    as_json: Asks = False,
) -> None:
    """Tell the whole story of a task: what happened when, what was paid, what comes next."""
    from rushes.cli.explain import explain

    explain(task_id, as_json=as_json)


def list_salvage(*, as_json: Asks = False) -> None:
    """List submits of ended tasks that may have been paid for without a film."""
    from rushes.cli.salvage import show

    show(as_json=as_json)


Account: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Whose (else: the first account).", show_default=False),
]
EndpointId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The id of an endpoint: ep_…")
]


def add_endpoint(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted: https://…")],
    *,
    account: Account = None,
    as_json: Asks = False,
) -> None:
    """Have the end of every video of an account posted to an address."""
    from rushes.cli.webhooks import add_endpoint

    add_endpoint(url, account, as_json=as_json)


def list_endpoints(*, as_json: Asks = False) -> None:
    """List the addresses of accounts, and how each fares."""
    from rushes.cli.webhooks import show_endpoints

    show_endpoints(as_json=as_json)


def remove_endpoint(endpoint_id: EndpointId, *, as_json: Asks = False) -> None:
    """Remove an address; what still waits for it ends."""
    from rushes.cli.webhooks import remove_endpoint

    remove_endpoint(endpoint_id, as_json=as_json)


def enable_endpoint(endpoint_id: EndpointId, *, as_json: Asks = False) -> None:
    """Post to an address again that was disabled because nothing was taken there."""
    from rushes.cli.webhooks import enable_endpoint

    enable_endpoint(endpoint_id, as_json=as_json)


def webhook_secret(
    *,
    account: Account = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; the old counts on for a while.")
    ] = False,
    as_json: Asks = False,
) -> None:
    """Show what an account's webhooks are signed with, or make it new."""
    from rushes.cli.webhooks import show_secret

    show_secret(account, rotates=rotate, as_json=as_json)


def list_posts(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    as_json: Asks = False,
) -> None:
    """List events and their addresses, newest first: delivered, waiting or given up."""
    from rushes.cli.webhooks import show_posts

    show_posts(limit, only_dead=dead, as_json=as_json)


def redeliver(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The id of an event: evt_…")],
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Only there, as the list shows it.")
    ] = None,
    *,
    as_json: Asks = False,
) -> None:
    """Have an event posted again, with all its attempts before it."""
    from rushes.cli.webhooks import redeliver

    redeliver(event_id, url, as_json=as_json)


def report_salvage(*, since: Since = None, as_json: Asks = False) -> None:
    """Add up what may have been paid without a film: by provider, model and verdict, in money."""
    from rushes.cli.report import report

    report(since, as_json=as_json)


def adopt_salvage(
    task_id: TaskId,
    n: Annotated[
        int | None,
        typer.Argument(metavar="N", help="Which submit, where several made a film."),
    ] = None,
    *,
    charge: Annotated[
        bool,
        typer.Option("--charge", help="Charge what the old task held; by default it is a gift."),
    ] = False,
    yes: Yes = False,
    as_json: Asks = False,
) -> None:
    """Give a late film to its caller, as a new finished task; nothing is submitted again."""
    from rushes.cli.adopting import adopt

    adopt(task_id, n, is_charged=charge, is_hurried=yes, as_json=as_json)


def list_doubts(*, as_json: Asks = False) -> None:
    """List submits that got no answer: of tasks that still wait, and of those that ended so."""
    from rushes.cli.doubts import show

    show(as_json=as_json)


def look_at_doubt(task_id: TaskId, *, as_json: Asks = False) -> None:
    """Have the provider searched for it now."""
    from rushes.cli.doubts import look

    look(task_id, as_json=as_json)


def adopt_doubt(
    task_id: TaskId,
    ticket: Annotated[
        str, typer.Argument(metavar="TICKET", help="What the provider calls it, as JSON.")
    ],
    *,
    yes: Yes = False,
    as_json: Asks = False,
) -> None:
    """Say what its job at the provider is: the task goes on with it, or its film comes late."""
    from rushes.cli.doubts import adopt

    adopt(task_id, ticket, is_hurried=yes, as_json=as_json)


def fail_doubt(task_id: TaskId, *, yes: Yes = False, as_json: Asks = False) -> None:
    """End a task in doubt now, and release its hold; its submit stays on record."""
    from rushes.cli.doubts import fail

    fail(task_id, is_hurried=yes, as_json=as_json)


def erase(
    task_ids: Annotated[
        list[str] | None, typer.Argument(metavar="TASK", help="Ids of videos.")
    ] = None,
    *,
    user: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Whose callers sent this as 'user'.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="ID", help="Of this account; with --user, of both.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it; else it is only shown.")] = False,
    as_json: Asks = False,
) -> None:
    """Erase one person's prompts, inputs and films; without --yes it only shows what would go."""
    from rushes.cli.erasing import Whose, run

    run(Whose(tuple(task_ids or ()), account, user), is_meant=yes, as_json=as_json)


def audit(
    *,
    object_id: Annotated[
        str | None,
        typer.Option("--object", metavar="ID", help="Only what was done to this: a task, a key …"),
    ] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines.")] = 100,
    as_json: Asks = False,
) -> None:
    """Tell what operators did: who, when, from where, what, to what; the newest first."""
    from rushes.cli.deeds import show

    show(object_id, since, limit, as_json=as_json)


def list_routes(*, as_json: Asks = False) -> None:
    """List the routes of every configured model, and how each fares."""
    from rushes.cli.routes import show

    show(as_json=as_json)


def reset_route(
    provider: Annotated[str, typer.Argument(help="The provider's name.")],
    model: Annotated[str, typer.Argument(help="What the provider is asked for.")],
    *,
    as_json: Asks = False,
) -> None:
    """Forget what went wrong with a route, a retirement included: it is asked again."""
    from rushes.cli.routes import reset

    reset(provider, model, as_json=as_json)


def reroute(
    *,
    model: Annotated[str | None, typer.Option(help="Only tasks for this public model.")] = None,
    as_json: Asks = False,
) -> None:
    """Move queued tasks to the route each would take now; what was sent stays where it is."""
    from rushes.cli.routes import move

    move(model, as_json=as_json)


def simulate(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="Which upstream; without one, all are listed.")
    ] = None,
    *,
    as_json: Asks = False,
) -> None:
    """Run a simulated upstream on this machine; words after its name are its own."""
    from rushes.cli.simulating import simulate

    simulate(name, context.args, as_json=as_json)


def doctor(
    *,
    films: Annotated[
        bool,
        typer.Option(
            "--films", help="Compare every film on record with what is stored, and nothing else."
        ),
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="With --films: read every byte, and compare digests.")
    ] = False,
    host: Host = None,
    port: Port = None,
    as_json: Asks = False,
) -> None:
    """Check this machine, the settings and the data folder; exit 1 if something is broken."""
    if films or deep:
        from rushes.cli.inventory import check_films

        check_films(is_deep=deep, as_json=as_json)
        return
    from rushes.cli.doctor import doctor

    doctor(host, port, as_json=as_json)
