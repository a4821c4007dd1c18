/*
 * Output sizes, parameters and multiply-accumulates against what torch says (tests/golden/layers.inc), and
 * against numbers worked out by hand where torch has no word: padding by sides, ONNX's auto_pad, the work of
 * a batch.
 */
#include "tests/unit/layer_rows.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct row {
    const char *type, *input, *fields;
    const char *output; /* NULL: refused */
    int64_t parameters, macs;
};

static const struct row golden[] = {
#include "tests/golden/layers.inc"
};

static const struct row by_hand[] = {
    /* the contract's example */
    {"conv2d", "1,1,32,32", "out_channels=6 kernel_size=3,3", "1,6,30,30", 60, 48600},
    {"max_pool2d", "1,6,30,30", "kernel_size=2,2", "1,6,15,15", 0, 0},
    /* the work of the whole batch, groups and all */
    {"conv2d", "5,4,7,11", "out_channels=6 kernel_size=3,2 groups=2 stride=2,3", "5,6,3,4", 78, 4320},
    {"conv2d", "4,7,11", "out_channels=6 kernel_size=3,2 groups=2 stride=2,3 bias=0", "6,3,4", 72, 864},
    {"conv_transpose2d", "5,4,7,11", "out_channels=6 kernel_size=3,2 groups=2", "5,6,9,12", 78, 27720},
    {"linear", "3,5,7", "out_features=11", "3,5,11", 88, 1155},
    {"linear", "7", "out_features=11 bias=0", "11", 77, 77},
    /* no images, no channels */
    {"conv2d", "0,3,8,8", "out_channels=6 kernel_size=3,3", "0,6,6,6", 168, 0},
    {"conv2d", "1,0,8,8", "in_channels=0 out_channels=6 kernel_size=3,3", "1,0,6,6", 6, 0},
    {"conv2d", "2,0,8,8", "out_channels=6 kernel_size=3,3 groups=2", "2,0,6,6", 6, 0},
    {"conv2d", "0,3,8,8", "out_channels=6 kernel_size=3,3 padding=2,2 padding_mode=reflect", "0,6,10,10", 168,
     0},
    {"conv2d", "0,3,8,8", "out_channels=6 kernel_size=3,3 padding=2,2 padding_mode=circular", "0,6,10,10",
     168, 0},
    {"max_pool2d", "0,3,8,8", "kernel_size=3,3", "0,3,2,2", 0, 0},
    {"adaptive_avg_pool2d", "2,0,8,8", "output_size=3,3", "2,0,3,3", 0, 0},
    {"adaptive_avg_pool2d", "2,3,8,8", "output_size=0,k", "2,3,0,8", 0, 0},
    {"conv_transpose2d", "0,3,5,5", "out_channels=4 kernel_size=2,2 padding=3,3", "0,4,0,0", 52, 0},
    {"lp_pool2d", "1,1,8,8", "kernel_size=3,3 norm_type=-1", "1,1,2,2", 0, 0},
    /* circular padding of (C, H, W), up to the size */
    {"conv2d", "1,5,5", "out_channels=6 kernel_size=3,3 padding=5,5 padding_mode=circular", "6,13,13", 60,
     9126},
    /* ONNX auto_pad: ceil(input / stride); PyTorch's same: the input's size */
    {"conv2d", "1,1,7,8", "out_channels=1 kernel_size=3,5 stride=2,3 padding=same_upper", "1,1,4,3", 16, 180},
    {"conv2d", "1,1,7,8", "out_channels=1 kernel_size=1,2 stride=4,9 padding=same_lower", "1,1,2,1", 3, 4},
    {"conv2d", "1,1,7,8", "out_channels=1 kernel_size=4,5 dilation=3,1 padding=same", "1,1,7,8", 21, 1120},
    {"avg_pool2d", "1,1,7,8", "kernel_size=4,4 stride=3,2 padding=same", "1,1,3,4", 0, 0},
    {"max_pool2d", "1,1,7,8", "kernel_size=2,2 stride=5,3 padding=same_lower ceil_mode=1", "1,1,2,3", 0, 0},
    /* by sides: top and bottom, left and right */
    {"conv2d", "1,1,5,6", "out_channels=1 kernel_size=3,3 padding=1,2,0,3", "1,1,6,7", 10, 378},
    {"max_pool2d", "1,1,5,6", "kernel_size=3,3 stride=1,1 padding=2,0,0,2", "1,1,5,6", 0, 0},
    /* half of the effective kernel */
    {"max_pool2d", "1,1,9,9", "kernel_size=3,3 dilation=2,2 stride=1,1 padding=2,2", "1,1,9,9", 0, 0},
    /* the last window starts inside the input or its left padding */
    {"avg_pool1d", "1,1,6", "kernel_size=3 stride=2 padding=1 ceil_mode=1", "1,1,4", 0, 0},
    {"max_pool1d", "1,1,5", "kernel_size=2 stride=2 padding=1 ceil_mode=1", "1,1,3", 0, 0},
    {"max_pool1d", "1,1,5", "kernel_size=1 stride=10 ceil_mode=1", "1,1,1", 0, 0},
    /* sizes beyond any memory are still sizes */
    {"conv2d", "1,1,100000,100000", "out_channels=1000 kernel_size=3,3", "1,1000,99998,99998", 10000,
     89996400036000},
    {"conv2d", "1,1,1,1", "out_channels=1 kernel_size=1,1 padding=2147483647,0", "1,1,4294967295,1", 2,
     4294967295},
    /* dimensions that hold nothing do not overflow */
    {"flatten", "1099511627776,0,1099511627776", "start_dim=0", "0", 0, 0},
    {"flatten", "", "start_dim=0", "1", 0, 0},
    {"zero_pad2d", "5,6", "pad=1,2,3,4", "12,9", 0, 0},
    {"zero_pad2d", "2,3,4,5,6", "pad=-1,-2,0,-5", "2,3,4,0,3", 0, 0},
    {"replication_pad2d", "1,1,1,9", "pad=0,0,-1,0", "1,1,0,9", 0, 0},
    {"replication_pad2d", "2,1,1,5", "pad=0,0,-1,0", "2,1,0,5", 0, 0},
    {"reflection_pad2d", "1,1,1,9", "pad=0,0,-1,0", "1,1,0,9", 0, 0},
    {"reflection_pad2d", "3,4,4,12", "pad=-12,0,0,0", "3,4,4,0", 0, 0},
    {"upsample", "1,2,100", "scale_factor=0.29", "1,2,28", 0, 0},
    {"batch_norm1d", "4,3", "num_features=3", "4,3", 6, 0},
    {"batch_norm2d", "0,4,5,5", "num_features=3 affine=0", "0,4,5,5", 0, 0},
    {"relu", "", "", "", 0, 0},
};

