/*
 * Explore: one channel in, one out. Which inputs made an output, which outputs an input feeds, where padding comes from, what
 * is never read; and the sum with its numbers under it.
 */
import {el} from '../core/dom.js';
import {GridView} from '../core/grid_view.js';
import {MOST_LISTED, listed, plural, say, sayCount, sayFactor, single} from '../core/numbers.js';
import {flatten, nest} from '../core/server.js';
import {compareValues} from '../core/status.js';
import {INPUTS, KERNELS, cutKernel, readValue, tensorRows, tensorValues, withItsSize} from '../maths/kernels.js';
import {layerAxes, outputSizes, paddingSides} from '../maths/layer.js';
import {Padded} from '../maths/padded.js';
import {convolvePlane, productAt, readsAt} from '../maths/reference.js';
import {layerReason, layerRepairs, paddingField, paddingOf, pairField, withoutDefaults} from '../maths/repairs.js';
import {requestSnippets, torchConv2d} from '../maths/snippets.js';
import {extent, position, readersOf, sizeFormula} from '../maths/windows.js';
import {LAYER_FIELDS, LAYER_SCHEMA, cellsProblem, drawable, layerState, paddedProblem, pairProblem, pasteField, sizeProblem, unreadNotes} from './layer_form.js';

export const name = 'explore', title = 'Explore';
export const about = 'Point at an output: the inputs that made it. At an input: every output it feeds. At a weight: every input it meets.';

const MOST_COMPARED = 1024;

const SCHEMA = {x: ['word', 'example'], w: ['word', 'cross'], bias: ['number', 0], ...LAYER_SCHEMA, at: ['word', 'o:4']};
const choices = named => Object.entries(named).map(([value, [label]]) => [value, label]);

const {size, kernel, stride, padding, pad, sides, mode, dilation} = LAYER_FIELDS;
const FIELDS = [
  size, {kind: 'choice', key: 'x', label: 'input', pointer: '/x', options: choices(INPUTS), hint: 'or type into its cells'},
  kernel, {kind: 'choice', key: 'w', label: 'weight', pointer: '/w', options: choices(KERNELS), hint: 'or type into its cells', also: withItsSize, note: cutKernel},
  stride, padding, pad, sides, mode, dilation,
  {kind: 'number', key: 'bias', label: 'bias', pointer: '/bias', hint: 'added to every output'},
  pasteField('nn.Conv2d(1, 1, 3, stride=2)', 'conv2d', layer => (layer.type === 'conv2d' ? {...layerState(layer), ...(layer.bias === false || layer.bias === 0 ? {bias: 0} : {})} : null),
    layer => (layer.out_channels > 1 || layer.in_channels > 1 ? ', as one channel; the view Channels shows all' : '')),
];

const PANES = [
  ['i', 'Input', {label: 'Input with its padding', editable: true}],
  ['w', 'Kernel', {label: 'Kernel', editable: true}],
  ['o', 'Output', {label: 'Output'}],
];

export class View extends GridView {
  constructor() {
    super({about, schema: SCHEMA, fields: FIELDS, panes: PANES, walks: 'o'});
  }

  makeModel(state) {
    const layer = {kernel: state.kernel, stride: state.stride, dilation: state.dilation, padding: paddingOf(state), mode: state.mode};
    const size = drawable(state.size), kernel = drawable(state.kernel);
    const laid = size && kernel ? layerAxes(layer, size) : null, problem = sizeProblem(state.size) ?? pairProblem('kernel_size', state.kernel) ?? paddedProblem(laid) ?? cellsProblem('/x', state.x, INPUTS) ?? cellsProblem('/w', state.w, KERNELS), axes = problem ? null : laid;
    const plain = size?.map(one => ({size: one, low: 0, high: 0}));
    return {
      layer, size, kernel, axes, outputs: outputSizes(axes),
      padded: size && new Padded(axes ?? plain, axes ? state.mode : 'zeros'),
      b: single(readValue(String(state.bias)) ?? 0),
      x: size && tensorValues(state.x, ...size, INPUTS).map(single),
      w: kernel && tensorValues(state.w, ...kernel, KERNELS).map(single),
      request: size && !problem && {path: '/conv2d', document: makeDocument(state, size, kernel)},
      problem,
    };
  }

