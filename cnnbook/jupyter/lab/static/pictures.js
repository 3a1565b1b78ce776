// JupyterLab and Notebook show an `image/png` without an alternative text, and light in every theme.
// Here its text is read where nbconvert's classic template reads it, in the output's metadata,
// `{"image/png": {"alt": "…"}}`; a picture without one takes the output's plain text, unless that
// is only the name of a Python object. A picture whose metadata have `keeps` is dark in a dark theme,
// but for these rectangles, each [left, top, width, height] as shares of the picture: photographs.
let shared; // modules of JupyterLab, by name and version
let count = 0; // of pictures with photographs, to tell their clip paths apart

const STYLE = `
[data-jp-theme-light='false'] img.cnnbook-inverts { filter: invert(.93) hue-rotate(180deg); }
.cnnbook-layers { position: relative; display: inline-block; max-width: 100%; }
.cnnbook-layers img { display: block; }
.cnnbook-layers img.cnnbook-kept { display: none; position: absolute; inset: 0; width: 100%; }
[data-jp-theme-light='false'] .cnnbook-layers img.cnnbook-kept { display: block; }`;

// the same picture once more, unchanged, and cut to the rectangles
function keepColours(image, rectangles) {
  const id = `cnnbook-kept-${count++}`;
  const [layers, copy] = [document.createElement("span"), image.cloneNode()];
  layers.className = "cnnbook-layers";
  copy.className = "cnnbook-kept";
  copy.alt = ""; // its words are said already
  copy.style.clipPath = `url(#${id})`;
  const places = rectangles.map(
    ([x, y, width, height]) => `<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`,
  );
  layers.innerHTML =
    `<svg width="0" height="0" style="position:absolute" aria-hidden="true">` +
    `<clipPath id="${id}" clipPathUnits="objectBoundingBox">${places.join("")}</clipPath></svg>`;
  image.replaceWith(layers);
  layers.append(image, copy);
}

function describe(image, { data, metadata }) {
  const { alt, keeps } = metadata["image/png"] ?? {};
  const plain = String(data["text/plain"] ?? "<");
  const words = alt ?? (plain.startsWith("<") ? "" : plain);
  if (words) image.alt = words;
  if (!keeps) return;
  image.classList.add("cnnbook-inverts");
  const numbers = keeps.map((rectangle) => rectangle.map(Number)); // a file may hold anything
  if (numbers.length) keepColours(image, numbers);
}

async function extension() {
  const [rendermime] = Object.values(shared["@jupyterlab/rendermime"]);
  const { IRenderMimeRegistry } = (await rendermime.get())();
  return {
    id: "cnnbook:pictures",
    description: "Alternative texts and a dark form for pictures.",
    autoStart: true,
    requires: [IRenderMimeRegistry],
    activate(app, registry) {
      const style = document.createElement("style");
      style.textContent = STYLE;
      document.head.append(style);
      const usual = registry.getFactory("image/png");
      const createRenderer = (options) => {
        const renderer = usual.createRenderer(options);
        const render = renderer.renderModel.bind(renderer);
        renderer.renderModel = async (model) => {
          await render(model);
          const image = renderer.node.querySelector("img");
          if (image) describe(image, model);
        };
        return renderer;
      };
      const rank = registry.getRank("image/png");
      registry.addFactory({ ...usual, mimeTypes: ["image/png"], createRenderer }, rank);
    },
  };
}

window._JUPYTERLAB = window._JUPYTERLAB ?? {};
window._JUPYTERLAB.cnnbook = {
  init: (modules) => { shared = modules; },
  get: async () => {
    const plugin = await extension();
    return () => plugin;
  },
};
