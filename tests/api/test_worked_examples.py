"""Examples worked by hand and sizes that every reader of PyTorch's pages knows, through the compute endpoints and
/shape as fits."""

import math

import numpy
import pytest

import client as convd

INPUT_5X5 = [[1, 2, 3, 0, 1], [0, 1, 5, 1, 0], [1, 0, 2, 2, 1], [1, 1, 2, 0, 0], [1, 0, 1, 1, 1]]
CROSS_3X3 = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
RESULT_3X3 = [[8, 9, 8], [8, 5, 9], [6, 5, 5]]


def shape_of(client, input_shape, *layers):
    """/shape's answer for a chain."""
    return client.post_ok("/shape", {"input_shape": list(input_shape), "layers": list(layers)})


def conv2d(client, x, weight, **fields):
    """The output of /conv2d as an array, computed in float32."""
    document = {"input": convd.pack(x, "base64", "float32"), "weight": convd.pack(weight, "base64", "float32")}
    _, output = convd.unpack(client.post_ok("/conv2d", {**document, **fields}))
    return output


def conv_layer(weight, **fields):
    """The same layer as /shape describes it."""
    return {"type": "conv2d", "out_channels": weight.shape[0], "kernel_size": list(weight.shape[2:]), **fields}


def ramp(*shape):
    """Small integers, so that every sum is exact in float32."""
    return (numpy.arange(math.prod(shape)) % 7 - 3).reshape(shape).astype("float32")


def naive_conv2d(x, weight, stride=1):
    """Straight from the definition, without padding, for exact comparison."""
    kernel_h, kernel_w = weight.shape[2:]
    rows = (x.shape[2] - kernel_h) // stride + 1
    cols = (x.shape[3] - kernel_w) // stride + 1
    output = numpy.zeros((x.shape[0], weight.shape[0], rows, cols))
    for i in range(kernel_h):
        for j in range(kernel_w):
            view = x[:, :, i:i + (rows - 1) * stride + 1:stride, j:j + (cols - 1) * stride + 1:stride]
            output += numpy.einsum("nchw,kc->nkhw", view, weight[:, :, i, j])
    return output


@pytest.mark.parametrize("algorithm", ["auto", "gemm", "reference"])
def test_five_by_five_with_a_cross(client, algorithm):
    answer = client.post_ok("/conv2d", {"input": [[INPUT_5X5]], "weight": [[CROSS_3X3]], "algorithm": algorithm})
    assert answer["output"] == [[RESULT_3X3]]
    assert answer["shape"] == [1, 1, 3, 3]


@pytest.mark.parametrize("bias", [1, -8, 0.5, 100])
def test_five_by_five_with_a_bias(client, bias):
    answer = client.post_ok("/conv2d", {"input": [INPUT_5X5], "weight": [[CROSS_3X3]], "bias": [bias]})
    assert answer["output"] == [[[value + bias for value in row] for row in RESULT_3X3]]


@pytest.mark.parametrize("input_size, kernel, fields, output_size", [
    ((227, 227), (11, 11), {"stride": 4}, (55, 55)),
    ((64, 64), (7, 7), {"stride": 2, "padding": 0}, (29, 29)),
    ((32, 32), (5, 5), {"padding": 2}, (32, 32)),
    ((32, 64), (5, 5), {}, (28, 60)),
    ((64, 32), (3, 3), {"padding": 1}, (64, 32)),
])
def test_output_sizes(client, input_size, kernel, fields, output_size):
    x, weight = ramp(1, 1, *input_size), ramp(2, 1, *kernel)
    assert conv2d(client, x, weight, **fields).shape == (1, 2, *output_size)
    assert shape_of(client, x.shape, conv_layer(weight, **fields))["output_shape"] == [1, 2, *output_size]


def test_alexnet_first_layer_values(client):
    x, weight = ramp(1, 3, 227, 227), ramp(4, 3, 11, 11)
    output = conv2d(client, x, weight, stride=4)
    assert output.shape == (1, 4, 55, 55)
    assert numpy.array_equal(output, naive_conv2d(x, weight, stride=4))


def test_convolution_then_pooling(client):
    x, weight = ramp(1, 1, 28, 28), ramp(5, 1, 5, 5)
    document = {"input": convd.pack(x), "weight": convd.pack(weight)}
    convolved = client.post_ok("/conv2d", document)
    assert convolved["shape"] == [1, 5, 24, 24]
    pooled = client.post_ok("/pool2d", {"input": convolved["output"], "kernel_size": 2})
    assert pooled["shape"] == [1, 5, 12, 12]
    blocks = naive_conv2d(x, weight).reshape(1, 5, 12, 2, 12, 2)
    assert numpy.array_equal(convd.unpack(pooled)[1], blocks.max(axis=(3, 5)))
    chain = shape_of(client, x.shape, conv_layer(weight), {"type": "max_pool2d", "kernel_size": 2})
    assert [layer["output_shape"] for layer in chain["layers"]] == [[1, 5, 24, 24], [1, 5, 12, 12]]


