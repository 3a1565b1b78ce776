// Glass LeNet: the whole network lies open, and answers. Python hands over the weights once; all
// arithmetic is in `lenet.js`, so the picture goes on without a kernel.
import lenet from "./lenet.js";
import seen from "./seen.js";
import digitCanvas from "./digit_canvas.js";
import glassPicture from "./glass_picture.js";
import glassPanel from "./glass_panel.js";
const { LAYERS } = lenet;
const { LOOKS, KERNELS, element, layerNamed } = glassPicture;
const { written, nameOf } = glassPanel;

const TOOLS = {
  look: ["Look", "Point at any unit; a click holds it. Drag a weight of its kernel up or down."],
  cut: ["Cut", "Click a map or a dense unit to switch it off, and again to switch it on."],
  hunt: ["Hunt", "Click pixels of the input, black to white or back, until it reads what you want."],
};
const KEYS =
  "Tab reaches the network; arrows move from unit to unit, with Shift from map to map, " +
  "Page Up and Page Down from layer to layer; Enter holds, cuts or changes; Esc leaves. In a " +
  "kernel: left and right choose a weight, up and down bend it, Delete puts it back.";
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const QUIET = 150; // ms without a change before Python hears of it

const percent = (share) => `${Math.round(100 * share)} %`;
const largest = (values) => values.reduce((best, value, n) => (value > values[best] ? n : best), 0);
const floats = (view) => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

function heading(parent, name, words) {
  const caption = element("figcaption", {}, parent, ` ${words}`);
  caption.prepend(element("b", {}, null, name));
}

