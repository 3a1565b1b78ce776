// LeNet in plain JavaScript, forward and backward. Arrays are flat, [map][row][column]; a dense layer
// is a convolution whose kernel covers all that it sees, so that its units are maps of 1 × 1.
const LAYERS = [
  { name: "input", maps: 1, rows: 28, columns: 28 },
  { name: "conv1", maps: 6, rows: 28, columns: 28, kernel: 5, stride: 1, padding: 2 },
  { name: "pool1", maps: 6, rows: 14, columns: 14, kernel: 2, stride: 2, padding: 0, pool: true },
  { name: "conv2", maps: 16, rows: 10, columns: 10, kernel: 5, stride: 1, padding: 0 },
  { name: "pool2", maps: 16, rows: 5, columns: 5, kernel: 2, stride: 2, padding: 0, pool: true },
  { name: "dense1", maps: 120, rows: 1, columns: 1, kernel: 5, stride: 1, padding: 0 },
  { name: "dense2", maps: 84, rows: 1, columns: 1, kernel: 1, stride: 1, padding: 0 },
  { name: "scores", maps: 10, rows: 1, columns: 1, kernel: 1, stride: 1, padding: 0, linear: true },
];
LAYERS.forEach((layer, number) => {
  layer.before = LAYERS[number - 1]; // undefined for the input
  layer.size = layer.maps * layer.rows * layer.columns;
});
const WEIGHTED = LAYERS.filter((layer) => layer.before && !layer.pool);

/** Cut the parameters of all layers, one after the other, into {conv1: {weight, bias}, …}. */
function parametersOf(numbers) {
  const parameters = {};
  let start = 0;
  const take = (count) => Float64Array.from(numbers.subarray(start, (start += count)));
  for (const layer of WEIGHTED) {
    const weight = take(layer.maps * layer.before.maps * layer.kernel ** 2);
    parameters[layer.name] = { weight, bias: take(layer.maps) };
  }
  return parameters;
}

/** List, window after window, the places in the input that it covers; −1 is padding. */
function windowsOf({ before, rows, columns, kernel, stride, padding }) {
  const places = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let map = 0; map < before.maps; map++)
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++) {
            const [r, c] = [row * stride - padding + i, column * stride - padding + j];
            const inside = r >= 0 && c >= 0 && r < before.rows && c < before.columns;
            places.push(inside ? (map * before.rows + r) * before.columns + c : -1);
          }
  return Int32Array.from(places);
}
for (const layer of WEIGHTED) layer.windows = windowsOf(layer);

/** Write each window as a row of numbers, as chapter 6 does. */
function im2col({ windows }, x) {
  const rows = new Float64Array(windows.length);
  for (let n = 0; n < rows.length; n++) if (windows[n] >= 0) rows[n] = x[windows[n]];
  return rows;
}

function conv2d(layer, x, { weight, bias }) {
  const y = new Float64Array(layer.size);
  const rows = im2col(layer, x);
  const [each, long] = [layer.rows * layer.columns, weight.length / layer.maps];
  for (let into = 0; into < y.length; into++) {
    const map = Math.floor(into / each);
    const [w, start] = [map * long, (into % each) * long];
    let sum = bias[map];
    for (let n = 0; n < long; n++) sum += weight[w + n] * rows[start + n];
    y[into] = sum;
  }
  return y;
}

/** Send the gradient of the output back to the input, and, with `x`, to weight and bias. */
function conv2dBackward(layer, gradOut, { weight, bias }, x) {
  const gradX = new Float64Array(layer.before.size);
  const grad = x && { weight: new Float64Array(weight.length), bias: new Float64Array(bias.length) };
  const rows = x && im2col(layer, x);
  const [each, long] = [layer.rows * layer.columns, weight.length / layer.maps];
  for (let into = 0; into < gradOut.length; into++) {
    const g = gradOut[into];
    if (!g) continue;
    const map = Math.floor(into / each);
    const [w, start] = [map * long, (into % each) * long];
    for (let n = 0; n < long; n++) {
      const place = layer.windows[start + n];
      if (place >= 0) gradX[place] += g * weight[w + n];
    }
    if (!x) continue;
    grad.bias[map] += g;
    for (let n = 0; n < long; n++) grad.weight[w + n] += g * rows[start + n];
  }
  return [gradX, grad];
}

