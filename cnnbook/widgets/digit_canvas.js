// A sheet to draw on. Strokes are the state: `value` is a list of {pen, points}, points being
// [row, column] in units of a sheet of 280 × 280. The sheet shows strokes as vectors, so that they
// are sharp on every screen and wear the theme's colour; Python turns them into pixels.
const SIDE = 280;
const PAUSE = 20; // ms between two messages at least; JupyterLab waits for the kernel as well
const STEP = 10; // units that an arrow key moves the cursor
const NEAR = 1.5; // units; points closer than that to the last one add nothing
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function element(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

function render({ model, el }) {
  el.classList.add("cnnbook-canvas");
  const hint = `cnnbook-hint-${Math.random().toString(36).slice(2)}`;
  const sheet = element("svg", {
    viewBox: `0 0 ${SIDE} ${SIDE}`,
    tabindex: 0,
    role: "application",
    "aria-label": model.get("label"),
    "aria-roledescription": "drawing sheet",
    "aria-describedby": hint,
    "data-lm-suppress-shortcuts": "true", // JupyterLab's own keys stay out
  });
  const picture = element("image", { width: SIDE, height: SIDE }, sheet);
  const ink = element("g", {}, sheet);
  const cursor = element("circle", { class: "cursor", r: 9 }, sheet);
  const spoken = document.createElement("span");
  spoken.className = "spoken";
  spoken.setAttribute("role", "status");
  const help = document.createElement("p");
  help.id = hint;
  help.innerHTML =
    "Draw with mouse, finger or pen. Keys: arrows move, <kbd>Space</kbd> sets the pen down and " +
    "lifts it, <kbd>Backspace</kbd> undoes, <kbd>Delete</kbd> clears, <kbd>Esc</kbd> leaves.";
  el.append(sheet, help, spoken);

  let strokes = [];
  let pointer = null; // id of the pointer that draws
  let penDown = false; // of the keyboard
  let place = [SIDE / 2, SIDE / 2]; // of the keyboard's cursor
  let timer = null;
  let sent = 0;
  let sending = false;

  function line(stroke) {
    const points = stroke.points.map(([row, column]) => `${column},${row}`);
    if (points.length === 1) points.push(points[0]); // a dot is a line to itself
    return [points.join(" "), stroke.pen];
  }

  function show() {
    while (ink.childElementCount > strokes.length) ink.lastChild.remove();
    while (ink.childElementCount < strokes.length) element("polyline", {}, ink);
    strokes.forEach((stroke, number) => {
      const [points, pen] = line(stroke);
      ink.children[number].setAttribute("points", points);
      ink.children[number].setAttribute("stroke-width", pen);
    });
    const background = strokes.length ? "" : model.get("background");
    if (background) picture.setAttribute("href", background);
    else picture.removeAttribute("href");
    cursor.setAttribute("cx", place[1]);
    cursor.setAttribute("cy", place[0]);
    sheet.classList.toggle("down", penDown);
  }

  function send() {
    clearTimeout(timer);
    timer = null;
    sent = performance.now();
    sending = true;
    // a copy: the model compares with what it holds
    model.set("value", strokes.map(({ pen, points }) => ({ pen, points: points.slice() })));
    model.save_changes();
    sending = false;
  }

  function sendSoon() {
    timer ??= setTimeout(send, Math.max(0, sent + PAUSE - performance.now()));
  }

  function begin(point) {
    strokes.push({ pen: model.get("pen"), points: [point] });
    show();
    sendSoon();
  }

  function extend(point) {
    const points = strokes[strokes.length - 1].points;
    const [row, column] = points[points.length - 1];
    if (Math.hypot(point[0] - row, point[1] - column) < NEAR) return;
    points.push(point);
    show();
    sendSoon();
  }

  function say(text) {
    spoken.textContent = text;
  }

  // ------------------------------------------------------------ mouse, finger, pen

  function where(event) {
    const box = sheet.getBoundingClientRect();
    const units = (now, start, size) => Math.round((10 * SIDE * (now - start)) / size) / 10;
    return [
      units(event.clientY, box.top, box.height),
      units(event.clientX, box.left, box.width),
    ];
  }

  function lift() {
    if (pointer === null) return;
    pointer = null;
    send();
  }

  sheet.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    sheet.focus({ preventScroll: true });
    sheet.setPointerCapture(event.pointerId);
    sheet.classList.remove("keys");
    pointer = event.pointerId;
    penDown = false;
    begin(where(event));
  });
  sheet.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const point of passed.length ? passed : [event]) extend(where(point));
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    sheet.addEventListener(name, (event) => event.pointerId === pointer && lift());
  }

  // ------------------------------------------------------------ keyboard

  function move([down, right], far) {
    const step = far ? 3 * STEP : STEP;
    const inside = (value) => Math.min(Math.max(value, 0), SIDE);
    place = [inside(place[0] + down * step), inside(place[1] + right * step)];
    if (penDown) extend([...place]);
    else show();
    const [row, column] = place.map((value) => Math.round(value / STEP));
    say(`row ${row}, column ${column} of ${SIDE / STEP}`);
  }

  function togglePen() {
    penDown = !penDown;
    if (penDown) begin([...place]);
    else show();
    say(penDown ? "pen down" : "pen up");
  }

  function drop(left, text) {
    penDown = false;
    strokes = left;
    show();
    send();
    say(text);
  }

  const keys = {
    " ": togglePen,
    Enter: togglePen,
    Backspace: () => drop(strokes.slice(0, -1), "last stroke undone"),
    Delete: () => drop([], "sheet cleared"),
    Escape() {
      penDown = false;
      show();
      sheet.blur();
    },
  };

  sheet.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // else B inserts a cell
    const act = ARROWS[event.key] ? () => move(ARROWS[event.key], event.shiftKey) : keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.repeat && !ARROWS[event.key]) return;
    sheet.classList.add("keys");
    act();
  });
  sheet.addEventListener("focus", () => {
    if (sheet.matches(":focus-visible")) sheet.classList.add("keys");
    show();
  });
  sheet.addEventListener("blur", () => {
    penDown = false;
    show();
  });

  // ------------------------------------------------------------ what Python sets

  function take() {
    if (sending || pointer !== null || timer !== null) return; // what is drawn here is newer
    strokes = model.get("value").map(({ pen, points }) => ({ pen, points: [...points] }));
    penDown = false;
    show();
  }

  model.on("change:value", take);
  model.on("change:background", show);
  take();
  return () => {
    clearTimeout(timer);
    model.off("change:value", take);
    model.off("change:background", show);
  };
}

export default { render };