function render({ model, el }) {
  el.classList.add("cnnbook", "cnnbook-glass");
  const given = lenet.parametersOf(floats(model.get("weights")));
  const samples = floats(model.get("samples"));
  const labels = model.get("labels");

  // ------------------------------------------------------------ what is so now

  let parameters = lenet.parametersOf(floats(model.get("weights")));
  let sample = model.get("sample"); // read while nothing is drawn; −1 for none
  let drawn; // what was drawn, as the network sees it, before pixels are changed
  let place; // where the sheet lies in it
  const cut = new Set(); // "conv2 7"
  const bent = new Map(); // "conv2 1234" to the weight
  const pixels = new Set(); // that the hunt changed
  let tool = "look";
  let turned = false;
  let wanted = null; // class of the hunt; the second best where the reader chose none
  let target = null; // class whose loss flows back; the one read where the reader chose none
  let unit = { layer: "conv2", map: 0, row: 0, column: 0 };
  let held = false;
  let hint = null;
  let run, plain, back, slopes; // this run, that of the given network on what was drawn; their slopes
  let colours;

  // ------------------------------------------------------------ the page

  const bar = element("div", { class: "bar" }, el);
  const status = element("p", { role: "status", class: "says" }, el);
  const net = element("div", {
    class: "net",
    tabindex: 0,
    role: "application",
    "aria-label": "LeNet, layer by layer",
    "data-lm-suppress-shortcuts": "true",
  }, el);
  const spoken = element("span", { class: "spoken", role: "status" }, el);
  const help = element("p", { class: "help" }, el);
  const more = element("details", { class: "help" }, el);
  element("summary", {}, more, "Keys");
  element("span", {}, more, KEYS);
  const canvases = {};
  const kernels = {};
  for (const layer of LAYERS) {
    if (!LOOKS[layer.name]) continue;
    const { name, maps, rows, columns } = layer;
    const figure = element("figure", { class: name }, net);
    const shape = rows > 1 ? [...(maps > 1 ? [maps] : []), rows, columns] : [`${maps} units`];
    heading(figure, name, shape.join(" × "));
    canvases[name] = element("canvas", { "data-layer": name }, figure);
    if (!KERNELS[name]) continue;
    const channels = layer.before.maps;
    heading(figure, "", `its ${channels > 1 ? `${maps} × ${channels}` : maps} kernels`);
    kernels[name] = element("canvas", { "data-kernels": name }, figure);
  }
  const starts = element("div", { class: "starts" }, net.querySelector(".input"));
  const sheetBox = element("div", { class: "sheet" }, net);
  heading(sheetBox, "sheet", "to draw on");
  const panelBox = element("section", { class: "panel", "aria-label": "the unit in numbers" }, net);
  const panel = glassPanel.build(panelBox, bend);
  const scoreBox = element("div", { class: "scores" }, net);
  const overlay = element("svg", { class: "overlay", "aria-hidden": "true" }, net);

  const button = (words, parent, act, attributes = {}) => {
    const made = element("button", { type: "button", ...attributes }, parent, words);
    made.addEventListener("click", act);
    return made;
  };
  const toolButtons = Object.entries(TOOLS).map(([name, [words, says]]) =>
    button(words, bar, () => { tool = name; hint = null; show(); }, { title: says, "data-tool": name }),
  );
  const turn = button("Turn round", bar, () => { turned = !turned; update(); }, {
    title: "Run the picture backwards, from the loss to every weight and pixel",
  });
  const classes = element("label", {}, bar);
  const classWords = element("span", {}, classes);
  const choice = element("select", {}, classes);
  for (let n = 0; n < 10; n++) element("option", { value: n }, choice, `${n}`);
  choice.addEventListener("change", () => {
    if (turned) target = Number(choice.value);
    else [wanted, hint] = [Number(choice.value), null];
    update();
  });
  const hintButton = button("Hint", bar, () => { hint = bestPixel(); show(); });
  const reset = button("Put all back", bar, () => {
    [cut, bent, pixels].forEach((changes) => changes.clear());
    parameters = lenet.parametersOf(floats(model.get("weights")));
    hint = null;
    update();
  });

  labels.forEach((label, number) => {
    const made = button("", starts, () => take(number), { "aria-label": `take a ${label}` });
    made.style.backgroundImage = `url(${pictureOf(number)})`;
  });
  const empty = button("empty sheet", sheetBox, () => take(-1));

  function pictureOf(number) {
    const canvas = element("canvas", { width: 28, height: 28 });
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(28, 28);
    for (let n = 0; n < 784; n++) {
      const level = 255 * (1 - samples[number * 784 + n]);
      image.data.set([level, level, level, 255], 4 * n);
    }
    pen.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  // ------------------------------------------------------------ the sheet, a widget by itself

  const hears = {};
  const sheetModel = {
    get: (name) => ({ pen: 24, value: model.get("strokes"), background: background() })[name],
    set(name, value) {
      model.set("strokes", value);
      if (value.length) sample = -1;
      draw();
    },
    save_changes: () => model.save_changes(),
    on: (name, act) => (hears[name] = act),
    off: (name) => delete hears[name],
  };
  const background = () => (sample < 0 ? "" : pictureOf(sample));
  const leaveSheet = digitCanvas.render({ model: sheetModel, el: element("div", {}, sheetBox) });
  sheetBox.append(empty);

  function take(number) {
    sample = number;
    model.set("strokes", []);
    hears["change:value"]?.();
    hears["change:background"]?.();
    draw();
  }

  /** Read what lies on the sheet. */
  function draw() {
    const strokes = model.get("strokes");
    const ink = seen.inkOf(strokes);
    drawn = sample < 0 ? seen.centred(ink) : Float64Array.from(samples.subarray(784 * sample, 784 * (sample + 1)));
    place = strokes.length && ink.some((one) => one > 0) ? seen.placeOf(ink) : null;
    pixels.clear();
    [hint, wanted, target] = [null, null, null];
    plain = lenet.forward(given, drawn);
    update();
  }

  // ------------------------------------------------------------ what the reader does

  const isCut = (layer, map) => cut.has(`${layer.replace("pool", "conv")} ${map}`);

  function toggle({ layer, map }) {
    const name = `${layer.replace("pool", "conv")} ${map}`; // a pooled map is that of its convolution
    if (["input", "scores"].includes(layer)) return;
    cut[cut.has(name) ? "delete" : "add"](name);
    update();
  }

  function bend(layer, at, value) {
    const key = `${layer} ${at}`;
    if (value === undefined) bent.delete(key);
    else bent.set(key, value);
    parameters[layer].weight[at] = value ?? given[layer].weight[at];
    update();
  }

  function change(at) {
    pixels[pixels.has(at) ? "delete" : "add"](at);
    hint = null;
    update();
  }

  /** The pixel whose change lifts the wanted score most above the one read, as far as slopes tell. */
  function bestPixel() {
    const slope = new Float64Array(10);
    slope[goal()] += 1;
    slope[largest(run.values.scores)] -= 1;
    const grad = lenet.backward(run, slope, false).values.input;
    const gains = grad.map((g, at) => (pixels.has(at) ? -Infinity : g * (flipped(drawn[at]) - drawn[at])));
    return largest(gains);
  }
  const flipped = (value) => (value < 0.5 ? 1 : 0);

  /** The class that the hunt wants: the second best of what was drawn, unless one was chosen. */
  function goal() {
    if (wanted !== null) return wanted;
    const scores = [...plain.values.scores];
    const read = largest(scores);
    return largest(scores.map((score, n) => (n === read ? -Infinity : score)));
  }

  function act(at) {
    if (tool === "cut") return toggle(at);
    if (tool === "hunt" && at.layer === "input") return change(at.row * 28 + at.column);
    held = !(held && same(at, unit));
    unit = at;
    show();
  }
  const same = (a, b) => ["layer", "map", "row", "column"].every((key) => a[key] === b[key]);

  // ------------------------------------------------------------ run and show

  function update() {
    const image = drawn.map((value, at) => (pixels.has(at) ? flipped(value) : value));
    run = lenet.forward(parameters, image, cut);
    slopes = null;
    if (turned) {
      const [loss, grad] = lenet.crossEntropy(run.values.scores, target ?? largest(run.values.scores));
      back = Object.assign(lenet.backward(run, grad), { loss });
    } else back = null;
    paint();
    show();
    tell();
  }

  function paint() {
    colours = glassPicture.coloursOf(el);
    for (const [name, canvas] of Object.entries(canvases)) {
      const role = back ? "gradient" : name === "input" ? "input" : "output";
      const values = (back ?? run).values[name];
      glassPicture.paintLayer(canvas, layerNamed(name), values, role, colours, (map) => isCut(name, map));
    }
    for (const [name, canvas] of Object.entries(kernels)) {
      const { weight } = (back ?? run).parameters[name];
      glassPicture.paintKernels(canvas, layerNamed(name), weight, back ? "gradient" : "kernel", colours);
    }
  }

  function share(of, score) {
    slopes ??= lenet.slopes(run);
    const layer = layerNamed(of.layer);
    const at = (of.map * layer.rows + of.row) * layer.columns + of.column;
    return run.values[of.layer][at] * slopes[score][of.layer][at];
  }

  function show(chosen) {
    for (const one of toolButtons) one.setAttribute("aria-pressed", one.dataset.tool === tool);
    turn.setAttribute("aria-pressed", turned);
    el.dataset.tool = tool;
    el.classList.toggle("turned", turned);
    classes.hidden = !turned && tool !== "hunt";
    hintButton.hidden = turned || tool !== "hunt";
    classWords.textContent = turned ? "loss of class " : "make it read ";
    choice.value = turned ? (target ?? largest(run.values.scores)) : goal();
    reset.disabled = !cut.size && !bent.size && !pixels.size;
    status.innerHTML = sentence();
    help.textContent = TOOLS[tool][1];
    const isBent = (at) => bent.has(`${unit.layer} ${at}`);
    panel.show({ unit, run, back, colours, isCut, isBent, slice: chosen });
    showScores();
    drawOverlay();
  }

  /** Say what it reads, and what the reader's changes did. */
  function sentence() {
    const scores = run.values.scores;
    const [shares, read] = [lenet.softmax(scores), largest(scores)];
    if (!drawn.some((value) => value)) return "<b>Nothing is drawn yet.</b> Draw a digit, or take one.";
    const first = `<b>It reads ${read}</b> (${percent(shares[read])}).`;
    const before = largest(plain.values.scores);
    const changes = [
      cut.size && `${[...cut].slice(0, 3).map(calls).join(", ")}${cut.size > 3 ? " …" : ""} off`,
      bent.size && `${bent.size} ${bent.size > 1 ? "weights" : "weight"} bent`,
      pixels.size && `${pixels.size} ${pixels.size > 1 ? "pixels" : "pixel"} changed`,
    ].filter(Boolean);
    const whole = lenet.softmax(plain.values.scores);
    const was = `untouched it reads ${before} (${percent(whole[before])}).`;
    const words = changes.length ? ` With ${changes.join(" and ")}; ${was}` : "";
    if (turned) {
      const name = target ?? read;
      return `${first}${words} Loss of class ${name}: −log ${written(shares[name], 3)} = ${written(back.loss, 3)}. Pink: more of it raises the loss; slate: lowers it.`;
    }
    if (tool !== "hunt") return first + words;
    const count = `${pixels.size} ${pixels.size === 1 ? "pixel" : "pixels"}`;
    if (read === goal()) return `<b>It reads ${read} after ${count}.</b>${words} Can you do it with fewer?`;
    const where = hint === null ? "" : ` The dashed pixel promises most: row ${Math.floor(hint / 28)}, column ${hint % 28}.`;
    return `${first} Make it read ${goal()}: ${count} changed.${where}`;
  }
  const calls = (name) => name.replace(/ /, name.startsWith("conv") ? " map " : " unit ");

  function showScores() {
    const scores = run.values.scores;
    const [softmax, read] = [lenet.softmax(scores), largest(scores)];
    const values = back ? back.values.scores : scores;
    const shares = [...scores].map((_, n) => (back || unit.layer === "scores" ? null : share(unit, n)));
    const all = [...values, ...shares.filter((one) => one !== null), ...(back ? [] : plain.values.scores), 0];
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const across = (value) => (100 * (value - least)) / (most - least || 1);
    while (scoreBox.childElementCount < 11) element("div", { class: "score" }, scoreBox);
    const [head, ...rows] = scoreBox.children;
    head.className = "score heads";
    const middle = back ? "gradient" : shares[0] === null ? "score" : "share";
    head.innerHTML = `<b>scores</b><span class="m">${middle}</span><span class="m">softmax</span>`;
    rows.forEach((row, n) => {
      const span = (a, b) => `left:${Math.min(a, b)}%;width:${Math.abs(a - b)}%`;
      const role = back ? "gradient" : "output";
      const hue = (value) => `background:var(--cnn-${value < 0 ? "negative" : role})`;
      const value = `<i style="${span(across(0), across(values[n]))};${hue(values[n])}"></i>`;
      const mine = shares[n] === null ? "" : `<u style="${span(across(0), across(shares[n]))}"></u>`;
      const ghost = back ? "" : `<s style="left:${across(plain.values.scores[n])}%"></s>`;
      const number = shares[n] === null ? written(values[n], 2, true) : written(shares[n], 2, true);
      row.dataset.score = n;
      row.classList.toggle("best", n === read);
      row.innerHTML = `<b>${n}</b><span class="track">${value}${mine}${ghost}</span><span class="m">${number}</span><span class="m">${percent(softmax[n])}</span>`;
    });
  }

  /** Frames around what the unit sees and reaches, and its shares as lines to the scores. */
  function drawOverlay() {
    overlay.replaceChildren();
    const origin = net.getBoundingClientRect();
    const offset = (node) => {
      const box = node.getBoundingClientRect();
      return { x: box.left - origin.left, y: box.top - origin.top, width: box.width, height: box.height };
    };
    const frame = (name, region, kind, grow = 0) => {
      if (!canvases[name]) return null;
      const start = offset(canvases[name]);
      const boxes = glassPicture.boxesOf(layerNamed(name), region);
      for (const { x, y, width, height } of boxes)
        element("rect", { class: kind, x: start.x + x - grow, y: start.y + y - grow, width: width + 2 * grow, height: height + 2 * grow, rx: 2 }, overlay);
      return { x: start.x + boxes[0].x + boxes[0].width / 2, y: start.y + boxes[0].y + boxes[0].height / 2 };
    };
    const { layer: name, map, row, column } = unit;
    const layer = layerNamed(name);
    const sees = lenet.seenBy(layer, map, row, column);
    for (const [other, region] of Object.entries(sees)) frame(other, region, "sees");
    for (const [other, region] of Object.entries(lenet.reachedFrom(layer, map, row, column)))
      frame(other, region, "reaches");
    frameSheet(offset, sees.input ?? { top: row, left: column, bottom: row + 1, right: column + 1 });
    const one = (at) => ({ map: 0, top: Math.floor(at / 28), left: at % 28, bottom: Math.floor(at / 28) + 1, right: (at % 28) + 1 });
    for (const at of pixels) frame("input", one(at), "changed");
    if (hint !== null) frame("input", one(hint), "hint", 2);
    if (name === "scores") return;
    const from = frame(name, { map, top: row, left: column, bottom: row + 1, right: column + 1 }, held ? "unit held" : "unit", 2);
    if (!back) fan(from, offset);
  }

  function frameSheet(offset, { top, left, bottom, right }) {
    if (sample < 0 && !place) return;
    const sheet = offset(sheetBox.querySelector("svg"));
    const unitsOf = (middle) => (edge) =>
      place ? ((middle + (edge - 14.5) / place.scale) * 5) / 280 : edge / 28; // a share of the side
    const [rows, columns] = [unitsOf(place?.row), unitsOf(place?.column)];
    const inside = (value) => Math.min(Math.max(value, 0), 1);
    const [y0, y1, x0, x1] = [rows(top), rows(bottom), columns(left), columns(right)].map(inside);
    element("rect", {
      class: "sees", rx: 2, x: sheet.x + x0 * sheet.width, y: sheet.y + y0 * sheet.height,
      width: (x1 - x0) * sheet.width, height: (y1 - y0) * sheet.height,
    }, overlay);
  }

  function fan(from, offset) {
    const shares = Array.from({ length: 10 }, (_, n) => share(unit, n));
    const most = Math.max(...shares.map(Math.abs));
    if (!most) return;
    shares.forEach((value, n) => {
      const row = offset(scoreBox.children[n + 1]);
      const [x, y] = [row.x - 2, row.y + row.height / 2];
      const bow = Math.max(40, Math.abs(x - from.x) / 2);
      element("path", {
        class: value < 0 ? "less" : "more",
        d: `M${from.x},${from.y} C${from.x + bow},${from.y} ${x - bow},${y} ${x},${y}`,
        "stroke-width": 0.5 + (4.5 * Math.abs(value)) / most,
      }, overlay);
    });
  }

  // ------------------------------------------------------------ pointer

  function pointed(event) {
    const canvas = event.target.closest("canvas");
    const row = event.target.closest("[data-score]");
    if (row) return { layer: "scores", map: Number(row.dataset.score), row: 0, column: 0 };
    if (!canvas) return null;
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    if (canvas.dataset.layer) return glassPicture.unitAt(layerNamed(canvas.dataset.layer), x, y);
    const name = canvas.dataset.kernels;
    const { map, channel } = glassPicture.kernelAt(layerNamed(name), x, y);
    return { ...strongest(name, map), channel };
  }

  function strongest(name, map) {
    const { rows, columns } = layerNamed(name);
    const at = largest(run.values[name].subarray(map * rows * columns, (map + 1) * rows * columns));
    return { layer: name, map, row: Math.floor(at / columns), column: at % columns };
  }

  net.addEventListener("pointermove", (event) => {
    if (held || event.buttons || event.pointerType === "touch") return;
    const at = pointed(event);
    if (!at || at.channel !== undefined || same(at, unit)) return;
    unit = at;
    show();
  });
  net.addEventListener("click", (event) => {
    const at = pointed(event);
    if (!at) return;
    if (at.channel === undefined) return act(at);
    const { channel, ...where } = at;
    [unit, held] = [where, true];
    show(channel);
  });

  // ------------------------------------------------------------ keyboard

  function step([down, right], far) {
    const layer = layerNamed(unit.layer);
    const dense = layer.rows * layer.columns === 1;
    const across = LOOKS[unit.layer]?.across ?? 1;
    const wrap = (value, count) => Math.min(Math.max(value, 0), count - 1);
    if (far || dense) {
      const map = unit.map + right + down * across;
      if (map >= 0 && map < layer.maps) unit = { ...unit, map };
    } else {
      unit = { ...unit, row: wrap(unit.row + down, layer.rows), column: wrap(unit.column + right, layer.columns) };
    }
  }

  function otherLayer(by) {
    const next = LAYERS[LAYERS.indexOf(layerNamed(unit.layer)) + by];
    if (next) unit = strongest(next.name, largest(mapSums(next)));
  }
  const mapSums = ({ name, maps, rows, columns }) =>
    Array.from({ length: maps }, (_, map) =>
      Math.max(...run.values[name].subarray(map * rows * columns, (map + 1) * rows * columns)));

  net.addEventListener("keydown", (event) => {
    if (event.target !== net || event.key === "Tab") return;
    event.stopPropagation(); // else B inserts a cell
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      PageUp: () => otherLayer(-1),
      PageDown: () => otherLayer(1),
      Enter: () => act(unit),
      " ": () => act(unit),
      Escape: () => net.blur(),
    };
    const move = ARROWS[event.key];
    if (!move && !acts[event.key]) return;
    event.preventDefault();
    if (move) step(move, event.shiftKey);
    else acts[event.key]();
    if (move || event.key.startsWith("Page")) held = true;
    show();
    spoken.textContent = `${nameOf(unit)}: ${panelBox.lastChild.textContent}`;
  });

  // ------------------------------------------------------------ Python, theme, size

  let timer = null;
  function tell() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      model.set("image", new DataView(Float32Array.from(run.values.input).buffer));
      model.set("cut", [...cut].sort());
      model.set("bent", Object.fromEntries(bent));
      model.save_changes();
    }, QUIET);
  }

  const takeStrokes = () => {
    if (model.get("strokes").length) sample = -1;
    hears["change:value"]?.();
    draw();
  };
  model.on("change:strokes", takeStrokes);
  const theme = new MutationObserver(() => { paint(); show(); });
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const size = new ResizeObserver(() => run && drawOverlay());
  size.observe(net);
  draw();
  unit = strongest("conv2", largest(mapSums(layerNamed("conv2"))));
  requestAnimationFrame(() => { paint(); show(); }); // once the style sheet counts
  return () => {
    clearTimeout(timer);
    theme.disconnect();
    size.disconnect();
    model.off("change:strokes", takeStrokes);
    leaveSheet();
  };
}

export default { render };
