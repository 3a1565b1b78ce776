// What Glass LeNet says: numbers, names of units, and the sentence above the picture.
import lenet from "./lenet.js";

const largest = (values) => values.reduce((best, value, n) => (value > values[best] ? n : best), 0);
const percent = (share) => `${Math.round(100 * share)} %`;
const many = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** Write a number with a true minus sign; with `sign` a plus, too. */
function written(value, digits = 2, sign = false) {
  const rounded = value.toFixed(digits).replace("-", "");
  if (Number(rounded) === 0) return rounded;
  return `${value < 0 ? "−" : sign ? "+" : ""}${rounded}`;
}

function nameOf({ layer, map, row, column }) {
  const { rows, columns, maps } = lenet.LAYERS.find(({ name }) => name === layer);
  if (layer === "scores") return `score of ${map}`;
  if (rows * columns === 1) return `${layer}, unit ${map}`;
  const place = `row ${row}, column ${column}`;
  return maps > 1 ? `${layer}, map ${map}, ${place}` : `${layer}, ${place}`;
}

/** List what the reader changed: "conv2 map 9 off, 1 weight bent". */
function changesOf({ cut, bent, pixels }) {
  const kind = (name) => (name.startsWith("conv") ? " map " : " unit ");
  const called = [...cut].map((name) => name.replace(" ", kind(name)));
  const off = called.length > 2 ? `${called.length} maps or units` : called.join(" and ");
  return [
    called.length && `${off} off`,
    bent.size && `${many(bent.size, "weight")} bent`,
    pixels.size && `${many(pixels.size, "pixel")} changed`,
  ].filter(Boolean).join(", ");
}

/** Say in HTML what the network reads now, and what the reader's changes did to it. */
function sentence({ run, plain, back, tool, target, goal, hint, ...changed }) {
  if (!plain.values.input.some((ink) => ink))
    return "<b>Nothing is drawn yet.</b> Draw, or take a digit.";
  const { scores } = run.values;
  const [shares, read] = [lenet.softmax(scores), largest(scores)];
  const before = largest(plain.values.scores);
  const reads = `<b>It reads ${read}</b> (${percent(shares[read])}).`;
  const whole = lenet.softmax(plain.values.scores)[before];
  const untouched = `untouched it reads ${before} (${percent(whole)})`;
  const changes = changesOf(changed);
  if (back) {
    const loss = `−log ${written(shares[target], 3)} = ${written(back.loss, 3)}`;
    const words = "Pink: more would raise it; slate: lower it.";
    return `${reads} Backwards: the loss of class ${target} is ${loss}. ${words}`;
  }
  if (tool === "hunt" && read === goal)
    return `<b>Reached: it reads ${read}.</b> ${changes}; ${untouched}. Can you do it with fewer?`;
  if (tool === "hunt") {
    const place = `row ${Math.floor(hint / 28)}, column ${hint % 28}`;
    const words = hint === null ? "" : ` The dashed pixel promises most: ${place}.`;
    return `${reads} Make it read ${goal}: ${many(changed.pixels.size, "pixel")} changed.${words}`;
  }
  if (!changes) return reads;
  const [was, is] = [plain.values.scores[before], scores[before]];
  const moved = `the score of ${before} goes from ${written(was)} to ${written(is)}`;
  return `${reads} ${changes}: ${moved}; ${untouched}.`;
}

export default { largest, percent, written, nameOf, sentence };
