"""PNG of every colour type, depth and interlacing, byte by byte (PNG specification, 2nd edition)."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]  # x0, y0, dx, dy


def chunk(kind, data, crc_error=0):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data) ^ crc_error))


def header(width, height, depth, colour, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def packed_rows(samples, depth):
    """samples [h, w, c] → the bytes of each row, without filter bytes."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            per_byte = 8 // depth
            padded = np.zeros(-(-len(row) // per_byte) * per_byte, np.uint32)
            padded[:len(row)] = row
            value = np.zeros(len(padded) // per_byte, np.uint32)
            for i in range(per_byte):
                value = value << depth | padded[i::per_byte]
            rows.append(value.astype(np.uint8).tobytes())
    return rows


def filtered(rows, bytes_a_pixel):
    """Every row with another of the five filters, so that all are used."""
    out, above = [], bytes(len(rows[0])) if rows else b""
    for number, row in enumerate(rows):
        kind = number % 5
        line = bytearray([kind])
        for i, value in enumerate(row):
            left = row[i - bytes_a_pixel] if i >= bytes_a_pixel else 0
            up = above[i]
            corner = above[i - bytes_a_pixel] if i >= bytes_a_pixel else 0
            estimate = left + up - corner
            nearest = min((abs(estimate - left), 0, left), (abs(estimate - up), 1, up),
                          (abs(estimate - corner), 2, corner))[2]
            line.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
        out.append(bytes(line))
        above = row
    return b"".join(out)


def image_data(samples, depth, interlace):
    bytes_a_pixel = max(1, samples.shape[2] * depth // 8)
    if not interlace:
        return filtered(packed_rows(samples, depth), bytes_a_pixel)
    passes = (samples[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7)
    return b"".join(filtered(packed_rows(p, depth), bytes_a_pixel) for p in passes if p.size)


def png(samples, depth, colour, interlace=0, before=b"", middle=b"", idat_pieces=1, tail=b""):
    """samples: [h, w, channels] integers below 2**depth. before: chunks ahead of IDAT."""
    packed = zlib.compress(image_data(samples, depth, interlace), 9)
    step = -(-len(packed) // idat_pieces)
    idat = b"".join(chunk(b"IDAT", packed[i:i + step]) for i in range(0, len(packed), step))
    return (SIGNATURE + header(samples.shape[1], samples.shape[0], depth, colour, interlace) +
            before + idat + middle + chunk(b"IEND", b"") + tail)
