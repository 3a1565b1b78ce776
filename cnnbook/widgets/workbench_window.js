// The pixels under a kernel in numbers, each over the weight that it is multiplied by.
import filtering from "./filtering.js";
import workbenchPhotos from "./workbench_photos.js";
const { written } = filtering;
const { element } = workbenchPhotos;

function build(parent) {
  const box = element("div", { class: "window" }, parent);
  const title = element("p", { class: "title" }, box);
  const grid = element("div", { class: "pixels m", "aria-hidden": "true" }, box);

  /** Show pixels from 0 to 1 and the cells of the kernel that lie on them, row by row. */
  function show(pixels, cells, words) {
    title.textContent = words;
    const size = Math.sqrt(cells.length);
    box.dataset.size = size;
    grid.style.gridTemplateColumns = `repeat(${size}, max-content)`;
    while (grid.childElementCount > cells.length) grid.lastChild.remove();
    while (grid.childElementCount < cells.length) {
      const cell = element("div", {}, grid);
      for (const part of ["pixel", "weight"]) element("span", { class: part }, cell);
    }
    const most = Math.max(...cells.map(Math.abs)) || 1;
    cells.forEach((cell, n) => {
      const [pixel, weight] = grid.children[n].children;
      pixel.textContent = pixels[n].toFixed(2);
      pixel.style.background = `rgb(${Array(3).fill(Math.round(255 * pixels[n]))})`;
      pixel.style.color = pixels[n] > 0.46 ? "black" : "white";
      weight.textContent = written(cell, 2);
      const role = cell < 0 ? "negative" : "kernel";
      const share = `calc(100% * var(--cnn-t) * ${Math.abs(cell) / most})`;
      weight.style.background = `color-mix(in srgb, var(--cnn-${role}) ${share}, transparent)`;
    });
  }

  return { show };
}

export default { build };
