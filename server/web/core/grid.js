/*
 * A matrix to look at: values as coloured cells, marks over them, one tab stop, arrow keys.
 *
 * Up to 32×32 cells are SVG with their numbers, larger ones a canvas. Both draw behind one element with role=grid, in which
 * the cell that the keyboard is at stands as the only row and cell for those who listen. A cell's value is touched only
 * when it changes, and marks are two paths for each kind (a casing below): so a hover costs the same in a grid of 9 cells and of 1024.
 *
 * new Grid({label, describe(row, col), editable}) then
 *   setShape(rows, cols, block)          the only thing that rebuilds; with a gap behind every `block` = [rows, cols]
 *   setValues(values, {most})            what the cells show; null: not known yet
 *   setKinds(kinds)                      for each cell one of KIND
 *   setMarks({name: [cell, …]})          which cells carry which mark (classes `mark-name` of the style sheet)
 * and it tells its owner, by events that bubble: 'cellhover' {index or null}, 'cellpin' {index or null}, 'celledit' {index, text}.
 */
import {colourOf, largestOf, onThemeChange} from './colours.js';
import {el, freshId, setAttribute, setText, svg} from './dom.js';
import {readValue} from '../maths/kernels.js';
import {sayInCell, shortest} from './numbers.js';

export const KIND = {PLAIN: 0, PADDING: 1, UNREAD: 2, UNREAD_PADDING: 3, ABSENT: 4};
const KIND_CLASS = ['', 'is-padding', 'is-unread', 'is-padding is-unread', 'is-absent'];

const MARKS = ['window', 'field', 'feeds', 'source', 'winner', 'selected', 'pinned', 'cursor']; // as they lie over each other

const SVG_LIMIT = 32;
const CELL = 40; // user units of the SVG
const GAP = 14;
const MOVES = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-8, 0], PageDown: [8, 0]};

const grids = new Set();
onThemeChange(() => grids.forEach(grid => grid.repaint()));
let pointerAt = '';
document.addEventListener('pointermove', ({screenX, screenY}) => { // (some come where the page moves under a pointer that rests)
  if (pointerAt !== (pointerAt = `${screenX} ${screenY}`)) grids.forEach(grid => { grid.lostFocus = false; });
}, {capture: true, passive: true});

export class Grid {
  constructor({label, describe = () => '', editable = false, plain = false}) {
    this.describe = describe;
    this.editable = editable;
    this.plain = plain; // cells without numbers
    this.rows = this.cols = -1;
    this.block = [Infinity, Infinity];
    this.values = null;
    this.most = 0;
    this.active = 0;
    this.place = [0, 0]; // (row and column of the active cell)
    this.hovered = null;
    this.marks = {};
    this.build(label);
    grids.add(this);
  }

  build(label) {
    const id = freshId('cell');
    this.spoken = el('span', {role: 'gridcell', id});
    this.spokenRow = el('span', {role: 'row'}, this.spoken);
    this.drawing = el('div', {class: 'grid-drawing', 'aria-hidden': 'true'});
    this.focusable = el('div', {
      class: 'grid', role: 'grid', tabindex: 0, 'aria-label': label, 'aria-activedescendant': id, 'aria-readonly': String(!this.editable),
      onkeydown: event => this.onKey(event), onfocus: () => this.onFocus(), onblur: () => this.onBlur(),
    }, el('div', {class: 'unseen', role: 'rowgroup'}, this.spokenRow), this.drawing);
    this.refusal = el('div', {role: 'status'});
    this.element = el('div', {class: 'grid-frame'}, this.focusable, this.refusal); // (what is edited in stands beside the grid, not in it)
    this.drawing.addEventListener('pointermove', event => this.onPointer(event));
    this.drawing.addEventListener('pointerleave', () => this.hover(null));
    this.drawing.addEventListener('mousedown', event => this.moveTo(this.indexAt(event) ?? this.active)); // (before it takes the focus)
    this.drawing.addEventListener('click', event => this.onClick(event));
    this.drawing.addEventListener('dblclick', event => this.edit(this.indexAt(event)));
  }

