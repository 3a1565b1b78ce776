// The kernel workbench: a kernel to drag, a photograph, and what the one makes of the other. All
// arithmetic is here and in `filtering.js`; Python hands over photographs, and hears of the kernel.
import filtering from "./filtering.js";
import weightCells from "./weight_cells.js";
import workbenchGoals from "./workbench_goals.js";
import workbenchPhotos from "./workbench_photos.js";
import workbenchWindow from "./workbench_window.js";
import workbenchCamera from "./workbench_camera.js";
const { laid, correlate, total, written, facts, products } = filtering;
const { GOALS, study, measure } = workbenchGoals;
const { element, limitsOf, drawnAs, range } = workbenchPhotos;

const HELP =
  "Drag a weight up or down, turn it with the wheel, or type it (Shift: tenths). Point at a " +
  "photograph, or use the arrow keys there.";
const SIZES = [1, 3, 5, 7];
const OWN = "your kernel";
const RESPONSES = {
  auto: "automatic",
  clipped: "brightness, cut off",
  signed: "signed, 0 is middle grey",
};
const QUIET = 150; // ms without a change before Python hears of it
const reached = (globalThis.cnnbookGoals ??= new Set()); // goals, as long as the page lives

const photoOf = (bytes, [rows, columns]) => ({
  rows,
  columns,
  values: Float64Array.from(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), (b) => b / 256),
});

/** Put a kernel into a larger or smaller one, about its centre. */
function resized({ size, cells }, wanted) {
  const edge = (wanted - size) / 2;
  return Array.from({ length: wanted ** 2 }, (_, n) => {
    const [row, column] = [Math.floor(n / wanted) - edge, (n % wanted) - edge];
    const inside = row >= 0 && column >= 0 && row < size && column < size;
    return inside ? cells[row * size + column] : 0;
  });
}

