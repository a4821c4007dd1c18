/*
 * What the views with grids share: a form, panes of grids, what is selected in them, one line to the server, a sum in words.
 *
 * A cell under the pointer or the keyboard is selected for the moment; Enter or a click pins it, which is state (`at`, as
 * 'o:4': pane and index) and so part of the address. A view extends this and gives
 *   super({about, schema, fields, panes, walks, pins})   panes: [[key, heading, {label, editable, …}], …]; walks: the one of the player;
 *                                           pins: keys of the state that only say what is selected
 *   makeModel(state)                        everything that follows from a state, {request: {path, document}} or {problem} in it
 *   draw()                                  the grids' shapes and kinds, and the values that the page knows
 *   showAnswer(body)                        the values that the server knows
 *   select(pane, index, marks)              fills marks[pane][name] with cells
 *   describe(pane, row, col), sentence(pane, index)    in words: for those who listen, and under the grids
 *   notes(), snippets(), repairs(), reason()   the last is optional: why something is refused, where that can be shown
 */
import {announce, el, refill, setAttribute, setText} from './dom.js';
import {CopyPanel} from './copy.js';
import {Form} from './fields.js';
import {Store} from './fragment.js';
import {Grid} from './grid.js';
import {Player} from './player.js';
import {isBusy, patienceOf, problemBox, refusalOf} from './problems.js';
import {asRefused} from '../maths/snippets.js';
import {Line} from './server.js';
import {Status} from './status.js';

export class GridView {
  constructor({about, schema, fields, panes, walks = null, pins = ['at']}) {
    this.about = about;
    this.pins = pins;
    this.store = new Store({...schema, at: ['word', schema.at?.[1] ?? '']});
    this.form = new Form(this.store, fields);
    this.line = new Line(state => this.onServer(state));
    this.status = new Status();
    this.copy = new CopyPanel();
    this.player = new Player(index => this.store.set({at: `${walks}:${index}`}));
    this.walks = walks;
    this.hovered = null;
    this.panes = Object.fromEntries(panes.map(([key, , options]) =>
      [key, new Grid({...options, describe: (row, col) => (this.model ? this.describe(key, row, col) : '')})]));
    this.element = this.layOut(panes);
    this.store.onChange((state, changed) => this.onState(changed));
  }

  layOut(panes) {
    this.captions = {};
    const figures = panes.map(([key, heading]) => el('figure', {class: `pane pane-${key}`}, el('h2', {}, heading), this.panes[key].element,
      this.captions[key] = el('figcaption')));
    this.sum = el('div', {class: 'sum', role: 'group', 'aria-label': 'What is selected'});
    this.noteRoom = el('div', {class: 'notes'});
    this.problemRoom = el('div');
    this.stage = el('div', {class: 'stage'}, el('div', {class: 'panes'}, figures), this.walks ? this.player.element : null,
      this.sum, this.noteRoom, this.problemRoom, this.status.element, this.copy.element);
    this.stage.addEventListener('cellhover', event => this.onHover(event.detail));
    this.stage.addEventListener('cellpin', event => this.onPin(event.detail));
    this.stage.addEventListener('celledit', event => this.onEdit?.(this.paneOf(event.detail.grid), event.detail.index, event.detail.text));
    return el('div', {class: 'view'}, this.form.element, this.stage);
  }

  load(text) {
    this.store.load(text);
    if (!this.model) this.onState([]);
  }

  hide() {
    if (this.element.contains(document.activeElement)) document.activeElement.blur(); // (what is typed into a cell counts)
    this.player.stop();
    this.line.drop();
    this.model = null;
  }

  caption(pane, text) {
    setText(this.captions[pane], text);
  }

  /* ---- from the state to what is drawn and asked ---- */

  onState(changed) {
    if (changed.length === 0 || changed.some(key => !this.pins.includes(key)) || !this.model) this.rebuild();
    this.showSelection();
  }

