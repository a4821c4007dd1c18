/*
 * The receptive field of one cell: which input cells can reach it, walked back through the chain. Every axis goes its own way, as the
 * set of places that count, so that what padding holds, holes between windows and cells in padding alone come out exactly; null
 * stands for all places of an axis.
 */
import {adaptiveWindow, position, samePadding, sourceOf} from './windows.js';

const PAD_MODES = {zero_pad2d: 'zeros', reflection_pad2d: 'reflect', replication_pad2d: 'replicate'};
const MOST_OUTPUTS = 2048, MOST_INPUTS = 1 << 16; // of an axis that is not drawn; one with more counts as seen whole

/** The last two axes of a shape, of [channels, length] as one row; null where nothing of the kind can be drawn. */
export function planeOf(shape, type = '') {
  if (/3d$/.test(type) || shape.length < 2) return null;
  if (/1d$/.test(type)) return [1, shape.at(-1)];
  return shape.length >= 3 ? shape.slice(-2) : null;
}

/**
 * Back from a cell [row, col] of the plane behind layer `index` of `layers` ({fields, input_shape, output_shape} each, fields as
 * /shape takes them), whatever its channel and image, to the plane of the chain's input: [[first row, last row], [first column, last
 * column]]; [] where nothing of it counts (the cell lies in padding alone).
 */
export function fieldOf(layers, index, cell) {
  const row = layers[index].output_shape.length - 2, oneRow = /1d$/.test(layers[index].fields.type);
  let places = layers[index].output_shape.map((_, axis) => (axis < row || (axis === row && oneRow) ? null : new Set([cell[axis - row]])));
  for (let i = index; i >= 0; i--) {
    places = back(layers[i], places);
    if (places.some(some => some?.size === 0)) return [];
  }
  const {input_shape: shape, fields} = layers[0];
  const ranges = [-2, -1].map(axis => (places.at(axis) ? [Math.min(...places.at(axis)), Math.max(...places.at(axis))] : [0, shape.at(axis) - 1]));
  return /1d$/.test(fields.type) ? [[0, 0], ranges[1]] : ranges;
}

/* What all places of an axis are made of, by layer and axis: most of a long chain's way. */
const wholes = new WeakMap();

/* The places on the axes of a layer's input from which those of its output are made. */
function back(layer, places) {
  const {fields, input_shape: shape, output_shape: output} = layer;
  if (fields.type === 'flatten') return backFlattened(fields, shape, places);
  const spatial = fields.type === 'upsample' ? shape.length - 2 : Number(/(\d)d$/.exec(fields.type)?.[1] ?? 0);
  const mixed = mixedAxis(fields, shape.length, spatial);
  return places.map((some, axis) => {
    const fromEnd = axis - shape.length;
    if (axis === mixed) return fields.type.startsWith('conv') ? backChannels(fields, some, shape[axis], output[axis]) : null;
    if (fromEnd < -spatial || (some === null && (output[axis] > MOST_OUTPUTS || shape[axis] > MOST_INPUTS))) return some;
    const from = outs => {
      const places = new Set();
      for (const out of outs) for (const at of sourcesOf(fields, out, fromEnd + 2, shape[axis], output[axis], shape)) if (at >= 0 && at < shape[axis]) places.add(at);
      return places;
    };
    if (some && some.size < output[axis]) return from(some);
    if (!wholes.has(layer)) wholes.set(layer, []);
    return wholes.get(layer)[axis] ??= from(span(0, output[axis]));
  });
}

/* The axis whose places are mixed with each other, or -1. */
function mixedAxis({type, dim}, rank, spatial) {
  if (type.startsWith('conv')) return rank - spatial - 1;
  if (type === 'linear') return rank - 1;
  if (!type.endsWith('softmax')) return -1;
  const axis = dim ?? ([0, 1, 3].includes(rank) ? 0 : 1); // as torch chooses where none is given
  return axis < 0 ? axis + rank : axis;
}

/* The input channels of the output channels' groups. */
function backChannels({groups = 1}, some, channels, outs) {
  if (some === null || groups === 1) return null;
  return new Set([...some].flatMap(out => {
    const group = Math.floor(out / (outs / groups)), size = channels / groups;
    return span(group * size, (group + 1) * size);
  }));
}

/* Each place of the flattened axis is one of each axis that it was made of. */
function backFlattened({start_dim: start = 1, end_dim: end = -1}, shape, places) {
  const wrap = axis => Math.max(0, axis < 0 ? axis + shape.length : axis), first = wrap(start), last = wrap(end), some = places[first];
  let step = shape.slice(first, last + 1).reduce((product, size) => product * size, 1);
  const parts = shape.slice(first, last + 1).map(size => {
    step /= size;
    return some && new Set([...some].map(at => Math.floor(at / step) % size));
  });
  return [...places.slice(0, first), ...parts, ...places.slice(first + 1)];
}

function sourcesOf(fields, out, i, size, outputs, shape) {
  const {type} = fields;
  if (/^(conv|max_pool|avg_pool|lp_pool)\d/.test(type)) return windowSources(fields, out, i, size);
  if (type.startsWith('conv_transpose')) return transposedSources(fields, out, i, size);
  if (type.startsWith('adaptive')) return span(...adaptiveWindow(size, outputs, out));
  if (PAD_MODES[type]) {
    const pad = Array.isArray(fields.padding) && fields.padding.length === 4 ? fields.padding : Array(4).fill([fields.padding].flat()[0]);
    return [sourceOf(out - pad[i === 0 ? 2 : 0], size, PAD_MODES[type])];
  }
  if (type === 'upsample') return scaledSources(fields, out, i, size, outputs, shape);
  return [out];
}

const span = (begin, end) => Array.from({length: Math.max(0, end - begin)}, (_, k) => begin + k);

/* A field of one number, or of one for each axis; i is 1 for the last axis, 0 for the one before. */
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

/*
 * Places are computed with the rounding of torch's kernels (UpSampleKernel.cpp): the scale is a float, and so is a place but for the
 * linear modes. 'nearest' reads one cell, by the factor as it was given; but where one channel lies as channels_last does, too, torch
 * has a shorter way (nearest_idx() in UpSample.h) to as many outputs or twice as many. The others read their neighbours too.
 */
function scaledSources({mode = 'nearest', scale_factor: given, recompute_scale_factor: recomputes, align_corners: corners}, out, i, size, outputs, shape) {
  const {fround} = Math, factor = recomputes ? null : given, scale = fround(factor ? 1 / along(factor, i) : size / outputs);
  if (mode === 'nearest' && outputs % size === 0 && outputs <= 2 * size && shape.length > 3 && shape[1] === 1) return [Math.floor(out * size / outputs)];
  if (mode === 'nearest') return [Math.min(size - 1, Math.floor(fround(out * scale)))];
  if (mode === 'nearest-exact') return [Math.min(size - 1, Math.floor(fround((out + 0.5) * scale)))];
  if (mode === 'area') return span(...adaptiveWindow(size, outputs, out));
  const step = corners ? fround(outputs > 1 ? (size - 1) / (outputs - 1) : 0) : scale;
  const place = round => round(corners ? out * step : (out + 0.5) * step - 0.5), clip = at => Math.min(size - 1, Math.max(0, at));
  if (mode === 'bicubic') return span(-1, 3).map(offset => clip(Math.floor(place(fround)) + offset));
  return outputs === size ? [out] : span(0, 2).map(offset => clip(Math.floor(Math.max(0, place(at => at))) + offset));
}
