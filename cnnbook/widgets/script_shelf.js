// Drawings of signs as small sheets. `names`, `chosen` and `drawings` are as on Python's side; a
// press on a drawing sends {take: n}, its cross or the Delete key {delete: n}.
const SIDE = 280; // units of a sheet
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

function element(name, attributes, parent) {
  const svg = name === "svg" || name === "polyline";
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else made.setAttribute(key, value);
  }
  parent?.append(made);
  return made;
}

function picture(strokes, parent) {
  const sheet = element("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" }, parent);
  for (const { pen, points } of strokes) {
    const places = points.map(([row, column]) => `${column},${row}`);
    if (places.length === 1) places.push(places[0]); // a dot is a line to itself
    element("polyline", { points: places.join(" "), "stroke-width": pen }, sheet);
  }
}

function render({ model, el }) {
  el.classList.add("cnnbook", "cnnbook-shelf");
  const help = element("p", {
    text: "Press a drawing to put it on the sheet, its × or Delete to throw it away. " +
      "A circle chooses the sign to draw; names can be typed.",
  }, el);
  const cards = element("div", { class: "cards" }, el);
  const group = `cnnbook-sign-${Math.random().toString(36).slice(2)}`; // of the radio buttons

  function card(sign, name) {
    const box = element("fieldset", { class: "card", "aria-label": name }, cards);
    const head = element("div", { class: "head" }, box);
    const radio = element("input", {
      type: "radio", name: group, "data-key": `radio${sign}`, "aria-label": `draw ${name} next`,
      title: `draw ${name} next`,
    }, head);
    radio.checked = sign === model.get("chosen");
    radio.addEventListener("change", () => {
      model.set("chosen", sign);
      model.save_changes();
    });
    const typed = element("input", {
      type: "text", value: name, maxlength: 10, "data-key": `name${sign}`,
      "aria-label": `name of sign ${sign}`,
    }, head);
    typed.addEventListener("change", () => {
      const names = [...model.get("names")];
      names[sign] = typed.value;
      model.set("names", names);
      model.save_changes();
    });
    const own = model.get("drawings")
      .map((drawing, number) => ({ ...drawing, number }))
      .filter((drawing) => drawing.sign === sign);
    const count = `${own.length} of ${model.get("most")}, ${model.get("use")}`;
    element("span", { class: "count", text: count }, head);
    const row = element("div", { class: "row" }, box);
    own.forEach((drawing, place) => thumb(drawing, `${name}, drawing ${place}`, row));
    for (let k = own.length; k < model.get("most"); k += 1) element("i", {}, row);
    box.classList.toggle("chosen", radio.checked);
  }

  function thumb({ number, strokes }, words, row) {
    const cell = element("span", { class: "thumb" }, row);
    const take = element("button", {
      type: "button", class: "take", "data-key": number, title: `${words}: put it on the sheet`,
      "aria-label": `${words}: put it on the sheet; Delete throws it away`,
    }, cell);
    take.dataset.lmSuppressShortcuts = "true"; // the keys of the notebook stay out
    picture(strokes, take);
    take.addEventListener("click", () => model.send({ take: number }));
    const cross = element("button", {
      type: "button", class: "cross", text: "×", tabindex: -1, "aria-label": `delete ${words}`,
    }, cell);
    cross.addEventListener("click", () => model.send({ delete: number }));
  }

  function show() {
    const held = cards.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    cards.replaceChildren();
    model.get("names").forEach((name, sign) => card(sign, name));
    if (!held) return;
    const takes = [...cards.querySelectorAll(".take")];
    const same = cards.querySelector(`[data-key="${held}"]`);
    (same ?? takes[takes.length - 1])?.focus(); // after a deletion the next one
  }

  el.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // else JupyterLab takes the keys
    if (event.target.type === "text" && event.key === "Enter") event.target.blur();
    if (event.key === "Escape") event.target.blur();
    if (!event.target.matches(".take")) return;
    if (STEPS[event.key]) {
      const takes = [...cards.querySelectorAll(".take")];
      takes[takes.indexOf(event.target) + STEPS[event.key]]?.focus();
      event.preventDefault();
    }
    if (event.key === "Delete" || event.key === "Backspace") {
      model.send({ delete: Number(event.target.dataset.key) });
      event.preventDefault();
    }
  });

  const changes = ["names", "drawings", "chosen", "use"].map((name) => `change:${name}`);
  for (const change of changes) model.on(change, show);
  show();
  return () => changes.forEach((change) => model.off(change, show));
}

export default { render };
