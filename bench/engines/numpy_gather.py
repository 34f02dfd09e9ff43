"""NumPy in the trials of gather.ts, in its own process: the counterpart of gather/child.ts. And dd, whose time is that which
it prints itself.
"""

import json
import mmap
import os
import re
import resource
import subprocess
import sys
import time

import numpy as np

from numpy_engine import checksum
from numpy_suite import answer


def batches_of(task):
    """As intp, which NumPy takes without a conversion."""
    indices = np.fromfile(task["indices"], "<i4").reshape(task["batches"], task["batch"])
    return [batch[: task["count"]].astype(np.intp) for batch in indices]


def mapped(task):
    m = np.load(task["path"], mmap_mode="r")
    # A plain ndarray over the mapping: the memmap class costs more with each call.
    return m, np.asarray(m).reshape(-1, task["width"])


def each(task, take):
    batches, operations = batches_of(task), task["operations"]

    def run(n):
        for k in range(operations):
            last = take(batches[(n * operations + k) % len(batches)])
        return last

    return run, lambda rows: checksum(rows[: task["checked"]])


def index_job(task):
    _, rows = mapped(task)
    return each(task, lambda batch: rows[batch])


def index_random_job(task):
    m, rows = mapped(task)
    m._mmap.madvise(mmap.MADV_RANDOM)
    return each(task, lambda batch: rows[batch])


def take_job(mode):
    def prepare(task):
        _, rows = mapped(task)
        out = np.zeros((task["count"], task["width"]), "f4")
        return each(task, lambda batch: np.take(rows, batch, axis=0, out=out, mode=mode))

    return prepare


def pass_job(task):
    _, rows = mapped(task)
    step = task["byteLength"] // (task["width"] * 4)

    def run(_):
        return sum(float(rows[at : at + step, 0].sum(dtype="f8")) for at in range(0, len(rows), step))

    return run, checksum


def fromfile_job(task):
    offset = np.load(task["path"], mmap_mode="r").offset
    width, count = task["width"], task["byteLength"] // 4

    def run(_):
        total = 0.0
        with open(task["path"], "rb") as file:
            file.seek(offset)
            while len(values := np.fromfile(file, "f4", count)):
                total += float(values[::width].sum(dtype="f8"))
        return total

    return run, checksum


JOBS = {
    "index": index_job,
    "index-random": index_random_job,
    "np-take": take_job("raise"),
    "np-take-clip": take_job("clip"),
    "pass": pass_job,
    "pass-fromfile": fromfile_job,
}


def dd(task):
    flags = ["iflag=direct"] if task["job"] == "dd-direct" else []
    command = ["dd", f"if={task['path']}", "of=/dev/null", "bs=8M", *flags]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1]}
    seconds = float(re.search(r"copied, ([0-9.e+-]+) s", done.stderr).group(1))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (usage.ru_utime + usage.ru_stime) * 1e9
    figures = {"samples": [seconds * 1e9 / task["units"]], "cpu": [cpu / task["units"]], "checksum": ""}
    return {**figures, "peakGrowth": None, "filePagesGrowth": None, "totalCpu": cpu + time.process_time_ns()}


request = json.loads(sys.argv[1])
if request["engine"] == "dd":
    print(json.dumps(dd(request)))
else:
    answer(JOBS)
