/*
 * The receptive field of one cell: which input cells can reach it, walked back through the chain, clipped at each layer's edges.
 */
import {adaptiveWindow, extent, samePadding} from './windows.js';

const pairOf = value => (Array.isArray(value) ? (value.length === 1 ? [value[0], value[0]] : value) : [value, value]);
const SPREADS = new Set(['linear', 'flatten', 'softmax', 'log_softmax']);

/** The last two axes of a shape, of [channels, length] as one row; null where nothing of the kind can be drawn. */
export function planeOf(shape, type = '') {
  if (/3d$/.test(type) || shape.length < 2) return null;
  if (/1d$/.test(type)) return [1, shape.at(-1)];
  return shape.length >= 3 ? shape.slice(-2) : null;
}

/**
 * Back from a cell [row, col] behind layer `index` of `layers` ({fields, input_shape, output_shape} each, fields as /shape takes
 * them) to the chain's input: [[first row, last row], [first column, last column]], or null where all of it counts.
 */
export function fieldOf(layers, index, cell) {
  let ranges = cell.map(at => [at, at]);
  for (let i = index; i >= 0; i--) {
    const {fields, input_shape: shape} = layers[i], plane = shape.slice(-2);
    if (SPREADS.has(fields.type) || !plane || ranges === null) return null;
    ranges = ranges.map((range, axis) => clip(backOne(fields, range, axis, plane, layers[i].output_shape.slice(-2)), plane[axis]));
  }
  return ranges;
}

const clip = ([first, last], size) => [Math.max(0, Math.min(size - 1, first)), Math.max(0, Math.min(size - 1, last))];

function backOne(fields, [first, last], i, plane, out) {
  const {type} = fields;
  if (/^(conv|max_pool|avg_pool|lp_pool)\d/.test(type)) return backWindow(fields, [first, last], i, plane);
  if (type.startsWith('conv_transpose')) return backTransposed(fields, [first, last], i);
  if (type.startsWith('adaptive')) return [adaptiveWindow(plane[i], out[i], first)[0], adaptiveWindow(plane[i], out[i], last)[1] - 1];
  if (type.endsWith('pad2d')) {
    const pad = Array.isArray(fields.padding) ? fields.padding : Array(4).fill(fields.padding), before = i === 0 ? pad[2] : pad[0];
    return [first - before, last - before];
  }
  if (type === 'upsample') return backScaled(fields, [first, last], plane[i] / out[i]);
  return [first, last];
}

function axisOf(fields, i, plane) {
  const axis = {size: plane[i], kernel: pairOf(fields.kernel_size)[i], dilation: pairOf(fields.dilation ?? 1)[i],
    stride: pairOf(fields.stride ?? (fields.type.startsWith('conv') ? 1 : fields.kernel_size))[i]};
  const {padding = 0} = fields;
  if (padding === 'valid') return {...axis, low: 0};
  if (typeof padding === 'string') return {...axis, low: samePadding(padding === 'same' && !fields.type.startsWith('conv') ? 'same_upper' : padding, axis)[0]};
  return {...axis, low: pairOf(pairOf(padding)[i])[0]};
}

function backWindow(fields, [first, last], i, plane) {
  const axis = axisOf(fields, i, plane);
  return [first * axis.stride - axis.low, last * axis.stride - axis.low + extent(axis) - 1];
}

function backTransposed(fields, [first, last], i) {
  const stride = pairOf(fields.stride ?? 1)[i], pad = pairOf(fields.padding ?? 0)[i];
  const span = extent({kernel: pairOf(fields.kernel_size)[i], dilation: pairOf(fields.dilation ?? 1)[i]});
  return [Math.ceil((first + pad - span + 1) / stride), Math.floor((last + pad) / stride)];
}

/* 'nearest' reads one cell; the others their neighbours too. */
function backScaled({mode = 'nearest'}, [first, last], scale) {
  const reach = {nearest: 0, bicubic: 2}[mode] ?? 1;
  return [Math.floor(first * scale) - reach, Math.floor(last * scale) + reach];
}
