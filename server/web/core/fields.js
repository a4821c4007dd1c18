/*
 * Form fields over a Store. A field never changes what was typed: the server judges it, and its words appear at the field that
 * the problem points at.
 *
 * A field is described by {kind, key, label, hint, pointer, …}; kinds are number, pair, list, choice, stops, flag, text, paste.
 */
import {el, freshId, setAttribute, setText} from './dom.js';
import {readNumber, readSizes, stepped} from './numbers.js';
import {problemBox} from './problems.js';

export class Form {
  constructor(store, fields) {
    this.store = store;
    this.fields = fields.map(field => new FIELDS[field.kind](store, field));
    this.element = el('div', {class: 'fields', role: 'group', 'aria-label': 'Parameters'}, this.fields.map(field => field.element));
    store.onChange(state => this.show(state));
    this.show(store.state);
  }

  show(state) {
    for (const field of this.fields) {
      const hidden = field.description.when ? !field.description.when(state) : false;
      field.element.hidden = hidden;
      if (!hidden) field.show(state[field.description.key]);
    }
  }

  /** Puts a problem at its field; false when no field here is meant. `repairs` is [{label, apply}]. */
  showProblem(problem, repairs, reason = null) {
    this.clearProblem();
    const field = this.fields.find(one => !one.element.hidden && pointsAt(problem?.pointer, one.description.pointer));
    if (!field) return false;
    field.refuse(problemBox(problem, repairs, reason));
    return true;
  }

  clearProblem() {
    this.fields.forEach(field => field.accept());
  }
}

const pointsAt = (pointer, place) => Boolean(pointer && place) && [place].flat().some(one => pointer === one || pointer.startsWith(`${one}/`));

/* What all kinds share: a label, a hint, and room for a problem. */
class Field {
  constructor(store, description, name = 'div') {
    this.store = store;
    this.description = description;
    this.id = freshId(description.key);
    this.hint = description.hint ? el('p', {class: 'hint', id: `${this.id}-hint`}, description.hint) : null;
    this.problem = el('div', {id: `${this.id}-problem`});
    this.element = el(name, {class: `field field-${description.kind}`, 'data-key': description.key});
  }

  inputProps(extra = {}) {
    return {id: this.id, name: this.description.key, 'aria-describedby': this.hint?.id, autocomplete: 'off', spellcheck: 'false', ...extra};
  }

  label(target = this.id) {
    return el('label', {for: target}, this.description.label);
  }

  change(value) {
    this.store.set({[this.description.key]: value});
  }

  refuse(box) {
    this.problem.replaceChildren(box);
    for (const input of this.inputs) {
      setAttribute(input, 'aria-invalid', 'true');
      setAttribute(input, 'aria-describedby', [this.hint?.id, this.problem.id].filter(Boolean).join(' '));
    }
  }

  accept() {
    if (!this.problem.firstChild) return;
    if (this.problem.contains(document.activeElement)) this.inputs[0].focus(); // (a repair that was taken by keyboard)
    this.problem.replaceChildren();
    for (const input of this.inputs) {
      setAttribute(input, 'aria-invalid', null);
      setAttribute(input, 'aria-describedby', this.hint?.id ?? null);
    }
  }
}

const numberInput = props => el('input', {type: 'text', inputmode: 'decimal', size: 5, ...props});

/* A text field that holds a number keeps its steps on the arrow keys, and takes whatever is typed. */
function stepOnArrows(input, change) {
  input.addEventListener('keydown', event => {
    const step = {ArrowUp: 1, ArrowDown: -1}[event.key], value = readNumber(input.value);
    if (!step || typeof value !== 'number') return;
    event.preventDefault();
    input.value = String(stepped(value, step));
    change();
  });
}

function showIn(input, value) {
  if (document.activeElement === input && readNumber(input.value) === value) return;
  if (input.value !== String(value)) input.value = String(value);
}

class NumberField extends Field {
  constructor(store, description) {
    super(store, description);
    const change = () => this.change(readNumber(this.input.value));
    this.input = numberInput(this.inputProps({oninput: change}));
    stepOnArrows(this.input, change);
    this.inputs = [this.input];
    this.element.append(this.label(), stepper(this.input, change, description.label), ...[this.hint, this.problem].filter(Boolean));
  }

  show(value) {
    showIn(this.input, value);
  }
}

/* − and + for pointers; the keyboard has its arrows in the field. */
function stepper(input, change, label) {
  const step = by => () => {
    const value = readNumber(input.value);
    input.value = String(stepped(typeof value === 'number' ? value : 0, by));
    change();
  };
  return el('span', {class: 'stepper'},
    el('button', {type: 'button', tabindex: -1, 'aria-label': `${label}: less`, onclick: step(-1)}, '−'), input,
    el('button', {type: 'button', tabindex: -1, 'aria-label': `${label}: more`, onclick: step(1)}, '+'));
}

/* Height and width; linked, one follows the other. */
class PairField extends Field {
  constructor(store, description) {
    super(store, description, 'fieldset');
    this.linked = true;
    this.inputs = [0, 1].map(i => this.makeInput(i));
    this.link = el('button', {type: 'button', class: 'link', 'aria-pressed': 'true', 'aria-label': `${description.label}: width follows height`,
      title: 'width follows height', onclick: () => this.toggle()}, '=');
    this.element.append(el('legend', {}, description.label),
      el('span', {class: 'pair'}, this.steppers[0], this.link, this.steppers[1]), ...[this.hint, this.problem].filter(Boolean));
  }

