/*
 * The same convolution and poolings once more, as plain sums in double precision. Small grids only: the page holds the
 * server's answer against this, and says so.
 */
import {adaptiveWindow, position, sourceOf} from './windows.js';

/** What an output cell reads along each axis, by tap: {at, from, outside}: a position, the one that its value comes from (-1: a padded zero), whether it is padding. */
export const readsAt = (axes, mode, out) => axes.map((axis, i) => Array.from({length: axis.kernel}, (_, tap) => {
  const at = position(axis, out[i], tap);
  return {at, from: sourceOf(at, axis.size, mode), outside: at < 0 || at >= axis.size};
}));

/** One product of an output cell that reads so, of an input with so many columns; source is the index of the cell that the value comes from, or -1. */
export function productAt(plane, weight, [rows, cols], width, tap) {
  const row = rows[Math.floor(tap / cols.length)], col = cols[tap % cols.length], source = row.from < 0 || col.from < 0 ? -1 : row.from * width + col.from;
  return {tap, x: source < 0 ? 0 : plane[source], w: weight[tap], source, outside: row.outside || col.outside, row: row.at, col: col.at};
}

/** All of them, in the order of the kernel. */
export function productsAt(plane, weight, axes, mode, out) {
  const reads = readsAt(axes, mode, out);
  return Array.from({length: axes[0].kernel * axes[1].kernel}, (_, tap) => productAt(plane, weight, reads, axes[1].size, tap));
}

/**
 * A sum of products: {value, magnitude, reach}. By the magnitude Σ|x·w| + |b| a rounding error is to be judged; the reach is that of
 * its finite terms, up to which float32 may come on the way, and infinite where a factor that float32 may take as 0 meets an infinity.
 */
export function sumOf(products, bias = 0) {
  let value = bias, magnitude = Math.abs(bias), reach = finite(bias);
  for (const {x, w} of products) {
    value += x * w;
    magnitude += Math.abs(x * w);
    reach += (isSubnormal(x) && !Number.isFinite(w)) || (isSubnormal(w) && !Number.isFinite(x)) ? Infinity : finite(x * w);
  }
  return {value, magnitude, reach};
}

const finite = value => (Number.isFinite(value) ? Math.abs(value) : 0);
const isSubnormal = value => value !== 0 && Math.abs(value) < 2 ** -126;

/** One output plane: {values, magnitudes, reaches, terms}, see sumOf. */
export function convolvePlane(plane, weight, bias, axes, mode, sizes) {
  const sums = Array.from({length: sizes[0] * sizes[1]}, (_, i) => sumOf(productsAt(plane, weight, axes, mode, [Math.floor(i / sizes[1]), i % sizes[1]]), bias));
  return {...columnsOf(sums), terms: weight.length + 1};
}

/** What compareValues takes, of a list of sums. */
export const columnsOf = sums => ({values: sums.map(one => one.value), magnitudes: sums.map(one => one.magnitude), reaches: sums.map(one => one.reach)});

/** The input cells of one pooling window, padding left out: [{row, col, index, x}]. */
export function cellsOfWindow(plane, axes, out) {
  const cells = [];
  for (const row of positionsOf(axes[0], out[0]))
    for (const col of positionsOf(axes[1], out[1]))
      cells.push({row, col, index: row * axes[1].size + col, x: plane[row * axes[1].size + col]});
  return cells;
}

function positionsOf(axis, out) {
  const inside = [];
  if (axis.outputs !== undefined) { // adaptive
    const [begin, end] = adaptiveWindow(axis.size, axis.outputs, out);
    for (let at = begin; at < end; at++) inside.push(at);
    return inside;
  }
  for (let tap = 0; tap < axis.kernel; tap++) {
    const at = position(axis, out, tap);
    if (at >= 0 && at < axis.size) inside.push(at);
  }
  return inside;
}

/** What an average is divided by: the window's cells within the padded input, or those within the input alone. */
export function divisorOf(axes, out, countIncludePad, override) {
  if (override !== null) return override;
  return axes.reduce((product, axis, i) => {
    if (axis.outputs !== undefined) {
      const [begin, end] = adaptiveWindow(axis.size, axis.outputs, out[i]);
      return product * (end - begin);
    }
    const start = position(axis, out[i], 0);
    const [least, most] = countIncludePad ? [-axis.low, axis.size + axis.high] : [0, axis.size];
    return product * Math.max(0, Math.min(start + axis.kernel, most) - Math.max(start, least));
  }, 1);
}

/** The cell that wins a maximum: the first of equals, the last not-a-number; null in padding alone. */
export function winnerOf(cells) {
  let winner = null;
  for (const cell of cells)
    if (winner === null || cell.x > winner.x || Number.isNaN(cell.x)) winner = cell;
  return winner;
}

/** One output cell of a pooling: {value, magnitude, reach}, as of a sum. */
export function poolCell(plane, axes, out, {mode, countIncludePad = true, divisorOverride = null, normType = 2}) {
  const cells = cellsOfWindow(plane, axes, out);
  if (mode === 'max' || mode === 'adaptive_max') {
    const winner = winnerOf(cells);
    return {value: winner ? winner.x : -Infinity, magnitude: 0, reach: 0};
  }
  if (mode === 'lp') return lpCell(cells, axes, normType);
  const divisor = divisorOf(axes, out, countIncludePad, mode === 'avg' ? divisorOverride : null);
  const {value, magnitude, reach} = sumOf(cells.map(({x}) => ({x, w: 1})));
  return cells.length === 0 ? {value: 0, magnitude: 0, reach: 0} : {value: value / divisor, magnitude: Math.abs(magnitude / divisor), reach};
}

/* PyTorch computes it as an average times the kernel's cells, so that a clipped window is scaled up to a full one. */
function lpCell(cells, axes, norm) {
  const full = axes[0].kernel * axes[1].kernel;
  const power = x => (norm === 0.5 ? Math.sqrt(x) : x ** norm); // (PyTorch too takes the root: of −∞, NaN)
  const sum = cells.reduce((total, cell) => total + power(cell.x), 0) / cells.length * full;
  const magnitude = cells.reduce((total, cell) => total + Math.abs(power(cell.x)), 0) / cells.length * full;
  const value = sum ** (1 / norm);
  // Powers that float32 has not, and terms that cancel, leave nothing to compare with.
  const overflows = cells.some(({x}) => Number.isFinite(x) && Math.abs(power(x)) >= 2 ** 127); // (and ∞ − ∞ is NaN)
  const cancels = magnitude !== 0 && Math.abs(sum) < magnitude * 2 ** -18, fits = magnitude < 2 ** 127 && value < 2 ** 127;
  const lost = overflows || (magnitude !== 0 && magnitude <= 2 ** -120) || (Number.isFinite(value) && (cancels || !fits));
  return {value, magnitude: 4 * Math.max(Math.abs(value), Math.abs(value / norm) * magnitude / Math.abs(sum || 1)), reach: lost ? Infinity : 0};
}
