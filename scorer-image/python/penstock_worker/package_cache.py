"""Installed packages in a volume that several pods share: one archive for each lock, Python and platform."""
import hashlib
import os
import re
import sysconfig
import tarfile
import time

from . import logs

KEPT = 16
"""Archives; those that were not used for the longest time are removed."""
PARTIAL = ".partial"
ARCHIVE = re.compile(r"[0-9a-f]{64}-.*\.tar(\.\d+\.partial)?\Z")
"""Other files of the volume are left alone."""
PARTIAL_SECONDS = 3600
"""After this time, an archive that is not complete is that of a pod that was ended."""


class PackageCache:
    def __init__(self, folder, locked_lines):
        """`locked_lines`: the lines of a requirements.txt, each with a hash."""
        lock = hashlib.sha256("\n".join(sorted(locked_lines)).encode()).hexdigest()
        self._folder = folder
        self._path = os.path.join(folder, "%s-%s.tar" % (lock, sysconfig.get_config_var("SOABI")))

    def unpack(self, target):
        """Unpacks the archive of the lock into a folder. False where there is none, or it cannot be read."""
        try:
            with tarfile.open(self._path) as archive:
                if hasattr(tarfile, "data_filter"):
                    archive.extraction_filter = tarfile.data_filter
                archive.extractall(target)
            os.utime(self._path)
            return True
        except FileNotFoundError:
            return False
        except (OSError, tarfile.TarError) as error:
            logs.write("warn", "the archive in the cache of packages cannot be used: %s" % error)
            return False

    def save(self, source):
        """Saves a folder as the archive of the lock. What prevents that is logged: the packages are installed."""
        partial = "%s.%d%s" % (self._path, time.time_ns(), PARTIAL)
        try:
            with tarfile.open(partial, "w") as archive:
                archive.add(source, arcname="")
            os.replace(partial, self._path)
            self._prune()
        except OSError as error:
            logs.write("warn", "the packages are not saved in the cache: %s" % error)
            _remove(partial)

    def _prune(self):
        files = [entry for entry in os.scandir(self._folder) if ARCHIVE.match(entry.name)]
        complete = sorted((entry for entry in files if not entry.name.endswith(PARTIAL)), key=_last_used, reverse=True)
        abandoned = [
            entry
            for entry in files
            if entry.name.endswith(PARTIAL) and time.time() - _last_used(entry) > PARTIAL_SECONDS
        ]
        for entry in complete[KEPT:] + abandoned:
            _remove(entry.path)


def _last_used(entry):
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # another pod has removed it
        return 0


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # it does not exist, or another pod removes it, too
