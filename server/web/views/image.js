/*
 * Image: what a kernel, or a pooling, does to a picture; under a loupe, the products of one pixel.
 */
import {el, refill, setAttribute, setText} from '../core/dom.js';
import {colourOf, largestOf, onThemeChange} from '../core/colours.js';
import {CopyPanel} from '../core/copy.js';
import {Form} from '../core/fields.js';
import {Store} from '../core/fragment.js';
import {Grid} from '../core/grid.js';
import {listed, say, sayFactor, single} from '../core/numbers.js';
import {isBusy, patienceOf, problemBox, refusalOf} from '../core/problems.js';
import {Line, PATIENCE_MS, nest} from '../core/server.js';
import {Status, compareValues} from '../core/status.js';
import {KERNELS, cutKernel, readValue, tensorRows, tensorValues, withItsSize} from '../maths/kernels.js';
import {isPositive, layerAxes} from '../maths/layer.js';
import {PICTURES, drawPicture, fromBase64, fromPixels, toBase64, toGrey} from '../maths/pictures.js';
import {columnsOf, productsAt, sumOf, winnerOf} from '../maths/reference.js';
import {layerRepairs, withoutDefaults} from '../maths/repairs.js';
import {asRefused, pictureSnippets} from '../maths/snippets.js';
import {LAYER_FIELDS, cellsProblem, drawable, notDrawn} from './layer_form.js';

export const name = 'image', title = 'Image';
export const about = 'A picture through a kernel: choose one, or type your own numbers; point at the result to see how a pixel was made.';

const MOST_SIDE = 512, MOST_KERNEL = 15;
const OPERATIONS = [['conv', 'convolution'], ['max', 'max pooling'], ['avg', 'average pooling']];
const SHOWN = [['signed', 'signed: 0 is the ground, or grey'], ['absolute', 'absolute: black is 0'], ['clamped', 'clamped to 0 … 1']];

const SCHEMA = {picture: ['word', 'scene'], colour: ['flag', false], operation: ['word', 'conv'], w: ['word', 'sobel_x'], kernel: ['pair', [3, 3]],
  mode: ['word', 'reflect'], shown: ['word', 'signed'], loupe: ['pair', [96, 38]]};

const convolves = state => state.operation === 'conv';
const FIELDS = [
  {kind: 'choice', key: 'picture', label: 'picture', options: [...Object.entries(PICTURES).map(([key, [label]]) => [key, label]), ['own', 'one of yours']], hint: 'or paste, drop or open one of yours'},
  {kind: 'flag', key: 'colour', label: 'in colour', hint: 'else in grey'},
  {kind: 'choice', key: 'operation', label: 'what is done', options: OPERATIONS},
  {kind: 'choice', key: 'w', label: 'kernel', pointer: '/w', options: Object.entries(KERNELS).filter(([key]) => key !== 'cross').map(([key, [label]]) => [key, label]), hint: 'or type into its cells', also: withItsSize, note: cutKernel, when: convolves},
  {...LAYER_FIELDS.kernel, hint: 'k × k'},
  {...LAYER_FIELDS.mode, when: convolves},
  {kind: 'choice', key: 'shown', label: 'shown', options: SHOWN, when: convolves},
  {kind: 'pair', key: 'loupe', label: 'loupe at', hint: 'row and column of the result'},
];

export class View {
  constructor() {
    this.store = new Store(SCHEMA);
    this.serial = 0;
    this.form = new Form(this.store, FIELDS);
    this.line = new Line(state => this.onServer(state));
    this.status = new Status();
    this.copy = new CopyPanel();
    this.element = this.layOut();
    this.store.onChange((state, changed) => {
      if (changed.includes('picture') && state.picture !== 'own') this.serial++; // (a file that is still read comes too late)
      this.onState(changed);
    });
    onThemeChange(() => this.shown && this.drawResult());
    document.addEventListener('paste', event => this.shown && this.onPaste(event));
  }

