// Widgets in a page without Python. `stage.js` and `player.js` are those of the notebook: here a
// plain object stands where the kernel's model would, and answers from pictures that were drawn
// when the page was built (`freezing.py`). Glass LeNet and the workbench bring their own arithmetic.
(() => {
const { stage, player } = cnnbookWidgets;
const NARROW = 720; // a smaller place gets the pictures for a phone

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// what an anywidget module asks of a model
function plainModel(held, send) {
  const hears = new Map();
  const tell = (name) => {
    for (const [act, names] of hears) if (names.includes("change") || names.includes(name)) act();
  };
  return {
    get: (name) => held[name],
    set(name, value) {
      if (held[name] === value) return;
      held[name] = value;
      tell(`change:${name}`);
    },
    save_changes() {},
    on: (names, act) => hears.set(act, names.split(" ")),
    off: (_, act) => hears.delete(act),
    ...(send && { send }),
  };
}

async function unpack(host) {
  const packed = host.querySelector("script").textContent;
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

// ---------------------------------------------------------------- a control of a setting

function control(label, kind, changed) {
  let options = [];
  const field = make(kind === "menu" ? "select" : "input", { "aria-label": label });
  const value = make("output", {});
  if (kind !== "menu") field.type = kind === "switch" ? "checkbox" : "range";
  field.addEventListener(kind === "slider" ? "input" : "change", () => changed());
  return {
    element: make("label", {}, kind === "switch" ? field : `${label} `, kind === "switch" ? ` ${label}` : field, value),
    get index() { return kind === "switch" ? Number(field.checked) : Number(field.value); },
    set index(number) {
      if (kind === "switch") field.checked = Boolean(number);
      else field.value = number;
    },
    offer(now, wanted) { // other options, where they depend on another control
      if (now.join("\n") !== options.join("\n")) {
        options = now;
        if (kind === "menu") {
          field.replaceChildren(...now.map((words, n) => make("option", { value: n }, words)));
        } else if (kind === "slider") Object.assign(field, { min: 0, max: now.length - 1 });
        this.index = Math.min(wanted ?? 0, now.length - 1);
      }
      if (kind === "slider") {
        value.textContent = now[this.index];
        field.setAttribute("aria-valuetext", now[this.index]);
      }
    },
  };
}

// ---------------------------------------------------------------- frames

function playFrames(host, spec) {
  const screen = make("div", {}), note = make("p", { role: "alert", class: "cnnbook-note" });
  let leaf = null, step = spec.step, shown = null;

  const held = { value: "", steers: spec.steers, most: 952, room: 952, motion: true, speed: 1 };
  const view = plainModel(held, (message, callbacks) => {
    answer(message);
    setTimeout(() => callbacks?.iopub.status({ content: { execution_state: "idle" } }));
  });

  const controls = spec.controls.map(([label, kind]) => control(label, kind, choose));
  const count = () => leaf.frames[0].length;
  const row = () => leaf.frames[host.clientWidth < NARROW ? 1 : 0];

  function choose(wanted = null) {
    let node = spec.tree;
    controls.forEach((one, n) => {
      one.offer(node.options, wanted?.[n]);
      if (wanted) one.index = wanted[n];
      node = node.each[one.index];
    });
    const refused = typeof node === "string";
    note.textContent = refused ? `No such setting: ${node}` : "";
    screen.classList.toggle("cnnbook-pale", refused);
    if (refused) return;
    leaf = node;
    steps.max = count() - 1;
    transport.hidden = count() < 2;
    clock.set("max", count() - 1);
    go(step);
  }

  function draw(number, motion = true) {
    if (number === shown) return;
    shown = number;
    const image = (_, n) => `data:image/${spec.images[n]}`;
    const [start, ...parts] = spec.frames[number].map((n) => spec.parts[n].replace(/@(\d+)@/g, image));
    const hint = leaf.hint ? `<p class="cnnbook-hint">${leaf.hint}</p>` : "";
    held.motion = motion;
    view.set("value", `<div role="status">${start}${parts.join("")}</svg></div>${hint}`);
  }

  function go(wanted) {
    step = Math.min(Math.max(wanted, 0), count() - 1);
    steps.value = step;
    steps.setAttribute("aria-valuetext", `${step} of ${count() - 1}`);
    clock.set("value", step);
    draw(row()[step]);
  }

  const named = ([name, ...numbers]) => { // places of a large grid answer by the middle of some
    const every = spec.coarse[name] ?? 1, last = numbers.length - 2;
    const middle = (at) => Math.floor(at / every) * every + Math.floor(every / 2);
    return JSON.stringify([name, ...numbers.map((at, n) => (every > 1 && n >= last ? middle(at) : at))]);
  };
  const outcome = (where) => {
    const table = spec.touches[leaf.touch], key = named(where);
    return table[`${step} ${key}`] ?? table[key];
  };

  // the frame of a place's outcome, without going there
  function preview([to, options]) {
    let node = spec.tree;
    controls.forEach((one, n) => { node = node.each?.[options[n] ?? one.index]; });
    const frames = node?.frames?.[host.clientWidth < NARROW ? 1 : 0];
    return frames?.[Math.min(to ?? step, frames.length - 1)];
  }

  function answer({ touch, hover, key }) {
    if (key) {
      const down = leaf.across;
      const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -down, ArrowDown: down };
      go(key in moves ? step + moves[key] : key === "End" ? count() - 1 : 0);
    } else if (touch) {
      const found = outcome(touch);
      if (!found) return;
      const [to, options] = found;
      if (to !== null) step = to;
      choose(controls.map((one, n) => options[n] ?? one.index));
    } else {
      const own = hover && spec.hovers[`${step} ${named(hover)}`];
      const started = spec.start.every((index, n) => index === controls[n].index);
      const found = hover && spec.previews.includes(hover[0]) && outcome(hover);
      const other = found ? preview(found) : started && host.clientWidth >= NARROW ? own : undefined;
      draw(other ?? row()[step], false);
    }
  }

  // ---- the row of steps: the player is the notebook's
  const clock = plainModel({
    value: step, min: 0, max: 0, step: 1, interval: spec.interval, speed: 1,
    playing: false, repeat: false, disabled: false,
  });
  player.initialize({ model: clock });
  clock.on("change:value", () => clock.get("value") !== step && go(clock.get("value")));
  clock.on("change:speed", () => view.set("speed", clock.get("speed")));
  const box = make("span", {});
  player.render({ model: clock, el: box });
  const steps = make("input", { type: "range", min: 0, "aria-label": spec.label });
  steps.addEventListener("input", () => go(Number(steps.value)));
  const button = (icon, words, act) => {
    const made = make("button", { type: "button", title: words, "aria-label": words });
    made.append(make("i", { class: `fa fa-${icon}`, "aria-hidden": "true" }));
    made.addEventListener("click", act);
    return made;
  };
  const transport = make("div", { class: "cnnbook-bar" },
    button("fast-backward", "First step", () => go(0)),
    button("step-backward", "Previous step", () => go(step - 1)), box,
    button("step-forward", "Next step", () => go(step + 1)),
    button("fast-forward", "Last step", () => go(count() - 1)),
    make("label", {}, `${spec.label} `, steps));

  const settings = make("div", { class: "cnnbook-bar" }, ...controls.map((one) => one.element));
  const whole = make("div", { class: "cnnbook-explorer" }, settings, note, transport, screen);
  settings.hidden = !controls.length;
  host.querySelector(".cnnbook-paper").before(whole);
  choose(spec.start);
  shown = null;
  stage.render({ model: view, el: screen });
  go(spec.step);
  let narrow = host.clientWidth < NARROW;
  new ResizeObserver(() => {
    if ((host.clientWidth < NARROW) === narrow) return;
    narrow = !narrow;
    go(step);
  }).observe(host);
}

// ---------------------------------------------------------------- modules that need no Python

function playAlone(host, { module, values, bytes }) {
  for (const [name, text] of Object.entries(bytes)) {
    values[name] = new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  }
  const el = make("div", {});
  host.querySelector(".cnnbook-paper").before(el);
  cnnbookWidgets[module].render({ model: plainModel(values), el });
}

// ---------------------------------------------------------------- when it comes near

async function start(host) {
  try {
    const spec = await unpack(host);
    (spec.module ? playAlone : playFrames)(host, spec);
    host.classList.add("cnnbook-alive");
  } catch (error) {
    host.append(make("p", { role: "alert" }, `This picture stays still: ${error.message}`));
    throw error;
  }
}

function follow() { // what the widgets ask of JupyterLab's page
  const dark = document.documentElement.dataset.theme === "dark";
  document.body.dataset.jpThemeLight = String(!dark);
}

function begin() {
  follow();
  new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      start(target);
    }
  }, { rootMargin: "600px" });
  for (const host of document.querySelectorAll(".cnnbook-widget")) near.observe(host);
}
document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
})();
