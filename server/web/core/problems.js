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

/** Whether a refusal says nothing of what was asked: it may be none in a moment, or elsewhere. convd's own of these statuses do. */
export const isBusy = ({status, problem}) => status !== undefined && !([400, 413, 422].includes(status) && problem.type?.startsWith('/problems/'));

/** The problem of an answer that refuses what was asked, else null. */
export const refusalOf = state => (state.kind === 'problem' && !isBusy(state) ? state.problem : null);

/** How long a busy server asks to be left alone, in words. */
export const patienceOf = ({retryAfter}) => (retryAfter ? `It asks for ${/^\d+$/.test(retryAfter) ? `${retryAfter} s of patience` : `patience until ${retryAfter}`}.` : null);

/** The server did not answer, or not as convd does: a state of a Line. */
export const downBox = ({text, retry, ...state}) =>
  el('div', {class: 'problem', role: 'alert'},
    el('p', {}, el('strong', {}, 'No answer'), `: ${text}.`),
    patienceOf(state) ? el('p', {class: 'reason'}, patienceOf(state)) : null,
    el('p', {class: 'actions'}, el('button', {type: 'button', onclick: retry}, 'Ask again')));