  repairs() {
    return layerRepairs(this.store.state);
  }

  reason() {
    return layerReason(this.store.state);
  }

  /* ---- drawing ---- */

  draw() {
    this.drawInput();
    this.drawKernel();
    const {outputs} = this.model;
    this.answer = null;
    this.panes.o.setShape(...(outputs ?? [0, 0]));
    this.panes.o.setValues(null);
    this.player.setCount(outputs ? outputs[0] * outputs[1] : 0);
    this.caption('o', outputs ? outputs.join(' × ') : 'none: see what is refused');
  }

  drawInput() {
    const {size, padded, x, outputs} = this.model, grid = this.panes.i;
    this.caption('i', '');
    if (!size) return grid.setShape(0, 0);
    grid.setShape(padded.rows, padded.cols);
    grid.setKinds(padded.kinds(outputs && padded.readBy(outputs)));
    grid.setValues(padded.values(x));
    const [rows, cols] = size;
    this.caption('i', `${rows} × ${cols}${padded.rows * padded.cols === rows * cols ? '' : `, with padding ${padded.rows} × ${padded.cols}`}`);
  }

  drawKernel() {
    const {kernel, axes, w} = this.model;
    this.panes.w.setShape(...(kernel ?? [0, 0]));
    if (kernel) this.panes.w.setValues(w);
    const spans = axes?.map(extent), spread = spans?.some((span, i) => span !== kernel[i]) ? `, spanning ${spans.join(' × ')}` : '';
    this.caption('w', kernel ? `${kernel.join(' × ')}${spread}` : '');
  }

  notes() {
    const {axes, outputs} = this.model;
    if (!outputs) return [];
    return [...['height', 'width'].map((what, i) => el('p', {class: 'formula'}, `${what}: `, el('code', {}, sizeFormula(axes[i])))), ...unreadNotes(axes, outputs)];
  }

  showAnswer(body) {
    const {x, w, b, axes, outputs} = this.model;
    this.answer = flatten(body.output);
    this.panes.o.setValues(this.answer);
    if (outputs && this.answer.length <= MOST_COMPARED)
      this.status.compare(compareValues(this.answer, convolvePlane(x, w, b, axes, this.store.get('mode'), outputs)));
  }

  snippets() {
    const {layer, axes, request: {document}} = this.model;
    const sides = axes ? axes.flatMap(axis => [axis.low, axis.high]) : paddingSides(layer.padding, [0, 1].map(() => ({size: 1, kernel: 1, stride: 1, dilation: 1})));
    const weight = this.model.kernel ? document.weight : null; // (one that cannot be drawn: torch says it for itself)
    return {
      ...requestSnippets(location.origin, '/conv2d', document),
      pytorch: torchConv2d({input: document.input, weight, kernel: layer.kernel, bias: document.bias, layer, sides}),
    };
  }

  /* ---- what is selected ---- */

  select(pane, index, marks) {
    SELECT[pane](this, index, marks);
  }

  outputAt(index) {
    return [Math.floor(index / this.model.outputs[1]), index % this.model.outputs[1]];
  }

  /* What an output reads along each axis, how many products that makes, and how many of them from padding. */
  readsOf(index) {
    const reads = readsAt(this.model.axes, this.store.get('mode'), this.outputAt(index)), [count, inside] = [1, 0].map(most => reads.reduce((product, list) => product * list.filter(read => read.outside <= most).length, 1));
    return {reads, count, padded: count - inside};
  }

  /* Along each axis [output, tap] for everything that a cell of the input's grid feeds, by way of its copies in the padding too. */
  feeds(index) {
    const {axes, outputs, padded} = this.model, alike = padded.alike(index);
    return axes.map((axis, i) => alike[i].flatMap(at => readersOf(axis, at, outputs[i])));
  }

