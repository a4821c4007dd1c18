/*
 * The command to take home, in four languages.
 */
import {announce, el, freshId, setAttribute, setText} from './dom.js';

const LANGUAGES = [['curl', 'curl'], ['pytorch', 'PyTorch'], ['python', 'Python'], ['javascript', 'JavaScript']];

export class CopyPanel {
  constructor() {
    const id = freshId('snippet');
    this.language = 'curl';
    this.snippets = {};
    this.tabs = LANGUAGES.map(([name, label]) => el('button', {type: 'button', role: 'tab', id: `${id}-${name}`, 'aria-controls': id, 'data-language': name,
      onclick: () => this.choose(name), onkeydown: event => this.onKey(event)}, label));
    this.code = el('code');
    this.box = el('pre', {id, role: 'tabpanel', tabindex: 0}, this.code);
    this.button = el('button', {type: 'button', class: 'copy', onclick: () => this.copy()}, 'Copy');
    this.element = el('section', {class: 'copy-panel', 'aria-label': 'Take it home'},
      el('h2', {}, 'Take it home'), el('div', {class: 'tabs', role: 'tablist', 'aria-label': 'Language'}, this.tabs), this.button, this.box);
    this.choose('curl');
  }

  /** `make` returns {curl, pytorch, python, javascript}; called when something is to be shown. */
  show(make) {
    this.make = make;
    this.refresh();
  }

  refresh() {
    this.snippets = this.make?.() ?? {};
    const text = this.snippets[this.language] ?? '';
    if (text !== this.code.textContent) this.rest(); // (what was copied is not this)
    setText(this.code, text);
    this.element.hidden = !this.make;
  }

  choose(name) {
    this.language = name;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.language === name;
      setAttribute(tab, 'aria-selected', String(chosen));
      setAttribute(tab, 'tabindex', chosen ? 0 : -1);
      if (chosen) setAttribute(this.box, 'aria-labelledby', tab.id);
    }
    this.refresh();
  }

  onKey(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const at = LANGUAGES.findIndex(([name]) => name === this.language);
    const next = (at + step + LANGUAGES.length) % LANGUAGES.length;
    this.choose(LANGUAGES[next][0]);
    this.tabs[next].focus();
  }

  async copy() {
    try {
      const text = this.snippets[this.language] ?? '';
      await navigator.clipboard.writeText(text);
      if (text === this.code.textContent) this.said('Copied');
    } catch { // no permission, or not a secure origin: the text is selected instead
      getSelection().selectAllChildren(this.code);
      this.said('Selected: press Ctrl+C');
    }
  }

  said(text) {
    setText(this.button, text);
    announce(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), 2000);
  }

  rest() {
    clearTimeout(this.timer);
    setText(this.button, 'Copy');
  }
}
