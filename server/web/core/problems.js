/*
 * A refusal in the server's own words, with what mends it as buttons.
 */
import {el} from './dom.js';

/** `problem` as the server sent it (RFC 9457); `repairs` is [{label, apply}], `reason` a sentence of the page's own. */
export function problemBox(problem, repairs = [], reason = null) {
  return el('div', {class: 'problem', role: 'alert'},
    el('p', {}, el('strong', {}, problem.title ?? 'Refused'), ': ', problem.detail ?? ''),
    reason ? el('p', {class: 'reason'}, reason) : null,
    el('p', {class: 'actions'},
      repairs.map(({label, apply}) => el('button', {type: 'button', onclick: apply}, label)),
      problem.type?.startsWith('/problems/') ? el('a', {href: problem.type}, 'what this means') : null));
}

/** Whether a refusal may be none in a moment. */
export const isBusy = ({status}) => status === 503 || status === 408;

/** The server did not answer, or not as convd does. */
export const downBox = (text, retry) =>
  el('div', {class: 'problem', role: 'alert'},
    el('p', {}, el('strong', {}, 'No answer'), `: ${text}.`),
    el('p', {class: 'actions'}, el('button', {type: 'button', onclick: retry}, 'Ask again')));