  setShape(rows, cols, block = [Infinity, Infinity]) {
    this.refuse('');
    if (rows === this.rows && cols === this.cols && String(block) === String(this.block)) return;
    this.leaveEdit?.();
    this.rows = rows;
    this.cols = cols;
    this.block = block;
    this.values = null;
    this.kinds = new Uint8Array(rows * cols);
    this.keepPlace();
    this.marks = {};
    setAttribute(this.focusable, 'aria-rowcount', rows);
    setAttribute(this.focusable, 'aria-colcount', cols);
    this.surface = rows <= SVG_LIMIT && cols <= SVG_LIMIT ? new SvgSurface(this) : new CanvasSurface(this);
    this.drawing.replaceChildren(this.surface.element);
    this.isShaping = true; // (what is hidden loses the focus at once)
    this.focusable.hidden = rows * cols === 0;
    this.isShaping = false;
    if (rows * cols > 0) this.showFocus();
    if (this.lostFocus) queueMicrotask(() => this.takeFocusBack());
    this.speak();
  }

  /* The keyboard stays in its row and column, as far as there are such, also where the grid was away in between. */
  keepPlace() {
    const {rows, cols} = this;
    if (rows * cols === 0) return;
    this.active = Math.min(this.place[0], rows - 1) * cols + Math.min(this.place[1], cols - 1);
  }

  setValues(values, {most = values ? largestOf(values) : 0} = {}) {
    const before = this.values, sameScale = most === this.most;
    if (before && values && !before.every((value, i) => Object.is(value, values[i]))) this.leaveEdit?.(); // (another state's number is not for this one)
    this.values = values;
    this.most = most;
    if (!sameScale || !before || !values) this.surface.paintAll();
    else for (let i = 0; i < this.rows * this.cols; i++) if (!Object.is(before[i], values[i])) this.surface.paint(i);
    this.surface.flush();
    this.speak();
  }

