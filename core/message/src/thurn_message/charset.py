"""Turns octets into text by the charset's name; never raises.

Rules of this file:
1. Names come from a closed table. Python's own look-up would import modules by names from mail,
   remember every unknown name, and accept codecs that are not charsets (`punycode`,
   `unicode_escape`).
2. Octets that are not valid in their charset become U+FFFD.
"""

from __future__ import annotations

from typing import Final

MAX_CHARSET_OCTETS: Final = 40
"""Length of a charset's name in octets; a longer name is unknown. RFC 2978 §2.3 allows 40."""

_PYTHON_NAMES: Final = (
    "ascii",
    "utf-8",
    "utf-16",
    "utf-16-be",
    "utf-16-le",
    "utf-32",
    "utf-7",
    "iso8859-1",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-8",
    "iso8859-9",
    "iso8859-10",
    "iso8859-11",
    "iso8859-13",
    "iso8859-14",
    "iso8859-15",
    "iso8859-16",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "cp437",
    "cp850",
    "cp852",
    "cp858",
    "cp862",
    "cp864",
    "cp866",
    "cp874",
    "koi8-r",
    "koi8-u",
    "koi8-t",
    "mac-roman",
    "mac-cyrillic",
    "mac-greek",
    "mac-turkish",
    "big5",
    "big5hkscs",
    "gb2312",
    "gbk",
    "gb18030",
    "hz",
    "euc_jp",
    "iso2022_jp",
    "iso2022_jp_1",
    "iso2022_jp_2",
    "iso2022_jp_3",
    "iso2022_jp_ext",
    "shift_jis",
    "cp932",
    "euc_jis_2004",
    "euc_kr",
    "cp949",
    "johab",
    "iso2022_kr",
    "tis_620",
)

_ALIASES: Final = {
    "usascii": "ascii",
    "ansix341968": "ascii",
    "utf8mb4": "utf-8",
    "unicode11utf8": "utf-8",
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin3": "iso8859-3",
    "latin4": "iso8859-4",
    "latin5": "iso8859-9",
    "latin6": "iso8859-10",
    "latin9": "iso8859-15",
    "iso88591": "cp1252",  # agents that write this mean cp1252 (WHATWG Encoding §4.2)
    "iso88598i": "iso8859-8",
    "iso88598e": "iso8859-8",
    "iso88596i": "iso8859-6",
    "macintosh": "mac-roman",
    "ibm437": "cp437",
    "ibm850": "cp850",
    "ibm852": "cp852",
    "ibm866": "cp866",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "ksx1001": "cp949",
    "euckr": "cp949",
    "gb2312": "gb18030",  # its superset; agents label one as the other
    "gbk": "gb18030",
    "xgbk": "gb18030",
    "cp936": "gb18030",
    "eucjp": "euc_jp",
    "xeucjp": "euc_jp",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "xsjis": "cp932",
    "windows31j": "cp932",
    "xbig5": "big5",
    "hzgb2312": "hz",
    "cspc8codepage437": "cp437",
}


def _squeezed(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


_CODECS: Final = {
    **{_squeezed(name): name for name in _PYTHON_NAMES},
    **{"windows" + name[2:]: name for name in _PYTHON_NAMES if name.startswith("cp125")},
    **{"xcp" + name[2:]: name for name in _PYTHON_NAMES if name.startswith("cp125")},
    **_ALIASES,
}


def find_codec(charset: str) -> str | None:
    """The name of Python's codec for a charset of mail, or None for an unknown one."""
    return _CODECS.get(_squeezed(charset)) if len(charset) <= MAX_CHARSET_OCTETS else None


def decode_octets(octets: bytes, charset: str = "") -> str:
    """The text of the octets in a charset.

    Without a charset, with an unknown one or with ASCII, the octets are read as UTF-8 if they are
    valid UTF-8, else as Latin-1.
    """
    codec = find_codec(charset) if charset else None
    if codec is not None and codec != "ascii":
        return octets.decode(codec, "replace")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