  rebuild() {
    this.clearProblem();
    this.hovered = null;
    for (const grid of Object.values(this.panes)) grid.forgetPointer();
    this.model = this.makeModel(this.store.state);
    this.draw();
    this.noteRoom.replaceChildren(...this.notes());
    this.ask();
  }

  ask() {
    const {request, problem} = this.model;
    this.refused = null;
    this.copy.show(request ? () => asRefused(this.snippets(), this.refused) : null);
    if (request) {
      this.line.ask(request.path, request.document);
    } else {
      this.line.drop();
      this.onServer({kind: 'idle'});
      this.refuse(problem);
    }
  }

  onServer(state) {
    this.status.show(state);
    setAttribute(this.stage, 'aria-busy', state.kind === 'waiting' ? 'true' : null);
    this.refused = refusalOf(state);
    if (state.kind === 'problem') this.refuse(state.problem, state);
    if (state.kind === 'answer' || state.kind === 'down') this.clearProblem();
    if (state.kind === 'problem') this.copy.refresh();
    if (state.kind !== 'answer') return;
    this.showAnswer(state.body);
    this.showSelection();
  }

  clearProblem() {
    this.form.clearProblem();
    refill(this.problemRoom, this.status.element);
  }

  refuse(problem, state = {}) {
    const busy = isBusy(state), repairs = busy ? [{label: 'Ask again', apply: state.retry}] : (problem?.repairs ?? this.repairs()).map(({label, patch}) => ({label, apply: () => this.store.set(patch)}));
    if (repairs.length === 0) repairs.push({label: 'start over', apply: () => this.startOver()});
    const reason = (busy ? patienceOf(state) : this.reason?.()) ?? null, placed = this.form.showProblem(problem, repairs, reason);
    refill(this.problemRoom, this.status.element, ...(placed ? [] : [problemBox(problem, repairs, reason)]));
  }

  startOver() {
    this.store.load('');
    this.rebuild();
  }

  /* ---- what is selected ---- */

  paneOf(grid) {
    return Object.keys(this.panes).find(key => this.panes[key] === grid);
  }

  onHover({grid, index}) {
    this.hovered = index === null ? null : {pane: this.paneOf(grid), index};
    this.showSelection();
  }

  onPin({grid, index}) {
    const pin = this.pinOf(this.paneOf(grid), index), again = Object.keys(pin).every(key => pin[key] === this.store.get(key));
    this.player.stop();
    this.store.set(again ? this.pinOf(null, null) : pin);
  }

  /** The state in which a cell is pinned, or none. */
  pinOf(pane, index) {
    return {at: index === null ? '' : `${pane}:${index}`};
  }

  pinned() {
    const [, pane, text] = /^(\w):(\d+)$/.exec(this.store.get('at')) ?? [], grid = this.panes[pane];
    return grid && Number(text) < grid.rows * grid.cols ? {pane, index: Number(text)} : null;
  }

  showSelection() {
    if (!this.model) return;
    const pinned = this.pinned(), selection = this.player.timer ? pinned : this.hovered ?? pinned;
    const marks = Object.fromEntries(Object.keys(this.panes).map(key => [key, {}]));
    if (pinned?.pane === this.walks) this.player.setAt(pinned.index);
    if (pinned) marks[pinned.pane].pinned = [pinned.index];
    if (selection && this.model.outputs) this.select(selection.pane, selection.index, marks);
    for (const [key, grid] of Object.entries(this.panes)) grid.setMarks(marks[key]);
    this.say(selection);
  }

  say(selection) {
    if (!selection || !this.model.outputs) return this.sum.replaceChildren(el('p', {class: 'hint'}, `${this.about} Enter or a click pins, Esc clears.`));
    const {pane, index} = selection, {cols} = this.panes[pane];
    this.sum.replaceChildren(...this.sentence(pane, index));
    announce(this.describe(pane, Math.floor(index / cols), index % cols));
  }
}
