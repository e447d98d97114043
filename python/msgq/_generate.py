"""Writes the functions of a Plan: pack, pack_many, unpack and invoke for one signature.

Runs once for each handler. The text made here holds only names taken from the signature (valid
identifiers) and fixed lines; no value of a message ever becomes code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from msgq import codec
from msgq._core import all_bytes
from msgq.errors import PayloadError

if TYPE_CHECKING:
    from msgq._signature import Parameter, Plan


def generate(plan: Plan) -> tuple[Any, Any, Any, Any]:
    """Gives (pack, pack_many, unpack, invoke)."""
    names = _namespace(plan)
    signature = _signature(plan.parameters)
    plan._bind_names = _compile(
        "bind", f"def bind({signature}):\n    return ({_tuple(plan.parameters)})\n", names
    )
    invoke = _compile("invoke", _invoke_text(plan), names)
    if plan.is_raw:
        unpack = _same if plan.is_item else _alone
        return _pack_raw(plan), _pack_raw_many(plan), unpack, invoke
    pack = _compile("pack", _pack_text(plan, signature), names)
    pack_many = _compile("pack_many", _pack_many_text(plan), names)
    return _guarded(plan, pack), _guarded_many(plan, pack_many), names["_unpack"], invoke


def _namespace(plan: Plan) -> dict[str, Any]:
    kinds = tuple(each.hint for each in plan.parameters)
    whole: Any = kinds[0] if plan.is_item else tuple[kinds] if kinds else tuple[()]  # type: ignore[valid-type]
    names: dict[str, Any] = {
        "_encode": msgspec.json.Encoder(enc_hook=codec.encode_hook).encode,
        "_unpack": codec.decoder(whole),
        "_check": plan.check,
        "_verify": plan.verify,
        "_bind": plan.bind,
    }
    for index, each in enumerate(plan.parameters):
        names[f"_type{index}"] = each.exact_type
        names[f"_default{index}"] = each.default
        names[f"_look{index}"] = _look(plan, index) if each.is_container else None
    return names


def _look(plan: Plan, index: int) -> Callable[[Any], None]:
    """Gives a check of what a container holds, strict where JSON alone would be lenient."""
    hint = plan.parameters[index].hint
    one = msgspec.defstruct("one", [("value", hint)], array_like=True)

    def look(value: Any) -> None:
        try:
            msgspec.convert((value,), one, dec_hook=_accept)
        except codec.FAULTS as error:
            plan.check(index, value)
            where = f"argument {plan.parameters[index].name!r} of handler {plan.name!r}"
            raise PayloadError(f"{where}: {error}".replace("$[0]", "its value")) from error

    return look


def _accept(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else codec.decode_hook(kind, value)


def _compile(name: str, text: str, names: dict[str, Any]) -> Callable[..., Any]:
    space = dict(names)
    exec(compile(text, f"<msgq {name}>", "exec"), space)
    found: Callable[..., Any] = space[name]
    return found


def _signature(parameters: list[Parameter]) -> str:
    parts: list[str] = []
    for index, each in enumerate(parameters):
        if each.is_keyword_only and "*" not in parts:
            parts.append("*")
        has_default = each.default is not inspect.Parameter.empty
        parts.append(f"{each.name}=_default{index}" if has_default else each.name)
    return ", ".join(parts)


def _tuple(parameters: list[Parameter]) -> str:
    return "".join(f"{each.name}, " for each in parameters)


def _checks(plan: Plan, indent: str) -> str:
    """One line for each argument: an exact type is taken at once, anything else is looked at."""
    lines = []
    for index, each in enumerate(plan.parameters):
        name = each.name
        if each.hint is Any:
            continue
        kind = each.exact_type
        test = "True" if kind is None else f"type({name}) is not _type{index}"
        test += f" or {name} - {name} != 0.0" if kind is float else ""
        if each.is_scalar and each.hint is not kind:
            test = f"{name} is not None and ({test})"
        lines.append(f"{indent}if {test}:\n{indent}    _check({index}, {name})\n")
        if each.is_container:
            lines.append(f"{indent}else:\n{indent}    _look{index}({name})\n")
    return "".join(lines)


def _pack_text(plan: Plan, signature: str) -> str:
    value = plan.parameters[0].name if plan.is_item else f"({_tuple(plan.parameters)})"
    head = f"def pack({signature}):\n{_checks(plan, '    ')}"
    if all(each.is_scalar for each in plan.parameters):
        return f"{head}    return _encode({value})\n"
    verify = f"_verify(_body, {_tuple(plan.parameters)})"
    return f"{head}    _body = _encode({value})\n    {verify}\n    return _body\n"


def _pack_many_text(plan: Plan) -> str:
    names = _tuple(plan.parameters)
    count = len(plan.parameters)
    if plan.is_item:
        take, value = f"        {plan.parameters[0].name} = _call\n", "_call"
    else:
        take = f"        if type(_call) is not tuple or len(_call) != {count}:\n"
        take += "            _call = _bind(_call)\n"
        take += f"        {names}= _call\n" if names else ""
        value = "_call"
    is_scalar = all(each.is_scalar for each in plan.parameters)
    verify = "" if is_scalar else f"        _verify(_body, {names})\n"
    return (
        "def pack_many(_calls, _out):\n    _add = _out.append\n    for _call in _calls:\n"
        f"{take}{_checks(plan, '        ')}        _body = _encode({value})\n"
        f"{verify}        _add(_body)\n"
    )


def _invoke_text(plan: Plan) -> str:
    given = [f"{p.name}={p.name}" if p.is_keyword_only else p.name for p in plan.parameters]
    if plan.context_place is not None:
        given.insert(plan.context_place, "_context")
    elif plan.context is not None:
        given.append(f"{plan.context}=_context")
    if plan.is_item:
        take = f"    {plan.parameters[0].name} = _values\n"
    else:
        take = f"    {_tuple(plan.parameters)}= _values\n" if plan.parameters else ""
    head = f"def invoke(_function, _values, _context):\n{take}"
    return f"{head}    return _function({', '.join(given)})\n"


def _guarded(plan: Plan, pack: Callable[..., bytes]) -> Callable[..., bytes]:
    has_untyped = any(each.hint is Any for each in plan.parameters)

    def packed(*args: Any, **kwargs: Any) -> bytes:
        try:
            body = pack(*args, **kwargs)
        except PayloadError:
            raise
        except codec.FAULTS as error:
            raise _explain(plan, args, kwargs, error) from error
        if has_untyped and b"null" in body:
            _refuse_not_finite(plan, plan._bound(*args, **kwargs))
        return body

    return packed


def _refuse_not_finite(plan: Plan, values: tuple[Any, ...], place: str = "") -> None:
    for parameter, value in zip(plan.parameters, values, strict=True):
        codec.refuse_not_finite(value, f"{place}{plan.name}: {parameter.name}")


def _explain(plan: Plan, args: Any, kwargs: Any, error: BaseException) -> PayloadError:
    try:
        values = plan._bound(*args, **kwargs)
    except TypeError as wrong:
        text = str(wrong).replace("bind()", f"handler {plan.name!r}", 1)
        return PayloadError(f"arguments do not fit: {text}")
    for parameter, value in zip(plan.parameters, values, strict=True):
        if not codec._encodes(value):
            return codec.explain_encode(value, error, f"{plan.name}: {parameter.name}")
    return PayloadError(f"arguments of handler {plan.name!r} cannot be encoded: {error}")


def _guarded_many(plan: Plan, pack_many: Callable[..., None]) -> Callable[..., list[bytes]]:
    has_untyped = any(each.hint is Any for each in plan.parameters)

    def packed(calls: Iterable[Any]) -> list[bytes]:
        bodies: list[bytes] = []
        calls = codec.many(calls)
        try:
            pack_many(calls, bodies)
        except PayloadError as error:
            raise PayloadError(f"item {len(bodies)}: {error}") from error
        except codec.FAULTS as error:
            fault = _item_fault(plan, calls, bodies, error)
            raise PayloadError(f"item {len(bodies)}: {fault}") from error
        if has_untyped:
            for index, (call, body) in enumerate(zip(calls, bodies, strict=True)):
                if b"null" in body:
                    values = (call,) if plan.is_item else plan.bind(call)
                    _refuse_not_finite(plan, values, f"item {index}: ")
        return bodies

    return packed


def _item_fault(plan: Plan, calls: Iterable[Any], done: list[bytes], error: BaseException) -> str:
    if not isinstance(calls, (list, tuple)) or len(done) >= len(calls):
        return f"cannot be encoded for handler {plan.name!r}: {error}"
    call = calls[len(done)]
    if plan.is_item:
        return str(codec.explain_encode(call, error, plan.name))
    args, kwargs = ((), call) if isinstance(call, dict) else (call, {})
    args = args if isinstance(args, tuple) else (args,)
    return str(_explain(plan, args, kwargs, error))


def _alone(body: bytes) -> tuple[bytes]:
    return (body,)


def _same(body: bytes) -> bytes:
    return body


def _as_bytes(plan: Plan, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    name = plan.parameters[0].name
    kind = type(value).__name__
    raise PayloadError(f"argument {name!r} of handler {plan.name!r} must be bytes, got {kind}")


def _pack_raw(plan: Plan) -> Callable[..., bytes]:
    def packed(*args: Any, **kwargs: Any) -> bytes:
        if len(args) == 1 and type(args[0]) is bytes and not kwargs:
            return args[0]
        try:
            (value,) = plan._bound(*args, **kwargs)
        except TypeError as error:
            raise _explain(plan, args, kwargs, error) from error
        return _as_bytes(plan, value)

    return packed


def _pack_raw_many(plan: Plan) -> Callable[..., list[bytes]]:
    def packed(calls: Iterable[Any]) -> list[bytes]:
        bodies = codec.many(calls)
        if type(bodies) is list and all_bytes(bodies):
            return bodies
        found: list[bytes] = []
        for index, call in enumerate(bodies):
            value = call[0] if type(call) is tuple and len(call) == 1 else call
            try:
                found.append(_as_bytes(plan, value))
            except PayloadError as error:
                raise PayloadError(f"item {index}: {error}") from error
        return found

    return packed
