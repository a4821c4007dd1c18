/*
 * Pool: the winner of each maximum, the divisor of each average, what ceil_mode adds and why its last window may be dropped.
 */
import {el} from '../core/dom.js';
import {KIND} from '../core/grid.js';
import {GridView} from '../core/grid_view.js';
import {listed, plural, say, sayFactor, single} from '../core/numbers.js';
import {flatten, nest} from '../core/server.js';
import {compareValues} from '../core/status.js';
import {INPUTS, readValue, tensorRows, tensorValues} from '../maths/kernels.js';
import {layerAxes, outputSizes} from '../maths/layer.js';
import {Padded} from '../maths/padded.js';
import {cellsOfWindow, columnsOf, divisorOf, poolCell, winnerOf} from '../maths/reference.js';
import {POOLINGS, paddingField, paddingOf, pairField, poolingRepairs, withoutDefaults} from '../maths/repairs.js';
import {requestSnippets, torchPool2d} from '../maths/snippets.js';
import {adaptiveWindow, dropsLast, extent, overhang, position, readersOf, sizeFormula} from '../maths/windows.js';
import {LAYER_FIELDS, LAYER_SCHEMA, cellsProblem, drawable, layerState, paddedProblem, pairProblem, pasteField, sizeProblem, unreadNotes} from './layer_form.js';

export const name = 'pool', title = 'Pool';
export const about = 'Point at an output: its window, and the cell that won or the number that the sum is divided by.';

const MOST_COMPARED = 1024;

const isMax = state => state.mode.endsWith('max');
const isAdaptive = state => state.mode.startsWith('adaptive');
const isIn = (...modes) => state => modes.includes(state.mode);

const {padding, pad, sides, ...layerSchema} = LAYER_SCHEMA;
const SCHEMA = {
  mode: ['word', 'max'], x: ['word', 'example'], size: ['pair', [6, 6]], kernel: ['pair', [2, 2]], step: ['flag', false], stride: ['pair', [2, 2]],
  padding, pad, sides, dilation: layerSchema.dilation, ceil: ['flag', false], counts: ['flag', true], divisor: ['number', ''], norm: ['number', 2],
  output: ['pair', [3, 3]], at: ['word', 'o:0'],
};

const windowed = isIn('max', 'avg', 'lp'), padded = isIn('max', 'avg');
const FIELDS = [
  {kind: 'choice', key: 'mode', label: 'mode', options: POOLINGS.map(mode => [mode, mode]), pointer: '/mode', hint: 'what is made of a window'},
  {...LAYER_FIELDS.size}, {kind: 'choice', key: 'x', label: 'input', pointer: '/x', options: Object.entries(INPUTS).map(([value, [label]]) => [value, label]), hint: 'or type into its cells'},
  {...LAYER_FIELDS.kernel, when: windowed},
  {kind: 'flag', key: 'step', label: 'a stride of its own', hint: 'else windows lie side by side', when: windowed},
  {...LAYER_FIELDS.stride, when: state => windowed(state) && state.step},
  {...LAYER_FIELDS.padding, when: padded}, {...LAYER_FIELDS.pad, when: state => padded(state) && state.padding === 'numbers'},
  {...LAYER_FIELDS.sides, when: state => padded(state) && state.padding === 'sides'},
  {...LAYER_FIELDS.dilation, when: isIn('max')},
  {kind: 'flag', key: 'ceil', label: 'ceil_mode', pointer: '/ceil_mode', hint: 'a last window may hang over the end', when: windowed},
  {kind: 'flag', key: 'counts', label: 'count_include_pad', pointer: '/count_include_pad', hint: 'the padding counts in the divisor', when: isIn('avg')},
  {kind: 'number', key: 'divisor', label: 'divisor_override', pointer: '/divisor_override', hint: 'empty: the window’s cells', when: isIn('avg')},
  {kind: 'number', key: 'norm', label: 'norm_type', pointer: '/norm_type', hint: 'p of (Σ xᵖ)^(1/p)', when: isIn('lp')},
  {kind: 'pair', key: 'output', label: 'output_size', pointer: '/output_size', hint: 'windows are made to fit; empty keeps a size', when: isAdaptive},
  pasteField('nn.MaxPool2d(3, 2, 1)', 'max_pool2d, avg_pool2d, lp_pool2d, adaptive_max_pool2d, adaptive_avg_pool2d', stateOfLayer),
];

