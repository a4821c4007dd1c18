/*
 * Channels: many in, many out. The matrix of kernels, one row for each output channel and one column for each input channel, in
 * blocks along the diagonal where there are groups; and what each input channel adds to an output.
 */
import {el, setAttribute} from '../core/dom.js';
import {KIND} from '../core/grid.js';
import {GridView} from '../core/grid_view.js';
import {plural, say, sayFactor} from '../core/numbers.js';
import {Line, flatten, nest} from '../core/server.js';
import {compareValues, worstOf} from '../core/status.js';
import {isPositive, layerAxes, outputSizes} from '../maths/layer.js';
import {Padded} from '../maths/padded.js';
import {columnsOf, convolvePlane, productsAt, sumOf} from '../maths/reference.js';
import {NAMES, channelRepairs, layerReason, paddingField, paddingOf, pairField, withoutDefaults} from '../maths/repairs.js';
import {requestSnippets, torchConv2d} from '../maths/snippets.js';
import {LAYER_FIELDS, LAYER_SCHEMA, drawable, layerState, notDrawn, notNumber, paddedProblem, pasteField, sizeProblem} from './layer_form.js';

export const name = 'channels', title = 'Channels';
export const about = 'Point at a kernel: the input channel that it reads, the output channel that it feeds. At an output: what each input channel adds to it.';

const MOST_CHANNELS = 16, MOST_SIDE = 12, MOST_PADDED = 64; // that the page draws
const MOST_COMPARED = 4096;

const SCHEMA = {ins: ['number', 4], outs: ['number', 4], groups: ['number', 1], bias: ['flag', true], seed: ['number', 1], ...LAYER_SCHEMA, at: ['word', 'o:0'], of: ['number', 0]};

const divides = (groups, state) => state.ins % groups === 0 && state.outs % groups === 0;
const stops = state => (isPositive(state.ins) && isPositive(state.outs) ? Array.from({length: Math.min(state.ins, state.outs)}, (_, i) => i + 1).filter(one => divides(one, state)) : [1]);

function sayGroups(groups, state) {
  if (!stops(state).includes(groups)) return `groups ${groups}`;
  if (groups === 1) return 'groups 1: every output channel reads every input channel';
  const blocks = `${plural(groups, 'block')} of ${state.outs / groups} × ${state.ins / groups}`;
  return groups === state.ins ? `groups ${groups}: depthwise, each input channel by itself` : `groups ${groups}: ${blocks}`;
}

const {size, kernel, stride, padding, pad, sides, mode, dilation} = LAYER_FIELDS;
const FIELDS = [
  {kind: 'number', key: 'ins', label: 'in_channels', pointer: '/in_channels', hint: 'planes of the input'},
  {kind: 'number', key: 'outs', label: 'out_channels', pointer: '/out_channels', hint: 'kernels, and planes of the output'},
  {kind: 'stops', key: 'groups', label: 'groups', pointer: ['/groups', '/weight'], stops, say: sayGroups},
  {kind: 'flag', key: 'bias', label: 'bias', pointer: '/bias', hint: 'one number for each output channel'},
  size, {...kernel, pointer: '/kernel_size'}, stride, padding, pad, sides, mode, dilation,
  {kind: 'number', key: 'seed', label: 'numbers', pointer: '/seed', hint: 'another number draws other values'},
  pasteField('nn.Conv2d(4, 8, 3, groups=4)', 'conv2d', layer => (layer.type === 'conv2d'
    ? {...layerState(layer), ins: layer.in_channels ?? 1, outs: layer.out_channels ?? 1, groups: layer.groups ?? 1, bias: layer.bias ?? true} : null)),
];

const PANES = [['i', 'Input channels', {label: 'Input, channel beside channel'}], ['w', 'Kernels: output channels down, input channels across', {label: 'Kernels'}],
               ['o', 'Output channels', {label: 'Output, channel below channel'}], ['p', 'Partial sums of the chosen output channel', {label: 'Partial sums, input channel beside input channel'}]];

export class View extends GridView {
  constructor() {
    super({about, schema: SCHEMA, fields: FIELDS, panes: PANES, pins: ['at', 'of']});
    this.partLine = new Line(state => this.onParts(state));
    this.chosen = null;
  }

  hide() {
    super.hide();
    this.partLine.drop();
  }

