"""What a handler's signature means for its messages: how calls become bodies and bodies calls.

A Plan is made once, when a handler is declared, and is then only read; any thread. Its functions
are generated for the signature, as dataclasses does it, so a call costs little beyond its encoding.
"""

from __future__ import annotations

import datetime
import decimal
import inspect
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from msgq import codec
from msgq.errors import ConfigError, PayloadError

_SCALARS: Final = (
    str, int, bool, float, bytes, uuid.UUID, datetime.datetime, datetime.date, decimal.Decimal,
)  # fmt: skip
_CONTAINERS: Final = (list, dict, set, frozenset, tuple)
_LIST_ORIGINS: Final = (list, typing.get_origin(typing.Sequence[int]))


Shape = typing.Literal["call", "batch", "body"]
"""What a body is: the arguments of a call, one item of a batch, or the one argument itself."""


class Parameter(typing.NamedTuple):
    """One argument that travels in the message."""

    name: str
    hint: Any
    default: Any
    is_keyword_only: bool

    @property
    def is_scalar(self) -> bool:
        """True when an exact type check says everything (an optional scalar counts)."""
        return self.hint is Any or _scalar_of(self.hint) is not None

    @property
    def is_container(self) -> bool:
        """True for list[...], dict[...], TypedDict and the like: looked into without decoding."""
        return typing.get_origin(self.hint) in _CONTAINERS or typing.is_typeddict(self.hint)

    @property
    def exact_type(self) -> Any:
        """The class whose exact instances need no closer look at their top; None when none does."""
        if self.is_container:
            return dict if typing.is_typeddict(self.hint) else typing.get_origin(self.hint)
        return self.hint if isinstance(self.hint, type) else _scalar_of(self.hint)


