/*
 * Which input cells a window reads: the index arithmetic of convolutions and poolings, one axis at a time.
 *
 * An axis is {size, kernel, stride, dilation, low, high}: the input's cells, the kernel's, and the padding in front of
 * and behind the input. A position is a place along the padded input with the input's first cell as 0, so padding in
 * front has negative positions. Formulas as in torch.nn.Conv2d and torch.nn.MaxPool2d.
 */

/** The cells that a kernel spans, holes of its dilation included. */
export const extent = axis => axis.dilation * (axis.kernel - 1) + 1;

/** Where window `out` reads with its kernel cell `tap`. */
export const position = (axis, out, tap) => out * axis.stride - axis.low + tap * axis.dilation;

/** How many windows there are; 0 or less where the kernel does not fit. */
export function outputSize(axis, ceilMode = false) {
  const room = axis.size + axis.low + axis.high - extent(axis);
  if (room < 0 && !ceilMode) return 0;
  let count = (ceilMode ? Math.ceil(room / axis.stride) : Math.floor(room / axis.stride)) + 1;
  if (ceilMode && (count - 1) * axis.stride >= axis.size + axis.low) count--;
  return count;
}

/** How many cells the last window reaches over the end of the padded input. */
export const overhang = (axis, outputs) => Math.max(0, position(axis, outputs - 1, axis.kernel - 1) - axis.size - axis.high + 1);

/** With ceil_mode: whether a last window was dropped because it would start behind the input, in its right padding. */
export function dropsLast(axis) {
  const room = axis.size + axis.low + axis.high - extent(axis);
  return Math.ceil(room / axis.stride) * axis.stride >= axis.size + axis.low;
}

/** The formula of the size, with its numbers, as /shape writes it. */
export function sizeFormula(axis, ceilMode = false) {
  const padding = axis.low === axis.high ? `2*${axis.low}` : `${axis.low} + ${axis.high}`;
  const rounding = ceilMode ? 'ceil' : 'floor';
  const dropped = ceilMode && dropsLast(axis) ? ' - 1' : '';
  return `${rounding}((${axis.size} + ${padding} - ${axis.dilation}*(${axis.kernel} - 1) - 1) / ${axis.stride}) + 1${dropped}`
    + ` = ${outputSize(axis, ceilMode)}`;
}

/**
 * What 'same' pads: one axis' [low, high]. 'same' as PyTorch (stride 1 only, the odd cell at the end), 'same_upper' and
 * 'same_lower' as ONNX auto_pad: the output has ceil(size / stride) cells.
 */
export function samePadding(kind, axis) {
  const outputs = kind === 'same' ? axis.size : Math.ceil(axis.size / axis.stride);
  const stride = kind === 'same' ? 1 : axis.stride;
  const total = Math.max(0, (outputs - 1) * stride + extent(axis) - axis.size);
  const less = Math.floor(total / 2);
  return kind === 'same_lower' ? [total - less, less] : [less, total - less];
}

/** The input cell whose value stands at a position, or -1 where padding holds a zero (of 'zeros'). */
export function sourceOf(at, size, mode) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'reflect': return at < 0 ? -at : 2 * (size - 1) - at;
    case 'replicate': return at < 0 ? 0 : size - 1;
    case 'circular': return ((at % size) + size) % size;
    default: return -1;
  }
}

/** Every [out, tap] whose window reads a position: what an input cell feeds. */
export function readersOf(axis, at, outputs) {
  const readers = [];
  for (let tap = 0; tap < axis.kernel; tap++) {
    const start = at + axis.low - tap * axis.dilation;
    if (start >= 0 && start % axis.stride === 0 && start / axis.stride < outputs) readers.push([start / axis.stride, tap]);
  }
  return readers;
}

/** For each cell of the padded input along one axis: whether any window reads it. */
export function readCells(axis, outputs) {
  const read = new Uint8Array(axis.size + axis.low + axis.high);
  for (let out = 0; out < outputs; out++)
    for (let tap = 0; tap < axis.kernel; tap++) {
      const at = position(axis, out, tap) + axis.low;
      if (at < read.length) read[at] = 1;
    }
  return read;
}

/** Where adaptive pooling's window `out` begins and ends (exclusive): PyTorch's start_index and end_index. */
export const adaptiveWindow = (size, outputs, out) =>
  [Math.floor(out * size / outputs), Math.ceil((out + 1) * size / outputs)];
