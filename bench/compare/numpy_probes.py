"""The probes of NumPy, as bench/compare/probes/*.ts are those of the others: `numpy_probes.py CAPABILITY STEP PLACE`."""

import importlib.metadata
import inspect
import json
import os
import pathlib
import re
import signal
import sys

import numpy as np

from numpy_data import elements

COMPRESSED = {"first": 100_000, "count": 10}
LARGE = {"first": 700_000, "count": 10}
SMALL = np.arange(6.0).reshape(2, 3)


def expect(found, wanted):
    if not np.array_equal(found, wanted):
        raise AssertionError(f"gave {found}")


def rows(first, count, columns=768):
    return np.arange(first, first + count)[:, None] % 1000 + np.arange(columns)


def make_ones(own):
    np.save(own / "ones.npy", np.ones((4096, 1024), "f4"))


def npy(data, own):
    expect(np.load(data / "small.npy"), SMALL)
    return True, None


def npz(data, own):
    for name in ("stored.npz", "deflated.npz"):
        with np.load(data / name) as z:
            expect(z["small"], SMALL)
    return True, None


def dtypes(data, own):
    known = json.loads((data / "cases.json").read_text())
    right = sum(elements(np.load(data / "cases" / f"{at}.npy")) == one["elements"] for at, one in enumerate(known))
    return right == len(known), f"{right} of {len(known)}"


def objects(data, own):
    return np.load(data / "objects.npy", allow_pickle=True)[0] == {"a": 1}, "runs what the file says"


def large(data, own):
    a = np.load(data / "large.npy", mmap_mode="r")
    expect(a[LARGE["first"] : LARGE["first"] + LARGE["count"]], rows(**LARGE))
    return True, None


def zero_copy(data, own):
    a = np.load(own / "ones.npy", mmap_mode="r")
    with open(own / "ones.npy", "r+b") as file:
        file.seek(131)
        file.write(b"\xbf")
    return bool(a[0, 0] == -1), None


def compressed_slice(data, own):
    with np.load(data / "compressed.npz") as z:
        expect(z["x"][COMPRESSED["first"] : COMPRESSED["first"] + COMPRESSED["count"]], rows(**COMPRESSED))
    return True, "inflates the member"


def npz_lazy(data, own):
    with np.load(data / "two.npz") as z:
        expect(z["small"], SMALL)
    return True, None


def npz_crc(data, own):
    try:
        with np.load(data / "damaged.npz") as z:
            z["small"]
    except Exception as error:
        return "CRC" in str(error), type(error).__name__
    return False, "accepts it"


def http(data, own):
    np.load("http://127.0.0.1/x.npy")
    return True, None


def write_npy(data, own):
    np.save(own / "x.npy", SMALL)
    expect(np.load(own / "x.npy"), SMALL)
    return True, None


def write_large(data, own):
    path, count, each = own / "large.npy", 64, 4096
    np.lib.format.open_memmap(path, "w+", "f4", (count * each, 1024))
    for i in range(count):
        # Opened anew for each piece: pages of a mapping count until it is gone.
        np.load(path, mmap_mode="r+")[i * each : (i + 1) * each] = i
    return bool(np.load(path, mmap_mode="r")[-1, -1] == count - 1), None


def append(data, own):
    with open(own / "rows.npy", "ab") as file:
        np.save(file, SMALL)
        np.save(file, SMALL)
    return len(np.load(own / "rows.npy")) == 4, "a second array in the file, which `load` does not see"


def resize(data, own):
    a = np.load(own / "ones.npy", mmap_mode="r+")
    a.resize((4096, 2048))
    return True, None


def codecs(data, own):
    wanted = [name for name in inspect.signature(np.savez_compressed).parameters if name in ("compression", "method", "codec")]
    return bool(wanted), "deflate only"


def truncated(data, own):
    a = np.load(own / "ones.npy", mmap_mode="r")
    os.truncate(own / "ones.npy", 4096)
    return bool((a[-1] == 1).all()), None


def close(data, own):
    a = np.load(own / "ones.npy", mmap_mode="r")
    part = a[10:20]
    del a
    if str(own) not in pathlib.Path("/proc/self/maps").read_text():
        return bool(part[0, 0] == 1), None
    # There is no close(): the map behind an array is the one thing that has one.
    if (child := os.fork()) == 0:
        part.base._mmap.close() if hasattr(part.base, "_mmap") else part._mmap.close()
        os._exit(part[0, 0] != 1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    by_hand = f"kills the process ({signal.Signals(-ended).name})" if ended < 0 else "does not"
    return False, f"unmaps with the last view; `_mmap.close()` before that {by_hand}"


def maths(data, own):
    expect((SMALL + np.arange(3)).sum(0), [3, 7, 11])
    expect(SMALL @ np.arange(3), [5, 14])
    return True, None


def no_compiler(data, own):
    wheel = importlib.metadata.distribution("numpy").read_text("WHEEL") or ""
    return "Tag: " in wheel, "wheels"


def browser(data, own):
    return None, "with Pyodide, not run here"


PREPARE = {name: make_ones for name in ("zero-copy", "resize", "truncated", "close")}


def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024


def main():
    capability, step, place = sys.argv[1:]
    place = {name: pathlib.Path(folder) for name, folder in json.loads(place).items()}
    if step == "prepare":
        PREPARE.get(capability, lambda own: None)(place["own"])
        print(json.dumps({"prepared": True}))
        return
    try:
        ok, note = globals()[capability.replace("-", "_")](**place)
    except Exception as error:
        ok, note = False, f"{type(error).__name__}: {error}".split("\n")[0][:120]
    print(json.dumps({"ok": ok, "peak": peak()} | ({} if note is None else {"note": note})))


main()
