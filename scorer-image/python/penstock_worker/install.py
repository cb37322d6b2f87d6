"""`python3 -m penstock_worker.install REQUIREMENTS TARGET CREDENTIALS`: installs packages with uv, before a script starts.

Only wheels are installed, because building one would run its code beside the credentials of the index. A failure is
one line for the operator: its reason and what to do.
"""
import os
import re
import shutil
import subprocess
import sys
import time
from urllib.parse import quote, urlsplit

from . import logs
from .package_cache import PackageCache

TERMINATION_LOG = "/dev/termination-log"
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
FAILED = 3

HASH = re.compile(r"\s--hash[= ]((?:sha256|sha384|sha512):[0-9a-f]+)", re.IGNORECASE)
VERSIONS = r"(===?|[<>~!]=|[<>]) *[-0-9a-z.*+!_]+"
PACKAGE = re.compile(
    r"[a-z0-9][-._a-z0-9]*( *\[[-._a-z0-9, ]*\])? *(%s( *, *%s)*)?( *;[-a-z0-9_.<>=!~'\"() ,+*]+)?\Z" % (VERSIONS, VERSIONS),
    re.IGNORECASE,
)

# Found in what uv prints, in this order.
REASONS = (
    (
        r"hash mismatch",
        "PackageHashMismatch",
        "the index has other bytes than the lock says: run `penstock lock` again if you trust them",
    ),
    (
        r"no space left on device",
        "EnvironmentTooLarge",
        "there is no space for the packages: raise packages.maxSize of the chart, or resources.limits.ephemeral-storage",
    ),
    (
        r"401 Unauthorized|403 Forbidden|missing credentials",
        "PackageIndexUnreachable",
        "the package index refuses the credentials: see python.indexSecret of the chart",
    ),
    (
        r"dns error|error sending request|connection (refused|reset)|timed out|server error \(5\d\d|invalid peer certificate",
        "PackageIndexUnreachable",
        "the package index does not answer: see python.indexUrl of the chart",
    ),
    (
        r"no solution found|not found in the (package )?registry|no (usable )?wheels|404 Not Found|no matching distribution"
        r"|building source distributions is disabled|no wheel|has no .*wheel",
        "PackageNotFound",
        "the index has no such package, version or wheel for this Python: choose another version, or another"
        " environment.packages.python.version",
    ),
)


class InstallFailure(Exception):
    """Why the packages cannot be installed: a reason of the operator, and one line."""

    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


def install(requirements, target, credentials, environ):
    """Installs the packages of the file `requirements` into the folder `target`. Raises InstallFailure."""
    started = time.monotonic()
    os.makedirs(target, exist_ok=True)
    _empty(target)
    lines = packages_in(_text(requirements))
    locked = bool(lines) and all("--hash=" in line for line in lines)
    folder = environ.get("PENSTOCK_PACKAGE_CACHE")
    cache = PackageCache(folder, lines) if folder and locked else None
    cached = cache is not None and cache.unpack(target)
    if not cached:
        _empty(target)
        _run_uv(lines, locked, target, credentials, environ)
    size, most = _size(target), float(environ.get("PENSTOCK_MAX_PACKAGES_BYTES", 0))
    if 0 < most < size:
        raise InstallFailure(
            "EnvironmentTooLarge",
            "the packages have %d MiB, and at most %d MiB are allowed: raise packages.maxSize of the chart"
            % (size >> 20, most / 2**20),
        )
    if cache and not cached:
        cache.save(target)
    seconds = round(time.monotonic() - started, 1)
    how = "took the packages from the cache" if cached else "installed the packages"
    logs.write("info", how, seconds=seconds, mebibytes=size >> 20)


