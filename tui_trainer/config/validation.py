"""Untrusted tables to typed settings, and what is wrong with them in one line."""

import difflib
import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from tui_trainer.formatting import printable

T = TypeVar("T")

# msgspec says what is wrong in English alone. A message in other words is passed on as it is.
_LOCATED = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_PATH_PART = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*)`")
_EXPECTED = re.compile(r"^Expected `")

# Whole numbers as they are shown, 5,000, and as Python and people write them: 5_000, 5 000.
_GROUPED = re.compile(r"-?[1-9]\d{0,2}([,_ ])\d{3}(?:\1\d{3})*")
_DECIMAL_COMMA = re.compile(r"[+-]?\d{0,20},\d{1,20}(?:e[+-]?\d{1,3})?", re.IGNORECASE)

_FINITE = "expected a finite number"

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class InvalidSettingsError(ValueError):
    """Settings that can't be used; the message is one line for the person who wrote them."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.splitlines())))


def convert(table: Mapping[str, Any], kind: type[T]) -> T:
    """Convert a table read from a file or from flags to `kind`.

    Raises:
        InvalidSettingsError: with a line ``key: what is wrong; what is allowed``.
    """
    try:
        return msgspec.convert(dict(table), kind)
    except msgspec.ValidationError as error:
        raise InvalidSettingsError(_explain(str(error), table, kind)) from None


def convert_text(text: str, kind: Any) -> Any:
    """Convert a string that a person typed.

    Raises:
        InvalidSettingsError: with what was expected, and nothing else.
    """
    text = text.encode(errors="replace").decode().strip()  # an argument may be of any bytes
    whole = isinstance(inspect.type_info(kind), inspect.IntType)
    grouped = _GROUPED.fullmatch(text)
    if whole and grouped:
        text = text.replace(grouped[1], "")
    elif not (whole or grouped) and _DECIMAL_COMMA.fullmatch(text):
        raise InvalidSettingsError(f"expected a point: {text.replace(',', '.')}")
    try:
        return msgspec.convert(_with_digits(text), kind, strict=False)
    except msgspec.ValidationError as error:
        text = text.lower()
        if str(error).endswith("out of range"):
            # Too long for msgspec to read; of a shorter number it says which range `kind` has.
            convert_text("-" * text.startswith("-") + "9" * 40, kind)
        infinite = text.lstrip("+-") in ("inf", "infinity")
        raise InvalidSettingsError(_FINITE if infinite else _plain(str(error))) from None


def _with_digits(text: str) -> str:
    """Add the zero that people omit and msgspec requires: ``.5`` and ``5.``."""
    text = re.sub(r"^([+-]?)\.(?=\d)", r"\g<1>0.", text)
    return re.sub(r"^([+-]?\d+)\.(?=e|$)", r"\g<1>.0", text, flags=re.IGNORECASE)


def shortened(value: object) -> str:
    """Quote a value from outside, so that one of any length or depth fits on a line."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"


def one_of(name: str, allowed: Iterable[str]) -> str:
    """List the names allowed in place of a wrong one, a similar one first."""
    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}allowed: {', '.join(names) or 'none'}"


def _explain(message: str, table: Mapping[str, Any], kind: type) -> str:
    located = _LOCATED.match(message)
    assert located is not None
    what, path = located["what"], _split(located["path"] or "$")
    expected = _type_at(inspect.type_info(kind), table, path)
    if unknown := _UNKNOWN.search(what):
        keys = [field.encode_name for field in _fields(expected)]
        return f"{_dotted([*path, unknown[1]])}: unknown key; {one_of(unknown[1], keys)}"
    if missing := _MISSING.search(what):
        kind_of_missing = _type_at(inspect.type_info(kind), table, [*path, missing[1]])
        choices = _choices(kind_of_missing, [*path, missing[1]])
        allowed = f"; allowed: {', '.join(choices)}" if choices else ""
        return f"{_dotted([*path, missing[1]])}: missing{allowed}"
    if choices := _choices(expected, path):
        found = _value_at(table, path)
        near = found if isinstance(found, str) else ""
        return f"{_dotted(path)}: unknown value {shortened(found)}; {one_of(near, choices)}"
    out_of_range = what.endswith("out of range")
    if path and (_EXPECTED.match(what) or out_of_range):
        value = _value_at(table, path)
        infinite = out_of_range or (isinstance(value, float) and math.isinf(value))
        expected_words = _FINITE if infinite else _plain(what)
        return f"{_dotted(path)}: {expected_words}, got {shortened(value)}"
    return f"{_dotted(path)}: {what}" if path else what


def _plain(what: str) -> str:
    """Turn msgspec's "Expected `float` > 0.0, got `str`" into "expected a number > 0"."""
    names = {
        "float": "a number",
        "int": "a whole number",
        "str": "a string",
        "bool": "true or false",
    }
    names |= {"array": "a list", "object": "a table", "null": "nothing"}
    what = re.sub(r", got `[^`]*`$", "", what)
    words = re.sub(r"`([^`]*)`", lambda m: " or ".join(_named(m[1], names)), what)
    return re.sub(r"(\d)\.0\b", r"\1", words[0].lower() + words[1:])


def _named(types: str, names: Mapping[str, str]) -> list[str]:
    return [names.get(part, part) for part in types.split(" | ") if part != "null"]


def _split(path: str) -> list[str]:
    return [key or index for key, index in _PATH_PART.findall(path)]


def _dotted(path: list[str]) -> str:
    return ".".join(path)


def _value_at(table: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(table, Mapping) and part in table:
            table = table[part]
        elif isinstance(table, list | tuple) and part.isdigit() and int(part) < len(table):
            table = table[int(part)]
        else:
            break
    return table


def _type_at(kind: inspect.Type, table: Any, path: list[str]) -> inspect.Type:
    """Return the type at `path`, choosing members of tagged unions by the tags in the table."""
    for depth, part in enumerate(path):
        for field in _fields(_member(kind, _value_at(table, path[:depth]))):
            if field.encode_name == part:
                kind = field.type
                break
        else:
            return kind
    return _member(kind, _value_at(table, path))


def _member(kind: inspect.Type, value: Any) -> inspect.Type:
    """Return the struct with the tag of `value`, if `kind` is a union of tagged structs."""
    if isinstance(kind, inspect.UnionType) and isinstance(value, Mapping):
        for member in kind.types:
            if isinstance(member, inspect.StructType) and member.tag is not None:
                assert member.tag_field is not None
                if value.get(member.tag_field) == member.tag:
                    return member
    return kind


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    return kind.fields if isinstance(kind, inspect.StructType) else ()


def _choices(kind: inspect.Type, path: list[str]) -> list[str]:
    """Return the values of a literal, or the tags of a union if `path` ends at its tag."""
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.UnionType):
        tagged = [m for m in kind.types if isinstance(m, inspect.StructType)]
        if path and any(m.tag_field == path[-1] for m in tagged):
            return [str(m.tag) for m in tagged]
    return []
