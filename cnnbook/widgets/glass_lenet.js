// Glass LeNet: the whole network lies open, and answers. Python hands over the weights once; all
// arithmetic is in `lenet.js`, so the picture goes on without a kernel.
import lenet from "./lenet.js";
import seen from "./seen.js";
import digitCanvas from "./digit_canvas.js";
import glassPicture from "./glass_picture.js";
import glassOverlay from "./glass_overlay.js";
import glassPanel from "./glass_panel.js";
import glassScores from "./glass_scores.js";
import glassWords from "./glass_words.js";
const { LAYERS } = lenet;
const { LOOKS, KERNELS, element, layerNamed } = glassPicture;
const { largest, nameOf } = glassWords;

const LOOK =
  "Point at any unit; click to hold it, again to let go. Lines: its share, value × gradient. " +
  "Drag a weight of its kernel up or down.";
const TOOLS = {
  look: ["Look", LOOK],
  cut: ["Cut", "Click a map or a dense unit to switch it off, and again to switch it on."],
  hunt: ["Hunt", "Click pixels of the input, full to empty or back, until it reads what you want."],
};
const KEYS =
  "Tab reaches the network; arrows move from unit to unit, with Shift from map to map, " +
  "Page Up and Page Down from layer to layer; Enter holds, cuts or changes; Esc leaves. In a " +
  "kernel: left and right choose a weight, up and down bend it, Delete puts it back.";
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const POUR = 60; // ms from layer to layer when the picture is turned round
const QUIET = 150; // ms without a change before Python hears of it