/** Take the largest of every 2 × 2; `winners` are the places where it stood, the first of equals. */
function maxPool2d(layer, x) {
  const { before } = layer;
  const winners = new Int32Array(layer.size);
  for (let map = 0, into = 0; map < layer.maps; map++)
    for (let row = 0; row < layer.rows; row++)
      for (let column = 0; column < layer.columns; column++, into++) {
        const from = (map * before.rows + 2 * row) * before.columns + 2 * column;
        const four = [from, from + 1, from + before.columns, from + before.columns + 1];
        winners[into] = four.reduce((best, place) => (x[place] > x[best] ? place : best));
      }
  return [Float64Array.from(winners, (place) => x[place]), winners];
}

/** Run the network. `cut` holds names such as "conv2 7": maps, or dense units, that are held at 0. */
function forward(parameters, image, cut = new Set()) {
  const run = { parameters, values: { input: image }, sums: {}, winners: {}, open: {} };
  for (const layer of LAYERS.slice(1)) {
    const { name } = layer;
    const x = run.values[layer.before.name];
    if (layer.pool) {
      [run.values[name], run.winners[name]] = maxPool2d(layer, x);
      continue;
    }
    const sums = (run.sums[name] = conv2d(layer, x, parameters[name]));
    const each = layer.rows * layer.columns;
    // where the gradient gets through: ReLU, unless the map is cut
    const passes = (sum, place) =>
      (layer.linear || sum > 0) && !cut.has(`${name} ${Math.floor(place / each)}`) ? 1 : 0;
    run.open[name] = Uint8Array.from(sums, passes);
    run.values[name] = sums.map((sum, place) => (run.open[name][place] ? sum : 0));
  }
  return run;
}

/** Go back from a gradient of the scores to every unit (`values`) and every weight (`parameters`). */
function backward(run, gradScores, withWeights = true) {
  const values = { scores: Float64Array.from(gradScores) };
  const parameters = {};
  for (const layer of LAYERS.slice(1).reverse()) {
    const { name, before } = layer;
    if (layer.pool) {
      values[before.name] = new Float64Array(before.size);
      values[name].forEach((g, from) => (values[before.name][run.winners[name][from]] += g));
      continue;
    }
    const gradSums = values[name].map((g, place) => (run.open[name][place] ? g : 0));
    const x = withWeights ? run.values[before.name] : null;
    const back = conv2dBackward(layer, gradSums, run.parameters[name], x);
    [values[before.name], parameters[name]] = back;
  }
  return { values, parameters };
}

function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** The cross-entropy of a class, and its gradient for the scores: softmax minus one-hot. */
function crossEntropy(scores, target) {
  const grad = softmax(scores);
  const loss = -Math.log(grad[target]);
  grad[target] -= 1;
  return [loss, grad];
}

/** For each score the gradient of every unit; times the unit's value it is the unit's share. */
function slopes(run) {
  return Array.from(run.values.scores, (_, score) => {
    const one = new Float64Array(10);
    one[score] = 1;
    return backward(run, one, false).values;
  });
}

/**
 * Which units of the layers before it a unit sees: {name: {map, top, left, bottom, right}}, the ends
 * not in; `map` is null where it sees all maps.
 */
function seenBy(layer, map, row, column) {
  const seen = {};
  let [top, left, bottom, right] = [row, column, row + 1, column + 1];
  for (; layer.before; layer = layer.before) {
    const { before, kernel, stride, padding, pool } = layer;
    if (!pool) map = null;
    top = Math.max(top * stride - padding, 0);
    left = Math.max(left * stride - padding, 0);
    bottom = Math.min((bottom - 1) * stride - padding + kernel, before.rows);
    right = Math.min((right - 1) * stride - padding + kernel, before.columns);
    seen[before.name] = { map, top, left, bottom, right };
  }
  return seen;
}

/** Which units of the layers behind it a unit reaches, in the same form. */
function reachedFrom(layer, map, row, column) {
  const reached = {};
  let [top, left, bottom, right] = [row, column, row + 1, column + 1];
  for (const behind of LAYERS.slice(LAYERS.indexOf(layer) + 1)) {
    const { name, rows, columns, kernel, stride, padding, pool } = behind;
    const first = (start) => Math.max(Math.ceil((start + padding - kernel + 1) / stride), 0);
    const end = (stop, most) => Math.min(Math.floor((stop - 1 + padding) / stride) + 1, most);
    if (!pool) map = null;
    [top, left, bottom, right] = [first(top), first(left), end(bottom, rows), end(right, columns)];
    reached[name] = { map, top, left, bottom, right };
  }
  return reached;
}

export default {
  LAYERS, parametersOf, forward, backward, softmax, crossEntropy, slopes, seenBy, reachedFrom,
};
