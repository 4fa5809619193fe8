"""Names from files, archives and checkpoints, which may hold any character, in messages and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # at the start of a cell, a spreadsheet computes what follows


def shown(text: object) -> str:
    """Return text as one line for people: control characters, line breaks and undecodable bytes become escapes.

    A terminal would obey control characters, and a list with one name in a line would break at line breaks.
    """
    text = str(text)
    return text if text.isprintable() else "".join(map(_escaped, text))


def counted(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun, such as `1 image` or `2,000 images`.

    Parameters
    ----------
    one
        The words after the number 1.
    several
        The words after another number; by default `one` with an s.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def encodable(text: str) -> str:
    """Return text that UTF-8 can hold: bytes of a file name that are not UTF-8 become escapes such as `\\xff`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_escaped(character) if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def cell(value: object) -> object:
    """Return a table's value for a CSV file: text that a spreadsheet would compute gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    value = encodable(value)
    return f"'{value}" if value.startswith(_FORMULA) and not _is_number(value) else value


def for_spreadsheets(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text and column names a spreadsheet shows as they are, for a CSV file."""
    named = table.rename(columns=cell)
    shown = named.apply(lambda column: column.map(cell) if column.dtype == object else column)
    return cast("pd.DataFrame", shown)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8, as Python decodes names of files
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