/* A pooling of torch.nn as a state. */
function stateOfLayer(layer) {
  const mode = /^(max|avg|lp|adaptive_max|adaptive_avg)_pool2d$/.exec(layer.type)?.[1];
  if (!mode) return null;
  if (mode.startsWith('adaptive')) {
    const sizes = [layer.output_size ?? ''].flat().map(size => size ?? '');
    return {mode, output: sizes.length === 2 ? sizes : [sizes[0] ?? '', sizes[0] ?? '']};
  }
  const {mode: _, ...shared} = layerState({...layer, stride: layer.stride ?? layer.kernel_size});
  return {...shared, mode, step: layer.stride !== undefined, ceil: layer.ceil_mode ?? false, counts: layer.count_include_pad ?? true, divisor: layer.divisor_override ?? '', norm: layer.norm_type ?? 2};
}

const PANES = [['i', 'Input', {label: 'Input with its padding', editable: true}], ['o', 'Output', {label: 'Output'}]];

export class View extends GridView {
  constructor() {
    super({about, schema: SCHEMA, fields: FIELDS, panes: PANES, walks: 'o'});
  }

  makeModel(raw) {
    const state = effective(raw), size = drawable(state.size), plain = size?.map(one => ({size: one, low: 0, high: 0}));
    const {axes, outputs, over, problem} = lay(state, size);
    return {
      state, size, axes, outputs, over,
      padded: size && new Padded(axes ?? plain, 'zeros', over),
      x: size && tensorValues(state.x, ...size, INPUTS).map(single),
      request: !problem && {path: '/pool2d', document: makeDocument(state, size)},
      problem,
    };
  }

  repairs() {
    return poolingRepairs(this.store.state, effective);
  }

  /* ---- drawing ---- */

  draw() {
    this.drawInput();
    const {outputs} = this.model;
    this.answer = this.indices = null;
    this.panes.o.setShape(...(outputs ?? [0, 0]));
    this.panes.o.setValues(null);
    this.player.setCount(outputs ? outputs[0] * outputs[1] : 0);
    this.caption('o', outputs ? outputs.join(' × ') : 'none: see what is refused');
  }

  drawInput() {
    const {size, padded, x, axes, outputs, state, over} = this.model, grid = this.panes.i;
    this.caption('i', '');
    if (!size) return grid.setShape(0, 0);
    grid.setShape(padded.rows, padded.cols);
    const kinds = padded.kinds(outputs && !isAdaptive(state) ? padded.readBy(outputs) : null);
    for (let cell = 0; cell < kinds.length; cell++) {
      const [row, col] = padded.placeOf(cell);
      if (axes && (row >= axes[0].size + axes[0].high || col >= axes[1].size + axes[1].high)) kinds[cell] = KIND.ABSENT;
    }
    grid.setKinds(kinds);
    grid.setValues(padded.values(x, isMax(state) ? -Infinity : 0));
    this.caption('i', size.join(' × ') + (over.some(one => one > 0) ? '; dashed and empty: where the last windows hang over' : ''));
  }

  notes() {
    const {axes, outputs, state} = this.model;
    if (!outputs || isAdaptive(state)) return [];
    const lines = ['height', 'width'].map((what, i) => el('p', {class: 'formula'}, `${what}: `, el('code', {}, sizeFormula(axes[i], state.ceil))));
    return [...lines, ...(state.ceil ? ['row', 'column'].flatMap((what, i) => ceilNotes(axes[i], outputs[i], what)) : []), ...unreadNotes(axes, outputs, state.ceil)];
  }

