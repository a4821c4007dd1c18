/*
 * Refusals: where they point and what they say. `says` is PyTorch's own sentence where PyTorch refuses the
 * same.
 */
#include "tests/unit/layer_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct refusal {
    const char *type, *input, *fields;
    enum status status;
    const char *place, *says;
};

#define VALUE STATUS_INVALID_VALUE
#define FIT   STATUS_SHAPE_MISMATCH
#define LARGE STATUS_TOO_LARGE

static const struct refusal conv_rows[] = {
    {"conv2d", "1,3,32,32", "in_channels=1 out_channels=6 kernel_size=3,3", FIT, "input",
     "Given groups=1, weight of size [6, 1, 3, 3], expected input[1, 3, 32, 32] to have 1 channels, but "
     "got 3 channels instead"},
    {"conv2d", "3,32,32", "in_channels=1 out_channels=6 kernel_size=3,3", FIT, "input",
     "expected input[1, 3, 32, 32] to have 1 channels, but got 3 channels instead"},
    {"conv2d", "1,6,8,8", "in_channels=4 out_channels=4 kernel_size=2,2 groups=2", FIT, "input",
     "Given groups=2, weight of size [4, 2, 2, 2], expected input[1, 6, 8, 8] to have 4 channels, but got "
     "6 channels instead"},
    {"conv2d", "1,0,8,8", "in_channels=1 out_channels=6 kernel_size=3,3", FIT, "input",
     "to have 1 channels, but got 0 channels instead"},
    {"conv1d", "5", "out_channels=1 kernel_size=1", FIT, "input",
     "Expected 2D (unbatched) or 3D (batched) input to conv1d, but got input of size: [5]"},
    {"conv2d", "5,5", "out_channels=1 kernel_size=3,3", FIT, "input",
     "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [5, 5]"},
    {"conv2d", "", "out_channels=1 kernel_size=3,3", FIT, "input", "but got input of size: []"},
    {"conv3d", "1,1,1,1,1,1", "out_channels=1 kernel_size=1,1,1", FIT, "input",
     "Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: [1, 1, 1, 1, 1, 1]"},
    {"conv2d", "1,1,3,3", "out_channels=1 kernel_size=5,5", FIT, "input",
     "Calculated padded input size per channel: (3 x 3). Kernel size: (5 x 5). Kernel size can't be "
     "greater than actual input size"},
    {"conv2d", "1,1,3,3", "out_channels=1 kernel_size=2,8 padding=0,2", FIT, "input",
     "Calculated padded input size per channel: (3 x 7). Kernel size: (2 x 8)."},
    {"conv2d", "1,1,3,3", "out_channels=1 kernel_size=2,2 dilation=3,3", FIT, "input",
     "Calculated padded input size per channel: (3 x 3). Kernel size: (4 x 4)."},
    {"conv2d", "1,1,0,8", "out_channels=1 kernel_size=3,3", FIT, "input",
     "Calculated padded input size per channel: (0 x 8). Kernel size: (3 x 3)."},
    {"conv2d", "1,1,0,8", "out_channels=1 kernel_size=3,3 padding=2,2", FIT, "input",
     "Only zero batch or zero channel inputs are supported, but got input shape: [1, 1, 0, 8]"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 stride=1,0", VALUE, "stride/1",
     "stride[1] is 0; it must be at least 1 (non-positive stride is not supported)"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 stride=-3,1", VALUE, "stride/0",
     "non-positive stride is not supported"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 dilation=1,0", VALUE, "dilation/1",
     "dilation[1] is 0; it must be at least 1 (dilation should be greater than zero, but got [1, 0])"},
    {"conv2d", "0,1,8,8", "out_channels=1 kernel_size=3,3 dilation=0,1", VALUE, "dilation/0",
     "dilation should be greater than zero"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=0,3", VALUE, "kernel_size/0",
     "kernel size should be greater than zero, but got kernel_height: 0 kernel_width: 3"},
    {"conv2d", "1,1,8,8", "out_channels=1", VALUE, "kernel_size/0",
     "kernel size should be greater than zero"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 padding=1,-1", VALUE, "padding/1",
     "padding[1] is -1; it must be at least 0 (negative padding is not supported"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 padding=-1,-1 padding_mode=reflect", VALUE,
     "padding/0", "negative padding is not supported"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 padding=0,0,-2,0", VALUE, "padding/1/0",
     "padding[1][0] is -2; it must be at least 0"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 padding=0,-9,0,0", VALUE, "padding/0/1",
     "negative padding is not supported"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 stride=1,2 padding=same", VALUE, "padding",
     "padding='same' is not supported for strided convolutions"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 groups=0", VALUE, "groups",
     "groups must be a positive integer"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 groups=-1", VALUE, "groups",
     "non-positive groups is not supported"},
    {"conv2d", "1,3,8,8", "out_channels=4 kernel_size=1,1 groups=2", VALUE, "groups",
     "in_channels must be divisible by groups"},
    {"conv2d", "1,4,8,8", "out_channels=3 kernel_size=2,2 groups=2", VALUE, "groups",
     "out_channels must be divisible by groups"},
    {"conv2d", "1,4,8,8", "out_channels=3 kernel_size=2,2 groups=2", VALUE, "groups",
     "Given groups=2, expected weight to be divisible by 2 at dimension 0, but got weight of size [[3, 2, "
     "2, 2]] instead"},
    {"conv2d", "1,4,8,8", "out_channels=1 kernel_size=2,2 groups=2", VALUE, "groups",
     "Given groups=2, expected weight to be at least 2 at dimension 0, but got weight of size [1, 2, 2, "
     "2] instead"},
    {"conv2d", "1,1,8,8", "out_channels=0 kernel_size=3,3", VALUE, "out_channels",
     "Given groups=1, expected weight to be at least 1 at dimension 0, but got weight of size [0, 1, 3, "
     "3] instead"},
    {"conv2d", "1,1,8,8", "kernel_size=3,3", VALUE, "out_channels",
     "Trying to create tensor with negative dimension -1"},
    {"conv2d", "1,1,5,7", "out_channels=1 kernel_size=3,3 padding=1,7 padding_mode=reflect", VALUE,
     "padding/1",
     "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
     "(7, 7) at dimension 3 of input [1, 1, 5, 7]"},
    {"conv2d", "1,5,7", "out_channels=1 kernel_size=3,3 padding=0,5,0,0 padding_mode=reflect", VALUE,
     "padding/0/1",
     "Argument #6: Padding size should be less than the corresponding input dimension, but got: padding "
     "(0, 5) at dimension 1 of input [1, 5, 7]"},
    {"conv1d", "1,1,5", "out_channels=1 kernel_size=12 padding=same padding_mode=reflect", VALUE, "padding",
     "but got: padding (5, 6) at dimension 2 of input [1, 1, 5]"},
    {"conv2d", "1,1,5,7", "out_channels=1 kernel_size=3,3 padding=6,0 padding_mode=circular", VALUE,
     "padding/0", "Padding value causes wrapping around more than once."},
    {"conv2d", "1,0,5,7", "out_channels=1 kernel_size=3,3 padding_mode=replicate", FIT, "input",
     "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
     "input, but got: [1, 0, 5, 7]"},
    {"conv_transpose2d", "1,5,5,5", "in_channels=3 out_channels=4 kernel_size=3,3", FIT, "input",
     "Given transposed=1, weight of size [3, 4, 3, 3], expected input[1, 5, 5, 5] to have 3 channels, but "
     "got 5 channels instead"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 stride=2,2 output_padding=2,0", VALUE,
     "output_padding/0",
     "output padding must be smaller than either stride or dilation, but got output_padding_height: 2 "
     "output_padding_width: 0 stride_height: 2 stride_width: 2 dilation_height: 1 dilation_width: 1"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 output_padding=0,-1", VALUE,
     "output_padding/1", "negative output_padding is not supported"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 padding=4,4", FIT, "input",
     "Given input size per channel: (5 x 5). Calculated output size per channel: (-1 x -1). Output size "
     "is too small"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=2,2 padding=3,3", FIT, "input",
     "Calculated output size per channel: (0 x 0)"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 padding_mode=reflect", VALUE,
     "padding_mode", "Only \"zeros\" padding mode is supported for ConvTranspose2d"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 padding=same", VALUE, "padding",
     "conv_transpose2d(): argument 'padding' (position 5) must be tuple of ints"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=4 kernel_size=3,3 padding=1,1,0,0", VALUE, "padding",
     "one number per axis"},
    {"conv_transpose2d", "1,3,0,5", "out_channels=4 kernel_size=3,3", FIT, "input",
     "Only zero batch or zero channel inputs are supported, but got input shape: [1, 3, 0, 5]"},
    {"conv_transpose2d", "1,0,5,5", "out_channels=4 kernel_size=3,3", FIT, "input",
     "expected weight to be at least 1 at dimension 0, but got weight of size [0, 4, 3, 3] instead"},
    {"conv_transpose2d", "1,3,5,5", "out_channels=0 kernel_size=3,3", VALUE, "out_channels",
     "non-empty 2D or 4D weight tensor expected, but got: [3, 0, 3, 3]"},
    {"conv_transpose1d", "1,1,4", "out_channels=0 kernel_size=1", VALUE, "out_channels",
     "non-empty 2D or 4D weight tensor expected, but got: [1, 0, 1, 1]"},
    {"conv_transpose3d", "1,1,4,4,4", "out_channels=0 kernel_size=1,1,1", VALUE, "out_channels",
     "non-empty 5D (n_output_plane x n_input_plane x kernel_depth x kernel_height x kernel_width) tensor "
     "expected for weight, but got: [1, 0, 1, 1, 1]"},
    {"conv_transpose3d", "1,4,4,4", "out_channels=1 kernel_size=2,0,2", VALUE, "kernel_size/1",
     "non-empty 5D (n_output_plane x n_input_plane x kernel_depth x kernel_height x kernel_width) tensor "
     "expected for weight, but got: [1, 1, 2, 0, 2]"},
    {"conv_transpose3d", "4,4,4", "out_channels=1 kernel_size=0,0,0", FIT, "input",
     "Expected 4D (unbatched) or 5D (batched) input to conv_transpose3d, but got input of size: [4, 4, 4]"},
    {"conv_transpose3d", "1,1,4,4,4", "out_channels=1 kernel_size=0,0,0 output_padding=5,5,5", VALUE,
     "output_padding/0",
     "output padding must be smaller than either stride or dilation, but got output_padding_depth: 5 "
     "output_padding_height: 5 output_padding_width: 5 stride_depth: 1 stride_height: 1 stride_width: 1 "
     "dilation_depth: 1 dilation_height: 1 dilation_width: 1"},
    {"conv3d", "1,1,4,4,4", "out_channels=1 kernel_size=2,0,2", VALUE, "kernel_size/1",
     "kernel size should be greater than zero, but got: 2 x 0 x 2 (TxHxW)"},
    {"conv3d", "1,1,4,4,4", "out_channels=1 kernel_size=2,2,2 dilation=0,1,-1", VALUE, "dilation/0",
     "dilation should be greater than zero, but got [0, 1, -1]"},
    {"conv_transpose2d", "1,1,4,4", "out_channels=1 kernel_size=2,2 dilation=0,0", VALUE, "dilation/0",
     "dilation should be greater than zero, but got dilation_height: 0, dilation_width: 0"},
    {"conv_transpose3d", "1,1,4,4,4", "out_channels=1 kernel_size=2,2,2 dilation=1,0,1", VALUE, "dilation/1",
     "dilation should be greater than zero, but got dilation_depth: 1, dilation_height: 0, dilation_width: 1"},
    /* one axis, computed as two */
    {"conv1d", "1,1,4", "out_channels=1 kernel_size=2 dilation=0", VALUE, "dilation/0",
     "dilation should be greater than zero, but got [1, 0]"},
    {"conv1d", "1,1,4", "out_channels=1 kernel_size=0", VALUE, "kernel_size/0",
     "kernel size should be greater than zero, but got kernel_height: 1 kernel_width: 0"},
    {"conv1d", "1,4", "out_channels=1 kernel_size=6", FIT, "input",
     "Calculated padded input size per channel: (4). Kernel size: (6)."},
    {"conv1d", "1,0", "out_channels=1 kernel_size=1 padding=1", FIT, "input",
     "Only zero batch or zero channel inputs are supported, but got input shape: [1, 1, 1, 0]"},
    {"conv_transpose1d", "1,1,4", "out_channels=1 kernel_size=2 dilation=0", VALUE, "dilation/0",
     "dilation should be greater than zero, but got dilation_height: 1, dilation_width: 0"},
    {"conv_transpose1d", "1,1,4", "out_channels=1 kernel_size=0", VALUE, "kernel_size/0",
     "kernel size should be greater than zero, but got kernel_height: 1 kernel_width: 0"},
    {"conv_transpose1d", "1,1,3", "out_channels=1 kernel_size=1 padding=2", FIT, "input",
     "Given input size per channel: (1 x 3). Calculated output size per channel: (1 x -1). Output size is "
     "too small"},
    {"conv_transpose1d", "1,1,4", "out_channels=1 kernel_size=2 output_padding=1", VALUE, "output_padding/0",
     "output padding must be smaller than either stride or dilation, but got output_padding_height: 0 "
     "output_padding_width: 1 stride_height: 1 stride_width: 1 dilation_height: 1 dilation_width: 1"},
};

