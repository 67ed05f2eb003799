# SPDX-License-Identifier: Apache-2.0
"""Images that are larger than their bytes, damaged, or of a kind that no camera sends."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def files():
    for name, content in _png().items():
        yield f"image/{name}.png", content
    for name, content in _jpeg().items():
        yield f"image/{name}.jpg", content
    picture = _picture()
    for kind in ("GIF", "WEBP", "BMP", "TIFF"):
        yield f"image/other_kind.{kind.lower()}", _saved(picture, kind)
    yield "image/empty.png", b""
    yield "image/svg_as_image.png", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


def _picture():
    return Image.fromarray((np.arange(32 * 48 * 3) * 7 % 251).astype(np.uint8).reshape(32, 48, 3))


def _saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _chunk(kind, data, crc=None):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def _header(width=4, height=4, depth=8, colour=2, compression=0, filtering=0, interlace=0):
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace))


def _whole(header=None, rows=None, between=b""):
    rows = zlib.compress(b"\0" + b"\x55" * 12 + (b"\0" + b"\x55" * 12) * 3) if rows is None else rows
    return SIGNATURE + (header or _header()) + between + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _png():
    good = _saved(_picture(), "PNG")
    data = good.index(b"IDAT")
    bomb = zlib.compress(b"\0" * (8 << 20), 9)
    return {
        "good": good,
        "signature_alone": SIGNATURE,
        "signature_as_text": b"\x89PNG\n\x1a\n" + good[8:],  # what a transfer as text makes of it
        "cut_in_header": good[:20],
        "cut_before_data": good[: data - 4],
        "cut_in_data": good[: data + 40],
        "cut_before_end": good[:-12],
        "header_twice": SIGNATURE + _header() + _header() + _whole()[33:],
        "header_not_first": SIGNATURE + _chunk(b"tEXt", b"a\0b") + _whole()[8:],
        "header_crc_wrong": good[:29] + b"\0\0\0\0" + good[33:],
        "data_crc_wrong": _whole().replace(_whole()[-16:-12], b"\0\0\0\0"),
        "width_zero": _whole(_header(width=0)),
        "width_2_31": _whole(_header(width=1 << 31)),
        "huge_width": _whole(_header(width=1_000_000, height=1)),
        "huge_square": _whole(_header(width=30_000, height=30_000)),
        "within_limits_but_not_in_bytes": _whole(_header(width=8000, height=4000)),
        "depth_3": _whole(_header(depth=3)),
        "depth_16_of_palette": _whole(_header(depth=16, colour=3)),
        "colour_type_5": _whole(_header(colour=5)),
        "compression_1": _whole(_header(compression=1)),
        "filter_method_1": _whole(_header(filtering=1)),
        "interlace_2": _whole(_header(interlace=2)),
        "palette_absent": _whole(_header(colour=3)),
        "palette_of_no_colours": _whole(_header(colour=3), between=_chunk(b"PLTE", b"")),
        "palette_of_half_a_colour": _whole(_header(colour=3), between=_chunk(b"PLTE", b"\1\2")),
        "critical_chunk_unknown": _whole(between=_chunk(b"EVIL", b"x")),
        "chunk_length_2_31": SIGNATURE + _header() + b"\xff\xff\xff\xff" + b"IDAT" + b"x" * 64,
        "data_absent": SIGNATURE + _header() + _chunk(b"IEND", b""),
        "data_is_no_zlib": _whole(rows=b"\xff" * 64),
        "data_too_short": _whole(rows=zlib.compress(b"\0" + b"\x55" * 12)),
        "data_bomb": _whole(rows=bomb),
        "row_filter_9": _whole(rows=zlib.compress((b"\x09" + b"\x55" * 12) * 4)),
        "zlib_checksum_wrong": _whole(rows=zlib.compress((b"\0" + b"\x55" * 12) * 4)[:-4] + b"\0\0\0\0"),
        "zlib_with_dictionary": _whole(rows=b"\x78\xbb\x00\x00\x00\x01" + b"\0" * 20),
    }


def _jpeg():
    picture = _picture()
    good = _saved(picture, "JPEG")
    progressive = _saved(picture, "JPEG", progressive=True)
    frame = good.index(b"\xff\xc0")
    scan = good.index(b"\xff\xda")
    last_scan = progressive.rindex(b"\xff\xda")

    def sized(height, width):
        return good[: frame + 5] + struct.pack(">HH", height, width) + good[frame + 9 :]

    return {
        "good": good,
        "marker_alone": b"\xff\xd8\xff",
        "cut_in_tables": good[:60],
        "cut_before_scan": good[:scan],
        "cut_in_scan": good[: scan + 80],
        "height_zero": sized(0, 48),
        "width_zero": sized(32, 0),
        "size_65535": sized(65535, 65535),
        "within_limits_but_not_in_bytes": sized(4000, 8000),
        "precision_12": good[: frame + 4] + b"\x0c" + good[frame + 5 :],
        "four_colours": _saved(picture.convert("CMYK"), "JPEG"),
        "two_components": good[: frame + 9] + b"\x02" + good[frame + 10 :],
        "arithmetic_coding": good[:frame] + b"\xff\xc9" + good[frame + 2 :],
        "lossless": good[:frame] + b"\xff\xc3" + good[frame + 2 :],
        "frame_twice": good[:scan] + good[frame : frame + 19] + good[scan:],
        "scan_without_frame": good[:frame] + good[scan:],
        "sampling_of_16": good[: frame + 11] + b"\xff" + good[frame + 12 :],
        "quantisation_table_missing": good[: frame + 12] + b"\x03" + good[frame + 13 :],
        "segment_length_zero": good[: frame + 2] + b"\0\0" + good[frame + 4 :],
        "huffman_table_of_300_codes": good[:scan] + b"\xff\xc4\x00\x13\x00" + b"\xff" * 16 + good[scan:],
        "scans_200": progressive[:-2] + progressive[last_scan:-2] * 200 + b"\xff\xd9",
        "restart_markers_out_of_order": good[: scan + 30] + b"\xff\xd5" + good[scan + 30 :],
    }
