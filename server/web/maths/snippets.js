/*
 * The same request as a command to take home. Each runs as it is copied: curl in a shell, Python with its standard library,
 * JavaScript in a browser's console or in node, PyTorch with torch alone.
 */
import {toJson} from '../core/server.js';

/** curl, Python and JavaScript for a POST of a document; `prints` is the member of the answer that is printed. */
export function requestSnippets(origin, path, document, prints = 'output') {
  const url = origin + path, lines = fieldLines(document);
  return {
    curl: `curl -s ${url} -H 'Content-Type: application/json' -d '${lines.replaceAll("'", "'\\''")}'`,
    python: `import json\nimport urllib.request\n\n`
      + `body = ${pythonLiteral(document)}\n`
      + `request = urllib.request.Request("${url}", json.dumps(body).encode(), {"Content-Type": "application/json"})\n`
      + `with urllib.request.urlopen(request) as response:\n    print(json.load(response)["${prints}"])\n`,
    javascript: `const response = await fetch("${url}", {\n  method: "POST",\n  headers: {"Content-Type": "application/json"},\n`
      + `  body: JSON.stringify(${lines.replaceAll('\n', '\n  ')}),\n});\nconsole.log(JSON.stringify((await response.json()).${prints}));\n`,
  };
}

/* JSON with a line for each field. */
function fieldLines(document) {
  const fields = Object.entries(document).map(([name, value]) => `  ${JSON.stringify(name)}: ${toJson(value)}`);
  return `{\n${fields.join(',\n')}\n}`;
}

/** A value as Python writes it. */
export function pythonLiteral(value, top = true) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `float("${String(value).replace('Infinity', 'inf').toLowerCase()}")`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(item => pythonLiteral(item, false)).join(', ')}]`;
  const fields = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${pythonLiteral(item, false)}`);
  return top ? `{\n    ${fields.join(',\n    ')},\n}` : `{${fields.join(', ')}}`;
}

const tuple = pair => (pair[0] === pair[1] ? String(pair[0]) : `(${pair.join(', ')})`);
const TORCH_MODES = {zeros: 'constant', reflect: 'reflect', replicate: 'replicate', circular: 'circular'};

/**
 * F.conv2d for a layer {stride, dilation, padding, mode} with nested tensors; `sides` are its [top, bottom, left, right]. What
 * torch's own padding argument cannot say goes through F.pad.
 */
export function torchConv2d({input, weight, bias = null, groups = 1, layer, sides}) {
  const own = layer.mode === 'zeros' && (['valid', 'same'].includes(layer.padding) || (sides[0] === sides[1] && sides[2] === sides[3]));
  const args = [];
  if (String(layer.stride) !== '1,1') args.push(`stride=${tuple(layer.stride)}`);
  if (own && typeof layer.padding === 'string') args.push(`padding="${layer.padding}"`);
  else if (own && sides.some(side => side !== 0)) args.push(`padding=${tuple([sides[0], sides[2]])}`);
  if (String(layer.dilation) !== '1,1') args.push(`dilation=${tuple(layer.dilation)}`);
  if (groups !== 1) args.push(`groups=${groups}`);
  return torchHead({x: input, w: weight, ...(bias ? {b: bias} : {})})
    + (own ? '' : torchPad(sides, layer.mode))
    + `y = F.conv2d(x, w${bias ? ', b' : ''}${args.map(arg => `, ${arg}`).join('')})\nprint(y)\n`;
}

export const torchHead = tensors => 'import torch\nimport torch.nn.functional as F\n\n'
  + Object.entries(tensors).map(([name, value]) => `${name} = torch.tensor(${pythonLiteral(value)}, dtype=torch.float32)\n`).join('');

/** F.pad takes left, right, top, bottom. */
export const torchPad = ([top, bottom, left, right], mode, value = '') =>
  `x = F.pad(x, (${left}, ${right}, ${top}, ${bottom}), mode="${TORCH_MODES[mode]}"${value})\n`;

const AVERAGE = 'adaptive_avg';

