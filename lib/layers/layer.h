/*
 * Layers as data: what a torch.nn layer is, without its tensors.
 *
 * A layer is filled in with the defaults of its torch.nn class (layer_init), then field by field by whoever
 * reads the request. layer_sizes() is the one place that decides what a layer accepts and the one place that
 * computes output sizes: /shape, /conv2d and /pool2d all call it.
 *
 * Axes: spatial dimensions from the outermost, [length], [height, width] or [depth, height, width].
 * Source of the semantics: torch.nn of PyTorch 2.x and the ATen functions under it (named in the .c files).
 */
#ifndef CONVD_LIB_LAYERS_LAYER_H
#define CONVD_LIB_LAYERS_LAYER_H

#include "lib/base/status.h"
#include "lib/base/tensor.h"

#include <stdbool.h>
#include <stdint.h>

enum { LAYER_MAX_AXES = 3 };

/* What a family of layers shares: its fields and the code that validates it. */
enum layer_family {
    FAMILY_CONV,
    FAMILY_CONV_TRANSPOSE,
    FAMILY_POOLING,
    FAMILY_LINEAR,
    FAMILY_FLATTEN,
    FAMILY_BATCH_NORM,
    FAMILY_ELEMENTWISE, /* relu, dropout, …: the output has the input's shape, whatever that is */
    FAMILY_SOFTMAX,     /* softmax, log_softmax */
    FAMILY_PAD,
    FAMILY_UPSAMPLE,
};

/* X(NAME, name on the wire, name of the torch.nn class, family, spatial axes or 0) */
#define LAYER_MAP(X)                                                                                         \
    X(CONV1D, "conv1d", "Conv1d", CONV, 1)                                                                   \
    X(CONV2D, "conv2d", "Conv2d", CONV, 2)                                                                   \
    X(CONV3D, "conv3d", "Conv3d", CONV, 3)                                                                   \
    X(CONV_TRANSPOSE1D, "conv_transpose1d", "ConvTranspose1d", CONV_TRANSPOSE, 1)                            \
    X(CONV_TRANSPOSE2D, "conv_transpose2d", "ConvTranspose2d", CONV_TRANSPOSE, 2)                            \
    X(CONV_TRANSPOSE3D, "conv_transpose3d", "ConvTranspose3d", CONV_TRANSPOSE, 3)                            \
    X(MAX_POOL1D, "max_pool1d", "MaxPool1d", POOLING, 1)                                                     \
    X(MAX_POOL2D, "max_pool2d", "MaxPool2d", POOLING, 2)                                                     \
    X(MAX_POOL3D, "max_pool3d", "MaxPool3d", POOLING, 3)                                                     \
    X(AVG_POOL1D, "avg_pool1d", "AvgPool1d", POOLING, 1)                                                     \
    X(AVG_POOL2D, "avg_pool2d", "AvgPool2d", POOLING, 2)                                                     \
    X(AVG_POOL3D, "avg_pool3d", "AvgPool3d", POOLING, 3)                                                     \
    X(LP_POOL1D, "lp_pool1d", "LPPool1d", POOLING, 1)                                                        \
    X(LP_POOL2D, "lp_pool2d", "LPPool2d", POOLING, 2)                                                        \
    X(ADAPTIVE_AVG_POOL1D, "adaptive_avg_pool1d", "AdaptiveAvgPool1d", POOLING, 1)                           \
    X(ADAPTIVE_AVG_POOL2D, "adaptive_avg_pool2d", "AdaptiveAvgPool2d", POOLING, 2)                           \
    X(ADAPTIVE_AVG_POOL3D, "adaptive_avg_pool3d", "AdaptiveAvgPool3d", POOLING, 3)                           \
    X(ADAPTIVE_MAX_POOL1D, "adaptive_max_pool1d", "AdaptiveMaxPool1d", POOLING, 1)                           \
    X(ADAPTIVE_MAX_POOL2D, "adaptive_max_pool2d", "AdaptiveMaxPool2d", POOLING, 2)                           \
    X(ADAPTIVE_MAX_POOL3D, "adaptive_max_pool3d", "AdaptiveMaxPool3d", POOLING, 3)                           \
    X(LINEAR, "linear", "Linear", LINEAR, 0)                                                                 \
    X(FLATTEN, "flatten", "Flatten", FLATTEN, 0)                                                             \
    X(BATCH_NORM1D, "batch_norm1d", "BatchNorm1d", BATCH_NORM, 1)                                            \
    X(BATCH_NORM2D, "batch_norm2d", "BatchNorm2d", BATCH_NORM, 2)                                            \
    X(BATCH_NORM3D, "batch_norm3d", "BatchNorm3d", BATCH_NORM, 3)                                            \
    X(DROPOUT, "dropout", "Dropout", ELEMENTWISE, 0)                                                         \
    X(RELU, "relu", "ReLU", ELEMENTWISE, 0)                                                                  \
    X(RELU6, "relu6", "ReLU6", ELEMENTWISE, 0)                                                               \
    X(LEAKY_RELU, "leaky_relu", "LeakyReLU", ELEMENTWISE, 0)                                                 \
    X(ELU, "elu", "ELU", ELEMENTWISE, 0)                                                                     \
    X(GELU, "gelu", "GELU", ELEMENTWISE, 0)                                                                  \
    X(SILU, "silu", "SiLU", ELEMENTWISE, 0)                                                                  \
    X(HARDSWISH, "hardswish", "Hardswish", ELEMENTWISE, 0)                                                   \
    X(SIGMOID, "sigmoid", "Sigmoid", ELEMENTWISE, 0)                                                         \
    X(TANH, "tanh", "Tanh", ELEMENTWISE, 0)                                                                  \
    X(SOFTMAX, "softmax", "Softmax", SOFTMAX, 0)                                                             \
    X(LOG_SOFTMAX, "log_softmax", "LogSoftmax", SOFTMAX, 0)                                                  \
    X(ZERO_PAD2D, "zero_pad2d", "ZeroPad2d", PAD, 2)                                                         \
    X(REFLECTION_PAD2D, "reflection_pad2d", "ReflectionPad2d", PAD, 2)                                       \
    X(REPLICATION_PAD2D, "replication_pad2d", "ReplicationPad2d", PAD, 2)                                    \
    X(UPSAMPLE, "upsample", "Upsample", UPSAMPLE, 0)