  setKinds(kinds) {
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] === this.kinds[i]) continue;
      this.kinds[i] = kinds[i];
      this.surface.paint(i);
    }
    this.surface.flush();
  }

  setMarks(marks) {
    for (const name of MARKS) if (marks[name] || this.marks[name]) this.surface.mark(name, marks[name] ?? []);
    this.surface.flushMarks();
    this.marks = marks;
  }

  repaint() {
    this.surface?.paintAll();
    this.surface?.flush();
    this.surface?.redraw?.(); // (marks of a canvas; those of an SVG are the style sheet's)
  }

  /** Moves the keyboard's place without taking the focus. */
  moveTo(index) {
    if (index === this.active || index < 0 || index >= this.rows * this.cols) return;
    this.active = index;
    this.place = [Math.floor(index / this.cols), index % this.cols];
    this.showFocus();
    this.speak();
  }

  /* ---- pointer and keyboard ---- */

  tell(name, detail) {
    this.element.dispatchEvent(new CustomEvent(name, {bubbles: true, detail: {grid: this, ...detail}}));
  }

  indexAt(event) {
    const box = this.surface.element.getBoundingClientRect();
    return this.surface.indexAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  hover(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.tell('cellhover', {index});
  }

  onPointer(event) {
    this.hover(this.indexAt(event));
  }

  onClick(event) {
    const index = this.indexAt(event);
    if (index === null || event.detail > 1) return; // (the second click of two edits)
    this.moveTo(index);
    this.tell('cellpin', {index});
  }

  onFocus() {
    this.showFocus(!this.keptFocus);
    this.tell('cellhover', {index: this.active});
  }

  /* Its owner is in the middle of drawing when the grid itself goes, and is told behind that. */
  onBlur() {
    const tell = () => this.tell('cellhover', {index: null});
    this.keptFocus = document.activeElement === this.focusable; // (the window lost it: it comes back to where the reader is)
    this.surface.focus(null);
    if (!this.isShaping) return tell();
    this.lostFocus = true;
    queueMicrotask(tell);
  }

  /* Where the grid went with the focus in it, and came again before that, or the mouse, went elsewhere; behind the drawing, too. */
  takeFocusBack() {
    if (this.rows * this.cols === 0) return;
    if (this.lostFocus && document.activeElement === document.body) this.focusable.focus();
    this.lostFocus = false;
  }

  /** Whoever draws anew knows of no pointer: the next move of it tells again where it is. */
  forgetPointer() {
    this.hovered = null;
  }

  onKey(event) {
    if (event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') this.tell('cellpin', {index: this.active});
    else if (event.key === 'Escape') this.tell('cellpin', {index: null});
    else if (this.editable && !event.ctrlKey && (event.key === 'F2' || /^[-\d.]$/.test(event.key))) this.edit(this.active, event.key === 'F2' ? null : event.key);
    else if (!this.step(event)) return;
    event.preventDefault();
  }

  step(event) {
    let row = Math.floor(this.active / this.cols), col = this.active % this.cols;
    if (MOVES[event.key]) {
      row = Math.min(this.rows - 1, Math.max(0, row + MOVES[event.key][0]));
      col = Math.min(this.cols - 1, Math.max(0, col + MOVES[event.key][1]));
    } else if (event.key === 'Home' || event.key === 'End') {
      const end = event.key === 'End';
      col = end ? this.cols - 1 : 0;
      if (event.ctrlKey) row = end ? this.rows - 1 : 0;
    } else {
      return false;
    }
    this.moveTo(row * this.cols + col);
    this.tell('cellhover', {index: this.active});
    return true;
  }

  showFocus(scrolls = true) {
    const focused = document.activeElement === this.focusable;
    this.surface?.focus(focused ? this.active : null);
    if (focused && scrolls) this.surface?.scrollTo(this.active);
  }

  speak() {
    if (this.rows * this.cols === 0) return;
    const row = Math.floor(this.active / this.cols), col = this.active % this.cols;
    setAttribute(this.spokenRow, 'aria-rowindex', row + 1);
    setAttribute(this.spoken, 'aria-colindex', col + 1);
    setText(this.spoken, this.describe(row, col));
  }

  /* ---- editing a cell's number in its place ---- */

  edit(index, typed = null) {
    if (!this.editable || index === null || !this.values || this.kinds[index] === KIND.PADDING || this.kinds[index] === KIND.UNREAD_PADDING) return;
    this.refuse('');
    this.surface.scrollTo(index);
    const box = this.surface.boxOf(index), host = this.element.getBoundingClientRect(), width = Math.max(box.width, 56);
    const input = el('input', {class: 'cell-input', type: 'text', inputmode: 'decimal', 'aria-label': `New value of ${this.describe(Math.floor(index / this.cols), index % this.cols)}`});
    input.value = typed ?? shortest(this.values[index]);
    Object.assign(input.style, {
      left: `${Math.max(0, Math.min(box.left - host.left, host.width - width))}px`, top: `${box.top - host.top}px`,
      width: `${width}px`, height: `${Math.max(box.height, 28)}px`,
    });
    this.element.append(input);
    input.focus();
    if (typed === null) input.select();
    this.watchEdit(input, index, typed === null ? input.value : null);
  }

  refuse(words) {
    setText(this.refusal, words);
    setAttribute(this.refusal, 'class', words && 'problem');
  }

  /* What is left as it was changes nothing. */
  watchEdit(input, index, before) {
    let open = true;
    this.leaveEdit = () => close(false, false);
    const close = (keep, refocus) => {
      if (!open) return;
      open = false;
      const text = input.value;
      input.remove();
      if (refocus) this.focusable.focus();
      if (!keep || text.trim() === '' || text === before) return;
      if (readValue(text) === null) this.refuse(`'${text.slice(0, 40)}' is no number: the cell keeps ${shortest(this.values[index])}.`);
      else this.tell('celledit', {index, text});
    };
    input.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter') close(true, true);
      if (event.key === 'Escape') close(false, true);
    });
    input.addEventListener('blur', () => close(true, false));
  }
}

