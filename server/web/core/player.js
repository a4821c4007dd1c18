/*
 * Goes through the cells of an output one after another: play, pause, step, scrub, speed. Paused until somebody plays it.
 */
import {el, setAttribute, setText} from './dom.js';

const SPEEDS = [['slow', 1200], ['normal', 500], ['fast', 120]];

export class Player {
  /** `go(index)` shows a cell. */
  constructor(go, what = 'output') {
    this.go = go;
    this.count = -1;
    this.at = 0;
    this.timer = 0;
    this.pause = 500;
    this.button = el('button', {type: 'button', class: 'play', onclick: () => (this.timer ? this.stop() : this.play())}, 'Play');
    this.slider = el('input', {type: 'range', min: 0, max: 0, value: 0, 'aria-label': `${what} cell`, oninput: () => this.show(Number(this.slider.value))});
    this.speed = el('select', {'aria-label': 'speed', onchange: () => this.setPause(Number(this.speed.value))},
      SPEEDS.map(([label, ms]) => el('option', {value: ms, selected: ms === this.pause}, label)));
    this.place = el('output', {class: 'place'});
    this.element = el('div', {class: 'player', role: 'group', 'aria-label': `Walk through the ${what}`},
      el('button', {type: 'button', 'aria-label': 'previous cell', onclick: () => this.step(-1)}, '◀'), this.button,
      el('button', {type: 'button', 'aria-label': 'next cell', onclick: () => this.step(1)}, '▶'), this.slider, this.place, this.speed);
  }

  setCount(count) {
    if (count === this.count) return;
    this.count = count;
    this.at = Math.min(this.at, Math.max(0, count - 1));
    setAttribute(this.slider, 'max', Math.max(0, count - 1));
    this.element.hidden = count === 0;
    if (count === 0) this.stop();
    this.showPlace();
  }

  setAt(index) {
    this.at = index;
    this.showPlace();
  }

  showPlace() {
    this.slider.value = String(this.at);
    setText(this.place, this.count ? `${this.at + 1} of ${this.count}` : '');
  }

  show(index) {
    this.setAt(index);
    this.go(index);
  }

  step(by) {
    if (this.count > 0) this.show((this.at + by + this.count) % this.count);
  }

  play() {
    setText(this.button, 'Pause');
    this.step(this.at === this.count - 1 ? 1 : 0);
    this.timer = setInterval(() => (this.at === this.count - 1 ? this.stop() : this.step(1)), this.pause);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    setText(this.button, 'Play');
  }

  setPause(ms) {
    this.pause = ms;
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = setInterval(() => (this.at === this.count - 1 ? this.stop() : this.step(1)), ms);
  }
}