  layOut() {
    this.before = picturePane('Picture', this, () => this.picture, place => this.windowOver(place));
    this.after = picturePane('Result', this, () => this.result, place => place);
    this.window = new Grid({label: 'What the loupe sees', describe: (row, col) => `Row ${row}, column ${col} of the window: ${say(this.window.values?.[row * this.window.cols + col])}`});
    this.weight = new Grid({label: 'Kernel', editable: true, describe: (row, col) => `Weight row ${row}, column ${col}: ${say(this.weight.values?.[row * this.weight.cols + col])}`});
    this.weightPane = el('figure', {class: 'pane'}, el('h2', {}, 'Kernel'), this.weight.element);
    this.sum = el('div', {class: 'sum', role: 'group', 'aria-label': 'How the pixel was made'});
    this.file = el('input', {type: 'file', accept: 'image/*', 'aria-label': 'a picture of yours', onchange: () => this.onFile()});
    this.problemRoom = el('div');
    const opening = el('div', {class: 'card'}, el('h2', {}, 'Your picture'), this.file, this.opened = el('p', {class: 'hint', role: 'status'}, 'It goes to this server and nowhere else.'));
    const stage = this.stage = el('div', {class: 'stage'}, el('div', {class: 'pictures'}, this.before.element, this.after.element),
      el('div', {class: 'panes'}, el('figure', {class: 'pane'}, el('h2', {}, 'Under the loupe'), this.window.element), this.weightPane),
      this.sum, this.problemRoom, this.status.element, el('p', {class: 'actions'}, el('button', {type: 'button', onclick: () => this.save()}, 'Save picture.png for the commands'), this.saved = el('span', {class: 'hint', role: 'status'}), this.resultWords = el('span', {class: 'hint'})), this.copy.element);
    stage.addEventListener('celledit', event => this.onEdit(event.detail));
    const whole = el('div', {class: 'view'}, el('div', {class: 'side'}, this.form.element, opening), stage);
    this.watchDrops(whole);
    return whole;
  }

  load(text) {
    this.store.load(text);
    if (this.shown) return;
    this.shown = true;
    this.onState(Object.keys(SCHEMA));
  }

  hide() {
    if (this.element.contains(document.activeElement)) document.activeElement.blur(); // (what is typed into a cell counts)
    this.shown = false;
    this.line.drop();
  }

  /* ---- pictures come in ---- */

  onFile() {
    this.takeFile(this.file.files[0]);
    this.file.value = ''; // (so that the same file can be chosen again)
  }

  onPaste(event) {
    const file = [...event.clipboardData.files].find(one => one.type.startsWith('image/'));
    if (file) this.takeFile(file);
  }

  watchDrops(whole) {
    const drop = inside => event => {
      if (!this.shown) return;
      event.preventDefault();
      whole.classList.toggle('dropping', inside);
    };
    document.addEventListener('dragover', drop(true)); // (beside the panels a file would take the page's place)
    document.addEventListener('dragleave', drop(false));
    document.addEventListener('drop', event => {
      drop(false)(event);
      if (this.shown) this.takeFile(event.dataTransfer.files[0]);
    });
  }

  async takeFile(file) {
    if (!file) return;
    const serial = ++this.serial; // (a small picture may overtake a large one)
    try {
      const bitmap = await createImageBitmap(file);
      if (serial !== this.serial) return;
      const scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
      const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
      const brush = el('canvas', {width, height}).getContext('2d', {alpha: false});
      brush.drawImage(bitmap, 0, 0, width, height);
      this.own = fromPixels(brush.getImageData(0, 0, width, height));
      this.ownName = file.name || 'pasted';
      this.said(`${this.ownName}: ${bitmap.width} × ${bitmap.height}${scale < 1 ? `, made ${width} × ${height}` : ''}. A link does not carry it.`);
      this.store.set({picture: 'own', loupe: [height >> 1, width >> 1]});
      this.onState(['picture']);
    } catch {
      if (serial === this.serial) this.said(`'${file.name}' is no picture that this browser reads.`);
    }
  }

  said(text) {
    setText(this.opened, text);
  }

  source() {
    const {picture, colour} = this.store.state;
    if (picture !== 'own') this.said('It goes to this server and nowhere else.');
    if (picture === 'own' && !this.own) this.said('Your picture is not here, and a link does not carry it. Open it; this is another.');
    const whole = picture === 'own' && this.own ? this.own : drawPicture(picture);
    return colour ? whole : toGrey(whole);
  }

