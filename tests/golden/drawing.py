"""The picture that all awkward files show: procedural, so that it belongs to nobody else."""

import numpy as np


def picture(width, height):
    """u8 [height, width, 3]: gradients, hard edges, thin lines and a little fixed noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    red = 60 + 180 * u
    green = 40 + 170 * v
    blue = 200 - 150 * u * v
    disc = (u - 0.6) ** 2 + (v - 0.45) ** 2 < 0.06
    red = np.where(disc, 250, red)
    green = np.where(disc, 210 - 100 * u, green)
    blue = np.where(disc, 20, blue)
    lines = (x.astype(int) + 2 * y.astype(int)) % 11 == 0
    red, green, blue = (np.where(lines, 255 - c, c) for c in (red, green, blue))
    corner = (u < 0.25) & (v > 0.7)
    red, green, blue = (np.where(corner, value, c)
                        for c, value in ((red, 0), (green, 0), (blue, 255)))
    noise = ((x * 7919 + y * 104729) % 17) - 8
    out = np.stack([red + noise, green - noise, blue + noise], axis=-1)
    return np.clip(np.round(out), 0, 255).astype(np.uint8)
