/*
 * What would mend a refused layer: for every rule that it breaks, changes to the state, one click each. The server says what is
 * wrong; this only offers ways out, and leaves the choice.
 */
import {extent} from './windows.js';
import {layerAxes, outputSizes, paddingSides} from './layer.js';

const MOST_SIDE = 128; // that a view draws, if it does not say less; twice as much with padding
const isCount = value => Number.isInteger(value) && value >= 0;
const isPositive = value => Number.isInteger(value) && value >= 1;
const PADDINGS = ['numbers', 'sides', 'valid', 'same', 'same_upper', 'same_lower'], MODES = ['zeros', 'reflect', 'replicate', 'circular'];
const atLeast = (pair, least) => pair.map(value => (Number.isInteger(value) && value >= least ? value : least));

/** `state` has size, kernel, stride, dilation, padding ('numbers', 'sides' or a word), pad, sides, mode. */
export function layerRepairs(state) {
  const repairs = [];
  const offer = (label, patch) => repairs.push({label, patch});
  for (const [name, least] of [['size', 1], ['kernel', 1], ['stride', 1], ['dilation', 1]])
    if (state[name] && !state[name].every(isPositive)) offer(`${name === 'kernel' ? 'kernel_size' : name} ${atLeast(state[name], least).join(' × ')}`, {[name]: atLeast(state[name], least)});
  const most = state.most ?? MOST_SIDE, least = pair => pair.map(one => Math.min(one, most));
  for (const name of ['size', 'kernel'])
    if (state[name]?.every(isPositive) && state[name].some(one => one > most)) offer(`${name === 'size' ? 'input' : 'kernel_size'} ${least(state[name]).join(' × ')}`, {[name]: least(state[name])});
  if (state.padding === 'numbers' && !state.pad.every(isCount)) offer('padding 0', {pad: atLeast(state.pad, 0)});
  if (state.padding === 'sides' && !([1, 2, 4].includes(state.sides.length) && state.sides.every(isCount))) {
    const sides = [0, 1, 2, 3].map(i => (isCount(state.sides[i]) ? state.sides[i] : 0));
    offer(`padding ${sides.join(', ')}`, {sides});
  }
  if (!PADDINGS.includes(state.padding)) offer('padding 0', {padding: 'numbers', pad: [0, 0]});
  if (!MODES.includes(state.mode)) offer("padding_mode 'zeros'", {mode: 'zeros'});
  if (typeof state.bias === 'string') offer('bias 0', {bias: 0});
  if (state.padding === 'same' && state.stride.every(isPositive) && state.stride.some(value => value !== 1)) {
    offer('stride 1', {stride: [1, 1]});
    offer("padding 'same_upper'", {padding: 'same_upper'});
  }
  return (repairs.length > 0 ? repairs.map(repair => completed(state, repair)) : sizeRepairs(state)).filter(({patch}) => isDrawn({...state, ...patch}));
}

/* What mends one rule may break that of the sizes: then the input grows too. */
function completed(state, repair) {
  const after = {...state, ...repair.patch}, input = fits(after) ? null : sizeRepairs(after).find(({patch}) => patch.size);
  if (!input) return repair;
  return {label: repair.patch.size ? input.label : `${repair.label}, ${input.label}`, patch: {...repair.patch, ...input.patch}};
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

/* Whether the view would draw what a repair makes, where that is a layer at all. */
function isDrawn(state) {
  const most = state.most ?? MOST_SIDE, axes = layerAxes({...state, padding: paddingOf(state)}, state.size);
  return state.size.every(one => !(one > most)) && state.kernel.every(one => !(one > most)) && !axes?.some(axis => axis.low + axis.size + axis.high > 2 * most);
}

const fits = state => outputSizes(layerAxes({...state, padding: paddingOf(state)}, state.size), state.ceil) !== null;

/* Every parameter is fine by itself, but they do not go together. What would only break another rule is not offered. */
function sizeRepairs(state) {
  const axes = [0, 1].map(i => ({size: state.size[i], kernel: state.kernel[i], stride: state.stride[i], dilation: state.dilation[i]}));
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
    repairs.push({label: 'more padding', patch: asSides(sides.map((side, i) => side + Math.ceil(lacks[i >> 1] / 2)))});
  }
  const size = axes.map((axis, i) => Math.max(axis.size + lacks[i], limit ? most[i] + axis.size - limit(axis) : 0));
  if (String(size) !== String(state.size)) repairs.push({label: `input ${size.join(' × ')}`, patch: {size}});
  return repairs.filter(({patch}) => fits({...state, ...patch}));
}

