/*
 * The same request as a command to take home. Each runs as it is copied: curl in a shell, Python with its standard library,
 * JavaScript in a browser's console or in node, PyTorch with torch alone.
 */
import {toJson} from '../core/server.js';
import {position} from './windows.js';

const LONGEST_ARGUMENT = 100000; // characters; Linux takes 128 KiB

/** curl, Python and JavaScript for a POST of a document; `prints` is the member of the answer that is printed. */
export function requestSnippets(origin, path, document, prints = 'output') {
  const url = origin + path, lines = fieldLines(document);
  const curl = `curl -s ${url} -H 'Content-Type: application/json' -d`;
  return {
    curl: lines.length < LONGEST_ARGUMENT ? `${curl} ${shellQuoted(lines)}` : `${curl} @- <<'END'\n${lines}\nEND\n`,
    python: `import json\nimport urllib.error\nimport urllib.request\n\n`
      + `body = ${pythonLiteral(document)}\n`
      + `request = urllib.request.Request("${url}", json.dumps(body).encode(), {"Content-Type": "application/json"})\n`
      + `try:\n    with urllib.request.urlopen(request) as response:\n        print(json.load(response)["${prints}"])\n`
      + `except urllib.error.HTTPError as refusal:\n    print(refusal.read().decode())\n`,
    javascript: `const response = await fetch("${url}", {\n  method: "POST",\n  headers: {"Content-Type": "application/json"},\n`
      + `  body: JSON.stringify(${lines.replaceAll('\n', '\n  ')}),\n});\nconst answer = await response.json();\nconsole.log(JSON.stringify(response.ok ? answer.${prints} : answer));\n`,
  };
}

/** The commands of a request that the server refuses: torch might take another one, so that it says the same. */
export const asRefused = (snippets, problem) => (problem ? {...snippets, pytorch: `# convd refuses this:\nraise ValueError(${pythonLiteral(problem.detail ?? '')})\n`} : snippets);

/* JSON with a line for each field. */
function fieldLines(document) {
  const fields = Object.entries(document).map(([name, value]) => `  ${JSON.stringify(name)}: ${toJson(value)}`);
  return `{\n${fields.join(',\n')}\n}`;
}

