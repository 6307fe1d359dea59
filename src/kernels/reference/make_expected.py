#!/usr/bin/env python3
"""Writes expected_from_tensorflow.inc, tiny cases of every op with TensorFlow's own results, and
same_padding_from_tensorflow.inc, where its SAME rule puts the padding.

Run with TensorFlow 2.x installed. The tests that include the files need no TensorFlow. Inputs are
multiples of 1/8, so that sums of products are exact in float32 in any order and the comparison can
be for equality; only divisions and the functions that TensorFlow approximates (exp, softmax, ...)
get a tolerance, in the test.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # TensorFlow's own kernels, not the library under test

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = (f"// Made by make_expected.py with TensorFlow {tf.__version__}: do not edit.\n"
          "// clang-format off\n")
out = open(os.path.join(HERE, "expected_from_tensorflow.inc"), "w", encoding="ascii")
out.write(HEADER)

f32 = np.float32
random = np.random.default_rng(20)


def values(*shape):
    return (random.integers(-16, 17, shape) / 8).astype(f32)


def literal(x):
    if isinstance(x, np.uint8):
        return str(int(x))
    if np.isnan(x):
        return "kNan"
    if np.isinf(x):
        return "kInf" if x > 0 else "-kInf"
    if x == int(x) and abs(x) < 10000 and not (x == 0 and np.signbit(x)):
        return str(int(x))
    text = str(x)
    return text if "e" in text or "." in text else text + "."


def braces(items):
    return "{" + ", ".join(str(i) for i in items) + "}"


def tensor(x):
    x = np.asarray(x)
    kind = "u8" if x.dtype == np.uint8 else "f32"
    shown = ", ".join(literal(v) + ("F" if kind == "f32" and not literal(v).lstrip("-").isdigit()
                                    and "k" not in literal(v) else "") for v in x.reshape(-1))
    return f"{kind}({braces(x.shape)}, {{{shown}}})"


def case(name, op, inputs, expected, check="exact"):
    out.write(f'{{"{name}", {op},\n')
    out.write("    {" + ",\n     ".join(tensor(i) for i in inputs) + "},\n")
    out.write("    " + tensor(expected) + f", Check::k{check.capitalize()}}},\n")


def pads_of(padding):
    (top, bottom), (left, right) = padding
    return braces([top, bottom, left, right])


def same(size, kernel, stride, dilation):
    """TensorFlow's documented rule; the results below would differ if it were another."""
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def resolve(padding, x, w, s, d):
    if padding == "SAME":
        return [same(x.shape[1], w.shape[0], s[0], d[0]), same(x.shape[2], w.shape[1], s[1], d[1])]
    if padding == "VALID":
        return [(0, 0), (0, 0)]
    return padding


ACTIVATIONS = {"kNone": lambda t: t, "kRelu": tf.nn.relu, "kRelu6": tf.nn.relu6}


def conv(name, x_shape, w_shape, stride, padding, dilation=(1, 1), bias=True, act="kNone",
         depthwise=False):
    x, w = values(*x_shape), values(*w_shape)
    explicit = padding if padding in ("SAME", "VALID") else [(0, 0)] + list(padding) + [(0, 0)]
    if depthwise:
        if not isinstance(explicit, str):
            x_padded, how = np.pad(x, explicit), "VALID"
        else:
            x_padded, how = x, explicit
        y = tf.nn.depthwise_conv2d(x_padded, w, [1, stride[0], stride[1], 1], how,
                                   dilations=list(dilation))
        outputs = w_shape[2] * w_shape[3]
    else:
        y = tf.nn.conv2d(x, w, list(stride), explicit, dilations=list(dilation))
        outputs = w_shape[3]
    inputs = [x, w]
    if bias:
        inputs.append(values(outputs))
        y = tf.nn.bias_add(y, inputs[2])
    kind = "DepthwiseConv2D" if depthwise else "Conv2D"
    pads = pads_of(resolve(padding, x, w, stride, dilation))
    numbers = ", ".join(str(n) for n in (*stride, *dilation))
    op = f"{kind}{{{numbers}, {pads}, Activation::{act}}}"
    case(name, op, inputs, ACTIVATIONS[act](y).numpy())