static const struct refusal pooling_rows[] = {
    {"max_pool2d", "1,1,5,5", "kernel_size=0,2", VALUE, "kernel_size/0",
     "kernel size should be greater than zero, but got kH: 0 kW: 2"},
    {"max_pool1d", "1,1,5", "kernel_size=0", VALUE, "kernel_size/0",
     "max_pool1d() kernel_size must be greater than zero, but got 0"},
    {"avg_pool3d", "1,1,5,5,5", "kernel_size=2,2,-1", VALUE, "kernel_size/2",
     "kernel size should be greater than zero, but got kT: 2 kH: 2 kW: -1"},
    {"max_pool2d", "1,1,5,5", "kernel_size=2,2 stride=1,0", VALUE, "stride/1", "stride should not be zero"},
    {"lp_pool2d", "1,1,5,5", "kernel_size=2,2 stride=0,1 norm_type=2", VALUE, "stride/0",
     "stride should not be zero"},
    {"avg_pool2d", "1,1,5,5", "kernel_size=2,2 stride=-1,1", VALUE, "stride/0",
     "stride should be greater than zero, but got dH: -1 dW: 1"},
    {"max_pool1d", "1,1,5", "kernel_size=2 stride=0", VALUE, "stride/0",
     "max_pool1d() stride must be greater than zero, but got 0"},
    {"max_pool2d", "1,1,5,5", "kernel_size=2,2 dilation=0,1", VALUE, "dilation/0",
     "dilation should be greater than zero, but got dilationH: 0 dilationW: 1"},
    {"max_pool1d", "1,1,5", "kernel_size=2 dilation=-1", VALUE, "dilation/0",
     "max_pool1d() dilation must be greater than zero, but got -1"},
    {"max_pool2d", "1,1,5,5", "kernel_size=2,2 padding=0,-1", VALUE, "padding/1",
     "pad must be non-negative, but got pad: -1"},
    {"max_pool1d", "1,1,5", "kernel_size=2 padding=-1", VALUE, "padding/0",
     "max_pool1d() padding must be non-negative, but got -1"},
    {"avg_pool2d", "1,1,5,5", "kernel_size=3,3 padding=1,2", VALUE, "padding/1",
     "pad should be at most half of effective kernel size, but got pad=2, kernel_size=3 and dilation=1"},
    {"max_pool2d", "1,1,9,9", "kernel_size=3,3 dilation=2,2 padding=3,0", VALUE, "padding/0",
     "pad should be at most half of effective kernel size, but got pad=3, kernel_size=3 and dilation=2"},
    {"max_pool1d", "1,1,9", "kernel_size=3 dilation=2 padding=2", VALUE, "padding/0",
     "max_pool1d() padding should be at most half of kernel size, but got padding=2 and kernel_size=3"},
    {"max_pool3d", "1,1,9,9,9", "kernel_size=3,3,3 dilation=2,2,2 padding=0,2,0", VALUE, "padding/1",
     "padding[1] is 2; it must be at most 1, half of the kernel size"},
    {"max_pool2d", "1,1,5,5", "kernel_size=2,2 padding=0,2,0,0", VALUE, "padding/0/1",
     "padding[0][1] is "
     "2"},
    {"avg_pool2d", "1,1,5,5", "kernel_size=2,2 padding=0,0,7,0", VALUE, "padding/1/0",
     "smaller than the effective kernel"},
    {"max_pool2d", "1,1,4,4", "kernel_size=5,5", FIT, "input",
     "Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small"},
    {"max_pool2d", "1,1,5,5", "kernel_size=7,7 stride=2,2 ceil_mode=1", FIT, "input",
     "Calculated output size: (1x0x0)"},
    {"max_pool3d", "1,1,5,5,5", "kernel_size=6,1,1 stride=1,1,1", FIT, "input",
     "Given input size: (1x5x5x5). Calculated output size: (1x0x5x5). Output size is too small"},
    {"max_pool1d", "1,1,5", "kernel_size=6", FIT, "input", "max_pool1d() Invalid computed output size: 0"},
    {"avg_pool3d", "1,1,5,5,5", "kernel_size=6,6,6 padding=1,1,1", FIT, "input",
     "input image (T: 5 H: 5 W: 5) smaller than kernel size (kT: 6 kH: 6 kW: 6)"},
    {"max_pool2d", "5,5", "kernel_size=2,2", FIT, "input",
     "non-empty 3D or 4D (batch mode) tensor expected for input"},
    {"avg_pool2d", "1,1,1,5,5", "kernel_size=2,2", FIT, "input",
     "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[1, 1, 1, "
     "5, 5]"},
    {"max_pool1d", "5", "kernel_size=2", FIT, "input",
     "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but "
     "got:[5]"},
    {"lp_pool1d", "1,1,1,5", "kernel_size=2 norm_type=2", FIT, "input",
     "Expected 2 to 3 dimensions, but got 4-dimensional tensor for argument #1 'self' (while checking "
     "arguments for avg_pool1d)"},
    {"avg_pool3d", "5,5,5", "kernel_size=2,2,2", FIT, "input",
     "non-empty 4D or 5D (batch mode) tensor expected for input"},
    {"max_pool2d", "1,0,5,5", "kernel_size=2,2", FIT, "input",
     "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[1, 0, 5, "
     "5]"},
    {"avg_pool2d", "0,5,5", "kernel_size=2,2", FIT, "input", "but got:[0, 5, 5]"},
    {"lp_pool2d", "1,1,0,5", "kernel_size=2,2 norm_type=2", FIT, "input", "but got:[1, 1, 0, 5]"},
    {"max_pool3d", "1,1,5,0,5", "kernel_size=2,2,2", FIT, "input",
     "Expected input's non-batch dimensions to have positive length, but input has a shape of [1, 1, 5, "
     "0, 5]"},
    {"avg_pool2d", "1,1,5,5", "kernel_size=2,2 divisor_override=0", VALUE, "divisor_override",
     "divisor must be not zero"},
    {"lp_pool2d", "1,1,5,5", "kernel_size=2,2 norm_type=0", VALUE, "norm_type", "norm_type is 0"},
    {"lp_pool2d", "1,1,5,5", "kernel_size=2,2 norm_type=inf", VALUE, "norm_type", "\"max\""},
    {"lp_pool2d", "1,1,5,5", "kernel_size=2,2 norm_type=nan", VALUE, "norm_type", "norm_type is nan"},
    {"lp_pool2d", "1,1,5,5", "kernel_size=2,2", VALUE, "norm_type", "a finite number other than 0"},
    {"adaptive_avg_pool2d", "1,1,5,5", "output_size=3,-1", VALUE, "output_size/1",
     "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {3, "
     "-1}"},
    {"adaptive_max_pool2d", "2,3,5,5", "output_size=-1,-1", VALUE, "output_size/0",
     "Trying to create tensor with negative dimension -1: [2, 3, -1, -1]"},
    {"adaptive_avg_pool2d", "1,1,5,5", "", VALUE, "output_size/0", "it must be at least 0"},
    {"adaptive_avg_pool2d", "5,5", "output_size=2,2", FIT, "input",
     "adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got [5, 5]"},
    {"adaptive_max_pool3d", "5,5,5", "output_size=2,2,2", FIT, "input",
     "adaptive_max_pool3d(): Expected 4D or 5D tensor, but got: [5, 5, 5]"},
    {"adaptive_max_pool1d", "5", "output_size=2", FIT, "input",
     "Expected 2 to 3 dimensions, but got 1-dimensional tensor for argument #1 'self' (while checking "
     "arguments for adaptive_max_pool1d)"},
    {"adaptive_avg_pool2d", "1,1,5,0", "output_size=2,2", FIT, "input",
     "adaptive_avg_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has "
     "sizes [1, 1, 5, 0] with dimension 3 being empty"},
    {"adaptive_max_pool2d", "1,0,4,4", "output_size=2,2", FIT, "input",
     "but input has sizes [1, 0, 4, 4] with dimension 1 being empty"},
    {"adaptive_avg_pool2d", "1,1,0,5", "output_size=1,1", FIT, "input", "with dimension 2 being empty"},
    {"adaptive_avg_pool2d", "1,1,5,6", "output_size=-1,k", VALUE, "output_size/0", "received {-1, 6}"},
    {"adaptive_avg_pool3d", "1,1,4,4,4", "output_size=-1,-1,-1", VALUE, "output_size/0",
     "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {-1, "
     "-1,-1}"},
    {"adaptive_avg_pool3d", "1,4,4,4", "output_size=2,-3,4", VALUE, "output_size/1",
     "adaptive_avg_pool3d: elements of output_size must be greater than or equal to 0 but received {2, "
     "-3,4}"},
    {"adaptive_max_pool3d", "1,1,4,4,4", "output_size=2,-3,4", VALUE, "output_size/1",
     "Trying to create tensor with negative dimension -3: [1, 1, 2, -3, 4]"},
    /* a stride of 0, given or taken from the kernel */
    {"avg_pool1d", "1,1,4", "kernel_size=0", VALUE, "kernel_size/0", "stride should not be zero"},
    {"lp_pool1d", "1,1,4", "kernel_size=0 norm_type=2", VALUE, "kernel_size/0", "stride should not be zero"},
    {"avg_pool2d", "1,1,4,4", "kernel_size=-1,0", VALUE, "kernel_size/0", "stride should not be zero"},
    {"avg_pool3d", "1,1,4,4,4", "kernel_size=0,0,0", VALUE, "kernel_size/0", "stride should not be zero"},
    {"max_pool2d", "1,1,4,4", "kernel_size=2,0", VALUE, "kernel_size/1", "stride should not be zero"},
    {"max_pool3d", "1,1,4,4,4", "kernel_size=-1,2,0", VALUE, "kernel_size/0", "stride should not be zero"},
    {"avg_pool2d", "1,1,4,4", "kernel_size=0,2 stride=0,-1", VALUE, "kernel_size/0",
     "stride should not be zero"},
    {"avg_pool2d", "1,1,4,4", "kernel_size=0,2 stride=1,1", VALUE, "kernel_size/0",
     "kernel_size[0] is 0; it must be at least 1 (kernel size should be greater than zero, but got kH: 0 kW: "
     "2)"},
    /* one axis, computed as two */
    {"avg_pool1d", "1,1,4", "kernel_size=5 stride=1", FIT, "input",
     "Given input size: (1x1x4). Calculated output size: (1x1x0). Output size is too small"},
    {"lp_pool1d", "1,4", "kernel_size=6 stride=1 norm_type=2", FIT, "input",
     "Given input size: (1x1x4). Calculated output size: (1x1x-1). Output size is too small"},
    {"avg_pool1d", "1,1,4", "kernel_size=0 stride=1", VALUE, "kernel_size/0",
     "(kernel size should be greater than zero, but got kH: 1 kW: 0)"},
    {"avg_pool1d", "1,1,4", "kernel_size=2 stride=-1", VALUE, "stride/0",
     "stride should be greater than zero, but got dH: 1 dW: -1"},
    {"avg_pool1d", "1,1,0", "kernel_size=2", FIT, "input",
     "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:[1, 1, 1, 0]"},
    {"max_pool1d", "1,1,0", "kernel_size=2", FIT, "input",
     "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but "
     "got:[1, 1, 0]"},
    {"adaptive_max_pool1d", "1,1,4", "output_size=-1", VALUE, "output_size/0",
     "Trying to create tensor with negative dimension -1: [1, 1, 1, -1]"},
    {"adaptive_max_pool1d", "1,4", "output_size=-1", VALUE, "output_size/0",
     "Trying to create tensor with negative dimension -1: [1, 1, -1]"},
    {"adaptive_avg_pool1d", "1,4", "output_size=-1", VALUE, "output_size/0",
     "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {1, -1}"},
    {"adaptive_max_pool1d", "1,1,0", "output_size=1", FIT, "input",
     "adaptive_max_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has "
     "sizes [1, 1, 1, 0] with dimension 3 being empty"},
    {"adaptive_max_pool1d", "1,0,4", "output_size=1", FIT, "input",
     "sizes [1, 0, 1, 4] with dimension 1 being empty"},
    {"adaptive_avg_pool1d", "1,0", "output_size=1", FIT, "input",
     "adaptive_avg_pool2d(): Expected input to have non-zero size for non-batch dimensions, but input has "
     "sizes [1, 1, 0] with dimension 2 being empty"},
};

