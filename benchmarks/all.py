"""Every benchmark, one after another, and the pages about them.

    python benchmarks/all.py [NAME ...]

About fifty minutes on two cores; nothing else should run beside it. A script that is named is
measured anew, the others keep what they found last.
"""

from __future__ import annotations

import subprocess
import sys

from report import HERE, NAMES, RESULTS


def main() -> None:
    asked = sys.argv[1:] or list(NAMES)
    if unknown := set(asked) - set(NAMES):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    RESULTS.mkdir(exist_ok=True)
    for name in asked:
        print(f"\n== {name}", flush=True)
        script, told = HERE / f"{name}.py", RESULTS / f"{name}.json"
        subprocess.run([sys.executable, str(script), "--json", str(told)], check=True)
    print("\n== report", flush=True)
    subprocess.run([sys.executable, str(HERE / "scale.py")], check=True)
    subprocess.run([sys.executable, str(HERE / "report.py")], check=True)


if __name__ == "__main__":
    main()
