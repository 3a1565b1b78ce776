// The weights of a kernel as cells. Each free cell is a slider: drag it up or down, or focus it and
// use the arrow keys. `value` follows at once; `moves` grows when the weight is let go. It holds all
// moves, since messages to a busy kernel are merged: of single ones some would be lost. A number can
// be typed, too.
const PIXELS = 6; // of a drag for one step
const SIDE = 60; // pixels of a cell, as in the style sheet
const PAUSE = 20; // ms between two messages at least

const HELP =
  "Drag a weight up or down; let go, and that is a move. Keys: ↑ ↓ turn, or type a number; " +
  "← → go to another weight, Enter lets go, Esc takes it back.";
const TYPED = /^[0-9.,/−-]$/;

function element(parent, name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  parent.append(made);
  return made;
}

function write(weight, digits) {
  const text = String(Number(weight.toFixed(digits)));
  return text === "-0" ? "0" : text.replace("-", "−");
}

/** Read what was typed, "-1/9" too; NaN for what is no number. */
function read(text) {
  const [top, bottom = "1", ...more] = text.replace("−", "-").replaceAll(",", ".").split("/");
  const weight = top.trim() && bottom.trim() && !more.length ? Number(top) / Number(bottom) : NaN;
  return Number.isFinite(weight) ? weight : NaN;
}

// an arrow in the right part of a cell: up for a positive length, at most 1
function arrow(length) {
  const half = 0.36 * SIDE * length;
  const [x, tail, tip] = [0.92 * SIDE, SIDE / 2 + half, SIDE / 2 - half];
  const wing = 4 * Math.sign(length);
  return `M${x} ${tail}V${tip}M${x - 4} ${tip + wing}L${x} ${tip}L${x + 4} ${tip + wing}`;
}