  makeModel(state) {
    const size = drawable(state.size, MOST_SIDE), kernel = drawable(state.kernel, MOST_SIDE), {ins, outs, groups} = state;
    const counts = [ins, outs, groups].every(isPositive) && ins <= MOST_CHANNELS && outs <= MOST_CHANNELS;
    const layer = {kernel: state.kernel, stride: state.stride, dilation: state.dilation, padding: paddingOf(state), mode: state.mode};
    const fits = counts && divides(groups, state), laid = size && kernel && fits ? layerAxes(layer, size) : null;
    const around = paddedProblem(laid, [0, 0], MOST_PADDED) ?? (typeof state.seed === 'number' ? null : notNumber('/seed', state.seed)), axes = around ? null : laid;
    const model = {ins, outs, groups, size, kernel, axes, layer, depth: fits ? ins / groups : ins, outputs: outputSizes(axes), padded: axes && new Padded(axes, state.mode)};
    const problem = sizeProblem(state.size, MOST_SIDE) ?? (kernel ? null : notDrawn('/kernel_size', 'kernel_size', state.kernel, MOST_SIDE)) ?? channelProblem(state) ?? around;
    if (problem) return {...model, problem};
    Object.assign(model, drawValues(model, state));
    model.request = {path: '/conv2d', document: withoutDefaults({...this.layerFields(state),
      input: nest(model.x, [1, ins, ...size]), weight: nest(model.w, [outs, model.depth, ...kernel]), bias: state.bias ? Array.from(model.b) : undefined,
      groups: groups === 1 ? undefined : groups, in_channels: fits ? undefined : ins})};
    return model;
  }

  layerFields(state) {
    return {input: null, weight: null, bias: undefined, stride: pairField(state.stride), padding: paddingField(state), dilation: pairField(state.dilation),
      padding_mode: state.mode === 'zeros' ? undefined : state.mode};
  }

  repairs() {
    return channelRepairs({...this.store.state, most: MOST_SIDE, mostPadded: MOST_PADDED});
  }

  reason() {
    return layerReason(this.store.state);
  }

  /* ---- drawing ---- */

  draw() {
    const {ins, outs, size, kernel, outputs, x} = this.model;
    this.answer = this.parts = this.agrees = null;
    this.forgetParts();
    this.panes.i.setShape(...(x ? [size[0], ins * size[1]] : [0, 0]), x ? [Infinity, size[1]] : undefined);
    if (x) this.panes.i.setValues(abreast(x, ins, size));
    this.drawKernels();
    this.panes.o.setShape(...(outputs ? [outs * outputs[0], outputs[1]] : [0, 0]), outputs ? [outputs[0], Infinity] : undefined);
    this.panes.o.setValues(null);
    this.caption('i', x ? `${ins} × ${size.join(' × ')}` : '');
    this.caption('w', x ? `${outs} × ${this.model.depth} × ${kernel.join(' × ')}: ${plural(outs * this.model.depth * kernel[0] * kernel[1], 'number')}` : '');
    this.caption('o', outputs ? `${outs} × ${outputs.join(' × ')}` : 'none: see what is refused');
  }

  /* Kernels stand where their input channel's column is: with groups, in blocks along the diagonal. */
  drawKernels() {
    const {ins, outs, groups, kernel, w, depth, axes} = this.model;
    if (!w) return this.panes.w.setShape(0, 0);
    const [h, width] = kernel, cols = ins * width, values = new Float64Array(outs * h * cols), kinds = new Uint8Array(values.length).fill(KIND.ABSENT);
    for (let out = 0; out < outs; out++)
      for (let d = 0; d < depth; d++)
        for (let tap = 0; tap < h * width; tap++) {
          const channel = axes ? Math.floor(out / (outs / groups)) * depth + d : d;
          const cell = (out * h + Math.floor(tap / width)) * cols + channel * width + tap % width;
          values[cell] = w[(out * depth + d) * h * width + tap];
          kinds[cell] = KIND.PLAIN;
        }
    this.panes.w.setShape(outs * h, cols, [h, width]);
    this.panes.w.setKinds(kinds);
    this.panes.w.setValues(values);
  }

  notes() {
    const {outs, depth, kernel, outputs, ins} = this.model;
    if (!outputs) return [];
    const weights = outs * depth * kernel[0] * kernel[1], full = outs * ins * kernel[0] * kernel[1];
    return [el('p', {}, `${plural(weights, 'weight')}${weights < full ? ` in place of ${full} without groups` : ''}; ${plural(weights * outputs[0] * outputs[1], 'multiplication')} for one image.`)];
  }