/* ---- up to 32×32: SVG ---- */

class SvgSurface {
  constructor(grid) {
    this.grid = grid;
    const {rows, cols} = grid;
    this.cells = [];
    const paths = kind => MARKS.map(name => svg('path', {class: `${kind} ${kind}-${name}`}));
    this.casings = paths('casing');
    this.marks = paths('mark');
    const grounds = svg('g'), texts = svg('g');
    for (let i = 0; i < rows * cols; i++) this.makeCell(i, grounds, texts);
    this.hatch = svg('path', {class: 'hatch'});
    this.size = [rows, cols].map((count, i) => offset(count - 1, grid.block[i]) + CELL);
    this.element = svg('svg', {viewBox: `-1 -1 ${this.size[1] + 2} ${this.size[0] + 2}`, class: `cells${grid.plain ? ' plain' : ''}`},
      grounds, this.hatch, svg('g', {}, this.casings, this.marks), texts);
    const scale = Math.max(grid.plain ? 8 : 22, Math.min(grid.plain ? 22 : CELL, (grid.plain ? 260 : 420) / Math.max(rows, cols))) / CELL;
    this.element.style.setProperty('inline-size', `${this.size[1] * scale}px`);
    this.paintAll();
  }

  xOf(index) {
    return offset(index % this.grid.cols, this.grid.block[1]);
  }

  yOf(index) {
    return offset(Math.floor(index / this.grid.cols), this.grid.block[0]);
  }

  makeCell(index, grounds, texts) {
    const x = this.xOf(index), y = this.yOf(index);
    const rect = svg('rect', {x, y, width: CELL, height: CELL});
    const text = svg('text', {x: x + CELL / 2, y: y + CELL / 2});
    this.cells.push({rect, text});
    grounds.append(rect);
    texts.append(text);
  }

  /** The cell at shares of the drawing's width and height; null outside. */
  indexAt(across, down) {
    const {rows, cols, block} = this.grid;
    const col = cellAt(across * (this.size[1] + 2) - 1, block[1]), row = cellAt(down * (this.size[0] + 2) - 1, block[0]);
    return row < 0 || col < 0 || row >= rows || col >= cols ? null : row * cols + col;
  }

  boxOf(index) {
    return this.cells[index].rect.getBoundingClientRect();
  }

  paintAll() {
    this.cells.forEach((_, i) => this.paint(i));
  }

  paint(index) {
    const {rect, text} = this.cells[index], kind = KIND_CLASS[this.grid.kinds[index]], value = this.grid.values?.[index];
    const colour = colourOf(value ?? 0, this.grid.most);
    const words = this.grid.plain || this.grid.kinds[index] === KIND.ABSENT ? '' : sayInCell(value);
    setAttribute(rect, 'class', kind || null);
    setAttribute(rect, 'fill', colour.fill);
    setAttribute(text, 'fill', colour.text);
    setAttribute(text, 'stroke', colour.fill); // (a seam, over marks)
    setAttribute(text, 'class', `${kind} ${words.length > 6 ? 'least' : words.length > 5 ? 'tiny' : words.length > 4 ? 'small' : ''}`.trim() || null);
    setText(text, words);
  }

  /* Strokes over what no window reads, all in one path. */
  flush() {
    const strokes = [];
    this.grid.kinds.forEach((kind, i) => {
      if (kind !== KIND.UNREAD && kind !== KIND.UNREAD_PADDING) return;
      for (const at of [CELL / 3, CELL, CELL * 5 / 3]) {
        const from = Math.max(0, at - CELL), to = Math.min(CELL, at);
        strokes.push(`M${this.xOf(i) + from} ${this.yOf(i) + to}L${this.xOf(i) + to} ${this.yOf(i) + from}`);
      }
    });
    setAttribute(this.hatch, 'd', strokes.join('') || null);
  }