function render({ model, el }) {
  el.classList.add("cnnbook", "cnnbook-weights");
  const grid = element(el, "div", "grid");
  grid.setAttribute("role", "group");
  grid.setAttribute("aria-label", "Weights of your kernel");
  const help = element(el, "p");
  const helps = model.get("help") ?? HELP;
  help.textContent = helps;

  const digits = () => model.get("digits") ?? (model.get("step") < 0.1 ? 2 : 1); // that weights have
  const free = () => model.get("free");
  const size = Math.round(Math.sqrt(model.get("value").length));
  let weights = [...model.get("value")];
  let placed = [...weights]; // as they were last let go
  let drag = null; // the cell, pointer and place where a drag began
  let before = null; // the weight that Esc brings back
  let typed = null; // what is typed into the current cell so far
  let current = free()[0] ?? 0; // the cell that Tab reaches
  let timer = null;
  let sent = 0;
  let sending = false;

  grid.style.gridTemplateColumns = `repeat(${size}, max-content)`;
  const cells = weights.map((_, number) => {
    const box = element(grid, "div", "cell");
    box.dataset.lmSuppressShortcuts = "true"; // on what has the focus: Notebook 7 asks no parent
    const cell = { box, tint: element(box, "div", "tint"), number: element(box, "div", "number m") };
    box.insertAdjacentHTML("beforeend", `<svg width="${SIDE}" height="${SIDE}"><path/></svg>`);
    cell.path = box.querySelector("path");
    box.setAttribute("role", "slider");
    box.setAttribute("aria-orientation", "vertical");
    const [row, column] = [Math.floor(number / size), number % size];
    box.setAttribute("aria-label", `weight in row ${row}, column ${column}`);
    return cell;
  });

  function show() {
    const [limit, arrows] = ["limit", "arrows"].map((name) => model.get(name));
    const most = Math.max(1, ...weights.map(Math.abs)); // the strongest tint
    if (!free().includes(current)) current = free()[0] ?? 0;
    help.style.visibility = free().length ? "visible" : "hidden";
    cells.forEach(({ box, tint, number, path }, k) => {
      const weight = weights[k];
      const locked = !free().includes(k);
      box.classList.toggle("locked", locked);
      box.classList.toggle("zero", weight === 0);
      box.tabIndex = k === current && !locked ? 0 : -1;
      box.setAttribute("aria-disabled", locked);
      box.setAttribute("aria-valuemin", -limit);
      box.setAttribute("aria-valuemax", limit);
      box.setAttribute("aria-valuenow", weight);
      number.textContent =
        typed !== null && k === current ? `${typed}▏` : write(weight, Math.min(digits(), 2));
      box.setAttribute("aria-valuetext", number.textContent);
      number.classList.toggle("long", number.textContent.length > 4);
      tint.style.background = `var(--cnn-${weight < 0 ? "negative" : "kernel"})`;
      tint.style.opacity = `calc(var(--cnn-t) * ${Math.abs(weight) / most})`;
      path.setAttribute("d", Math.abs(arrows[k] ?? 0) > 0.04 ? arrow(arrows[k]) : "");
    });
  }

  // ------------------------------------------------------------ what is sent to Python

  function send() {
    clearTimeout(timer);
    timer = null;
    sent = performance.now();
    sending = true;
    model.set("value", [...weights]);
    model.save_changes();
    sending = false;
  }

  function turn(number, weight) {
    const limit = model.get("limit");
    const bounded = Math.min(Math.max(weight, -limit), limit);
    const rounded = Number(bounded.toFixed(digits())) || 0;
    if (rounded === weights[number]) return;
    weights[number] = rounded;
    show();
    timer ??= setTimeout(send, Math.max(0, sent + PAUSE - performance.now()));
  }

  /** Take what was typed for the weight; where that is no number, say so. */
  function enter() {
    if (typed === null) return;
    const [text, weight] = [typed, read(typed)];
    typed = null;
    if (Number.isNaN(weight)) help.textContent = `“${text}” is not a number.`;
    else turn(current, weight);
    show();
  }

  function place() {
    enter();
    before = null;
    if (weights.some((weight, k) => weight !== placed[k])) {
      placed = [...weights];
      model.set("moves", [...model.get("moves"), placed]);
      send();
    }
  }

  function takeBack(number) {
    typed = null;
    show();
    if (before !== null) turn(number, before);
    before = null;
  }

  /** What one step adds: a tenth of it with Shift, where weights have so many digits. */
  const fine = ({ shiftKey }) => model.get("step") * (shiftKey ? 0.1 : 1);

  // ------------------------------------------------------------ mouse, finger, pen

  function release() {
    if (!drag) return;
    cells[drag.number].box.classList.remove("held");
    drag = null;
  }

  cells.forEach(({ box }, number) => {
    box.addEventListener("pointerdown", (event) => {
      if (drag || event.button !== 0 || !free().includes(number)) return;
      event.preventDefault();
      box.setPointerCapture(event.pointerId);
      enter();
      if (number !== current) place(); // what the keyboard turned before
      current = number;
      drag = { number, id: event.pointerId, y: event.clientY, weight: weights[number] };
      before = weights[number];
      box.classList.add("held");
      show();
      box.focus({ preventScroll: true, focusVisible: false });
    });
    box.addEventListener("pointermove", (event) => {
      if (event.pointerId !== drag?.id) return;
      const steps = Math.round((drag.y - event.clientY) / PIXELS);
      turn(number, drag.weight + steps * fine(event));
    });
    box.addEventListener("pointerup", (event) => {
      if (event.pointerId !== drag?.id) return;
      release();
      place();
    });
    for (const name of ["pointercancel", "lostpointercapture"]) {
      box.addEventListener(name, (event) => {
        if (event.pointerId !== drag?.id) return;
        takeBack(number);
        release();
      });
    }
    box.addEventListener("focus", () => {
      current = number;
      show();
    });
    box.addEventListener("blur", () => {
      if (!drag) place(); // a weight that is left is let go
    });
    box.addEventListener("wheel", (event) => {
      if (document.activeElement !== box || !event.deltaY) return; // else the page scrolls
      event.preventDefault();
      press(number, event.deltaY < 0 ? 1 : -1, event);
    });
  });

  // ------------------------------------------------------------ keyboard

  function go(number, by) {
    enter();
    const at = free().indexOf(number);
    const next = free()[(at + by + free().length) % free().length];
    current = next;
    show();
    cells[next].box.focus();
  }

  function press(number, steps, event) {
    enter();
    before ??= weights[number];
    turn(number, weights[number] + steps * fine(event));
  }

  function type(number, key) {
    before ??= weights[number];
    help.textContent = helps;
    typed = key === "Backspace" ? (typed ?? "").slice(0, -1) : (typed ?? "") + key;
    show();
  }

  const keys = {
    ArrowUp: (number, event) => press(number, 1, event),
    ArrowDown: (number, event) => press(number, -1, event),
    PageUp: (number, event) => press(number, 5, event),
    PageDown: (number, event) => press(number, -5, event),
    ArrowLeft: (number) => go(number, -1),
    ArrowRight: (number) => go(number, 1),
    Enter: () => place(),
    " ": () => place(),
    Escape(number) {
      takeBack(number);
      if (drag) release();
      else cells[number].box.blur();
    },
  };

  grid.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // else B inserts a cell
    const types = TYPED.test(event.key) || event.key === "Backspace";
    const act = types ? (number) => type(number, event.key) : keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (free().includes(current)) act(current, event);
  });

  // ------------------------------------------------------------ what Python sets

  function take() {
    if (sending || drag || timer !== null) return; // what is turned here is newer
    weights = [...model.get("value")];
    placed = [...weights];
    show();
  }

  const names = ["value", "free", "arrows", "limit", "step"].map((name) => `change:${name}`);
  for (const name of names) model.on(name, take);
  show();
  return () => {
    clearTimeout(timer);
    for (const name of names) model.off(name, take);
  };
}

export default { render };
