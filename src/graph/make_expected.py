#!/usr/bin/env python3
"""Writes expected_from_tensorflow.inc: a tiny graph for every op that import accepts, node for node
and attribute for attribute as TensorFlow writes it, with TensorFlow's own result.

Run with TensorFlow 2.x installed. The tests that include the file need no TensorFlow. Inputs are
multiples of 1/8, so that sums of products are exact in float32 in any order and the comparison can
be for equality; only divisions by numbers that are no power of two and the functions that
TensorFlow approximates get a tolerance, in the test.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # TensorFlow's own kernels

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = (f"// Made by make_expected.py with TensorFlow {tf.__version__}: do not edit.\n"
          "// clang-format off\n")
out = open(os.path.join(HERE, "expected_from_tensorflow.inc"), "w", encoding="ascii")
out.write(HEADER)

f32 = np.float32
raw = tf.raw_ops
# Node by node: TensorFlow 2.15.1's rewriting of a graph gives a Mean over no axis between two
# Transposes another shape than the op itself does.
AS_IT_STANDS = tf.compat.v1.ConfigProto()
AS_IT_STANDS.graph_options.rewrite_options.disable_meta_optimizer = True
random = np.random.default_rng(31)
DTYPES = {1: ("DT_FLOAT", "f32", np.float32), 3: ("DT_INT32", "i32", np.int32),
          9: ("DT_INT64", "i64", np.int64), 12: ("DT_QUINT8", "u8", np.uint8)}


def values(*shape):
    return (random.integers(-16, 17, shape) / 8).astype(f32)


def literal(x):
    if not isinstance(x, np.floating):
        return str(int(x))
    if x == int(x) and abs(x) < 10000 and not (x == 0 and np.signbit(x)):
        return str(int(x))
    text = str(x)
    return (text if "e" in text or "." in text else text + ".") + "F"


def braces(items):
    return "{" + ", ".join(str(i) for i in items) + "}"


def quote(text):
    return '"' + text + '"'


def attribute(name, value):
    kind = value.WhichOneof("value")
    key = quote(name)
    if kind == "s":
        return f".text({key}, {quote(value.s.decode())})"
    if kind == "i":
        return f".integer({key}, {value.i})"
    if kind == "f":
        return f".number({key}, {literal(f32(value.f))})"
    if kind == "b":
        return f".flag({key}, {str(value.b).lower()})"
    if kind == "type":
        return f".type({key}, wire::{DTYPES[value.type][0]})"
    if kind == "list":
        assert not (value.list.s or value.list.f or value.list.b or value.list.type)
        return f".integers({key}, {braces(value.list.i)})"
    if kind == "shape":
        assert not value.shape.unknown_rank
        return f".shape({key}, {braces(d.size for d in value.shape.dim)})"
    assert kind == "tensor", kind
    proto = value.tensor
    _, ours, dtype = DTYPES[proto.dtype]
    dims = braces(d.size for d in proto.tensor_shape.dim)
    if proto.tensor_content:
        numbers = np.frombuffer(proto.tensor_content, dtype)
        return f".{ours}({key}, {dims}, {braces(literal(n) for n in numbers)})"
    listed = {1: proto.float_val, 3: proto.int_val, 9: proto.int64_val, 12: proto.int_val}
    numbers = np.array(listed[proto.dtype]).astype(dtype)
    return f".{ours}_values({key}, {dims}, {braces(literal(n) for n in numbers)})"


def tensor(x):
    x = np.asarray(x)
    kind = "u8" if x.dtype == np.uint8 else "f32"
    return f"{kind}({braces(x.shape)}, {braces(literal(v) for v in x.reshape(-1))})"


def defaults(graph_def):
    """The attributes that a writer may leave out, as their values are the op's defaults."""
    for node in graph_def.node:
        for attr in op_def_registry.get(node.op).attr:
            if attr.HasField("default_value") and node.attr.get(attr.name) == attr.default_value:
                yield f'{{"{node.name}", "{attr.name}"}}'


