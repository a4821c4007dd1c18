/*
 * A view's state, and how it stands in the address behind '#': `#/explore?kernel=3,3&stride=2,1`. What has its default is left
 * out. Whatever somebody typed stays as it is, so that a link shows the same refusal too.
 */
import {readNumber, readSizes} from './numbers.js';

export const TYPES = {
  number: {read: readNumber, write: String},
  pair: {read: text => pairOf(text.split(',').map(readNumber)), write: value => value.join(',')},
  list: {read: readSizes, write: value => value.join(',')},
  word: {read: text => text, write: String},
  flag: {read: text => text === '1', write: value => (value ? '1' : '0')},
};

const HALVES = /\p{Surrogate}/gu; // of characters: encodeURIComponent() throws at them

/* What may stand in an address as it is, or reads better so. */
const PLAIN = {'%2C': ',', '%3B': ';', '%3A': ':', '%20': '+'};

const pairOf = list => (list.length === 1 ? [list[0], list[0]] : list);

/** '#/explore?a=1' as {view: 'explore', text: 'a=1'}. */
export function readHash(hash) {
  const [, view, text] = /^#\/?([a-z]*)\??(.*)$/s.exec(hash) ?? ['', '', ''];
  return {view, text: text ?? ''};
}

/**
 * Holds a state described by `schema`, {name: [type, default]}, and calls back whenever it changes.
 */
export class Store {
  constructor(schema) {
    this.schema = schema;
    this.listeners = [];
    this.state = this.defaults();
  }

  defaults() {
    return Object.fromEntries(Object.entries(this.schema).map(([name, [, value]]) => [name, structuredClone(value)]));
  }

  get(name) {
    return this.state[name];
  }

  set(patch) {
    const changed = Object.keys(patch).filter(name => JSON.stringify(this.state[name]) !== JSON.stringify(patch[name]));
    if (changed.length === 0) return;
    this.state = {...this.state, ...patch};
    this.listeners.forEach(listener => listener(this.state, changed));
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  /** The state as text: what differs from the defaults. */
  text() {
    return Object.entries(this.schema)
      .map(([name, [type, value]]) => [name, TYPES[type].write(this.state[name]), TYPES[type].write(value)])
      .filter(([, now, before]) => now !== before)
      .map(([name, now]) => `${name}=${encodeURIComponent(now.replace(HALVES, '\ufffd')).replace(/%(2C|3B|3A|20)/g, code => PLAIN[code])}`).join('&');
  }

  load(text) {
    const patch = this.defaults();
    for (const part of text.split('&')) {
      const at = part.indexOf('='), name = part.slice(0, at);
      if (at < 0 || !Object.hasOwn(this.schema, name)) continue;
      patch[name] = TYPES[this.schema[name][0]].read(decode(part.slice(at + 1)));
    }
    this.set(patch);
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
