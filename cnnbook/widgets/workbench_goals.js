// Ten goals for a kernel. Each measures what the kernel makes of one photograph, so every kernel
// that does it counts. A condition is [what, value, "≤" or "≥", limit].
import filtering from "./filtering.js";
const { correlate, laid } = filtering;

const EDGE = 4; // pixels at the border that no goal looks at: half of the largest kernel, and one
const STEEP = 0.06; // change of brightness per pixel that makes an edge
const CALM = 0.02; // less than that, for five pixels around, is flat
const ROOF = { top: 16, bottom: 84, left: 58, right: 214 }; // of 280 × 420 pixels
const SILENT = 0.05; // of the answer at edges
const SLOPES = { across: [-1, 0, 1, -2, 0, 2, -1, 0, 1], down: [-1, -2, -1, 0, 0, 0, 1, 2, 1] };
const TWICE = [1, 2, 3, 2, 1].flatMap((row) => [1, 2, 3, 2, 1].map((column) => (row * column) / 81));

/** Sort the pixels of a photograph: places of those that are flat, and of edges by direction. */
function study(photo) {
  const { rows, columns } = photo;
  const [across, down] = ["across", "down"].map((name) => centred(photo, SLOPES[name].map((w) => w / 8)));
  const steep = across.map((slope, n) => Math.hypot(slope, down[n]));
  const of = { inside: [], flat: [], edges: [], upright: [], level: [] };
  const roof = { upright: [], level: [], falling: [], rising: [] };
  for (let row = EDGE; row < rows - EDGE; row++)
    for (let column = EDGE; column < columns - EDGE; column++) {
      const at = row * columns + column;
      const [x, y] = [Math.abs(across[at]), Math.abs(down[at])];
      of.inside.push(at);
      if (calm(steep, columns, at)) of.flat.push(at);
      if (steep[at] < STEEP) continue;
      const diagonal = x < 1.7 * y && y < 1.7 * x && (across[at] * down[at] < 0 ? "falling" : "rising");
      const kind = x >= 4 * y ? "upright" : y >= 4 * x ? "level" : diagonal;
      of.edges.push(at);
      of[kind]?.push(at);
      const under = row >= ROOF.top && row < ROOF.bottom && column >= ROOF.left && column < ROOF.right;
      if (under) roof[kind]?.push(at);
    }
  const changes = { rows: change(of, photo.values, 1), columns: change(of, photo.values, columns) };
  return { photo, across, down, of, roof, ...changes, twice: centred(photo, TWICE) };
}

function calm(steep, columns, at) {
  for (let row = -2; row <= 2; row++)
    for (let column = -2; column <= 2; column++)
      if (steep[at + row * columns + column] > CALM) return false;
  return true;
}

/** Filter; each result stands under the centre of its window, NaN where there is none. */
function centred(photo, weights) {
  const out = correlate(photo, weights);
  const values = new Float64Array(photo.values.length).fill(NaN);
  const radius = (photo.rows - out.rows) / 2;
  for (let row = 0; row < out.rows; row++) {
    const line = out.values.subarray(row * out.columns, (row + 1) * out.columns);
    values.set(line, (row + radius) * photo.columns + radius);
  }
  return values;
}

// ------------------------------------------------------------ what is measured

const mean = (places, value) => places.reduce((all, at) => all + value(at), 0) / places.length;
const largest = (places, value) => places.reduce((most, at) => Math.max(most, Math.abs(value(at))), 0);
const answer = (y, places) => mean(places, (at) => Math.abs(y[at]));

/** Mean change from a pixel to the next one, which is `step` places further. */
const change = ({ inside }, values, step) =>
  mean(inside, (at) => Math.abs(values[at] - values[at - step]));

/** How far the picture has moved, in pixels: what has changed looks like its slope. */
function moved({ photo, across, down, of }, y) {
  const along = (slope) =>
    mean(of.edges, (at) => (photo.values[at] - y[at]) * slope[at]) /
    mean(of.edges, (at) => slope[at] ** 2);
  return Math.hypot(along(across), along(down));
}

const flatShare = ({ of }, y, edges = of.edges) =>
  ["flat / edges", answer(y, of.flat) / answer(y, edges), "≤", SILENT];
const times = (one, y, other, words, limit) =>
  [words, answer(y, one) / answer(y, other), "≥", limit];
const stays = ({ photo, of }, y) =>
  ["flat places change by", mean(of.flat, (at) => Math.abs(y[at] - photo.values[at])), "≤", 0.02];
const still = (known, y) => ["moved by", moved(known, y), "≤", 0.1];

/** Changes of both directions as conditions. */
const changes = (known, y, sign, limit) =>
  ["rows", "columns"].map((along) => {
    const step = along === "rows" ? 1 : known.photo.columns;
    return [`change along ${along}`, change(known.of, y, step) / known[along], sign, limit];
  });

