#!/usr/bin/env python3
"""Writes the awkward photos of tests/golden/files. Needs Pillow, numpy, cjpeg and heif-enc.

Only needed to add a case: the files are kept in the tree. After it, run make_expected.py.
"""

import io
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

import png_writer as p
from drawing import picture

FILES = Path(__file__).resolve().parent / "files"


def cjpeg(pixels, *options):
    """Through libjpeg-turbo's own compressor, for what Pillow cannot ask for."""
    with tempfile.NamedTemporaryFile(suffix=".ppm") as ppm:
        kind = b"P6" if pixels.ndim == 3 else b"P5"
        ppm.write(b"%s %d %d 255\n" % (kind, pixels.shape[1], pixels.shape[0]) + pixels.tobytes())
        ppm.flush()
        return subprocess.run(["cjpeg", "-quality", "85", *options, ppm.name], check=True,
                              stdout=subprocess.PIPE).stdout


def saved(pixels, kind, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind, **options)
    return out.getvalue()


def segments(jpeg):
    """(marker, start, end) of each marker segment up to the first scan's data."""
    at = 2
    while at < len(jpeg):
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2:at + 4], "big")
        yield marker, at, at + 2 + length
        at += 2 + length
        if marker == 0xDA:
            return


def segment(jpeg, marker):
    return next((start, end) for m, start, end in segments(jpeg) if m == marker)


def without(jpeg, marker):
    start, end = segment(jpeg, marker)
    return jpeg[:start] + jpeg[end:]


def scan_start(jpeg):
    return segment(jpeg, 0xDA)[1]


def changed(data, offset, value):
    return data[:offset] + bytes([value]) + data[offset + 1:]


