"""Starts a worker for each START of the scorer, reports its end, and kills one that the scorer calls hung.

A child process of a dead worker may keep the worker's socket open, so the end of a worker is reported here.
"""
import os
import select
import signal

from . import logs
from .frames import GONE, KILL, START, Connection
from .worker import work

WAIT_SECONDS = 60
"""The scorer may start later."""


def supervise(socket_path, script):
    """Runs workers until the scorer ends."""
    # The scorer drains first and closes the sockets then. In a pod, SIGTERM reaches all containers at the same time.
    for ignored in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ignored, signal.SIG_IGN)
    child_ended = _child_ended()
    try:
        scorer = Connection(socket_path, {"role": "supervisor"}, wait_seconds=WAIT_SECONDS, buffering=0)
    except OSError as error:
        # not a failure of this process: the reason is that of the scorer
        return logs.write("warn", "the scorer does not listen on %s: %s" % (socket_path, error))
    pids = {}  # of workers, by their numbers
    try:
        while _turn(scorer, child_ended, pids, socket_path, script):
            pass
    except OSError:
        pass  # the scorer has ended
    finally:
        for pid in pids.values():
            _kill(pid)


def _turn(scorer, child_ended, pids, socket_path, script):
    """Waits for a child that ends or a message, and handles it. False when the scorer has ended."""
    readable, _, _ = select.select([child_ended, scorer], [], [])
    if child_ended in readable:
        os.read(child_ended, 4096)
    for pid, code in _ended_children():
        number = next((one for one, known in pids.items() if known == pid), None)
        if number is None:
            continue
        del pids[number]
        _kill(pid)  # processes that it has started
        scorer.send(GONE, id=number, meta={"code": code})
    if scorer not in readable:
        return True
    frame = scorer.receive()
    if frame is None:
        return False
    if frame.kind == START:
        pids[frame.id] = _fork(scorer, socket_path, frame.id, script)
    elif frame.kind == KILL and frame.id in pids:
        _kill(pids[frame.id])
    return True


def _child_ended():
    """A file that is readable when a child has ended."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


def _fork(scorer, socket_path, number, script):
    """Starts a worker in a process group of its own. Returns its pid."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        _become_worker(scorer, socket_path, number, script)
    try:
        os.setpgid(pid, pid)  # before it may be killed; the worker does the same
    except OSError:
        pass
    return pid


def _become_worker(scorer, socket_path, number, script):
    """Continues this process as a worker; it does not return."""
    try:
        scorer.close()  # else the scorer would not see that the supervisor has ended
        signal.set_wakeup_fd(-1)
        for changed in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(changed, signal.SIG_DFL)
        work(socket_path, number, script)
    finally:
        os._exit(1)


def _kill(pid):
    """Ends a worker and the processes that it has started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass  # all have ended


def _ended_children():
    """Yields (pid, exit code) of each child that has ended; the code is negative for a signal."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
