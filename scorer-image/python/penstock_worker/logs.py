"""What a script prints and logs: JSON lines on standard output, each with the id of the request that is processed."""
import io
import json
import logging
import os
import sys

LEVELS = {"CRITICAL": "error", "ERROR": "error", "WARNING": "warn", "INFO": "info", "DEBUG": "debug"}

request_id = None
"""Id of the request that is processed now."""


def write(level, message, **fields):
    line = {"level": level, "message": message, **fields}
    if request_id is not None:
        line["requestId"] = request_id
    _write_line(json.dumps(line))


def _write_line(text):
    data = text.encode(errors="backslashreplace") + b"\n"
    try:
        while data:
            data = data[os.write(1, data):]
    except OSError:
        pass  # standard output is closed: a request does not fail for that


def _is_json_object(text):
    try:
        return text.startswith("{") and isinstance(json.loads(text), dict)
    except ValueError:
        return False


class PrintedLines(io.TextIOBase):
    """Standard output of a script. A line that is a JSON object is written as it is."""

    encoding = "utf-8"

    def __init__(self, level):
        super().__init__()
        self._level = level
        self._line = ""
        self.buffer = open(1, "wb", 0, closefd=False)

    def writable(self):
        return True

    def reconfigure(self, **_):
        """Scripts call it to print at once, which is so in any case."""

    def fileno(self):
        return 1

    def write(self, text):
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)

    def flush(self):
        if self._line:
            self._write(self._line)
            self._line = ""

    def _write(self, line):
        if _is_json_object(line):
            _write_line(line)
        else:
            write(self._level, line)


class JsonHandler(logging.Handler):
    """Writes log records of the script."""

    def emit(self, record):
        try:
            fields = {"logger": record.name}
            if record.exc_info:
                fields["error"] = logging.Formatter().formatException(record.exc_info)
            write(LEVELS.get(record.levelname, "info"), record.getMessage(), **fields)
        except Exception:
            self.handleError(record)


def flush():
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def install():
    sys.stdout, sys.stderr = PrintedLines("info"), PrintedLines("warn")
    root = logging.getLogger()
    root.addHandler(JsonHandler())
    level = os.environ.get("AZUREML_LOG_LEVEL", "").upper()
    root.setLevel(level if level in LEVELS else "INFO")