def write(name, graph_def, x, y, check):
    out.write(f'{{"{name}", [] {{\n  GraphDefBuilder b;\n')
    for node in graph_def.node:
        inputs = braces(quote(i) for i in node.input)
        line = f"  b.node({quote(node.op)}, {quote(node.name)}, {inputs})"
        for key in sorted(node.attr):
            line += "\n      " + attribute(key, node.attr[key])
        out.write(line + ";\n")
    out.write("  return b.def(); }(),\n    " + braces(defaults(graph_def)) + ",\n    " +
              tensor(x) + ",\n    " + tensor(y) + f", {0 if check == 'exact' else 8}}},\n")


def case(name, x, build, check="exact", y=None, fed=None):
    """build: the placeholder "x" → the tensor that the node "y" gives. y: its value, where
    TensorFlow's own kernel cannot run the node as it stands. fed: what we are fed in x's place."""
    with tf.Graph().as_default() as graph:
        dtype = tf.quint8 if x.dtype == np.uint8 else tf.as_dtype(x.dtype)
        placeholder = tf.compat.v1.placeholder(dtype, x.shape, "x")
        result = build(placeholder)
        assert result.op.name == "y", result
        if y is None:
            with tf.compat.v1.Session(graph=graph, config=AS_IT_STANDS) as session:
                value = x.astype(tf.quint8.as_numpy_dtype) if dtype == tf.quint8 else x
                y = session.run(result, {placeholder: value})
        write(name, graph.as_graph_def(), x if fed is None else fed, y, check)


def const(value, name, dtype=None):
    return tf.constant(value, dtype, name=name)


# --- windows: every side of SAME, both strides, kernels larger than the image, dilations
for name, x_shape, w_shape, strides, padding, dilations in (
        ("same", (1, 4, 5, 2), (3, 3, 2, 3), (1, 1), "SAME", (1, 1)),
        ("same even kernel", (1, 5, 4, 1), (2, 4, 1, 2), (1, 1), "SAME", (1, 1)),
        ("same stride 2 even image", (1, 6, 4, 2), (3, 3, 2, 2), (2, 2), "SAME", (1, 1)),
        ("same stride 2 odd image", (2, 5, 7, 1), (3, 3, 1, 2), (2, 2), "SAME", (1, 1)),
        ("same strides 3x1", (1, 7, 3, 1), (2, 3, 1, 1), (3, 1), "SAME", (1, 1)),
        ("same dilated 2x3", (1, 6, 7, 1), (3, 2, 1, 2), (1, 1), "SAME", (2, 3)),
        ("same larger than the image", (1, 2, 3, 1), (5, 4, 1, 1), (1, 1), "SAME", (1, 1)),
        ("valid strides 2x1", (1, 5, 4, 2), (3, 2, 2, 2), (2, 1), "VALID", (1, 1)),
        ("valid dilated", (1, 6, 5, 1), (2, 3, 1, 2), (1, 1), "VALID", (3, 2)),
        ("valid 1x1", (1, 2, 2, 3), (1, 1, 3, 2), (1, 1), "VALID", (1, 1))):
    case("Conv2D " + name, values(*x_shape), lambda x: raw.Conv2D(
        input=x, filter=const(values(*w_shape), "w"), strides=[1, *strides, 1], padding=padding,
        dilations=[1, *dilations, 1], name="y"))

for name, x_shape, w_shape, stride, padding, dilations in (
        ("same", (1, 4, 5, 3), (3, 3, 3, 1), 1, "SAME", (1, 1)),
        ("same stride 2", (1, 6, 5, 2), (3, 3, 2, 1), 2, "SAME", (1, 1)),
        ("same even kernel multiplier 2", (1, 4, 3, 2), (2, 2, 2, 2), 1, "SAME", (1, 1)),
        ("valid dilated", (1, 6, 5, 2), (2, 3, 2, 1), 1, "VALID", (2, 2)),
        ("valid stride 2", (1, 5, 5, 2), (3, 3, 2, 2), 2, "VALID", (1, 1))):
    x, w, strides = values(*x_shape), values(*w_shape), [1, stride, stride, 1]
    # tf.nn.depthwise_conv2d spreads a dilated filter over several nodes, as the kernel on CPUs
    # knows no dilation.
    y = tf.nn.depthwise_conv2d(x, w, strides, padding, dilations=list(dilations)).numpy()
    case("DepthwiseConv2dNative " + name, x, lambda x: raw.DepthwiseConv2dNative(
        input=x, filter=const(w, "w"), strides=strides, padding=padding,
        dilations=[1, *dilations, 1], name="y"), y=y)