/** A value as Python writes it. */
export function pythonLiteral(value, top = true) {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Number.isInteger(value) && Math.abs(value) >= 2 ** 53) return value.toExponential(); // (an int in Python may be too long for torch)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `float("${String(value).replace('Infinity', 'inf').toLowerCase()}")`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(item => pythonLiteral(item, false)).join(', ')}]`;
  const fields = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${pythonLiteral(item, false)}`);
  return top ? `{\n    ${fields.join(',\n    ')},\n}` : `{${fields.join(', ')}}`;
}

/* What a state holds came from an address that anybody may have written: nothing of it goes into a command but as a literal. */
const shellQuoted = text => `'${text.replaceAll("'", "'\\''")}'`;
const literal = value => pythonLiteral(value, false);
const tuple = pair => (pair[0] === pair[1] ? literal(pair[0]) : `(${pair.map(literal).join(', ')})`);
const TORCH_MODES = {zeros: 'constant', reflect: 'reflect', replicate: 'replicate', circular: 'circular'};

/**
 * F.conv2d for a layer {stride, dilation, padding, mode} with nested tensors, or with zeros of `kernel` where the weight is null; `sides` are its [top, bottom, left, right]. What
 * torch's own padding argument cannot say goes through F.pad.
 */
export function torchConv2d({input, weight, kernel, bias = null, groups = 1, layer, sides}) {
  const own = layer.mode === 'zeros' && (['valid', 'same'].includes(layer.padding) || sides.length !== 4 || (sides[0] === sides[1] && sides[2] === sides[3]));
  const args = [];
  if (String(layer.stride) !== '1,1') args.push(`stride=${tuple(layer.stride)}`);
  if (own && ['valid', 'same'].includes(layer.padding)) args.push(`padding="${layer.padding}"`);
  else if (own && sides.some(side => side !== 0)) args.push(`padding=${tuple(sides.length === 4 ? [sides[0], sides[2]] : sides)}`);
  if (String(layer.dilation) !== '1,1') args.push(`dilation=${tuple(layer.dilation)}`);
  if (groups !== 1) args.push(`groups=${literal(groups)}`);
  return torchHead({x: input, ...(weight ? {w: weight} : {}), ...(bias ? {b: bias} : {})})
    + (weight ? '' : `w = torch.zeros(1, 1, ${kernel.map(literal).join(', ')})\n`)
    + (own ? '' : torchPad(sides, layer.mode))
    + `y = F.conv2d(x, w${bias ? ', b' : ''}${args.map(arg => `, ${arg}`).join('')})\nprint(y)\n`;
}

const torchHead = tensors => 'import torch\nimport torch.nn.functional as F\n\n'
  + Object.entries(tensors).map(([name, value]) => `${name} = torch.tensor(${pythonLiteral(value)}, dtype=torch.float32)\n`).join('');

/** F.pad takes left, right, top, bottom. */
const torchPad = ([top, bottom, left, right], mode, value = '', x = 'x') =>
  `x = F.pad(${x}, (${[left, right, top, bottom].map(literal).join(', ')}), mode=${literal(TORCH_MODES[mode] ?? mode)}${value})\n`;

const AVERAGE = 'adaptive_avg';

/** The pooling of a request document {mode, kernel_size, …} in torch; `sides` as above, `outputs` its [h, w] or null. */
export function torchPool2d(document, sides, outputs) {
  const {mode, kernel_size: kernel, stride, dilation, ceil_mode: ceil, return_indices: indices, count_include_pad: counts,
         divisor_override: divisor, norm_type: norm, output_size: size} = document;
  const head = torchHead({x: document.input});
  if (mode?.startsWith('adaptive')) {
    const name = mode === AVERAGE ? 'adaptive_avg_pool2d' : 'adaptive_max_pool2d';
    return `${head}${indices ? 'y, at' : 'y'} = F.${name}(x, (${size.map(literal).join(', ')})${indices ? ', return_indices=True' : ''})\n${prints(indices)}`;
  }
  // What torch's own padding takes: the same at both ends, and (before 2.7, whatever the dilation) at most half of the kernel. Where
  // nothing but padding lies under a window, torch has an index of some other cell for it.
  const own = sides[0] === sides[1] && sides[2] === sides[3] && sides.every((side, i) => side <= pairOf(kernel)[i >> 1] / 2)
    && !(indices && outputs && hasWindowInPadding(document, sides, outputs));
  const args = [pairText(kernel)];
  if (stride !== undefined && stride !== null) args.push(`stride=${pairText(stride)}`);
  if (own && sides.some(side => side !== 0)) args.push(`padding=${tuple([sides[0], sides[2]])}`);
  if (dilation !== undefined) args.push(`dilation=${pairText(dilation)}`);
  if (ceil) args.push('ceil_mode=True');
  const call = (x, ...more) => `F.${['avg', 'lp'].includes(mode) ? mode : 'max'}_pool2d(${[x, ...(mode === 'lp' ? [literal(norm)] : []), ...args, ...more].join(', ')})`;
  if (divisor) args.push(`divisor_override=${literal(divisor)}`);
  if (indices) args.push('return_indices=True');
  if (own) return `${head}${indices ? 'y, at' : 'y'} = ${call('x', ...(counts === false ? ['count_include_pad=False'] : []))}\n${prints(indices)}`;
  return head + torchPaddedPool(document, sides, call, counts === false && !divisor) + (ceil && outputs ? cropped(outputs, indices) : '') + prints(indices);
}

function hasWindowInPadding({input, kernel_size: kernel, stride, dilation = 1}, sides, outputs) {
  return [input[0][0].length, input[0][0][0].length].some((size, i) => {
    const axis = {low: sides[2 * i], stride: pairOf(stride ?? kernel)[i], dilation: pairOf(dilation)[i]}, taps = Array.from({length: pairOf(kernel)[i]}, (_, tap) => tap);
    return Array.from({length: outputs[i]}, (_, out) => out).some(out => taps.every(tap => !isInside(position(axis, out, tap), size)));
  });
}

const isInside = (at, size) => at >= 0 && at < size;

const prints = indices => `print(y)\n${indices ? 'print(at)\n' : ''}`;

/* Padding of another kind than torch's poolings have: the maximum's never wins, an average without it is a sum over the cells inside. */
function torchPaddedPool({mode, input, return_indices: indices}, sides, call, insideOnly) {
  const [top, , left] = sides, height = input[0][0].length, width = input[0][0][0].length;
  if (mode === 'avg' && insideOnly) return `inside = ${torchPad(sides, 'zeros', '', 'torch.ones_like(x)').slice(4)}${torchPad(sides, 'zeros')}`
    + `y = ${call('x', 'divisor_override=1')} / ${call('inside', 'divisor_override=1')}.clamp(min=1)\n`;
  if (mode === 'avg') return `${torchPad(sides, 'zeros')}y = ${call('x')}\n`;
  return `${torchPad(sides, 'zeros', ', value=float("-inf")')}${indices ? 'y, at' : 'y'} = ${call('x')}\n`
    + (indices ? `row, col = at // x.shape[-1] - ${top}, at % x.shape[-1] - ${left}  # of the input without its padding\n`
      + `at = torch.where((row >= 0) & (row < ${height}) & (col >= 0) & (col < ${width}), row * ${width} + col, -1)\n` : '');
}

