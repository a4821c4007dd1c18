/*
 * What would mend a refused layer: for every rule that it breaks, changes to the state, one click each. The server says what is
 * wrong; this only offers ways out, and leaves the choice.
 */
import {extent} from './windows.js';
import {paddingSides} from './layer.js';

const isCount = value => Number.isInteger(value) && value >= 0;
const isPositive = value => Number.isInteger(value) && value >= 1;
const atLeast = (pair, least) => pair.map(value => (Number.isInteger(value) && value >= least ? value : least));

/** `state` has size, kernel, stride, dilation, padding ('numbers', 'sides' or a word), pad, sides, mode. */
export function layerRepairs(state) {
  const repairs = [];
  const offer = (label, patch) => repairs.push({label, patch});
  for (const [name, least] of [['size', 1], ['kernel', 1], ['stride', 1], ['dilation', 1]])
    if (state[name] && !state[name].every(isPositive)) offer(`${name === 'kernel' ? 'kernel_size' : name} ${atLeast(state[name], least).join(' × ')}`, {[name]: atLeast(state[name], least)});
  if (state.padding === 'numbers' && !state.pad.every(isCount)) offer('padding 0', {pad: atLeast(state.pad, 0)});
  if (state.padding === 'sides' && !(state.sides.length === 4 && state.sides.every(isCount)))
    offer('no padding', {sides: [0, 1, 2, 3].map(i => (isCount(state.sides[i]) ? state.sides[i] : 0))});
  if (state.padding === 'same' && state.stride.some(value => value !== 1)) {
    offer('stride 1', {stride: [1, 1]});
    offer("padding 'same_upper'", {padding: 'same_upper'});
  }
  return repairs.length > 0 ? repairs : sizeRepairs(state);
}

/**
 * Why a layer is refused, as a picture of it would say; null where the server's words are enough. What 'same' promises and a
 * stride takes away is the one rule that cannot be guessed.
 */
export function layerReason(state) {
  if (state.padding !== 'same' || !state.stride.every(isPositive) || state.stride.every(value => value === 1)) return null;
  const places = state.size.map((size, i) => Math.ceil(size / state.stride[i]));
  return `'same' promises as many outputs as inputs, ${state.size.join(' × ')}. A window that moves by ${state.stride.join(' × ')} has only `
    + `${places.join(' × ')} places to stand, however much is padded. 'same_upper' pads for those.`;
}

/* Every parameter is fine by itself, but they do not go together. */
function sizeRepairs(state) {
  const axes = [0, 1].map(i => ({size: state.size[i], kernel: state.kernel[i], stride: state.stride[i], dilation: state.dilation?.[i] ?? 1}));
  const sides = paddingSides(paddingOf(state), axes), repairs = [];
  const most = axes.map((axis, i) => Math.max(sides[2 * i], sides[2 * i + 1]));
  const limit = {reflect: axis => axis.size - 1, circular: axis => axis.size}[state.mode];
  if (limit && axes.some((axis, i) => most[i] > limit(axis))) {
    repairs.push({label: "padding_mode 'replicate'", patch: {mode: 'replicate'}});
    repairs.push({label: 'the most padding that fits', patch: asSides(sides.map((side, i) => Math.min(side, limit(axes[i >> 1]))))});
  }
  const lacks = axes.map((axis, i) => Math.max(0, extent(axis) - axis.size - sides[2 * i] - sides[2 * i + 1]));
  if (lacks.some(lack => lack > 0)) {
    if (axes.some(axis => axis.dilation > 1)) repairs.push({label: 'dilation 1', patch: {dilation: [1, 1]}});
    repairs.push({label: `input ${axes.map((axis, i) => axis.size + lacks[i]).join(' × ')}`, patch: {size: axes.map((axis, i) => axis.size + lacks[i])}});
    repairs.push({label: 'more padding', patch: asSides(sides.map((side, i) => side + Math.ceil(lacks[i >> 1] / 2)))});
  }
  return repairs;
}

/** For channels and groups. */
export function channelRepairs(state) {
  const {ins, outs, groups} = state, repairs = [];
  const common = (a, b) => (b === 0 ? a : common(b, a % b));
  for (const key of ['ins', 'outs', 'groups']) if (!isPositive(state[key])) repairs.push({label: `${CHANNEL_NAMES[key]} 1`, patch: {[key]: 1}});
  if (repairs.length === 0 && (ins % groups !== 0 || outs % groups !== 0)) {
    repairs.push({label: 'groups 1', patch: {groups: 1}});
    if (common(ins, outs) > 1) repairs.push({label: `groups ${common(ins, outs)}`, patch: {groups: common(ins, outs)}});
    repairs.push({label: `${ins % groups ? 'in' : 'out'}_channels ${groups}`, patch: ins % groups ? {ins: groups} : {outs: groups}});
  }
  return [...repairs, ...layerRepairs(state)];
}

const CHANNEL_NAMES = {ins: 'in_channels', outs: 'out_channels', groups: 'groups'};

/** The same for a pooling: its padding is bounded by the kernel. */
export function poolingRepairs(state) {
  const adaptive = state.mode.startsWith('adaptive');
  if (adaptive) return state.output.every(isPositive) ? [] : [{label: 'output_size 1 × 1', patch: {output: [1, 1]}}];
  const repairs = layerRepairs({...state, mode: 'zeros', ...(state.mode === 'max' ? {} : {dilation: [1, 1]}), ...(state.mode === 'lp' ? {padding: 'valid'} : {})});
  const most = [0, 1].map(i => Math.floor((state.dilation[i] * (state.kernel[i] - 1) + 1) / 2));
  if (state.padding === 'numbers' && state.pad.some((pad, i) => pad > most[i])) {
    repairs.unshift({label: `padding ${most.join(' × ')}`, patch: {pad: state.pad.map((pad, i) => Math.min(pad, most[i]))}});
  }
  if (state.mode === 'lp' && !(typeof state.norm === 'number' && state.norm !== 0)) repairs.unshift({label: 'norm_type 2', patch: {norm: 2}});
  if (state.mode === 'avg' && state.divisor === 0) repairs.unshift({label: 'no divisor_override', patch: {divisor: ''}});
  return repairs;
}

const asSides = sides => (sides[0] === sides[1] && sides[2] === sides[3]
  ? {padding: 'numbers', pad: [sides[0], sides[2]]} : {padding: 'sides', sides});

/** The padding of a state as layer.js takes it. */
export const paddingOf = state => ({numbers: state.pad, sides: state.sides}[state.padding] ?? state.padding);

/** The same as a field of a request; undefined where it is the default. */
export function paddingField(state) {
  if (state.padding === 'numbers') return state.pad[0] === state.pad[1] ? (state.pad[0] === 0 ? undefined : state.pad[0]) : state.pad;
  if (state.padding !== 'sides') return state.padding;
  const [top, bottom, left, right] = state.sides;
  return state.sides.length === 4 ? [[top, bottom], [left, right]] : state.sides;
}

/** A pair as a field of a request; undefined where it is the default. */
export const pairField = (pair, unsaid = 1) => (pair[0] !== pair[1] ? pair : pair[0] === unsaid ? undefined : pair[0]);

/** A document without the fields that are undefined. */
export const withoutDefaults = document => Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
