"""How a suite measures NumPy, in its own process: the counterpart of suite/child.ts.

Only `run` is timed; what the run before gave is freed first, as in Node.
"""

import gc
import json
import sys
import time

import numpy as np

from numpy_engine import checksum, reset_peak, status

# What is freed takes the system a moment, as in suite/child.ts.
LARGE_NBYTES = 16 * 1024 * 1024
FRESH_NS_PER_BYTE = 0.8
MOST_TOUCHES = 4


def combined(parts):
    return " ".join(checksum(np.ascontiguousarray(part).view(np.uint8)) for part in parts)


def have_memory(nbytes):
    """As haveMemory in suite/child.ts: memory that the host of a virtual machine has taken back is had again first."""
    for _ in range(MOST_TOUCHES):
        started = time.perf_counter_ns()
        np.empty(nbytes, "u1").fill(1)
        if time.perf_counter_ns() - started < FRESH_NS_PER_BYTE * nbytes:
            return


def measure(jobs, task):
    run, check = jobs[task["job"]](task)
    gc.collect()
    reset_peak()
    before = status("VmRSS", "RssFile")
    samples, cpu, result = [], [], None
    units = task.get("units", 1)
    for n in range(task["samples"] + task["warmUp"]):
        large = isinstance(result, np.ndarray) and (result.base is not None or result.nbytes >= LARGE_NBYTES)
        nbytes = result.nbytes if large else 0
        result = None
        if large:
            gc.collect()
            time.sleep(0.1)
            have_memory(nbytes)
        cpu_before = time.process_time_ns()
        started = time.perf_counter_ns()
        result = run(n)
        ns = time.perf_counter_ns() - started
        if n >= task["warmUp"]:
            samples.append(ns / units)
            cpu.append((time.process_time_ns() - cpu_before) / units)
    after = status("VmHWM", "RssFile")
    growth = [None, None] if before is None else [now - then for now, then in zip(after, before)]
    figures = {"samples": samples, "cpu": cpu, "peakGrowth": growth[0], "filePagesGrowth": growth[1]}
    return {**figures, "checksum": check(result), "totalCpu": time.process_time_ns()}


def answer(jobs):
    try:
        print(json.dumps(measure(jobs, json.loads(sys.argv[1]))))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
