/*
 * Stack: a chain of layers, one a row, as PyTorch writes them; the shape behind each, its parameters, its work, its receptive field.
 */
import {announce, el, freshId, refill, setAttribute, setText} from '../core/dom.js';
import {CopyPanel} from '../core/copy.js';
import {Form} from '../core/fields.js';
import {Store} from '../core/fragment.js';
import {Grid} from '../core/grid.js';
import {plural, sayCount, sayShape} from '../core/numbers.js';
import {isBusy, patienceOf, problemBox, refusalOf} from '../core/problems.js';
import {Line} from '../core/server.js';
import {Status} from '../core/status.js';
import {fieldOf, planeOf} from '../maths/field.js';
import {asRefused, pythonLiteral, requestSnippets} from '../maths/snippets.js';
import {CLASS_NAMES, findLayers, hasForward, readLayer, torchCall, torchCalls} from '../maths/torch_text.js';
import {extent, samePadding} from '../maths/windows.js';

export const name = 'stack', title = 'Stack';
export const about = 'A chain of layers: what it does to a shape, what it costs, how far a cell of a deep layer sees. Paste your nn.Sequential.';

/* The LeNet of PyTorch's tutorial (pytorch.org/tutorials/beginner/blitz/neural_networks_tutorial.html). */
const LENET = ['Conv2d(1, 6, 5)', 'ReLU()', 'MaxPool2d(2)', 'Conv2d(6, 16, 5)', 'ReLU()', 'MaxPool2d(2)', 'Flatten()', 'Linear(400, 120)', 'ReLU()', 'Linear(120, 84)', 'ReLU()', 'Linear(84, 10)'];

const SCHEMA = {input: ['list', [1, 1, 32, 32]], layers: ['word', LENET.join('; ')], at: ['word', '5:12']};
const FIELDS = [{kind: 'list', key: 'input', label: 'input_shape', pointer: '/input_shape', hint: 'N, C, H, W'}];
const EMPTY = '?';      // in the state, for a row in which nothing is written
const MOST_WALKED = 2048; // of a plane between the input and the chosen layer
const MOST_DRAWN = 256; // cells of a side

export class View {
  constructor() {
    this.store = new Store(SCHEMA);
    this.form = new Form(this.store, FIELDS);
    this.line = new Line(state => this.onServer(state));
    this.startLine = new Line(state => this.onStart(state));
    this.status = new Status();
    this.copy = new CopyPanel();
    this.rows = [];
    this.element = this.layOut();
    this.store.onChange((state, changed) => this.onState(changed));
  }

  layOut() {
    this.list = el('ol', {class: 'stack'});
    this.total = el('p', {class: 'total'});
    this.kind = el('select', {'aria-label': 'layer to add'}, CLASS_NAMES.map(one => el('option', {}, one)));
    this.paste = el('textarea', {rows: 4, id: freshId('paste'), spellcheck: 'false', placeholder: 'nn.Sequential(\n    nn.Conv2d(3, 64, 7, stride=2, padding=3),\n    …)'});
    const adding = el('div', {class: 'actions'}, this.kind, el('button', {type: 'button', onclick: () => this.insert(this.texts().length, templateOf(this.kind.value))}, 'Add layer'));
    const pasting = el('details', {class: 'card pasting'}, el('summary', {}, 'Paste from PyTorch'),
      el('label', {for: this.paste.id}, 'a Sequential, what print(model) shows, or lines of a module'), this.paste,
      el('button', {type: 'button', onclick: () => this.takePaste()}, 'Use these layers'), this.pasted = el('p', {class: 'hint', role: 'status'}));
    this.field = this.layOutField();
    return el('div', {class: 'view view-stack'}, el('div', {class: 'side'}, this.form.element, pasting, this.field),
      el('div', {class: 'stage'}, el('section', {class: 'card', 'aria-label': 'Layers'}, this.list, adding, this.total), this.problemRoom = el('div'), this.status.element, this.copy.element));
  }

  layOutField() {
    this.source = new Grid({label: 'Input plane', describe: (row, col) => `Input row ${row}, column ${col}`, plain: true});
    this.target = new Grid({label: 'Plane behind the chosen layer', describe: (row, col) => this.describeTarget(row, col), plain: true});
    this.fieldWords = el('p');
    const box = el('section', {class: 'card field-card', 'aria-label': 'Receptive field'}, el('h2', {}, 'How far a cell sees'), this.fieldWords,
      this.drawn = el('div', {}, this.targetName = el('h3'), this.target.element, el('h3', {}, 'what it sees of the input'), this.source.element));
    box.addEventListener('cellhover', ({detail}) => detail.grid === this.target && this.showField(detail.index ?? this.chosen().cell));
    box.addEventListener('cellpin', ({detail}) => detail.grid === this.target && this.store.set({at: `${this.chosen().layer}:${detail.index ?? 0}`}));
    return box;
  }

