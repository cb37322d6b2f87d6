"""One worker: imports the script, runs init(), and then run() for one request after the other."""
import json
import os
import time
import traceback

from . import logs
from .frames import CANCEL, CHUNK, END, ERROR, FAILED, HEAD, PULL, READY, REQUEST, RESPONSE, RESULT, Connection
from .infer import InferRequest
from .user_script import BadInput, UserScript, WrongFunction

SCRIPT_FAILED = 3
"""Exit code where the script cannot be used, as that of Azure ML's inference server."""
MAX_UNCHUNKED_BYTES = 2**20
"""A longer body is sent in chunks, so that the scorer never holds all of it."""
CHUNK_BYTES = 2**18
MAX_CHUNKS_IN_FLIGHT = 2
"""Chunks of a response that the client has not read."""


def work(socket_path, number, path):
    """Serves requests until the scorer closes the connection. Ends the process."""
    logs.install()
    worker = Worker(Connection(socket_path, {"role": "worker", "worker": number}), path)
    worker.start()
    while worker.serve_next():
        pass
    logs.flush()
    os._exit(0)


class Worker:
    def __init__(self, connection, path):
        self._connection = connection
        self._path = path

    def start(self):
        started = time.perf_counter()
        try:
            reason = "UserScriptImportError"
            os.chdir(os.path.dirname(self._path))
            self._script = UserScript(self._path)
            reason = "UserScriptInitFailed"
            self._script.init()
            meta = {"rawHttp": self._script.raw, "schemas": self._script.schemas}
            self._connection.send(READY, milliseconds=_ms_since(started), meta=meta)
        except WrongFunction as error:
            self._fail("UserScriptFunctionNotFound", error, str(error))
        except BaseException as error:
            at = self._place(error)
            self._fail(reason, error, _text(error) + (" (%s)" % at if at else ""))

    def _fail(self, reason, error, message):
        self._connection.send(FAILED, meta={"reason": reason, "message": message, "detail": _stack(error)})
        logs.flush()
        os._exit(SCRIPT_FAILED)

    def _place(self, error):
        """File and line of the script, or of a module beside it, where the error came from."""
        folder = os.path.dirname(self._path)
        if isinstance(error, SyntaxError) and error.filename:
            return "%s:%s" % (os.path.basename(error.filename), error.lineno)
        inside = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.dirname(os.path.abspath(frame.filename)) == folder
        ]
        return "%s:%d" % (os.path.basename(inside[-1].filename), inside[-1].lineno) if inside else ""

    def serve_next(self):
        """Runs the next request. False when the scorer has closed the connection."""
        frame = self._connection.receive()
        if frame is None:
            return False
        if frame.kind == REQUEST:
            logs.request_id = frame.meta.get("requestId")
            try:
                self._run(frame)
            finally:
                logs.request_id = None
        return True

    def _run(self, frame):
        started = time.perf_counter()
        reply = self._connection.send
        try:
            if frame.meta["until"] < time.time() * 1e3:
                raise BadInput("the request has waited too long", 504)  # the client has got this status
            if frame.meta["kind"] == "infer":
                return self._infer(frame, started)
            result = self._script.call(frame.meta, frame.payload)
            if hasattr(result, "status_code") and hasattr(result, "get_data"):
                self._respond(frame.id, result, started)
            else:
                self._respond_json(frame.id, json.dumps(result).encode(), started)
        except BadInput as error:
            reply(RESPONSE, frame.id, meta={"status": error.status, "problem": str(error)})
        except BaseException as error:  # also sys.exit()
            reply(ERROR, frame.id, _ms_since(started), meta={"message": _text(error)[:500], "stack": _stack(error)})

    def _infer(self, frame, started):
        request = InferRequest(frame.payload, frame.meta.get("jsonBytes"))
        result = self._script.call_infer(frame.meta, request)
        body, json_bytes = request.response(result, frame.meta["model"], frame.meta["version"])
        if json_bytes is None:
            return self._respond_json(frame.id, body, started)
        meta = {"status": 200, "jsonBytes": json_bytes}
        if len(body) > MAX_UNCHUNKED_BYTES:
            return self._stream(frame.id, [body], started, meta)
        self._connection.send(RESPONSE, frame.id, _ms_since(started), meta, body)

    def _respond_json(self, id, text, started):
        if len(text) <= MAX_UNCHUNKED_BYTES:
            self._connection.send(RESULT, id, _ms_since(started), payload=text)
        else:
            self._stream(id, [text], started, {"status": 200, "headers": [["content-type", "application/json"]]})

    def _respond(self, id, response, started):
        """Sends a response of Flask, as AMLResponse is one."""
        meta = {"status": response.status_code, "headers": list(response.headers)}
        try:
            body = None if response.is_streamed else response.get_data()
            if body is None:
                self._stream(id, response.iter_encoded(), started, meta)
            elif len(body) > MAX_UNCHUNKED_BYTES:
                self._stream(id, [body], started, meta)
            else:
                self._connection.send(RESPONSE, id, _ms_since(started), meta, body)
        finally:
            response.close()

    def _stream(self, id, pieces, started, meta):
        """Sends the head of a response, its chunks, and its end with the reason where it is incomplete."""
        self._connection.send(HEAD, id, _ms_since(started), meta)
        problem = None
        try:
            self._send_chunks(id, pieces)
        except Exception as error:
            problem = _stack(error)
        self._connection.send(END, id, meta={"error": problem} if problem else None)

    def _send_chunks(self, id, pieces):
        credit = MAX_CHUNKS_IN_FLIGHT
        for piece in pieces:
            for at in range(0, len(piece), CHUNK_BYTES):
                while credit == 0:
                    frame = self._connection.receive()
                    if frame is None:
                        os._exit(0)
                    if frame.id == id and frame.kind == CANCEL:
                        return
                    if frame.id == id and frame.kind == PULL:
                        credit += 1
                self._connection.send(CHUNK, id, payload=piece[at : at + CHUNK_BYTES])
                credit -= 1


def _ms_since(started):
    return (time.perf_counter() - started) * 1e3


def _text(error):
    try:
        return "%s: %s" % (type(error).__name__, error)
    except Exception:
        return type(error).__name__


def _stack(error):
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))[-8000:]
    except Exception:
        return _text(error)
