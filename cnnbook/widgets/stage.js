// A picture as SVG text. What a pointer or a key does to it is sent as plain data:
// {touch: [name, ...at]}, {hover: [name, ...at] or null}, {key: "ArrowRight"}. The `room` that
// there is for a picture is a trait of the model.

const MARGIN = 4, STEP = 20; // of a picture; so much more room that it is laid out anew
const TAKES = 300; // ms of a motion
const REST = 250; // ms after which a lost answer is no longer waited for
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export default { render({ model, el }) {
  el.classList.add("cnnbook-screen", "widget-html-content");
  let waiting = 0, wanted, over = "null";

  const part = (target) => target.closest?.("[data-touch]")?.dataset.touch ?? null;

  // what is under the pointer: its name and numbers, behind them its row and column in a grid
  const place = ({ target, clientX, clientY }) => {
    const here = target.closest?.("[data-touch]");
    if (!here) return null;
    const said = JSON.parse(here.dataset.touch);
    if (!here.dataset.grid) return said;
    const [rows, columns] = here.dataset.grid.split(" ").map(Number);
    const box = here.getBoundingClientRect();
    const at = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    return [...said, at((clientY - box.y) / box.height, rows), at((clientX - box.x) / box.width, columns)];
  };

  // one question at a time: while an answer is on its way, only the last place counts
  const next = () => {
    if (waiting || wanted === undefined) return;
    model.send({ hover: wanted });
    wanted = undefined;
    waiting = setTimeout(answered, REST); // the same picture again is no change
  };
  const answered = () => { clearTimeout(waiting); waiting = 0; next(); };
  const hover = (where) => { wanted = where; next(); };

  const show = () => {
    const chosen = el.contains(document.activeElement) ? part(document.activeElement) : null;
    const before = places(el);
    el.innerHTML = model.get("value");
    const svg = el.querySelector("svg.cnnbook");
    if (svg && model.get("steers")) svg.tabIndex = 0;
    for (const each of el.querySelectorAll("svg.cnnbook, [role=button]")) {
      each.dataset.lmSuppressShortcuts = "true"; // Notebook 7 takes keys before they are here
    }
    if (chosen !== null) find(el, chosen)?.focus({ preventScroll: true });
    else if (focused && svg) svg.focus({ preventScroll: true });
    if (model.get("motion") && !STILL.matches) move(el, before, TAKES / model.get("speed"));
    name_what_is_wrong(el);
    answered();
  };

  let focused = false; // whether the picture as a whole has the keys
  el.addEventListener("focusin", (event) => { focused = event.target.matches("svg.cnnbook"); });
  el.addEventListener("pointerdown", () => { focused = false; });

  el.addEventListener("click", (event) => {
    const where = place(event);
    if (where) model.send({ touch: where });
    if (model.get("steers")) el.querySelector("svg.cnnbook")?.focus({ preventScroll: true });
  });
  el.addEventListener("pointermove", (event) => {
    const where = place(event), name = JSON.stringify(where);
    if (name === over) return;
    over = name;
    if (where && event.buttons === 1) model.send({ touch: where }); // dragged
    else hover(where);
  });
  el.addEventListener("pointerleave", () => { if (over !== "null") { over = "null"; hover(null); } });
  el.addEventListener("keydown", (event) => {
    const where = part(event.target), enter = ["Enter", " "].includes(event.key);
    const steering = model.get("steers") && /^(Arrow|Home$|End$)/.test(event.key);
    if (event.key === "Escape") { focused = false; document.activeElement.blur(); }
    else if (where !== null && enter) model.send({ touch: JSON.parse(where) });
    else if (steering) model.send({ key: event.key });
    else return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would take the key
  });

  const fit = new ResizeObserver(() => {
    if (!el.clientWidth) return; // not in sight
    const most = model.get("most"), room = el.clientWidth - 2 * MARGIN;
    model.set("room", room >= most ? most : room - room % STEP);
    model.save_changes();
  });
  fit.observe(el);
  sleep(model.widget_manager?.kernel, el);
  model.on("change:value", show);
  show();
  return () => fit.disconnect();
} };

function find(el, touch) {
  return [...el.querySelectorAll("[data-touch]")].find((each) => each.dataset.touch === touch);
}

// a screen reader hears of the field that is wrong, and why
function name_what_is_wrong(el) {
  const view = el.closest(".cnnbook-explorer"), note = view?.querySelector(".cnnbook-note");
  for (const field of view?.querySelectorAll("input, select") ?? []) {
    const wrong = Boolean(field.closest(".cnnbook-wrong"));
    if (wrong === field.hasAttribute("aria-invalid")) continue;
    field.toggleAttribute("aria-invalid", wrong);
    field.removeAttribute("aria-describedby");
    if (!wrong) continue;
    field.setAttribute("aria-invalid", "true");
    note.id ||= `cnnbook-${Math.random().toString(36).slice(2)}`;
    field.setAttribute("aria-describedby", note.id);
  }
}

// the mark that ipywidgets sets when a kernel is restarted, also when it is shut down
function sleep(kernel, el) {
  const asleep = () =>
    el.closest(".cnnbook-explorer")?.classList.add("jupyter-widgets-disconnected");
  kernel?.disposed?.connect?.(asleep);
  kernel?.statusChanged?.connect?.((_, status) => { if (status === "dead") asleep(); });
}

// where everything that may move stands, by its name
function places(el) {
  const found = new Map();
  for (const each of el.querySelectorAll("[data-move]")) {
    found.set(each.dataset.move, each.getBoundingClientRect());
  }
  return found;
}

// let what has a place of before, or comes from another mark, travel from there
function move(el, before, duration) {
  const now = places(el);
  for (const each of el.querySelectorAll("[data-move]")) {
    const here = now.get(each.dataset.move);
    const there = each.dataset.from ? now.get(each.dataset.from) : before.get(each.dataset.move);
    if (!there || !here.width) continue;
    const scale = each.ownerSVGElement.getScreenCTM().a || 1;
    const dx = (there.x - here.x) / scale, dy = (there.y - here.y) / scale;
    if (Math.abs(dx) + Math.abs(dy) < 0.5) continue;
    const start = { transform: `translate(${dx}px, ${dy}px)` };
    each.animate([start, { transform: "none" }], { duration, easing: "ease-out" });
  }
}
