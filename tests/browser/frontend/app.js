/*
 * A small front end that is served from elsewhere: a convolution, the headers that CORS exposes, and a refusal.
 */
const api = new URLSearchParams(location.search).get('api') ?? 'http://127.0.0.1:8080';
const answer = document.getElementById('answer');

const post = document => fetch(`${api}/conv2d`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(document)});

try {
  const layer = {
    input: [[[[1, 2, 3, 0, 1], [0, 1, 5, 1, 0], [1, 0, 2, 2, 1], [1, 1, 2, 0, 0], [1, 0, 1, 1, 1]]]],
    weight: [[[[1, 0, 1], [0, 1, 0], [1, 0, 1]]]],
  };
  const response = await post(layer), refusal = await post({...layer, stride: 0});
  const rows = (await response.json()).output[0][0].map(row => row.join(' ')), {status, detail} = await refusal.json();
  answer.textContent = `${rows.join('\n')}\n${response.headers.get('X-Convd-Algorithm')}, ${response.headers.get('Server-Timing')}\n${status}: ${detail}`;
} catch (error) {
  answer.textContent = `${api} cannot be reached from ${location.origin}: ${error.message}`;
}
