// The photograph and what a kernel makes of it, side by side. A pointer on either, or the arrow
// keys, choose a pixel; a lens on both shows the pixels around it, eight times as large.
import filtering from "./filtering.js";
const { written, range, settle } = filtering;

const SEEN = 11; // rows and columns of pixels in a lens
const ENLARGED = 8; // CSS pixels of one of them
const [WIDTH, HEIGHT] = [420, 280]; // CSS pixels of a photograph, at most
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const FAR = 10; // pixels that an arrow key moves with Shift

function element(name, attributes, parent, text) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/** The two values that are drawn black and white. */
function limitsOf({ low, high }, signed) {
  const most = settle(Math.max(-low, high)) || 1;
  return signed ? [-most, most] : [0, 1];
}

/** How a result is drawn, and how much of it that hides. */
function drawnAs(values, [low, high], signed, automatic) {
  let out = 0;
  for (const value of values) if (value < low - 1e-9 || value > high + 1e-9) out += 1;
  const share = (100 * out) / values.length;
  const hidden = !out ? "" : `, ${share < 1 ? "under 1" : Math.round(share)} % cut off`;
  const how = signed ? "0 is middle grey" : "drawn as brightness";
  return `${how}${automatic ? ", chosen by the sum" : ""}${hidden}`;
}

/** Paint values as greys; `margin` pixels around them, where the kernel does not fit, stay empty. */
function paint(canvas, { rows, columns, values }, [low, high], margin) {
  const [height, width] = [rows + 2 * margin, columns + 2 * margin];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = pen.createImageData(columns, rows); // clamped to 0 … 255, and rounded
  for (let at = 0; at < values.length; at++) {
    const grey = (255 * (values[at] - low)) / (high - low);
    pixels.data[4 * at] = pixels.data[4 * at + 1] = pixels.data[4 * at + 2] = grey;
    pixels.data[4 * at + 3] = 255;
  }
  pen.clearRect(0, 0, width, height);
  pen.putImageData(pixels, margin, margin);
}

/** Build one picture: its caption, its canvas with a lens over it, the scale of its greys. */
function build(parent, name, role, chosen) {
  const figure = element("figure", { class: role }, parent);
  const caption = element("figcaption", {}, figure);
  element("b", {}, caption, name);
  const stage = element("div", {
    class: "stage",
    tabindex: 0,
    role: "application",
    "aria-label": `${name}: arrow keys move the lens by one pixel, with Shift by ten`,
    "data-lm-suppress-shortcuts": "true",
  }, figure);
  const canvas = element("canvas", { role: "img" }, stage);
  const lens = element("canvas", { class: "lens", "aria-hidden": "true" }, stage);
  const spot = element("div", { class: "spot" }, stage);
  lens.width = lens.height = SEEN * ENLARGED;
  const scale = element("p", { class: "scale" }, figure);
  const [black, , white, says] = ["m", "ramp", "m", "range"].map((kind) =>
    element("span", { class: kind }, scale),
  );
  let drawn = null; // limits and margin of what is painted

  function show(image, limits, margin, words) {
    drawn = { limits, margin, size: [image.rows, image.columns] };
    paint(canvas, image, limits, margin);
    stage.style.maxWidth = `${Math.min(WIDTH, (HEIGHT * canvas.width) / canvas.height)}px`;
    canvas.classList.toggle("few", canvas.width < WIDTH / 2);
    says.textContent = `${image.rows} × ${image.columns}, ${words}`;
    canvas.setAttribute("aria-label", `${name} ${says.textContent}`);
    [black.textContent, white.textContent] = limits.map((value) => written(value, 2));
  }

  /** Lay the lens beside a pixel, a frame of `framed` pixels around its middle. */
  function point([row, column], framed, visible) {
    lens.hidden = spot.hidden = !visible;
    if (!visible) return;
    const half = (SEEN - 1) / 2;
    const pen = lens.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.clearRect(0, 0, lens.width, lens.height);
    pen.drawImage(canvas, column - half, row - half, SEEN, SEEN, 0, 0, lens.width, lens.height);
    pen.strokeStyle = getComputedStyle(lens).borderTopColor;
    pen.lineWidth = 2;
    const [from, side] = [((SEEN - framed) / 2) * ENLARGED, framed * ENLARGED];
    pen.strokeRect(from, from, side, side);
    const zoom = canvas.clientWidth / canvas.width;
    const [x, y] = [(column + 0.5) * zoom, (row + 0.5) * zoom];
    const beside = (at, end) => (at + lens.offsetWidth + 14 < end ? at + 12 : at - lens.offsetWidth - 12);
    const seen = Math.max(framed * zoom, 5) + 4; // a frame around what the lens frames
    Object.assign(spot.style, {
      left: `${x - seen / 2}px`, top: `${y - seen / 2}px`, width: `${seen}px`, height: `${seen}px`,
    });
    lens.style.left = `${beside(x, canvas.clientWidth)}px`;
    lens.style.top = `${Math.max(beside(y, canvas.clientHeight), 0)}px`;
  }

  const pixel = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [
      Math.floor(((clientY - box.top) / box.height) * canvas.height),
      Math.floor(((clientX - box.left) / box.width) * canvas.width),
    ];
  };
  for (const kind of ["pointerdown", "pointermove"])
    stage.addEventListener(kind, (event) => chosen.at(pixel(event)));
  stage.addEventListener("pointerleave", () => chosen.leave());
  stage.addEventListener("blur", () => chosen.leave());
  stage.addEventListener("focus", () => chosen.by([0, 0]));
  stage.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // else B inserts a cell
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") stage.blur();
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    chosen.by(move.map((step) => step * (event.shiftKey ? FAR : 1)));
  });

  return { caption, show, point };
}

export default { element, build, limitsOf, drawnAs, range };
