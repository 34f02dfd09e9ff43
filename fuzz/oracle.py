"""NumPy's opinion of files: a path a line, with `npy` or `npz` before it; answers are JSON, a line each."""

import hashlib
import json
import resource
import signal
import sys
import warnings

import numpy as np

MOST_NBYTES = 64 * 1024 * 1024


def leaves(array):
    """Bytes of the fields: what is between them NumPy leaves as it finds it."""
    if array.dtype.names is None:
        yield array.tobytes()
        return
    for name in array.dtype.names:
        yield from leaves(array[name])


def digest(array):
    if not isinstance(array, np.ndarray):
        return {"error": "no array", "message": type(array).__name__}
    if array.nbytes > MOST_NBYTES:
        return {"error": "skipped", "message": "too long"}
    head = f"{array.itemsize} [{','.join(map(str, array.shape))}] ".encode()
    return {"digest": hashlib.sha1(head + b"".join(leaves(array))).hexdigest()}


def failure(error):
    return {"error": type(error).__name__, "message": str(error)}


def look(kind, path):
    try:
        loaded = np.load(path)
    except BaseException as error:
        return {"": failure(error)}
    if kind == "npy" or isinstance(loaded, np.ndarray):
        return {"": digest(loaded)}
    outcomes = {}
    with loaded as archive:
        for key in list(archive.keys())[:20]:
            try:
                value = archive[key]
                outcomes[key] = digest(np.frombuffer(value, "u1") if isinstance(value, bytes) else value)
            except BaseException as error:
                outcomes[key] = failure(error)
    return outcomes


def late(*_):
    raise TimeoutError("too slow")


def main():
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.signal(signal.SIGALRM, late)
    for line in sys.stdin:
        kind, path = line.rstrip("\n").split(" ", 1)
        signal.alarm(10)
        try:
            answer = look(kind, path)
        except BaseException as error:
            answer = {"": failure(error)}
        signal.alarm(0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
