"""Bytes of awkward and hostile photos, made here without any image library."""

import struct
import zlib

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bit_depth, colour_type, rows, extra=b""):
    """rows: filter byte and samples of every row, uncompressed."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return (PNG_SIGNATURE + png_chunk(b"IHDR", header) + extra +
            png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b""))


def png_rgb(width=40, height=30):
    return png(width, height, 8, 2, b"".join(
        b"\0" + bytes((x * 6 + c * 80 + y) % 256 for x in range(width) for c in range(3))
        for y in range(height)))


def png_rgb16(width=24, height=24):
    return png(width, height, 16, 2, b"".join(
        b"\0" + b"".join(struct.pack(">H", (x * 2000 + c * 9000 + y) % 65536)
                         for x in range(width) for c in range(3)) for y in range(height)))


def png_palette(width=33, height=17):
    palette = png_chunk(b"PLTE", bytes((i * 37 + c * 50) % 256 for i in range(16) for c in range(3)))
    half = (width + 1) // 2
    return png(width, height, 4, 3, b"".join(
        b"\0" + bytes((x + y) % 256 for x in range(half)) for y in range(height)), palette)


def png_bomb(side=60000):
    """Says side × side pixels of 8-bit RGB in a few kilobytes."""
    return png(side, side, 8, 2, bytes(1 << 20))


def bmp(width=20, height=12):
    stride = (width * 3 + 3) // 4 * 4
    pixels = b"".join(bytes((x * 9 + y * 5) % 256 for x in range(stride)) for y in range(height))
    return (b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) +
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) +
            pixels)


def tiff(width=16, height=16):
    """Baseline RGB, one uncompressed strip, little endian."""
    pixels = bytes((i * 7) % 256 for i in range(width * height * 3))
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8 + len(pixels)),
               (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, height),
               (279, 4, 1, len(pixels))]
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    bits = struct.pack("<HHH", 8, 8, 8)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels) + len(bits)) + pixels + bits + directory


def gif(frames=3, width=6, height=6):
    """An animation; its codes never grow beyond three bits, for a clear code follows every two."""
    def frame(number):
        codes = []
        for i in range(width * height):
            if i % 2 == 0:
                codes.append(4)
            codes.append((i + number) % 4)
        codes.append(5)
        packed = sum(code << (3 * i) for i, code in enumerate(codes))
        data = packed.to_bytes((3 * len(codes) + 7) // 8, "little")
        return (b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + b"\x2c" +
                struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02" +
                b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255]
                         for i in range(0, len(data), 255)) + b"\0")

    palette = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0])
    return (b"GIF89a" + struct.pack("<HHBBB", width, height, 0x91, 0, 0) + palette +
            b"".join(frame(n) for n in range(frames)) + b";")


def jpeg_segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg_progressive_scans(scans, side=64):
    """A valid gray progressive JPEG whose first scan is repeated: each one is a pass over it all."""
    blocks = (side // 8) ** 2
    scan = jpeg_segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0x01])) + bytes((blocks + 7) // 8)
    return (b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + bytes([1] * 64)) +
            jpeg_segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0])) +
            jpeg_segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0") + scan * scans + b"\xff\xd9")


def jpeg_bomb(width=65500, height=65500):
    """A header that announces a huge picture, with next to no data."""
    return (b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + bytes([1] * 64)) +
            jpeg_segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])) +
            jpeg_segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0") +
            jpeg_segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0])) + bytes(64) + b"\xff\xd9")


def with_exif_orientation(jpeg, orientation=6):
    """The JPEG with an EXIF segment after its first marker."""
    tiff_header = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + jpeg_segment(0xE1, b"Exif\0\0" + tiff_header) + jpeg[2:]


def corrupt_but_decodable(jpeg):
    """Bits flipped late in the entropy-coded data: decoders warn and go on."""
    data = bytearray(jpeg)
    at = len(data) * 3 // 4
    for i in range(at, at + 12):
        if data[i] != 0xFF and data[i - 1] != 0xFF and data[i] ^ 0x2A != 0xFF:
            data[i] ^= 0x2A
    return bytes(data)
