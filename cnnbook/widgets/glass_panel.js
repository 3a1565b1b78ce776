// One unit of Glass LeNet in numbers: its window, its kernel, the sum; a weight can be bent.
import lenet from "./lenet.js";
import glassPicture from "./glass_picture.js";
import glassWords from "./glass_words.js";
const { element, tint, layerNamed } = glassPicture;
const { written, nameOf } = glassWords;

const BEND = 0.05; // what an arrow key adds to a weight
const DRAG = 0.01; // what a pixel of dragging adds
const LISTED = 8; // products of a dense unit that are written out

/** The power of ten that makes small gradients readable with two digits, and how to say so. */
function enlarged(values) {
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const times = most > 0 && most < 0.1 ? 10 ** Math.ceil(-Math.log10(most)) : 1;
  return { times, says: times > 1 ? `, × ${times.toLocaleString("en")}` : "" };
}

/**
 * Build the panel. `bend(layer, place, value)` sets a weight, and puts it back where the value is
 * undefined; `choose(channel)` asks for another slice of the kernel.
 */
function build(el, bend, choose) {
  const title = element("h4", {}, el);
  const sides = element("div", { class: "sides" }, el);
  const [left, sign, right] = ["figure", "b", "figure"].map((tag) => element(tag, {}, sides));
  const list = element("div", { class: "parts" }, sides);
  const formula = element("p", { class: "m" }, el);
  for (const side of [left, right]) {
    element("figcaption", {}, side);
    element("div", { class: "cells m" }, side);
  }
  let shown = null; // what the last `show` was given

  function cells(side, caption, values, columns, role, options = {}) {
    side.hidden = !values;
    if (!values) return;
    const { framed = -1, places = null, grows = false } = options;
    const { times, says } = grows ? enlarged(values) : { times: 1, says: "" };
    side.firstChild.textContent = caption + says;
    const grid = side.lastChild;
    const large = values.length <= 25;
    grid.style.gridTemplateColumns = `repeat(${columns}, ${large ? 32 : 13}px)`;
    grid.style.gridAutoRows = large ? "32px" : "13px";
    while (grid.childElementCount > values.length) grid.lastChild.remove();
    while (grid.childElementCount < values.length) element("span", {}, grid);
    const most = options.most ?? (Math.max(...values.map((value) => Math.abs(value ?? 0))) || 1);
    values.forEach((value, place) => {
      const cell = grid.children[place];
      cell.textContent = large && value !== null ? written(times * value) : "";
      const strength = large ? shown.colours.strongest : 1;
      cell.style.background =
        value === null ? "" : tint(shown.colours, role, (strength * value) / most);
      cell.className = `${place === framed ? "framed" : ""} ${value === null ? "padding" : ""}`;
      makeWeight(cell, places?.[place], value, Math.floor(place / columns), place % columns);
    });
  }

  function makeWeight(cell, place, value, row, column) {
    if (place === undefined) {
      const others = cell.getAttributeNames().filter((name) => !["class", "style"].includes(name));
      others.forEach((name) => cell.removeAttribute(name));
      return;
    }
    cell.dataset.weight = place;
    cell.setAttribute("role", "spinbutton");
    cell.setAttribute("aria-label", `weight, row ${row}, column ${column}`);
    cell.setAttribute("aria-valuenow", value.toFixed(2));
    cell.tabIndex = row || column ? -1 : 0;
    cell.dataset.lmSuppressShortcuts = "true"; // the keys of the notebook stay out
    cell.classList.toggle("bent", shown.isBent(place));
  }

  function parts(rows, chosen) {
    list.hidden = !rows.length;
    list.replaceChildren();
    rows.forEach(({ name, value, channel }) => {
      const tag = channel === undefined ? "span" : "button";
      const item = element(tag, { class: "m" }, list, `${name} ${written(value, 2, true)}`);
      if (channel === undefined) return;
      item.setAttribute("aria-pressed", channel === chosen);
      item.addEventListener("click", () => choose(channel));
    });
  }

  /** Show a unit; return which slice of its kernel is seen, if it has several. */
  function show(given) {
    shown = given;
    const { unit, run, back } = given;
    let slice = null;
    const layer = layerNamed(unit.layer);
    const place = (unit.map * layer.rows + unit.row) * layer.columns + unit.column;
    const ends = !back && stopsAt(layer, place);
    title.textContent = nameOf(unit) + (ends ? ": not the largest of its four, no share" : "");
    if (!layer.before) showPixel(layer, place);
    else if (layer.pool) showPool(layer, place);
    else slice = showSum(layer, place);
    if (back) formula.textContent = arrives(layer, place);
    sign.hidden = right.hidden;
    return slice;
  }

  /** Whether a unit is not 0, but the pooling behind it lets another one through. */
  const stopsAt = (layer, place) => {
    const behind = lenet.LAYERS[lenet.LAYERS.indexOf(layer) + 1];
    const { values, winners } = shown.run;
    return behind?.pool && values[layer.name][place] > 0 && !winners[behind.name].includes(place);
  };

  const arrives = (layer, place) => {
    const grad = shown.back.values[layer.name];
    const open = shown.run.open[layer.name];
    const stop = open && !open[place] ? "; the unit is 0: it ends here" : "";
    return `∂loss/∂unit = ${written(grad[place], 4)}${stop}.`;
  };

  function showPixel(layer, place) {
    const { run, back, unit } = shown;
    const values = back ? back.values.input : run.values.input;
    const around = [];
    for (let row = unit.row - 2; row <= unit.row + 2; row++)
      for (let column = unit.column - 2; column <= unit.column + 2; column++) {
        const inside = row >= 0 && column >= 0 && row < layer.rows && column < layer.columns;
        around.push(inside ? values[row * layer.columns + column] : null);
      }
    const caption = back ? "gradient of the pixels around it" : "the pixels around it";
    cells(left, caption, around, 5, back ? "gradient" : "input", { framed: 12, grows: back });
    cells(right, "", null);
    parts([]);
    formula.textContent = `The pixel is ${written(run.values.input[place])}.`;
  }

  function showPool(layer, place) {
    const { run, back } = shown;
    const { before } = layer;
    const { map, row, column } = shown.unit;
    const corner = (map * before.rows + 2 * row) * before.columns + 2 * column;
    const four = [0, 1, before.columns, before.columns + 1].map((step) => corner + step);
    const values = (back ?? run).values[before.name];
    const winner = four.indexOf(run.winners[layer.name][place]);
    const caption = back ? "its gradient goes to the winner" : "its window";
    const style = { framed: winner, grows: back };
    cells(left, caption, four.map((at) => values[at]), 2, back ? "gradient" : "output", style);
    cells(right, "", null);
    parts([]);
    formula.textContent = `The largest of four is ${written(run.values[layer.name][place])}.`;
  }

  function showSum(layer, place) {
    const { run, back, unit } = shown;
    const { name, before } = layer;
    const { weight, bias } = run.parameters[name];
    const [area, channels] = [layer.kernel ** 2, before.maps];
    const long = area * channels;
    const at = (place % (layer.rows * layer.columns)) * long;
    const x = [...layer.windows.subarray(at, at + long)].map((from) =>
      from < 0 ? null : run.values[before.name][from],
    );
    const w = weight.subarray(unit.map * long, (unit.map + 1) * long);
    const gradient = back?.parameters[name].weight.subarray(unit.map * long, (unit.map + 1) * long);
    const products = x.map((value, n) => (value ?? 0) * w[n]);
    const sums = Array.from({ length: channels }, (_, channel) =>
      products.slice(channel * area, (channel + 1) * area).reduce((a, b) => a + b, 0),
    );
    const order = [...sums.keys()].sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
    const role = back ? "gradient" : "kernel";
    const chosen = shown.slice ?? order[0];
    if (area > 1) {
      const [from, to] = [chosen * area, (chosen + 1) * area];
      const of = channels > 1 ? `, from ${before.name} map ${chosen}` : "";
      const places = [...Array(area).keys()].map((n) => unit.map * long + from + n);
      const weights = { places, most: Math.max(...w.map(Math.abs)) };
      if (back) {
        cells(left, `kernel${of}: drag a weight`, [...w.slice(from, to)], 5, "kernel", weights);
        const look = { grows: true, most: Math.max(...gradient.map(Math.abs)) || 1 };
        cells(right, "its gradient", [...gradient.slice(from, to)], 5, role, look);
      } else {
        const hue = before.name === "input" ? "input" : "output";
        cells(left, `window${of}`, x.slice(from, to), 5, hue);
        cells(right, "kernel: drag a weight", [...w.slice(from, to)], 5, "kernel", weights);
      }
      const rows = sums.map((value, channel) => ({ name: `${channel}`, value, channel }));
      parts(channels > 1 ? rows : [], chosen);
    } else {
      const columns = 12;
      cells(left, `${channels} units of ${before.name}`, x, columns, "output");
      const caption = back ? "gradient of its weights" : "its weights";
      cells(right, caption, [...(gradient ?? w)], columns, role);
      const rows = order.slice(0, LISTED);
      parts(rows.map((n) => ({ name: `unit ${n}`, value: products[n] })));
    }
    sign.textContent = back ? "" : "×";
    const sum = run.sums[name][place];
    const [own, alone] = [written(bias[unit.map]), written(sum - bias[unit.map])];
    const after = layer.linear ? "the score" : `ReLU: ${written(Math.max(sum, 0))}`;
    const off = shown.isCut(name, unit.map) ? "; cut: 0" : "";
    formula.textContent = `Σ = ${alone}, with the bias ${own}: ${written(sum)}; ${after}${off}.`;
    return area > 1 ? chosen : null;
  }

  // ------------------------------------------------------------ bending a weight

  let drag = null;
  const weightOf = (target) => {
    const cell = target.closest?.("[data-weight]");
    return cell && { cell, place: Number(cell.dataset.weight) };
  };
  const now = (place) => shown.run.parameters[shown.unit.layer].weight[place];

  el.addEventListener("pointerdown", (event) => {
    const found = weightOf(event.target);
    if (!found || event.button !== 0) return;
    event.preventDefault();
    found.cell.focus({ preventScroll: true });
    el.setPointerCapture(event.pointerId);
    drag = { place: found.place, y: event.clientY, value: now(found.place) };
  });
  el.addEventListener("pointermove", (event) => {
    if (drag) bend(shown.unit.layer, drag.place, drag.value + (drag.y - event.clientY) * DRAG);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
    el.addEventListener(name, () => (drag = null));
  el.addEventListener("dblclick", (event) => {
    const found = weightOf(event.target);
    if (found) bend(shown.unit.layer, found.place, undefined);
  });
  el.addEventListener("keydown", (event) => {
    const found = weightOf(event.target);
    if (event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // else JupyterLab takes it
    if (!found) return;
    const { cell, place } = found;
    const acts = {
      ArrowUp: () => bend(shown.unit.layer, place, now(place) + BEND),
      ArrowDown: () => bend(shown.unit.layer, place, now(place) - BEND),
      ArrowLeft: () => cell.previousSibling?.focus(),
      ArrowRight: () => cell.nextSibling?.focus(),
      Delete: () => bend(shown.unit.layer, place, undefined),
      Escape: () => cell.blur(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  });

  return { show };
}

export default { build };