const GOALS = [
  {
    asks: "Make the photograph half as bright, and change nothing else.",
    counts: "No pixel may differ by more than 0.01 from half of what it was.",
    check: (known, y) => [
      ["largest difference", largest(known.of.inside, (at) => y[at] - known.photo.values[at] / 2), "≤", 0.01],
    ],
  },
  {
    asks: "Move the photograph by two pixels to the right.",
    counts: "No pixel may differ by more than 0.01 from the one two columns to the left of it.",
    check: (known, y) => [
      ["largest difference", largest(known.of.inside, (at) => y[at] - known.photo.values[at - 2]), "≤", 0.01],
    ],
  },
  {
    asks: "Make it soft: halve the change from pixel to pixel; flat places stay, nothing moves.",
    counts:
      "The mean change from a pixel to the next one, along rows and along columns, as a share of " +
      "that in the photograph. Flat is where, two pixels around, the brightness changes by less " +
      "than 0.02 per pixel. “Moved” is in pixels: it compares what has changed with the slopes.",
    check: (known, y) => [...changes(known, y, "≤", 0.5), stays(known, y), still(known, y)],
  },
  {
    asks: "Make it sharp: double the change from pixel to pixel; flat places stay, nothing moves.",
    counts:
      "As in goal 2. A picture that is brighter on one side of all edges counts as moved.",
    check: (known, y) => [...changes(known, y, "≥", 2), stays(known, y), still(known, y)],
  },
  {
    asks: "Answer to edges, and be silent where the photograph is flat.",
    counts:
      "The mean of |result| at edges, where the brightness changes by at least 0.06 per pixel, and " +
      "that at flat places as a share of it; flat is as in goal 2.",
    check: (known, y) => [["at edges", answer(y, known.of.edges), "≥", 0.05], flatShare(known, y)],
  },
  {
    asks: "Find only the upright edges: pillars, not eaves.",
    counts:
      "Upright is an edge where the brightness changes at least four times as much from left to " +
      "right as from top to bottom; level is the reverse. “Upright / level” is the mean of " +
      "|result| at the one over that at the other.",
    check: (known, y) => [
      times(known.of.upright, y, known.of.level, "upright / level", 5),
      flatShare(known, y, known.of.upright),
    ],
  },
  {
    asks: "As convolution: white where it grows brighter to the right, black where darker; level edges grey.",
    counts:
      "White is above 0, black below: the share of upright edges with the right sign. Upright and " +
      "level as in goal 5.",
    check: (known, y, { flip }) => [
      ["operation is convolution", flip ? 1 : 0, "≥", 1],
      ["right sign", mean(known.of.upright, (at) => Number(y[at] * known.across[at] > 0)), "≥", 0.95],
      times(known.of.upright, y, known.of.level, "upright / level", 5),
    ],
  },
  {
    asks: "Of the roof, find only the diagonal edges that fall to the right.",
    counts:
      "The mean of |result| at edges of one kind, over that of another, in the part with the upper " +
      "roof. Diagonal is an edge where the changes in both directions differ by less than a factor " +
      "of 1.7.",
    check: (known, y) => {
      const { falling, rising, upright, level } = known.roof;
      return [
        times(falling, y, rising, "falling / rising", 4),
        times(falling, y, upright, "falling / upright", 1.1),
        times(falling, y, level, "falling / level", 1.1),
        flatShare(known, y),
      ];
    },
  },
  {
    asks: "Find edges with a kernel that a rotation by 180° leaves as it is, but a mirror does not.",
    counts:
      "The result is compared with that of the rotated kernel and of the kernel whose columns are " +
      "reversed, at edges, as a share of the answer there.",
    check: (known, y, { size, cells, divisor, flip }) => {
      const other = (changed) => centred(known.photo, laid({ cells: changed, divisor }, flip));
      const [turned, mirrored] = [
        [...cells].reverse(),
        cells.map((_, n) => cells[n - (n % size) + size - 1 - (n % size)]),
      ].map(other);
      const differs = (z) => mean(known.of.edges, (at) => Math.abs(y[at] - z[at])) / answer(y, known.of.edges);
      return [
        ["difference when rotated", differs(turned), "≤", 0.001],
        ["difference in a mirror", differs(mirrored), "≥", 0.1],
        flatShare(known, y),
      ];
    },
  },
  {
    asks: "One kernel for two passes: what the 3 × 3 box blur does when it is applied twice.",
    counts: "No pixel may differ by more than 0.01 from the result of two passes.",
    check: (known, y) => [
      ["largest difference", largest(known.of.inside, (at) => y[at] - known.twice[at]), "≤", 0.01],
    ],
  },
];

/** Measure a goal: each condition with whether it is met; a kernel without answer meets no ratio. */
function measure(known, number, kernel) {
  const y = centred(known.photo, laid(kernel, kernel.flip));
  return GOALS[number].check(known, y, kernel).map(([what, value, sign, limit]) => ({
    what, value, sign, limit, met: sign === "≤" ? value <= limit : value >= limit,
  }));
}

export default { GOALS, study, measure };
