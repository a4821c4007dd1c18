/*
 * A 2-D layer as the page holds it, and the two axes that it means.
 *
 * layer = {kernel: [h, w], stride: [h, w], dilation: [h, w], padding, mode}
 * padding is a word ('valid', 'same', 'same_upper', 'same_lower'), one number, [h, w], or [top, bottom, left, right].
 */
import {outputSize, samePadding} from './windows.js';

export const MODES = ['zeros', 'reflect', 'replicate', 'circular'];
const SAME = ['same', 'same_upper', 'same_lower'];

export const isCount = value => Number.isSafeInteger(value) && value >= 0;
export const isPositive = value => isCount(value) && value > 0;

/** The padding as [top, bottom, left, right], whatever way it is said in; `axes` have no low and high yet. */
export function paddingSides(padding, axes) {
  if (padding === 'valid') return [0, 0, 0, 0];
  if (SAME.includes(padding)) return [...samePadding(padding, axes[0]), ...samePadding(padding, axes[1])];
  if (!Array.isArray(padding)) return [padding, padding, padding, padding];
  if (padding.length === 1) return [padding[0], padding[0], padding[0], padding[0]];
  if (padding.length === 2) return [padding[0], padding[0], padding[1], padding[1]];
  return padding;
}

/**
 * The layer's two axes over an input of [h, w], or null where the server will refuse the layer: then it is the server
 * that says why. Nothing is made to fit here.
 */
export function layerAxes(layer, size) {
  const axes = [0, 1].map(i => ({size: size[i], kernel: layer.kernel[i], stride: layer.stride[i], dilation: layer.dilation[i]}));
  if (!axes.every(axis => isPositive(axis.size) && isPositive(axis.kernel) && isPositive(axis.stride) && isPositive(axis.dilation)))
    return null;
  if (layer.padding === 'same' && axes.some(axis => axis.stride !== 1)) return null;
  const sides = paddingSides(layer.padding, axes);
  if (sides.length !== 4 || !sides.every(isCount) || !MODES.includes(layer.mode)) return null;
  axes.forEach((axis, i) => [axis.low, axis.high] = sides.slice(2 * i, 2 * i + 2));
  return axes.every(axis => padFits(axis, layer.mode)) ? axes : null;
}

/* PyTorch's limits: reflect needs another cell to look at, circular cannot go round twice. */
function padFits(axis, mode) {
  const most = Math.max(axis.low, axis.high);
  if (mode === 'reflect') return most < axis.size;
  return mode !== 'circular' || most <= axis.size;
}

/** Output sizes [h, w] of the axes, or null where the kernel does not fit into the padded input (with ceil_mode it may hang over). */
export function outputSizes(axes, ceilMode = false) {
  const sizes = axes?.map(axis => outputSize(axis, ceilMode));
  return sizes?.every(size => size >= 1) ? sizes : null;
}
