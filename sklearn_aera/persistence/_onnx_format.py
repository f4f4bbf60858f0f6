"""What a reader and a writer of .onnx files agree on."""

from hashlib import sha256

SUFFIX = ".onnx"
# Raised when older versions of this package can no longer use the files.
FORMAT = 1
# Stands in the metadata in place of the hash while this is computed.
NO_HASH = "x" * 64


def metadata_key(name):
    """Key of a value in the metadata of a file."""
    return f"sklearn_aera.{name}"


def with_hash(content):
    """Content of a file, with its SHA-256 instead of the last `NO_HASH`."""
    before, _, behind = content.rpartition(NO_HASH.encode())
    return b"".join([before, sha256(content).hexdigest().encode(), behind])


def is_intact(content, written_hash):
    """Whether content is what `with_hash` returned."""
    before, _, behind = content.rpartition(str(written_hash).encode())
    original = b"".join([before, NO_HASH.encode(), behind])
    return sha256(original).hexdigest() == written_hash