  /* ---- from the state to what is drawn and asked ---- */

  onState(changed) {
    if (!this.shown) return;
    if (changed.length === 1 && changed[0] === 'loupe') return this.drawLoupe();
    if (changed.length === 1 && changed[0] === 'shown') return this.drawResult(), this.copy.refresh();
    const {state} = this.store;
    this.clearProblem();
    if (!this.picture || changed.includes('picture') || changed.includes('colour')) {
      const before = this.picture;
      this.picture = this.source();
      if (before && !isSame(before, this.picture)) this.forgetSaving();
    }
    this.kernel = drawable(state.kernel, MOST_KERNEL);
    this.result = null;
    this.drawSource();
    this.drawWeight();
    this.drawResult();
    this.ask();
  }

  clearProblem() {
    this.form.clearProblem();
    refill(this.problemRoom, this.status.element);
  }

  ask() {
    const {state} = this.store, problem = this.kernel ? convolves(state) && cellsProblem('/w', state.w, KERNELS) : notDrawn('/kernel_size', 'kernel_size', state.kernel, MOST_KERNEL);
    const document = !problem && this.makeDocument();
    this.refused = null;
    this.copy.show(document ? () => asRefused(this.snippets(), this.refused) : null);
    if (document) return this.line.ask(convolves(state) ? '/conv2d' : '/pool2d', document);
    this.line.drop();
    this.onServer({kind: 'idle'});
    this.refuse(problem);
  }

  makeDocument() {
    const {width, height, planes} = this.picture, {state} = this.store;
    const input = {shape: [planes.length, height, width], dtype: 'float32', base64: toBase64(planes)};
    if (!convolves(state)) return {input, mode: state.operation, kernel_size: this.kernel};
    return withoutDefaults({input, weight: this.weights(), groups: planes.length > 1 ? planes.length : undefined, padding: 'same', padding_mode: state.mode === 'zeros' ? undefined : state.mode});
  }

  /* The kernel once for each plane, (C, 1, k, k). */
  weights() {
    const kernel = nest(this.values(), [1, ...this.kernel]);
    return this.picture.planes.map(() => kernel);
  }

  values() {
    return tensorValues(this.store.get('w'), ...this.kernel, KERNELS);
  }

  onServer(state) {
    this.status.show(state);
    this.refused = refusalOf(state);
    setAttribute(this.stage, 'aria-busy', state.kind === 'waiting' ? 'true' : null);
    if (state.kind === 'problem') this.refuse(state.problem, state);
    if (state.kind === 'answer' || state.kind === 'down') this.clearProblem();
    if (state.kind === 'problem') this.copy.refresh();
    if (state.kind !== 'answer') return this.showOld(state.kind === 'waiting' ? 'waits' : 'gone');
    const [height, width] = this.resultSize(), {planes} = this.picture, all = fromBase64(state.body.output.base64);
    if (String(state.body.shape) !== String([planes.length, height, width]) || all.length !== planes.length * height * width) throw new Error('another size');
    this.result = {width, height, planes: planes.map((_, i) => all.subarray(i * width * height, (i + 1) * width * height))};
    this.drawResult();
    this.copy.refresh();
  }

  /* As large as the picture, or a pixel for each window of a pooling. */
  resultSize() {
    const size = [this.picture.height, this.picture.width];
    return convolves(this.store.state) ? size : size.map((one, i) => Math.floor(one / this.kernel[i]));
  }

  /* The last result, which is not this state's: faded while the server is asked, gone where no answer comes. */
  showOld(how) {
    if (how === 'waits' && this.after.canvas.dataset.old) return; // (what is gone does not come back)
    setAttribute(this.after.canvas, 'data-old', how);
  }

