"""The charsets that Java 17 knows and Python decodes, by all the names that Java has for them (J12). Pure."""

from __future__ import annotations

import functools
import re

# Of each, first the name that Python knows; in lower case.
_CHARSETS = """
big5 csbig5; big5hkscs big5-hkscs big5hk big5_hkscs; eucjp euc-jp cseucpkdfmtjapanese x-euc-jp eucjis
extended_unix_code_packed_format_for_japanese euc_jp x-eucjp; euckr euc-kr ksc5601-1987 cseuckr ksc5601_1987
ksc5601 5601 euc_kr ksc_5601 ks_c_5601-1987; gb18030 gb18030-2022; euccn gb2312 euc-cn x-euc-cn euc_cn gb2312-80
gb2312-1980; gbk cp936 windows-936; 858 ibm00858 pc-multilingual-850+euro ibm858 cp858 cp00858 ibm-858
ccsid00858; 1140 ibm01140 ibm1140 ebcdic-us-037+euro cp1140 ibm-1140 cp01140 ccsid01140; 037 ibm037 cp037
ibm-037 csibm037 ebcdic-cp-us ebcdic-cp-ca ebcdic-cp-nl ebcdic-cp-wt cpibm37 cs-ebcdic-cp-wt ibm-37
cs-ebcdic-cp-us cs-ebcdic-cp-ca cs-ebcdic-cp-nl; 1026 ibm1026 cp1026 ibm-1026; 273 ibm273 ibm-273 cp273; 424
ibm424 ebcdic-cp-he csibm424 ibm-424 cp424; 437 ibm437 ibm-437 cspc8codepage437 cp437 windows-437; 500 ibm500
ibm-500 ebcdic-cp-bh ebcdic-cp-ch csibm500 cp500; 775 ibm775 ibm-775 cp775; 850 ibm850 cp850 cspc850multilingual
ibm-850; 852 ibm852 cspcp852 ibm-852 cp852; 855 ibm855 ibm-855 cp855 cspcp855; 857 ibm857 cp857 csibm857
ibm-857; 860 ibm860 cp860 csibm860 ibm-860; 861 ibm861 cp861 ibm-861 cp-is csibm861; 862 ibm862 csibm862 cp862
cspc862latinhebrew ibm-862; 863 ibm863 csibm863 ibm-863 cp863; 864 ibm864 csibm864 ibm-864 cp864; 865 ibm865
ibm-865 csibm865 cp865; 866 ibm866 ibm-866 csibm866 cp866; 869 ibm869 cp869 ibm-869 cp-gr csibm869; iso2022jp
iso-2022-jp csjisencoding jis_encoding jis csiso2022jp; iso-2022-jp-2 csiso2022jp2 iso2022jp2; iso2022kr
iso-2022-kr csiso2022kr; l1 iso-8859-1 819 iso8859-1 iso_8859-1:1987 iso_8859-1 8859_1 iso-ir-100 latin1 cp819
iso8859_1 ibm819 iso_8859_1 ibm-819 csisolatin1; iso8859-13 iso-8859-13 iso_8859-13 iso8859_13 8859_13; l9
iso-8859-15 csiso885915 latin-9 iso8859-15 latin0 iso8859_15_fdis iso8859_15 cp923 8859_15 ibm923 csisolatin9
iso_8859-15 ibm-923 csisolatin0 923 latin9; l10 iso-8859-16 iso_8859-16:2001 iso_8859-16 csiso885916 latin10
iso-ir-226 iso8859_16; l2 iso-8859-2 iso8859-2 ibm912 iso_8859-2 8859_2 cp912 iso_8859-2:1987 iso8859_2
iso-ir-101 latin2 912 csisolatin2 ibm-912; l3 iso-8859-3 iso8859-3 ibm913 8859_3 cp913 iso_8859-3 iso8859_3
latin3 csisolatin3 913 iso_8859-3:1988 ibm-913 iso-ir-109; l4 iso-8859-4 8859_4 latin4 cp914 iso_8859-4:1988
ibm914 iso_8859-4 iso-ir-110 iso8859_4 csisolatin4 iso8859-4 914 ibm-914; cyrillic iso-8859-5 iso_8859-5:1988
csisolatincyrillic iso-ir-144 iso8859_5 cp915 8859_5 ibm-915 iso_8859-5 ibm915 915 iso8859-5; arabic iso-8859-6
asmo-708 8859_6 iso8859_6 iso_8859-6 csisolatinarabic ibm1089 ibm-1089 1089 ecma-114 iso-ir-127 iso_8859-6:1987
iso8859-6 cp1089; greek iso-8859-7 8859_7 greek8 ibm813 iso_8859-7 iso8859_7 elot_928 cp813 iso_8859-7:1987
sun_eu_greek csisolatingreek iso-ir-126 813 iso8859-7 ecma-118 ibm-813; hebrew iso-8859-8 8859_8 iso_8859-8
iso_8859-8:1988 cp916 iso-ir-138 iso8859-8 iso8859_8 ibm-916 csisolatinhebrew 916 ibm916; l5 iso-8859-9 ibm-920
iso_8859-9 8859_9 iso_8859-9:1989 ibm920 latin5 iso8859_9 cp920 920 iso-ir-148 iso8859-9 csisolatin5; koi8-r
koi8_r koi8 cskoi8r; koi8-u koi8_u; sjis shift_jis x-sjis shift-jis ms_kanji csshiftjis; tis620 tis-620
tis620.2533; us us-ascii ansi_x3.4-1968 cp367 csascii iso-ir-6 ascii iso_646.irv:1983 ansi_x3.4-1986 ascii7
default iso_646.irv:1991 iso646-us ibm367 646; utf16 utf-16 utf_16 unicode unicodebig; utf-16be x-utf-16be
utf_16be iso-10646-ucs-2 unicodebigunmarked; utf-16le unicodelittleunmarked utf_16le x-utf-16le; utf32 utf-32
utf_32; utf-32be x-utf-32be utf_32be; utf-32le x-utf-32le utf_32le; utf-8 utf8 unicode-1-1-utf-8; cp1250
windows-1250 cp5346; cp1251 windows-1251 cp5347 ansi-1251; cp1252 windows-1252 ibm-1252 ibm1252 cp5348; cp1253
windows-1253 cp5349; cp1254 windows-1254 cp5350; cp1255 windows-1255; cp1256 windows-1256; cp1257 windows-1257
cp5353; cp1258 windows-1258; ms932 windows-31j windows-932 cswindows31j; cp1006 x-ibm1006 ibm1006 ibm-1006 1006;
cp737 x-ibm737 ibm737 737 ibm-737; cp856 x-ibm856 ibm856 856 ibm-856; cp874 x-ibm874 ibm-874 ibm874 874; cp875
x-ibm875 ibm-875 ibm875 875; 932 x-ibm942c ibm932 x-ibm932 ibm-932 ibm942c ibm-942c 942c cp942c cp932; 949
x-ibm949 ibm-949 ibm949 cp949; 950 x-ibm950 cp950 ibm950 ibm-950; iso8859_11 x-iso-8859-11 iso-8859-11; johab
x-johab ms1361 ksc5601_1992 ksc5601-1992; maccentraleurope x-maccentraleurope; maccyrillic x-maccyrillic;
macgreek x-macgreek; maciceland x-maciceland; macroman x-macroman; macturkish x-macturkish; ms936 x-mswin-936
ms_936; sjis:2004 x-sjis_0213 shift_jis:2004 sjis_0213 shift_jis_0213:2004 sjis-0213 sjis_0213:2004; ms949
x-windows-949 windows949 windows-949 ms_949; ms950 x-windows-950 windows-950
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-+.:_]*")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")


def charset_problem(name: str) -> str | None:
    """Return the exception that Java has for the name of a charset, or None."""
    if not _NAME.fullmatch(name):
        return "IllegalCharsetNameException"
    return None if _codec(name) else "UnsupportedCharsetException"


def decoded(data: bytes, charset: str) -> str:
    """Return a text in a charset that Java knows, with U+FFFD for what is none."""
    codec = _codec(charset) or "utf-8"
    if codec == "utf-8":
        # Of half of a surrogate pair Java makes one character, Python one of each byte.
        data = _SURROGATE.sub(b"\xef\xbf\xbd", data)
    elif codec == "us":  # ASCII
        codec = "latin-1"  # as Netty has it
    return data.decode(codec, "replace")


@functools.cache
def _codecs() -> dict[str, str]:
    """Return the name that Python knows by each name that Java knows."""
    found: dict[str, str] = {}
    for each in _CHARSETS.split(";"):
        first, *_ = names = each.split()
        for name in names:
            found.setdefault(name, first)
    return found


def _codec(name: str) -> str | None:
    return _codecs().get(name.lower())
