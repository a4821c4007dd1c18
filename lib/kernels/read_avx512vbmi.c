/*
 * Reading arrays of numbers with AVX-512 and VBMI2, which packs the bytes of a mask: the same code, but for lists of
 * places that are made with one instruction.
 */
#include "lib/kernels/read_avx512.c"