for name, shape, ksize, strides, padding in (
        ("same", (1, 4, 5, 2), (2, 2), (2, 2), "SAME"),
        ("same 1x4 stride 1x2", (1, 3, 6, 1), (1, 4), (1, 2), "SAME"),
        ("same 3x2", (1, 5, 4, 1), (3, 2), (2, 1), "SAME"),
        ("valid", (2, 5, 4, 1), (2, 2), (2, 2), "VALID"),
        ("valid whole image", (1, 4, 2, 3), (4, 2), (1, 1), "VALID")):
    for op in ("AvgPool", "MaxPool"):
        def pool(x):
            how = dict(ksize=[1, *ksize, 1], strides=[1, *strides, 1], padding=padding, name="y")
            return raw.AvgPool(value=x, **how) if op == "AvgPool" else raw.MaxPool(input=x, **how)
        thirds = op == "AvgPool" and "same" in name
        case(f"{op} {name}", values(*shape), pool, "ulps" if thirds else "exact")

# --- element-wise ops and their broadcasting
for op in ("Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"):
    for x_shape, other in (((2, 1, 3), (2, 1)), ((3,), (2, 1)), ((2, 2), ())):
        constant = values(*other) + f32(2.5)
        case(f"{op} {x_shape} {other}", values(*x_shape),
             lambda x: getattr(raw, op)(x=x, y=const(constant, "c"), name="y"))
    case(f"{op} constant first", values(2, 2) + f32(2.5),
         lambda x: getattr(raw, op)(x=const(values(2), "c"), y=x, name="y"))

line = np.array([-20, -6, -1.5, -0.125, 0, 0.25, 1, 3, 6, 6.5, 20], f32)
positive = np.array([0.001, 0.125, 1, 2, 3, 10, 1000], f32)
case("Relu", line, lambda x: raw.Relu(features=x, name="y"))
case("Relu6", line, lambda x: raw.Relu6(features=x, name="y"))
case("Neg", line, lambda x: raw.Neg(x=x, name="y"))
case("Square", line, lambda x: raw.Square(x=x, name="y"))
case("Sqrt", positive, lambda x: raw.Sqrt(x=x, name="y"), "ulps")
case("Rsqrt", positive, lambda x: raw.Rsqrt(x=x, name="y"), "ulps")
case("Exp", line, lambda x: raw.Exp(x=x, name="y"), "ulps")
case("Sigmoid", line, lambda x: raw.Sigmoid(x=x, name="y"), "ulps")
case("Tanh", line, lambda x: raw.Tanh(x=x, name="y"), "ulps")
for shape in ((2, 5), (3,), (1, 2, 3)):
    case(f"Softmax {shape}", values(*shape), lambda x: raw.Softmax(logits=x, name="y"), "ulps")

for shape in ((2, 3), (1, 2, 2, 3)):
    case(f"BiasAdd {shape}", values(*shape),
         lambda x: raw.BiasAdd(value=x, bias=const(values(3), "b"), name="y"))
for ta in (False, True):
    for tb in (False, True):
        b = values(*((2, 4) if tb else (4, 2)))
        case(f"MatMul {ta} {tb}", values(*((4, 3) if ta else (3, 4))), lambda x: raw.MatMul(
            a=x, b=const(b, "b"), transpose_a=ta, transpose_b=tb, name="y"))