  load(text) {
    this.store.load(text);
    if (!this.parsed) this.onState(Object.keys(SCHEMA));
  }

  hide() {
    this.line.drop();
    this.startLine.drop();
    this.parsed = null;
  }

  /* ---- the chain as text, a layer each ---- */

  texts() {
    return this.store.get('layers').split(/\s*;\s*/).filter(Boolean);
  }

  /* `follow`: which layer is the chosen one then. */
  setTexts(texts, follow = layer => layer) {
    const {layer, cell} = this.chosen(), next = follow(layer);
    this.store.set({layers: texts.filter(text => text.trim()).map(written).join('; '), ...(next !== layer ? {at: `${next}:${cell}`} : {})});
  }

  insert(at, text) {
    this.setTexts(this.texts().toSpliced(at, 0, text));
    this.rows[at]?.input.focus();
  }

  remove(at) {
    this.setTexts(this.texts().filter((_, i) => i !== at), layer => (layer > at ? layer - 1 : layer));
    ((this.rows[at] ?? this.rows.at(-1))?.input ?? this.kind).focus();
    announce(`Layer ${at} removed`);
  }

  move(at, by) {
    const texts = this.texts(), to = at + by;
    if (to < 0 || to >= texts.length) return;
    [texts[at], texts[to]] = [texts[to], texts[at]];
    this.setTexts(texts, layer => (layer === at ? to : layer === to ? at : layer));
    this.rows[to].input.focus();
  }

  takePaste() {
    const found = findLayers(this.paste.value);
    const forward = hasForward(this.paste.value) ? ' What forward() and loops do is not read: add, repeat or remove layers where they differ.' : '';
    setText(this.pasted, found.length ? `${plural(found.length, 'layer')} taken.${forward}` : 'No layer was found in this text.');
    if (found.length) this.setTexts(found);
  }

  onState(changed) {
    if (changed.includes('input') || changed.includes('layers') || !this.parsed) this.rebuild();
    else this.drawField();
  }

  rebuild() {
    const texts = this.texts();
    this.clearProblem();
    this.known = null;
    this.parsed = texts.map(parse);
    this.showRows(texts);
    this.ask();
    this.drawField();
  }

  /* Rows are kept and filled anew, so that the one being typed in keeps the focus. */
  showRows(texts) {
    while (this.rows.length > texts.length) this.rows.pop().element.remove();
    while (this.rows.length < texts.length) this.addRow();
    this.rows.forEach((row, i) => {
      if (document.activeElement !== row.input || written(row.input.value) !== texts[i]) row.input.value = texts[i] === EMPTY ? '' : texts[i];
      setAttribute(row.up, 'disabled', i === 0 ? '' : null);
      setAttribute(row.down, 'disabled', i === texts.length - 1 ? '' : null);
      row.waits();
      if (this.parsed[i].error) row.refuse({title: 'Not read', detail: this.parsed[i].error}, [this.removal(i)]);
    });
    const broken = this.parsed.findIndex(one => one.error);
    this.rows.forEach((row, i) => row.grey(broken >= 0 && i > broken));
  }

  addRow() {
    const at = this.rows.length, row = new Row(at, this);
    this.rows.push(row);
    this.list.append(row.element);
  }

  edit(at, text) {
    const texts = this.texts();
    texts[at] = written(text);
    this.setTexts(texts);
  }

  /* ---- asking: the whole chain, and where it is refused, what comes before ---- */

  ask() {
    const broken = this.parsed.findIndex(one => one.error), layers = this.parsed.map(one => one.layer);
    this.startLine.drop();
    this.refused = null;
    setText(this.total, '');
    if (broken >= 0) {
      this.copy.show(null);
      this.line.drop();
      this.onServer({kind: 'idle'});
      return this.askStart(broken);
    }
    this.copy.show(() => asRefused(this.snippets(), this.refused));
    this.line.ask('/shape', {input_shape: this.store.get('input'), layers});
  }

  askStart(count) {
    if (count === 0) return;
    this.startCount = count;
    this.rows.slice(0, count).forEach(row => row.waits());
    this.startLine.ask('/shape', {input_shape: this.store.get('input'), layers: this.parsed.slice(0, count).map(one => one.layer)});
  }