def test_lenet_first_layer_in_numbers(client):
    weight = ramp(6, 1, 3, 3)
    answer = shape_of(client, (1, 1, 32, 32), conv_layer(weight))
    line = "floor((32 + 2*0 - 1*(3 - 1) - 1) / 1) + 1 = 30"
    assert answer["output_shape"] == [1, 6, 30, 30]
    assert answer["layers"][0]["formula"] == {"height": line, "width": line}
    assert answer["layers"][0]["parameters"] == 6 * 9 + 6
    assert conv2d(client, ramp(1, 1, 32, 32), weight).shape == (1, 6, 30, 30)


def test_vgg_layer_keeps_the_size(client):
    x, weight = ramp(1, 3, 28, 28), ramp(64, 3, 3, 3)
    assert conv2d(client, x, weight, stride=1, padding=1).shape == (1, 64, 28, 28)
    layer = shape_of(client, x.shape, conv_layer(weight, stride=1, padding=1))["layers"][0]
    assert layer["output_shape"] == [1, 64, 28, 28]
    assert layer["parameters"] == 64 * 3 * 9 + 64


def test_padding_three_makes_ten_by_ten(client):
    """A filter of a single 1 shows the padded input itself."""
    x = ramp(3, 4, 4) + 5
    weight = numpy.eye(3, dtype="float32").reshape(3, 3, 1, 1)
    output = conv2d(client, x, weight, padding=3)
    assert output.shape == (3, 10, 10)
    assert numpy.array_equal(output, numpy.pad(x, ((0, 0), (3, 3), (3, 3))))
    assert shape_of(client, x.shape, conv_layer(weight, padding=3))["output_shape"] == [3, 10, 10]


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 5), (4, 7)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_keeps_the_size(client, kernel, dilation):
    x, weight = ramp(1, 2, 9, 11), ramp(3, 2, *kernel)
    fields = {"padding": "same", "dilation": dilation}
    assert conv2d(client, x, weight, **fields).shape == (1, 3, 9, 11)
    assert shape_of(client, x.shape, conv_layer(weight, **fields))["output_shape"] == [1, 3, 9, 11]


def test_same_with_a_stride_is_refused_in_pytorchs_words(client):
    words = "padding='same' is not supported for strided convolutions"
    fields = {"padding": "same", "stride": 2}
    answer = client.post("/conv2d", {"input": [INPUT_5X5], "weight": [[CROSS_3X3]], **fields})
    assert answer.status == 422 and words in answer.detail, answer
    answer = client.post("/shape", {"input_shape": [1, 5, 5], "type": "conv2d", "out_channels": 1, "kernel_size": 3,
                                    **fields})
    assert answer.status == 422 and words in answer.detail, answer


def test_two_groups_are_two_halves_concatenated(client):
    x, weight = ramp(2, 4, 9, 9), ramp(6, 2, 3, 3)
    output = conv2d(client, x, weight, groups=2)
    halves = [conv2d(client, x[:, :2], weight[:3]), conv2d(client, x[:, 2:], weight[3:])]
    assert numpy.array_equal(output, numpy.concatenate(halves, axis=1))
    assert numpy.array_equal(halves[1], naive_conv2d(x[:, 2:], weight[3:]))


def test_groups_as_channels_gives_each_channel_its_own_filters(client):
    x, weight = ramp(1, 3, 8, 8), ramp(6, 1, 3, 3)
    output = conv2d(client, x, weight, groups=3)
    for channel in range(3):
        own = naive_conv2d(x[:, channel:channel + 1], weight[2 * channel:2 * channel + 2])
        assert numpy.array_equal(output[:, 2 * channel:2 * channel + 2], own)
    layer = shape_of(client, x.shape, conv_layer(weight, groups=3))["layers"][0]
    assert layer["parameters"] == 6 * 9 + 6 and layer["macs"] == output.size * 9


def test_filter_of_three_by_five(client):
    x, weight = ramp(1, 2, 12, 13), ramp(4, 2, 3, 5)
    output = conv2d(client, x, weight, kernel_size=[3, 5])
    assert output.shape == (1, 4, 10, 9)
    assert numpy.array_equal(output, naive_conv2d(x, weight))
    assert shape_of(client, x.shape, conv_layer(weight))["output_shape"] == [1, 4, 10, 9]
    refused = client.post("/conv2d", {"input": convd.pack(x), "weight": convd.pack(weight), "kernel_size": [5, 3]})
    assert refused.status == 422, refused


def test_output_feeds_the_next_request(client):
    """In each form, an output is a valid input."""
    for form in convd.FORMS:
        document = {"input": convd.pack(ramp(1, 1, 6, 6), form), "weight": convd.pack(ramp(1, 1, 3, 3))}
        first = client.post_ok("/conv2d", document)
        second = client.post_ok("/conv2d", {**document, "input": first["output"]})
        assert second["shape"] == [1, 1, 2, 2]
        found, _ = convd.unpack(second)
        assert found == form
