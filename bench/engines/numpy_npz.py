"""NumPy in the trials of npz.ts, in its own process: the counterpart of npz/child.ts. Also makes their files.

Takes the task as JSON on the command line and prints the figures as JSON. Only `run` is timed; what the run before gave is
freed first, as in Node.
"""

import json
import os
import sys
import zipfile
import zlib

import numpy as np

from numpy_suite import answer, combined


def slice_job(task):
    start, stop = task["places"][0], task["places"][0] + task["length"]

    def run(_):
        with np.load(task["archive"]) as z:
            return z["x"][start:stop]

    return run, lambda result: combined([result])


def random_job(task):
    z, places, length = np.load(task["archive"]), task["places"], task["length"]

    def run(n):
        return z["x"][places[n] : places[n] + length]

    def check(_):
        x = z["x"]
        return combined(x[place : place + length] for place in places[: task["checked"]])

    return run, check


def index_job(task):
    """No index: one pass over the member with nothing kept, as zipfile makes it."""

    def run(_):
        total = 0
        with zipfile.ZipFile(task["archive"]) as z, z.open("x.npy") as member:
            while piece := member.read(256 * 1024):
                total += len(piece)
        return total

    return run, str


def load_job(task):
    def run(_):
        with np.load(task["archive"]) as z:
            return z["x"]

    return run, lambda result: combined([result])


def save_job(task):
    x = np.load(task["npy"])
    write = np.savez if task["level"] < 0 else np.savez_compressed

    def run(_):
        with open(task["archive"], "wb") as file:
            write(file, x=x)
            if task["sync"]:
                file.flush()
                os.fsync(file.fileno())

    return run, lambda _: ""


def open_job(task):
    def run(_):
        with np.load(task["archive"]) as z:
            return len(z.files)

    return run, str


JOBS = {
    "slice": slice_job,
    "random": random_job,
    "index": index_job,
    "load": load_job,
    "save": save_job,
    "open": open_job,
}


def values(kind, count):
    """Arrays as they are met: noise in every bit but the upper ones, signals, counters, words of a text."""
    random = np.random.default_rng(20240229)
    if kind == "normal":
        return random.standard_normal(count, dtype="f4")
    if kind == "smooth":
        out = np.empty(count, "f4")
        step = 1 << 20
        for start in range(0, count, step):
            t = np.arange(start, min(count, start + step), dtype="f8")
            out[start : start + step] = sum(np.sin(t * w) / k for k, w in enumerate((0.0017, 0.0131, 0.0579, 0.2113), 1))
        return out
    if kind == "rounded":
        return np.round(np.sin(np.arange(count) * 0.001), 3)
    if kind == "ints":
        return random.integers(0, 1000, count, dtype="i4")
    ranks = random.zipf(1.2, count)
    return np.where(ranks < 50257, ranks, random.integers(0, 50257, count)).astype("u2")


def make(request):
    path, kind = request["path"], request["kind"]
    if kind == "many":
        with zipfile.ZipFile(path, "w") as z:
            for i in range(request["count"]):
                with z.open(f"layers.{i // 10}.{i % 10}.weight.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.arange(i, i + 4, dtype="f4"))
    elif "npy" in request:
        (np.savez_compressed if request["compressed"] else np.savez)(path, x=np.load(request["npy"]))
    else:
        np.save(path, values(kind, request["count"]))


if sys.argv[1] == "version":
    print(json.dumps({"numpy": np.__version__, "python": sys.version.split()[0], "zlib": zlib.ZLIB_RUNTIME_VERSION}))
elif sys.argv[1] == "make":
    make(json.loads(sys.argv[2]))
else:
    answer(JOBS)
