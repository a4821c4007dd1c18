/*
 * What several views say of a 2-D layer in the same way: its fields, what the page can draw, which cells are never read.
 */
import {el} from '../core/dom.js';
import {plural} from '../core/numbers.js';
import {MODES, isCount, isPositive} from '../maths/layer.js';
import {unreadable} from '../maths/kernels.js';
import {foreignTo, readLayer} from '../maths/torch_text.js';
import {position, readCells} from '../maths/windows.js';

const MOST_CELLS = 128; // a side that the page draws; the server takes more

export const LAYER_SCHEMA = {
  size: ['pair', [5, 5]], kernel: ['pair', [3, 3]], stride: ['pair', [1, 1]], padding: ['word', 'numbers'], pad: ['pair', [0, 0]],
  sides: ['list', [0, 0, 0, 0]], mode: ['word', 'zeros'], dilation: ['pair', [1, 1]],
};

const PADDINGS = [['numbers', 'by number'], ['sides', 'each side'], ['valid', "'valid'"], ['same', "'same'"], ['same_upper', "'same_upper'"], ['same_lower', "'same_lower'"]];

export const LAYER_FIELDS = {
  size: {kind: 'pair', key: 'size', label: 'input size', pointer: '/input', hint: 'height × width'},
  kernel: {kind: 'pair', key: 'kernel', label: 'kernel_size', pointer: ['/kernel_size', '/weight'], hint: 'the window that slides'},
  stride: {kind: 'pair', key: 'stride', label: 'stride', pointer: '/stride', hint: 'how far the window moves'},
  padding: {kind: 'choice', key: 'padding', label: 'padding', options: PADDINGS, pointer: '/padding', hint: 'cells around the input'},
  pad: {kind: 'pair', key: 'pad', label: 'padding, height and width', pointer: '/padding', when: state => state.padding === 'numbers'},
  sides: {kind: 'list', key: 'sides', label: 'top, bottom, left, right', pointer: '/padding', when: state => state.padding === 'sides'},
  mode: {kind: 'choice', key: 'mode', label: 'padding_mode', pointer: '/padding_mode', hint: 'what the padding holds',
    options: MODES.map(mode => [mode, mode])},
  dilation: {kind: 'pair', key: 'dilation', label: 'dilation', pointer: '/dilation', hint: 'steps between the cells of a window'},
};

/** A size that the page can draw, or null. */
export const drawable = (pair, most = MOST_CELLS) => (pair.length === 2 && pair.every(one => isPositive(one) && one <= most) ? pair : null);

/** Why something is not drawn, in the form of the server's refusals. */
export const notDrawn = (pointer, what, value, most = MOST_CELLS) => ({title: 'Nothing to draw', pointer,
  detail: `${what} is ${[value].flat().join(' × ')}; this page draws whole numbers from 1 to ${most} (the server takes more)`});

export const sizeProblem = (size, most) => (drawable(size, most) ? null : notDrawn('/input', 'the input', size, most));

/** The same where a link holds something else in a number's place; what mends the layer does not mend that. */
export const notNumber = (pointer, text) => ({title: 'Not a number', pointer, repairs: [], detail: `'${String(text).slice(0, 40)}' is no number`});

/** The same for the cells of a tensor. */
export function cellsProblem(pointer, spec, named) {
  const text = unreadable(spec, named);
  return text === null ? null : notNumber(pointer, text);
}

/** The same for a kernel or an output that the server would take, from `least` on; what it would not is the server's to refuse. */
export const pairProblem = (name, pair, least = 1) => (pair.length === 2 && pair.every(one => isCount(one) && one >= least) && !drawable(pair) ? notDrawn(`/${name}`, name, pair) : null);

/** The same where the padding is what is too much. */
export function paddedProblem(axes, over = [0, 0], most = 2 * MOST_CELLS) {
  const sizes = axes?.map((axis, i) => axis.low + axis.size + axis.high + over[i]);
  return sizes?.some(size => size > most) ? notDrawn('/padding', 'the input with what is around it', sizes, most) : null;
}

/** For each axis, why some of its cells are hatched. */
export const unreadNotes = (axes, outputs, ceil = false) => ['row', 'column'].flatMap((what, i) => notesOf(axes[i], outputs[i], what, ceil));

function notesOf(axis, outputs, what, ceil) {
  const read = readCells(axis, outputs), last = position(axis, outputs - 1, axis.kernel - 1);
  const end = axis.size + axis.high - 1, behind = end - last, gaps = read.subarray(0, last + axis.low + 1).some(one => !one);
  const lines = [];
  if (behind > 0)
    lines.push(`Hatched: the last ${behind === 1 ? `${what} is` : `${plural(behind, what)} are`} never read.`
      + (ceil ? '' : ` Another window would reach ${what} ${position(axis, outputs, axis.kernel - 1)}, and the last is ${end}: floor leaves it out.`));
  if (gaps) lines.push(`Hatched ${what}s between windows: with ${axis.dilation > 1 ? `dilation ${axis.dilation} and ` : ''}stride ${axis.stride} no window reads them.`);
  return lines.map(line => el('p', {class: 'unread-note'}, line));
}

/* ---- a layer of PyTorch as a state ---- */

const pairOf = value => (Array.isArray(value) ? (value.length === 1 ? [value[0], value[0]] : value) : [value, value]);

function paddingState(padding = 0) {
  if (typeof padding === 'string') return {padding};
  if (Array.isArray(padding) && padding.some(Array.isArray)) return {padding: 'sides', sides: padding.flat()};
  return {padding: 'numbers', pad: pairOf(padding)};
}

/** What kernel_size, stride, padding, dilation and padding_mode of a layer are in a state; what it leaves out has its default. */
export function layerState({type, kernel_size, stride = 1, padding, dilation = 1, padding_mode: mode = 'zeros'}) {
  if (kernel_size === undefined) throw new Error(`${type} needs a kernel_size`);
  return {kernel: pairOf(kernel_size), stride: pairOf(stride), dilation: pairOf(dilation), mode, ...paddingState(padding)};
}

/**
 * A field that takes a line such as `nn.Conv2d(1, 6, 5)`; `stateOf(layer)` gives the patch, or null for layers of other kinds;
 * `noteOf(layer)` says what of it does not fit here.
 */
export const pasteField = (placeholder, kinds, stateOf, noteOf = () => '') => ({
  kind: 'paste', key: 'torch', label: 'from PyTorch', placeholder,
  take(text, store) {
    const layer = readLayer(text), patch = stateOf(layer);
    if (!patch) throw new Error(`${layer.type} is none of ${kinds}`);
    if (foreignTo(layer)) throw new Error(`${layer.type} takes no '${foreignTo(layer)}'`);
    if (layer.dtype === 'float64') throw new Error('this view computes in float32');
    store.set(patch);
    return `${layer.type} taken${noteOf(layer)}.`;
  },
});
