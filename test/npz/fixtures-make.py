"""Writes test/npz/fixtures with the real NumPy: python3 test/npz/fixtures-make.py, then biome check --write on its JSON.

expected.json has, for each archive, NumPy's `files` and every value as NumPy reads it: dtype, shape, order, digest of the bytes in C order. Format it with biome.
"""
import hashlib
import io
import json
import os
import zipfile

import numpy as np

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")


def path(name):
    return os.path.join(folder, name)


class Pipe(io.RawIOBase):
    """Takes bytes and cannot seek, as a pipe."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def seekable(self):
        return False

    def tell(self):
        raise OSError("not seekable")

    def seek(self, *_):
        raise OSError("not seekable")


random = np.random.default_rng(7)
record = np.zeros(3, dtype=[("x", "<i4", (2,)), ("name", "S3"), ("w", ">f8")])
record["x"] = [[1, 2], [3, 4], [5, 6]]
record["name"] = [b"a", b"bc", b"def"]
record["w"] = [0.5, -1.25, 3e300]
arrays = {
    "f4": random.normal(size=(7, 5)).astype("f4"),
    "i2_big": np.arange(-6, 6, dtype=">i2").reshape(3, 4),
    "bool": np.array([True, False, True]),
    "c16": np.array([1 + 2j, -3.5j]),
    "u8": np.array([2**64 - 1, 0], dtype="u8"),
    "F": np.asfortranarray(np.arange(24, dtype="<i8").reshape(4, 6)),
    "zero_d": np.array(3.25),
    "empty": np.zeros((0, 3), dtype="f8"),
    "record": record,
    "text": np.array(["ab", "größer", "数"]),
    "bytes": np.array([b"x", b"yz"]),
    "time": np.array(["2024-02-29T12:00", "NaT"], dtype="M8[s]"),
    "f2": np.array([1.5, -2, 65504], dtype="f2"),
    "long": (np.arange(9000) % 251).astype("i4").reshape(90, 100),
    "größe/数": np.arange(3, dtype="u1"),
    "": np.arange(2, dtype="u1"),
    "a.npy": np.arange(4, dtype="u1"),
    "../up": np.arange(5, dtype="u1"),
    "/abs": np.arange(6, dtype="u1"),
}
np.savez(path("stored.npz"), **{k: v for k, v in arrays.items() if k != ""}, **{"": arrays[""]})
np.savez_compressed(path("deflated.npz"), **arrays)
np.savez(path("empty.npz"))
np.savez(path("positional.npz"), np.arange(3), np.ones(2), named=np.zeros(1))
with open(path("pipe.npz"), "wb") as f:
    np.savez_compressed(Pipe(f), a=np.arange(1000), b=np.arange(3.0))
with open(path("pipe-stored.npz"), "wb") as f:
    np.savez(Pipe(f), a=np.arange(1000), b=np.arange(3.0))


def npy(array):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array))
    return out.getvalue()


with zipfile.ZipFile(path("names.npz"), "w") as z:
    z.comment = b"a comment"
    z.writestr("x", b"raw x")
    z.writestr("x.npy", npy(np.arange(3)))
    z.writestr("readme.txt", b"just text, longer than the magic")
    z.writestr("dir/", b"")
    z.writestr("bad.npy", b"no magic here")
    z.writestr("short.npy", b"\x93NUM")
    z.writestr("a.npy.npy", npy(np.arange(4)))
    z.writestr("a.npy", npy(np.arange(5)))
    z.writestr("trailing.npy", npy(np.arange(6)) + b"after the array")
    z.writestr("packed.txt", b"text " * 1000, zipfile.ZIP_DEFLATED)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        z.writestr("twice.npy", npy(np.arange(7)))
        z.writestr("twice.npy", npy(np.arange(8)))

with zipfile.ZipFile(path("methods.npz"), "w") as z:
    z.writestr("stored.npy", npy(np.arange(3)))
    z.writestr("bzip2.npy", npy(np.arange(3)), zipfile.ZIP_BZIP2)
    z.writestr("lzma.npy", npy(np.arange(3)), zipfile.ZIP_LZMA)



def digest(data):
    return hashlib.sha256(data).hexdigest()


expected = {}
for name in sorted(os.listdir(folder)):
    if not name.endswith(".npz") or name == "methods.npz":
        continue
    with np.load(path(name)) as z:
        values = {}
        for key in z.files:
            value = z[key]
            if isinstance(value, bytes):
                values[key] = {"raw": value[:40].hex(), "length": len(value), "sha256": digest(value)}
            else:
                values[key] = {
                    "dtype": value.dtype.str if value.dtype.fields is None else "record",
                    "shape": list(value.shape),
                    "fortran": bool(value.flags.fnc),
                    "sha256": digest(value.tobytes()),
                }
        expected[name] = {"files": z.files, "values": values}
with open(path("expected.json"), "w", encoding="utf-8") as f:
    json.dump(expected, f, ensure_ascii=True, indent=1)
    f.write("\n")