static void check_row(const struct row *row) {
    char text[SHAPE_TEXT_BYTES];
    struct layer layer;
    struct layer_sizes sizes;
    struct fault fault = {0};
    struct shape input = row_shape(row->input);
    if (!row_layer(row->type, row->fields, &layer))
        fail_msg("the row %s %s is mistaken", row->type, row->fields);
    enum status status = layer_sizes(&layer, &input, &sizes, &fault);
    if (row->output == NULL) {
        if (status == STATUS_OK)
            fail_msg("%s of %s, %s: torch refuses, got %s", row->type, row->input, row->fields,
                     shape_text(&sizes.output, text));
        if (status != fault.status || strlen(fault.detail) < 20)
            fail_msg("%s of %s, %s: status %s but the fault says %s, \"%s\"", row->type, row->input,
                     row->fields, status_name(status), status_name(fault.status), fault.detail);
        return;
    }
    if (status != STATUS_OK)
        fail_msg("%s of %s, %s: expected %s, got %s at \"%s\": %s", row->type, row->input, row->fields,
                 row->output, status_name(status), fault.place, fault.detail);
    struct shape output = row_shape(row->output);
    if (!shape_equal(&output, &sizes.output))
        fail_msg("%s of %s, %s: expected %s, got %s", row->type, row->input, row->fields, row->output,
                 shape_text(&sizes.output, text));
    if (sizes.parameters != row->parameters || sizes.macs != row->macs)
        fail_msg("%s of %s, %s: expected %" PRId64 " parameters and %" PRId64 " macs, got %" PRId64
                 " and %" PRId64,
                 row->type, row->input, row->fields, row->parameters, row->macs, sizes.parameters,
                 sizes.macs);
}

static void torch_agrees(void **state) {
    (void)state;
    int refused = 0;
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        check_row(&golden[i]);
        refused += golden[i].output == NULL;
    }
    assert_true(refused > 300); /* both outcomes are drawn in numbers */
    assert_true((int)(sizeof golden / sizeof golden[0]) - refused > 300);
}

static void hand_agrees(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof by_hand / sizeof by_hand[0]; i++)
        check_row(&by_hand[i]);
}

/* ---- what is said of the axes ---- */