const floats = ({ buffer, byteOffset: start, byteLength }) =>
  new Float32Array(buffer.slice(start, start + byteLength));

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
  let wanted = null; // class of the hunt, if the reader chose one
  let target = null; // class whose loss flows back, if the reader chose one
  let unit = { layer: "conv2", map: 0, row: 0, column: 0 };
  let slice = null; // channel of its kernel that is shown; null for the one that adds most
  let held = false;
  let hint = null;
  let run, back, slopes; // the network as it is now, on what the reader made of the drawing
  let plain; // the network as it was given, on the drawing
  let colours, said;

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
  const sheetBox = element("figure", { class: "sheet" }, net);
  heading(sheetBox, "sheet", "to draw on");
  const panelBox = element("section", { class: "panel", "aria-label": "the unit in numbers" }, net);
  const panel = glassPanel.build(panelBox, bend, (channel) => { slice = channel; show(); });
  const rows = glassScores.build(element("div", { class: "scores" }, net));
  const overlay = element("svg", { class: "overlay", "aria-hidden": "true" }, net);

  const button = (words, parent, act, attributes = {}) => {
    const made = element("button", { type: "button", ...attributes }, parent, words);
    made.addEventListener("click", act);
    return made;
  };
  const takeTool = (name) => {
    [tool, hint] = [name, null];
    show();
  };
  const toolButtons = Object.entries(TOOLS).map(([name, [words, title]]) =>
    button(words, bar, () => takeTool(name), { title, "data-tool": name }),
  );
  const turn = button("Turn round", bar, () => { turned = !turned; update(); pour(); }, {
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
  let setting = false; // the change of strokes comes from here
  const sheetModel = {
    get: (name) => ({ pen: 24, value: model.get("strokes"), background: background() })[name],
    set(name, value) {
      if (value.length) sample = -1;
      setStrokes(value);
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
    setStrokes([]);
    hears["change:value"]?.();
    hears["change:background"]?.();
  }

  function setStrokes(value) {
    setting = true;
    model.set("strokes", value);
    setting = false;
    draw();
  }

  /** Read what lies on the sheet. */
  function draw() {
    const strokes = model.get("strokes");
    const ink = seen.inkOf(strokes);
    const chosen = samples.subarray(784 * sample, 784 * (sample + 1));
    drawn = sample < 0 ? seen.centred(ink) : Float64Array.from(chosen);
    place = strokes.length && ink.some((one) => one > 0) ? seen.placeOf(ink) : null;
    pixels.clear();
    [hint, wanted, target] = [null, null, null];
    plain = lenet.forward(given, drawn);
    update();
  }

  // ------------------------------------------------------------ what the reader does

  // a pooled map is off where that of its convolution is
  const cutName = (layer, map) => `${layer.replace("pool", "conv")} ${map}`;
  const isCut = (layer, map) => cut.has(cutName(layer, map));

  function toggle({ layer, map }) {
    if (["input", "scores"].includes(layer)) return;
    const name = cutName(layer, map);
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
    const gain = (g, at) => g * (flipped(drawn[at]) - drawn[at]);
    return largest(grad.map((g, at) => (pixels.has(at) ? -Infinity : gain(g, at))));
  }
  const flipped = (value) => (value < 0.5 ? 1 : 0);

  /** The class that the hunt wants: 2, or 7 where a 2 was drawn, unless one was chosen. */
  const goal = () => wanted ?? (largest(plain.values.scores) === 2 ? 7 : 2);

  /** The class whose loss flows back: the one read, unless one was chosen. */
  const lost = () => target ?? largest(run.values.scores);

  function act(at) {
    if (tool === "cut") return toggle(at);
    if (tool === "hunt" && at.layer === "input") return change(at.row * 28 + at.column);
    held = !(held && same(at, unit));
    pointAt(at);
    show();
  }

  function pointAt(at, channel = null) {
    if (channel !== null || at.layer !== unit.layer || at.map !== unit.map) slice = channel;
    unit = at;
  }
  const same = (a, b) => ["layer", "map", "row", "column"].every((key) => a[key] === b[key]);

  // ------------------------------------------------------------ run and show

  function update() {
    const image = drawn.map((value, at) => (pixels.has(at) ? flipped(value) : value));
    const untouched = !cut.size && !bent.size && !pixels.size;
    run = untouched ? plain : lenet.forward(parameters, image, cut);
    slopes = null;
    if (turned) {
      const [loss, grad] = lenet.crossEntropy(run.values.scores, lost());
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
      const off = (map) => isCut(name, map);
      glassPicture.paintLayer(canvas, layerNamed(name), values, role, colours, off);
    }
    for (const [name, canvas] of Object.entries(kernels)) {
      const { weight } = (back ?? run).parameters[name];
      const role = back ? "gradient" : "kernel";
      glassPicture.paintKernels(canvas, layerNamed(name), weight, role, colours);
    }
  }

  /** Let the layers come one after the other, in the order in which they are computed. */
  function pour() {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const names = Object.keys(canvases);
    if (turned) names.reverse();
    names.forEach((name, number) => {
      const figure = canvases[name].parentElement;
      const come = [{ opacity: 0.15 }, { opacity: 1 }];
      figure.animate(come, { duration: 3 * POUR, delay: number * POUR, fill: "backwards" });
    });
  }

  /** What a unit's value contributes to each score: value times gradient. */
  function sharesOf({ layer: name, map, row, column }) {
    slopes ??= lenet.slopes(run);
    const { rows, columns } = layerNamed(name);
    const at = (map * rows + row) * columns + column;
    return slopes.map((slope) => run.values[name][at] * slope[name][at]);
  }

  function show() {
    for (const one of toolButtons) one.setAttribute("aria-pressed", one.dataset.tool === tool);
    turn.setAttribute("aria-pressed", turned);
    el.dataset.tool = tool;
    el.classList.toggle("turned", turned);
    classes.hidden = !turned && tool !== "hunt";
    hintButton.hidden = turned || tool !== "hunt";
    hintButton.disabled = largest(run.values.scores) === goal();
    classWords.textContent = turned ? "loss of class " : "make it read ";
    choice.value = turned ? lost() : goal();
    reset.disabled = !cut.size && !bent.size && !pixels.size;
    const now = { run, plain, back, tool, cut, bent, pixels, hint, goal: goal() };
    const words = glassWords.sentence({ ...now, target: lost() });
    if (words !== said) status.innerHTML = said = words; // else it would be read aloud again
    help.textContent = TOOLS[tool][1];
    const isBent = (at) => bent.has(`${unit.layer} ${at}`);
    const shares = back || unit.layer === "scores" ? null : sharesOf(unit);
    const shown = panel.show({ unit, run, back, colours, isCut, isBent, slice });
    glassScores.show(rows, { run, plain, back, shares });
    const parts = { net, canvases, kernels, rows };
    parts.sheet = (sample >= 0 || place) && sheetBox.querySelector("svg");
    glassOverlay.draw(overlay, parts, { unit, held, slice: shown, shares, pixels, hint, place });
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
    const { map, channel } = glassPicture.sliceAt(layerNamed(name), x, y);
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
    pointAt(at);
    show();
  });
  net.addEventListener("click", (event) => {
    const at = pointed(event);
    if (!at) return;
    if (at.channel === undefined) return act(at);
    const { channel, ...where } = at;
    held = true;
    pointAt(where, channel);
    show();
  });

  // ------------------------------------------------------------ keyboard

  function step([down, right], far) {
    const layer = layerNamed(unit.layer);
    const dense = layer.rows * layer.columns === 1;
    const across = LOOKS[unit.layer]?.across ?? 1;
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    if (far || dense) {
      const map = unit.map + right + down * across;
      if (map >= 0 && map < layer.maps) pointAt({ ...unit, map });
    } else {
      const row = within(unit.row + down, layer.rows);
      unit = { ...unit, row, column: within(unit.column + right, layer.columns) };
    }
  }

  function otherLayer(by) {
    const next = LAYERS[LAYERS.indexOf(layerNamed(unit.layer)) + by];
    if (next) pointAt(strongest(next.name, largest(mapTops(next))));
  }
  const mapTops = ({ name, maps, rows, columns }) =>
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
      Escape: () => {
        held = false;
        net.blur();
      },
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
    if (setting) return;
    if (model.get("strokes").length) sample = -1;
    hears["change:value"]?.();
    draw();
  };
  model.on("change:strokes", takeStrokes);
  const theme = new MutationObserver(() => { paint(); show(); });
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const size = new ResizeObserver(() => run && show());
  size.observe(net);
  draw();
  unit = strongest("conv2", largest(mapTops(layerNamed("conv2"))));
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
