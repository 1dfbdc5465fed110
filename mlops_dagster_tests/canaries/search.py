"""Looking for texts in everything that a project left behind, packed files included."""

import base64
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def places_of(secrets: Mapping[str, str], contents: Iterator[tuple[str, bytes]]) -> set[str]:
    """Return `<secret> in <place>` for each secret that some content shows, as itself or coded."""
    shapes = {name: shapes_of(secret) for name, secret in secrets.items()}
    return {
        f"{name} in {place}"
        for place, content in contents
        for name, shaped in shapes.items()
        if any(shape in content for shape in shaped)
    }


def shapes_of(secret: str) -> list[bytes]:
    """Return a text as UTF-8, UTF-16, and the middle of base64 at each of its three alignments."""
    plain = secret.encode()
    coded = [base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    return [plain, secret.encode("utf-16-le"), *coded]


def everything_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file below a folder by its path, which counts as content, and unpacked."""
    for path in sorted(folder.rglob("*")):
        yield str(path), path.name.encode()
        if path.is_file():
            yield from unpacked(str(path.relative_to(folder)), path.read_bytes())


def unpacked(place: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a content and, of archives and Parquet files, what is in them."""
    yield place, content
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from unpacked(f"{place}!{name}", archive.read(name))
    elif content.startswith(b"\x1f\x8b"):
        yield from unpacked(f"{place}!", gzip.decompress(content))
    elif content.startswith(b"\x78") and len(content) > 2:
        try:
            yield f"{place}!", zlib.decompress(content)
        except zlib.error:
            return
    elif content.startswith(b"PAR1"):
        yield f"{place}!", _texts_of(pq.read_table(io.BytesIO(content)))


def _texts_of(table: pa.Table) -> bytes:
    return repr(table.to_pylist()).encode()