  mark(name, cells) {
    const outlines = cells.map(i => `M${this.xOf(i) + 2} ${this.yOf(i) + 2}h${CELL - 4}v${CELL - 4}h${4 - CELL}z`).join('') || null;
    for (const paths of [this.casings, this.marks]) setAttribute(paths[MARKS.indexOf(name)], 'd', outlines);
  }

  flushMarks() {}

  focus(index) {
    this.mark('cursor', index === null ? [] : [index]);
  }

  scrollTo(index) {
    this.cells[index].rect.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }
}

/* Where row or column `at` begins, in user units, and the way back. */
const offset = (at, block) => at * CELL + (Number.isFinite(block) ? Math.floor(at / block) * GAP : 0);

function cellAt(unit, block) {
  if (!Number.isFinite(block)) return Math.floor(unit / CELL);
  const period = block * CELL + GAP, whole = Math.floor(unit / period);
  return whole * block + Math.min(block - 1, Math.floor((unit - whole * period) / CELL));
}

/* ---- larger ones: a canvas, colours without numbers, marks on a second canvas above ---- */

class CanvasSurface {
  constructor(grid) {
    this.grid = grid;
    const {rows, cols} = grid;
    this.size = Math.max(grid.plain ? 1 : 3, Math.min(12, Math.floor((grid.plain ? 260 : 420) / Math.max(rows, cols))));
    this.below = el('canvas', {width: cols * this.size, height: rows * this.size});
    this.above = el('canvas', {width: cols * this.size, height: rows * this.size, class: 'above'});
    this.spot = el('span'); // (where a cell is, to scroll to)
    this.element = el('div', {class: 'canvases'}, this.below, this.above, this.spot);
    this.element.style.setProperty('inline-size', `${cols * this.size}px`);
    this.element.style.setProperty('aspect-ratio', `${cols} / ${rows}`);
    this.brush = this.below.getContext('2d', {alpha: false});
    this.marker = this.above.getContext('2d');
    this.marked = {};
    this.rows = [0, 0]; // of pixels that marks are in, from and to
    this.paintAll();
  }

  /* Cells without values are one rectangle: a hover that shows other sums begins so. */
  paintAll() {
    const {brush, below, grid} = this, blank = !grid.values && grid.kinds.every(kind => kind === KIND.PLAIN);
    if (!blank) return grid.kinds.forEach((_, i) => this.paint(i));
    brush.fillStyle = colourOf(0, grid.most).fill;
    brush.fillRect(0, 0, below.width, below.height);
  }

  paint(index) {
    const {brush, size, grid} = this, row = Math.floor(index / grid.cols), col = index % grid.cols;
    brush.fillStyle = colourOf(grid.values?.[index] ?? 0, grid.most).fill;
    brush.fillRect(col * size, row * size, size, size);
    const kind = grid.kinds[index];
    if (kind === KIND.PLAIN) return;
    brush.fillStyle = kind === KIND.PADDING ? 'rgb(128 128 128 / .28)' : 'rgb(128 128 128 / .55)';
    brush.fillRect(col * size, row * size, size, kind === KIND.PADDING ? size : size / 2);
  }

  indexAt(across, down) {
    const {rows, cols} = this.grid, col = Math.floor(across * cols), row = Math.floor(down * rows);
    return row < 0 || col < 0 || row >= rows || col >= cols ? null : row * cols + col;
  }

  boxOf(index) {
    const {rows, cols} = this.grid, box = this.element.getBoundingClientRect(), width = box.width / cols, height = box.height / rows;
    return {left: box.left + index % cols * width, top: box.top + Math.floor(index / cols) * height, width, height};
  }