/** For channels and groups. */
export function channelRepairs(state) {
  const {ins, outs, groups} = state, repairs = [];
  const common = (a, b) => (b === 0 ? a : common(b, a % b));
  for (const key of ['ins', 'outs', 'groups']) {
    const least = key !== 'groups' && isPositive(groups) ? groups : 1;
    if (!isPositive(state[key])) repairs.push({label: `${CHANNEL_NAMES[key]} ${least}`, patch: {[key]: least}});
  }
  if (repairs.length === 0 && (ins % groups !== 0 || outs % groups !== 0)) {
    repairs.push({label: 'groups 1', patch: {groups: 1}});
    if (common(ins, outs) > 1) repairs.push({label: `groups ${common(ins, outs)}`, patch: {groups: common(ins, outs)}});
    const wrong = ['ins', 'outs'].filter(key => state[key] % groups !== 0);
    repairs.push({label: wrong.map(key => `${CHANNEL_NAMES[key]} ${groups}`).join(', '), patch: Object.fromEntries(wrong.map(key => [key, groups]))});
  }
  return [...repairs, ...layerRepairs(state)];
}

const CHANNEL_NAMES = {ins: 'in_channels', outs: 'out_channels', groups: 'groups'};

/** The same for a pooling; `state` has what its mode uses, and `step` where it has a stride of its own. */
export function poolingRepairs(state) {
  const {mode, size, kernel, norm, divisor} = state, repairs = [];
  if (!POOLINGS.includes(mode)) repairs.push({label: "mode 'max'", patch: {mode: 'max'}});
  if (mode === 'lp' && !(typeof norm === 'number' && norm !== 0)) repairs.push({label: 'norm_type 2', patch: {norm: 2}});
  if (mode === 'avg' && divisor !== '' && !(Number.isInteger(divisor) && divisor !== 0)) repairs.push({label: 'no divisor_override', patch: {divisor: ''}});
  if (mode.startsWith('adaptive')) {
    for (const [name, pair] of [['size', size], ['output', state.output]])
      if (!pair.every(isPositive)) repairs.push({label: `${name === 'output' ? 'output_size' : name} ${atLeast(pair, 1).join(' × ')}`, patch: {[name]: atLeast(pair, 1)}});
    return repairs;
  }
  const stride = state.step ? state.stride : kernel.every(isPositive) ? kernel : [1, 1];
  const layer = {...state, stride, mode: 'zeros', padding: mode === 'lp' ? 'valid' : state.padding === 'same' ? 'same_upper' : state.padding};
  const others = layerRepairs(layer).filter(({patch}) => mode !== 'lp' || !patch.padding).map(repair => {
    const [bound] = ['kernel', 'dilation', 'pad', 'sides'].some(key => repair.patch[key]) ? boundRepairs({...layer, ...repair.patch}) : [];
    return bound ? {label: `${repair.label}, ${bound.label}`, patch: {...repair.patch, ...bound.patch}} : repair;
  });
  return [...repairs, ...boundRepairs(layer), ...others];
}

const POOLINGS = ['max', 'avg', 'lp', 'adaptive_max', 'adaptive_avg'];

/* Its padding is bounded by what the kernel spans: numbers by half of it, each side by itself by less than that. */
function boundRepairs({padding, pad, sides, kernel, dilation}) {
  if (!kernel.every(isPositive) || !dilation.every(isPositive)) return [];
  const spans = [0, 1].map(i => extent({kernel: kernel[i], dilation: dilation[i]})), most = spans.map(span => Math.floor(span / 2));
  const within = padding === 'sides' ? sides.map((side, i) => Math.min(side, spans[i >> 1] - 1)) : pad.map((one, i) => Math.min(one, most[i]));
  if (padding === 'numbers' && pad.every(isCount) && String(within) !== String(pad)) return [{label: `padding ${within.join(' × ')}`, patch: {pad: within}}];
  if (padding === 'sides' && sides.length === 4 && sides.every(isCount) && String(within) !== String(sides)) return [{label: `padding ${within.join(', ')}`, patch: {sides: within}}];
  return [];
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
export const pairField = (pair, unsaid = 1) => (pair.length !== 2 || pair[0] !== pair[1] ? pair : pair[0] === unsaid ? undefined : pair[0]);

/** A document without the fields that are undefined. */
export const withoutDefaults = document => Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
