// JupyterLab and Notebook show an `image/png` without an alternative text. Here its text is read
// where nbconvert reads it, in the metadata of the output, `{"image/png": {"alt": "…"}}`; a picture
// without one takes the output's plain text, unless that is only the name of a Python object.
// A drawing whose metadata say `inverts` is light on dark in a dark theme.
let shared; // modules of JupyterLab, by name and version

const STYLE = `[data-jp-theme-light='false'] img.cnnbook-inverts {
  filter: invert(.93) hue-rotate(180deg);
}`;

function describe(image, { data, metadata }) {
  if (!image) return;
  const { alt, inverts } = metadata["image/png"] ?? {};
  const plain = String(data["text/plain"] ?? "<");
  const words = alt ?? (plain.startsWith("<") ? "" : plain);
  if (words) image.alt = words;
  image.classList.toggle("cnnbook-inverts", Boolean(inverts));
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
          if (options.mimeType === "image/png") describe(renderer.node.querySelector("img"), model);
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
