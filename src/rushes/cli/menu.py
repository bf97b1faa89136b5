"""The menu: every verb, its panel in `--help`, and nothing that takes time to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from rushes import __version__
from rushes.cli import callers, money, operators, overseeing, owners
from rushes.cli.plainly import plainly

_EXIT_CODES: Final = (
    "Exit codes: 0 done, 1 it did not work, 2 it was not begun, 3 not finished in the time that "
    "was given, 130 Ctrl-C."
)
_SETTINGS: Final = {"help_option_names": ["-h", "--help"]}
_FILMS: Final = "Making films (RUSHES_BASE_URL, RUSHES_API_KEY)"
_SERVER: Final = "Running a server (RUSHES_DATA_DIR, RUSHES_CONFIG)"
_INSIDE: Final = "Looking inside the data folder, beside a running server too"

app: Final = typer.Typer(
    name="rushes",
    help="One durable API in front of every video model: ask once, pay once, get a film.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)


class _ShowsFirst(TyperGroup):
    """Verbs about models; without one of them, `show` is meant: `rushes models sora-2`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 -- its type is private
        """Put in the verb that was left out."""
        is_verb = next((word for word in args if not word.startswith("-")), "") in self.commands
        is_help = bool({"-h", "--help"} & set(args))
        return super().parse_args(ctx, args if is_verb or is_help else ["show", *args])


models: Final = typer.Typer(
    cls=_ShowsFirst,
    help="List what films can be made with, or update the cards that say so.",
    context_settings=_SETTINGS,
)
accounts: Final = typer.Typer(
    help="Make, bound and close accounts, which own keys and tasks.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
keys: Final = typer.Typer(
    help="Make, change, replace and revoke API keys.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
tasks: Final = typer.Typer(
    help="List tasks of all accounts, and stop one.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
routes: Final = typer.Typer(
    help="See how routes to providers fare.", no_args_is_help=True, context_settings=_SETTINGS
)
salvage: Final = typer.Typer(
    help="Find what may have been paid for without a film, and give late films to their callers.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
doubt: Final = typer.Typer(
    help="Decide about submits that got no answer.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
budgets: Final = typer.Typer(
    help="Bound what accounts and keys may spend: in all, a day, a month.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
webhooks: Final = typer.Typer(
    help="Tell receivers how videos end: addresses, secrets, what was delivered.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)
endpoints: Final = typer.Typer(
    help="Addresses that hear of every video of an account.",
    no_args_is_help=True,
    context_settings=_SETTINGS,
)


def _tell_version(*, is_asked: bool) -> None:
    if is_asked:
        print(f"rushes {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _tell_version(is_asked=asked),
            is_eager=True,
            help="Say which Rushes this is.",
        ),
    ] = False,
) -> None:
    del version


_MENU: Final[tuple[tuple[str, str, Callable[..., None]], ...]] = (
    (_SERVER, "demo", operators.demo),
    (_SERVER, "init", operators.init),
    (_SERVER, "serve", operators.serve),
    (_SERVER, "api", operators.api),
    (_SERVER, "worker", operators.worker),
    (_SERVER, "migrate", operators.migrate),
    (_SERVER, "doctor", operators.doctor),
    (_SERVER, "verify-provider", operators.verify_provider),
    (_FILMS, "generate", callers.generate),
    (_FILMS, "remix", callers.remix),
    (_FILMS, "edit", callers.edit),
    (_FILMS, "extend", callers.extend),
    (_FILMS, "watch", callers.watch),
    (_FILMS, "get", callers.get),
    (_FILMS, "list", callers.list_films),
    (_FILMS, "cancel", callers.cancel),
    (_FILMS, "download", callers.download),
    (_FILMS, "whoami", callers.whoami),
    (_FILMS, "mcp", callers.mcp),
    (_INSIDE, "explain", operators.explain),
    (_INSIDE, "reroute", operators.reroute),
    (_INSIDE, "erase", operators.erase),
    (_INSIDE, "audit", operators.audit),
    (_INSIDE, "usage", money.usage),
    (_INSIDE, "insights", overseeing.insights),
    (_INSIDE, "faults", overseeing.faults),
)
for _panel, _name, _verb in _MENU:
    _epilog = _EXIT_CODES if _panel == _FILMS else None
    app.command(_name, rich_help_panel=_panel, epilog=_epilog)(plainly(_verb))
app.command(
    "simulate",
    rich_help_panel=_SERVER,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(plainly(operators.simulate))
app.command(
    "verify",
    rich_help_panel=_SERVER,
    epilog=(
        "Exit codes: 0 the seal holds, 1 it does not or the prompt is another one, 2 the file "
        "cannot be read, 4 the film has no seal."
    ),
)(plainly(operators.verify))
app.add_typer(models, name="models", rich_help_panel=_FILMS)
app.add_typer(accounts, name="accounts", rich_help_panel=_INSIDE)
app.add_typer(keys, name="keys", rich_help_panel=_INSIDE)
app.add_typer(tasks, name="tasks", rich_help_panel=_INSIDE)
app.add_typer(routes, name="routes", rich_help_panel=_INSIDE)
app.add_typer(salvage, name="salvage", rich_help_panel=_INSIDE)
app.add_typer(doubt, name="doubt", rich_help_panel=_INSIDE)
app.add_typer(budgets, name="budgets", rich_help_panel=_INSIDE)
budgets.command("set")(plainly(money.set_budget))
budgets.command("list")(plainly(money.list_budgets))
budgets.command("remove")(plainly(money.remove_budget))
budgets.command("recount")(plainly(money.recount_budgets))
models.command("show")(plainly(callers.models))
models.command("update")(plainly(operators.update_models))
accounts.command("create")(plainly(owners.create_account))
accounts.command("list")(plainly(owners.list_accounts))
accounts.command("show")(plainly(owners.show_account))
accounts.command("limits")(plainly(owners.limit_account))
accounts.command("close")(plainly(owners.close_account))
accounts.command("reopen")(plainly(owners.reopen_account))
keys.command("create")(plainly(owners.create_key))
keys.command("list")(plainly(owners.list_keys))
keys.command("show")(plainly(owners.show_key))
keys.command("change")(plainly(owners.change_key))
keys.command("rotate")(plainly(owners.rotate_key))
keys.command("revoke")(plainly(owners.revoke_key))
tasks.command("list")(plainly(owners.list_tasks))
tasks.command("cancel")(plainly(owners.cancel_task))
routes.command("list")(plainly(operators.list_routes))
routes.command("reset")(plainly(operators.reset_route))
salvage.command("list")(plainly(operators.list_salvage))
app.add_typer(webhooks, name="webhooks", rich_help_panel=_INSIDE)
webhooks.command("list")(plainly(operators.list_posts))
webhooks.command("redeliver")(plainly(operators.redeliver))
webhooks.command("secret")(plainly(operators.webhook_secret))
webhooks.command("listen")(plainly(callers.listen))
webhooks.add_typer(endpoints, name="endpoints")
endpoints.command("add")(plainly(operators.add_endpoint))
endpoints.command("list")(plainly(operators.list_endpoints))
endpoints.command("remove")(plainly(operators.remove_endpoint))
endpoints.command("enable")(plainly(operators.enable_endpoint))
salvage.command("report")(plainly(operators.report_salvage))
salvage.command("adopt")(plainly(operators.adopt_salvage))
doubt.command("list")(plainly(operators.list_doubts))
doubt.command("look")(plainly(operators.look_at_doubt))
doubt.command("adopt")(plainly(operators.adopt_doubt))
doubt.command("fail")(plainly(operators.fail_doubt))