  showAnswer(body) {
    const {outputs} = this.model;
    this.answer = flatten(body.output);
    this.indices = body.indices ? flatten(body.indices) : null;
    this.panes.o.setValues(this.answer);
    if (!outputs || this.answer.length > MOST_COMPARED) return;
    const result = compareValues(this.answer, this.reference()), won = !isMax(this.model.state) || result.difference === undefined || this.winnersAgree();
    this.status.compare(result, won ? undefined : 'other winners');
  }

  winnersAgree() {
    return this.indices?.length === this.answer.length && this.indices.every((one, index) => one === this.winnerHere(index));
  }

  reference() {
    const {outputs, axes, x, state} = this.model, cells = Array.from({length: outputs[0] * outputs[1]}, (_, index) =>
      poolCell(x, axes, this.outputAt(index), {mode: state.mode, countIncludePad: state.counts, divisorOverride: this.override(), normType: state.norm}));
    const terms = isAdaptive(state) ? axes[0].size * axes[1].size : axes[0].kernel * axes[1].kernel;
    return {...columnsOf(cells), terms, alone: true};
  }

  snippets() {
    const {axes, outputs, state, request: {document}} = this.model;
    const sides = axes && !isAdaptive(state) ? axes.flatMap(axis => [axis.low, axis.high]) : [0, 0, 0, 0];
    return {...requestSnippets(location.origin, '/pool2d', document), pytorch: torchPool2d(document, sides, outputs)};
  }

  /* ---- what is selected ---- */

  outputAt(index) {
    return [Math.floor(index / this.model.outputs[1]), index % this.model.outputs[1]];
  }

  override() {
    const {mode, divisor} = this.model.state;
    return mode === 'avg' && typeof divisor === 'number' ? divisor : null;
  }

  /* Every cell of a window, those in the padding and beyond it too. */
  windowOf(index) {
    const {axes, padded} = this.model, out = this.outputAt(index);
    const [rows, cols] = axes.map((axis, i) => {
      if (axis.outputs === undefined) return Array.from({length: axis.kernel}, (_, tap) => position(axis, out[i], tap));
      const [begin, end] = adaptiveWindow(axis.size, axis.outputs, out[i]);
      return Array.from({length: end - begin}, (_, k) => begin + k);
    });
    return padded.cellsAt(rows, cols);
  }

  /* The outputs whose windows hold a cell of the input's grid, found along each axis by itself. */
  feeds(cell) {
    const {axes, outputs, padded} = this.model, place = padded.placeOf(cell);
    const [rows, cols] = axes.map((axis, i) => (axis.outputs === undefined ? readersOf(axis, place[i], outputs[i]).map(([out]) => out)
      : Array.from({length: outputs[i]}, (_, out) => out).filter(out => isWithin(place[i], adaptiveWindow(axis.size, axis.outputs, out)))));
    return rows.flatMap(row => cols.map(col => row * outputs[1] + col));
  }

  /* What the window of an output holds (asked several times in a hover). */
  cellsOf(index) {
    const {model} = this;
    if (this.cells?.model !== model || this.cells.index !== index)
      this.cells = {model, index, list: cellsOfWindow(model.x, model.axes, this.outputAt(index))};
    return this.cells.list;
  }

  /* The index of the input cell that won, as the server says. */
  winner(index) {
    return this.indices ? this.indices[index] : this.winnerHere(index);
  }

  winnerHere(index) {
    return winnerOf(this.cellsOf(index))?.index ?? -1;
  }

  select(pane, index, marks) {
    const {padded, outputs, size, state} = this.model, cellOf = source => padded.cellAt(Math.floor(source / size[1]), source % size[1]);
    marks[pane].selected = [index];
    if (pane === 'o') {
      marks.i.window = this.windowOf(index);
      if (isMax(state) && this.winner(index) >= 0) marks.i.winner = [cellOf(this.winner(index))];
    } else {
      const feeds = this.feeds(index);
      marks.o.feeds = feeds;
      if (this.indices) marks.o.winner = feeds.filter(out => this.indices[out] >= 0 && cellOf(this.indices[out]) === index); // (not known yet else)
    }
  }