  repairs() {
    const {operation, kernel, mode} = this.store.state, size = [this.picture.height, this.picture.width], known = OPERATIONS.some(([one]) => one === operation);
    const fitting = size.map((most, i) => (isPositive(kernel[i]) ? Math.min(kernel[i], MOST_KERNEL, most) : 1));
    if (known && operation !== 'conv') return String(fitting) === String(kernel) ? [] : [{label: `kernel_size ${fitting.join(' × ')}`, patch: {kernel: fitting}}];
    const repairs = layerRepairs({size, kernel, stride: [1, 1], dilation: [1, 1], padding: 'same', mode, most: MOST_KERNEL, mostPadded: Infinity, fixed: ['size', 'padding']});
    if (known) return repairs;
    return (repairs.length > 0 ? repairs : [{patch: {}}]).map(({label, patch}) => ({label: ['convolution', label].filter(Boolean).join(', '), patch: {operation: 'conv', ...patch}}));
  }

  startOver() {
    this.store.load('');
    this.onState(Object.keys(SCHEMA));
  }

  refuse(problem, answer = {}) {
    const repairs = isBusy(answer) ? [{label: 'Ask again', apply: answer.retry}] : (problem?.repairs ?? this.repairs()).map(({label, patch}) => ({label, apply: () => this.store.set(patch)}));
    if (repairs.length === 0) repairs.push({label: 'start over', apply: () => this.startOver()});
    if (!this.form.showProblem(problem, repairs)) refill(this.problemRoom, this.status.element, problemBox(problem, repairs, patienceOf(answer)));
  }

  snippets() {
    const {state} = this.store, largest = this.result ? this.largest() || 1 : 1;
    const most = largest < 2 ** 53 ? largest : largest.toExponential(); // (a whole number without an exponent must fit into 64 bits)
    const range = convolves(state) && state.shown !== 'clamped' ? `-${most},${most}` : '0,1';
    return pictureSnippets(location.origin, convolves(state)
      ? {path: '/conv2d', weight: this.weights(), fields: withoutDefaults({groups: this.picture.planes.length > 1 ? this.picture.planes.length : undefined, padding: 'same', padding_mode: state.mode === 'zeros' ? undefined : state.mode, range})}
      : {path: '/pool2d', fields: {mode: state.operation, kernel_size: this.kernel.join(','), range}}, this.picture.planes.length);
  }

  /* ---- the very picture of the requests, as PNG, made by the server ---- */