  onServer(state) {
    this.status.show(state);
    this.said = state;
    this.refused = refusalOf(state);
    if (state.kind === 'waiting') return;
    this.rows.forEach(row => row.rests());
    if (state.kind === 'answer') return this.onAnswer(state.body, true);
    this.rows.forEach(row => row.forget());
    if (state.kind === 'down') this.clearProblem();
    if (state.kind === 'problem') this.onProblem(state);
    this.drawField();
  }

  /* The same for the rows in front of one that is refused, or cannot be read. */
  onStart(state) {
    if (state.kind === 'waiting') return this.status.show(state);
    this.rows.forEach(row => row.rests());
    this.status.show(state.kind === 'down' ? state : this.said);
    if (this.startRefused && state.kind !== 'problem') this.clearProblem();
    this.startRefused = state.kind === 'problem';
    if (state.kind === 'problem') this.onProblem(state, this.startCount);
    if (state.kind === 'answer') this.onAnswer(state.body, false);
    else this.drawField();
  }

  onAnswer(body, whole) {
    if (body.layers.length !== (whole ? this.rows.length : this.startCount)) throw new Error('another number of layers');
    if (!follows(body, this.store.get('input'))) throw new Error('shapes that do not follow each other');
    if (whole) this.clearProblem();
    this.known = body.layers.map((layer, i) => ({...layer, sizes: layer.input_shape, input_shape: layer.input_shape.map(Number), output_shape: layer.output_shape.map(Number), fields: this.parsed[i].layer}));
    body.layers.forEach((layer, i) => this.rows[i].show(layer));
    setText(this.total, whole ? `In all: ${plural(body.total.parameters, 'parameter')}, ${sayCount(body.total.macs)} multiply-accumulates, ${sayCount(body.total.output_bytes)} bytes of outputs; out comes ${sayShape(body.output_shape)}.` : '');
    this.drawField();
    this.copy.refresh();
  }

  /* `asked`: about how many rows. */
  onProblem(state, asked = this.rows.length) {
    const {problem} = state, again = isBusy(state) ? [{label: 'Ask again', apply: () => this.rebuild()}] : [], at = Number(/^\/layers\/(\d+)/.exec(problem.pointer ?? '')?.[1] ?? NaN);
    this.clearProblem();
    if (!(at < this.rows.length)) {
      const repairs = again.length ? again : [{label: 'start over', apply: () => this.startOver()}];
      if (!this.form.showProblem(problem, repairs)) this.problemRoom.replaceChildren(problemBox(problem, repairs, patienceOf(state)));
      return this.copy.refresh();
    }
    this.rows[at].refuse(problem, [...again, ...this.repairs(at, problem)]);
    this.copy.refresh();
    this.rows.forEach((row, i) => row.grey(i > at));
    if (at < asked) this.askStart(at); // (a refusal of a row that was not asked about would come again and again)
  }

  clearProblem() {
    this.form.clearProblem();
    refill(this.problemRoom, this.status.element);
  }

  startOver() {
    this.store.load('');
    this.rebuild();
  }

  repairs(at, problem) {
    const {layer} = this.parsed[at], mismatch = /to have \d+ channels|mat1 and mat2|should contain \d+ elements/.test(problem.detail);
    const key = mismatch ? ['in_channels', 'in_features', 'num_features'].find(one => layer[one] !== undefined) : null;
    const {[key]: _, ...others} = layer;
    if (!key) return [this.removal(at)];
    return [{label: `let the input say ${key}`, apply: () => this.setTexts(this.texts().with(at, torchCall(others).replace('nn.', '')))}, this.removal(at)];
  }

  removal(at) {
    return {label: 'remove this layer', apply: () => this.remove(at)};
  }

  snippets() {
    const layers = this.parsed.map(one => one.layer), input_shape = this.store.get('input');
    const calls = layers.flatMap((layer, i) => torchCalls(layer, this.known?.[i]?.sizes, sidesOf(layer, this.known?.[i]))).map(call => `    ${call},\n`).join('');
    return {
      ...requestSnippets(location.origin, '/shape', {input_shape, layers}, 'output_shape'),
      pytorch: `import torch\nfrom torch import nn\n\nmodel = nn.Sequential(\n${calls}).eval()\nx = torch.zeros(${input_shape.map(size => pythonLiteral(size)).join(', ')})\nfor layer in model:\n    x = layer(x)\n    print(type(layer).__name__, tuple(x.shape))\n`,
    };
  }