# --- normalisations; variance + epsilon is a power of four, so that its root is exact
variance = np.array([0.75, 3.75, 15.75], f32)
for version in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
    case(version, values(1, 2, 2, 3), lambda x: getattr(raw, version)(
        x=x, scale=const(values(3), "gamma"), offset=const(values(3), "beta"),
        mean=const(values(3), "mean"), variance=const(variance, "variance"), epsilon=0.25,
        is_training=False, name="y").y)


def old_batch_norm(scale):
    """The op was withdrawn after GraphDef version 8; a graph of that age still runs it."""
    x, arrays = values(1, 2, 2, 3), {"m": values(3), "v": variance, "b": values(3), "g": values(3)}
    with tf.Graph().as_default() as graph:
        tf.compat.v1.placeholder(tf.float32, x.shape, "x")
        for name, value in arrays.items():
            const(value, name)
        graph_def = graph.as_graph_def()
    graph_def.versions.producer = 8
    node = graph_def.node.add(name="y", op="BatchNormWithGlobalNormalization",
                              input=["x", "m", "v", "b", "g"])
    node.attr["T"].type = 1
    node.attr["variance_epsilon"].f = 0.25
    node.attr["scale_after_normalization"].b = scale
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            y = session.run("y:0", {"x:0": x})
    write(f"BatchNormWithGlobalNormalization {scale}", graph_def, x, y, "exact")


old_batch_norm(True)
old_batch_norm(False)

# --- Dequantize: ranges around zero, on one side of it, empty, and those of a trained network
codes = np.array([0, 1, 2, 100, 127, 128, 200, 254, 255], np.uint8)
for low, high in ((0, 6), (-1, 2), (-3.7, -1.2), (1.2, 5.5), (-0.32767412, 0.4213), (0.5, 0.5),
                  (-1e-30, 1e-30)):
    case(f"Dequantize {low} {high}", codes, lambda x: raw.Dequantize(
        input=x, min_range=const(f32(low), "low"), max_range=const(f32(high), "high"),
        mode="MIN_FIRST", name="y"))

# --- shapes
for shape, dtype in (((-1, 3), tf.int32), ((2, -1), tf.int64), ((-1,), tf.int32),
                     ((1, 2, 1, 3, 1), tf.int32)):
    case(f"Reshape {shape}", values(2, 1, 3),
         lambda x: raw.Reshape(tensor=x, shape=const(shape, "s", dtype), name="y"))
case("Reshape to a scalar", values(1, 1),
     lambda x: raw.Reshape(tensor=x, shape=const([], "s", tf.int32), name="y"))
for axes in ([], [0], [2, -1], [-5], [0, 2, 4]):
    case(f"Squeeze {axes}", values(1, 2, 1, 3, 1),
         lambda x: raw.Squeeze(input=x, axis=axes, name="y"))
for axis in (0, 1, 2, -1, -3):
    shape = [2, 1, 3]
    shape[axis] = 2
    case(f"ConcatV2 {axis}", values(2, 1, 3), lambda x: raw.ConcatV2(
        values=[x, const(values(*shape), "c"), x], axis=const(axis, "axis"), name="y"))
case("ConcatV2 int64 axis", values(2, 2), lambda x: raw.ConcatV2(
    values=[x, x], axis=const(-2, "axis", tf.int64), name="y"))
for axis in (0, 1):
    case(f"Concat {axis}", values(2, 2), lambda x: raw.Concat(
        concat_dim=const(axis, "axis"), values=[x, const(values(2, 2), "c")], name="y"))
for dtype in (tf.int32, tf.int64):
    case(f"Pad {dtype.name}", values(2, 1, 3), lambda x: raw.Pad(
        input=x, paddings=const([[1, 0], [0, 2], [2, 1]], "p", dtype), name="y"))
for axes, keep in (([1, 2], False), ([1, 2], True), ([-1], False), ([0, -2], True), ([], False),
                   (2, False), ([0, 1, 2, 3], False)):
    case(f"Mean {axes} {keep}", values(2, 2, 4, 2), lambda x: raw.Mean(
        input=x, axis=const(axes, "axis", tf.int32), keep_dims=keep, name="y"))