def _run_uv(lines, locked, target, credentials, environ):
    username, password = (_text(os.path.join(credentials, name)) for name in ("username", "password"))
    work = os.path.join(target, ".uv")  # on the disk of the target, so that uv moves files and does not copy them
    os.makedirs(work)
    checked = os.path.join(work, "requirements.txt")
    with open(checked, "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))
    command = ["uv", "pip", "install", "--no-config", "--no-build", "--no-python-downloads", "--target", target, "--python", sys.executable]
    command += ["--cache-dir", work, "-r", checked]
    command += ["--require-hashes", "--no-deps"] if locked else []
    try:
        result = subprocess.run(
            command,
            env=_uv_environment(environ, work, username, password),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise InstallFailure("EnvironmentInstallFailed", "the image has no program uv") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    output = result.stdout.decode(errors="replace")
    if password:
        output = output.replace(quote(password, safe=""), "****").replace(password, "****")
    for line in output.splitlines():
        logs.write("info", line)
    if result.returncode != 0:
        raise _failure(output)


def packages_in(text):
    """The lines of a requirements.txt in one form. Raises InstallFailure for what is not a package of the index.

    uv expands variables, follows options and includes files, and the credentials of the index are in its environment.
    """
    lines = []
    uncommented = "\n".join(re.sub(r"(^|\s)#.*$", "", line) for line in re.split(r"\r?\n", text))
    for line in uncommented.replace("\\\n", " ").split("\n"):
        hashes = HASH.findall(line)
        package = HASH.sub("", line).strip(" \t")
        if not package and not hashes:
            continue
        if not PACKAGE.match(package):
            raise InstallFailure("EnvironmentInstallFailed", "%r is not a package of the index" % package[:80])
        lines.append(" ".join([package] + ["--hash=%s" % one for one in hashes]))
    return lines


def _empty(folder):
    """Removes what an attempt before this one has left: uv would take it for installed packages."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def _uv_environment(environ, work, username, password):
    # UV_ variables are those of a user of `penstock serve`; a pod has none
    given = {name: value for name, value in environ.items() if name in ("PATH", "HOME") or name.startswith("UV_")}
    given.update(TMPDIR=work, UV_NO_PROGRESS="1", UV_COMPILE_BYTECODE="0", UV_HTTP_TIMEOUT="30", NO_COLOR="1")
    url = environ.get("PENSTOCK_INDEX_URL")
    if url:
        parts = urlsplit(url)
        if username or password:
            user = "%s:%s@" % (quote(username, safe=""), quote(password, safe=""))
            parts = parts._replace(netloc=user + parts.netloc.rpartition("@")[2])
        given["UV_DEFAULT_INDEX"] = parts.geturl()
    if environ.get("PENSTOCK_HTTPS_PROXY"):
        given["HTTPS_PROXY"] = given["HTTP_PROXY"] = environ["PENSTOCK_HTTPS_PROXY"]
        given["NO_PROXY"] = environ.get("PENSTOCK_NO_PROXY", "")
    authorities = environ.get("PENSTOCK_CA_BUNDLE")
    if authorities:
        path = os.path.join(work, "authorities.pem")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_text(SYSTEM_CERTIFICATES) + "\n" + authorities)
        given["SSL_CERT_FILE"] = path
    return given


def _text(path):
    """The text of a file, without white space around it; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def _failure(output):
    said = " ".join(line.strip(" ×├╰─▶│") for line in output.splitlines() if line.strip())
    for pattern, reason, advice in REASONS:
        if re.search(pattern, output, re.IGNORECASE):
            return InstallFailure(reason, "%s (%s)" % (advice, said[:400]))
    return InstallFailure("EnvironmentInstallFailed", "uv failed: %s" % said[:500])


def _size(folder):
    """Bytes of all files."""
    paths = (os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_size for path in paths)


def main(arguments):
    if len(arguments) != 3:
        sys.exit("usage: python3 -m penstock_worker.install REQUIREMENTS TARGET CREDENTIALS")
    try:
        install(*arguments, environ=os.environ)
    except InstallFailure as failure:
        line = "%s: %s" % (failure.reason, failure)
        logs.write("error", line)
        try:
            with open(TERMINATION_LOG, "w", encoding="utf-8") as file:
                file.write(line[:4000])
        except OSError:
            pass  # outside Kubernetes there is no termination log
        sys.exit(FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
