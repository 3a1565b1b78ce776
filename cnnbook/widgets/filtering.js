// What a kernel makes of a photograph, in plain JavaScript: the numbers and words of `Filtering` in
// Python. A photograph is {rows, columns, values}, row by row; a kernel {size, cells, divisor}.

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** The weights of a kernel as they are laid on the photograph: rotated by 180° for convolution. */
function laid({ cells, divisor }, flip) {
  const weights = cells.map((cell) => cell / divisor);
  return flip ? weights.reverse() : weights;
}

/** Lay weights on each window of a photograph, multiply and add: where they fit, as conv2d does. */
function correlate(photo, weights) {
  const size = Math.sqrt(weights.length);
  const [rows, columns] = [photo.rows - size + 1, photo.columns - size + 1];
  const values = new Float64Array(rows * columns);
  weights.forEach((weight, place) => {
    if (weight === 0) return;
    const [down, right] = [Math.floor(place / size), place % size];
    for (let row = 0; row < rows; row++) {
      let from = (row + down) * photo.columns + right;
      const end = (row + 1) * columns;
      for (let into = row * columns; into < end; into++) values[into] += weight * photo.values[from++];
    }
  });
  return { rows, columns, values };
}

/** Call what is left by rounding 0. */
const settle = (value, tolerance = 1e-9) => (Math.abs(value) <= tolerance ? 0 : value);

/** Sum of the weights: what a flat patch of brightness 1 becomes. */
function total({ cells, divisor }) {
  const weights = cells.map((cell) => cell / divisor);
  return settle(sum(weights), 1e-9 * sum(weights.map(Math.abs)));
}

/** Rank of a kernel as a matrix, by elimination; 1 means that it is a column times a row. */
function rank({ size, cells }) {
  const rows = Array.from({ length: size }, (_, row) => cells.slice(row * size, (row + 1) * size));
  const least = 1e-10 * Math.max(...cells.map(Math.abs));
  let found = 0;
  while (rows.length) {
    const most = rows.map((row) => Math.max(...row.map(Math.abs)));
    const [pivot] = rows.splice(most.indexOf(Math.max(...most)), 1);
    const column = pivot.reduce((best, cell, n) => (Math.abs(cell) > Math.abs(pivot[best]) ? n : best), 0);
    if (Math.abs(pivot[column]) <= least) break;
    found += 1;
    for (const row of rows) {
      const share = row[column] / pivot[column];
      row.forEach((cell, n) => (row[n] = n === column ? 0 : cell - share * pivot[n]));
    }
  }
  return found;
}

// ------------------------------------------------------------ words

/** Write a number with at most `digits` digits and a true minus sign, as `format_number` does. */
function written(value, digits = 3) {
  if (Math.abs(value - Math.round(value)) < 1e-9 && Math.abs(value) < 1e6)
    return `${Math.round(value) || 0}`.replace("-", "−");
  const [number, power] = value.toExponential(digits - 1).split("e").map(Number);
  const plain = power >= -4 && power < digits;
  const text = plain ? `${Number(value.toPrecision(digits))}` : `${number}e${power > 9 ? "+" : ""}${power}`;
  return text.replace(/-/g, "−");
}

/** Write a number as a factor: negative ones in brackets. */
const factor = (value, digits = 3) =>
  written(value, digits).startsWith("−") ? `(${written(value, digits)})` : written(value, digits);

function brightness(kernel) {
  const sums = total(kernel);
  if (sums === 0) return "a flat patch becomes 0: the mean is removed";
  if (Math.abs(sums - 1) < 1e-9) return "a flat patch keeps its brightness";
  return `a flat patch becomes ${written(sums)} times as bright`;
}

function symmetry({ cells }) {
  const rotated = [...cells].reverse();
  if (rotated.every((cell, n) => cell === cells[n]))
    return ["even", "rotated by 180° it is the same: flipping changes nothing"];
  if (rotated.every((cell, n) => cell === -cells[n]))
    return ["odd", "rotated by 180° it changes its sign, and so does the result"];
  return ["neither even nor odd", "rotated by 180° it is another kernel"];
}

/** What the sum, the rank and the symmetry of a kernel mean: words and sentences. */
function facts(kernel) {
  const { size, cells, divisor } = kernel;
  const over = divisor === 1 ? "" : `${written(sum(cells), 4)} / ${factor(divisor, 4)} = `;
  const ranked = rank(kernel) === 1
    ? ["separable", `a column times a row: ${2 * size} products a pixel in place of ${size ** 2}`]
    : [`rank ${rank(kernel)}`, `not a column times a row: ${size ** 2} products a pixel`];
  return [[`sum = ${over}${written(total(kernel))}`, brightness(kernel)], ranked, symmetry(kernel)];
}

/** Smallest and largest value, and the mean, to three decimals. */
function range({ values }) {
  let [low, high, all] = [Infinity, -Infinity, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
    all += value;
  }
  const [least, most, mean] = [low, high, all / values.length].map((value) =>
    written(settle(Number(value.toFixed(3))), 4),
  );
  return { low, high, says: `values ${least} to ${most}, mean ${mean}` };
}

const TERMS = 9; // products that are written out

/** The sum at one window, with the numbers put in. `cells` as they are laid on the pixels. */
function products(pixels, cells, divisor) {
  const pairs = pixels.map((pixel, n) => [pixel, cells[n]]).filter(([, cell]) => cell !== 0);
  const terms = pairs.map(([pixel, cell]) => `${pixel.toFixed(2)}·${factor(cell, 2)}`);
  const more = terms.length > TERMS ? ` + … (${terms.length} terms)` : "";
  const over = divisor === 1 ? "" : `${terms.length > 1 ? ", all" : ""} over ${written(divisor)},`;
  const value = sum(pairs.map(([pixel, cell]) => (pixel * cell) / divisor));
  return `${terms.slice(0, TERMS).join(" + ") || "0"}${more}${over} = ${written(settle(value))}`;
}

export default { laid, correlate, total, rank, written, facts, range, products, settle };