  async save() {
    this.saving?.abort(); // (its words come too late)
    const saving = this.saving = new AbortController(), timer = setTimeout(() => saving.abort(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    const tell = text => this.saving === saving && setText(this.saved, text);
    tell('Asking the server …');
    try {
      const link = el('a', {href: URL.createObjectURL(await this.fetchPicture(saving.signal)), download: 'picture.png'});
      link.click();
      URL.revokeObjectURL(link.href);
      tell('Saved.');
    } catch (error) {
      tell(`Not saved: ${error instanceof TypeError ? 'the server cannot be reached' : error.message}.${error.patience ? ` ${error.patience}` : ''}`);
    }
    clearTimeout(timer);
    if (this.saving === saving) this.saving = null;
  }

  async fetchPicture(signal) {
    const {width, height, planes} = this.picture;
    const body = JSON.stringify({input: {shape: [planes.length, height, width], dtype: 'float32', base64: toBase64(planes)}, kernel_size: 1, range: [0, 1]});
    const response = await fetch('/pool2d', {method: 'POST', headers: {'Content-Type': 'application/json', Accept: 'image/png'}, body, signal, redirect: 'error'});
    if (!response.ok || response.headers.get('Content-Type') !== 'image/png') {
      const said = (await response.json().catch(() => null))?.detail, detail = typeof said === 'string' ? said : `an answer of status ${response.status} that is no picture`;
      throw Object.assign(new Error(detail), {patience: patienceOf({retryAfter: response.headers.get('Retry-After')})});
    }
    const picture = await response.blob(), bitmap = await createImageBitmap(picture).catch(() => null);
    if (bitmap?.width !== width || bitmap.height !== height || await picture.slice(-8, -4).text() !== 'IEND') throw new Error('a part of a picture came, or another');
    signal.throwIfAborted();
    return picture;
  }

  /* What was said of saving is not true of another picture. */
  forgetSaving() {
    if (this.saving) this.saving.abort(new Error('another picture was chosen'));
    else setText(this.saved, '');
  }

  /* ---- drawing ---- */

  drawSource() {
    paint(this.before.canvas, this.picture, one => one);
    setText(this.before.caption, `${this.picture.height} × ${this.picture.width}${this.picture.planes.length > 1 ? ', three planes' : ''}`);
  }

  drawWeight() {
    const hidden = !convolves(this.store.state) || !this.kernel;
    if (hidden) this.weight.leaveEdit?.(); // (what is typed is for the kernel of another state)
    this.weightPane.hidden = hidden;
    if (hidden) return;
    this.weight.setShape(...this.kernel);
    this.weight.setValues(this.values());
  }

  /* The largest magnitude, 0 where all there is is rounding: in a picture of one colour there are no edges. */
  largest() {
    const most = Math.max(...this.result.planes.map(largestOf)), weights = convolves(this.store.state) ? this.values().reduce((sum, one) => sum + Math.abs(one), 0) : 0;
    return most <= weights * 2 ** -20 ? 0 : most;
  }

  drawResult() {
    const {result} = this, {shown, colour} = this.store.state;
    setText(this.resultWords, `Their result.png is ${colour ? 'in colour' : 'grey'}: ${convolves(this.store.state) && shown !== 'clamped' ? 'signed, the middle is 0' : 'black is 0, white 1'}.`);
    if (!result) {
      setText(this.after.caption, '…');
      this.showOld('waits');
      return this.drawLoupe();
    }
    const most = this.largest(), signed = convolves(this.store.state) && shown === 'signed';
    const scales = {signed: one => 0.5 + one / (2 * most || 1), absolute: one => Math.abs(one) / (most || 1)};
    const scale = convolves(this.store.state) && Object.hasOwn(scales, shown) ? scales[shown] : one => one;
    this.showOld(null);
    if (signed && result.planes.length === 1) paintSigned(this.after.canvas, result, most);
    else paint(this.after.canvas, result, scale);
    const [low, high] = [Math.min(...result.planes.map(least)), -Math.min(...result.planes.map(plane => least(plane.map(one => -one))))];
    setText(this.after.caption, `${result.height} × ${result.width}; ${low <= high ? `values from ${say(low)} to ${say(high)}` : 'not one is a number'}`);
    this.drawLoupe();
  }

  /* ---- the loupe ---- */

  lookAt(index, keep) {
    if (!this.place(index)) return;
    if (keep) this.store.set({loupe: index});
    else this.drawLoupe(index);
  }

  /* The pixel of the result whose window a pixel of the picture lies in; a convolution has many, and means the one in the middle. */
  windowOver(place) {
    return convolves(this.store.state) ? place : place.map((at, i) => Math.floor(at / this.kernel[i]));
  }

  place(at = this.store.get('loupe')) {
    const {height, width} = this.result, fits = Number.isInteger(at[0]) && Number.isInteger(at[1]);
    return fits && at[0] >= 0 && at[1] >= 0 && at[0] < height && at[1] < width ? at : null;
  }

  drawLoupe(at) {
    const place = this.result && this.kernel && this.place(at);
    for (const pane of [this.before, this.after]) pane.lens.hidden = !place;
    if (!place) {
      this.window.setShape(0, 0);
      this.status.badge.hidden = true;
      return this.sum.replaceChildren(el('p', {class: 'hint'}, this.result ? 'The loupe is beside the result.' : 'There is no result to look at yet.'));
    }
    const made = convolves(this.store.state) ? this.convolvedAt(place) : this.pooledAt(place);
    this.window.setShape(...this.kernel);
    this.window.setValues(made.values, {most: 1});
    this.window.setMarks({winner: made.winner === undefined ? [] : [made.winner]});
    this.sum.replaceChildren(el('p', {class: 'terms'}, el('strong', {}, `y[${place.join(',')}]`), this.picture.planes.length > 1 ? ' of the red plane = ' : ' = ', made.words, ' = ', el('strong', {class: 'value'}, say(made.value))));
    showLens(this.before, this.picture, made.corner, this.kernel);
    showLens(this.after, this.result, place, [1, 1]);
  }

  convolvedAt(place) {
    const {picture, kernel} = this, {mode} = this.store.state;
    const axes = layerAxes({kernel, stride: [1, 1], dilation: [1, 1], padding: 'same', mode}, [picture.height, picture.width]);
    const products = productsAt(picture.planes[0], this.values().map(single), axes, mode, place), value = this.result.planes[0][place[0] * this.result.width + place[1]];
    this.status.compare(compareValues([value], {...columnsOf([sumOf(products)]), terms: products.length}));
    const used = products.filter(({w}) => w !== 0);
    return {value, values: Float64Array.from(products, ({x}) => x), corner: [place[0] - axes[0].low, place[1] - axes[1].low],
      words: listed(used, ' + ', -1, ({x, w}) => `${sayFactor(x)}·${sayFactor(w)}`).join('') || '0'};
  }

  pooledAt(place) {
    const {picture, kernel} = this, corner = place.map((one, i) => one * kernel[i]), cells = [];
    for (let row = 0; row < kernel[0]; row++)
      for (let col = 0; col < kernel[1]; col++) cells.push({index: row * kernel[1] + col, x: picture.planes[0][(corner[0] + row) * picture.width + corner[1] + col]});
    const value = this.result.planes[0][place[0] * this.result.width + place[1]], max = this.store.get('operation') === 'max';
    const winner = max ? winnerOf(cells).index : undefined, list = listed(cells, max ? ', ' : ' + ', winner, ({x}) => say(x)).join('');
    return {value, values: Float64Array.from(cells, ({x}) => x), corner, winner, words: max ? `max(${list})` : `(${list}) / ${cells.length}`};
  }

  onEdit({index, text}) {
    const value = readValue(text), values = this.values();
    values[index] = value;
    this.store.set({w: tensorRows(values, this.kernel[1])});
  }
}

/* ---- canvases ---- */

const isSame = (one, other) => one.width === other.width && one.planes.length === other.planes.length
  && one.planes.every((plane, i) => plane.length === other.planes[i].length && plane.every((value, at) => value === other.planes[i][at]));

const least = values => values.reduce((most, one) => (one < most ? one : most), Infinity);

/* A picture of a `size()` to point at, and which pixel of the result is meant; the keyboard has the fields of the loupe. */
function picturePane(heading, view, size, meant) {
  const canvas = el('canvas', {role: 'img', 'aria-label': heading}), lens = el('span', {class: 'lens', hidden: true}), caption = el('figcaption');
  const frame = el('div', {class: 'picture'}, canvas, lens);
  const at = event => {
    const box = canvas.getBoundingClientRect(), {width, height} = size();
    return meant([Math.floor((event.clientY - box.top) / box.height * height), Math.floor((event.clientX - box.left) / box.width * width)]);
  };
  frame.addEventListener('pointermove', event => view.result && view.lookAt(at(event), false));
  frame.addEventListener('pointerleave', () => view.drawLoupe());
  frame.addEventListener('click', event => view.result && view.lookAt(at(event), true));
  return {element: el('figure', {class: 'pane'}, el('h2', {}, heading), frame, caption), canvas, lens, caption};
}

function showLens({lens}, {width, height}, [row, col], [rows, cols]) {
  const percent = (part, whole) => `${100 * part / whole}%`;
  Object.assign(lens.style, {left: percent(col, width), top: percent(row, height), width: percent(cols, width), height: percent(rows, height)});
}

function pixelsOf(canvas, {width, height}) {
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext('2d').createImageData(width, height);
}

function paint(canvas, picture, scale) {
  const pixels = pixelsOf(canvas, picture), {planes} = picture;
  for (let i = 0; i < planes[0].length; i++) {
    for (let channel = 0; channel < 3; channel++) pixels.data[4 * i + channel] = Math.round(255 * scale(planes[channel % planes.length][i]));
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
}

function paintSigned(canvas, picture, most) {
  const pixels = pixelsOf(canvas, picture), plane = picture.planes[0];
  for (let i = 0; i < plane.length; i++) {
    const [red, green, blue] = colourOf(plane[i], most).rgb;
    pixels.data.set([red, green, blue, 255], 4 * i);
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
}
