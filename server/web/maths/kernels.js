/*
 * Kernels and inputs by name. A tensor in a state is a name from here, or its rows: '1,0;0,1'.
 */

const gaussian = size => {
  const line = {3: [1, 2, 1], 5: [1, 4, 6, 4, 1]}[size];
  const total = line.reduce((sum, x) => sum + x, 0) ** 2;
  return line.flatMap(a => line.map(b => a * b / total));
};

/** name: [what it is called, size or null for any, values(rows, cols)]. */
export const KERNELS = {
  cross: ['X', null, (h, w) => byCell(h, w, (y, x) => (y === x || y === w - 1 - x ? 1 : 0))],
  identity: ['identity', null, (h, w) => byCell(h, w, (y, x) => (y === h >> 1 && x === w >> 1 ? 1 : 0))],
  box: ['box blur', null, (h, w) => byCell(h, w, () => 1 / (h * w))],
  ones: ['ones', null, (h, w) => byCell(h, w, () => 1)],
  sobel_x: ['Sobel x', 3, () => [-1, 0, 1, -2, 0, 2, -1, 0, 1]],
  sobel_y: ['Sobel y', 3, () => [-1, -2, -1, 0, 0, 0, 1, 2, 1]],
  laplacian: ['Laplacian', 3, () => [0, 1, 0, 1, -4, 1, 0, 1, 0]],
  sharpen: ['sharpen', 3, () => [0, -1, 0, -1, 5, -1, 0, -1, 0]],
  emboss: ['emboss', 3, () => [-2, -1, 0, -1, 1, 1, 0, 1, 2]],
  gaussian3: ['Gaussian 3 × 3', 3, () => gaussian(3)],
  gaussian5: ['Gaussian 5 × 5', 5, () => gaussian(5)],
};

/** What else a kernel by name changes: its size, if it has one of its own. */
export const withItsSize = name => (KERNELS[name]?.[1] ? {kernel: [KERNELS[name][1], KERNELS[name][1]]} : {});

/** What a state's kernel is where it is smaller than the one of its name; null where it is whole. */
export function cutKernel({w, kernel}) {
  const size = Object.hasOwn(KERNELS, w) ? KERNELS[w][1] : null;
  return size !== null && kernel.some(side => side < size) ? `only the middle of ${size} × ${size}` : null;
}

const EXAMPLE = [1, 2, 3, 0, 1, 0, 1, 5, 1, 0, 1, 0, 2, 2, 1, 1, 1, 2, 0, 0, 1, 0, 1, 1, 1];

export const INPUTS = {
  example: ['small numbers', null, (h, w) => byCell(h, w, (y, x) => EXAMPLE[(y % 5) * 5 + x % 5])],
  ramp: ['ramp 1, 2, 3, …', null, (h, w) => byCell(h, w, (y, x) => y * w + x + 1)],
  impulse: ['one 1 in zeros', null, (h, w) => byCell(h, w, (y, x) => (y === h >> 1 && x === w >> 1 ? 1 : 0))],
  ones: ['ones', null, (h, w) => byCell(h, w, () => 1)],
  edge: ['an edge', null, (h, w) => byCell(h, w, (y, x) => (x < w / 2 ? 0 : 1))],
  checker: ['checkerboard', null, (h, w) => byCell(h, w, (y, x) => ((y + x) % 2 ? -1 : 1))],
  waves: ['waves', null, (h, w) => byCell(h, w, (y, x) => Math.round(100 * Math.sin(x * 0.9) * Math.cos(y * 0.7)) / 100 + 0) /* (no -0) */],
};

function byCell(rows, cols, value) {
  const values = [];
  for (let y = 0; y < rows; y++) for (let x = 0; x < cols; x++) values.push(value(y, x));
  return values;
}

/** Text as a number; the words for not-a-number and the infinities too. null where it is none. */
export function readValue(text) {
  const word = text.trim().replaceAll('−', '-').replace('∞', 'Infinity');
  if (/^nan$/i.test(word)) return NaN;
  if (/^[+-]?inf(inity)?$/i.test(word)) return word[0] === '-' ? -Infinity : Infinity;
  return word !== '' && Number.isFinite(Number(word)) ? Number(word) + 0 : null; // (−0 does not get through JSON.stringify)
}

/** The first cell of a tensor in a state that is no number; null where there is none. */
export const unreadable = (spec, named) => (Object.hasOwn(named, spec) ? null : spec.split(/[;,]/).find(text => readValue(text) === null) ?? null);

/** The values of a tensor in a state: a name of `named`, or rows; cells that the rows do not have are 0. */
export function tensorValues(spec, rows, cols, named) {
  if (Object.hasOwn(named, spec)) {
    const [, size, values] = named[spec];
    return Float64Array.from(size === null ? values(rows, cols) : fit(values(rows, cols), size, rows, cols));
  }
  const lines = spec.split(';').map(line => line.split(',').map(text => readValue(text) ?? 0));
  return Float64Array.from(byCell(rows, cols, (y, x) => lines[y]?.[x] ?? 0));
}

/* A square kernel of a fixed size in the middle of one of another. */
function fit(values, size, rows, cols) {
  const top = (rows - size) >> 1, left = (cols - size) >> 1;
  return byCell(rows, cols, (y, x) => {
    const from = [y - top, x - left];
    return from.every(at => at >= 0 && at < size) ? values[from[0] * size + from[1]] : 0;
  });
}

/** Values as the rows of a state. */
export const tensorRows = (values, cols) =>
  Array.from({length: values.length / cols}, (_, y) => Array.from(values.slice(y * cols, (y + 1) * cols)).join(',')).join(';');
