/*
 * The receptive field of one cell: which input cells can reach it, walked back through the chain. Rows and columns go separate ways,
 * each as the set of places that count, so that what padding holds, holes between windows and cells in padding alone come out exactly.
 */
import {adaptiveWindow, position, samePadding, sourceOf} from './windows.js';

const SPREADS = new Set(['linear', 'flatten', 'softmax', 'log_softmax']);
const PAD_MODES = {zero_pad2d: 'zeros', reflection_pad2d: 'reflect', replication_pad2d: 'replicate'};

/** The last two axes of a shape, of [channels, length] as one row; null where nothing of the kind can be drawn. */
export function planeOf(shape, type = '') {
  if (/3d$/.test(type) || shape.length < 2) return null;
  if (/1d$/.test(type)) return [1, shape.at(-1)];
  return shape.length >= 3 ? shape.slice(-2) : null;
}

/**
 * Back from a cell [row, col] behind layer `index` of `layers` ({fields, input_shape, output_shape} each, fields as /shape takes
 * them) to the chain's input: [[first row, last row], [first column, last column]]; [] where nothing of it counts (the cell lies in
 * padding alone), null where all of it does.
 */
export function fieldOf(layers, index, cell) {
  let places = cell.map(at => new Set([at]));
  for (let i = index; i >= 0; i--) {
    const {fields, input_shape: shape, output_shape: output} = layers[i];
    if (SPREADS.has(fields.type)) return null;
    places = places.map((some, axis) => backOne(fields, some, axis, shape.at(axis - 2), output.at(axis - 2)));
  }
  return places.some(some => some.size === 0) ? [] : places.map(some => [Math.min(...some), Math.max(...some)]);
}

/* Axis 0 is the last but one, axis 1 the last; what a 1-D layer does to its length it does to one row. */
function backOne(fields, places, i, size, outputs) {
  const {type} = fields;
  if (/1d$/.test(type) && i === 0) return new Set([0]);
  const sources = out => sourcesOf(fields, out, i, size, outputs);
  return new Set([...places].flatMap(sources).filter(at => at >= 0 && at < size));
}

function sourcesOf(fields, out, i, size, outputs) {
  const {type} = fields;
  if (/^(conv|max_pool|avg_pool|lp_pool)\d/.test(type)) return windowSources(fields, out, i, size);
  if (type.startsWith('conv_transpose')) return transposedSources(fields, out, i, size);
  if (type.startsWith('adaptive')) return span(...adaptiveWindow(size, outputs, out));
  if (PAD_MODES[type]) {
    const pad = Array.isArray(fields.padding) && fields.padding.length === 4 ? fields.padding : Array(4).fill([fields.padding].flat()[0]);
    return [sourceOf(out - pad[i === 0 ? 2 : 0], size, PAD_MODES[type])];
  }
  if (type === 'upsample') return scaledSources(fields, out, i, size, outputs);
  return [out];
}

const span = (begin, end) => Array.from({length: Math.max(0, end - begin)}, (_, k) => begin + k);

/* A field of one number, or of one for each axis of which the last two count here. */
const along = (value, i) => (Array.isArray(value) ? value.at(value.length === 1 ? 0 : i - 2) : value);

function windowSources(fields, out, i, size) {
  const convolves = fields.type.startsWith('conv'), {padding = 0} = fields;
  const axis = {size, kernel: along(fields.kernel_size, i), dilation: along(fields.dilation ?? 1, i), stride: along(fields.stride ?? (convolves ? 1 : fields.kernel_size), i)};
  if (padding === 'valid') axis.low = 0;
  else if (typeof padding === 'string') [axis.low] = samePadding(padding === 'same' && !convolves ? 'same_upper' : padding, axis);
  else axis.low = [along(padding, i)].flat()[0];
  const mode = fields.padding_mode ?? 'zeros', start = position(axis, out, 0);
  const [first, last] = mode === 'zeros' ? tapsWithin(start, axis.dilation, axis.kernel, size) : [0, axis.kernel]; // (other paddings are no wider than the input)
  return span(first, last).map(tap => sourceOf(start + tap * axis.dilation, size, mode));
}

/* The taps [first, last) that see cells of the input, however many others there are. */
function tapsWithin(start, dilation, kernel, size) {
  return [Math.max(0, Math.ceil(-start / dilation)), Math.min(kernel, Math.floor((size - 1 - start) / dilation) + 1)];
}

function transposedSources(fields, out, i, size) {
  const stride = along(fields.stride ?? 1, i), pad = along(fields.padding ?? 0, i), dilation = along(fields.dilation ?? 1, i);
  const [first, last] = tapsWithin(stride * (size - 1) - out - pad, dilation, along(fields.kernel_size, i), stride * (size - 1) + 1); // (from the last cell backwards)
  return span(first, last).map(tap => (out + pad - tap * dilation) / stride).filter(Number.isInteger);
}

/* 'nearest' reads one cell, by the factor as it was given; the others their neighbours too. */
function scaledSources({mode = 'nearest', scale_factor: factor, align_corners: corners}, out, i, size, outputs) {
  const scale = factor ? Math.fround(1 / along(factor, i)) : size / outputs;
  if (mode === 'nearest' && outputs % size === 0 && outputs <= 2 * size) return [Math.floor(out * size / outputs)]; // whatever the factor was: nearest_idx()
  if (mode === 'nearest') return [Math.min(size - 1, Math.floor(Math.fround(out * scale)))];
  if (mode === 'nearest-exact') return [Math.min(size - 1, Math.floor(Math.fround((out + 0.5) * scale)))];
  if (mode === 'area') return span(...adaptiveWindow(size, outputs, out));
  const at = corners ? (outputs > 1 ? out * (size - 1) / (outputs - 1) : 0) : (out + 0.5) * scale - 0.5, least = mode === 'bicubic' ? Math.floor(at) : Math.max(0, Math.floor(at));
  return span(least - (mode === 'bicubic' ? 1 : 0), least + (mode === 'bicubic' ? 3 : 2)).map(one => Math.min(size - 1, Math.max(0, one)));
}
