/*
 * How the server is doing: waiting, answered (in how long, by what), refused, gone; and whether its numbers are the page's.
 */
import {el, refill, setAttribute, setText} from './dom.js';
import {downBox} from './problems.js';
import {say} from './numbers.js';

const SLOW_MS = 1500;

export class Status {
  constructor() {
    this.text = el('span', {class: 'status-text'});
    this.badge = el('span', {class: 'badge', hidden: true});
    this.room = el('div');
    this.element = el('div', {class: 'status', role: 'group', 'aria-label': 'Server', tabindex: -1}, this.text, this.badge, this.room);
  }

  /** A state of a Line. */
  show(state) {
    clearTimeout(this.timer);
    refill(this.room, this.element, ...(state.kind === 'down' ? [downBox(state)] : []));
    setAttribute(this.element, 'data-kind', state.kind);
    if (state.kind !== 'answer') this.badge.hidden = true;
    if (state.kind === 'waiting') {
      setText(this.text, 'asking the server …');
      this.timer = setTimeout(() => setText(this.text, 'still waiting for the server …'), SLOW_MS);
    } else {
      setText(this.text, SENTENCES[state.kind]?.(state) ?? '');
    }
  }

  /** The page's own reference beside the server's values, by a result of compareValues; or `other` says in words what differs. */
  compare({difference, within, skipped = 0, count = Infinity}, other = difference === undefined ? 'another size' : null) {
    const beyond = skipped === count ? ': sums leave the range of float32' : skipped > 0 ? `; ${skipped} of ${count} leave the range of float32` : '';
    this.badge.hidden = false;
    setAttribute(this.badge, 'data-agrees', skipped === count ? 'unknown' : String(within && !other));
    setText(this.badge, other ? `server ≠ reference: ${other}` : skipped === count ? `not compared${beyond}` : `server ${within ? '=' : '≠'} reference, max |Δ| ${say(difference)}${beyond}`);
  }
}

const SENTENCES = {
  answer: ({timing, roundTripMs, algorithm}) => {
    const own = timing.reduce((sum, [, ms]) => sum + ms, 0);
    const parts = timing.map(([name, ms]) => `${name} ${ms}`).join(', ');
    return `answered in ${roundTripMs.toFixed(1)} ms${parts ? `, ${own.toFixed(2)} ms of them in the server (${parts})` : ''}`
      + (algorithm ? `; algorithm ${algorithm}` : '');
  },
  problem: ({status}) => `refused (${status})`,
  down: () => 'no answer',
  idle: () => '',
};

/** Several comparisons as one. */
export const worstOf = results => ({
  difference: results.some(one => one.difference === undefined) ? undefined : Math.max(...results.map(one => one.difference)),
  within: results.every(one => one.within),
  skipped: results.reduce((sum, one) => sum + one.skipped, 0),
  count: results.reduce((sum, one) => sum + one.count, 0),
});

/** Half a unit in the last place of float32: what each term of a sum may add to its error, relative to Σ|x·w|. */
const ROUNDING = 2 ** -24;
const LARGEST = (2 - 2 ** -23) * 2 ** 127, SMALLEST = 2 ** -126; // of float32; products and sums below may be 0

/**
 * Compares a float32 answer, read as decimals, with the reference {values, magnitudes, reaches, terms}, `terms` being how many each sum
 * has: {difference, within, skipped, count}, the largest difference, undefined where their sizes differ, and whether it is within
 * rounding. The largest magnitude counts for all, as tiles mix neighbours, but where each is made `alone`. Sums that reach beyond
 * float32 on their way, if not at the end, are skipped.
 */
export function compareValues(answer, {values, magnitudes, reaches = [], terms = 4, alone = false}) {
  const largest = magnitudes.reduce((most, one) => (one > most && one <= LARGEST ? one : most), 0), count = answer.length;
  let difference = 0, within = true, skipped = 0;
  if (count !== values.length) return {difference: undefined, within: false, skipped, count};
  for (let i = 0; i < count; i++) {
    const said = Math.fround(answer[i]); // its few digits read back to this float32, and to another double
    if (Object.is(said, values[i]) || (Number.isNaN(said) && Number.isNaN(values[i]))) continue;
    if (reaches[i] > LARGEST) {
      skipped++;
      continue;
    }
    const apart = Math.abs(said - values[i]);
    difference = Math.max(difference, apart);
    within &&= Number.isFinite(apart) && apart <= (alone ? magnitudes[i] : largest) * Math.max(4, terms) * ROUNDING + SMALLEST;
  }
  return {difference, within, skipped, count};
}
