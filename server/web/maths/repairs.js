/*
 * What would mend a refused layer: for every rule that it breaks, changes to the state, one click each. The server says what is
 * wrong; this only offers ways out, and leaves the choice.
 */
import {extent, overhang} from './windows.js';
import {MODES, isCount, isPositive, layerAxes, outputSizes, paddingSides} from './layer.js';

const MOST_SIDE = 128, MOST_CHANNELS = 16; // that a view draws, if it does not say less; twice as much with padding
const MOST_STEP = 2 ** 31 - 1; // of a stride or dilation, for the server
const MOST_STEPS = 6; // from a state where everything is wrong to one that computes
const PADDINGS = ['numbers', 'sides', 'valid', 'same', 'same_upper', 'same_lower'];
export const POOLINGS = ['max', 'avg', 'lp', 'adaptive_max', 'adaptive_avg'];

/**
 * For a convolution. `state` has size, kernel, stride, dilation, padding ('numbers', 'sides' or a word), pad, sides, mode; and where they
 * are not the usual ones `most` and `mostPadded`, the sides that the view draws, and `fixed`, what must stay as it is.
 */
export const layerRepairs = state => repairsOf(state, layerFaults);

/** The same with channels and groups. */
export const channelRepairs = state => repairsOf(state, channelFaults);

/** The same for a pooling, with `step` where it has a stride of its own; `effective(state)` is a state without what its mode does not use. */
export const poolingRepairs = (state, effective) => repairsOf(state, one => poolingFaults(effective(one)));

/*
 * `faultsOf(state)` gives the changes that mend what is broken first, and none for a state that the server takes and the view draws. What mends
 * one rule may break another: a repair goes on until nothing is broken, and is not offered where that does not come about.
 */
function repairsOf(state, faultsOf) {
  const found = faultsOf(state).map(patch => settled(state, patch, faultsOf, MOST_STEPS)).filter(Boolean).map(patch => [wordsOf(patch), patch]);
  return [...new Map(found.map(([words, patch]) => [words.toSorted().join(), {label: words.join(', '), patch}])).values()];
}

function settled(state, patch, faultsOf, steps) {
  const next = faultsOf({...state, ...patch});
  if (next.length === 0) return patch;
  if (steps === 0) return null;
  for (const more of next.sort((a, b) => !a.size - !b.size)) { // (the input rather than what else was asked for)
    const found = settled(state, {...patch, ...more}, faultsOf, steps - 1);
    if (found) return found;
  }
  return null;
}

function wordsOf(patch) {
  const words = Object.entries(patch).map(([key, value]) => (SAID[key] ? SAID[key](value, patch) : `${NAMES[key] ?? key} ${[value].flat().join(' × ')}`));
  return words.filter(Boolean);
}

/** What PyTorch calls a key of a state. */
export const NAMES = {size: 'input', kernel: 'kernel_size', ins: 'in_channels', outs: 'out_channels', groups: 'groups', norm: 'norm_type'};
const SAID = {
  mode: value => `${MODES.includes(value) ? 'padding_mode' : 'mode'} '${value}'`,
  padding: value => value !== 'numbers' && value !== 'sides' && `padding '${value}'`,
  pad: (value, {padding = 'numbers'}) => padding === 'numbers' && `padding ${value.join(' × ')}`,
  sides: (value, {padding = 'sides'}) => padding === 'sides' && `padding ${value.join(', ')}`,
  output: value => `output_size ${value.map(one => (one === '' ? 'None' : one)).join(' × ')}`,
  divisor: () => 'no divisor_override',
};

const bounded = (value, most) => (isPositive(value) ? Math.min(value, most) : 1);

/* [{key: pair}] where a pair is not within its bounds, with the pair that is. */
function boundPairs(state, names, most) {
  return names.flatMap(name => {
    const pair = [0, 1].map(i => bounded(state[name][i], most));
    return String(pair) === String(state[name]) ? [] : [{[name]: pair}];
  });
}

