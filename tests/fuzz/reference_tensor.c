#include "tests/fuzz/reference_tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- nested arrays ---- */

enum child { CHILD_NONE, CHILD_NUMBER, CHILD_ARRAY, CHILD_OTHER };

/*
 * The element told of a ragged tensor is the first in the text that differs in kind or length from its first sibling;
 * where no siblings differ, the first that differs from the first of its depth.
 */
struct ragged {
    const struct ref_json *json;
    int sibling, cousin; /* nodes, -1 for none */
    enum child kind[REF_MAX_RANK + 1];
    int64_t length[REF_MAX_RANK + 1]; /* -1: no array of this depth has ended */
};

static enum child kind_of(const struct ref_node *node) {
    double unused;
    if (node->kind == REF_ARRAY)
        return CHILD_ARRAY;
    if (node->kind == REF_STRING && node->string != NULL &&
        ref_json_word(node->string, node->string_bytes, &unused))
        return CHILD_NUMBER;
    return node->kind == REF_NUMBER || node->kind == REF_WORD ? CHILD_NUMBER : CHILD_OTHER;
}

static void keep_first(const struct ref_json *json, int *culprit, int node) {
    if (*culprit < 0 || json->nodes[node].begin < json->nodes[*culprit].begin)
        *culprit = node;
}

static void compare(struct ragged *r, int child, int first, int depth) {
    const struct ref_node *nodes = r->json->nodes;
    enum child kind = kind_of(&nodes[child]), first_kind = kind_of(&nodes[first]);
    bool array = kind == CHILD_ARRAY;
    if (kind == CHILD_OTHER || kind != first_kind ||
        (array && nodes[child].children != nodes[first].children))
        keep_first(r->json, &r->sibling, child);
    else if (kind != r->kind[depth] || (array && nodes[child].children != r->length[depth]))
        keep_first(r->json, &r->cousin, child);
}

/* The array `node`, whose children are `depth` levels down in the tensor. */
static void walk(struct ragged *r, int node, int depth) {
    const struct ref_node *nodes = r->json->nodes;
    int first = nodes[node].first_child;
    for (int child = first; child >= 0; child = nodes[child].next) {
        if (nodes[child].kind == REF_ARRAY)
            walk(r, child, depth + 1);
        if (r->kind[depth] == CHILD_NONE)
            r->kind[depth] = kind_of(&nodes[child]);
        compare(r, child, first, depth);
    }
    if (r->length[depth - 1] < 0)
        r->length[depth - 1] = nodes[node].children;
}

static void collect(const struct ref_json *json, int node, int *leaves, int64_t *count) {
    for (int child = json->nodes[node].first_child; child >= 0; child = json->nodes[child].next) {
        if (json->nodes[child].kind == REF_ARRAY)
            collect(json, child, leaves, count);
        else
            leaves[(*count)++] = child;
    }
}

/* Shape and elements of the array `node`; what of them is wrong. */
static void open_array(struct ref_tensor *tensor, const struct ref_json *json, int node) {
    struct ragged r = {.json = json, .sibling = -1, .cousin = -1};
    for (int i = 0; i <= REF_MAX_RANK; i++)
        r.length[i] = -1;
    walk(&r, node, 1);
    tensor->culprit = r.sibling >= 0 ? r.sibling : r.cousin;
    tensor->refused = tensor->culprit >= 0;
    while (tensor->rank < REF_MAX_RANK && r.length[tensor->rank] >= 0) {
        tensor->dim[tensor->rank] = r.length[tensor->rank];
        tensor->rank++;
    }
    tensor->leaves = malloc((size_t)json->count * sizeof *tensor->leaves);
    if (tensor->leaves == NULL)
        abort();
    collect(json, node, tensor->leaves, &tensor->elems);
}

/* ---- {"shape", "dtype", "data" or "base64"} ---- */

/* A size: an integer of at least 0, or a number without a fraction. */
static bool read_size(const struct ref_json *json, int node, int64_t *size) {
    const struct ref_node *n = &json->nodes[node];
    const char *text = json->text + n->begin;
    size_t bytes = n->end - n->begin;
    if (n->kind != REF_NUMBER)
        return false;
    bool integer = memchr(text, '.', bytes) == NULL && memchr(text, 'e', bytes) == NULL &&
                   memchr(text, 'E', bytes) == NULL;
    double value = strtod(text, NULL);
    if (!integer && (value != floor(value) || fabs(value) > 0x1p53))
        return false;
    *size = integer ? strtoll(text, NULL, 10) : (int64_t)value;
    return *size >= 0;
}

/* The product of the sizes and its bytes as float64 must fit into 63 bits; an empty tensor's do. */
static bool count_elems(struct ref_tensor *tensor) {
    bool fits = true;
    int64_t bytes;
    tensor->elems = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dim[i] == 0) {
            tensor->elems = 0;
            return true;
        }
        fits = fits && !__builtin_mul_overflow(tensor->elems, tensor->dim[i], &tensor->elems);
    }
    return fits && !__builtin_mul_overflow(tensor->elems, 8, &bytes);
}

static bool read_shape(struct ref_tensor *tensor, const struct ref_json *json, int node) {
    if (node < 0 || json->nodes[node].kind != REF_ARRAY || json->nodes[node].children > REF_MAX_RANK)
        return false;
    for (int child = json->nodes[node].first_child; child >= 0; child = json->nodes[child].next) {
        if (!read_size(json, child, &tensor->dim[tensor->rank++]))
            return false;
    }
    return count_elems(tensor);
}

