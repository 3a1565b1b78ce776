// What lies over Glass LeNet's maps: frames around what a unit sees and reaches, its shares as lines.
import lenet from "./lenet.js";
import seen from "./seen.js";
import glassPicture from "./glass_picture.js";
const { element, layerNamed, boxesOf, sliceBox } = glassPicture;

/**
 * Draw over `net`, whose parts are `canvases`, `kernels`, the `rows` of the scores and the `sheet`.
 * `now` says which `unit` is pointed at and `held`, which `slice` of its kernel is seen, its `shares`
 * in the scores (null: no lines), the `pixels` that were changed, the `hint`, and the `place` of the
 * sheet (null: it lies as it is seen).
 */
function draw(overlay, { net, canvases, kernels, rows, sheet }, now) {
  const origin = net.getBoundingClientRect();
  const parts = [...Object.values(canvases), ...Object.values(kernels), ...rows, sheet];
  const boxes = new Map(); // all before anything is drawn: else the page is laid out each time
  for (const node of parts.filter(Boolean)) {
    const { left, top, width, height } = node.getBoundingClientRect();
    boxes.set(node, { x: left - origin.left, y: top - origin.top, width, height });
  }
  overlay.replaceChildren();
  const rect = ({ x, y, width, height }, kind, grow = 0) => {
    const size = { width: width + 2 * grow, height: height + 2 * grow };
    element("rect", { class: kind, x: x - grow, y: y - grow, ...size, rx: 2 }, overlay);
  };
  const within = (node, box) => {
    const { x, y } = boxes.get(node);
    return { ...box, x: x + box.x, y: y + box.y };
  };
  const region = (name, place, kind, grow) => {
    if (!canvases[name]) return;
    for (const box of boxesOf(layerNamed(name), place))
      rect(within(canvases[name], box), box.whole ? `${kind} whole` : kind, grow);
  };
  const pixel = (at) => cellAt(0, Math.floor(at / 28), at % 28);

  const { layer: name, map, row, column } = now.unit;
  const layer = layerNamed(name);
  const sees = lenet.seenBy(layer, map, row, column);
  const reaches = lenet.reachedFrom(layer, map, row, column);
  for (const [other, place] of Object.entries(sees)) region(other, place, "sees");
  for (const [other, place] of Object.entries(reaches)) region(other, place, "reaches");
  const field = sees.input ?? cellAt(0, row, column);
  const kind = field.bottom - field.top === 28 ? "sees whole" : "sees";
  if (sheet) rect(within(sheet, seen.onSheet(now.place, field, boxes.get(sheet).width)), kind);
  for (const at of now.pixels) region("input", pixel(at), "changed");
  if (now.hint !== null) region("input", pixel(now.hint), "hint", 2);
  if (now.slice !== null && kernels[name])
    rect(within(kernels[name], sliceBox(layer, map, now.slice)), "unit", 1);
  region(name, cellAt(map, row, column), now.held ? "unit held" : "unit", 2);
  if (now.shares && canvases[name]) {
    const [box] = boxesOf(layer, cellAt(map, row, column));
    fan(overlay, within(canvases[name], box), rows.map((node) => boxes.get(node)), now.shares);
  }
}

const cellAt = (map, row, column) => ({
  map, top: row, left: column, bottom: row + 1, right: column + 1,
});

/** Lines from a unit to the scores, as wide as its shares in them; slate where it lowers one. */
function fan(overlay, unit, rows, shares) {
  const most = Math.max(...shares.map(Math.abs));
  if (!most) return;
  const from = { x: unit.x + unit.width / 2, y: unit.y + unit.height / 2 };
  shares.forEach((share, n) => {
    const [x, y] = [rows[n].x - 2, rows[n].y + rows[n].height / 2];
    const bow = Math.max(40, Math.abs(x - from.x) / 2);
    const d = `M${from.x},${from.y} C${from.x + bow},${from.y} ${x - bow},${y} ${x},${y}`;
    const width = 0.5 + (4.5 * Math.abs(share)) / most;
    element("path", { class: share < 0 ? "less" : "more", d, "stroke-width": width }, overlay);
  });
}

export default { draw };
