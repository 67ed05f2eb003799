# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG side by side with Pillow, which brings its own builds of libjpeg-turbo and zlib."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import sinew
from sinew import observation as obs


def photo(rng, height, width):
    """Smooth shapes with an edge and some noise: JPEG has all of its coefficients to do."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [127 + 120 * np.sin(x / (7 + 3 * c) + y / (11 - 2 * c)) for c in range(3)]
    image = np.stack(waves, -1) + rng.normal(0, 12, (height, width, 3))
    image[height // 3 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


SIZES = [(1, 1), (7, 9), (16, 16), (33, 50), (120, 161), (480, 640)]


def pillow_rgb(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_decoded_jpeg_equals_pillow(subsampling, progressive):
    rng = np.random.default_rng(1)
    equal = total = 0
    for height, width in SIZES:
        for quality in (30, 75, 95):
            data = saved(Image.fromarray(photo(rng, height, width)), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
            got, want = obs.decode_image(data), pillow_rgb(data)
            assert got.shape == want.shape == (height, width, 3)
            assert np.abs(got.astype(int) - want).max() <= 1
            equal += np.count_nonzero(got == want)
            total += got.size
    print(f"\n{subsampling} progressive={progressive}: {equal / total:.6%} of {total} values equal Pillow's")
    assert equal / total > 0.999


def test_decoded_grey_jpeg_equals_pillow():
    grey = Image.fromarray(photo(np.random.default_rng(2), 61, 47)).convert("L")
    data = saved(grey, "JPEG", quality=90)
    assert np.array_equal(obs.decode_image(data), pillow_rgb(data))


def test_jpeg_with_exif_orientation_is_not_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(photo(np.random.default_rng(3), 20, 30)), "JPEG", exif=exif)
    assert obs.decode_image(data).shape == (20, 30, 3)
    assert np.array_equal(obs.decode_image(data), pillow_rgb(data))


def test_motion_jpeg_without_huffman_tables_is_decoded():
    data = saved(Image.fromarray(photo(np.random.default_rng(4), 48, 64)), "JPEG", quality=80)
    want = obs.decode_image(data)
    bare = bytearray(data)
    while (at := bare.find(b"\xff\xc4")) >= 0:
        del bare[at : at + 2 + int.from_bytes(bare[at + 2 : at + 4], "big")]
    assert len(bare) < len(data)
    assert np.array_equal(obs.decode_image(bytes(bare)), want)


def interlaced(rgb):
    """Adam7, which Pillow reads but does not write."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(b"\0" + row.tobytes() for top, left, down, right in passes for row in rgb[top::down, left::right])
    header = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png_cases():
    rng = np.random.default_rng(5)
    rgb = photo(rng, 37, 53)
    colour = Image.fromarray(rgb)
    alpha = Image.fromarray(rng.integers(0, 256, (37, 53), dtype=np.uint8))
    rgba = colour.copy()
    rgba.putalpha(alpha)
    yield "rgb", saved(colour, "PNG")
    yield "grey", saved(colour.convert("L"), "PNG")
    yield "bits", saved(colour.convert("1"), "PNG")
    yield "palette", saved(colour.quantize(200), "PNG")
    yield "palette 4 bits", saved(colour.quantize(11), "PNG")
    yield "palette 1 bit", saved(colour.quantize(2), "PNG", bits=1)
    yield "palette with transparency", saved(colour.quantize(50), "PNG", transparency=bytes(range(50)))
    yield "rgb with a transparent colour", saved(colour, "PNG", transparency=tuple(int(v) for v in rgb[0, 0]))
    yield "rgba", saved(rgba, "PNG")
    yield "grey and alpha", saved(rgba.convert("LA"), "PNG")
    information = PngImagePlugin.PngInfo()
    information.add_text("comment", "x" * 100_000, zip=True)
    information.add(b"gAMA", (10_000).to_bytes(4, "big"))
    yield "comments and gamma", saved(colour, "PNG", pnginfo=information)
    yield "interlaced", interlaced(rgb)


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize(("name", "data"), list(png_cases()), ids=lambda value: value if isinstance(value, str) else "")
def test_decoded_png_equals_pillow(name, data):
    assert np.array_equal(obs.decode_image(data), pillow_rgb(data))


def test_16_bit_png_keeps_the_upper_8():
    cv2 = pytest.importorskip("cv2")
    values = np.random.default_rng(6).integers(0, 65536, (19, 23, 3)).astype(np.uint16)
    data = cv2.imencode(".png", values[..., ::-1])[1].tobytes()
    assert np.array_equal(obs.decode_image(data), (values >> 8).astype(np.uint8))
    assert np.array_equal(obs.decode_image(data), pillow_rgb(data))
    grey = cv2.imencode(".png", values[..., 0])[1].tobytes()
    assert np.array_equal(obs.decode_image(grey), np.repeat((values[..., :1] >> 8).astype(np.uint8), 3, -1))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_pillow_reads_our_jpeg_as_it_reads_its_own(subsampling):
    rng = np.random.default_rng(7)
    for height, width in SIZES:
        for quality in (1, 40, 75, 100):
            image = photo(rng, height, width)
            ours = pillow_rgb(obs.encode_jpeg(image, quality=quality, subsampling=subsampling))
            own = pillow_rgb(saved(Image.fromarray(image), "JPEG", quality=quality, subsampling=subsampling))
            assert np.array_equal(ours, own)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pillow_reads_our_png_exactly(channels):
    image = np.random.default_rng(8).integers(0, 256, (29, 31, channels), dtype=np.uint8)
    for compression in (1, 6, 9):
        read = np.asarray(Image.open(io.BytesIO(obs.encode_png(image, compression))))
        assert np.array_equal(read.reshape(image.shape), image)


def test_what_is_refused_says_why():
    image = Image.fromarray(photo(np.random.default_rng(9), 16, 16))
    for data, words in (
        (b"", "begin neither"),
        (b"GIF89a" + bytes(20), "begin neither"),
        (saved(image.convert("CMYK"), "JPEG"), "CMYK"),
        (saved(image, "JPEG")[:-2], "JPEG"),
        (saved(image, "PNG")[:-4], "end too early"),
    ):
        with pytest.raises(sinew.Error, match=words):
            obs.decode_image(data)
    with pytest.raises(sinew.Error, match="4:2:0"):
        obs.encode_jpeg(np.zeros((4, 4, 3), np.uint8), subsampling="420")
    with pytest.raises(sinew.Error, match="quality 0"):
        obs.encode_jpeg(np.zeros((4, 4, 3), np.uint8), quality=0)