static const struct refusal other_rows[] = {
    {"linear", "2,3,5", "in_features=4 out_features=6", FIT, "input",
     "mat1 and mat2 shapes cannot be multiplied (6x5 and 4x6)"},
    {"linear", "5", "in_features=4 out_features=6", FIT, "input",
     "mat1 and mat2 shapes cannot be multiplied (1x5 and 4x6)"},
    {"linear", "", "in_features=4 out_features=6", FIT, "input",
     "both arguments to matmul need to be at least 1D, but they are 0D and 2D"},
    {"linear", "2,3", "", VALUE, "out_features", "Trying to create tensor with negative dimension -1"},
    {"flatten", "1,1,8,8", "start_dim=4", VALUE, "start_dim",
     "Dimension out of range (expected to be in range of [-4, 3], but got 4)"},
    {"flatten", "1,1,8,8", "end_dim=-5", VALUE, "end_dim",
     "Dimension out of range (expected to be in range of [-4, 3], but got -5)"},
    {"flatten", "", "", VALUE, "start_dim",
     "Dimension out of range (expected to be in range of [-1, 0], but got 1)"},
    {"flatten", "1,1,8,8", "start_dim=-1 end_dim=1", VALUE, "start_dim",
     "flatten() has invalid args: start_dim cannot come after end_dim"},
    {"softmax", "2,3", "dim=2", VALUE, "dim",
     "Dimension out of range (expected to be in range of [-2, 1], but got 2)"},
    {"log_softmax", "2,3", "dim=-3", VALUE, "dim", "Dimension out of range"},
    {"batch_norm1d", "3", "num_features=3", FIT, "input", "expected 2D or 3D input (got 1D input)"},
    {"batch_norm2d", "3,4,5", "num_features=3", FIT, "input", "expected 4D input (got 3D input)"},
    {"batch_norm3d", "1,3,4,5", "num_features=3", FIT, "input", "expected 5D input (got 4D input)"},
    {"batch_norm2d", "1,3,4,5", "num_features=4", FIT, "input",
     "running_mean should contain 3 elements not 4"},
    {"batch_norm2d", "1,0,4,5", "", VALUE, "num_features",
     "select(): index 0 out of range for tensor of size [0] at dimension 0"},
    {"zero_pad2d", "5", "pad=1,1,1,1", FIT, "input", "Padding length too large"},
    {"zero_pad2d", "1,1,5,5", "pad=-3,-3,0,0", VALUE, "padding/0",
     "The input size 5, plus negative padding -3 and -3 resulted in a negative output size, which is "
     "invalid. Check dimension 3 of your input."},
    {"zero_pad2d", "1,1,5,5", "pad=0,0,4,-8", VALUE, "padding/3", "narrow(): length must be non-negative."},
    {"reflection_pad2d", "1,1,5,7", "pad=1,7,0,0", VALUE, "padding/1",
     "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
     "(1, 7) at dimension 3 of input [1, 1, 5, 7]"},
    {"reflection_pad2d", "1,5,7", "pad=0,0,5,0", VALUE, "padding/2",
     "Argument #6: Padding size should be less than the corresponding input dimension, but got: padding "
     "(5, 0) at dimension 1 of input [1, 5, 7]"},
    {"reflection_pad2d", "5,7", "pad=1,1,1,1", FIT, "input",
     "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"},
    {"replication_pad2d", "1,1,0,7", "pad=1,1,1,1", FIT, "input",
     "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
     "input, but got: [1, 1, 0, 7]"},
    {"replication_pad2d", "3,4,4,12", "pad=-9,-4,-3,-2", FIT, "input",
     "input (H: 4, W: 12 ) is too small. Calculated output H: -1 W: -1"},
    {"replication_pad2d", "1,1,1,9", "pad=-9,0,-1,0", FIT, "input",
     "input (H: 1, W: 9 ) is too small. Calculated output H: 0 W: 0"},
    {"replication_pad2d", "3,4,4,12", "pad=0,0,-3,-2", FIT, "input",
     "Trying to create tensor with negative dimension -1: [3, 4, -1, 12]"},
    {"replication_pad2d", "4,4,12", "pad=-9,-4,0,0", FIT, "input",
     "Trying to create tensor with negative dimension -1: [4, 4, -1]"},
    {"reflection_pad2d", "3,4,4,12", "pad=0,0,-5,0", FIT, "input", "numel: integer multiplication overflow"},
    {"upsample", "1,1,5,5", "", VALUE, "size", "either size or scale_factor should be defined"},
    {"upsample", "1,1,5,5", "size=3 scale_factor=2", VALUE, "scale_factor",
     "only one of size or scale_factor should be defined"},
    {"upsample", "1,1,5,5", "scale_factor=2 align_corners=1", VALUE, "align_corners",
     "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
     "trilinear"},
    {"upsample", "1,1,5", "scale_factor=2 mode=bilinear", FIT, "input",
     "Got 3D input, but bilinear mode needs 4D input"},
    {"upsample", "1,1,5", "scale_factor=2 mode=bicubic", FIT, "input",
     "Input Error: Only 3D, 4D and 5D input Tensors supported (got 3D) for the modes: nearest | linear | "
     "bilinear | bicubic | trilinear | area | nearest-exact (got bicubic"},
    {"upsample", "5,5", "scale_factor=2", FIT, "input",
     "Only 3D, 4D and 5D input Tensors supported (got 2D)"},
    {"upsample", "1,1,4,5", "size=1,2,3", VALUE, "size",
     "Input and output must have the same number of spatial dimensions, but got input with spatial "
     "dimensions of [4, 5]"},
    {"upsample", "1,1,4,5,6", "scale_factor=2,2", VALUE, "scale_factor",
     "Input and scale_factor must have the same number of spatial dimensions"},
    {"upsample", "1,1,4,5", "size=3,0", VALUE, "size/1",
     "Input and output sizes should be greater than 0, but got input (H: 4, W: 5) output (H: 3, W: 0)"},
    {"upsample", "1,1,4", "scale_factor=0.1", FIT, "input",
     "Input and output sizes should be greater than 0, but got input (W: 4) and output (W: 0)"},
    {"upsample", "1,1,0,5", "size=3", FIT, "input", "but got input (H: 0, W: 5) output (H: 3, W: 3)"},
    {"upsample", "1,0,4,5", "size=3", FIT, "input",
     "Non-empty 4D data tensor expected but got a tensor with sizes [1, 0, 4, 5]"},
    {"upsample", "1,1,4,5", "scale_factor=2,-1", VALUE, "scale_factor/1",
     "Input and output sizes should be greater than 0"},
    {"upsample", "1,1,4,5", "scale_factor=nan", VALUE, "scale_factor/0", "finite number greater than 0"},
    {"upsample", "1,1,4,5", "scale_factor=inf", VALUE, "scale_factor/0", "finite number greater than 0"},
};

