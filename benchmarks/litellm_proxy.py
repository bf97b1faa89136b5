"""LiteLLM's proxy beside us, where it is installed: its status looks and its submits.

    python benchmarks/litellm_proxy.py [--litellm PATH] [--seconds S]

LiteLLM (`pip install 'litellm[proxy]'`, in a virtual environment of its own) is a proxy for many
kinds of models, of which videos are one. It passes each request on to the vendor and keeps
nothing: no task of its own that survives a crash, no look that costs the vendor nothing, no film
stored, nothing that keeps a retry from paying twice. So these rates are not rates of the same
work; they say what a caller gets from a gateway of the other kind on the same machine. Its proxy
runs as one worker without a database, in front of a vendor that answers at once; callers use 32
connections on the same cores. Ours are in `looks.py` and `submits.py`.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from completions import tiny_film
from looks import percentile
from measuring import (
    Result,
    arguments,
    cpu_s,
    free_port,
    load_1min,
    memory_mb,
    middle,
    program,
    running,
    show,
    wanted,
)
from sites import a_vendor

CONNECTIONS = 32
KEY = "sk-benchmark"
CONFIG = """
model_list:
  - model_name: sora-2
    litellm_params:
      model: openai/sora-2
      api_base: http://127.0.0.1:{vendor}/v1
      api_key: sk-vendor
general_settings:
  master_key: {key}
"""
ASKING = """
local method, path, body = "GET", "", nil
function init(args)
  method, path, body = args[1], args[2], args[3]
end
function request()
  return wrk.format(method, path, {
    ["Authorization"] = "Bearer %s", ["Content-Type"] = "application/json"
  }, body)
end
"""
BODY = {"model": "sora-2", "prompt": "A paper boat crosses a rain puddle"}


@dataclass(frozen=True)
class Measure:
    """One kind of request, one round."""

    name: str
    per_s: float
    per_cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


def submit(port: int) -> str:
    """Submit once; return the id that it gives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/videos", json.dumps(BODY), headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"LiteLLM does not submit: {answer.status} {told[:300]!r}")
    return str(json.loads(told)["id"])


def asked(pid: int, port: int, name: str, words: Sequence[str], script: Path, s: int) -> Measure:
    """Let wrk ask."""
    command = [wanted("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{s}s", "--latency", "-s", str(script)]
    spent = cpu_s(pid)
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}", "--", *words],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    spent = cpu_s(pid) - spent
    if "Non-2xx" in told:
        raise SystemExit(f"wrong answers:\n{told}")
    count = int(told.partition(" requests in")[0].split()[-1])
    p50_ms, p99_ms = percentile(told, "50"), percentile(told, "99")
    return Measure(name, count / s, count / spent, p50_ms, p99_ms, memory_mb(pid))


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--seconds", type=int, default=5, help="for each line in each round")
    parser.add_argument("--litellm", help="the program, if it is not on the PATH")
    given = parser.parse_args()
    litellm = given.litellm or program("litellm")
    if litellm is None:
        print("no litellm here; name one by --litellm. Nothing was measured, and nothing changed.")
        return
    loads, measures = [load_1min()], list[Measure]()
    with tempfile.TemporaryDirectory() as home:
        film, config, script = (Path(home) / name for name in ("f.mp4", "c.yaml", "asking.lua"))
        tiny_film(film)
        script.write_text(ASKING % KEY)
        with a_vendor(film) as vendor:
            config.write_text(CONFIG.format(vendor=vendor, key=KEY))
            port = free_port()
            command = [litellm, "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
            quiet = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
            path = "/health/liveliness"
            with running(command, port, path=path, environment=quiet) as proxy:
                video_id = submit(port)
                words = {
                    "look": ["GET", f"/v1/videos/{video_id}"],
                    "submit": ["POST", "/v1/videos", json.dumps(BODY)],
                }
                for number in range(given.rounds + 1):
                    for name, said in words.items():
                        seconds = given.seconds if number else 1
                        one = asked(proxy.pid, port, name, said, script, seconds)
                        print(one, file=sys.stderr, flush=True)
                        measures += [one] if number else []
    loads.append(load_1min())
    facts = ("per_s", "per_cpu_s", "p50_ms", "p99_ms", "rss_mb")
    lines = {
        name: {
            fact: middle(getattr(one, fact) for one in measures if one.name == name)
            for fact in facts
        }
        for name in words
    }
    show(
        "litellm",
        ("per s", "per CPU-s", "p50 ms", "p99 ms", "Rss MB"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    code = "import importlib.metadata as m; print(m.version('litellm'))"
    python = Path(litellm).resolve().parent / "python"
    version = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    settings = {
        "litellm": version.stdout.strip() or "unknown",
        "connections": CONNECTIONS,
        "seconds": given.seconds,
        "rounds": given.rounds,
        "load_1min": loads,
    }
    notes = [f"LiteLLM {settings['litellm']}, one worker, no database."]
    Result("litellm_proxy", [], lines, settings, notes, measures).tell(given.json)


if __name__ == "__main__":
    main()