conv("3x3 same", (1, 4, 5, 2), (3, 3, 2, 3), (1, 1), "SAME", act="kRelu")
conv("3x3 same stride 2 even", (1, 6, 4, 3), (3, 3, 3, 2), (2, 2), "SAME", act="kRelu6")
conv("3x3 same stride 2 odd", (2, 5, 5, 1), (3, 3, 1, 2), (2, 2), "SAME", bias=False)
conv("2x4 same stride 3x2", (1, 7, 6, 1), (2, 4, 1, 2), (3, 2), "SAME")
conv("3x2 valid", (1, 5, 4, 2), (3, 2, 2, 2), (2, 1), "VALID", act="kRelu")
conv("1x1", (3, 2, 2, 4), (1, 1, 4, 3), (1, 1), "SAME", act="kRelu6")
conv("3x3 dilated", (1, 6, 7, 1), (3, 3, 1, 2), (1, 1), "SAME", dilation=(2, 3))
conv("explicit padding", (1, 4, 4, 1), (3, 3, 1, 1), (2, 2), [(0, 2), (3, 1)])
conv("depthwise same", (1, 4, 5, 3), (3, 3, 3, 1), (1, 1), "SAME", act="kRelu6", depthwise=True)
conv("depthwise stride 2", (2, 6, 6, 2), (3, 3, 2, 1), (2, 2), "SAME", depthwise=True)
conv("depthwise multiplier", (1, 4, 4, 3), (3, 3, 3, 2), (1, 1), "VALID", act="kRelu",
     depthwise=True)
conv("depthwise dilated", (1, 6, 6, 2), (3, 3, 2, 2), (1, 1), "SAME", dilation=(2, 2), bias=False,
     depthwise=True)
conv("depthwise padding", (1, 4, 3, 2), (3, 2, 2, 1), (1, 1), [(0, 1), (2, 0)], depthwise=True)

for ta in (False, True):
    for tb in (False, True):
        a = values(*((4, 3) if ta else (3, 4)))
        b = values(*((2, 4) if tb else (4, 2)))
        c = values(2)
        act = ["kNone", "kRelu", "kRelu6", "kNone"][2 * ta + tb]
        y = ACTIVATIONS[act](tf.nn.bias_add(tf.matmul(a, b, ta, tb), c))
        op = f"MatMul{{{str(ta).lower()}, {str(tb).lower()}, Activation::{act}}}"
        case(f"matmul {ta} {tb}", op, [a, b, c], y.numpy())

for kind in ("MAX", "AVG"):
    for kernel, stride, padding, shape in (((2, 2), (2, 2), "VALID", (1, 5, 4, 2)),
                                           ((4, 2), (1, 2), "SAME", (2, 4, 3, 1)),
                                           ((2, 4), (2, 1), "SAME", (1, 5, 6, 1)),
                                           ((4, 4), (2, 2), "VALID", (1, 4, 4, 3))):
        x = values(*shape)
        y = tf.nn.pool(x, kernel, kind, stride, padding).numpy()
        pads = pads_of(resolve(padding, x, np.zeros(kernel), stride, (1, 1)))
        op = (f"Pool{{Pool::Kind::{'kMax' if kind == 'MAX' else 'kAverage'}, {kernel[0]}, "
              f"{kernel[1]}, {stride[0]}, {stride[1]}, {pads}}}")
        # Divisors of 3 and 6 occur: TensorFlow's may be a product with a rounded reciprocal.
        case(f"pool {kind} {padding} {kernel}", op, [x], y, "exact" if kind == "MAX" else "ulps")
case("max pool passes NaN over", "Pool{Pool::Kind::kMax, 1, 2, 1, 1, {}}",
     [np.array([np.nan, 1, np.nan], f32).reshape(1, 1, 3, 1)],
     tf.nn.max_pool2d(np.array([np.nan, 1, np.nan], f32).reshape(1, 1, 3, 1), [1, 2], 1,
                      "VALID").numpy())

for kind, fn in (("kAdd", tf.add), ("kSub", tf.subtract), ("kMul", tf.multiply),
                 ("kDiv", tf.divide), ("kMaximum", tf.maximum), ("kMinimum", tf.minimum)):
    op = f"Binary{{Binary::Kind::{kind}}}"
    for left, right in (((2, 1, 3), (2, 1)), ((2, 2), ()), ((3,), (2, 1))):
        a, b = values(*left), values(*right) + f32(2.5)
        case(f"{kind} {left} {right}", op, [a, b], fn(a, b).numpy())
    special = np.array([np.nan, 1, np.inf, -np.inf, 0], f32)
    other = np.array([1, np.nan, 2, np.inf, 0], f32)
    case(f"{kind} special", op, [special, other], fn(special, other).numpy())

line = np.array([-20, -6, -1.5, -0.125, -0.0, 0, 0.25, 1, 3, 6, 6.5, 20, np.nan, np.inf, -np.inf],
                f32)
