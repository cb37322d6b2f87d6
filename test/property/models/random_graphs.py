"""random_graphs.py FOLDER COUNT SEED: small random ONNX graphs with one input x [batch, …], for random.main.ts.

Each is a chain of up to seven operators; many of them mix rows, most by chance. Shapes are followed for two rows.
"""
import json
import os
import random
import sys

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
rng = np.random.default_rng(seed)


def ints(*values):
    return np.array(values, np.int64)


def floats(*shape):
    return rng.normal(size=shape).astype(np.float32)


class Chain:
    """A graph under way: `value` and its `shape` for two rows, and all values before."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0
        self.shape = [2] + [random.choice([1, 2, 3, 4]) for _ in range(random.choice([1, 1, 2, 2, 3]))]
        self.value, self.first = "x", self.shape
        self.values = [(self.value, self.shape)]

    def add(self, op, *inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(h.make_node(op, [one if isinstance(one, str) else self.constant(one) for one in inputs], names, **attributes))
        return names[0] if outputs == 1 else names

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, value):
        name = self.name()
        self.constants.append(nh.from_array(np.asarray(value), name))
        return name

    @property
    def rank(self):
        return len(self.shape)

    def axis(self):
        return random.randrange(self.rank)

    def size(self, axis):
        return self.add("Unsqueeze", self.add("Gather", self.add("Shape", self.value), np.int64(axis), axis=0), ints(0))


def without(shape, axis, *put):
    return [*shape[:axis], *put, *shape[axis + 1:]]


def other(g):
    """A value from before, with what broadcasting makes of both."""
    value, shape = random.choice(g.values)
    return g.add(random.choice(["Add", "Mul"]), g.value, value), list(np.broadcast_shapes(tuple(g.shape), tuple(shape)))


def by_constant(g):
    return g.add("Add", g.value, floats(*[random.choice([1, one]) for one in g.shape][random.randint(0, g.rank):])), g.shape


def product(g):
    width = random.choice([1, 2, 3])
    if random.random() < 0.6:
        return g.add("MatMul", g.value, floats(g.shape[-1], width)), [*g.shape[:-1], width]
    return g.add("MatMul", floats(width, g.shape[-2]), g.value), [*g.shape[:-2], width, g.shape[-1]]


def with_itself(g):
    order = [*range(g.rank - 2), g.rank - 1, g.rank - 2]
    return g.add("MatMul", g.value, g.add("Transpose", g.value, perm=order)), [*g.shape[:-2], g.shape[-2], g.shape[-2]]


def gemm(g):
    turned, width = random.choice([0, 1]), random.choice([1, 3])
    inner, outer = (g.shape[0], g.shape[1]) if turned else (g.shape[1], g.shape[0])
    return g.add("Gemm", g.value, floats(inner, width), floats(*random.choice([[width], [1, width], [1]])), transA=turned), [outer, width]


def transpose(g):
    order = random.sample(range(g.rank), g.rank)
    return g.add("Transpose", g.value, perm=order), [g.shape[i] for i in order]


def reshape(g):
    total, axis = int(np.prod(g.shape)), g.axis()
    kept = g.shape[axis]
    shape, made = random.choice([
        (ints(0, -1), [g.shape[0], total // g.shape[0]]), (ints(-1, g.shape[-1]), [total // g.shape[-1], g.shape[-1]]), (ints(1, -1), [1, total]), (ints(-1), [total]),
        (lambda: g.add("Concat", g.size(axis), ints(-1), axis=0), [kept, total // kept]), (lambda: g.add("Concat", ints(-1), g.size(axis), axis=0), [total // kept, kept])])
    return g.add("Reshape", g.value, shape() if callable(shape) else shape), made


def flatten(g):
    axis = random.randint(0, g.rank)
    return g.add("Flatten", g.value, axis=axis), [int(np.prod(g.shape[:axis])), int(np.prod(g.shape[axis:]))]


def reduce(g):
    axes, kept = random.sample(range(g.rank), random.randint(1, g.rank)), random.choice([0, 1])
    return g.add(random.choice(["ReduceMean", "ReduceMax"]), g.value, axes=axes, keepdims=kept), [1 if i in axes else one for i, one in enumerate(g.shape) if kept or i not in axes]


def along(op, **attributes):
    return lambda g: (g.add(op, g.value, axis=g.axis(), **attributes), g.shape)


def cumulated(g):
    return g.add("CumSum", g.value, np.int64(g.axis())), g.shape


def cut(g):
    axis, whole = g.axis(), random.random() < 0.4
    end = 2 ** 31 - 1 if whole else max(1, g.shape[axis] - 1)
    return g.add("Slice", g.value, ints(0), ints(end), ints(axis)), g.shape if whole else without(g.shape, axis, end)


def gather(g):
    axis, indices = g.axis(), random.choice([np.int64(0), ints(0), ints(0, 0)])
    return g.add("Gather", g.value, indices, axis=axis), without(g.shape, axis, *indices.shape)


def largest_places(g):
    axis = g.axis()
    return g.add("GatherElements", g.value, g.add("ArgMax", g.value, axis=axis, keepdims=1), axis=axis), without(g.shape, axis, 1)


def top(g):
    axis = g.axis()
    return g.add("TopK", g.value, ints(1), axis=axis, outputs=2)[0], without(g.shape, axis, 1)


def concat(g):
    value, shape = random.choice(g.values)
    axis = g.axis()
    return g.add("Concat", g.value, value, axis=axis), without(g.shape, axis, g.shape[axis] + shape[axis])


def unsqueeze(g):
    axis = random.randint(0, g.rank)
    return g.add("Unsqueeze", g.value, ints(axis)), [*g.shape[:axis], 1, *g.shape[axis:]]


def squeeze(g):
    axis = random.choice([i for i, one in enumerate(g.shape) if one == 1])
    return g.add("Squeeze", g.value, ints(axis)), without(g.shape, axis)


def expand(g):
    if random.random() < 0.5:
        return g.add("Expand", floats(*[random.choice([1, one]) for one in g.shape]), g.add("Shape", g.value)), g.shape
    return g.add("Expand", g.add("Unsqueeze", g.value, ints(0)), g.add("Concat", ints(3), g.add("Shape", g.value), axis=0)), [3, *g.shape]


def tile(g):
    repeats = [random.choice([1, 1, 2]) for _ in g.shape]
    return g.add("Tile", g.value, ints(*repeats)), [one * times for one, times in zip(g.shape, repeats)]


def counted(g):
    axis = random.choice([0, g.rank - 1])
    size = g.add("Gather", g.add("Shape", g.value), np.int64(axis), axis=0)
    if random.random() < 0.5:
        return g.add("Div", g.value, g.add("Cast", size, to=T.FLOAT)), g.shape
    return g.add("Add", g.value, g.add("Cast", g.add("Range", np.int64(0), size, np.int64(1)), to=T.FLOAT)), g.shape


def convolution(g):
    return g.add("Conv", g.value, floats(2, g.shape[1], *[1] * (g.rank - 2))), without(g.shape, 1, 2)


def recurrent(g):
    sequence, last, _ = g.add("LSTM", g.value, floats(1, 8, g.shape[2]), floats(1, 8, 2), outputs=3, hidden_size=2)
    return random.choice([(sequence, [g.shape[0], 1, g.shape[1], 2]), (last, [1, g.shape[1], 2])])


def normalized(g):
    kind = random.choice(["LayerNormalization", "BatchNormalization", "InstanceNormalization"])
    if kind == "LayerNormalization":
        return g.add(kind, g.value, floats(g.shape[-1])), g.shape
    return g.add(kind, g.value, *(abs(floats(g.shape[1])) + 0.5 for _ in range(4 if kind == "BatchNormalization" else 2))), g.shape


def einsum(g):
    a, b, c = g.shape
    equation, shape = random.choice([("abc,abd->acd", [a, c, c]), ("abc,adc->abd", [a, b, b]), ("abc,abc->ab", [a, b]), ("abc,abc->c", [c]), ("abc,dbc->ad", [a, a])])
    return g.add("Einsum", g.value, g.value, equation=equation), shape


def pad(g):
    pads, place = [0] * (2 * g.rank), random.randrange(2 * g.rank)
    pads[place] = 1
    axis = place % g.rank
    return g.add("Pad", g.value, ints(*pads)), without(g.shape, axis, g.shape[axis] + 1)


STEPS = [
    lambda g: (g.add(random.choice(["Relu", "Tanh", "Sigmoid", "Neg"]), g.value), g.shape), by_constant, other, product, with_itself, gemm, transpose, reshape, flatten, reduce, along("Softmax"),
    along("LpNormalization"), cumulated, cut, gather, largest_places, top, concat, unsqueeze, squeeze, expand, tile, counted, convolution, recurrent, normalized, einsum, pad]

kept = {}
while len(kept) < count:
    g = Chain()
    for _ in range(random.randint(1, 7)):
        try:
            g.value, shape = random.choice(STEPS)(g)
            g.shape = list(shape)
        except (IndexError, ValueError):  # the step does not go with this shape
            continue
        g.values.append((g.value, g.shape))
    if len(g.values) == 1:
        continue
    g.nodes.append(h.make_node("Identity", [g.value], ["y"]))
    graph = h.make_graph(g.nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, ["batch", *g.first[1:]])], [h.make_tensor_value_info("y", T.FLOAT, None)], g.constants)
    name = f"{len(kept)}.onnx"
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9), os.path.join(folder, name))
    kept[name] = g.first[1:]
with open(os.path.join(folder, "shapes.json"), "w") as file:
    json.dump(kept, file)