static struct layer_sizes sizes_of(const char *type, const char *input_text, const char *fields) {
    struct layer layer;
    struct layer_sizes sizes;
    struct fault fault = {0};
    struct shape input = row_shape(input_text);
    assert_true(row_layer(type, fields, &layer));
    if (layer_sizes(&layer, &input, &sizes, &fault) != STATUS_OK)
        fail_msg("%s of %s, %s: %s", type, input_text, fields, fault.detail);
    return sizes;
}

struct axis_row {
    const char *type, *input, *fields;
    struct window_axis axis[2];
};

static const struct axis_row axis_rows[] = {
    {"conv2d",
     "1,1,9,8",
     "out_channels=1 kernel_size=3,4 stride=2,1 dilation=1,2 padding=1,3",
     {{9, 5, 3, 2, 1, 1, 1, 0, false}, {8, 8, 4, 1, 2, 3, 3, 0, false}}},
    {"conv2d",
     "1,1,9,8",
     "out_channels=1 kernel_size=4,2 padding=same",
     {{9, 9, 4, 1, 1, 1, 2, 0, false}, {8, 8, 2, 1, 1, 0, 1, 0, false}}},
    {"conv2d",
     "1,1,9,8",
     "out_channels=1 kernel_size=4,2 padding=same_lower",
     {{9, 9, 4, 1, 1, 2, 1, 0, false}, {8, 8, 2, 1, 1, 1, 0, 0, false}}},
    {"conv2d",
     "1,1,9,8",
     "out_channels=1 kernel_size=4,3 stride=4,3 padding=same_upper",
     {{9, 3, 4, 4, 1, 1, 2, 0, false}, {8, 3, 3, 3, 1, 0, 1, 0, false}}},
    {"conv2d",
     "1,1,9,8",
     "out_channels=1 kernel_size=1,1 padding=1,2,3,0",
     {{9, 12, 1, 1, 1, 1, 2, 0, false}, {8, 11, 1, 1, 1, 3, 0, 0, false}}},
    {"conv_transpose2d",
     "1,1,4,5",
     "out_channels=1 kernel_size=3,2 stride=2,3 padding=1,0 output_padding=1,2",
     {{4, 8, 3, 2, 1, 1, 1, 1, false}, {5, 16, 2, 3, 1, 0, 0, 2, false}}},
    {"max_pool2d",
     "1,1,9,8",
     "kernel_size=3,2",
     {{9, 3, 3, 3, 1, 0, 0, 0, false}, {8, 4, 2, 2, 1, 0, 0, 0, false}}},
    {"max_pool2d",
     "1,1,5,6",
     "kernel_size=2,3 stride=2,2 padding=1,1 ceil_mode=1",
     {{5, 3, 2, 2, 1, 1, 1, 0, true}, {6, 4, 3, 2, 1, 1, 1, 0, false}}},
    {"avg_pool2d",
     "1,1,5,6",
     "kernel_size=1,2 stride=9,4 ceil_mode=1",
     {{5, 1, 1, 9, 1, 0, 0, 0, true}, {6, 2, 2, 4, 1, 0, 0, 0, false}}},
    {"lp_pool2d",
     "1,1,5,6",
     "kernel_size=2,2 stride=1,2 norm_type=2",
     {{5, 4, 2, 1, 1, 0, 0, 0, false}, {6, 3, 2, 2, 1, 0, 0, 0, false}}},
    {"adaptive_max_pool2d",
     "1,1,9,8",
     "output_size=3,5",
     {{9, 3, 3, 3, 1, 0, 0, 0, false}, {8, 5, 0, 0, 1, 0, 0, 0, false}}},
    {"adaptive_avg_pool2d",
     "1,1,9,8",
     "output_size=0,k",
     {{9, 0, 0, 0, 1, 0, 0, 0, false}, {8, 8, 1, 1, 1, 0, 0, 0, false}}},
    {"zero_pad2d",
     "1,1,9,8",
     "pad=1,-2,3,4",
     {{9, 16, 1, 1, 1, 3, 4, 0, false}, {8, 7, 1, 1, 1, 1, -2, 0, false}}},
};

