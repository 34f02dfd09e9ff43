"""The files of data.ts that NumPy makes, and a look by NumPy at files that others wrote.

`make FOLDER COMPRESSED` or `check PATH DTYPE SHAPE`; where the file is something else, it ends with an error.
"""

import json
import pathlib
import sys
import zipfile

import numpy as np

RECORD = np.dtype([("x", "<i4"), ("y", "<f8"), ("s", "S3")])
NESTED = np.dtype([("id", "<u2"), ("at", [("lat", "<f4"), ("lon", ">f4")]), ("m", "<i2", (2, 2))])


def cases():
    """Names and arrays; every dtype that np.save writes but object, and every layout of its files."""
    for name in "i1 i2 i4 i8 u1 u2 u4 u8".split():
        info = np.iinfo(name)
        yield name, np.array([info.min, -1 if info.min else 1, 0, info.max], name)
    for name in "f2 f4 f8".split():
        yield name, np.array([0.5, -1.25, 3.0, np.inf, np.finfo(name).max, 1 / 3], name)
    for name in "c8 c16".split():
        yield name, np.array([1 + 2j, -0.5 - 4j], name)
    yield "bool", np.array([True, False, True])
    yield "longdouble", np.array([0.5, -3.25], np.longdouble)
    yield "clongdouble", np.array([0.5 + 2j], np.clongdouble)
    for name in ">i2 >i4 >i8 >u4 >f2 >f4 >f8 >c8 >U3 >M8[s]".split():
        values = {"U": ["abc", "é"], "M": [1, 1234567890], "c": [1 + 2j, -4j]}.get(name[1], [1, 2, 100])
        yield name, np.array(values, name)
    yield "S", np.array([b"ab", b"abcd", b""])
    yield "U", np.array(["ab", "日本", "é"])
    yield "U with surrogates", np.array(["ab", "🙂"])
    yield "V", np.array([b"abc", b"\x00\x01\x02"], "V3")
    yield "datetime64[D]", np.array(["2020-01-02", "1969-12-31"], "M8[D]")
    yield "datetime64[ns]", np.array(["2020-01-02T03:04:05.123456789"], "M8[ns]")
    yield "timedelta64[ms]", np.array([-5, 86400000], "m8[ms]")
    yield "structured", np.array([(1, 0.5, b"ab"), (-2, 1e300, b"abc")], RECORD)
    yield "nested", np.array([(1, (0.5, 2.0), [[1, 2], [3, 4]])], NESTED)
    yield "F order", np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3))
    yield "3-d", np.arange(24, dtype="f4").reshape(2, 3, 4)
    yield "0-d", np.array(1.5)
    yield "empty", np.empty((0, 3), "f4")
    yield "format 2.0", np.arange(3, dtype="i4")
    yield "format 3.0", np.arange(3, dtype="f4")


def elements(value):
    if isinstance(value, np.ndarray):
        return [text for item in value.reshape(-1) for text in elements(item)]
    if isinstance(value, np.void):
        return [text for name in value.dtype.names for text in elements(value[name])] if value.dtype.names else [
            str(byte) for byte in value.tobytes()
        ]
    if isinstance(value, (np.complexfloating,)):
        return elements(value.real) + elements(value.imag)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return [str(value.astype("i8"))]
    if isinstance(value, np.bytes_):
        return [value.decode("latin1")]
    if isinstance(value, np.floating):
        return [{"inf": "Infinity", "-inf": "-Infinity"}.get(repr(float(value)), repr(float(value)))]
    return [str(int(value)) if isinstance(value, np.bool_) else str(value)]


def make_archives(folder, rows, columns, first, count):
    small = np.arange(6, dtype="f8").reshape(2, 3)
    np.savez(folder / "stored.npz", small=small)
    np.savez_compressed(folder / "deflated.npz", small=small)
    np.savez(folder / "two.npz", big=np.zeros((rows, columns), "f4"), small=small)
    large = np.zeros((rows, columns), "f4")
    large[first : first + count] = np.arange(first, first + count)[:, None] % 1000 + np.arange(columns)
    np.savez_compressed(folder / "compressed.npz", x=large)
    damaged = bytearray((folder / "stored.npz").read_bytes())
    with zipfile.ZipFile(folder / "stored.npz") as z:
        start = z.getinfo("small.npy").header_offset
    damaged[damaged.index(small.tobytes(), start) + 14] ^= 1
    (folder / "damaged.npz").write_bytes(damaged)


def make(folder, compressed):
    (folder / "cases").mkdir()
    known = []
    for at, (name, array) in enumerate(cases()):
        version = {"format 2.0": (2, 0), "format 3.0": (3, 0)}.get(name)
        with open(folder / "cases" / f"{at}.npy", "wb") as file:
            np.lib.format.write_array(file, array, version)
        known.append({"name": name, "shape": array.shape, "elements": elements(array)})
    (folder / "cases.json").write_text(json.dumps(known))
    np.save(folder / "small.npy", np.arange(6, dtype="f8").reshape(2, 3))
    np.save(folder / "objects.npy", np.array([{"a": 1}, [2, 3]], object), allow_pickle=True)
    make_archives(folder, **compressed)


def check(path, dtype, shape):
    array = np.load(path)
    wanted = np.arange(np.prod(shape)).reshape(shape)
    if array.dtype != np.dtype(dtype) or array.shape != tuple(shape) or not np.array_equal(array, wanted):
        sys.exit(f"NumPy reads {array.dtype} {array.shape}: {array}")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]))
    else:
        check(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