enum layer_type {
#define LAYER_ENUM(NAME, name, torch, family, axes) LAYER_##NAME,
    LAYER_MAP(LAYER_ENUM)
#undef LAYER_ENUM
        LAYER_TYPES /* how many there are */
};

const char *layer_type_name(enum layer_type type);       /* "conv2d" */
const char *layer_type_torch_name(enum layer_type type); /* "Conv2d" */
enum layer_family layer_type_family(enum layer_type type);
int layer_type_axes(enum layer_type type); /* spatial axes; 0 where the layer has none */

/* The type of that wire name; false when there is none. */
bool layer_type_find(const char *name, enum layer_type *type);

enum padding_kind {
    PADDING_EXPLICIT,   /* the numbers in pad_begin, pad_end */
    PADDING_VALID,      /* none */
    PADDING_SAME,       /* PyTorch's: stride 1 only, the odd cell at the end; in /pool2d SAME_UPPER */
    PADDING_SAME_UPPER, /* ONNX auto_pad: output = ceil(input / stride), the odd cell at the end */
    PADDING_SAME_LOWER, /* the same with the odd cell at the beginning */
};

enum padding_mode { PADDING_ZEROS, PADDING_REFLECT, PADDING_REPLICATE, PADDING_CIRCULAR };

struct padding {
    enum padding_kind kind;
    bool four_sided; /* explicit and given per side: the rule "at most half the window" is another then */
    int64_t begin[LAYER_MAX_AXES];
    int64_t end[LAYER_MAX_AXES];
};

/* conv1d..3d and conv_transpose1d..3d. A channel count of -1 is not given and taken from the input. */
struct layer_conv {
    int64_t in_channels;
    int64_t out_channels; /* -1: missing, which is refused */
    int64_t kernel[LAYER_MAX_AXES];
    int64_t stride[LAYER_MAX_AXES];
    int64_t dilation[LAYER_MAX_AXES];
    int64_t output_padding[LAYER_MAX_AXES]; /* transposed only */
    struct padding padding;
    enum padding_mode padding_mode;
    int64_t groups;
    bool bias;
};

enum pooling_mode { POOLING_MAX, POOLING_AVG, POOLING_LP, POOLING_ADAPTIVE_MAX, POOLING_ADAPTIVE_AVG };