function layerFaults(state) {
  const {padding, pad, sides, stride, mode, most = MOST_SIDE, fixed = []} = state, drawn = ['size', 'kernel'].filter(name => !fixed.includes(name));
  const faults = [...boundPairs(state, drawn, most), ...boundPairs(state, ['stride', 'dilation'], MOST_STEP)];
  if (padding === 'numbers' && !(pad.length === 2 && pad.every(isCount))) faults.push({pad: [0, 1].map(i => (isCount(pad[i]) ? pad[i] : 0))});
  if (padding === 'sides' && !([1, 2, 4].includes(sides.length) && sides.every(isCount))) faults.push({sides: [0, 1, 2, 3].map(i => (isCount(sides[i]) ? sides[i] : 0))});
  if (!PADDINGS.includes(padding)) faults.push({padding: 'numbers', pad: [0, 0]});
  if (!MODES.includes(mode)) faults.push({mode: 'zeros'});
  if (typeof state.bias === 'string' || !Number.isFinite(Math.fround(state.bias ?? 0))) faults.push({bias: 0});
  if (padding === 'same' && stride.every(isPositive) && stride.some(value => value !== 1)) faults.push({stride: [1, 1]}, {padding: 'same_upper'});
  return (faults.length > 0 ? faults : sizeFaults(state)).filter(patch => !fixed.some(key => key in patch));
}

/* Every parameter is fine by itself, but they do not go together, or make too much to draw. */
function sizeFaults(state) {
  const {mode, ceil, most = MOST_SIDE, mostPadded = 2 * most} = state;
  const laid = layerAxes({...state, padding: paddingOf(state)}, state.size), outputs = outputSizes(laid, ceil);
  const axes = [0, 1].map(i => ({size: state.size[i], kernel: state.kernel[i], stride: state.stride[i], dilation: state.dilation[i]}));
  const sides = paddingSides(paddingOf(state), axes), patches = [], closer = axes.some(axis => axis.dilation > 1) ? [{dilation: [1, 1]}] : [];
  const isDrawn = wanted => axes.every(({size}, i) => wanted[2 * i] + size + wanted[2 * i + 1] <= mostPadded);
  const pad = wanted => (String(wanted) !== String(sides) && isDrawn(wanted) ? [asSides(wanted)] : []);
  if (outputs) {
    if (laid.every((axis, i) => axis.low + axis.size + axis.high + overhang(axis, outputs[i]) <= mostPadded)) return [];
    const less = pad(sides.map((side, i) => Math.min(side, Math.floor((mostPadded - axes[i >> 1].size) / 2))));
    return [...less, ...closer, ...(String(state.stride) === '1,1' ? [] : [{stride: [1, 1]}])];
  }
  const limit = {reflect: axis => axis.size - 1, circular: axis => axis.size}[mode];
  const widest = axes.map((axis, i) => Math.max(sides[2 * i], sides[2 * i + 1]));
  if (limit && axes.some((axis, i) => widest[i] > limit(axis))) patches.push({mode: 'replicate'}, ...pad(sides.map((side, i) => Math.min(side, limit(axes[i >> 1])))));
  const lacks = axes.map((axis, i) => Math.max(0, extent(axis) - axis.size - sides[2 * i] - sides[2 * i + 1]));
  if (lacks.some(lack => lack > 0)) patches.push(...closer, ...pad(sides.map((side, i) => side + Math.ceil(lacks[i >> 1] / 2))));
  const size = axes.map((axis, i) => Math.max(axis.size + lacks[i], limit ? widest[i] + axis.size - limit(axis) : 0));
  return String(size) !== String(state.size) && size.every(one => one <= most) ? [...patches, {size}] : patches;
}

function channelFaults(state) {
  const {ins, outs, groups} = state, faults = [];
  for (const key of ['ins', 'outs', 'groups'])
    if (!isPositive(state[key])) faults.push({[key]: key !== 'groups' && isPositive(groups) ? Math.min(groups, MOST_CHANNELS) : 1});
    else if (state[key] > MOST_CHANNELS) faults.push({[key]: MOST_CHANNELS});
  if (faults.length > 0) return faults;
  if (ins % groups === 0 && outs % groups === 0) return layerFaults(state);
  const wrong = ['ins', 'outs'].filter(key => state[key] % groups !== 0);
  return [{groups: 1}, {groups: common(ins, outs)}, Object.fromEntries(wrong.map(key => [key, groups]))];
}