# --- what hands its input on
case("Identity", values(2, 2), lambda x: raw.Identity(input=x, name="y"))
case("StopGradient", values(2), lambda x: raw.StopGradient(input=x, name="y"))
case("CheckNumerics", values(2), lambda x: raw.CheckNumerics(tensor=x, message="bad", name="y"))
case("PlaceholderWithDefault", values(1, 2), lambda x: raw.PlaceholderWithDefault(
    input=raw.Relu(features=x, name="hidden"), shape=[None, 2], name="y"))


def after_control_inputs(x):
    with tf.control_dependencies([raw.Relu6(features=x, name="first"), tf.no_op("nothing")]):
        return raw.Relu(features=x, name="y")


case("Relu after control inputs", line, after_control_inputs)

# --- between the orders of an image's axes; [N,C,H,W] in between
NCHW, BACK = [0, 3, 1, 2], [0, 2, 3, 1]


def between(build):
    """build, with channels first, between a Transpose there and one back."""
    def whole(x):
        first = raw.Transpose(x=x, perm=const(NCHW, "to_nchw"), name="first")
        return raw.Transpose(x=build(first), perm=const(BACK, "to_nhwc"), name="y")
    return whole


case("Transpose", values(1, 2, 4, 3), between(lambda x: raw.Relu(features=x, name="relu")))
case("Transpose int64", values(2, 2, 2, 2), lambda x: raw.Transpose(
    x=raw.Transpose(x=x, perm=const(NCHW, "p", tf.int64), name="first"),
    perm=const(BACK, "q", tf.int64), name="y"))
case("Transpose that moves nothing", values(2, 1, 3),
     lambda x: raw.Transpose(x=x, perm=const([0, 1, 2], "p"), name="y"))

# TensorFlow's own kernels for CPUs know these in NHWC only, which gives the same.
for padding, strides, dilations in (("SAME", (2, 1), (1, 1)), ("VALID", (1, 1), (2, 1))):
    x, w, m = values(1, 5, 6, 2), values(3, 2, 2, 3), values(2, 3, 2, 2)
    y = tf.nn.conv2d(x, w, [1, *strides, 1], padding, dilations=[1, *dilations, 1]).numpy()
    case(f"Conv2D {padding} channels first", x, between(lambda x: raw.Conv2D(
        input=x, filter=const(w, "w"), strides=[1, 1, *strides], padding=padding,
        dilations=[1, 1, *dilations], data_format="NCHW", name="conv")), y=y)
    stride = strides[0]
    y = tf.nn.depthwise_conv2d(x, m, [1, stride, stride, 1], padding,
                               dilations=list(dilations)).numpy()
    case(f"DepthwiseConv2dNative {padding} channels first", x,
         between(lambda x: raw.DepthwiseConv2dNative(
             input=x, filter=const(m, "w"), strides=[1, 1, stride, stride], padding=padding,
             dilations=[1, 1, *dilations], data_format="NCHW", name="conv")), y=y)
for op in ("AvgPool", "MaxPool"):
    for padding in ("SAME", "VALID"):
        x = values(1, 5, 4, 2)

        def pool(x, sides, data_format):
            def four(h, w):
                return [1, 1, h, w] if data_format == "NCHW" else [1, h, w, 1]
            how = dict(ksize=four(*sides), strides=four(2, 1), padding=padding,
                       data_format=data_format, name="pool")
            return raw.AvgPool(value=x, **how) if op == "AvgPool" else raw.MaxPool(input=x, **how)
        y = pool(tf.constant(x), (2, 4), "NHWC").numpy()
        case(f"{op} {padding} channels first", x, between(lambda x: pool(x, (2, 4), "NCHW")),
             "ulps" if op == "AvgPool" and padding == "SAME" else "exact", y=y)

for other in ((3, 1, 1), (1, 3, 1, 1), (), (1,), (1, 1, 1, 1)):
    case(f"AddV2 channels first {other}", values(1, 2, 4, 3), between(
        lambda x: raw.AddV2(x=x, y=const(values(*other), "c"), name="sum")))
