/*
 * The page: which view is shown, and its state in the address.
 */
import {announce, debounce, el, setAttribute} from './core/dom.js';
import {readHash} from './core/fragment.js';
import * as channels from './views/channels.js';
import * as explore from './views/explore.js';
import * as image from './views/image.js';
import * as pool from './views/pool.js';
import * as stack from './views/stack.js';

const VIEWS = [explore, channels, pool, image, stack];
const FIRST = VIEWS[0];
const QUIET_MS = 120; // between two changes of the address

const main = document.getElementById('main');
const room = document.getElementById('view');
const tabs = document.getElementById('views');
const made = new Map();
let shown = null, wrote = -Infinity, address = null; // (when the address was written, and what it is then)

function makeTabs() {
  tabs.replaceChildren(...VIEWS.map(view => el('a', {href: `#/${view.name}`, 'data-view': view.name}, view.title)), el('a', {href: '/docs'}, 'Docs'));
}

function viewOf(module) {
  if (!made.has(module)) {
    const view = new module.View();
    view.store.onChange(() => onChange(module));
    made.set(module, view);
  }
  return made.get(module);
}

const hashOf = (module, text = made.get(module).store.text()) => `#/${module.name}${text ? `?${text}` : ''}`;

/* Edits replace the address: a step back leaves the view, not the last keystroke. One that has moved since is that of another state, which
 * is about to be shown. */
function writeHash(module) {
  wrote = performance.now();
  if (made.get(module) !== shown || hashOf(module) === location.hash || location.hash !== address) return;
  try {
    history.replaceState(null, '', hashOf(module));
    address = location.hash;
  } catch { // (no more for now, says the browser; the tab's link has it)
  }
}

const writeHashSoon = debounce(writeHash, QUIET_MS);

/* Browsers take few changes of the address, WebKit 100 in ten seconds: the first of many edits, some between, and the last. */
function onChange(module) {
  for (const tab of tabs.children) if (tab.dataset.view === module.name) setAttribute(tab, 'href', hashOf(module));
  if (made.get(module) !== shown) return;
  if (performance.now() - wrote > QUIET_MS) writeHash(module);
  else writeHashSoon(module);
}

function show() {
  address = location.hash;
  const {view: name, text} = readHash(location.hash);
  const module = VIEWS.find(view => view.name === name) ?? FIRST, view = viewOf(module);
  const heading = document.getElementById('heading');
  if (view !== shown) {
    const before = shown;
    shown = view; // (first: what the other leaves behind is not of this address)
    before?.hide();
    heading.textContent = module.title;
    document.getElementById('about').textContent = module.about;
    document.title = `${module.title} – convd`;
    room.replaceChildren(view.element);
    for (const tab of tabs.children) setAttribute(tab, 'aria-current', tab.dataset.view === module.name ? 'page' : null);
    announce(module.title);
  }
  view.load(text);
}

makeTabs();
document.querySelector('.skip').addEventListener('click', event => { // (the address behind '#' is the state's)
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', show);
addEventListener('click', writeHashSoon.now, {capture: true}); // (a link may lead away from what was edited just now)
show();
