"""A small e-book made by code: a valid EPUB with the title and a page of text, for samples and tests."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">{name}</dc:identifier><dc:title>{title}</dc:title>
<dc:language>sr-Latn</dc:language><meta property="dcterms:modified">2026-01-01T00:00:00Z</meta></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="text" href="text.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="text"/></spine></package>"""
_NAV = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head>
<body><nav epub:type="toc"><ol><li><a href="text.xhtml">{title}</a></li></ol></nav></body></html>"""
_TEXT = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"""


def make_epub(*, name: str, title: str, text: str = "") -> bytes:
    """The same bytes for the same words: the first member is the type, stored, as readers look for it."""
    words = {"name": escape(name), "title": escape(title), "text": escape(text or title)}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as book:
        for path, content in (
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", _CONTAINER),
            ("book.opf", _PACKAGE.format(**words)),
            ("nav.xhtml", _NAV.format(**words)),
            ("text.xhtml", _TEXT.format(**words)),
        ):
            member = zipfile.ZipInfo(path, date_time=(2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_STORED if path == "mimetype" else zipfile.ZIP_DEFLATED
            book.writestr(member, content)
    return held.getvalue()