  /* ---- in words ---- */

  describe(pane, row, col) {
    return DESCRIBE[pane](this, row, col);
  }

  origin(source) {
    const cols = this.model.size[1];
    return `${this.store.get('mode')} ← x[${Math.floor(source / cols)},${source % cols}]`;
  }

  sentence(pane, index) {
    if (pane === 'o') return this.sumOf(index);
    const {cols} = this.panes[pane], words = el('p', {}, `${this.describe(pane, Math.floor(index / cols), index % cols)}.`);
    if (pane === 'w') return [words, el('p', {class: 'hint'}, 'Every output uses it once; marked are the cells that it is multiplied by.')];
    const {axes, w} = this.model, [byRow, byCol] = this.feeds(index);
    const term = at => [byRow[Math.floor(at / byCol.length)], byCol[at % byCol.length]];
    return [words, el('p', {class: 'terms'}, listed(Array.from({length: Math.min(MOST_LISTED, byRow.length * byCol.length)}, (_, at) => term(at)), ', ', -1, ([[row, i], [col, j]]) =>
      `y[${row},${col}]\u00a0by\u00a0${say(w[i * axes[1].kernel + j])}`, byRow.length * byCol.length))];
  }

  sumOf(index) {
    const [row, col] = this.outputAt(index), {reads, count, padded} = this.readsOf(index), {x, w, b, axes} = this.model;
    const products = Array.from({length: Math.min(MOST_LISTED, count)}, (_, tap) => productAt(x, w, reads, axes[1].size, tap));
    const terms = listed(products, ' + ', -1, product =>
      el('span', {class: product.outside ? 'term term-padding' : 'term', title: this.titleOf(product)}, `${sayFactor(product.x)}·${sayFactor(product.w)}`), count);
    return [
      el('p', {class: 'terms'}, el('strong', {}, `y[${row},${col}]`), ' = Σ x·w + b = ', terms, ` + ${sayFactor(b)} = `, el('strong', {class: 'value'}, say(this.answer?.[index]))),
      padded ? el('p', {class: 'hint'}, `${plural(padded, 'product')} from padding: ${this.whereFrom(reads)}`) : '',
    ];
  }

  titleOf({row, col, source}) {
    return this.model.padded.isInside(row, col) ? `x[${row},${col}]` : source < 0 ? 'padding: 0' : this.origin(source);
  }

  whereFrom([rows, cols]) {
    if (this.store.get('mode') === 'zeros') return 'zeros.';
    const sources = new Set(), width = this.model.axes[1].size;
    for (const row of rows) for (const col of cols) if ((row.outside || col.outside) && sources.size <= 8) sources.add(row.from * width + col.from);
    return `${[...sources].slice(0, 8).map(source => this.origin(source)).join(', ')}${sources.size > 8 ? ', …' : ''}.`;
  }

  /* ---- typing into cells ---- */

  onEdit(pane, index, text) {
    const value = readValue(text), {size, kernel, padded} = this.model;
    const [key, shape, named] = pane === 'i' ? ['x', size, INPUTS] : ['w', kernel, KERNELS];
    const values = tensorValues(this.store.get(key), ...shape, named);
    values[pane === 'i' ? padded.sourceAt(...padded.placeOf(index)) : index] = value;
    this.store.set({[key]: tensorRows(values, shape[1])});
  }
}

/* Where rows and columns of feeds' outputs (0) or taps (1) cross, each once, in a matrix of `width` columns. */
function crossings(feeds, which, width) {
  const [rows, cols] = feeds.map(pairs => [...new Set(pairs.map(pair => pair[which]))]);
  return rows.flatMap(row => cols.map(col => row * width + col));
}

/* Where the padding's values come from: crossings of rows outside with all columns, and of all rows with columns outside. */
function paddingFrom(reads) {
  const [outside, all] = [true, false].map(only => reads.map(list => [...new Set(list.filter(read => read.from >= 0 && read.outside >= only).map(read => read.from))]));
  return [[outside[0], all[1]], [all[0], outside[1]]];
}