/* 2^31, 2^62 and their like: PyTorch wraps or crashes, here they are refused. */
static const struct refusal large_rows[] = {
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=3,3 stride=2147483648,1", VALUE, "stride/0",
     "at most 2147483647"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=1,1 dilation=1,4611686018427387904", VALUE,
     "dilation/1", "at most 2147483647"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=2147483648,1", VALUE, "kernel_size/0",
     "at most 2147483647"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=1,1 padding=2147483648,0", VALUE, "padding/0",
     "at most 2147483647"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=1,1 padding=0,0,0,4611686018427387904", VALUE,
     "padding/1/1", "at most 2147483647"},
    {"conv2d", "1,1,8,8", "out_channels=1 kernel_size=1,1 groups=4611686018427387904", VALUE, "groups",
     "at most 2147483647"},
    {"max_pool2d", "1,1,8,8", "kernel_size=4611686018427387904,1", VALUE, "kernel_size/0",
     "at most 2147483647"},
    {"max_pool2d", "1,1,8,8", "kernel_size=2,2 stride=1,2147483649", VALUE, "stride/1",
     "at most "
     "2147483647"},
    {"adaptive_avg_pool2d", "1,1,8,8", "output_size=1,4000000000", VALUE, "output_size/1",
     "at most 2147483647"},
    {"upsample", "1,1,8,8", "size=4611686018427387904", VALUE, "size/0", "at most 2147483647"},
    {"zero_pad2d", "1,1,8,8", "pad=0,4611686018427387904,0,0", VALUE, "padding/1",
     "between -2147483648 and 2147483647"},
    {"zero_pad2d", "1,1,8,8", "pad=0,0,0,-4611686018427387904", VALUE, "padding/3", "between -2147483648"},
    {"conv2d", "1,1,1099511627776,1099511627776", "out_channels=1 kernel_size=1,1", LARGE, "input",
     "the input of size [1, 1, 1099511627776, 1099511627776] has more elements than 63 bits can count"},
    {"relu", "4611686018427387904,2", "", LARGE, "input", "more elements than 63 bits can count"},
    {"conv2d", "1,1,1,1", "out_channels=4611686018427387904 kernel_size=1,1", LARGE, "",
     "the number of parameters does not fit into 63 bits: 4611686018427387904 x 1 x 1 x 1 + "
     "4611686018427387904 is more than 9223372036854775807 (2^63 - 1)"},
    {"conv2d", "1,1,1,1", "out_channels=4611686018427387904 kernel_size=1,1 padding=1,1 bias=0", LARGE, "",
     "the number of multiply-accumulates does not fit into 63 bits: 1 x 3 x 3 x 4611686018427387904 is more "
     "than 9223372036854775807 (2^63 - 1)"},
    {"conv2d", "1,1,2147483647,2147483647",
     "out_channels=1 kernel_size=1,1 padding=2147483647,2147483647 padding_mode=circular", LARGE, "",
     "multiply-accumulates does not fit"},
    {"conv2d", "0,1,9223372036854775807,1", "out_channels=1 kernel_size=1,1 padding=1,0", LARGE, "input",
     "the padded input does not fit into 63 bits: 9223372036854775807 + 1 + 1 is more than 9223372036854775807"},
    {"max_pool2d", "0,1,9223372036854775807,1", "kernel_size=2,1 padding=1,0", LARGE, "input",
     "the padded input"},
    {"avg_pool2d", "0,1,9223372036854775807,1", "kernel_size=1,1 stride=3,1 ceil_mode=1", LARGE, "input",
     "9223372036854775807 + 0 + 0, rounded up to stride 3, is more than 9223372036854775807"},
    {"conv_transpose1d", "0,1,9223372036854775807", "out_channels=1 kernel_size=1 stride=2", LARGE, "input",
     "an output size does not fit into 63 bits: (9223372036854775807 - 1) x 2 + 1 + 0 - 0 - 0 is more than"},
    {"zero_pad2d", "0,1,9223372036854775807,1", "pad=0,0,0,1", LARGE, "padding",
     "an output size does not fit into 63 bits: 9223372036854775807 + 0 + 1 is more than"},
    {"conv2d", "1,1099511627776,1,1", "out_channels=1099511627776 kernel_size=1,1", LARGE, "",
     "the number of parameters"},
    {"linear", "1,1099511627776", "out_features=1099511627776", LARGE, "",
     "1099511627776 x 1099511627776 + 1099511627776 is more than 9223372036854775807"},
    {"linear", "2147483648,2147483648", "out_features=4294967295 bias=0", LARGE, "",
     "the number of multiply-accumulates does not fit into 63 bits: 2147483648 x 2147483648 x 4294967295 is"},
    {"upsample", "1,1,10", "scale_factor=1e18", LARGE, "scale_factor/0", "does not fit into 63 bits"},
    {"upsample", "1,1,9,9", "scale_factor=1e300", LARGE, "scale_factor/0", "does not fit into 63 bits"},
    {"upsample", "1,1,9,9", "scale_factor=1e12", LARGE, "",
     "the output of size [1, 1, 9000000000000, 9000000000000]"},
    {"flatten", "0,4611686018427387904,4", "", LARGE, "input",
     "the product of the flattened dimensions does not fit into 63 bits: 4611686018427387904 x 4 is"},
};

