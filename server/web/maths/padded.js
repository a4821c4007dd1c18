/*
 * The padded input of a layer as one matrix: where each of its cells is, what stands there, and whether it is ever read.
 *
 * `axes` are those of windows.js; places are [row, col] with the input's first cell as [0, 0]; cells are indices into the matrix.
 */
import {readCells, sourceOf} from './windows.js';

export const PADDED = {INSIDE: 0, PADDING: 1, UNREAD: 2, UNREAD_PADDING: 3};

export class Padded {
  /** `over` is what ceil_mode reads beyond the padding, [rows, cols]. */
  constructor(axes, mode = 'zeros', over = [0, 0]) {
    this.axes = axes;
    this.mode = mode;
    [this.rows, this.cols] = axes.map((axis, i) => axis.low + axis.size + axis.high + over[i]);
  }

  cellAt(row, col) {
    return (row + this.axes[0].low) * this.cols + col + this.axes[1].low;
  }

  /** The cells where some rows and columns cross. */
  cellsAt(rows, cols) {
    const cells = [];
    for (const row of rows) for (const col of cols) cells.push(this.cellAt(row, col));
    return cells;
  }

  placeOf(cell) {
    return [Math.floor(cell / this.cols) - this.axes[0].low, cell % this.cols - this.axes[1].low];
  }

  isInside(row, col) {
    return row >= 0 && row < this.axes[0].size && col >= 0 && col < this.axes[1].size;
  }

  /** The index of the input cell whose value stands at a place, or -1 for the padding's own value. */
  sourceAt(row, col) {
    const from = [sourceOf(row, this.axes[0].size, this.mode), sourceOf(col, this.axes[1].size, this.mode)];
    return from[0] < 0 || from[1] < 0 ? -1 : from[0] * this.axes[1].size + from[1];
  }

  /** The rows and the columns whose crossings show the same input cell as a cell does: [rows, cols], its own among them. */
  alike(cell) {
    const place = this.placeOf(cell);
    if (this.sourceAt(...place) < 0) return place.map(at => [at]);
    return this.axes.map(({low, size}, i) => {
      const from = sourceOf(place[i], size, this.mode), all = Array.from({length: [this.rows, this.cols][i]}, (_, at) => at - low);
      return all.filter(at => sourceOf(at, size, this.mode) === from);
    });
  }

  /** The values of all cells. */
  values(plane, padding = 0) {
    return Float64Array.from({length: this.rows * this.cols}, (_, cell) => {
      const source = this.sourceAt(...this.placeOf(cell));
      return source < 0 ? padding : plane[source];
    });
  }

  /** One of PADDED for each cell; `read` says for each axis which of its cells a window reads, null if that is not known. */
  kinds(read) {
    return Uint8Array.from({length: this.rows * this.cols}, (_, cell) => {
      const [row, col] = this.placeOf(cell), inside = this.isInside(row, col);
      const unread = read && !(read[0][row + this.axes[0].low] && read[1][col + this.axes[1].low]);
      return (inside ? PADDED.INSIDE : PADDED.PADDING) + (unread ? PADDED.UNREAD : 0);
    });
  }

  readBy(outputs) {
    return this.axes.map((axis, i) => readCells(axis, outputs[i]));
  }
}
