"""NumPy at its best, measured in its own process: the counterpart of measure.ts.

Takes the task as JSON on the command line and prints the figures as JSON. Output arrays are new for each sample and the
one before is freed first, as in Node; only `run` is timed.
"""

import gc
import json
import os
import resource
import sys
import time

import numpy as np

GET_ROWS = 1000


def checksum(value):
    """As in engine.ts: differs when any 32-bit word or its place does."""
    if not isinstance(value, np.ndarray):
        value = float(value)
        return str(int(value)) if value.is_integer() else repr(value)
    words = np.ascontiguousarray(value).reshape(-1).view(np.uint32)
    total = 0
    step = 1 << 22
    for start in range(0, len(words), step):
        part = words[start : start + step]
        index = np.arange(start, start + len(part), dtype=np.uint32) * np.uint32(2) + np.uint32(1)
        total += int((part * index).sum(dtype=np.uint64))
    return f"{value.nbytes}:{total & 0xFFFFFFFF:x}"


def places(task):
    state, found = 12345, []
    for _ in range(task["operations"]):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        found.append(((state >> 8) % GET_ROWS, (state >> 4) % task["shape"][1]))
    return found


def first_open(task):
    def run():
        m = np.load(task["path"], mmap_mode="r")
        return m, m[task["row"], task["column"]]

    return run, lambda result: result[1]


def open_loop(task):
    path, row, column, operations = task["path"], task["row"], task["column"], range(task["operations"])

    def run():
        for _ in operations:
            m = np.load(path, mmap_mode="r")
            element = m[row, column]
            del m
        return element

    return run, lambda element: element


def get(task):
    """m[i, j] of the memmap, as the target says; see get_item for the quickest way NumPy has."""
    m, at = np.load(task["path"], mmap_mode="r"), places(task)

    def run():
        for i, j in at:
            m[i, j]

    return run, lambda _: sum(float(m[i, j]) for i, j in at)


def get_item(task):
    m, at = np.asarray(np.load(task["path"], mmap_mode="r")), places(task)
    item = m.item

    def run():
        for i, j in at:
            item(i, j)

    return run, lambda _: sum(item(i, j) for i, j in at)


def copies(part):
    def prepare(task):
        # A plain ndarray over the mapping: the memmap subclass costs a little more with each slice.
        m = np.asarray(np.load(task["path"], mmap_mode="r"))
        return (lambda: part(m, task)), lambda result: result

    return prepare


def rows(task):
    m = np.asarray(np.load(task["path"], mmap_mode="r"))

    def run():
        total = 0.0
        for row in m:
            total += row.sum(dtype=np.float64)
        return total

    return run, lambda total: total


JOBS = {
    "first-open": first_open,
    "open": open_loop,
    "get": get,
    "get-item": get_item,
    "stepped": copies(lambda m, task: np.ascontiguousarray(m[::2, ::3])),
    "swap-f4": copies(lambda m, task: m.astype("=f4")),
    "swap-f8": copies(lambda m, task: m.astype("=f8")),
    "transpose-f4": copies(lambda m, task: np.ascontiguousarray(m.T)),
    "transpose-f8": copies(lambda m, task: np.ascontiguousarray(m.T)),
    "column": copies(lambda m, task: np.ascontiguousarray(m[:, task["column"]])),
    "slice": copies(lambda m, task: m[task["sliceRows"] : 2 * task["sliceRows"]].copy()),
    "sum": copies(lambda m, task: m.sum()),
    "rows": rows,
    "load": lambda task: ((lambda: np.load(task["path"])), lambda result: result),
}


def status(*names):
    if not sys.platform.startswith("linux"):
        return None
    found = {}
    with open("/proc/self/status") as lines:
        for line in lines:
            name, _, rest = line.partition(":")
            if name in names:
                found[name] = int(rest.split()[0]) * 1024
    return [found.get(name, 0) for name in names]


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
    except OSError:
        pass


def measure(request):
    task = request["task"]
    run, value = JOBS[request["job"]](task)
    reset_peak()
    before = status("VmRSS", "RssFile")
    samples, cpu = [], []
    result = None
    warm_up = request["warmUp"]
    for n in range(request["samples"] + warm_up):
        memory_freed = isinstance(result, np.ndarray)
        result = None
        if memory_freed:
            gc.collect()
            time.sleep(0.1)  # as in measure.ts
        cpu_started = time.process_time_ns()
        started = time.perf_counter_ns()
        result = run()
        ns = time.perf_counter_ns() - started
        cpu_ns = time.process_time_ns() - cpu_started
        if n >= warm_up:
            samples.append(ns / task["operations"])
            cpu.append(cpu_ns / task["operations"])
    after = status("VmHWM", "VmRSS", "RssFile")
    memory = None
    if before is not None:
        memory = {
            "peakGrowth": after[0] - before[0],
            "growth": after[1] - before[0],
            "filePagesGrowth": after[2] - before[1],
        }
    else:
        memory = {"peakGrowth": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "growth": 0, "filePagesGrowth": 0}
    return {"samples": samples, "cpu": cpu, "memory": memory, "checksum": checksum(value(result))}


def main():
    if sys.argv[1] == "version":
        print(json.dumps({"numpy": np.__version__, "python": sys.version.split()[0]}))
    elif sys.argv[1] == "drop":
        # The only way to posix_fadvise without a compiler.
        fd = os.open(sys.argv[2], os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    else:
        try:
            print(json.dumps(measure(json.loads(sys.argv[1]))))
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}))


if __name__ == "__main__":
    main()