def jpegs():
    base = picture(43, 31)
    for name, sample in (("444", "1x1"), ("422", "2x1"), ("440", "1x2"), ("420", "2x2"),
                         ("411", "4x1"), ("410", "4x2"), ("441", "1x4"), ("mixed", "2x2,1x2,2x1")):
        yield f"sample_{name}.jpg", cjpeg(base, "-sample", sample)
    for width, height in ((1, 1), (2, 1), (1, 2), (7, 9), (8, 8), (9, 7), (15, 17), (16, 16),
                          (17, 33)):
        yield f"size_{width}x{height}.jpg", cjpeg(picture(width, height))
    yield "wide_3000x2.jpg", cjpeg(picture(3000, 2), "-quality", "30")
    yield "tall_2x1000.jpg", cjpeg(picture(2, 1000), "-quality", "30")
    yield "progressive_420.jpg", cjpeg(base, "-progressive")
    yield "progressive_440.jpg", cjpeg(base, "-progressive", "-sample", "1x2")
    yield "progressive_gray.jpg", cjpeg(base, "-progressive", "-grayscale")
    yield "gray.jpg", cjpeg(base, "-grayscale")
    yield "rgb_coded.jpg", cjpeg(base, "-rgb")
    yield "restart.jpg", cjpeg(base, "-restart", "2B")
    yield "restart_progressive.jpg", cjpeg(base, "-progressive", "-restart", "1")
    yield "arithmetic.jpg", cjpeg(base, "-arithmetic")
    yield "arithmetic_progressive.jpg", cjpeg(base, "-arithmetic", "-progressive")
    yield "optimized.jpg", cjpeg(base, "-optimize")
    yield "quality_1.jpg", cjpeg(base, "-quality", "1")
    yield "quality_5_baseline.jpg", cjpeg(base, "-quality", "5", "-baseline")
    yield "quality_100.jpg", cjpeg(base, "-quality", "100")
    yield "separate_scans.jpg", with_scans(base, "0;\n1;\n2;\n")
    yield "unfinished_progressive.jpg", with_scans(
        base, "0,1,2: 0-0, 0, 3;\n0: 1-5, 0, 2;\n", "-progressive")

    cmyk = saved(base, "JPEG", "CMYK", quality=85)
    yield "cmyk_adobe.jpg", cmyk
    yield "cmyk_plain.jpg", without(cmyk, 0xEE)
    adobe = segment(cmyk, 0xEE)[0]
    yield "ycck_adobe.jpg", changed(cmyk, adobe + 15, 2)
    yield "cmyk_odd_1x1.jpg", saved(picture(1, 1), "JPEG", "CMYK", quality=85)

    plain = cjpeg(base)
    yield "no_jfif.jpg", without(plain, 0xE0)
    yield "adobe_rgb_marker.jpg", plain[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + plain[2:]
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "exif_orientation_6.jpg", saved(base, "JPEG", quality=85, exif=exif)
    yield "comment_and_fill.jpg", (plain[:2] + b"\xff\xfe\0\x0chello file\xff\xff\xff" + plain[2:])

    # Damaged, yet TensorFlow may take them; make_expected.py records what it does.
    start = scan_start(plain)
    yield "trailing_garbage.jpg", plain + b"garbage \xff\xd8\xff after the end"
    yield "zeros_in_scan.jpg", plain[:start + 40] + bytes(30) + plain[start + 70:]
    yield "bytes_changed.jpg", changed(changed(plain, start + 100, 0x5A), start + 101, 0xA5)
    yield "early_end_marker.jpg", plain[:start + 200] + b"\xff\xd9"
    yield "end_marker_at_once.jpg", plain[:start] + b"\xff\xd9"
    yield "bad_marker_in_scan.jpg", plain[:start + 90] + b"\xff\xc8" + plain[start + 92:]
    restart = cjpeg(base, "-restart", "1B")
    lost = restart.index(b"\xff\xd2")
    yield "lost_restart_marker.jpg", restart[:lost] + restart[lost + 2:]
    yield "wrong_restart_marker.jpg", changed(restart, lost + 1, 0xD5)
    progressive = cjpeg(base, "-progressive")
    second_scan = progressive.index(b"\xff\xda", scan_start(progressive))
    yield "progressive_early_end.jpg", progressive[:second_scan + 30] + b"\xff\xd9"
    yield "end_marker_cut_in_half.jpg", plain[:-1]
    yield "end_marker_missing.jpg", plain[:-2]
    yield "truncated_half.jpg", plain[:len(plain) // 2]
    yield "truncated_in_header.jpg", plain[:100]
    yield "truncated_progressive.jpg", progressive[:len(progressive) // 2]
    yield "truncated_last_scan.jpg", progressive[:-12]
    yield "only_magic.jpg", b"\xff\xd8\xff"
    yield "height_zero.jpg", changed(changed(plain, segment(plain, 0xC0)[0] + 5, 0),
                                     segment(plain, 0xC0)[0] + 6, 0)


def with_scans(pixels, script, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
        scans.write(script)
        scans.flush()
        return cjpeg(pixels, "-scans", scans.name, *options)


def pngs():
    rgb = picture(37, 29)
    gray = rgb @ np.array([0.3, 0.6, 0.1])
    alpha = (np.mgrid[0:29, 0:37][1] * 7 % 256)[..., None]
    wide = rgb.astype(np.uint32) * 256 + rgb[..., ::-1] * np.uint32(3) % 256
    gray16 = (gray[..., None] * 257).astype(np.uint32)
    alpha16 = alpha.astype(np.uint32) * 257
    trns_rgb = p.chunk(b"tRNS", b"".join(int(v).to_bytes(2, "big") for v in rgb[3, 5]))
    for interlace, tail in ((0, ""), (1, "_interlaced")):
        yield f"rgb8{tail}.png", p.png(rgb, 8, p.RGB, interlace)
        yield f"rgb16{tail}.png", p.png(wide, 16, p.RGB, interlace)
        yield f"rgba8{tail}.png", p.png(np.concatenate([rgb, alpha], -1), 8, p.RGBA, interlace)
        yield f"gray16{tail}.png", p.png(gray16, 16, p.GRAY, interlace)
        for depth in (1, 2, 4, 8):
            levels = (gray / 256 * 2 ** depth).astype(np.uint32)[..., None]
            yield f"gray{depth}{tail}.png", p.png(levels, depth, p.GRAY, interlace)
            yield f"palette{depth}{tail}.png", p.png(levels, depth, p.PALETTE, interlace,
                                                     palette(2 ** depth))
    yield "rgba16.png", p.png(np.concatenate([wide, alpha16], -1), 16, p.RGBA)
    yield "gray_alpha8.png", p.png(np.stack([gray.astype(int), alpha[..., 0]], -1), 8, p.GRAY_ALPHA)
    yield "gray_alpha16_interlaced.png", p.png(np.concatenate([gray16, alpha16], -1), 16,
                                               p.GRAY_ALPHA, 1)
    levels = (gray / 16).astype(np.uint32)[..., None]
    yield "palette4_trns.png", p.png(levels, 4, p.PALETTE, 0, palette(16) +
                                     p.chunk(b"tRNS", bytes(range(0, 160, 10))))
    yield "gray8_trns.png", p.png(gray.astype(int)[..., None], 8, p.GRAY, 0,
                                  p.chunk(b"tRNS", b"\0\x80"))
    yield "gray2_trns.png", p.png((gray / 64).astype(int)[..., None], 2, p.GRAY, 0,
                                  p.chunk(b"tRNS", b"\0\x02"))
    yield "gray16_trns.png", p.png(gray16, 16, p.GRAY, 0, p.chunk(b"tRNS", b"\x80\x80"))
    yield "rgb8_trns.png", p.png(rgb, 8, p.RGB, 0, trns_rgb)
    yield "rgb8_gamma.png", p.png(rgb, 8, p.RGB, 0, p.chunk(b"gAMA", (45455).to_bytes(4, "big")))
    yield "rgb8_background.png", p.png(np.concatenate([rgb, alpha], -1), 8, p.RGBA, 0,
                                       p.chunk(b"bKGD", b"\0\xff\0\0\0\0"))
    yield "rgb8_many_idat.png", p.png(rgb, 8, p.RGB, idat_pieces=50)
    yield "animated.png", animated(rgb)
    yield "size_1x1.png", p.png(picture(1, 1), 8, p.RGB)
    yield "size_1x1_gray1.png", p.png(np.ones((1, 1, 1), int), 1, p.GRAY)
    yield "size_3x5_interlaced.png", p.png(picture(3, 5), 8, p.RGB, 1)
    yield "wide_2500x2.png", p.png(picture(2500, 2), 8, p.RGB)
    yield "png_named.jpg", p.png(rgb, 8, p.RGB)
    yield "trailing_garbage.png", p.png(rgb, 8, p.RGB, tail=b"and something more")
    yield "bad_text_crc.png", p.png(rgb, 8, p.RGB, 0, p.chunk(b"tEXt", b"a\0b", crc_error=1))
    yield "index_beyond_palette.png", p.png(levels, 4, p.PALETTE, 0, palette(5))
    good = p.png(rgb, 8, p.RGB)
    yield "bad_data_crc.png", changed(good, len(good) - 13, good[-13] ^ 1)
    yield "bad_data.png", changed(good, len(good) // 2, good[len(good) // 2] ^ 0xFF)
    yield "end_missing.png", good[:-12]
    yield "end_cut.png", good[:-3]
    yield "truncated_half.png", good[:len(good) // 2]
    yield "truncated_in_header.png", good[:20]
    yield "no_palette.png", p.png(levels, 4, p.PALETTE)
    yield "width_zero.png", p.SIGNATURE + p.header(0, 5, 8, p.RGB) + p.chunk(b"IEND", b"")


def palette(count):
    return p.chunk(b"PLTE", bytes((i * 53 + c * 91 + 20) % 256 for i in range(count)
                                  for c in range(3)))


def animated(rgb):
    """APNG: the default image first, then a frame that must not be shown."""
    control = p.chunk(b"acTL", (2).to_bytes(4, "big") + bytes(4))
    size = rgb.shape[1].to_bytes(4, "big") + rgb.shape[0].to_bytes(4, "big")
    first = p.chunk(b"fcTL", bytes(4) + size + bytes(8) + b"\0\1\0\x0a\0\0")
    second = p.chunk(b"fcTL", b"\0\0\0\1" + size + bytes(8) + b"\0\1\0\x0a\0\0")
    data = p.chunk(b"fdAT", b"\0\0\0\2" + zlib.compress(p.image_data(255 - rgb, 8, 0)))
    return p.png(rgb, 8, p.RGB, 0, control + first, second + data)


def gif_of(pixels, colours=32, **options):
    out = io.BytesIO()
    image = Image.fromarray(pixels).quantize(colours, dither=Image.Dither.NONE)
    image.save(out, "GIF", **options)
    return out.getvalue()


def gifs():
    base = picture(35, 27)
    plain = gif_of(base, interlace=0)
    yield "plain.gif", plain
    yield "interlaced.gif", gif_of(base, interlace=1)
    yield "two_colours.gif", gif_of(base, 2, interlace=0)
    yield "transparent.gif", gif_of(base, transparency=7, interlace=0)
    # The frame's descriptor follows ',': left, top, width, height, each two bytes.
    at = plain.index(b"\x2c\0\0\0\0" + (35).to_bytes(2, "little"))
    yield "offset_frame.gif", changed(changed(plain, at + 1, 5), at + 3, 3)
    screen = changed(changed(plain, 6, 60), 8, 50)
    yield "smaller_than_screen.gif", screen
    yield "larger_than_screen.gif", changed(changed(plain, 6, 10), 8, 10)
    yield "end_missing.gif", plain[:-1]
    yield "trailing_garbage.gif", plain + b"more"
    yield "no_frame.gif", plain[:at] + b";"
    out = io.BytesIO()
    frames = [Image.fromarray(f).quantize(32) for f in (base, 255 - base)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    yield "animated.gif", out.getvalue()


def others():
    """What TensorFlow's decode_jpeg refuses by kind."""
    base = picture(33, 21)
    yield "rgb.bmp", saved(base, "BMP")
    yield "palette.bmp", saved(base, "BMP", "P")
    yield "gray.bmp", saved(base, "BMP", "L")
    yield "top_down.bmp", top_down(base)
    yield "lossless.webp", saved(base, "WEBP", lossless=True)
    yield "lossy.webp", saved(base, "WEBP", quality=80)
    out = io.BytesIO()
    Image.fromarray(base).save(out, "WEBP", lossless=True, save_all=True,
                               append_images=[Image.fromarray(255 - base)])
    yield "animated.webp", out.getvalue()
    for name, options in (("raw", {}), ("lzw", {"compression": "tiff_lzw"}),
                          ("deflate", {"compression": "tiff_adobe_deflate"}),
                          ("packbits", {"compression": "packbits"})):
        yield f"{name}.tif", saved(base, "TIFF", **options)
    yield "gray.tif", saved(base, "TIFF", "L")
    yield "chroma_444.heic", heic(base, "-L", "-p", "chroma=444")


def top_down(rgb):
    bmp = bytearray(saved(rgb[::-1], "BMP"))
    bmp[22:26] = (-rgb.shape[0]).to_bytes(4, "little", signed=True)
    return bytes(bmp)


def heic(rgb, *options):
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.png", Path(folder) / "out.heic"
        Image.fromarray(rgb).save(source)
        subprocess.run(["heif-enc", *options, "-o", out, source], check=True, stdout=subprocess.DEVNULL)
        return out.read_bytes()


def main():
    FILES.mkdir(exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    total = 0
    for family in (jpegs, pngs, gifs, others):
        for name, data in family():
            assert not (FILES / name).exists(), name
            (FILES / name).write_bytes(data)
            total += len(data)
    print(f"{len(list(FILES.iterdir()))} files, {total} bytes")


if __name__ == "__main__":
    main()