positive = np.array([0.001, 0.125, 1, 2, 3, 10, 1000, np.inf, np.nan], f32)
for kind, fn, x, how in (
        ("kIdentity", tf.identity, line, "exact"), ("kRelu", tf.nn.relu, line, "exact"),
        ("kRelu6", tf.nn.relu6, line, "exact"), ("kNeg", tf.negative, line, "exact"),
        ("kSquare", tf.square, line, "exact"), ("kSqrt", tf.sqrt, positive, "ulps"),
        ("kRsqrt", tf.math.rsqrt, positive, "ulps"), ("kExp", tf.exp, line, "ulps"),
        ("kSigmoid", tf.sigmoid, line, "ulps"), ("kTanh", tf.tanh, line, "ulps")):
    case(kind, f"Unary{{Unary::Kind::{kind}}}", [x], fn(x).numpy(), how)


def batch_norm(x, mean, variance, beta, gamma, scale):
    """The op was withdrawn after GraphDef version 8; a graph of that age still runs it."""
    graph_def = tf.compat.v1.GraphDef()
    graph_def.versions.producer = 8
    names = ["t", "m", "v", "beta", "gamma"]
    for name in names:
        node = graph_def.node.add(name=name, op="Placeholder")
        node.attr["dtype"].type = 1
    node = graph_def.node.add(name="y", op="BatchNormWithGlobalNormalization", input=names)
    node.attr["T"].type = 1
    node.attr["variance_epsilon"].f = 0.001
    node.attr["scale_after_normalization"].b = scale
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            feed = dict(zip([n + ":0" for n in names], [x, mean, variance, beta, gamma]))
            return session.run("y:0", feed)


for scale in (False, True):
    x, mean, beta, gamma = values(2, 2, 2, 3), values(3), values(3), values(3)
    variance = np.array([0.5, 1, 2.25], f32)
    case(f"batch norm {scale}", f"BatchNorm{{0.001F, {str(scale).lower()}}}",
         [x, mean, variance, beta, gamma], batch_norm(x, mean, variance, beta, gamma, scale),
         "norm")

codes = np.array([0, 1, 2, 100, 127, 128, 200, 254, 255], np.uint8)
for low, high in ((0, 6), (-1, 2), (-3.7, -1.2), (1.2, 5.5), (-0.32767412, 0.4213), (0.5, 0.5),
                  (0, 0), (3, 1), (-1e-30, 1e-30), (-1e30, 2e30)):
    low, high = f32(low), f32(high)
    y = tf.raw_ops.Dequantize(input=tf.bitcast(tf.constant(codes), tf.quint8), min_range=low,
                              max_range=high, mode="MIN_FIRST")
    case(f"dequantize {low} {high}", "Dequantize{}", [codes, low, high], y.numpy())

for axis in range(3):
    shapes = [[2, 1, 3], [2, 1, 3]]
    shapes[1][axis] = 2
    parts = [values(*s) for s in shapes]
    case(f"concat {axis}", f"Concat{{{axis}}}", parts, tf.concat(parts, axis).numpy())

x = values(2, 1, 3)
case("pad", "Pad{{{1, 0}, {0, 2}, {2, 1}}}", [x], tf.pad(x, [[1, 0], [0, 2], [2, 1]]).numpy())
case("pad scalar", "Pad{}", [f32(3)], tf.pad(f32(3), np.zeros((0, 2), np.int32)).numpy())

x = values(2, 2, 3, 2)
for axes, keep in (([1, 2], False), ([1, 2], True), ([3], False), ([0], True), ([], False),
                   ([2, 0], False), ([0, 1, 2, 3], False)):
    case(f"mean {axes} {keep}", f"Mean{{{braces(axes)}, {str(keep).lower()}}}", [x],
         tf.reduce_mean(x, axes, keep).numpy(), "ulps")

x = values(2, 3, 2)
case("reshape", "Reshape{Shape{4, 3}}", [x], tf.reshape(x, [4, 3]).numpy())
for x in (values(2, 5), values(3), np.array([[1000, -1000], [0, 0]], f32)):
    case(f"softmax {x.shape}", "Softmax{}", [x], tf.nn.softmax(x).numpy(), "ulps")

out.write("// clang-format on\n")
out.close()

# x = 1..n against a filter 1..k names every tap that is used: {n, k, stride, dilation, {results}}.
with open(os.path.join(HERE, "same_padding_from_tensorflow.inc"), "w", encoding="ascii") as out:
    out.write(HEADER)
    for size in range(1, 10):
        for kernel in range(1, 6):
            for stride in (1, 2, 3):
                for dilation in (1, 2) if stride == 1 else (1,):
                    x = np.arange(1, size + 1, dtype=f32).reshape(1, 1, size, 1)
                    w = np.arange(1, kernel + 1, dtype=f32).reshape(1, kernel, 1, 1)
                    y = tf.nn.conv2d(x, w, [1, stride], "SAME", dilations=[1, dilation])
                    results = braces(int(v) for v in y.numpy().reshape(-1))
                    print(f"{{{size}, {kernel}, {stride}, {dilation}, {results}}},", file=out)
    out.write("// clang-format on\n")