/** The pooling of a request document {mode, kernel_size, …} in torch; `sides` as above. */
export function torchPool2d(document, sides) {
  const {mode, kernel_size: kernel, stride, dilation, ceil_mode: ceil, return_indices: indices, count_include_pad: counts,
         divisor_override: divisor, norm_type: norm, output_size: size} = document;
  const head = torchHead({x: document.input});
  if (mode?.startsWith('adaptive')) {
    const name = mode === AVERAGE ? 'adaptive_avg_pool2d' : 'adaptive_max_pool2d';
    return `${head}y = F.${name}(x, (${size.map(place => place ?? 'None').join(', ')})${indices ? ', return_indices=True' : ''})\nprint(y)\n`;
  }
  const even = sides[0] === sides[1] && sides[2] === sides[3];
  const args = [pairText(kernel)];
  if (stride !== undefined && stride !== null) args.push(`stride=${pairText(stride)}`);
  if (even && sides.some(side => side !== 0)) args.push(`padding=${tuple([sides[0], sides[2]])}`);
  if (dilation !== undefined) args.push(`dilation=${pairText(dilation)}`);
  if (ceil) args.push('ceil_mode=True');
  if (counts === false) args.push('count_include_pad=False');
  if (divisor) args.push(`divisor_override=${divisor}`);
  if (indices) args.push('return_indices=True');
  const padded = even ? '' : torchPad(sides, 'zeros', mode === 'max' || !mode ? ', value=float("-inf")' : '');
  const call = mode === 'lp' ? `F.lp_pool2d(x, ${norm}, ` : `F.${mode === 'avg' ? 'avg' : 'max'}_pool2d(x, `;
  return `${head}${padded}y = ${call}${args.join(', ')})\nprint(y)\n`;
}

const pairText = value => (Array.isArray(value) ? tuple(value) : String(value));

/**
 * A picture's request as a form: `fields` are its parameters as text, `weight` is nested or absent. The commands read
 * picture.png, which the page saves, and write result.png.
 */
export function pictureSnippets(origin, {path, weight, fields}, planes) {
  const url = origin + path, all = {...(weight ? {weight: toJson(weight)} : {}), ...fields};
  const entries = Object.entries(all).map(([key, value]) => [key, String(value)]);
  return {
    curl: `curl -s ${url} -F input=@picture.png ${entries.map(([key, value]) => `-F '${key}=${value}'`).join(' ')} -H 'Accept: image/png' -o result.png`,
    python: `import urllib.request\n\nfields = ${pythonLiteral(Object.fromEntries(entries))}\nmark = "a-mark-between-the-parts"\n`
      + `head = f'--{mark}\\r\\nContent-Disposition: form-data; name='\nparts = [f'{head}"{name}"\\r\\n\\r\\n{value}\\r\\n'.encode() for name, value in fields.items()]\n`
      + `parts += [f'{head}"input"; filename="picture.png"\\r\\n\\r\\n'.encode(), open("picture.png", "rb").read(), f"\\r\\n--{mark}--\\r\\n".encode()]\n`
      + `request = urllib.request.Request("${url}", b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}", "Accept": "image/png"})\n`
      + `with urllib.request.urlopen(request) as response, open("result.png", "wb") as file:\n    file.write(response.read())\n`,
    javascript: `// node\nconst {readFile, writeFile} = await import("node:fs/promises");\nconst form = new FormData();\n`
      + `form.set("input", new Blob([await readFile("picture.png")]), "picture.png");\n`
      + entries.map(([key, value]) => `form.set(${JSON.stringify(key)}, ${JSON.stringify(value)});\n`).join('')
      + `const response = await fetch("${url}", {method: "POST", headers: {Accept: "image/png"}, body: form});\nawait writeFile("result.png", Buffer.from(await response.arrayBuffer()));\n`,
    pytorch: `import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom PIL import Image\n\n`
      + `picture = np.array(Image.open("picture.png"), dtype="float32") / 255\n`
      + `x = torch.from_numpy(picture)${planes > 1 ? '.permute(2, 0, 1)' : '[None]'}[None]\n${torchOfPicture(path, weight, fields, planes)}print(y.shape, y.min(), y.max())\n`,
  };
}

function torchOfPicture(path, weight, fields, planes) {
  if (path === '/pool2d') return `y = F.${fields.mode}_pool2d(x, (${fields.kernel_size.replace(',', ', ')}))\n`;
  const [height, width] = [weight[0][0].length, weight[0][0][0].length], mode = fields.padding_mode ?? 'zeros';
  const before = size => Math.floor((size - 1) / 2), after = size => size - 1 - before(size); // 'same'
  const head = `w = torch.tensor(${pythonLiteral(weight)})\n`, groups = planes > 1 ? `, groups=${planes}` : '';
  if (mode === 'zeros') return `${head}y = F.conv2d(x, w, padding="same"${groups})\n`;
  return head + torchPad([before(height), after(height), before(width), after(width)], mode) + `y = F.conv2d(x, w${groups})\n`;
}