/* With ceil_mode a window may start in what F.pad added behind: there is none in the layer. */
const cropped = ([height, width], indices) => `y = y[..., :${height}, :${width}]\n${indices ? `at = at[..., :${height}, :${width}]\n` : ''}`;

const pairOf = value => (Array.isArray(value) ? value : [value, value]);
const pairText = value => (Array.isArray(value) ? tuple(value) : literal(value));

/**
 * A picture's request as a form: `fields` are its parameters as text, `weight` is nested or absent. The commands read
 * picture.png, which the page saves, and write result.png.
 */
export function pictureSnippets(origin, {path, weight, fields}, planes) {
  const url = origin + path, all = {...(weight ? {weight: toJson(weight)} : {}), ...fields};
  const entries = Object.entries(all).map(([key, value]) => [key, String(value)]);
  return {
    curl: `curl -s ${url} -F input=@picture.png ${entries.map(([key, value]) => `--form-string ${shellQuoted(`${key}=${value}`)}`).join(' ')} -H 'Accept: image/png' --fail-with-body -o result.png || cat result.png`,
    python: `import urllib.error\nimport urllib.request\n\nfields = ${pythonLiteral(Object.fromEntries(entries))}\nmark = "a-mark-between-the-parts"\n`
      + `head = f'--{mark}\\r\\nContent-Disposition: form-data; name='\nparts = [f'{head}"{name}"\\r\\n\\r\\n{value}\\r\\n'.encode() for name, value in fields.items()]\n`
      + `parts += [f'{head}"input"; filename="picture.png"\\r\\n\\r\\n'.encode(), open("picture.png", "rb").read(), f"\\r\\n--{mark}--\\r\\n".encode()]\n`
      + `request = urllib.request.Request("${url}", b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}", "Accept": "image/png"})\n`
      + `try:\n    with urllib.request.urlopen(request) as response, open("result.png", "wb") as file:\n        file.write(response.read())\n`
      + `except urllib.error.HTTPError as refusal:\n    print(refusal.read().decode())\n`,
    javascript: `// node\nconst {readFile, writeFile} = await import("node:fs/promises");\nconst form = new FormData();\n`
      + `form.set("input", new Blob([await readFile("picture.png")]), "picture.png");\n`
      + entries.map(([key, value]) => `form.set(${JSON.stringify(key)}, ${JSON.stringify(value)});\n`).join('')
      + `const response = await fetch("${url}", {method: "POST", headers: {Accept: "image/png"}, body: form});\nif (!response.ok) throw new Error(await response.text());\nawait writeFile("result.png", Buffer.from(await response.arrayBuffer()));\n`,
    pytorch: `import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom PIL import Image\n\n`
      + `picture = np.array(Image.open("picture.png"), dtype="float32") / 255\n`
      + `x = torch.from_numpy(picture)${planes > 1 ? '.permute(2, 0, 1)' : '[None]'}[None]\n${torchOfPicture(path, weight, fields, planes)}print(y.shape, y.min(), y.max())\n`,
  };
}

function torchOfPicture(path, weight, fields, planes) {
  if (path === '/pool2d') return `y = F.${fields.mode === 'avg' ? 'avg' : 'max'}_pool2d(x, (${fields.kernel_size.split(',').map(Number).join(', ')}))\n`;
  const [height, width] = [weight[0][0].length, weight[0][0][0].length], mode = fields.padding_mode ?? 'zeros';
  const before = size => Math.floor((size - 1) / 2), after = size => size - 1 - before(size); // 'same'
  const head = `w = torch.tensor(${pythonLiteral(weight)}, dtype=torch.float32)\n`, groups = planes > 1 ? `, groups=${planes}` : '';
  if (mode === 'zeros') return `${head}y = F.conv2d(x, w, padding="same"${groups})\n`;
  return head + torchPad([before(height), after(height), before(width), after(width)], mode) + `y = F.conv2d(x, w${groups})\n`;
}
