"""QR codes and barcodes as SVG, drawn from their modules so that print stays sharp."""

from __future__ import annotations

import io

import segno
from barcode import Code128

QUIET_MODULES = 10
BAR_HEIGHT = 40


def qr_svg(text: str, *, error: str = "m") -> str:
    """A QR code with its quiet zone, black on white."""
    buffer = io.BytesIO()
    code = segno.make(text, error=error, micro=False, boost_error=False, encoding="utf-8")
    code.save(
        buffer, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, svgns=True, omitsize=True
    )
    return buffer.getvalue().decode()


def code128_svg(text: str) -> str:
    """A Code 128 barcode without its text, with quiet zones of ten modules."""
    (bars,) = Code128(text).build()
    width = len(bars) + 2 * QUIET_MODULES
    path = []
    place = 0
    while place < len(bars):
        end = place
        while end < len(bars) and bars[end] == bars[place]:
            end += 1
        if bars[place] == "1":
            path.append(f"M{QUIET_MODULES + place} 0h{end - place}v{BAR_HEIGHT}h-{end - place}z")
        place = end
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {BAR_HEIGHT}" preserveAspectRatio="none" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{width}v{BAR_HEIGHT}H0z"/>'
        f'<path fill="#000" d="{"".join(path)}"/></svg>'
    )