  onServer(state) {
    this.said = state;
    this.sumsWait = state.kind === 'waiting';
    super.onServer(state);
    this.showBusy();
  }

  showBusy() {
    setAttribute(this.stage, 'aria-busy', this.sumsWait || this.partsWait ? 'true' : null);
  }

  /* A partial sum is pinned with the output channel that it is of. */
  pinOf(pane, index) {
    return {...super.pinOf(pane, index), of: pane === 'p' && index !== null ? this.chosen : SCHEMA.of[1]};
  }

  pinned() {
    const pin = super.pinned();
    return pin?.pane === 'p' && !this.hasOutput(this.store.get('of')) ? null : pin;
  }

  showSelection() {
    if (!this.model) return;
    const of = this.store.get('of');
    if (this.answer && !this.hovered && this.pinned()?.pane === 'p' && this.chosen !== of) this.choose(of);
    super.showSelection();
  }

  hasOutput(out) {
    return Number.isInteger(out) && out >= 0 && out < this.model.outs;
  }

  showAnswer(body) {
    const {outs, outputs} = this.model, of = this.store.get('of');
    this.answer = flatten(body.output);
    if (this.partsFailed) this.forgetParts();
    if (outputs && this.chosen === null && this.store.get('at').startsWith('p:') && this.hasOutput(of)) this.choose(of);
    this.panes.o.setValues(this.answer);
    this.agrees = outputs && this.answer.length <= MOST_COMPARED ? compareValues(this.answer, this.reference(outs)) : null;
    this.showBadge();
  }

  /* The outputs and the partial sums together. */
  showBadge() {
    const results = [this.agrees, this.partsAgree].filter(Boolean);
    if (this.answer && results.length > 0) this.status.compare(worstOf(results));
  }

  reference(outs) {
    const {outputs, b, depth, kernel} = this.model, count = outputs[0] * outputs[1];
    const sums = Array.from({length: outs * count}, (_, i) => sumOf([], b[Math.floor(i / count)]));
    for (let out = 0; out < outs; out++)
      for (const channel of this.channelsOf(out)) {
        const part = this.partial(out, channel);
        for (let i = 0; i < count; i++) {
          sums[out * count + i].value += part.values[i];
          sums[out * count + i].magnitude += part.magnitudes[i];
          sums[out * count + i].reach += part.reaches[i];
        }
      }
    return {...columnsOf(sums), terms: depth * kernel[0] * kernel[1] + 1};
  }

  partial(out, channel) {
    const {axes, outputs} = this.model;
    return convolvePlane(this.plane(channel), this.kernelOf(out, channel), 0, axes, this.store.get('mode'), outputs);
  }

  snippets() {
    const {layer, axes, groups, request: {document}} = this.model, sides = axes ? axes.flatMap(axis => [axis.low, axis.high]) : [0, 0, 0, 0];
    return {...requestSnippets(location.origin, '/conv2d', document),
      pytorch: torchConv2d({input: document.input, weight: document.weight, bias: document.bias, groups, layer, sides})};
  }

  /* ---- which channel is where ---- */

  plane(channel) {
    const {x, size} = this.model, count = size[0] * size[1];
    return x.subarray(channel * count, (channel + 1) * count);
  }

  kernelOf(out, channel) {
    const {w, kernel, depth} = this.model, count = kernel[0] * kernel[1];
    return w.subarray((out * depth + channel % depth) * count, (out * depth + channel % depth + 1) * count);
  }

  /** The input channels that an output channel reads. */
  channelsOf(out) {
    const {outs, groups, depth} = this.model, first = Math.floor(out / (outs / groups)) * depth;
    return Array.from({length: depth}, (_, i) => first + i);
  }

  /* What a cell of a pane belongs to: {out, channel, row, col}. */
  placeOf(pane, index) {
    const {size, kernel, outputs} = this.model, {cols} = this.panes[pane], row = Math.floor(index / cols), col = index % cols;
    if (pane === 'i') return {channel: Math.floor(col / size[1]), row, col: col % size[1]};
    if (pane === 'w') return {out: Math.floor(row / kernel[0]), channel: Math.floor(col / kernel[1]), row: row % kernel[0], col: col % kernel[1]};
    if (pane === 'o') return {out: Math.floor(row / outputs[0]), row: row % outputs[0], col};
    return {out: this.chosen, channel: this.channelsOf(this.chosen)[Math.floor(col / outputs[1])], row, col: col % outputs[1]};
  }

  /* ---- what is selected ---- */

