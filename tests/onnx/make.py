#!/usr/bin/env python3
"""Writes the networks that `tests/cnn.rs` runs, and what ONNX Runtime answers to them.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
    venv/bin/python tests/onnx/make.py
    venv/bin/python tests/onnx/make.py --large OUT.onnx   (a network for measuring, by the default recipe)

The graphs are written node by node as the exporters of Keras (tf2onnx) and PyTorch write them, with small random
weights of a fixed seed. The pictures are drawn here once more, in numpy, by their definitions in the crate's
documentation, so that drawing is tested as well.
"""

import json
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent
RANDOM = np.random.default_rng(7)

# Notes: pitch, onset and duration in quarters.
FRAGMENTS = {
    "scale": [[60 + step, i * 0.5, 0.5] for i, step in enumerate([0, 2, 4, 5, 7, 9, 11, 12])],
    "chords": [[pitch, float(bar), 1.0] for bar in range(4) for pitch in (48, 55, 64, 67 + bar)],
    "wide": [[21, 0.0, 3.0], [108, 1.0, 0.25], [60, 2.75, 0.125], [61, 3.0, 9.0]],
    "one": [[72, 0.0, 1.0]],
}


# -- pictures, by their definitions


def column(quarters, resolution):
    return math.floor(quarters * resolution + 0.5)


def runs(notes, resolution, onsets=False):
    """Lit pixels as (pitch, column), and how many columns there are."""
    lit, columns = set(), 0
    for pitch, onset, duration in notes:
        start = column(onset, resolution)
        end = max(column(onset + duration, resolution), start + 1)
        columns = max(columns, end)
        lit |= {(pitch, at) for at in range(start, start + 1 if onsets else end)}
    columns = columns if not onsets else runs(notes, resolution)[1]
    return lit, columns


def roll_picture(notes, height, width):
    """The whole of time by 128 pitches, the highest at the top; a pixel is the mean of what it covers."""
    lit, columns = runs(notes, 12)
    exact = np.zeros((128, columns))
    for pitch, at in lit:
        exact[127 - pitch, at] = 1.0

    def shares(parts, of):
        matrix = np.zeros((parts, of))
        for part in range(parts):
            begin, end = part * of / parts, (part + 1) * of / parts
            for cell in range(int(begin), min(math.ceil(end), of)):
                matrix[part, cell] = max(0.0, min(end, cell + 1) - max(begin, cell))
        return matrix / (of / parts)

    return (shares(height, 128) @ exact @ shares(width, columns).T).astype(np.float32)


def own_picture(notes, recipe):
    rows, resolution = recipe["pitches"], recipe["columns_per_quarter"]
    width = recipe["quarters"] * resolution
    pitches = [pitch for pitch, _, _ in notes]
    lowest = (min(pitches) + max(pitches)) // 2 - rows // 2
    picture = np.zeros((len(recipe["channels"]), rows, width), np.float32)
    for index, channel in enumerate(recipe["channels"]):
        lit, _ = runs(notes, resolution, channel == "onset")
        # With onset ink the last column is that of the last onset or later; both are as wide as the fragment.
        first = (runs(notes, resolution)[1] - width) // 2
        for pitch, at in lit:
            if 0 <= pitch - lowest < rows and 0 <= at - first < width:
                picture[index, pitch - lowest, at - first] = 1.0
    return picture


# -- networks


def weights(name, *shape, scale=None):
    scale = scale or math.sqrt(2.0 / max(1, np.prod(shape[1:])))
    return numpy_helper.from_array((RANDOM.standard_normal(shape) * scale).astype(np.float32), name)


