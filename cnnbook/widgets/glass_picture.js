// What is drawn of Glass LeNet: the maps of a layer on a canvas, frames and lines over all of them.
import lenet from "./lenet.js";

// how the maps of a layer lie: maps beside one another, CSS pixels of a unit, and between maps
const LOOKS = {
  input: { across: 1, pixel: 6, gap: 0 },
  conv1: { across: 2, pixel: 2, gap: 4 },
  pool1: { across: 2, pixel: 4, gap: 4 },
  conv2: { across: 4, pixel: 4, gap: 4 },
  pool2: { across: 4, pixel: 8, gap: 4 },
  dense1: { across: 24, pixel: 7, gap: 1 },
  dense2: { across: 28, pixel: 6, gap: 1 },
};
// kernels below their maps: a column of slices for each map
const KERNELS = { conv1: { pixel: 3, gap: 3 }, conv2: { pixel: 2, gap: 1 } };
const ROLES = ["input", "kernel", "output", "gradient", "negative", "ink", "muted", "line", "wash"];

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
  return Object.fromEntries([...ROLES, "paper"].map((role) => [role, read(role)]));
}

/** Mix the paper with a role's colour, or with slate below zero; 1 and −1 are the full colour. */
function tint(colours, role, share) {
  const strength = Math.min(Math.abs(share), 1);
  const ends = colours[share < 0 ? "negative" : role];
  const mixed = colours.paper.map((paper, n) => Math.round(paper + (ends[n] - paper) * strength));
  return `rgb(${mixed})`;
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
  [canvas.width, canvas.height] = [width * sharp, height * sharp];
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const pen = canvas.getContext("2d");
  pen.scale(sharp, sharp);
  return pen;
}

/** Paint the units of a layer; the largest magnitude has the full colour. */
function paintLayer(canvas, layer, values, role, colours, isCut) {
  const { width, height } = sizeOf(layer);
  const pen = clearCanvas(canvas, width, height);
  const { pixel } = LOOKS[layer.name];
  const [wide, high] = [layer.columns * pixel, layer.rows * pixel];
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  for (let map = 0, place = 0; map < layer.maps; map++) {
    const { left, top } = cornerOf(layer, map);
    pen.fillStyle = tint(colours, "wash", 1);
    pen.fillRect(left, top, wide, high);
    for (let row = 0; row < layer.rows; row++)
      for (let column = 0; column < layer.columns; column++, place++) {
        if (!values[place]) continue;
        pen.fillStyle = tint(colours, role, values[place] / most);
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

/** Paint all kernels of a layer, or their gradients: a column for each map, a row for each channel. */
function paintKernels(canvas, layer, weight, role, colours) {
  const { pixel, gap } = KERNELS[layer.name];
  const [side, channels] = [layer.kernel * pixel + gap, layer.before.maps];
  const pen = clearCanvas(canvas, layer.maps * side - gap, channels * side - gap);
  const most = weight.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  weight.forEach((w, place) => {
    const [slice, cell] = [Math.floor(place / layer.kernel ** 2), place % layer.kernel ** 2];
    const [map, channel] = [Math.floor(slice / channels), slice % channels];
    const [row, column] = [Math.floor(cell / layer.kernel), cell % layer.kernel];
    pen.fillStyle = tint(colours, role, w / most);
    pen.fillRect(map * side + column * pixel, channel * side + row * pixel, pixel, pixel);
  });
}

/** Which slice of which kernel lies at a place of its canvas. */
function kernelAt(layer, x, y) {
  const { pixel, gap } = KERNELS[layer.name];
  const side = layer.kernel * pixel + gap;
  const inside = (value, count) => Math.min(Math.max(Math.floor(value / side), 0), count - 1);
  return { map: inside(x, layer.maps), channel: inside(y, layer.before.maps) };
}

/** The rectangles, on a layer's canvas, of a region that `seenBy` or `reachedFrom` names. */
function boxesOf(layer, { map, top, left, bottom, right }) {
  const { pixel } = LOOKS[layer.name];
  const size = sizeOf(layer);
  const whole = bottom - top === layer.rows && right - left === layer.columns;
  if (whole && map === null) return [{ x: -2, y: -2, width: size.width + 4, height: size.height + 4 }];
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
  LOOKS, KERNELS, element, coloursOf, tint, unitAt, paintLayer, paintKernels, kernelAt, boxesOf,
  layerNamed,
};
