// What is drawn of Glass LeNet: the maps of a layer on a canvas, frames and lines over all of them.
import lenet from "./lenet.js";

// how the maps of a layer lie: maps beside one another, CSS pixels of a unit, and between maps
const LOOKS = {
  input: { across: 1, pixel: 6, gap: 0 },
  conv1: { across: 2, pixel: 2, gap: 4 },
  pool1: { across: 2, pixel: 4, gap: 4 },
  conv2: { across: 4, pixel: 4, gap: 4 },
  pool2: { across: 4, pixel: 8, gap: 4 },
  dense1: { across: 20, pixel: 7, gap: 1 },
  dense2: { across: 21, pixel: 7, gap: 1 },
};
// how its kernels lie below them: maps beside one another, the slices of one below one another
const KERNELS = {
  conv1: { across: 3, pixel: 6, gap: 3 },
  conv2: { across: 16, pixel: 2, gap: 1 },
};
const ROLES = ["input", "kernel", "output", "gradient", "negative", "ink", "wash", "paper"];

function element(name, attributes, parent, text) {
  const svg = ["svg", "rect", "path", "g", "line"].includes(name);
  const space = svg ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const made = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/** The theme's colours as [red, green, blue]. */
function coloursOf(el) {
  const style = getComputedStyle(el);
  const read = (role) => {
    const hex = style.getPropertyValue(`--cnn-${role}`).trim();
    return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  };
  const colours = Object.fromEntries(ROLES.map((role) => [role, read(role)]));
  return { ...colours, strongest: Number(style.getPropertyValue("--cnn-t")) }; // behind a number
}

/** Mix a ground with a role's colour, or with slate below zero; 1 and −1 are the full colour. */
function tint(colours, role, share, ground = "paper") {
  const strength = Math.min(Math.abs(share), 1);
  const ends = colours[share < 0 ? "negative" : role];
  const mixed = colours[ground].map((from, n) => Math.round(from + (ends[n] - from) * strength));
  return `rgb(${mixed})`;
}

/** The tints of -1 to 1 in 200 steps on a map's ground: maps have thousands of units. */
function tintsOf(colours, role) {
  const steps = Array.from({ length: 201 }, (_, n) => tint(colours, role, n / 100 - 1, "wash"));
  return (share) => steps[Math.round(100 * share) + 100];
}

function sizeOf(layer) {
  const { across, pixel, gap } = LOOKS[layer.name];
  const down = Math.ceil(layer.maps / across);
  return {
    width: Math.min(across, layer.maps) * (layer.columns * pixel + gap) - gap,
    height: down * (layer.rows * pixel + gap) - gap,
  };
}

/** Where a map starts on its canvas. */
function cornerOf(layer, map) {
  const { across, pixel, gap } = LOOKS[layer.name];
  const left = (map % across) * (layer.columns * pixel + gap);
  return { left, top: Math.floor(map / across) * (layer.rows * pixel + gap) };
}

/** Which unit lies at a place of the canvas; the nearest of its map, null between maps. */
function unitAt(layer, x, y) {
  const { across, pixel, gap } = LOOKS[layer.name];
  const [wide, high] = [layer.columns * pixel + gap, layer.rows * pixel + gap];
  const [right, down] = [Math.floor(x / wide), Math.floor(y / high)];
  const map = down * across + right;
  if (x < 0 || y < 0 || right >= across || map >= layer.maps) return null;
  const row = Math.min(Math.floor((y - down * high) / pixel), layer.rows - 1);
  const column = Math.min(Math.floor((x - right * wide) / pixel), layer.columns - 1);
  return { layer: layer.name, map, row, column };
}

function clearCanvas(canvas, width, height) {
  const sharp = Math.ceil(window.devicePixelRatio || 1);
  const pen = canvas.getContext("2d");
  if (canvas.width !== width * sharp || canvas.height !== height * sharp) {
    [canvas.width, canvas.height] = [width * sharp, height * sharp];
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    pen.scale(sharp, sharp);
  }
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** Paint the units of a layer; the largest magnitude has the full colour. */
function paintLayer(canvas, layer, values, role, colours, isCut) {
  const { width, height } = sizeOf(layer);
  const pen = clearCanvas(canvas, width, height);
  const { pixel } = LOOKS[layer.name];
  const [wide, high] = [layer.columns * pixel, layer.rows * pixel];
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const tints = tintsOf(colours, role);
  for (let map = 0, place = 0; map < layer.maps; map++) {
    const { left, top } = cornerOf(layer, map);
    pen.fillStyle = tint(colours, "wash", 1);
    pen.fillRect(left, top, wide, high);
    for (let row = 0; row < layer.rows; row++)
      for (let column = 0; column < layer.columns; column++, place++) {
        if (!values[place]) continue;
        pen.fillStyle = tints(values[place] / most);
        pen.fillRect(left + column * pixel, top + row * pixel, pixel, pixel);
      }
    if (isCut(map)) crossOut(pen, left, top, wide, high, tint(colours, "ink", 1));
  }
}

function crossOut(pen, left, top, wide, high, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = wide > 20 ? 2 : 1;
  pen.beginPath();
  pen.moveTo(left + 1, top + 1);
  pen.lineTo(left + wide - 1, top + high - 1);
  pen.moveTo(left + wide - 1, top + 1);
  pen.lineTo(left + 1, top + high - 1);
  pen.stroke();
}

/** Where a slice of a kernel lies on the canvas of a layer's kernels. */
function sliceBox(layer, map, channel) {
  const { across, pixel, gap } = KERNELS[layer.name];
  const side = layer.kernel * pixel;
  const down = Math.floor(map / across) * layer.before.maps + channel;
  return { x: (map % across) * (side + gap), y: down * (side + gap), width: side, height: side };
}

/** Which slice lies there, {map, channel}; the nearest where there is none. */
function sliceAt(layer, x, y) {
  const { across, pixel, gap } = KERNELS[layer.name];
  const [side, channels] = [layer.kernel * pixel + gap, layer.before.maps];
  const [right, down] = [Math.min(Math.floor(x / side), across - 1), Math.floor(y / side)];
  const map = Math.floor(down / channels) * across + right;
  return { map: Math.min(Math.max(map, 0), layer.maps - 1), channel: Math.max(down, 0) % channels };
}

/** Paint all kernels of a layer, or their gradients. */
function paintKernels(canvas, layer, weight, role, colours) {
  const { pixel } = KERNELS[layer.name];
  const [channels, area] = [layer.before.maps, layer.kernel ** 2];
  const last = sliceBox(layer, layer.maps - 1, channels - 1);
  const pen = clearCanvas(canvas, last.x + last.width, last.y + last.height);
  const most = weight.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const tints = tintsOf(colours, role);
  weight.forEach((w, place) => {
    const [slice, cell] = [Math.floor(place / area), place % area];
    const { x, y } = sliceBox(layer, Math.floor(slice / channels), slice % channels);
    const [row, column] = [Math.floor(cell / layer.kernel), cell % layer.kernel];
    pen.fillStyle = tints(w / most);
    pen.fillRect(x + column * pixel, y + row * pixel, pixel, pixel);
  });
}

/** The rectangles, on a layer's canvas, of a region that `seenBy` or `reachedFrom` names. */
function boxesOf(layer, { map, top, left, bottom, right }) {
  const { pixel } = LOOKS[layer.name];
  const size = sizeOf(layer);
  const whole = bottom - top === layer.rows && right - left === layer.columns;
  if (whole && map === null)
    return [{ x: -2, y: -2, width: size.width + 4, height: size.height + 4, whole: true }];
  const maps = map === null ? [...Array(layer.maps).keys()] : [map];
  return maps.map((each) => {
    const corner = cornerOf(layer, each);
    return {
      x: corner.left + left * pixel,
      y: corner.top + top * pixel,
      width: (right - left) * pixel,
      height: (bottom - top) * pixel,
    };
  });
}

const layerNamed = (name) => lenet.LAYERS.find((layer) => layer.name === name);

export default {
  LOOKS, KERNELS, element, coloursOf, tint, unitAt, paintLayer, paintKernels, sliceAt, sliceBox,
  boxesOf, layerNamed,
};