  /* ---- the receptive field of a cell ---- */

  chosen() {
    const [layer, cell] = this.store.get('at').split(':').map(part => (/^\d+$/.test(part) ? Number(part) : 0));
    return {layer, cell: cell ?? 0};
  }

  choose(layer) {
    const plane = this.planeBehind(layer);
    this.store.set({at: `${layer}:${plane ? Math.floor(plane[0] / 2) * plane[1] + Math.floor(plane[1] / 2) : 0}`});
  }

  waits() {
    return [this.line, this.startLine].some(line => line.asked);
  }

  planeBehind(layer) {
    const known = this.known?.[layer];
    return known ? planeOf(known.output_shape, known.type) : null;
  }

  drawField() {
    const {layer, cell} = this.chosen(), plane = this.planeBehind(layer), from = this.known && planeOf(this.known[0].input_shape, this.known[0].type);
    const drawn = plane && from && [...plane, ...from].every(size => size <= MOST_DRAWN) && this.known.slice(0, layer).every(one => one.output_shape.slice(-2).every(size => size <= MOST_WALKED));
    this.rows.forEach((row, i) => row.mark(i === layer));
    this.drawn.hidden = !drawn;
    setText(this.targetName, drawn ? `behind layer ${layer}, ${this.known[layer].type}` : '');
    this.target.setShape(...(drawn ? plane : [0, 0]));
    this.source.setShape(...(drawn ? from : [0, 0]));
    if (!drawn) return setText(this.fieldWords, plane && !from ? 'The input of the first layer has no planes to draw.' : plane ? `Planes of more than ${MOST_DRAWN} cells a side are not drawn.` : !this.known ? (this.waits() ? 'Waits for the shapes.' : 'There are no shapes to show it by.') : 'Choose a layer that has planes (◎ in its row).');
    this.target.setValues(new Float64Array(plane[0] * plane[1]));
    this.source.setValues(new Float64Array(from[0] * from[1]));
    this.showField(cell);
  }

  /* The first cell's, where the plane has become smaller than the one that the cell was chosen in. */
  showField(asked) {
    const {layer} = this.chosen(), plane = this.planeBehind(layer);
    if (!plane || !this.target.rows) return;
    const cell = asked < plane[0] * plane[1] ? asked : 0, place = [Math.floor(cell / plane[1]), cell % plane[1]], field = fieldOf(this.known, layer, place);
    const alone = field.length === 0, [rows, cols] = alone ? [[0, -1], [0, -1]] : field, cells = [];
    for (let row = rows[0]; row <= rows[1]; row++) for (let col = cols[0]; col <= cols[1]; col++) cells.push(row * this.source.cols + col);
    this.target.setMarks({selected: [cell]});
    this.source.setMarks({field: cells});
    const whole = this.known[layer].receptive_field;
    setText(this.fieldWords, `Row ${place[0]}, column ${place[1]} sees ${alone ? 'padding alone and nothing' : `rows ${rows.join('–')} and columns ${cols.join('–')}`} of the input`
      + `${whole ? `; unclipped ${sayShape(whole)}, ${sayShape(this.known[layer].effective_stride)} further for each cell` : ''}.`);
  }

  describeTarget(row, col) {
    const {layer} = this.chosen();
    if (!this.planeBehind(layer)) return '';
    const field = fieldOf(this.known, layer, [row, col]);
    return `Row ${row}, column ${col} behind layer ${layer}: sees ${field.length === 0 ? 'padding alone' : `rows ${field[0].join(' to ')}, columns ${field[1].join(' to ')}`}`;
  }
}

/* One layer: its text, what the server says of it, and what can be done with it. */
class Row {
  constructor(at, view) {
    const button = (label, text, onclick) => el('button', {type: 'button', 'aria-label': `${label} layer ${at}`, title: `${label} this layer`, onclick}, text);
    this.facts = el('dl', {class: 'facts'});
    this.problem = el('div', {id: freshId('row-problem')});
    this.input = el('input', {type: 'text', 'aria-label': `layer ${at}`, spellcheck: 'false', autocomplete: 'off', oninput: () => view.edit(at, this.input.value)});
    this.up = button('Move up', '↑', () => view.move(at, -1));
    this.down = button('Move down', '↓', () => view.move(at, 1));
    this.look = button('Receptive field behind', '◎', () => view.choose(at));
    this.element = el('li', {}, el('div', {class: 'row-head'}, this.input, this.look, this.up, this.down, button('Remove', '×', () => view.remove(at))), this.facts, this.problem);
  }