  select(pane, index, marks) {
    const place = this.placeOf(pane, index);
    if (place.out !== undefined && place.out !== this.chosen) this.choose(place.out);
    marks[pane].selected = [index];
    if (pane === 'i') {
      marks.w.window = this.kernelsReading(place.channel);
    } else if (pane === 'w') {
      if (!this.channelsOf(place.out).includes(place.channel)) return;
      marks.w.window = this.kernelCells(place.out, place.channel);
      marks.i.window = this.inputCells(place.channel);
      marks.o.feeds = this.outputCells(place.out);
    } else {
      this.selectOutput(place, pane, marks);
    }
    if (this.chosen !== this.store.get('of')) delete marks.p.pinned; // (which is of sums that are not shown now)
  }

  selectOutput({out, row, col, channel}, pane, marks) {
    const {outputs} = this.model, channels = channel === undefined ? this.channelsOf(out) : [channel];
    marks.w.window = channels.flatMap(one => this.kernelCells(out, one));
    const {size} = this.model, window = this.windowCells(row, col);
    marks.i.window = channels.flatMap(one => window.map(cell => cell + one * size[1]));
    marks.o.selected = [(out * outputs[0] + row) * outputs[1] + col];
    if (pane === 'o' && this.panes.p.rows > 0) marks.p.feeds = channels.map((_, i) => row * this.panes.p.cols + i * outputs[1] + col);
  }

  /* Of the first channel. */
  windowCells(row, col) {
    const {size, ins, axes} = this.model, mode = this.store.get('mode');
    return productsAt(this.plane(0), this.kernelOf(0, 0), axes, mode, [row, col]).filter(product => product.source >= 0)
      .map(({source}) => Math.floor(source / size[1]) * ins * size[1] + source % size[1]);
  }

  kernelCells(out, channel) {
    const {kernel, ins} = this.model;
    return cellsOfBlock(out * kernel[0], channel * kernel[1], kernel, ins * kernel[1]);
  }

  kernelsReading(channel) {
    return Array.from({length: this.model.outs}, (_, out) => out).filter(out => this.channelsOf(out).includes(channel)).flatMap(out => this.kernelCells(out, channel));
  }

  inputCells(channel) {
    const {size, ins} = this.model;
    return cellsOfBlock(0, channel * size[1], size, ins * size[1]);
  }

  outputCells(out) {
    const {outputs} = this.model;
    return cellsOfBlock(out * outputs[0], 0, outputs, outputs[1]);
  }

  /* ---- partial sums: the chosen output channel as one depthwise convolution, asked of the server ---- */

  choose(out) {
    const {outputs, depth} = this.model;
    this.chosen = out;
    this.parts = this.partsAgree = null;
    this.panes.p.setShape(outputs[0], depth * outputs[1], [Infinity, outputs[1]]);
    this.panes.p.setValues(null);
    this.captionParts();
    this.partLine.ask('/conv2d', () => this.partsDocument(out));
  }

  partsDocument(out) {
    const {size, kernel, depth} = this.model, channels = this.channelsOf(out);
    return withoutDefaults({...this.layerFields(this.store.state),
      input: [channels.map(channel => nest(this.plane(channel), size))],
      weight: channels.map(channel => [nest(this.kernelOf(out, channel), kernel)]),
      groups: depth === 1 ? undefined : depth});
  }

  captionParts() {
    const {depth, b} = this.model, bias = this.store.get('bias') ? `, and the bias ${say(b[this.chosen])}` : '';
    this.caption('p', `output channel ${this.chosen}: ${plural(depth, 'input channel')}, to be added up${bias}`);
  }

  /* So that they are asked for again. */
  forgetParts() {
    this.partLine.drop();
    this.partsFailed = this.partsWait = false;
    this.chosen = this.partsAgree = null;
    this.panes.p.setShape(0, 0);
    this.caption('p', '');
  }

  onParts(state) {
    if (this.chosen === null) return;
    this.partsWait = state.kind === 'waiting';
    this.showBusy();
    if (state.kind === 'down' || state.kind === 'problem') this.onNoParts(state);
    if (state.kind !== 'answer') return;
    const parts = flatten(state.body.output), {values, ...others} = this.partsReference();
    this.parts = parts.length === values.length ? parts : null;
    this.partsAgree = compareValues(parts, {values, ...others});
    if (this.partsFailed) this.recover();
    this.panes.p.setValues(this.parts && abreast(this.parts, this.model.depth, this.model.outputs));
    this.showBadge();
    this.showSelection();
  }