static void axes_are_resolved(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof axis_rows / sizeof axis_rows[0]; i++) {
        const struct axis_row *row = &axis_rows[i];
        struct layer_sizes sizes = sizes_of(row->type, row->input, row->fields);
        assert_int_equal(sizes.axes, 2);
        for (int k = 0; k < 2; k++) {
            const struct window_axis *got = &sizes.axis[k], *want = &row->axis[k];
            if (got->input != want->input || got->output != want->output || got->kernel != want->kernel ||
                got->stride != want->stride || got->dilation != want->dilation ||
                got->pad_begin != want->pad_begin || got->pad_end != want->pad_end ||
                got->output_padding != want->output_padding || got->dropped != want->dropped)
                fail_msg("axis %d of %s %s is %" PRId64 "→%" PRId64 " k%" PRId64 " s%" PRId64 " d%" PRId64
                         " p%" PRId64 "+%" PRId64 " o%" PRId64 " %s",
                         k, row->type, row->fields, got->input, got->output, got->kernel, got->stride,
                         got->dilation, got->pad_begin, got->pad_end, got->output_padding,
                         got->dropped ? "dropped" : "kept");
        }
    }
}

static void batch_and_channels(void **state) {
    (void)state;
    struct layer_sizes sizes = sizes_of("conv2d", "5,3,8,8", "out_channels=6 kernel_size=3,3");
    assert_true(sizes.batched);
    assert_int_equal(sizes.batch, 5);
    assert_int_equal(sizes.channels, 3);
    assert_int_equal(sizes.out_channels, 6);
    sizes = sizes_of("conv2d", "3,8,8", "out_channels=6 kernel_size=3,3");
    assert_false(sizes.batched);
    assert_int_equal(sizes.batch, 1);
    assert_int_equal(sizes.channels, 3);
    sizes = sizes_of("conv2d", "5,0,8,8", "out_channels=6 kernel_size=3,3");
    assert_int_equal(sizes.out_channels, 0);
    sizes = sizes_of("zero_pad2d", "2,3,4,5,6", "pad=1,1,1,1");
    assert_int_equal(sizes.batch, 6);
    assert_int_equal(sizes.channels, 4);
    sizes = sizes_of("upsample", "2,3,4,5,6", "scale_factor=2");
    assert_int_equal(sizes.axes, 3);
    sizes = sizes_of("relu", "2,3,4,5,6", "");
    assert_int_equal(sizes.axes, 0);
}

/* ---- types ---- */

static void types_know_their_names(void **state) {
    (void)state;
    enum layer_type type;
    for (int i = 0; i < LAYER_TYPES; i++) {
        assert_true(layer_type_find(layer_type_name((enum layer_type)i), &type));
        assert_int_equal(type, i);
    }
    assert_false(layer_type_find("lp_pool3d", &type));
    assert_false(layer_type_find("", &type));
    assert_false(layer_type_find("Conv2d", &type));
    assert_string_equal(layer_type_torch_name(LAYER_LP_POOL2D), "LPPool2d");
    assert_int_equal(layer_type_family(LAYER_CONV_TRANSPOSE3D), FAMILY_CONV_TRANSPOSE);
    assert_int_equal(layer_type_axes(LAYER_CONV3D), 3);
    assert_int_equal(layer_type_axes(LAYER_LINEAR), 0);
}

static void defaults_are_those_of_torch(void **state) {
    (void)state;
    struct layer layer;
    layer_init(&layer, LAYER_CONV2D);
    assert_true(layer.conv.bias && layer.conv.groups == 1 && layer.conv.stride[1] == 1 &&
                layer.conv.dilation[1] == 1);
    assert_true(layer.conv.padding.kind == PADDING_EXPLICIT && layer.conv.padding.begin[0] == 0);
    layer_init(&layer, LAYER_ADAPTIVE_MAX_POOL1D);
    assert_int_equal(layer.pooling.mode, POOLING_ADAPTIVE_MAX);
    layer_init(&layer, LAYER_AVG_POOL3D);
    assert_true(layer.pooling.mode == POOLING_AVG && layer.pooling.count_include_pad &&
                !layer.pooling.ceil_mode);
    assert_false(layer.pooling.has_stride);
    layer_init(&layer, LAYER_LP_POOL1D);
    assert_int_equal(layer.pooling.mode, POOLING_LP);
    layer_init(&layer, LAYER_FLATTEN);
    assert_true(layer.flatten.start_dim == 1 && layer.flatten.end_dim == -1);
    layer_init(&layer, LAYER_BATCH_NORM2D);
    assert_true(layer.batch_norm.affine && layer.batch_norm.num_features == -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torch_agrees),           cmocka_unit_test(hand_agrees),
        cmocka_unit_test(axes_are_resolved),      cmocka_unit_test(batch_and_channels),
        cmocka_unit_test(types_know_their_names), cmocka_unit_test(defaults_are_those_of_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