struct layer_pooling {
    enum pooling_mode mode;
    int64_t kernel[LAYER_MAX_AXES];
    bool has_stride; /* false: as kernel, and `stride` is not read */
    int64_t stride[LAYER_MAX_AXES];
    int64_t dilation[LAYER_MAX_AXES];
    struct padding padding;
    bool ceil_mode;
    bool return_indices;
    bool count_include_pad;
    bool has_divisor;
    int64_t divisor_override; /* read when has_divisor; not 0 */
    double norm_type;
    int64_t output_size[LAYER_MAX_AXES]; /* adaptive; LAYER_KEEP keeps the input's size */
};

/* An output_size that keeps the input's. */
#define LAYER_KEEP INT64_MIN

struct layer_linear {
    int64_t in_features; /* -1: taken from the input */
    int64_t out_features;
    bool bias;
};

struct layer_flatten {
    int64_t start_dim, end_dim; /* may count from the end: -1 is the last */
};

struct layer_batch_norm {
    int64_t num_features; /* -1: taken from the input */
    bool affine;
};

struct layer_softmax {
    bool has_dim; /* false: torch.nn.Softmax() without dim chooses one itself; any input is taken */
    int64_t dim;  /* may count from the end */
};

struct layer_pad {
    int64_t begin[2],
        end[2]; /* [height, width]: top and left, bottom and right; negative values crop (zero_pad2d) */
};

enum upsample_mode {
    UPSAMPLE_NEAREST,
    UPSAMPLE_LINEAR,
    UPSAMPLE_BILINEAR,
    UPSAMPLE_BICUBIC,
    UPSAMPLE_TRILINEAR,
    UPSAMPLE_NEAREST_EXACT,
    UPSAMPLE_AREA
};

/* Exactly one of size and scale_factor; `places` numbers are given as a list; 0 or 1: one number for all
 * axes. */
struct layer_upsample {
    bool has_size, has_scale, recomputes; /* recomputes: recompute_scale_factor */
    int places;
    int64_t size[LAYER_MAX_AXES];
    double scale_factor[LAYER_MAX_AXES];
    enum upsample_mode mode;
    bool has_align_corners, align_corners;
};

struct layer {
    enum layer_type type;
    union {
        struct layer_conv conv; /* also transposed */
        struct layer_pooling pooling;
        struct layer_linear linear;
        struct layer_flatten flatten;
        struct layer_batch_norm batch_norm;
        struct layer_softmax softmax;
        struct layer_pad pad;
        struct layer_upsample upsample;
    };
};

/* Sets the defaults of the torch.nn class; fields that the class requires are set to 0 or -1, which
 * layer_sizes refuses. A pooling has no stride of its own then. */
void layer_init(struct layer *layer, enum layer_type type);

/*
 * One axis of a layer that has a window, with every number resolved. A pad is a window of 1 with stride 1,
 * and its padding may be negative. An adaptive pooling has kernel and stride where its output divides its
 * input, and zeros where its windows are not alike. An upsample's window says nothing.
 */
struct window_axis {
    int64_t input;  /* size that arrives */
    int64_t output; /* size that leaves */
    int64_t kernel, stride, dilation;
    int64_t pad_begin, pad_end;
    int64_t output_padding; /* transposed convolution */
    bool dropped; /* ceil_mode: the rounded-up last window starts beyond the input and its left padding */
};

/* What a layer makes of an input. */
struct layer_sizes {
    struct shape output;
    int64_t parameters;
    int64_t macs; /* multiply-accumulates for the whole batch; 0 for layers that count none */

    /* Layers with spatial axes (conv, pooling, pad; upsample: as many as its input has). */
    int axes;
    int64_t batch;        /* N; 1 for unbatched input; zero_pad2d: all dimensions before C */
    bool batched;         /* false when the input came without its N */
    int64_t channels;     /* C of the input */
    int64_t out_channels; /* C of the output: 0 for a convolution without input channels */
    struct window_axis axis[LAYER_MAX_AXES];
};

/*
 * Validates `layer` for an input of shape `input` and fills `sizes`.
 *
 * Refusals: INVALID_VALUE (a parameter PyTorch refuses; `fault->place` is the field), SHAPE_MISMATCH (the
 * input does not fit; place "input"), TOO_LARGE (a size that overflows 63 bits). `fault->detail` contains
 * PyTorch's own sentence where PyTorch refuses the same. Fields that a layer's type or mode does not have are
 * not read. A place counts as the field does on the wire: "padding/1" of a zero_pad2d is what it pads on the
 * right.
 */
enum status layer_sizes(const struct layer *layer, const struct shape *input, struct layer_sizes *sizes,
                        struct fault *fault);

#endif
