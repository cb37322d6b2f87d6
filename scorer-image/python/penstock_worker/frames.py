"""The messages between the scorer and its Python processes, over a unix socket. The other side is run/pythonFrames.ts.

A frame is a header, `meta` (a JSON object or nothing) and a payload of bytes.
"""
import json
import socket
import struct
import sys
import time
from collections import namedtuple

# Bytes after this field, kind, id of the request, milliseconds, bytes of meta.
HEADER = struct.Struct("<IBIfI")
SIZE_BYTES = 4

# From the scorer.
REQUEST, PULL, CANCEL, KILL, START = 1, 2, 3, 4, 5
# To the scorer.
HELLO, READY, FAILED, RESULT, RESPONSE, ERROR, HEAD, CHUNK, END, GONE = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19

Frame = namedtuple("Frame", "kind id meta payload")


class Connection:
    """A connection to the scorer."""

    def __init__(self, path, hello, wait_seconds=0, buffering=1 << 16):
        """Connects to the socket at `path`, which may be there later, and sends `hello`.

        Without buffering, `select` tells whether there is a frame.
        """
        self.socket = _connected(path, time.monotonic() + wait_seconds)
        self._stream = self.socket.makefile("rb", buffering=buffering)
        self.send(HELLO, meta={"python": sys.version.split()[0], **hello})

    def close(self):
        self._stream.close()
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, kind, id=0, milliseconds=0.0, meta=None, payload=b""):
        head = json.dumps(meta).encode() if meta else b""
        size = HEADER.size - SIZE_BYTES + len(head) + len(payload)
        self.socket.sendall(HEADER.pack(size, kind, id, milliseconds, len(head)) + head + payload)

    def receive(self):
        """The next frame. None when the scorer has ended."""
        header = self._read(HEADER.size)
        if header is None:
            return None
        size, kind, id, _, meta_bytes = HEADER.unpack(header)
        rest = self._read(size - (HEADER.size - SIZE_BYTES))
        if rest is None:
            return None
        meta = json.loads(rest[:meta_bytes]) if meta_bytes else {}
        return Frame(kind, id, meta, rest[meta_bytes:])

    def _read(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self._stream.read(count - len(data))
            except OSError:
                return None
            if not part:
                return None
            data = data + part if data else part
        return data


def _connected(path, until):
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