  /* ---- in words ---- */

  describe(pane, row, col) {
    return pane === 'o' ? this.describeOutput(row, col) : this.describeInput(row, col);
  }

  describeOutput(row, col) {
    const {outputs, state, axes, size} = this.model;
    if (!outputs) return '';
    const index = row * outputs[1] + col, value = this.answer?.[index], cells = this.cellsOf(index);
    const winner = isMax(state) ? this.winner(index) : -1;
    const made = isMax(state) ? (winner < 0 ? 'padding alone' : `won by row ${Math.floor(winner / size[1])}, column ${winner % size[1]}`)
      : state.mode === 'lp' ? `norm of ${plural(cells.length, 'cell')}` : `sum of ${plural(cells.length, 'cell')} divided by ${say(divisorOf(axes, [row, col], state.counts, this.override()))}`;
    return `Output row ${row}, column ${col}: ${value === undefined ? 'not known yet' : say(value)}; ${made}`;
  }

  describeInput(gridRow, gridCol) {
    const {padded, x, outputs} = this.model, cell = gridRow * padded.cols + gridCol, [row, col] = padded.placeOf(cell);
    const source = padded.sourceAt(row, col), count = outputs ? this.feeds(cell).length : 0;
    const use = count ? `in ${plural(count, 'window')}` : outputs ? 'never read' : 'no output';
    return `${source < 0 ? 'Padding' : 'Input'} row ${say(row)}, column ${say(col)}${source < 0 ? '' : `: ${say(x[source])}`}; ${use}`;
  }

  sentence(pane, index) {
    const {cols} = this.panes[pane], words = el('p', {}, `${this.describe(pane, Math.floor(index / cols), index % cols)}.`);
    return pane === 'o' ? [this.formulaOf(index), words] : [words];
  }

  formulaOf(index) {
    const {axes, state, size} = this.model, out = this.outputAt(index), cells = this.cellsOf(index), value = say(this.answer?.[index]);
    const winner = isMax(state) ? this.winner(index) : null;
    const named = cell => el('span', {class: cell.index === winner ? 'term term-winner' : 'term', title: `x[${cell.row},${cell.col}]`},
      state.mode === 'lp' ? `${sayFactor(cell.x)}^${say(state.norm)}` : say(cell.x));
    const list = separator => listed(cells, separator, cells.findIndex(cell => cell.index === winner), named);
    const head = el('strong', {}, `y[${out.join(',')}]`), tail = el('strong', {class: 'value'}, value);
    if (isMax(state)) return el('p', {class: 'terms'}, head, ' = max(', list(', '), ') = ', tail, cells.length ? '' : ' (padding alone)');
    if (state.mode === 'lp') {
      const full = state.kernel[0] * state.kernel[1], scale = cells.length < full ? ` · ${full}/${cells.length}` : '';
      return el('p', {class: 'terms'}, head, ' = ((', list(' + '), `)${scale})^(1/${say(state.norm)}) = `, tail);
    }
    return el('p', {class: 'terms'}, head, ' = (', list(' + '), `) / ${say(divisorOf(axes, out, state.counts, this.override()))} = `, tail);
  }

  onEdit(pane, index, text) {
    const value = readValue(text), {size, padded} = this.model, source = padded.sourceAt(...padded.placeOf(index));
    if (source < 0) return;
    const values = tensorValues(this.store.get('x'), ...size, INPUTS);
    values[source] = value;
    this.store.set({x: tensorRows(values, size[1])});
  }
}

