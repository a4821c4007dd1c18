/*
 * Small helpers over the DOM. Text goes in as text nodes only: nothing here parses HTML.
 */
const SVG = 'http://www.w3.org/2000/svg';

/** An element: el('button', {type: 'button', class: 'x', onclick: f, 'aria-pressed': 'true'}, 'text', child, …). */
export const el = (name, props = {}, ...children) => fill(document.createElement(name), props, children);

/** The same in SVG. */
export const svg = (name, props = {}, ...children) => fill(document.createElementNS(SVG, name), props, children);

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

/** Sets or removes an attribute; touches the document only where something changes. */
export function setAttribute(element, name, value) {
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Fills a room anew; a focus that was in it goes beside, and not to nowhere. */
export function refill(room, beside, ...children) {
  const held = room.contains(document.activeElement);
  room.replaceChildren(...children);
  if (held) beside.focus();
}

let serial = 0;
/** An id that no other element has. */
export const freshId = stem => `${stem}-${++serial}`;

/** Calls `run` when `ms` have passed without another call, or at once where `now()` is called before. */
export function debounce(run, ms) {
  let timer = 0, waiting = null;
  const now = () => {
    clearTimeout(timer);
    const args = waiting;
    waiting = null;
    if (args) run(...args);
  };
  return Object.assign((...args) => {
    clearTimeout(timer);
    waiting = args;
    timer = setTimeout(now, ms);
  }, {now});
}

/** Says something to those who do not see it, politely and once; only the last of several in quick succession. */
export const announce = debounce(text => setText(document.getElementById('live'), text), 150);