for op in ("Add", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"):
    case(f"{op} channels first constant first", values(1, 2, 2, 3) + f32(2.5), between(
        lambda x: getattr(raw, op)(x=const(values(1, 3, 1, 1), "c"), y=x, name="sum")))
case("Mul channels first one channel", values(1, 2, 3, 1), between(
    lambda x: raw.Mul(x=x, y=const(values(4, 1, 1), "c"), name="sum")))
case("Mul channels first by means", values(1, 2, 4, 3), between(lambda x: raw.Mul(
    x=x, y=raw.Mean(input=x, axis=const([2, 3], "axes"), keep_dims=True, name="mean"),
    name="scaled")))
case("BiasAdd channels first", values(1, 2, 4, 3), between(lambda x: raw.BiasAdd(
    value=x, bias=const(values(3), "b"), data_format="NCHW", name="sum")))
for version in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
    case(f"{version} channels first", values(1, 2, 4, 3), between(
        lambda x: getattr(raw, version)(
            x=x, scale=const(values(3), "gamma"), offset=const(values(3), "beta"),
            mean=const(values(3), "mean"), variance=const(variance, "variance"), epsilon=0.25,
            is_training=False, data_format="NCHW", name="norm").y))
for axis in (1, -1, 2):
    case(f"ConcatV2 channels first {axis}", values(1, 2, 4, 3), between(lambda x: raw.ConcatV2(
        values=[x, raw.Neg(x=x, name="neg")], axis=const(axis, "axis"), name="joined")))
case("Concat channels first", values(1, 2, 4, 3), between(lambda x: raw.Concat(
    concat_dim=const(1, "axis"), values=[x, raw.Neg(x=x, name="neg")], name="joined")))
case("Pad channels first", values(1, 2, 4, 3), between(lambda x: raw.Pad(
    input=x, paddings=const([[0, 1], [2, 0], [1, 3], [0, 2]], "p"), name="padded")))
for axes in ([2, 3], [1], []):
    case(f"Mean channels first {axes} kept", values(1, 2, 4, 2), between(lambda x: raw.Mean(
        input=x, axis=const(axes, "axis", tf.int32), keep_dims=True, name="mean")))


def behind(build):
    """build, behind a Transpose to channels first."""
    return lambda x: build(raw.Transpose(x=x, perm=const(NCHW, "to_nchw"), name="first"))


for axes in ([-1, -2], [1], [-2, 1], [0, 2, 3], [0, 1, 2, 3]):
    case(f"Mean channels first {axes}", values(1, 2, 4, 2), behind(lambda x: raw.Mean(
        input=x, axis=const(axes, "axis", tf.int32), keep_dims=False, name="y")))
for axes in ([2, 3], [], [-1]):
    case(f"Squeeze channels first {axes}", values(1, 1, 1, 3), behind(
        lambda x: raw.Squeeze(input=x, axis=axes, name="y")))
case("Squeeze channels first one channel", values(2, 3, 1, 1), behind(
    lambda x: raw.Squeeze(input=x, axis=[1], name="y")))
for shape in ((-1, 3), (2, 3, 1, 1)):
    case(f"Reshape channels first {shape}", values(2, 1, 1, 3), behind(
        lambda x: raw.Reshape(tensor=x, shape=const(shape, "s", tf.int32), name="y")))
case("Identity channels first", values(1, 2, 4, 3), between(lambda x: raw.PlaceholderWithDefault(
    input=raw.StopGradient(input=raw.CheckNumerics(
        tensor=raw.Identity(input=x, name="same"), message="bad", name="checked"), name="stopped"),
    shape=[None, 3, 2, None], name="joint")))
x = values(1, 4, 5, 3)
case("placeholder channels first", np.ascontiguousarray(x.transpose(NCHW)), lambda x: raw.Transpose(
    x=raw.BiasAdd(value=x, bias=const(values(3), "b"), data_format="NCHW", name="sum"),
    perm=const(BACK, "to_nhwc"), name="y"), fed=x)

out.write("// clang-format on\n")
out.close()