static void check_refusals(const struct refusal *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct refusal *row = &rows[i];
        struct layer layer;
        struct layer_sizes sizes;
        struct fault fault = {0};
        struct shape input = row_shape(row->input);
        if (!row_layer(row->type, row->fields, &layer))
            fail_msg("the row %s %s is mistaken", row->type, row->fields);
        enum status status = layer_sizes(&layer, &input, &sizes, &fault);
        if (status != row->status || fault.status != row->status || strcmp(fault.place, row->place) != 0 ||
            strstr(fault.detail, row->says) == NULL)
            fail_msg("%s of %s, %s: expected %s at \"%s\" saying \"%s\", got %s at \"%s\": %s", row->type,
                     row->input, row->fields, status_name(row->status), row->place, row->says,
                     status_name(status), fault.place, fault.detail);
        assert_int_equal(layer_sizes(&layer, &input, &sizes, NULL), status); /* a fault is not needed */
    }
}

#define CHECK(rows) check_refusals(rows, sizeof(rows) / sizeof((rows)[0]))

static void convolutions_refuse(void **state) {
    (void)state;
    CHECK(conv_rows);
}

static void poolings_refuse(void **state) {
    (void)state;
    CHECK(pooling_rows);
}

static void others_refuse(void **state) {
    (void)state;
    CHECK(other_rows);
}

static void large_numbers_are_refused(void **state) {
    (void)state;
    CHECK(large_rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_refuse),
        cmocka_unit_test(poolings_refuse),
        cmocka_unit_test(others_refuse),
        cmocka_unit_test(large_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
