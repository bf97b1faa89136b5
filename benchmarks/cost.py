"""Run a command, and say on the last line what it took: seconds, CPU seconds, peak memory in MB.

    python -I -S benchmarks/cost.py COMMAND ... < ITS_INPUT

A process of its own, and a small one: the kernel counts as a child's peak what its parent had
when it forked.
"""

import json
import resource
import subprocess
import sys
import time

begun = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode
took_s = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cost = {
    "took_s": took_s,
    "cpu_s": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss * 1024 / 1e6,
}
print(json.dumps(cost))
sys.exit(code)
