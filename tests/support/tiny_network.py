"""A network that a run takes no time with: its feature is the photo itself, resized to 4 by 4.

The messages are TensorFlow's GraphDef (tensorflow/core/framework/graph.proto and those it includes),
laid down field by field: nothing but Python is needed to make one.
"""

SIDE = 4
FEATURES = SIDE * SIDE * 3
FLOAT, INT32 = 1, 3  # DataType
# What `graft retrain` and `graft features` have to be told of it.
OPTIONS = ("--input_layer=input", "--bottleneck_layer=flat", "--input_mean=128", "--input_std=128")


def _varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, value):
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(name, op, inputs, attributes):
    """attributes: name → the field of AttrValue that is set."""
    return _bytes(1, _bytes(1, name) + _bytes(2, op) + b"".join(_bytes(3, i) for i in inputs) +
                  b"".join(_bytes(5, _bytes(1, key) + _bytes(2, value))
                           for key, value in attributes.items()))


def _shape(sides):
    return b"".join(_bytes(2, _number(1, side)) for side in sides)


def _integers(name, values):
    value = (_number(1, INT32) + _bytes(2, _shape([len(values)])) +
             b"".join(_number(7, value) for value in values))
    return _node(name, b"Const", [], {b"dtype": _number(6, INT32), b"value": _bytes(8, value)})


def graph_def(channels_first=False):
    """input [1, 4, 4, 3] → flat [1, 48]; channels_first: input [1, 3, 4, 4] → image → flat"""
    sides = [1, 3, SIDE, SIDE] if channels_first else [1, SIDE, SIDE, 3]
    image, nodes = b"input", b""
    if channels_first:
        image = b"image"
        nodes = (_integers(b"image/perm", [0, 2, 3, 1]) +
                 _node(image, b"Transpose", [b"input", b"image/perm"],
                       {b"T": _number(6, FLOAT), b"Tperm": _number(6, INT32)}))
    return (_node(b"input", b"Placeholder", [],
                  {b"dtype": _number(6, FLOAT), b"shape": _bytes(7, _shape(sides))}) + nodes +
            _integers(b"flat/shape", [-1, FEATURES]) +
            _node(b"flat", b"Reshape", [image, b"flat/shape"],
                  {b"T": _number(6, FLOAT), b"Tshape": _number(6, INT32)}))