/* What a selected cell of each pane marks in all three. */
const SELECT = {
  o(view, index, marks) {
    const {reads} = view.readsOf(index), {padded} = view.model;
    marks.o.selected = [index];
    marks.i.window = padded.cellsAt(...reads.map(list => list.map(({at}) => at)));
    marks.i.source = paddingFrom(reads).flatMap(places => padded.cellsAt(...places));
  },
  i(view, index, marks) {
    const {axes, outputs, padded} = view.model, feeds = view.feeds(index), [rows, cols] = padded.alike(index);
    marks.i.selected = [index];
    marks.i.source = padded.cellsAt(rows, cols).filter(cell => cell !== index);
    marks.o.feeds = crossings(feeds, 0, outputs[1]);
    marks.w.feeds = crossings(feeds, 1, axes[1].kernel);
  },
  w(view, index, marks) {
    const {axes, outputs, padded} = view.model, tap = [Math.floor(index / axes[1].kernel), index % axes[1].kernel];
    marks.w.selected = [index];
    marks.i.window = padded.cellsAt(...axes.map((axis, i) => Array.from({length: outputs[i]}, (_, out) => position(axis, out, tap[i]))));
  },
};

/* What a cell is, for those who listen; rows and columns are counted from 0, as PyTorch does. */
const DESCRIBE = {
  o(view, row, col) {
    const {outputs} = view.model;
    if (!outputs) return '';
    const index = row * outputs[1] + col, {count, padded} = view.readsOf(index), value = view.answer?.[index];
    return `Output row ${row}, column ${col}: ${value === undefined ? 'not known yet' : say(value)}; ${plural(count, 'product')}${padded ? `, ${padded} from padding` : ''}`;
  },
  i(view, gridRow, gridCol) {
    const {padded, outputs, x} = view.model, cell = gridRow * padded.cols + gridCol, [row, col] = padded.placeOf(cell), source = padded.sourceAt(row, col);
    const where = padded.isInside(row, col) ? 'Input' : `Padding${source < 0 ? '' : ` (${view.origin(source)})`}`;
    const fed = outputs ? crossings(view.feeds(cell), 0, outputs[1]).length : 0;
    return `${where} row ${say(row)}, column ${say(col)}: ${say(source < 0 ? 0 : x[source])}; ${fed ? `feeds ${plural(fed, 'output')}` : outputs ? 'never read' : 'no output'}`;
  },
  w(view, row, col) {
    const {axes, outputs, w, kernel} = view.model, met = outputs ? outputs[0] * outputs[1] : 0, head = `Weight row ${row}, column ${col}: ${say(w[row * kernel[1] + col])}; meets`;
    const inside = met && axes.map((axis, i) => Array.from({length: outputs[i]}, (_, out) => position(axis, out, [row, col][i])).filter(at => at >= 0 && at < axis.size).length);
    return !met || inside[0] * inside[1] === met ? `${head} ${plural(met, 'input cell')}` : `${head} ${plural(met, 'cell')}, ${sayCount(met - inside[0] * inside[1])} of them padding`;
  },
};

/* A kernel that cannot be is sent by its size alone: the server says what is wrong with it. */
function makeDocument(state, size, kernel) {
  return withoutDefaults({
    input: nest(tensorValues(state.x, ...size, INPUTS), [1, 1, ...size]),
    weight: kernel ? nest(tensorValues(state.w, ...kernel, KERNELS), [1, 1, ...kernel]) : [[[[1]]]],
    kernel_size: kernel ? undefined : state.kernel,
    bias: state.bias === 0 ? undefined : [readValue(String(state.bias)) ?? state.bias],
    stride: pairField(state.stride), padding: paddingField(state), dilation: pairField(state.dilation),
    padding_mode: state.mode === 'zeros' ? undefined : state.mode,
  });
}
