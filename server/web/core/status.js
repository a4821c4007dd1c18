/*
 * How the server is doing: waiting, answered (in how long, by what), refused, gone; and whether its numbers are the page's.
 */
import {el, setAttribute, setText} from './dom.js';
import {downBox} from './problems.js';
import {say} from './numbers.js';

const SLOW_MS = 1500;

export class Status {
  constructor() {
    this.text = el('span', {class: 'status-text'});
    this.badge = el('span', {class: 'badge', hidden: true});
    this.room = el('div');
    this.element = el('div', {class: 'status', role: 'group', 'aria-label': 'Server'}, this.text, this.badge, this.room);
  }

  /** A state of a Line. */
  show(state) {
    clearTimeout(this.timer);
    this.room.replaceChildren(...(state.kind === 'down' ? [downBox(state.text, state.retry)] : []));
    setAttribute(this.element, 'data-kind', state.kind);
    if (state.kind !== 'answer') this.badge.hidden = true;
    if (state.kind === 'waiting') {
      setText(this.text, 'asking the server …');
      this.timer = setTimeout(() => setText(this.text, 'still waiting for the server …'), SLOW_MS);
    } else {
      setText(this.text, SENTENCES[state.kind]?.(state) ?? '');
    }
  }

  /** The page's own reference beside the server's values: `difference` at most, and whether that is within rounding. */
  compare(difference, within) {
    this.badge.hidden = false;
    setAttribute(this.badge, 'data-agrees', String(within));
    setText(this.badge, within ? `server = reference, max |Δ| ${say(difference)}` : `server ≠ reference, max |Δ| ${say(difference)}`);
  }
}

const SENTENCES = {
  answer: ({timing, roundTripMs, algorithm}) => {
    const own = timing.reduce((sum, [, ms]) => sum + ms, 0);
    const parts = timing.map(([name, ms]) => `${name} ${ms}`).join(', ');
    return `answered in ${roundTripMs.toFixed(1)} ms, ${own.toFixed(2)} ms of them in the server${parts ? ` (${parts})` : ''}`
      + (algorithm ? `; algorithm ${algorithm}` : '');
  },
  problem: ({status}) => `refused (${status})`,
  down: () => 'no answer',
  idle: () => '',
};

/** Half a unit in the last place of float32, four times: what a sum may be off, relative to the largest Σ|x·w| (tiles mix neighbours). */
const ROUNDING = 2 ** -22;
const LARGEST = (2 - 2 ** -23) * 2 ** 127, SMALLEST = 2 ** -126; // of float32; products and sums below may be 0

/** Compares a float32 answer, read as decimals, with the reference {values, magnitudes}: [largest difference, within rounding]. */
export function compareValues(answer, {values, magnitudes}) {
  const scale = magnitudes.reduce((largest, one) => (one > largest && one <= LARGEST ? one : largest), 0);
  let most = 0, within = answer.length === values.length;
  for (let i = 0; i < answer.length && within; i++) {
    const said = Math.fround(answer[i]); // its few digits read back to this float32, and to another double
    if (Object.is(said, values[i]) || (Number.isNaN(said) && Number.isNaN(values[i]))) continue;
    if (Number.isFinite(values[i]) && magnitudes[i] > LARGEST) continue; // too large for float32 on the way, if not at the end
    const difference = Math.abs(said - values[i]);
    most = Math.max(most, difference);
    within = Number.isFinite(difference) && difference <= scale * ROUNDING + SMALLEST;
  }
  return [most, within];
}