  waits() {
    setAttribute(this.element, 'aria-busy', 'true');
    this.accept();
  }

  rests() {
    setAttribute(this.element, 'aria-busy', null);
  }

  /* What was said of it before the chain changed; but not that it is not reached. */
  forget() {
    if (!this.element.dataset.unreached) this.facts.replaceChildren();
  }

  show({output_shape, parameters, macs, receptive_field, effective_stride, formula}) {
    const facts = [['out', sayShape(output_shape)], ['parameters', sayCount(parameters)], ['MACs', sayCount(macs)],
                   ['sees', receptive_field ? sayShape(receptive_field) : 'no single size'], ['stride', effective_stride ? sayShape(effective_stride) : '–']];
    this.accept();
    setAttribute(this.element, 'aria-busy', null);
    this.facts.replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
      ...Object.entries(formula ?? {}).map(([axis, text]) => el('div', {class: 'formula'}, el('dt', {}, axis), el('dd', {}, text))));
  }

  refuse(problem, repairs = []) {
    setAttribute(this.element, 'aria-busy', null);
    setAttribute(this.input, 'aria-invalid', 'true');
    setAttribute(this.input, 'aria-describedby', this.problem.id);
    this.facts.replaceChildren();
    this.problem.replaceChildren(problemBox(problem, repairs));
  }

  accept() {
    setAttribute(this.input, 'aria-invalid', null);
    setAttribute(this.input, 'aria-describedby', null);
    refill(this.problem, this.input);
  }

  grey(is) {
    if (this.element.dataset.unreached) this.facts.replaceChildren();
    setAttribute(this.element, 'data-unreached', is ? 'true' : null);
    if (!is) return;
    setAttribute(this.element, 'aria-busy', null);
    this.facts.replaceChildren(el('div', {}, el('dt', {}, 'not reached:'), el('dd', {}, 'a layer above is refused')));
  }

  mark(is) {
    setAttribute(this.look, 'aria-pressed', String(is));
  }
}

/* Whether each layer takes what the one before it gives, from the input to the output. */
function follows({layers, output_shape}, input_shape) {
  const shapes = [input_shape, ...layers.map(layer => layer.output_shape)];
  return [...layers.map(layer => layer.input_shape), output_shape].every((shape, i) => String(shape) === String(shapes[i]));
}

/* What a padding that torch.nn cannot say puts in front of and behind each axis: [top, bottom, left, right] of two. */
function sidesOf({padding, kernel_size: kernel, stride, dilation = 1, ceil_mode: ceil, type}, known) {
  if (!known || !(typeof padding === 'string' || Array.isArray(padding?.[0]))) return null;
  const at = (value, i) => (Array.isArray(value) ? value[i] ?? value[0] : value), convolves = type.startsWith('conv');
  const axes = Number(/(\d)d$/.exec(type)[1]);
  return Array.from({length: axes}, (_, i) => i).flatMap(i => {
    const axis = {size: known.input_shape.at(i - axes), kernel: at(kernel, i), stride: at(stride ?? (convolves ? 1 : kernel), i), dilation: at(dilation, i)};
    const [low, high] = typeof padding === 'string' ? samePadding(padding === 'same' && !convolves ? 'same_upper' : padding, axis) : padding[i] ?? padding[0];
    return [low, ceil ? (known.output_shape.at(i - axes) - 1) * axis.stride + extent(axis) - axis.size - low : high];
  });
}

/* What is typed into a row, as the state has it. */
const written = text => text.trim().replaceAll(';', ',') || EMPTY;

function parse(text) {
  if (text === EMPTY) return {error: 'nothing is written here; write a layer as Conv2d(1, 6, 5)'};
  try {
    return {layer: readLayer(text)};
  } catch (error) {
    return {error: error.message};
  }
}

const TEMPLATES = {Conv: '(out_channels=16, kernel_size=3, padding=1)', Max: '(2)', Avg: '(2)', LPP: '(2, 2)', Ada: '(1)', Lin: '(out_features=10)', Zer: '(1)', Ref: '(1)', Rep: '(1)', Ups: '(scale_factor=2)', Sof: '(1)', Log: '(1)'};
const templateOf = name => name + (name.startsWith('ConvT') ? '(out_channels=16, kernel_size=2, stride=2)' : TEMPLATES[Object.keys(TEMPLATES).find(stem => name.startsWith(stem))] ?? '()');
