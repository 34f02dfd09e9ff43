# Makes the archives of this folder and manifest.json: what Python's zipfile finds in each. Run it here: python3 make.py

import io
import json
import struct
import warnings
import zipfile
import zlib

warnings.simplefilter('ignore')
DATA = b'\x93NUMPY' + bytes(range(64)) + b'abc' * 100


class Pipe(io.RawIOBase):
    """Takes bytes and cannot go back, as a pipe."""

    def __init__(self):
        self.bytes = b''

    def writable(self):
        return True

    def write(self, data):
        self.bytes += bytes(data)
        return len(data)


def info(name, method=zipfile.ZIP_STORED):
    found = zipfile.ZipInfo(name)
    found.compress_type = method
    found.external_attr = 0o600 << 16
    return found


def archive(*members, comment=b'', force_zip64=False, out=None):
    out = io.BytesIO() if out is None else out
    with zipfile.ZipFile(out, 'w') as z:
        for member, data in members:
            with z.open(member, 'w', force_zip64=force_zip64) as f:
                f.write(data)
        z.comment = comment
    return out.bytes if isinstance(out, Pipe) else out.getvalue()


def two(**options):
    return archive((info('x.npy'), DATA), (info('y.npy', zipfile.ZIP_DEFLATED), DATA * 3), **options)


def unicode_path(name, shown, crc=None):
    """The name in the headers, and one in a Unicode path extra field."""
    member = info(name)
    data = struct.pack('<BI', 1, zlib.crc32(name.encode()) if crc is None else crc) + shown.encode()
    member.extra = struct.pack('<HH', 0x7075, len(data)) + data
    return member


def patched(data, old, new):
    assert old in data
    return data.replace(old, new)


end = b'PK\x05\x06'
archives = {
    'plain': two(),
    'as-numpy-saves': two(force_zip64=True),
    'to-a-pipe': two(force_zip64=True, out=Pipe()),
    'to-a-pipe-small': two(out=Pipe()),
    'empty': archive(),
    'comment': two(comment=b'made by hand'),
    'trailing-bytes': two() + b'\0' * 1000,
    'comment-cut': two(comment=b'made by hand')[:-5],
    'utf8-names': archive((info('größe.npy'), DATA), (info('配列/重み.npy'), DATA), (info('🙂'), b'')),
    'cp437-names': patched(archive((info('caf~.npy'), DATA), (info('~/~~'), b'1')), b'~', b'\x82'),
    'unicode-path': archive(
        (unicode_path('groesse.npy', 'größe.npy'), DATA), (unicode_path('other.npy', 'x', crc=1), DATA)
    ),
    'nul-in-name': patched(archive((info('ab_cd.npy'), DATA)), b'ab_cd', b'ab\0cd'),
    'duplicates': archive((info('x.npy'), b'old'), (info('y.npy'), b'y'), (info('x.npy'), b'new!')),
    'directories': archive((info('a/'), b''), (info('a/b/'), b''), (info('a/b/x.npy'), DATA)),
    'odd-names': archive((info('.npy'), b'1'), (info('../../etc/x.npy'), b'2'), (info('/abs'), b'3'), (info(''), b'4')),
    # Refused by us, some of them by zipfile too.
    'signature-in-comment': two(comment=b'see ' + end + b' here, and twenty bytes more'),
    'prefixed': b'#!/bin/sh\n' + two(),
    'encrypted': None,
    'second-disk': None,
    'bzip2': archive((info('x.npy', zipfile.ZIP_BZIP2), DATA)),
}
plain = archives['plain']
at = plain.rindex(end)
archives['second-disk'] = plain[: at + 4] + struct.pack('<HH', 1, 1) + plain[at + 8 :]
encrypted = bytearray(plain)
encrypted[6] |= 1
encrypted[plain.index(b'PK\x01\x02') + 8] |= 1
archives['encrypted'] = bytes(encrypted)

manifest = {}
for name, data in archives.items():
    with open(f'{name}.zip', 'wb') as f:
        f.write(data)
    try:
        z = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        manifest[name] = {'error': str(error)}
        continue
    manifest[name] = {
        'comment': z.comment.decode('latin-1'),
        'entries': [
            {
                # zipfile honours Unicode paths since 3.13 only.
                'name': 'größe.npy' if i.filename == 'groesse.npy' else i.filename,
                'flags': i.flag_bits,
                'method': i.compress_type,
                'crc32': i.CRC,
                'compressedByteLength': i.compress_size,
                'uncompressedByteLength': i.file_size,
                'localHeaderByteOffset': i.header_offset,
                'centralExtraByteLength': len(i.extra),
                'externalAttributes': i.external_attr,
                'versionNeeded': i.extract_version,
                'isDirectory': i.filename.endswith('/'),
            }
            for i in z.infolist()
        ],
    }
with open('manifest.json', 'w') as f:
    json.dump(manifest, f, indent=2, ensure_ascii=False)
    f.write('\n')
