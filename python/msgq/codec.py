"""Objects to bytes and back: JSON by msgspec, raw bytes as they are. Pickle does not exist here.

Encoders and decoders keep no state; every function is safe from any thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from msgq.errors import PayloadError

CONTENT_BYTES: Final = 0
CONTENT_JSON: Final = 1
CONTENT_MSGPACK: Final = 2
CONTENT_TEXT: Final = 3
CONTENT_NAMES: Final = ("bytes", "json", "msgpack", "text")

HEADERS_COUNT_MAX: Final = 100
HEADERS_BYTES_MAX: Final = 64_000
RESERVED: Final = "msgq-"
"""Header names that begin so belong to msgq."""
MAX_ATTEMPTS_HEADER: Final = "msgq-max-attempts"

# what encoding or decoding raises when the value or the body is at fault
FAULTS: Final = (
    msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError, NotImplementedError,
)  # fmt: skip


def encode_hook(value: Any) -> Any:
    """Encodes what msgspec does not know: pydantic models. TypeError for the rest."""
    dump = getattr(type(value), "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return dump(value, mode="json")


def decode_hook(kind: type, value: Any) -> Any:
    """Rebuilds what msgspec does not know: pydantic models."""
    validate = getattr(kind, "model_validate", None)
    if validate is None:
        raise NotImplementedError(f"{kind!r} cannot be rebuilt from JSON")
    try:
        return validate(value)
    except ValueError as error:
        # pydantic's own text quotes the payload; where it went wrong is enough
        listed = error.errors() if hasattr(error, "errors") else ()
        places = ", ".join(".".join(map(str, each.get("loc", ()))) for each in listed)
        raise ValueError(f"does not fit {kind.__name__} at {places or 'its top'}") from None


_encode: Final = msgspec.json.Encoder(enc_hook=encode_hook).encode
_decode: Final = msgspec.json.Decoder().decode


def encode_json(value: Any) -> bytes:
    """Gives JSON. Raises PayloadError naming the path inside the object; never shows its values."""
    try:
        text = _encode(value)
    except FAULTS as error:
        raise explain_encode(value, error) from error
    if b"null" in text:  # msgspec writes NaN and infinities as null
        refuse_not_finite(value)
    return text


def refuse_not_finite(value: Any, root: str = "body") -> None:
    """Raises PayloadError naming the path of the first NaN or infinity inside the object."""
    waiting = [(root, value)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, float) and not math.isfinite(each):
            raise PayloadError(f"{path} is {each}, which JSON cannot hold")
        if not isinstance(each, (str, bytes, int)):
            waiting.extend(_children(path, each))


def decode_content(content: int, body: bytes) -> Any:
    """Gives the object of a body by its content type. Raises PayloadError."""
    if content == CONTENT_BYTES:
        return body
    try:
        if content == CONTENT_JSON:
            return _decode(body)
        return body.decode() if content == CONTENT_TEXT else msgspec.msgpack.decode(body)
    except FAULTS as error:
        kind = CONTENT_NAMES[content] if content < len(CONTENT_NAMES) else f"content {content}"
        raise PayloadError(f"body of {len(body)} bytes is no {kind}: {_reason(error)}") from error


def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Gives a function from JSON to `kind`; raises TypeError for kinds msgspec refuses."""
    found: Callable[[bytes], Any] = msgspec.json.Decoder(kind, dec_hook=decode_hook).decode
    return found


def explain_encode(value: Any, error: BaseException, root: str = "body") -> PayloadError:
    """Finds what inside the object cannot be encoded. Costs time; only for errors."""
    path, culprit = root, value
    for _ in range(200):  # deeper than anybody reads
        deeper = next(((p, v) for p, v in _children(path, culprit) if not _encodes(v)), None)
        if deeper is None:
            break
        path, culprit = deeper
    if isinstance(error, RecursionError):
        return PayloadError(f"{root} cannot be encoded: it is nested too deeply")
    why = _reason(error)
    return PayloadError(f"{path} cannot be encoded ({type(culprit).__name__}): {why}")


def _encodes(value: Any) -> bool:
    try:
        _encode(value)
    except FAULTS:
        return False
    return True


def _children(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{path}[{_short(key)}]", each) for key, each in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"{path}[{index}]", each) for index, each in enumerate(value))
    else:
        kind = type(value)
        names: Any = getattr(kind, "__struct_fields__", None)
        names = names or getattr(kind, "__dataclass_fields__", ())
        yield from ((f"{path}.{name}", getattr(value, name, None)) for name in names)


def _short(key: object) -> str:
    text = ascii(key) if isinstance(key, (str, int)) else type(key).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "its text holds lone surrogates or is no UTF-8"
    if isinstance(error, msgspec.MsgspecError):
        return str(error)
    # other texts may quote the payload
    return str(error) if type(error) in (TypeError, NotImplementedError) else type(error).__name__


def encode_headers(headers: Mapping[str, Any] | None, own: dict[str, Any]) -> bytes | None:
    """Gives the headers as JSON, `own` being those msgq adds; None for none.

    At most 100 headers of 64,000 bytes together; values are text, numbers, booleans or None.
    Raises PayloadError with both sizes.
    """
    if not headers and not own:
        return None
    merged = dict(headers or {})
    for name, value in merged.items():
        _check_header(name, value)
    merged.update(own)
    if len(merged) > HEADERS_COUNT_MAX:
        raise PayloadError(f"{len(merged)} headers; at most {HEADERS_COUNT_MAX} are allowed")
    text = encode_json(merged)
    if len(text) > HEADERS_BYTES_MAX:
        raise PayloadError(f"headers of {len(text)} bytes; at most {HEADERS_BYTES_MAX} are allowed")
    return text


def add_headers(text: bytes | None, own: Mapping[str, Any]) -> bytes | None:
    """Gives encoded headers with those that msgq adds, which they do not have yet."""
    if not own:
        return text
    more = encode_json(own)
    return text[:-1] + b"," + more[1:] if text else more


def _check_header(name: object, value: object) -> None:
    if not isinstance(name, str) or not name or not name.isprintable() or len(name) > 255:
        raise PayloadError(f"header name {_short(name)} must be 1 to 255 printable characters")
    if name.lower().startswith(RESERVED):
        raise PayloadError(f"header {name!r}: names that begin with {RESERVED!r} belong to msgq")
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise PayloadError(
            f"header {name!r} must be text, a number, a boolean or None, got {type(value).__name__}"
        )


def decode_headers(text: bytes) -> dict[str, Any]:
    """Gives the headers as a dict, empty when there are none."""
    found = _decode(text) if text else {}
    return found if isinstance(found, dict) else {}


def many(items: Iterable[Any]) -> list[Any] | tuple[Any, ...]:
    """Gives the items of an enqueue_many, listed. Raises PayloadError for what is one thing."""
    if type(items) is list or type(items) is tuple:
        return items
    if isinstance(items, (bytes, bytearray, memoryview, str, Mapping)):
        kind = type(items).__name__
        raise PayloadError(f"enqueue_many takes many messages, not one {kind}; wrap it in a list")
    if not isinstance(items, Iterable):
        kind = type(items).__name__
        raise PayloadError(f"enqueue_many takes a list, or anything to iterate, not {kind}")
    return list(items)