  makeInput(i) {
    const name = `${this.description.label}, ${['height', 'width'][i]}`;
    const change = () => this.onInput(i);
    const input = numberInput(this.inputProps({id: i ? `${this.id}-w` : this.id, 'aria-label': name, oninput: change}));
    stepOnArrows(input, change);
    (this.steppers ??= [])[i] = stepper(input, change, name);
    return input;
  }

  onInput(i) {
    const value = readNumber(this.inputs[i].value), pair = [...this.store.get(this.description.key)];
    pair[i] = value;
    if (this.linked) pair[1 - i] = value;
    this.change(pair);
  }

  toggle(linked = !this.linked) {
    this.linked = linked;
    setAttribute(this.link, 'aria-pressed', String(linked));
    if (linked) this.onInput(0);
  }

  show(pair) {
    if (pair[0] !== pair[1] && this.linked) {
      this.linked = false;
      setAttribute(this.link, 'aria-pressed', 'false');
    }
    this.inputs.forEach((input, i) => showIn(input, pair[i]));
  }
}

/* `also(value)` gives what else of the state a choice changes; `note(state)` takes the hint's place where it is not null. */
class ChoiceField extends Field {
  constructor(store, description) {
    super(store, description);
    this.input = el('select', this.inputProps({onchange: () => this.store.set({[description.key]: this.input.value, ...description.also?.(this.input.value)})}));
    this.offer(description.options);
    this.inputs = [this.input];
    this.element.append(this.label(), this.input, ...[this.hint, this.problem].filter(Boolean));
  }

  /** `options` is [[value, label], …]. */
  offer(options) {
    this.input.replaceChildren(...options.map(([value, label]) => el('option', {value}, label)));
  }

  show(value) {
    const known = [...this.input.options].some(option => option.value === value);
    if (!known) this.input.append(el('option', {value}, value));
    this.input.value = value;
    if (this.description.note) setText(this.hint, this.description.note(this.store.state) ?? this.description.hint);
  }
}

class FlagField extends Field {
  constructor(store, description) {
    super(store, description);
    this.input = el('input', this.inputProps({type: 'checkbox', onchange: () => this.change(this.input.checked)}));
    this.inputs = [this.input];
    this.element.append(el('span', {class: 'flag'}, this.input, this.label()), ...[this.hint, this.problem].filter(Boolean));
  }

  show(value) {
    this.input.checked = value;
  }
}

class TextField extends Field {
  constructor(store, description) {
    super(store, description);
    this.input = el('input', this.inputProps({type: 'text', oninput: () => this.change(this.input.value), placeholder: description.placeholder}));
    this.inputs = [this.input];
    this.element.append(this.label(), this.input, ...[this.hint, this.problem].filter(Boolean));
  }

  show(value) {
    showIn(this.input, value);
  }
}

/* A slider over the few values that are possible; `stops(state)` lists them, `say(value, state)` puts one into words. */
class StopsField extends Field {
  constructor(store, description) {
    super(store, description);
    this.input = el('input', this.inputProps({type: 'range', min: 0, step: 1, oninput: () => this.change(this.stops[Number(this.input.value)])}));
    this.words = el('output', {for: this.id, class: 'hint'});
    this.inputs = [this.input];
    this.element.append(this.label(), this.input, this.words, ...[this.hint, this.problem].filter(Boolean));
  }

  show(value) {
    const {state} = this.store, words = this.description.say(value, state);
    this.stops = this.description.stops(state);
    setAttribute(this.input, 'max', this.stops.length - 1);
    this.input.value = String(Math.max(0, this.stops.indexOf(value)));
    setAttribute(this.input, 'aria-valuetext', words);
    if (this.words.textContent !== words) this.words.textContent = words;
  }
}

/* A line of PyTorch, from which other fields are filled; `take(text)` says what came of it, or throws what cannot be read. */
class PasteField extends Field {
  constructor(store, description) {
    super(store, description, 'form');
    this.input = el('input', this.inputProps({type: 'text', placeholder: description.placeholder}));
    this.inputs = [this.input];
    this.said = el('p', {class: 'hint', role: 'status'});
    this.element.addEventListener('submit', event => this.onSubmit(event));
    this.element.append(this.label(), el('span', {class: 'paste'}, this.input, el('button', {}, 'Use')), ...[this.hint, this.said].filter(Boolean));
  }

  onSubmit(event) {
    event.preventDefault();
    try {
      this.said.textContent = this.description.take(this.input.value, this.store);
    } catch (error) {
      this.said.textContent = `Not taken: ${error.message}.`;
    }
  }

  show() {}
}

/* Numbers with commas between them. */
class ListField extends TextField {
  change(text) {
    super.change(readSizes(text));
  }

  show(value) {
    const text = value.join(',');
    if (document.activeElement === this.input && readSizes(this.input.value).join(',') === text) return;
    if (this.input.value !== text) this.input.value = text;
  }
}

const FIELDS = {list: ListField, stops: StopsField, paste: PasteField, number: NumberField, pair: PairField, choice: ChoiceField, flag: FlagField, text: TextField};