const common = (a, b) => (b === 0 ? a : common(b, a % b));

function poolingFaults(state) {
  const {mode, kernel, norm, divisor, kept, output} = state, faults = [];
  if (!POOLINGS.includes(mode)) faults.push({mode: 'max'});
  if (mode === 'lp' && !(typeof norm === 'number' && norm !== 0)) faults.push({norm: 2});
  if (mode === 'avg' && divisor !== '' && !(Number.isSafeInteger(divisor) && divisor !== 0)) faults.push({divisor: ''});
  if (mode.startsWith('adaptive')) {
    const asked = output.map((one, i) => (kept[i] ? '' : one)), within = [0, 1].map(i => (kept[i] ? '' : bounded(output[i], MOST_SIDE)));
    return [...faults, ...boundPairs(state, ['size'], MOST_SIDE), ...(String(within) === String(asked) ? [] : [{output: within}])];
  }
  const layer = {...state, stride: state.step ? state.stride : kernel.every(isPositive) ? kernel : [1, 1], mode: 'zeros',
    padding: mode === 'lp' ? 'valid' : state.padding === 'same' ? 'same_upper' : state.padding,
    fixed: [...(mode === 'lp' ? ['padding'] : []), ...(state.step ? [] : ['stride'])]};
  faults.push(...spanFaults(layer));
  return faults.length > 0 ? faults : layerFaults(layer);
}

/* A pooling's padding is bounded by what its kernel spans: numbers by half of it, each side by itself by less than that. */
function spanFaults(state) {
  const {kernel, dilation} = state, given = paddingOf(state);
  if (!Array.isArray(given) || !kernel.every(isPositive) || !dilation.every(isPositive)) return [];
  const sides = paddingSides(given, []), spans = [0, 1].map(i => extent({kernel: kernel[i], dilation: dilation[i]}));
  const within = sides.map((side, i) => Math.min(side, given.length === 4 ? spans[i >> 1] - 1 : Math.floor(spans[i >> 1] / 2)));
  return sides.length === 4 && sides.every(isCount) && String(within) !== String(sides) ? [asSides(within)] : [];
}

/**
 * Why a layer is refused, as a picture of it would say; null where the server's words are enough. What 'same' promises and a
 * stride takes away is the one rule that cannot be guessed.
 */
export function layerReason(state) {
  if (state.padding !== 'same' || !state.stride.every(isPositive) || state.stride.every(value => value === 1)) return null;
  const places = state.size.map((size, i) => Math.ceil(size / state.stride[i]));
  return `'same' promises as many outputs as inputs, ${state.size.join(' × ')}. A window that moves by ${state.stride.join(' × ')} has only `
    + `${places.join(' × ')} places over the input, and PyTorch pads for no others. 'same_upper' pads for those.`;
}

const asSides = sides => (sides[0] === sides[1] && sides[2] === sides[3]
  ? {padding: 'numbers', pad: [sides[0], sides[2]]} : {padding: 'sides', sides});

/** The padding of a state as layer.js takes it. */
export const paddingOf = state => ({numbers: state.pad, sides: state.sides}[state.padding] ?? state.padding);

/** The same as a field of a request; undefined where it is the default. */
export function paddingField(state) {
  if (state.padding === 'numbers') return pairField(state.pad, 0);
  if (state.padding !== 'sides') return state.padding;
  const [top, bottom, left, right] = state.sides;
  return state.sides.length === 4 ? [[top, bottom], [left, right]] : state.sides;
}

/** A pair as a field of a request; undefined where it is the default. */
export const pairField = (pair, unsaid = 1) => (pair.length !== 2 || pair[0] !== pair[1] ? pair : pair[0] === unsaid ? undefined : pair[0]);

/** A document without the fields that are undefined. */
export const withoutDefaults = document => Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
