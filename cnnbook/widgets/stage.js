// A picture as SVG text. What a pointer or a key does to it is sent as plain data:
// {touch: [name, ...at]}, {hover: [name, ...at] or null}, {key: "ArrowRight"}. The `room` that
// there is for a picture is a trait of the model.

const MARGIN = 4, STEP = 20; // of a picture; so much more room that it is laid out anew
const TAKES = 300; // ms of a motion
const REST = 250; // ms after which a lost answer is no longer waited for
// a move is told with the next frame, a raw one at once
const MOVED = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove";
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

function render({ model, el }) {
  el.classList.add("cnnbook-screen", "widget-html-content");
  let asked = 0, waiting = 0, wanted, over = "null";

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

  const ask = (message) => {
    const mine = ++asked;
    model.send(message, { iopub: { status: ({ content }) => {
      if (content.execution_state === "idle" && mine === asked) answered();
    } } });
  };

  // one question at a time: while an answer is on its way, only the last place counts
  const next = () => {
    if (waiting || wanted === undefined) return;
    ask(wanted);
    wanted = undefined;
    waiting = setTimeout(answered, REST); // where nobody says that the same picture stays
  };
  const answered = () => { clearTimeout(waiting); waiting = 0; next(); };
  const want = (message) => {
    if (wanted?.touch && !message.touch) ask(wanted); // where a drag ended
    wanted = message;
    next();
  };

  const show = () => {
    const chosen = el.contains(document.activeElement) ? part(document.activeElement) : null;
    const made = document.createElement("template");
    made.innerHTML = model.get("value");
    for (const each of made.content.querySelectorAll("svg.cnnbook, [role=button]")) {
      each.dataset.lmSuppressShortcuts = "true"; // Notebook 7 takes keys before they are here
      if (each.matches("svg") && model.get("steers")) each.setAttribute("tabindex", 0);
    }
    const [gone, come] = [[], []];
    const act = renew(el, made.content, gone, come);
    const before = places(gone); // all that is asked of a page stands before what changes it
    act();
    const svg = el.querySelector("svg.cnnbook");
    if (chosen !== null) find(el, chosen)?.focus({ preventScroll: true });
    else if (focused && svg) svg.focus({ preventScroll: true });
    if (model.get("motion") && !STILL.matches) move(el, come, before, TAKES / model.get("speed"));
    name_what_is_wrong(el);
    answered();
  };

  let focused = false; // whether the picture as a whole has the keys
  el.addEventListener("focusin", (event) => { focused = event.target.matches("svg.cnnbook"); });
  el.addEventListener("pointerdown", () => { focused = false; });

  el.addEventListener("click", (event) => {
    const where = place(event);
    if (where) { wanted = undefined; ask({ touch: where }); }
    if (model.get("steers")) el.querySelector("svg.cnnbook")?.focus({ preventScroll: true });
  });
  el.addEventListener(MOVED, (event) => {
    const where = place(event), name = JSON.stringify(where);
    if (name === over) return;
    over = name;
    want(where && event.buttons === 1 ? { touch: where } : { hover: where }); // dragged
  });
  el.addEventListener("pointerleave", () => {
    if (over === "null") return;
    over = "null";
    want({ hover: null });
  });
  el.addEventListener("keydown", (event) => {
    const where = part(event.target), enter = ["Enter", " "].includes(event.key);
    const steering = model.get("steers") && /^(Arrow|Home$|End$)/.test(event.key);
    if (event.key === "Escape") { focused = false; document.activeElement.blur(); }
    else if (where !== null && enter) ask({ touch: JSON.parse(where) });
    else if (steering) ask({ key: event.key });
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
}

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

// Plan to make the parts of `shown` those of `fresh`, and return what does so. A part that is
// there already stays: the browser lays out and paints what is new. Lists what goes and comes.
function renew(shown, fresh, gone, come) {
  const there = new Map(), acts = [];
  for (const part of shown.childNodes) {
    const key = written(part);
    there.has(key) ? there.get(key).push(part) : there.set(key, [part]);
  }
  const wanted = [...fresh.childNodes].map((part) => {
    const stays = there.get(written(part))?.shift();
    if (stays && HOLDS.includes(part.nodeName)) {
      acts.push(() => wear(stays, part), renew(stays, part, gone, come));
    }
    if (!stays) come.push(part);
    return stays ?? part;
  });
  const left = [...there.values()].flat();
  gone.push(...left);
  return () => {
    for (const part of left) part.remove();
    let at = shown.firstChild;
    for (const part of wanted) {
      if (part === at) at = at.nextSibling;
      else shown.insertBefore(part, at);
    }
    for (const act of acts) act();
  };
}

const HOLDS = ["DIV", "svg"]; // what holds parts that are compared one by one
const texts = new WeakMap();

function written(part) {
  if (HOLDS.includes(part.nodeName)) return part.nodeName;
  if (!texts.has(part)) texts.set(part, part.outerHTML ?? part.data);
  return texts.get(part);
}

// give an element the attributes of another
function wear(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// where what may move stands, by its name
function places(parts) {
  const moves = parts.filter((part) => part.dataset?.move);
  return new Map(moves.map((part) => [part.dataset.move, part.getBoundingClientRect()]));
}

// let what is new travel from where it stood before, or from another mark
function move(el, come, before, duration) {
  const moving = come.filter((part) => part.dataset?.move);
  if (!moving.length) return; // where things are is dear to ask
  const now = places([...el.querySelectorAll("[data-move]")]);
  const scale = el.querySelector("svg.cnnbook")?.getScreenCTM().a || 1;
  for (const each of moving) {
    const here = now.get(each.dataset.move);
    const there = each.dataset.from ? now.get(each.dataset.from) : before.get(each.dataset.move);
    if (!there || !here.width) continue;
    const dx = (there.x - here.x) / scale, dy = (there.y - here.y) / scale;
    if (Math.abs(dx) + Math.abs(dy) < 0.5) continue;
    const start = { transform: `translate(${dx}px, ${dy}px)` };
    each.animate([start, { transform: "none" }], { duration, easing: "ease-out" });
  }
}

export default { render };