function render({ model, el }) {
  el.classList.add("cnnbook", "cnnbook-bench");
  const known = study(photoOf(model.get("goal_pixels"), model.get("goal_shape")));
  const kernels = model.get("kernels"); // the classical ones

  let kernel = null; // size, cells, divisor, flip
  let photo = photoOf(model.get("pixels"), model.get("shape"));
  let result = null;
  let shown = {}; // the photograph, the kernel and the goal that are on the page
  let goal = 0;
  let looked = [Math.floor(photo.rows / 2), Math.floor(photo.columns / 2)];
  let looking = false; // a pointer or the keyboard is on a photograph
  let camera = null;
  let gone = false; // the widget was taken away
  let frame = null;

  // ------------------------------------------------------------ the page

  const goals = element("section", { class: "goals", "aria-label": "Goals" }, el);
  const row = element("div", { class: "row" }, goals);
  const asks = element("p", { class: "asks" }, row);
  const numbers = element("div", { class: "numbers", role: "group", "aria-label": "Goals" }, row);
  const measured = element("div", { class: "row" }, goals);
  const conditions = element("ul", {}, measured);
  const counts = button(measured, "What counts?", () => {
    rules.hidden = !rules.hidden;
    counts.setAttribute("aria-expanded", !rules.hidden);
  });
  counts.setAttribute("aria-expanded", false);
  const rules = element("p", { hidden: "", class: "rules" }, goals);

  const desk = element("div", { class: "desk" }, el);
  const editor = element("div", { class: "editor" }, desk);
  const settings = element("div", { class: "settings" }, desk);
  const numbersBox = workbenchWindow.build(desk);
  const words = element("div", { class: "words" }, desk);
  const sums = element("p", { class: "m sums" }, words);
  const says = element("div", {}, words);

  const photos = element("div", { class: "photos" }, el);
  const chosen = {
    at(place) { lookAt(place, true); },
    by([down, right]) {
      lookAt([looked[0] + down, looked[1] + right], true);
      spoken.textContent = sums.textContent;
    },
    leave() { lookAt(looked, false); },
  };
  const before = workbenchPhotos.build(photos, "photograph", "input", chosen);
  element("span", { class: "arrow", "aria-hidden": "true" }, photos, "→");
  const after = workbenchPhotos.build(photos, "filtered", "output", chosen);
  const how = element("span", { class: "how" }, after.caption);
  const foot = element("p", { class: "foot" }, el);
  const status = element("span", { class: "says", role: "status" }, foot);
  element("span", { class: "help" }, foot, HELP);
  const spoken = element("span", { class: "spoken", role: "status" }, el);

  function labelled(parent, name, kind, attributes = {}) {
    const label = element("label", {}, parent, name);
    return element(kind, { "aria-label": name, ...attributes }, label);
  }
  function list(parent, name, options, act) {
    const select = labelled(parent, name, "select");
    for (const [value, text] of options) element("option", { value }, select, text);
    select.addEventListener("change", () => act(select.value));
    return select;
  }
  function button(parent, text, act) {
    const made = element("button", { type: "button" }, parent, text);
    made.addEventListener("click", act);
    return made;
  }

  const named = kernels.map(({ name, size }) => [name, size === 3 ? name : `${name}, ${size} × ${size}`]);
  const preset = list(settings, "kernel", [...named, [OWN, OWN]], (name) => {
    const classical = kernels.find((one) => one.name === name);
    if (classical) setKernel(classical);
    else showKernel();
  });
  const size = list(settings, "size", SIZES.map((n) => [n, `${n} × ${n}`]), (n) =>
    setKernel({ size: Number(n), cells: resized(kernel, Number(n)) }),
  );
  const divisor = labelled(settings, "divide by", "input", { type: "number", step: "any" });
  divisor.addEventListener("change", () => {
    const value = divisor.valueAsNumber;
    if (!Number.isFinite(value) || value === 0) {
      status.textContent = "Divide by a number other than 0.";
      divisor.value = kernel.divisor;
    } else setKernel({ divisor: value });
  });
  const normalise = button(settings, "divide by the sum", () => setKernel({ divisor: cellSum() }));
  const operations = [["", "cross-correlation"], ["flip", "convolution"]];
  const operation = list(settings, "operation", operations, (flip) => setKernel({ flip: Boolean(flip) }));
  const response = list(settings, "show as", Object.entries(RESPONSES), () => update());
  response.value = model.get("response");

  const held = () => [...new Set([model.get("photograph"), model.get("goal_name")])];
  const names = model.send ? model.get("names") : held(); // a page without Python has these
  const picture = list(before.caption, "", names.map((name) => [name, name]), (name) => {
    stopCamera();
    if (name === model.get("photograph")) takePhoto();
    else if (name === model.get("goal_name")) take(known.photo, name);
    else {
      model.send({ photograph: name });
      status.textContent = `Python loads ${name} …`;
    }
  });
  picture.setAttribute("aria-label", "photograph");
  const file = element("input", { type: "file", accept: workbenchCamera.FILE_TYPES, hidden: "" }, before.caption);
  button(before.caption, "your file …", () => file.click());
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    stopCamera();
    try {
      take(await workbenchCamera.fromFile(file.files[0], known.photo), file.files[0].name);
    } catch (error) {
      status.textContent = error.message;
    }
    file.value = "";
  });
  const lamp = button(before.caption, "camera", () => (camera ? stopCamera() : startCamera()));

  const goalButtons = GOALS.map((_, n) => button(numbers, `${n}`, () => setGoal(n)));

  // ------------------------------------------------------------ the kernel

  const hears = {}; // what the cells listen to
  let leaveCells = () => {};
  const cellsModel = {
    get: (name) => ({
      value: kernel.cells, moves: [], free: kernel.cells.map((_, n) => n), arrows: [],
      limit: 999, step: 1, digits: 12, help: "",
    })[name],
    set(name, value) {
      if (name === "value") setKernel({ cells: value }, false);
    },
    save_changes() {},
    on: (name, act) => (hears[name] = act),
    off: (name) => delete hears[name],
  };

  const cellSum = () => Number(kernel.cells.reduce((a, b) => a + b, 0).toFixed(9));

  /** Change the kernel; `told` is false where its cells have it already. */
  function setKernel(change, told = true) {
    const old = kernel;
    kernel = { ...kernel, ...change };
    status.textContent = "";
    if (kernel.size !== old?.size) {
      leaveCells();
      editor.replaceChildren();
      editor.dataset.size = kernel.size;
      leaveCells = weightCells.render({ model: cellsModel, el: element("div", {}, editor) });
    } else if (told) hears["change:value"]?.();
    update();
    tell();
  }

  function same(one) {
    const weights = ({ cells, divisor: over }) => cells.map((cell) => cell / over);
    const [ours, theirs] = [weights(kernel), weights(one)];
    return one.size === kernel.size && theirs.every((w, n) => Math.abs(w - ours[n]) < 1e-9);
  }

  // ------------------------------------------------------------ the photograph

  function takePhoto() {
    take(photoOf(model.get("pixels"), model.get("shape")), model.get("photograph"));
  }

  /** Show a picture that is here; a name that the list lacks is put into it. */
  function take(image, name) {
    photo = image;
    status.textContent = "";
    nameIt(name);
    update();
  }

  function nameIt(name) {
    if (![...picture.options].some((option) => option.value === name)) {
      picture.querySelector("[data-own]")?.remove();
      element("option", { value: name, "data-own": "" }, picture, name);
    }
    picture.value = name;
  }

  async function startCamera() {
    lamp.disabled = true;
    try {
      const started = await workbenchCamera.fromCamera(known.photo, (image) => {
        photo = image;
        update();
      });
      if (gone) return started.stop();
      camera = started;
      nameIt("the camera");
      status.textContent = "The camera is on. Its pictures stay in this page.";
    } catch (error) {
      status.textContent = error.message;
    }
    showLamp();
  }

  function stopCamera() {
    if (!camera) return;
    camera.stop();
    camera = null;
    status.textContent = "The camera is off.";
    showLamp();
  }

  function showLamp() {
    lamp.disabled = false;
    lamp.textContent = camera ? "● camera off" : "camera";
    lamp.classList.toggle("on", Boolean(camera));
  }

  // ------------------------------------------------------------ compute and show

  /** Compute and show at the next frame, however much changed before it. */
  function update() {
    frame ??= requestAnimationFrame(() => {
      frame = null;
      result = correlate(photo, laid(kernel, kernel.flip));
      if (photo !== shown.photo) before.show(photo, [0, 1], 0, range(photo).says);
      showResult();
      if (kernel !== shown.kernel) showKernel();
      if (kernel !== shown.kernel || goal !== shown.goal) showGoal();
      shown = { photo, kernel, goal };
      look();
    });
  }

  function showResult() {
    const automatic = response.value === "auto";
    const signed = automatic ? total(kernel) === 0 : response.value === "signed";
    const found = range(result);
    const limits = limitsOf(found, signed);
    after.show(result, limits, (kernel.size - 1) / 2, found.says);
    how.textContent = drawnAs(result.values, limits, signed, automatic);
  }

  function showKernel() {
    preset.value = kernels.find(same)?.name ?? OWN;
    size.value = kernel.size;
    divisor.value = kernel.divisor;
    operation.value = kernel.flip ? "flip" : "";
    normalise.disabled = [0, kernel.divisor].includes(cellSum());
    says.replaceChildren();
    for (const [term, sentence] of facts(kernel)) {
      const fact = element("p", { class: "fact" }, says, sentence);
      fact.prepend(element("b", {}, null, term));
    }
  }

  // ------------------------------------------------------------ goals

  function setGoal(number) {
    goal = number;
    stopCamera();
    if (photo.values !== known.photo.values) take(known.photo, model.get("goal_name"));
    update();
  }

  function showGoal() {
    const found = measure(known, goal, kernel);
    const done = found.every(({ met }) => met);
    goals.classList.toggle("done", done);
    if (done && !reached.has(goal)) {
      reached.add(goal);
      status.textContent = `Goal ${goal} is reached: ${reached.size} of ${GOALS.length}.`;
    }
    asks.textContent = GOALS[goal].asks;
    asks.prepend(element("b", {}, null, `Goal ${goal} `));
    rules.textContent = `Measured on the photograph “${model.get("goal_name")}”. ${GOALS[goal].counts}`;
    goalButtons.forEach((one, n) => {
      one.setAttribute("aria-label", `goal ${n}${reached.has(n) ? ", reached" : ""}`);
      one.setAttribute("aria-pressed", n === goal);
      one.classList.toggle("reached", reached.has(n));
    });
    conditions.replaceChildren();
    for (const { what, value, sign, limit, met } of found) {
      const item = element("li", { class: met ? "met" : "" }, conditions, `${met ? "✓" : "✗"} ${what}: `);
      element("b", { class: "m" }, item, Number.isNaN(value) ? "no answer" : written(value, 2));
      item.append(` (${sign} ${limit})`);
    }
  }

  // ------------------------------------------------------------ the lens

  function lookAt(place, visible) {
    looked = place;
    looking = visible;
    look();
  }

  function look() {
    const radius = (kernel.size - 1) / 2;
    const bounded = (at, count) => Math.min(Math.max(at, radius), count - 1 - radius);
    looked = [bounded(looked[0], photo.rows), bounded(looked[1], photo.columns)];
    const [top, left] = looked.map((at) => at - radius);
    before.point(looked, kernel.size, looking);
    after.point(looked, 1, looking);
    const cells = kernel.flip ? [...kernel.cells].reverse() : kernel.cells;
    const pixels = cells.map((_, n) => {
      const [down, right] = [Math.floor(n / kernel.size), n % kernel.size];
      return photo.values[(top + down) * photo.columns + left + right];
    });
    numbersBox.show(pixels, cells, `pixels over ${kernel.flip ? "rotated " : ""}weights`);
    const place = `row ${looked[0]}, column ${looked[1]}`;
    sums.textContent = `${place}: ${products(pixels, cells, kernel.divisor)}`;
  }

  // ------------------------------------------------------------ Python

  let timer = null;
  let telling = false;
  function tell() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const { size: side, cells } = kernel;
      telling = true;
      model.set("cells", Array.from({ length: side }, (_, n) => cells.slice(n * side, (n + 1) * side)));
      model.set("divisor", kernel.divisor);
      model.set("flip", kernel.flip);
      model.set("response", response.value);
      telling = false;
      model.save_changes();
    }, QUIET);
  }
  response.addEventListener("change", tell);

  function takeKernel() {
    if (telling) return;
    const cells = model.get("cells");
    const given = { size: cells.length, cells: cells.flat(), divisor: model.get("divisor") };
    setKernel({ ...given, flip: model.get("flip") });
  }
  for (const name of ["cells", "divisor", "flip"]) model.on(`change:${name}`, takeKernel);
  model.on("change:pixels", takePhoto);
  takeKernel();
  picture.value = model.get("photograph");
  showLamp();
  return () => {
    gone = true;
    stopCamera();
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    leaveCells();
    for (const name of ["cells", "divisor", "flip"]) model.off(`change:${name}`, takeKernel);
    model.off("change:pixels", takePhoto);
  };
}

export default { render };
