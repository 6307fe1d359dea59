"""Photo to network input for the engines that have no reader: as fast as Python allows, same values.

simplejpeg is libjpeg-turbo with TensorFlow's choices (fast DCT, fancy upsampling); the resize is
TensorFlow's legacy bilinear rule in float32, compiled by Numba. Both let other threads run meanwhile.
"""

from pathlib import Path

import numba
import numpy as np
import simplejpeg

from networks import MEAN, STD


@numba.njit(nogil=True, cache=True)
def _resize_normalize(image, mean, factor, columns, lerps, out):
    height, size = image.shape[0], out.shape[0]
    row_scale = np.float32(height) / np.float32(size)
    for i in range(size):
        y = np.float32(i) * row_scale
        top = int(np.floor(y))
        bottom = min(top + 1, height - 1)
        y_lerp = y - np.float32(top)
        for j in range(size):
            left, right, x_lerp = columns[j, 0], columns[j, 1], lerps[j]
            for c in range(3):
                top_left = np.float32(image[top, left, c])
                bottom_left = np.float32(image[bottom, left, c])
                above = top_left + (np.float32(image[top, right, c]) - top_left) * x_lerp
                below = bottom_left + (np.float32(image[bottom, right, c]) - bottom_left) * x_lerp
                out[i, j, c] = (above + (below - above) * y_lerp - mean) * factor


def prepare(path, out):
    """Decodes the JPEG file at `path` and fills `out`, f32 [R, R, 3]."""
    image = simplejpeg.decode_jpeg(Path(path).read_bytes(), "RGB", fastdct=True)
    size, width = out.shape[1], image.shape[1]
    x = np.arange(size, dtype=np.float32) * (np.float32(width) / np.float32(size))
    left = np.floor(x).astype(np.int64)
    columns = np.stack([left, np.minimum(left + 1, width - 1)], axis=1)
    lerps = x - left.astype(np.float32)
    _resize_normalize(image, np.float32(MEAN), np.float32(1 / STD), columns, lerps, out)