class Plan:
    """How one handler's calls are packed into bodies and unpacked again.

    pack(*args, **kwargs) gives a body; pack_many(calls) a list of bodies; both raise PayloadError.
    unpack(body) gives the arguments, or the one item of shapes "batch" and "body". `context` names
    the parameter that takes a Context, if any.
    """

    def __init__(self, name: str, function: Callable[..., Any], shape: Shape = "call") -> None:
        self.name = name
        self.is_item = shape != "call"
        parameters, self.context, self.context_place = _parameters(name, function)
        if shape == "batch":
            parameters = [_item_of(name, parameters)]
        elif shape == "body" and len(parameters) != 1:
            raise ConfigError(f"handler {name!r} of whole bodies must take exactly one argument")
        self.parameters = parameters
        self.is_raw = len(parameters) == 1 and parameters[0].hint is bytes
        self.content = codec.CONTENT_BYTES if self.is_raw else codec.CONTENT_JSON
        for each in parameters:
            _check_hint(name, each)
        self._decoders = [_decoder_of(name, each) for each in parameters]
        self.pack, self.pack_many, self.unpack, self.invoke = _generate(self)

    pack: Callable[..., bytes]
    pack_many: Callable[[Iterable[Any]], list[bytes]]
    unpack: Callable[[bytes], Any]
    invoke: Callable[[Callable[..., Any], Any, Any], Any]
    """Calls the handler with unpacked arguments and a Context: the slow, general way."""

    @property
    def is_plain(self) -> bool:
        """True when the handler may be called as function(*arguments): no Context, no keywords."""
        return self.context is None and not any(each.is_keyword_only for each in self.parameters)

    def check(self, index: int, value: Any) -> None:
        """Checks one argument in full. Raises PayloadError with both types, never the value."""
        parameter = self.parameters[index]
        where = f"argument {parameter.name!r} of handler {self.name!r}"
        if not _is_instance(value, parameter.hint):
            raise PayloadError(
                f"{where} must be {show(parameter.hint)}, got {type(value).__name__}"
            )
        try:
            self._decoders[index](codec.encode_json([value]))
        except PayloadError as error:
            text = str(error).replace("body[0]", f"{where}, {parameter.name}", 1)
            raise PayloadError(text) from error
        except codec.FAULTS as error:
            place = str(error).replace("$[0]", parameter.name)
            raise PayloadError(f"{where} must be {show(parameter.hint)}: {place}") from error

    def verify(self, body: bytes, *values: Any) -> None:
        """Decodes what was just encoded, so that no worker meets a body it cannot read."""
        try:
            self.unpack(body)
        except codec.FAULTS as error:
            for index, value in enumerate(values):
                self.check(index, value)
            raise PayloadError(f"arguments of {self.name!r} do not decode again") from error

    def bind(self, call: Any) -> tuple[Any, ...]:
        """Gives all arguments of one item of enqueue_many: a tuple, a dict of names, or a value."""
        if isinstance(call, tuple):
            return self._bound(*call)
        if isinstance(call, dict) and not (len(self.parameters) == 1 and self._takes_dict()):
            return self._bound(**call)
        if len(self.parameters) == 1:
            return (call,)
        kind = type(call).__name__
        raise PayloadError(f"a call of {self.name!r} is a tuple or a dict of names, got {kind}")

    def _takes_dict(self) -> bool:
        hint = self.parameters[0].hint
        return hint is Any or typing.get_origin(hint) is dict or _is_mapping(hint)

    def _bound(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._bind_names(*args, **kwargs)
        return found

    _bind_names: Callable[..., tuple[Any, ...]]

    def unpack_slow(self, body: bytes) -> Any:
        """Reads bodies of older or foreign programs too: a shorter array, or an object of names.

        Raises PayloadError when the body does not fit the signature.
        """
        if self.is_raw:
            return self.unpack(body)
        try:
            if self.is_item:
                return self.unpack(body)
            given = msgspec.json.decode(body)
            if isinstance(given, dict):
                values = self._bound(**given)
            elif isinstance(given, list):
                values = self._bound(*given)
            else:
                raise PayloadError(f"body is neither an array nor an object of {self.name!r}")
            return self._rebuilt(values, given)
        except (PayloadError, *codec.FAULTS) as error:
            said = str(error).replace("bind() ", "", 1)
            why = "it is nested too deeply" if isinstance(error, RecursionError) else said
            raise PayloadError(f"body does not fit handler {self.name!r}: {why}") from error

    def _rebuilt(self, values: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
        count = len(given)
        named = given if isinstance(given, dict) else {p.name for p in self.parameters[:count]}
        return tuple(
            decode(msgspec.json.encode([value]))[0] if parameter.name in named else value
            for parameter, decode, value in zip(
                self.parameters, self._decoders, values, strict=True
            )
        )


def _parameters(
    name: str, function: Callable[..., Any]
) -> tuple[list[Parameter], str | None, int | None]:
    """Gives the arguments, the name of the Context, and its place unless it is keyword-only."""
    hints = _hints(name, function)
    found: list[Parameter] = []
    context = place = None
    for each in inspect.signature(function).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise ConfigError(f"handler {name!r} takes {each}; name every argument instead")
        if each.name == "self" and each.annotation is each.empty:
            raise ConfigError(
                f"handler {name!r} is a method of no object; declare that of one: "
                "app.handler(...)(thing.method)"
            )
        hint = hints.get(each.name, Any)
        if _is_context(hint):
            context = each.name
            place = None if each.kind is each.KEYWORD_ONLY else len(found)
            continue
        hint = Any if hint is object else hint
        found.append(Parameter(each.name, hint, each.default, each.kind is each.KEYWORD_ONLY))
    return found, context, place


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError:
        pass
    # classes made inside a function are found among the names of those who declare the handler
    names: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        names = {**frame.f_locals, **names}
        frame = frame.f_back
    try:
        return typing.get_type_hints(target, localns=names, include_extras=True)
    except NameError as error:
        raise ConfigError(f"an annotation of handler {name!r} cannot be found: {error}") from error


def _is_context(hint: Any) -> bool:
    from msgq.context import Context

    return hint is Context or Context in typing.get_args(hint)


def _item_of(name: str, parameters: list[Parameter]) -> Parameter:
    if len(parameters) != 1 or typing.get_origin(parameters[0].hint) not in _LIST_ORIGINS:
        raise ConfigError(
            f"batch handler {name!r} must take exactly one argument annotated list[...], "
            f"got ({', '.join(f'{p.name}: {show(p.hint)}' for p in parameters)})"
        )
    (item,) = typing.get_args(parameters[0].hint) or (Any,)
    return parameters[0]._replace(hint=item)


def _decoder_of(name: str, parameter: Parameter) -> Callable[[bytes], Any]:
    try:
        return codec.decoder(tuple[parameter.hint])  # type: ignore[name-defined]
    except (TypeError, msgspec.MsgspecError) as error:
        text = f"argument {parameter.name!r} of handler {name!r}, {show(parameter.hint)}: {error}"
        raise ConfigError(text) from error


def _check_hint(name: str, parameter: Parameter) -> None:
    if parameter.is_scalar:
        return
    strange = next((each for each in _leaves(parameter.hint) if _is_strange(each)), None)
    if strange is not None:
        raise ConfigError(
            f"argument {parameter.name!r} of handler {name!r} holds {show(strange)}, which cannot "
            "be rebuilt from JSON; use a dataclass, msgspec.Struct, TypedDict or pydantic model"
        )


def _leaves(hint: Any) -> Iterable[Any]:
    args = typing.get_args(hint)
    if not args or typing.get_origin(hint) is typing.Literal:
        yield hint
    for each in args:
        yield from _leaves(each)


def _is_strange(hint: Any) -> bool:
    if not isinstance(hint, type) or hasattr(hint, "model_validate"):
        return False
    # msgspec calls what it does not know a custom type
    from msgspec import inspect as looking

    try:
        return isinstance(looking.type_info(hint), looking.CustomType)
    except TypeError:
        return True


def _scalar_of(hint: Any) -> type | None:
    """Gives the scalar class of `str` or `str | None`, None for everything else."""
    if hint in _SCALARS:
        return typing.cast("type", hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(hint) if each is not type(None)]
        if len(others) == 1 and others[0] in _SCALARS:
            return typing.cast("type", others[0])
    return None


def _is_mapping(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, dict)


def _is_instance(value: Any, hint: Any) -> bool:
    """Says whether a value is of the annotated kind at its top; what is inside is decoded."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _is_instance(value, typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_instance(value, each) for each in typing.get_args(hint))
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if hint is None or hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if typing.is_typeddict(origin or hint):
        return isinstance(value, dict)
    kind = origin or hint
    return isinstance(value, kind) if isinstance(kind, type) else True


def show(hint: Any) -> str:
    """Writes an annotation for people."""
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _generate(plan: Plan) -> tuple[Any, Any, Any, Any]:
    from msgq._generate import generate

    return generate(plan)