  onNoParts(state) {
    this.partsFailed = true;
    this.caption('p', `no partial sums: ${state.kind === 'down' ? state.text : state.problem.detail}`);
    if (!this.answer) return; // (it is said already)
    const again = {...state, retry: () => this.chosen !== null && this.choose(this.chosen)}; // (of what is chosen by then)
    this.status.show(again);
    if (again.kind === 'problem') this.refuse(again.problem, again);
  }

  /* What was said before the partial sums failed, which is true again. */
  recover() {
    this.partsFailed = false;
    this.captionParts();
    if (!this.answer) return;
    this.clearProblem();
    this.status.show(this.said);
  }

  partsReference() {
    const {kernel} = this.model, parts = this.channelsOf(this.chosen).map(channel => this.partial(this.chosen, channel));
    const all = key => parts.flatMap(part => part[key]);
    return {values: all('values'), magnitudes: all('magnitudes'), reaches: all('reaches'), terms: kernel[0] * kernel[1]};
  }

  /* ---- in words ---- */

  describe(pane, gridRow, gridCol) {
    if (!this.model.outputs) return '';
    const place = this.placeOf(pane, gridRow * this.panes[pane].cols + gridCol), {out, channel, row, col} = place;
    const value = say(this.panes[pane].values?.[gridRow * this.panes[pane].cols + gridCol]);
    switch (pane) {
      case 'i': return `Input channel ${channel}, row ${row}, column ${col}: ${value}; read by ${plural(this.kernelsReading(channel).length / (this.model.kernel[0] * this.model.kernel[1]), 'kernel')}`;
      case 'w': return this.channelsOf(out).includes(channel) ? `Kernel of output channel ${out} over input channel ${channel}, row ${row}, column ${col}: ${value}`
        : `Output channel ${out} does not read input channel ${channel}: another group`;
      case 'o': return `Output channel ${out}, row ${row}, column ${col}: ${value}; ${plural(this.model.depth, 'input channel')}`;
      default: return `What input channel ${channel} adds to output channel ${out}, row ${row}, column ${col}: ${value}`;
    }
  }

  sentence(pane, index) {
    const {cols} = this.panes[pane], words = el('p', {}, `${this.describe(pane, Math.floor(index / cols), index % cols)}.`);
    return pane === 'o' ? [this.sumOf(this.placeOf(pane, index), index), words] : [words];
  }

  sumOf({out, row, col}, index) {
    const {outputs, b} = this.model, count = outputs[0] * outputs[1], bias = this.store.get('bias');
    const terms = this.channelsOf(out).flatMap((channel, i) => [i ? ' + ' : '', el('span', {class: 'term', title: `input channel ${channel}`}, sayFactor(this.parts?.[i * count + row * outputs[1] + col]))]);
    return el('p', {class: 'terms'}, el('strong', {}, `y[${out},${row},${col}]`), ' = ', terms, bias ? ` + b ${sayFactor(b[out])}` : '', ' = ', el('strong', {class: 'value'}, say(this.answer?.[index])));
  }
}

const cellsOfBlock = (top, left, [rows, width], cols) => Array.from({length: rows * width}, (_, i) => (top + Math.floor(i / width)) * cols + left + i % width);

/* Planes below each other in memory as one matrix with planes side by side. */
function abreast(values, planes, [rows, cols]) {
  return Float64Array.from({length: values.length}, (_, i) => {
    const row = Math.floor(i / (planes * cols)), col = i % (planes * cols);
    return values[Math.floor(col / cols) * rows * cols + row * cols + col % cols];
  });
}

/* Small whole numbers, the same for the same seed. */
function drawValues({ins, outs, depth, size, kernel}, state) {
  let state32 = state.seed * 2654435761 >>> 0;
  const next = span => {
    state32 = (Math.imul(state32, 1664525) + 1013904223) >>> 0;
    return Math.floor(state32 / 2 ** 32 * span) - (span >> 1);
  };
  const draw = (count, span) => Float64Array.from({length: count}, () => next(span));
  return {x: draw(ins * size[0] * size[1], 7), w: draw(outs * depth * kernel[0] * kernel[1], 5), b: state.bias ? draw(outs, 7) : new Float64Array(outs)};
}

function channelProblem(state) {
  const key = ['ins', 'outs', 'groups'].find(one => !isPositive(state[one]) || state[one] > MOST_CHANNELS);
  return key ? notDrawn(`/${NAMES[key]}`, NAMES[key], state[key], MOST_CHANNELS) : null;
}