static bool read_dtype(struct ref_tensor *tensor, const struct ref_json *json, int node) {
    if (node < 0)
        return true;
    const char *name = json->nodes[node].string;
    tensor->own_dtype = true;
    tensor->own_float64 = name != NULL && strcmp(name, "float64") == 0;
    return tensor->own_float64 || (name != NULL && strcmp(name, "float32") == 0);
}

static bool only_known(const struct ref_json *json, int node) {
    for (int child = json->nodes[node].first_child; child >= 0; child = json->nodes[child].next) {
        const char *key = json->nodes[child].key;
        if (key == NULL || (strcmp(key, "shape") != 0 && strcmp(key, "dtype") != 0 &&
                            strcmp(key, "data") != 0 && strcmp(key, "base64") != 0))
            return false;
    }
    return true;
}

static void open_object(struct ref_tensor *tensor, const struct ref_json *json, int node) {
    int data = ref_json_member(json, node, "data"), base64 = ref_json_member(json, node, "base64");
    struct ref_tensor flat = {.culprit = -1};
    tensor->refused = !only_known(json, node) || (data < 0) == (base64 < 0) ||
                      !read_shape(tensor, json, ref_json_member(json, node, "shape")) ||
                      !read_dtype(tensor, json, ref_json_member(json, node, "dtype"));
    if (tensor->refused)
        return;
    if (base64 >= 0) {
        tensor->base64 = json->nodes[base64].string;
        tensor->refused = tensor->base64 == NULL;
        return;
    }
    if (json->nodes[data].kind == REF_ARRAY)
        open_array(&flat, json, data);
    tensor->refused =
        json->nodes[data].kind != REF_ARRAY || flat.refused || flat.rank != 1 || flat.elems != tensor->elems;
    if (json->nodes[data].children == tensor->elems) /* else the number of elements may be told first */
        tensor->culprit = flat.culprit;
    tensor->leaves = flat.leaves;
}

void ref_tensor_open(struct ref_tensor *tensor, const struct ref_json *json, int node, bool nullable) {
    *tensor = (struct ref_tensor){.culprit = -1};
    if (node < 0)
        return;
    const struct ref_node *n = &json->nodes[node];
    tensor->present = !nullable || n->kind != REF_LITERAL || json->text[n->begin] != 'n';
    if (n->kind == REF_ARRAY)
        open_array(tensor, json, node);
    else if (n->kind == REF_OBJECT)
        open_object(tensor, json, node);
    else
        tensor->refused = tensor->present;
}

void ref_tensor_close(struct ref_tensor *tensor) {
    free(tensor->leaves);
    *tensor = (struct ref_tensor){0};
}

/* ---- numbers ---- */

/* An element as its dtype holds it; false when a finite one does not fit. */
static bool read_leaf(const struct ref_json *json, int node, bool wide, double *value) {
    const struct ref_node *n = &json->nodes[node];
    const char *text = json->text + n->begin;
    if (n->kind == REF_STRING)
        return ref_json_word(n->string, n->string_bytes, value);
    if (n->kind == REF_WORD)
        return ref_json_word(text, n->end - n->begin, value);
    /* What follows a number in a JSON text cannot be taken for a part of it. */
    *value = wide ? strtod(text, NULL) : (double)strtof(text, NULL);
    return !isinf(*value);
}

static int base64_value(char c) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

/* Byte `i` of the base64 text: the bits are taken one by one. */
static unsigned char base64_byte(const char *text, size_t i) {
    unsigned byte = 0;
    for (size_t bit = i * 8; bit < i * 8 + 8; bit++)
        byte = byte * 2 + ((unsigned)base64_value(text[bit / 6]) >> (5 - bit % 6) & 1);
    return (unsigned char)byte;
}

/* Whether `text` is the one encoding of `bytes` bytes. */
static bool is_base64(const char *text, size_t bytes) {
    size_t characters = (bytes * 8 + 5) / 6, length = (bytes + 2) / 3 * 4;
    if (strlen(text) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (i < characters ? base64_value(text[i]) < 0 : text[i] != '=')
            return false;
    }
    unsigned stray = bytes % 3 == 0 ? 0 : bytes % 3 == 1 ? 15 : 3;
    return stray == 0 || ((unsigned)base64_value(text[characters - 1]) & stray) == 0;
}

/* Element `i` of base64, little-endian. */
static double base64_leaf(const char *text, int64_t i, bool wide) {
    size_t size = wide ? 8 : 4;
    uint64_t bits = 0;
    for (size_t byte = 0; byte < size; byte++)
        bits |= (uint64_t)base64_byte(text, (size_t)i * size + byte) << 8 * byte;
    uint32_t bits32 = (uint32_t)bits;
    float narrow;
    double value;
    memcpy(&narrow, &bits32, sizeof narrow);
    memcpy(&value, &bits, sizeof value);
    return wide ? value : (double)narrow;
}

int64_t ref_tensor_read(const struct ref_tensor *tensor, const struct ref_json *json, bool wide_default,
                        bool wide, void *out) {
    bool own_wide = tensor->own_dtype ? tensor->own_float64 : wide_default;
    if (tensor->base64 != NULL && !is_base64(tensor->base64, (size_t)tensor->elems * (own_wide ? 8 : 4)))
        return -1;
    for (int64_t i = 0; i < tensor->elems; i++) {
        double value = 0;
        if (tensor->base64 != NULL)
            value = base64_leaf(tensor->base64, i, own_wide);
        else if (!read_leaf(json, tensor->leaves[i], own_wide, &value))
            return i;
        float narrow = (float)value;
        if (!wide && isinf(narrow) && !isinf(value))
            return i;
        if (wide)
            ((double *)out)[i] = value;
        else
            ((float *)out)[i] = narrow;
    }
    return tensor->elems;
}
