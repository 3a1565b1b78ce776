// From strokes to what the network sees: ink on 56 × 56 pixels, sized and centred as MNIST's digits
// are. The same steps as `ink_of` and `centre_digits` in Python.
const SIDE = 280; // units a side of the sheet
const PIXELS = 56;
const SEEN = 28;

/** Mark the units of the sheet that a round pen covers; return the share of each pixel. */
function inkOf(strokes) {
  const covered = new Uint8Array(SIDE * SIDE);
  for (const { pen, points } of strokes)
    points.forEach((end, number) => cover(covered, points[Math.max(number - 1, 0)], end, pen / 2));
  const ink = new Float64Array(PIXELS * PIXELS);
  const units = SIDE / PIXELS;
  for (let place = 0; place < covered.length; place++) {
    if (!covered[place]) continue;
    const [row, column] = [Math.floor(place / SIDE), place % SIDE];
    ink[Math.floor(row / units) * PIXELS + Math.floor(column / units)] += 1 / units ** 2;
  }
  return ink;
}

function cover(covered, [r0, c0], [r1, c1], radius) {
  const [down, right] = [r1 - r0, c1 - c0];
  const length2 = down ** 2 + right ** 2 || 1;
  const from = (a, b) => Math.max(Math.floor(Math.min(a, b) - radius), 0);
  const to = (a, b) => Math.min(Math.ceil(Math.max(a, b) + radius), SIDE);
  for (let row = from(r0, r1); row < to(r0, r1); row++)
    for (let column = from(c0, c1); column < to(c0, c1); column++) {
      const [y, x] = [row + 0.5 - r0, column + 0.5 - c0];
      const along = Math.min(Math.max((y * down + x * right) / length2, 0), 1);
      const away2 = (y - along * down) ** 2 + (x - along * right) ** 2;
      if (away2 <= radius ** 2) covered[row * SIDE + column] = 1;
    }
}

/** Where the ink comes to lie: the scale, in pixels seen per pixel of ink, and its middle. */
function placeOf(ink) {
  const most = ink.reduce((a, b) => Math.max(a, b), 0);
  let [top, left, bottom, right] = [PIXELS, PIXELS, -1, -1];
  let [mass, rows, columns] = [0, 0, 0];
  ink.forEach((value, place) => {
    const [row, column] = [Math.floor(place / PIXELS), place % PIXELS];
    mass += value;
    rows += value * (row + 0.5);
    columns += value * (column + 0.5);
    if (value <= 0.2 * most) return;
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  });
  const scale = 20 / Math.max(bottom - top + 1, right - left + 1);
  return { scale, row: rows / mass, column: columns / mass };
}

/** Scale the ink to fit 20 × 20 of 28 × 28 pixels, its centre of mass on the centre of [14, 14]. */
function centred(ink) {
  const seen = new Float64Array(SEEN * SEEN);
  if (!ink.some((value) => value > 0)) return seen;
  const { scale, row, column } = placeOf(ink);
  const at = (r, c) => (r >= 0 && c >= 0 && r < PIXELS && c < PIXELS ? ink[r * PIXELS + c] : 0);
  seen.forEach((_, place) => {
    const r = row + (Math.floor(place / SEEN) - 14) / scale - 0.5;
    const c = column + ((place % SEEN) - 14) / scale - 0.5;
    const [r0, c0] = [Math.floor(r), Math.floor(c)];
    const [down, right] = [r - r0, c - c0]; // between four pixels
    const upper = at(r0, c0) * (1 - right) + at(r0, c0 + 1) * right;
    const lower = at(r0 + 1, c0) * (1 - right) + at(r0 + 1, c0 + 1) * right;
    seen[place] = Math.min(upper * (1 - down) + lower * down, 1);
  });
  return seen;
}

/** Where a region of what is seen lies on a sheet of a width; as it is seen if `place` is null. */
function onSheet(place, { top, left, bottom, right }, width) {
  const inside = (share) => width * Math.min(Math.max(share, 0), 1);
  const edge = (end, middle) =>
    inside(place ? (middle + (end - SEEN / 2 - 0.5) / place.scale) / PIXELS : end / SEEN);
  const [y, x] = [edge(top, place?.row), edge(left, place?.column)];
  const [low, far] = [edge(bottom, place?.row), edge(right, place?.column)];
  return { x, y, width: far - x, height: low - y };
}

export default { inkOf, centred, placeOf, onSheet };