  flush() {}

  mark(name, cells) {
    const before = this.marked[name] ?? [];
    if (cells.length === before.length && cells.every((cell, i) => cell === before[i])) return;
    this.marked[name] = cells;
    this.marksAreOld = true;
  }

  flushMarks() {
    if (this.marksAreOld) this.redraw();
  }

  /* Not while another view is shown: then the style sheet has no colours for it. */
  redraw() {
    const {marker, size, above: {width, height}, rows: [from, to]} = this, style = getComputedStyle(this.grid.element);
    this.marksAreOld = !this.element.isConnected || width * height === 0;
    if (this.marksAreOld) return;
    this.picture ??= marker.createImageData(width, height);
    this.pixels ??= new Uint32Array(this.picture.data.buffer);
    this.pixels.fill(0, from * width, to * width);
    this.rows = [height, 0];
    const wide = Math.max(1, Math.min(2, Math.floor(size / 3))), marked = MARKS.filter(name => this.marked[name]?.length);
    const edges = marked.map(name => this.edgesOf(this.marked[name]));
    for (const casing of [1, 0]) marked.forEach((name, i) => {
      const out = casing + (name === 'cursor'); // (around its cell, and what else is there)
      this.frame(edges[i], style.getPropertyValue(casing ? '--surface' : `--mark-${name}`), out, casing || wide);
    });
    const top = Math.min(from, this.rows[0]), bottom = Math.max(to, this.rows[1]);
    if (top < bottom) marker.putImageData(this.picture, 0, 0, 0, top, width, bottom - top);
  }

  /* Where some cells end: [cell, 1 for its right or lower edge, 1 for its upper or lower one]. */
  edgesOf(cells) {
    const {rows, cols} = this.grid, there = new Uint8Array(rows * cols), edges = [];
    for (const cell of cells) there[cell] = 1;
    for (const cell of cells) {
      if (cell % cols === 0 || !there[cell - 1]) edges.push([cell, 0, 0]);
      if (cell % cols === cols - 1 || !there[cell + 1]) edges.push([cell, 1, 0]);
      if (!there[cell - cols]) edges.push([cell, 0, 1]);
      if (!there[cell + cols]) edges.push([cell, 1, 1]);
    }
    return edges;
  }

  /* A frame along some edges, so far outside of them, and so wide inwards; '#rrggbb'. */
  frame(edges, colour, out, wide) {
    const {size, grid: {cols}} = this, long = size + 2 * out;
    const [red, green, blue] = [1, 3, 5].map(i => parseInt(colour.trim().slice(i, i + 2), 16)), pixel = 255 << 24 | blue << 16 | green << 8 | red;
    for (const [cell, far, level] of edges) {
      const x = cell % cols * size - out, y = Math.floor(cell / cols) * size - out, away = far * (long - wide);
      if (level) this.fill(x, y + away, long, wide, pixel);
      else this.fill(x + away, y, wide, long, pixel);
    }
  }

  fill(x, y, across, down, pixel) {
    const {above: {width, height}, pixels, rows} = this, left = Math.max(0, x), right = Math.min(width, x + across);
    const top = Math.max(0, y), bottom = Math.min(height, y + down);
    for (let row = top; row < bottom; row++) for (let i = row * width + left; i < row * width + right; i++) pixels[i] = pixel;
    if (top < rows[0]) rows[0] = top;
    if (bottom > rows[1]) rows[1] = bottom;
  }

  focus(index) {
    this.mark('cursor', index === null ? [] : [index]);
    this.flushMarks();
  }

  scrollTo(index) {
    const {rows, cols} = this.grid;
    Object.assign(this.spot.style, {left: `${index % cols / cols * 100}%`, top: `${Math.floor(index / cols) / rows * 100}%`, width: `${100 / cols}%`, height: `${100 / rows}%`});
    this.spot.scrollIntoView({block: 'nearest', inline: 'nearest'});
  }
}