def integers(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def model(name, nodes, inputs, outputs, constants, producer, opset=13, metadata=None):
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    made = helper.make_model(graph, producer_name=producer, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    helper.set_model_props(made, metadata or {})
    (FOLDER / f"{name}.onnx").write_bytes(made.SerializeToString())
    return made


def value(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def keras():
    """Conv2D, BatchNormalization, ReLU, MaxPooling2D, Flatten, Dense(2, softmax), as tf2onnx writes it: NHWC outside."""
    nodes = [
        helper.make_node("Transpose", ["input_1"], ["nchw"], "StatefulPartitionedCall/model/conv2d/Conv2D__6", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel", "bias"], ["conv"], "StatefulPartitionedCall/model/conv2d/BiasAdd",
                         kernel_shape=[3, 3], strides=[1, 1], auto_pad="SAME_UPPER", dilations=[1, 1], group=1),
        helper.make_node("BatchNormalization", ["conv", "gamma", "beta", "mean", "var"], ["normal"], "normalisation", epsilon=0.001),
        helper.make_node("Relu", ["normal"], ["relu"], "StatefulPartitionedCall/model/conv2d/Relu"),
        helper.make_node("MaxPool", ["relu"], ["pool"], "pool", kernel_shape=[4, 4], strides=[4, 4], auto_pad="VALID"),
        helper.make_node("Transpose", ["pool"], ["nhwc"], "pool__12", perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["nhwc", "flat_shape"], ["flat"], "StatefulPartitionedCall/model/flatten/Reshape"),
        helper.make_node("MatMul", ["flat", "dense"], ["product"], "StatefulPartitionedCall/model/dense/MatMul"),
        helper.make_node("Add", ["product", "dense_bias"], ["sum"], "StatefulPartitionedCall/model/dense/BiasAdd"),
        helper.make_node("Softmax", ["sum"], ["dense_1"], "StatefulPartitionedCall/model/dense/Softmax", axis=-1),
    ]
    constants = [weights("kernel", 4, 1, 3, 3), weights("bias", 4, scale=0.1), weights("gamma", 4, scale=1.0),
                 weights("beta", 4, scale=0.3), weights("mean", 4, scale=0.1),
                 numpy_helper.from_array(np.array([0.5, 1.0, 1.5, 0.8], np.float32), "var"),
                 integers("flat_shape", -1, 4 * 8 * 8), weights("dense", 256, 2, scale=0.15), weights("dense_bias", 2, scale=0.1)]
    return model("keras", nodes, [value("input_1", "unk__16", 32, 32, 1)], [value("dense_1", "unk__17", 2)], constants, "tf2onnx")


def torch():
    """Conv2d, ReLU, MaxPool2d, Conv2d, ReLU, AdaptiveAvgPool2d(1), Linear(3), as torch.onnx.export writes it."""
    nodes = [
        helper.make_node("Conv", ["input", "features.0.weight", "features.0.bias"], ["/features/features.0/Conv_output_0"],
                         "/features/features.0/Conv", kernel_shape=[7, 7], strides=[4, 4], pads=[3, 3, 3, 3], dilations=[1, 1], group=1),
        helper.make_node("Relu", ["/features/features.0/Conv_output_0"], ["/features/features.1/Relu_output_0"], "/features/features.1/Relu"),
        helper.make_node("MaxPool", ["/features/features.1/Relu_output_0"], ["/features/features.2/MaxPool_output_0"], "/features/features.2/MaxPool",
                         kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=0),
        helper.make_node("Conv", ["/features/features.2/MaxPool_output_0", "features.3.weight", "features.3.bias"], ["/features/features.3/Conv_output_0"],
                         "/features/features.3/Conv", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1),
        helper.make_node("Relu", ["/features/features.3/Conv_output_0"], ["/features/features.4/Relu_output_0"], "/features/features.4/Relu"),
        helper.make_node("GlobalAveragePool", ["/features/features.4/Relu_output_0"], ["/avgpool/GlobalAveragePool_output_0"], "/avgpool/GlobalAveragePool"),
        helper.make_node("Flatten", ["/avgpool/GlobalAveragePool_output_0"], ["/Flatten_output_0"], "/Flatten", axis=1),
        helper.make_node("Gemm", ["/Flatten_output_0", "classifier.weight", "classifier.bias"], ["output"], "/classifier/Gemm", alpha=1.0, beta=1.0, transB=1),
    ]
    constants = [weights("features.0.weight", 4, 3, 7, 7), weights("features.0.bias", 4, scale=0.1),
                 weights("features.3.weight", 6, 4, 3, 3), weights("features.3.bias", 6, scale=0.1),
                 weights("classifier.weight", 3, 6, scale=8.0), weights("classifier.bias", 3, scale=0.3)]
    return model("torch", nodes, [value("input", "batch", 3, 224, 224)], [value("output", "batch", 3)], constants, "pytorch", opset=17)


def sigmoid():
    """A fully convolutional Keras network with one sigmoid, of any size, in 3 channels, that wants 0 to 255."""
    nodes = [
        helper.make_node("Mul", ["image", "scale"], ["scaled"], "rescaling/mul"),
        helper.make_node("Transpose", ["scaled"], ["nchw"], "conv__1", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel", "bias"], ["conv"], "conv", kernel_shape=[5, 5], strides=[2, 2], pads=[1, 1, 2, 2]),
        helper.make_node("Relu", ["conv"], ["relu"], "relu"),
        helper.make_node("GlobalAveragePool", ["relu"], ["mean"], "global_average_pooling2d/Mean"),
        helper.make_node("Squeeze", ["mean", "axes"], ["squeezed"], "global_average_pooling2d/Mean_Squeeze__3"),
        helper.make_node("MatMul", ["squeezed", "dense"], ["product"], "dense/MatMul"),
        helper.make_node("Add", ["product", "dense_bias"], ["sum"], "dense/BiasAdd"),
        helper.make_node("Sigmoid", ["sum"], ["probability"], "dense/Sigmoid"),
    ]
    constants = [numpy_helper.from_array(np.array(1 / 255, np.float32), "scale"), weights("kernel", 5, 3, 5, 5),
                 weights("bias", 5, scale=0.1), integers("axes", 2, 3), weights("dense", 5, 1, scale=10.0), weights("dense_bias", 1, scale=0.2)]
    return model("sigmoid", nodes, [value("image", None, None, None, 3)], [value("probability", None, 1)], constants, "tf2onnx")


RECIPE = {
    "version": 1, "quarters": 4, "columns_per_quarter": 4, "pitches": 24, "channels": ["sustain", "onset"],
    "time": "centre", "pitch": "range", "labels": ["bad", "good"], "temperature": 1.7,
}


def own(name="own", recipe=None, outputs=2, height=24):
    """A network of ours: its recipe in the metadata, a logit and an embedding."""
    nodes = [
        helper.make_node("Conv", ["picture", "kernel", "bias"], ["conv"], "conv", kernel_shape=[5, 3], strides=[1, 1], pads=[2, 1, 2, 1]),
        helper.make_node("Relu", ["conv"], ["relu"], "relu"),
        helper.make_node("GlobalMaxPool", ["relu"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["embedding"], "flatten", axis=1),
        helper.make_node("Gemm", ["embedding", "dense", "dense_bias"], ["logit"], "dense"),
    ]
    constants = [weights("kernel", 8, 2, 5, 3), weights("bias", 8, scale=0.1), weights("dense", 8, 1, scale=1.5), weights("dense_bias", 1, scale=0.5)]
    given = [value("logit", "N", 1), value("embedding", "N", 8)][:outputs]
    return model(name, nodes, [value("picture", "N", 2, height, 16)], given, constants, "judge",
                 metadata={"judge.recipe": json.dumps(recipe or RECIPE)})


def large(path):
    """Three convolutions of 5 x 5 and 3 x 3, with 16, 24 and 32 channels, on the pictures of the default recipe."""
    recipe = {**RECIPE, "quarters": 16, "columns_per_quarter": 6, "pitches": 48}
    sizes, kernels = [2, 16, 24, 32], [5, 3, 3]
    nodes, constants, last = [], [], "picture"
    for i, kernel in enumerate(kernels):
        constants += [weights(f"kernel{i}", sizes[i + 1], sizes[i], kernel, kernel), weights(f"bias{i}", sizes[i + 1], scale=0.1)]
        nodes += [
            helper.make_node("Conv", [last, f"kernel{i}", f"bias{i}"], [f"conv{i}"], kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4),
            helper.make_node("Relu", [f"conv{i}"], [f"relu{i}"]),
        ]
        last = f"relu{i}"
        if i < 2:
            nodes.append(helper.make_node("MaxPool", [last], [f"pool{i}"], kernel_shape=[2, 2], strides=[2, 2]))
            last = f"pool{i}"
    nodes += [
        helper.make_node("GlobalMaxPool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"], axis=1),
        helper.make_node("Gemm", ["embedding", "dense", "dense_bias"], ["logit"]),
    ]
    constants += [weights("dense", 32, 1), weights("dense_bias", 1)]
    graph = helper.make_graph(nodes, "large", [value("picture", "N", 2, 48, 96)], [value("logit", "N", 1), value("embedding", "N", 32)], constants)
    made = helper.make_model(graph, producer_name="make.py", opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    helper.set_model_props(made, {"judge.recipe": json.dumps(recipe)})
    pathlib.Path(path).write_bytes(made.SerializeToString())


def image(name, nodes, shape=("N", 1, 16, 16), answer=("N", 1), constants=(), metadata=None, kind=TensorProto.FLOAT, more=()):
    """A small odd network."""
    return model(name, nodes, [value("image", *shape, kind=kind), *more], [value("answer", *answer)], list(constants), "make.py", metadata=metadata)


def bad():
    mean = helper.make_node("ReduceMean", ["image"], ["mean"], "mean", axes=[1, 2, 3], keepdims=0)
    answer = helper.make_node("Unsqueeze", ["mean", "axis"], ["answer"], "answer")
    axis, fifth = integers("axis", 1), numpy_helper.from_array(np.array(0.2, np.float32), "fifth")
    image("bad-operator", [helper.make_node("Det", ["image"], ["answer"], "determinant")], answer=("N", 1))
    image("bad-nan", [mean, helper.make_node("Sub", ["mean", "mean"], ["zero"]), helper.make_node("Div", ["zero", "zero"], ["nan"]),
                      helper.make_node("Unsqueeze", ["nan", "axis"], ["answer"])], constants=[axis])
    # The root of m (m - 1/5): no number where the mean m is between 0 and a fifth.
    image("bad-nan-sometimes", [mean, helper.make_node("Sub", ["mean", "fifth"], ["less"]), helper.make_node("Mul", ["mean", "less"], ["product"]),
                                helper.make_node("Sqrt", ["product"], ["root"]), helper.make_node("Unsqueeze", ["root", "axis"], ["answer"])],
          constants=[axis, fifth])
    image("bad-channels", [mean, answer], shape=("N", 5, 16, 16), constants=[axis])
    image("bad-rank", [helper.make_node("Identity", ["image"], ["answer"])], shape=("N", 64), answer=("N", 64))
    image("bad-map", [helper.make_node("Sigmoid", ["image"], ["answer"])], answer=("N", 1, 16, 16))
    image("bad-inputs", [helper.make_node("Add", ["image", "other"], ["answer"])], answer=("N", 1, 16, 16), more=[value("other", "N", 1, 16, 16)])
    image("bad-type", [helper.make_node("Cast", ["image"], ["answer"], to=TensorProto.FLOAT)], kind=TensorProto.INT32, answer=("N", 1, 16, 16))
    own("bad-recipe-version", {**RECIPE, "version": 2})
    own("bad-recipe", {**RECIPE, "pitches": 0})
    own("bad-recipe-shape", height=25)
    familiarity = {"centres": [[0.0] * 8], "scale": [1.0] * 8, "near": 1.0, "far": 2.0}
    own("bad-recipe-embedding", {**RECIPE, "familiarity": {**familiarity, "centres": [[0.0] * 7], "scale": [1.0] * 7}})
    image("bad-loop", [helper.make_node("Loop", ["count", "on", "image"], ["answer"], body=helper.make_graph(
        [helper.make_node("Identity", ["condition"], ["still"]), helper.make_node("Identity", ["before"], ["after"])], "body",
        [value("index", kind=TensorProto.INT64), value("condition", kind=TensorProto.BOOL), value("before", "N", 1, 16, 16)],
        [value("still", kind=TensorProto.BOOL), value("after", "N", 1, 16, 16)]))],
          constants=[numpy_helper.from_array(np.array(1 << 60, np.int64), "count"), numpy_helper.from_array(np.array(True), "on")])
    image("bad-boundless", [helper.make_node("ConstantOfShape", ["shape"], ["zeros"]), helper.make_node("ReduceMax", ["zeros"], ["zero"], keepdims=0),
                            mean, helper.make_node("Add", ["mean", "zero"], ["sum"]), helper.make_node("Unsqueeze", ["sum", "axis"], ["answer"])],
          constants=[axis, integers("shape", 1 << 20, 1 << 20)])
    own("bad-recipe-outputs", {**RECIPE, "familiarity": familiarity}, outputs=1)
    whole = (FOLDER / "keras.onnx").read_bytes()
    (FOLDER / "bad-truncated.onnx").write_bytes(whole[: len(whole) // 2])


# -- what ONNX Runtime answers


def run(made, picture):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture[np.newaxis]})


def softmax(logits):
    power = np.exp(logits - logits.max())
    return power / power.sum()


def main():
    expected = {name: {"notes": notes} for name, notes in FRAGMENTS.items()}
    made = {"keras": keras(), "torch": torch(), "sigmoid": sigmoid()}
    plain = own()
    # What the network is familiar with: the embeddings of two of the fragments.
    embeddings = {name: run(plain, own_picture(notes, RECIPE))[1][0].astype(np.float64) for name, notes in FRAGMENTS.items()}
    scale = np.stack(list(embeddings.values())).std(axis=0) + 0.1
    centres = [embeddings["scale"], embeddings["chords"]]
    distances = {name: min(float(np.sqrt((((e - c) / scale) ** 2).mean())) for c in centres) for name, e in embeddings.items()}
    strange = sorted(distances.values())
    recipe = {**RECIPE, "familiarity": {
        "centres": [c.tolist() for c in centres], "scale": scale.tolist(), "near": 0.5 * strange[2], "far": 0.5 * (strange[2] + strange[3]),
    }}
    helper.set_model_props(plain, {"judge.recipe": json.dumps(recipe)})
    (FOLDER / "own.onnx").write_bytes(plain.SerializeToString())

    for name, notes in FRAGMENTS.items():
        it = expected[name]
        it["keras"] = float(run(made["keras"], roll_picture(notes, 32, 32)[:, :, np.newaxis])[0][0, 1])
        channels = np.repeat(roll_picture(notes, 224, 224)[np.newaxis], 3, axis=0)
        it["torch"] = softmax(run(made["torch"], channels)[0][0].astype(np.float64)).tolist()
        mean, spread = (np.array(v, np.float32)[:, np.newaxis, np.newaxis] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        it["torch_imagenet"] = float(softmax(run(made["torch"], (channels - mean) / spread)[0][0].astype(np.float64))[0])
        pixels = np.repeat(roll_picture(notes, 96, 64)[:, :, np.newaxis] * np.float32(255), 3, axis=2)
        it["sigmoid"] = float(run(made["sigmoid"], pixels)[0][0, 0])
        logit, embedding = run(plain, own_picture(notes, RECIPE))
        near, far = recipe["familiarity"]["near"], recipe["familiarity"]["far"]
        it["own"] = 1.0 / (1.0 + math.exp(-float(logit[0, 0]) / RECIPE["temperature"]))
        it["own_share"] = min(1.0, max(0.0, (far - distances[name]) / (far - near)))
    bad()
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    for name, it in expected.items():
        print(name, {key: it[key] for key in ("keras", "torch", "sigmoid", "own", "own_share")})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--large"]:
        large(sys.argv[2])
    else:
        main()
