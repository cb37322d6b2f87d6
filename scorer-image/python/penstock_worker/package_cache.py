"""Installed packages in a volume that several pods share: one archive for each lock, Python and platform."""
import errno
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
PARTIAL_SECONDS = 3600
"""After this time, an archive that is not complete is that of a pod that was ended."""
ARCHIVE = re.compile(r"[0-9a-f]{64}-.*\.tar(\.\d+\.partial)?\Z")
"""Other files of the volume are left alone."""


class PackageCache:
    def __init__(self, folder, locked_lines):
        """`locked_lines`: the lines of a requirements.txt, each with a hash."""
        lock = hashlib.sha256("\n".join(sorted(locked_lines)).encode()).hexdigest()
        self._folder = folder
        self._prefix = "%s-%s-" % (lock, sysconfig.get_config_var("SOABI"))

    def unpack(self, target):
        """Unpacks the archive of the lock into a folder. False where there is none, or it cannot be used."""
        for path in self._archives():
            try:
                if path != self._named_by_content(path):
                    raise tarfile.TarError("it has other bytes than were saved")
                with tarfile.open(path, "r:") as archive:
                    if hasattr(tarfile, "data_filter"):
                        archive.extraction_filter = tarfile.data_filter
                    archive.extractall(target)
            except (OSError, tarfile.TarError) as error:
                logs.write("warn", "the archive in the cache of packages cannot be used: %s" % error)
                _remove(path)
                return False
            _touch(path)
            return True
        return False

    def save(self, source):
        """Saves a folder as the archive of the lock. What prevents that is logged: the packages are installed."""
        try:
            try:
                self._save(source)
            except OSError as error:
                if error.errno != errno.ENOSPC or not self._remove_oldest():
                    raise
                self._save(source)
            self._prune()
        except OSError as error:
            logs.write("warn", "the packages are not saved in the cache: %s" % error)

    def _save(self, source):
        partial = os.path.join(self._folder, "%s.tar.%d%s" % (self._prefix, time.time_ns(), PARTIAL))
        try:
            with open(partial, "wb") as file:
                with tarfile.open(fileobj=file, mode="w") as archive:
                    archive.add(source, arcname="")
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._named_by_content(partial))
        except OSError:
            _remove(partial)
            raise

    def _archives(self):
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        return [os.path.join(self._folder, one) for one in names if one.startswith(self._prefix) and one.endswith(".tar")]

    def _named_by_content(self, path):
        """The path of an archive with these bytes, which has their SHA-256 in its name."""
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        return os.path.join(self._folder, "%s%s.tar" % (self._prefix, digest.hexdigest()))

    def _complete(self):
        """All complete archives, those that were used last first."""
        archives = [entry for entry in self._files() if not entry.name.endswith(PARTIAL)]
        return sorted(archives, key=_last_used, reverse=True)

    def _files(self):
        return [entry for entry in os.scandir(self._folder) if ARCHIVE.match(entry.name)]

    def _remove_oldest(self):
        archives = self._complete()
        return bool(archives) and _remove(archives[-1].path)

    def _prune(self):
        abandoned = [
            entry
            for entry in self._files()
            if entry.name.endswith(PARTIAL) and time.time() - _last_used(entry) > PARTIAL_SECONDS
        ]
        for entry in self._complete()[KEPT:] + abandoned:
            _remove(entry.path)


def _last_used(entry):
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # another pod has removed it
        return 0


def _touch(path):
    try:
        os.utime(path)
    except OSError:
        pass  # it belongs to another user, or can only be read


def _remove(path):
    """Whether the file is removed."""
    try:
        os.remove(path)
        return True
    except OSError:
        return False  # it does not exist, or another pod removes it, too
