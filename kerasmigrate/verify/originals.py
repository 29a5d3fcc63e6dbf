"""Old versions of Keras, kept in a folder of kerasmigrate's own to compare migrated code with.

They come from the package index through pip, once, as the archives that were published: each is
pinned by its hash. Nothing is installed into an environment, and nothing of it runs here: the
packages are unpacked into the user's cache folder, and ``worker/oldkeras.py`` imports them in
processes of their own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import platformdirs

from kerasmigrate.errors import UsageError, VerifyError


@dataclass(frozen=True)
class Archive:
    """A file of the package index.

    Attributes:
        requirement: How pip is asked for it.
        file: The name that it was published under.
        sha256: Of its bytes.
        package: The import package in it: all that is kept.
    """

    requirement: str
    file: str
    sha256: str
    package: str


_APPLICATIONS = Archive(
    "keras-applications==1.0.8",
    "Keras_Applications-1.0.8-py3-none-any.whl",
    "df4323692b8c1174af821bf906f1e442e63fa7589bf0f1230a0b6bdc5a810c95",
    "keras_applications",
)
_PREPROCESSING = Archive(
    "keras-preprocessing==1.1.0",
    "Keras_Preprocessing-1.1.0-py2.py3-none-any.whl",
    "44aee5f2c4d80c3b29f208359fcb336df80f293a0bb6b1c738da43ca206656fb",
    "keras_preprocessing",
)


def _keras(version: str, sha256: str, kind: str = "-py2.py3-none-any.whl") -> Archive:
    return Archive(f"keras=={version}", f"Keras-{version}{kind}", sha256, "keras")


#: What each version consists of. The last two keep their networks and their data in packages of
#: their own; these are the releases of the day of 2.3.1.
ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "1.2.2": (
        _keras(
            "1.2.2", "d2b18c4336eb9c4f0d03469870257efa7980a9b036c9d46dcf4d49e7f4487e2d", ".tar.gz"
        ),
    ),
    "2.0.9": (_keras("2.0.9", "c2ceb5b7d5fdc8af35d423d4f1ade168b1ee39218ead40b940e4198ef93f5ad5"),),
    "2.1.6": (_keras("2.1.6", "a7abff3e87b6706764fbbd0521ba8f54c48f0720fd0495860cd3d2fd67899d48"),),
    "2.2.4": (
        _keras("2.2.4", "794d0c92c6c4122f1f0fcf3a7bc2f49054c6a54ddbef8d8ffafca62795d760b6"),
        _APPLICATIONS,
        _PREPROCESSING,
    ),
    "2.3.1": (
        _keras("2.3.1", "d08a57bd63546175f8f19232ba05906514d419da3e0af8ef7437fa1c11442e20"),
        _APPLICATIONS,
        _PREPROCESSING,
    ),
}
VERSIONS = tuple(ARCHIVES)

#: What pip prints when the network, or the index behind it, is the reason.
_UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError"
    r"|SSLError|ConnectionResetError|Max retries exceeded|Connection to .* timed out"
)
_MISMATCH = "DO NOT MATCH THE HASHES"
_NO_PIP = "No module named pip"


class UnreachableError(VerifyError):
    """The package index could not be reached."""


def cache() -> Path:
    """Return the folder that the old versions are kept in."""
    return Path(platformdirs.user_cache_dir("kerasmigrate", appauthor=False)) / "originals"


def find(version: str, folder: Path | None = None) -> Path | None:
    """Return where a version is unpacked, for ``sys.path``; None when it is not installed.

    Args:
        version: One of ``VERSIONS``.
        folder: The folder of all versions; by default the user's cache.

    Raises:
        UsageError: There is no such version.
    """
    _archives(version)
    place = (folder or cache()) / version
    return place if place.is_dir() else None


def install(version: str, folder: Path | None = None) -> Path:
    """Download a version, unless it is there, and return where it is unpacked.

    Args:
        version: One of ``VERSIONS``.
        folder: The folder of all versions; by default the user's cache.

    Raises:
        UsageError: There is no such version.
        UnreachableError: The package index cannot be reached.
        VerifyError: pip is missing or fails, an archive is not the one that was published, or the
            folder cannot be written.
    """
    archives = _archives(version)
    parent = folder or cache()
    place = parent / version
    if place.is_dir():
        return place
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".installing-") as temporary:
            _download(version, archives, Path(temporary, "archives"))
            unpacked = Path(temporary, "unpacked")
            for archive in archives:
                _unpack(Path(temporary, "archives", archive.file), archive, unpacked)
            _move(unpacked, place)
    except OSError as error:
        raise VerifyError(
            f"cannot keep keras {version} in {parent}: {error.strerror}: "
            "free some space, or choose a folder by XDG_CACHE_HOME"
        ) from error
    return place


def remove(version: str, folder: Path | None = None) -> bool:
    """Remove a version; returns whether it was there.

    Raises:
        UsageError: There is no such version.
    """
    place = find(version, folder)
    if place is not None:
        shutil.rmtree(place)
    return place is not None


def _archives(version: str) -> tuple[Archive, ...]:
    if version not in ARCHIVES:
        raise UsageError(f"no original keras {version!r}: choose one of {', '.join(VERSIONS)}")
    return ARCHIVES[version]


def _download(version: str, archives: tuple[Archive, ...], folder: Path) -> None:
    """Have pip fetch the archives; it compares the hashes before it looks into one."""
    folder.mkdir()
    pinned = folder.parent / "requirements.txt"
    pinned.write_text(
        "".join(f"{each.requirement} --hash=sha256:{each.sha256}\n" for each in archives),
        encoding="utf-8",
    )
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download")
    options = ("--no-deps", "--quiet", "--retries", "2", "--timeout", "20")
    done = subprocess.run(
        (*pip, *options, "--dest", str(folder), "--requirement", str(pinned)),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
    )
    for archive in archives:
        file = folder / archive.file
        if done.returncode == 0 and not (file.is_file() and _sha256(file) == archive.sha256):
            raise _not_the_published(archive)
    if done.returncode != 0:
        raise _refused(version, archives, done.stdout + done.stderr)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _not_the_published(archive: Archive) -> VerifyError:
    return VerifyError(
        f"{archive.file} from the package index is not the file that was published "
        f"(its sha256 is not {archive.sha256}): nothing was installed; check your index"
    )


def _refused(version: str, archives: tuple[Archive, ...], printed: str) -> VerifyError:
    """Say in one line why pip has failed."""
    if _MISMATCH in printed:
        named = [each for each in archives if f"{each.requirement} from" in printed]
        return _not_the_published((named or list(archives))[0])
    if _NO_PIP in printed:
        return VerifyError(
            f"{sys.executable} has no pip to download keras {version} with: "
            f"install it with {sys.executable} -m ensurepip"
        )
    if _UNREACHABLE.search(printed):
        return UnreachableError(
            f"the package index cannot be reached, to download keras {version}: try again later"
        )
    lines = [line for line in printed.splitlines() if line.startswith("ERROR:")]
    reason = " ".join((lines or printed.splitlines() or ["it printed nothing"])[-1].split())
    return VerifyError(f"pip cannot download keras {version}: {reason.removeprefix('ERROR: ')}")


def _unpack(file: Path, archive: Archive, folder: Path) -> None:
    """Write the files of the import package, and nothing else of the archive."""
    for name, data in _members(file):
        if name.parts[0] != archive.package or ".." in name.parts:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _members(file: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the regular files of a wheel, or of a source distribution below its one folder."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            for name in wheel.namelist():
                if not name.endswith("/"):
                    yield PurePosixPath(name), wheel.read(name)
        return
    with tarfile.open(file) as source:
        for member in source:
            stream = source.extractfile(member) if member.isreg() else None
            inner = PurePosixPath(member.name).parts[1:]
            if stream is not None and inner:
                yield PurePosixPath(*inner), stream.read()


def _move(unpacked: Path, place: Path) -> None:
    """Put what was unpacked into its place at once; another process may have been faster."""
    unpacked.chmod(0o755)
    try:
        os.rename(unpacked, place)  # noqa: PTH104 (Path.rename says the same)
    except OSError:
        if not place.is_dir():
            raise
