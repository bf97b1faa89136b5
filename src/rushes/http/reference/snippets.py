"""A call in three languages: curl, Python and JavaScript.

Python is the client's own verb where there is one, the retired OpenAI client's for its dialect,
and a plain request elsewhere. JavaScript is `fetch`, which browsers and Node have.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEY: Final = "RUSHES_API_KEY"
MULTIPART: Final = "multipart"
WIDTH_MAX: Final = 72


@dataclass(frozen=True, slots=True)
class Ask:
    """A call to be shown: `saves` names a file for what comes, `streams` says that it trickles."""

    base: str
    method: str
    path: str
    needs_key: bool = True
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    saves: str | None = None
    streams: bool = False

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.base}{self.path}"

    @property
    def form(self) -> Mapping[str, Any] | None:
        """The fields of a form, where the body is one."""
        found = self.body.get(MULTIPART) if isinstance(self.body, Mapping) else None
        return found if isinstance(found, Mapping) else None

    @property
    def json(self) -> object:
        """The body as JSON, where it is that."""
        return None if self.form is not None else self.body

    @property
    def told(self) -> dict[str, str]:
        """Headers but the key's and the body's type, which each language writes in its way."""
        return {name: value for name, value in self.headers.items() if name != "Content-Type"}


def snippets(operation_id: str, ask: Ask) -> dict[str, str]:
    """Return the call by language."""
    return {
        "curl": curl(ask),
        "Python": python(operation_id, ask),
        "JavaScript": javascript(ask),
    }


def curl(ask: Ask) -> str:
    """Return the call as a command."""
    verb = "" if ask.method in {"GET", "POST"} and ask.body is not None else f"-X {ask.method} "
    if ask.method == "GET":
        verb = "-N " if ask.streams else ""
    lines = [f"curl -sS {verb}{shlex.quote(ask.url)}"]
    if ask.needs_key:
        lines.append(f'-H "Authorization: Bearer ${KEY}"')
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in ask.told.items()]
    if ask.form is not None:
        lines += [
            f"-F {shlex.quote(f'{name}={_form_value(one)}')}" for name, one in ask.form.items()
        ]
    elif ask.body is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {shlex.quote(_json(ask.json))}")
    if ask.saves is not None:
        lines.append(f"-o {ask.saves}")
    return " \\\n  ".join(lines)


def javascript(ask: Ask) -> str:
    """Return the call as a module."""
    lines = ['import { writeFile } from "node:fs/promises";', ""] if ask.saves else []
    if ask.form is not None and any(isinstance(one, Mapping) for one in ask.form.values()):
        lines = ['import { openAsBlob } from "node:fs";', "", *lines]
    options = [] if ask.method == "GET" else [f'  method: "{ask.method}",']
    if ask.form is not None:
        lines += ["const form = new FormData();", *_js_form(ask.form), ""]
    headers = {name: json.dumps(value) for name, value in ask.told.items()}
    if ask.needs_key:
        headers = {"Authorization": f"`Bearer ${{process.env.{KEY}}}`", **headers}
    if ask.json is not None:
        headers["Content-Type"] = '"application/json"'
    if headers:
        options.append("  headers: {")
        options += [f"    {_js_name(name)}: {value}," for name, value in headers.items()]
        options.append("  },")
    if ask.form is not None:
        options.append("  body: form,")
    elif ask.body is not None:
        options.append(f"  body: JSON.stringify({_indented(_pretty(ask.json), '  ')}),")
    given = ["{", *options, "}"] if options else []
    call = "\n".join([f'const answer = await fetch("{ask.url}"', *given])
    lines.append(call.replace('"\n{', '", {') + ");")
    if ask.streams:
        lines += [
            "for await (const piece of answer.body) {",
            "  process.stdout.write(Buffer.from(piece));",
            "}",
        ]
    elif ask.saves:
        lines.append(f'await writeFile("{ask.saves}", Buffer.from(await answer.arrayBuffer()));')
    else:
        lines.append("console.log(answer.status, await answer.text());")
    return "\n".join(lines)


def python(operation_id: str, ask: Ask) -> str:
    """Return the call as a script."""
    verb = _VERBS.get(operation_id)
    if verb is not None and ask.form is None:
        return verb(ask)
    lines = ["import os", "", "import httpx2", ""]
    if not ask.needs_key:
        lines = ["import httpx2", ""]
    given = [f'"{ask.url}"']
    headers = [f'"{name}": {json.dumps(value)}' for name, value in ask.told.items()]
    if ask.needs_key:
        headers = [f'"Authorization": f"Bearer {{os.environ[\'{KEY}\']}}"', *headers]
    if headers:
        given.append(f"headers={{{', '.join(headers)}}}")
    if ask.form is not None:
        files = {name: one for name, one in ask.form.items() if isinstance(one, Mapping)}
        plain = {name: one for name, one in ask.form.items() if name not in files}
        given.append(f"data={_py(plain)}")
        if files:
            opened = ", ".join(
                f'"{name}": open("{one.get("filename", name)}", "rb")'
                for name, one in files.items()
            )
            given.append(f"files={{{opened}}}")
    elif ask.body is not None:
        given.append(f"json={_indented(_py(ask.json), '    ')}")
    call = f"httpx2.{ask.method.lower()}"
    lines.append(f"answer = {call}(" + "".join(f"\n    {one}," for one in given) + "\n)")
    lines.append("answer.raise_for_status()")
    lines.append(
        f'open("{ask.saves}", "wb").write(answer.content)' if ask.saves else "print(answer.text)"
    )
    return "\n".join(lines)


# -- verbs of the client ---------------------------------------------------------------------------


def _client(ask: Ask, *lines: str) -> str:
    within = "\n".join(f"    {line}" for line in lines)
    return (
        "from rushes import Rushes\n\n"
        f'with Rushes(base_url="{ask.base}") as client:  # {KEY}\n{within}'
    )


def _openai(ask: Ask, *lines: str) -> str:
    after = "\n".join(lines)
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{ask.base}/v1", api_key=os.environ["{KEY}"])\n{after}'
    )


def _submit(ask: Ask) -> str:
    body = dict(ask.body)
    prompt, model = body.pop("prompt", None), body.pop("model", "sandbox")
    given = ([] if prompt is None else [json.dumps(prompt, ensure_ascii=False)]) + [
        f'model="{model}"'
    ]
    if body:
        given.append(f"extra_body={_indented(_py(body), '    ')}")
    return _client(
        ask,
        f"video = client.videos.create_and_wait({', '.join(given)})",
        'client.videos.download(video, "film.mp4")',
    )


def _create(ask: Ask) -> str:
    given = ", ".join(f"{name}={_py(value)}" for name, value in dict(ask.body).items())
    return _openai(
        ask,
        f"video = client.videos.create_and_poll({given})",
        'client.videos.download_content(video.id).write_to_file("film.mp4")',
    )


def _of(ask: Ask, place: int = 4) -> str:
    """Return the id in a path."""
    return json.dumps(ask.path.partition("?")[0].split("/")[place])


_VERBS: Final[Mapping[str, Callable[[Ask], str]]] = {
    "post_video_generations": _submit,
    "get_video_generations": lambda ask: _client(
        ask, "for video in client.videos.list(limit=20):", "    print(video.id, video.status)"
    ),
    "get_video_generations_task_id": lambda ask: _client(
        ask, f"video = client.videos.retrieve({_of(ask)})", "print(video.status, video.url)"
    ),
    "get_video_generations_task_id_events": lambda ask: _client(
        ask, f"for event in client.videos.events({_of(ask)}):", "    print(event)"
    ),
    "post_video_generations_task_id_cancel": lambda ask: _client(
        ask, f"print(client.videos.cancel({_of(ask)}).status)"
    ),
    "delete_video_generations_task_id": lambda ask: _client(
        ask, f"client.videos.delete({_of(ask)})"
    ),
    "post_videos": _create,
    "get_videos": lambda ask: _openai(
        ask, "for video in client.videos.list(limit=20):", "    print(video.id, video.status)"
    ),
    "get_videos_video_id": lambda ask: _openai(
        ask, f"print(client.videos.retrieve({_of(ask, 3)}).status)"
    ),
    "delete_videos_video_id": lambda ask: _openai(ask, f"client.videos.delete({_of(ask, 3)})"),
    "get_videos_video_id_content": lambda ask: _client(
        ask, f'client.videos.download({_of(ask, 3)}, "film.mp4")'
    ),
    "post_videos_video_id_remix": lambda ask: _openai(
        ask, f"print(client.videos.remix({_of(ask, 3)}, prompt={_py(ask.body['prompt'])}).id)"
    ),
    "post_videos_edits": lambda ask: _client(
        ask, f"video = client.videos.edit({_py(ask.body['video']['id'])}, "
        f"{_py(ask.body['prompt'])})", "print(video.id)",
    ),
    "post_videos_extensions": lambda ask: _client(
        ask, f"video = client.videos.extend({_py(ask.body['video']['id'])}, "
        f"{_py(ask.body['prompt'])}, seconds={int(ask.body['seconds'])})", "print(video.id)",
    ),
    "get_models": lambda ask: _client(
        ask, "for model in client.models.list():", "    print(model.id)"
    ),
    "get_models_model": lambda ask: _client(
        ask, f"print(client.models.retrieve({_of(ask, 3)}))"
    ),
    "get_webhooks_secret": lambda ask: _client(ask, "print(client.webhooks.secret())"),
}  # fmt: skip
"""Operations that the clients have a verb for."""


# -- values ----------------------------------------------------------------------------------------


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pretty(value: object) -> str:
    """Return JSON on one line where it fits, else indented."""
    line = _json(value)
    return line if len(line) <= WIDTH_MAX else json.dumps(value, indent=2, ensure_ascii=False)


def _py(value: object) -> str:
    """Return a value as Python has it, on one line where it fits."""
    if isinstance(value, Mapping) and len(repr(value)) > WIDTH_MAX:
        inner = "".join(
            f"\n    {_json(key)}: {_indented(_py(one), '    ')}," for key, one in value.items()
        )
        return f"{{{inner}\n}}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_json(key)}: {_py(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_py, value)) + "]"
    return _json(value) if isinstance(value, str) else repr(value)


def _indented(text: str, by: str) -> str:
    return text.replace("\n", f"\n{by}")


def _form_value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"@{value['filename']}" if "filename" in value else _json(value)
    return str(value)


def _js_form(form: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, one in form.items():
        if isinstance(one, Mapping) and "filename" in one:
            lines.append(f'form.append("{name}", await openAsBlob("{one["filename"]}"));')
        else:
            lines.append(f'form.append("{name}", {_json(_form_value(one))});')
    return lines


def _js_name(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'