/* A state with what its mode does not use at its default, and the stride that it means. */
function effective(state) {
  return {...state, stride: state.step ? state.stride : state.kernel, padding: padded(state) ? state.padding : 'numbers',
    pad: padded(state) ? state.pad : [0, 0], dilation: state.mode === 'max' ? state.dilation : [1, 1],
    output: state.output.map((one, i) => (one === '' ? state.size[i] : one)), kept: state.output.map(one => one === '')};
}

/* The axes, their outputs, and how far the last windows hang over; a problem in place of them where that is too much to draw. */
function lay(state, size) {
  const axes = size && makeAxes(state, size), outputs = axes && (isAdaptive(state) ? state.output : outputSizes(axes, state.ceil));
  const over = outputs && !isAdaptive(state) ? axes.map((axis, i) => overhang(axis, outputs[i])) : [0, 0];
  const problem = sizeProblem(state.size) ?? (isAdaptive(state) ? pairProblem('output_size', state.output, 0) : pairProblem('kernel_size', state.kernel)) ?? paddedProblem(axes, over) ?? cellsProblem('/x', state.x, INPUTS);
  return problem ? {axes: null, outputs: null, over: [0, 0], problem} : {axes, outputs, over, problem};
}

function makeAxes(state, size) {
  if (isAdaptive(state)) return drawable(state.output) && size.map((one, i) => ({size: one, outputs: state.output[i], low: 0, high: 0}));
  if (!drawable(state.kernel)) return null;
  const axes = layerAxes({kernel: state.kernel, stride: state.stride, dilation: state.dilation, mode: 'zeros',
    padding: state.padding === 'same' ? 'same_upper' : paddingOf(state)}, size); // (same: for any stride here)
  return axes?.every(axis => paddingFits(state, axis)) ? axes : null;
}

const isWithin = (at, [begin, end]) => at >= begin && at < end;

/* At most half of what the kernel spans; each side by itself: smaller than that. */
const paddingFits = (state, axis) => (state.padding === 'numbers' || state.sides.length < 4 ? axis.low <= extent(axis) / 2 : Math.max(axis.low, axis.high) < extent(axis));

function makeDocument(state, size) {
  const {mode} = state, uses = (...modes) => modes.includes(mode);
  const stride = state.step ? (pairField(state.stride, NaN)) : undefined;
  return withoutDefaults({
    input: nest(tensorValues(state.x, ...size, INPUTS), [1, 1, ...size]), mode,
    kernel_size: isAdaptive(state) ? undefined : pairField(state.kernel, NaN), stride: isAdaptive(state) ? undefined : stride,
    padding: uses('max', 'avg') ? paddingField(state) : undefined, dilation: uses('max') ? pairField(state.dilation) : undefined,
    ceil_mode: state.ceil && !isAdaptive(state) ? true : undefined, count_include_pad: uses('avg') && !state.counts ? false : undefined,
    divisor_override: uses('avg') && state.divisor !== '' ? state.divisor : undefined, norm_type: uses('lp') ? state.norm : undefined,
    output_size: isAdaptive(state) ? state.output.map((one, i) => (state.kept[i] ? null : one)) : undefined, return_indices: isMax(state) ? true : undefined,
  });
}

/* What rounding up does along an axis. */
function ceilNotes(axis, outputs, what) {
  const floor = Math.floor((axis.size + axis.low + axis.high - extent(axis)) / axis.stride) + 1, lines = [];
  const start = Math.ceil((axis.size + axis.low + axis.high - extent(axis)) / axis.stride) * axis.stride - axis.low;
  if (outputs > floor) lines.push(`ceil_mode adds a last window of ${what}s that hangs over the end by ${position(axis, outputs - 1, axis.kernel - 1) - axis.size - axis.high + 1}.`);
  if (dropsLast(axis) && start > 0) lines.push(`A last window would start at ${what} ${start}, behind the input's ${axis.size}: it would see ${start < axis.size + axis.high ? 'padding alone' : 'nothing'}, so ceil_mode drops it.`);
  return lines.map(line => el('p', {class: 'unread-note'}, line));
}
