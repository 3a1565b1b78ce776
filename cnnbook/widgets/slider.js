// A slider: the browser's own, so that its name, its keys and its value are known to a screen
// reader. The model is that of ipywidgets: `value`, `min`, `max`, `step`; or, where there are
// options, the `index` of one of `_options_labels`.
function render({ model, el }) {
  const labels = () => model.get("_options_labels");
  const [label, name, input, output] = ["label", "span", "input", "span"].map((tag) =>
    document.createElement(tag),
  );
  el.classList.add("cnnbook-slider");
  input.type = "range";
  input.dataset.lmSuppressShortcuts = "true"; // Notebook 7 takes keys before they are here
  output.className = "readout";
  output.setAttribute("aria-hidden", "true"); // it is spoken as the slider's value
  label.append(name, input);
  el.append(label, output);

  function words() {
    if (labels()) return labels()[model.get("index")];
    const digits = String(model.get("step")).split(".")[1]?.length ?? 0;
    return model.get("value").toFixed(digits).replace("-", "−");
  }

  function show() {
    const [min, max, step, value] = labels()
      ? [0, labels().length - 1, 1, model.get("index")]
      : ["min", "max", "step", "value"].map((key) => model.get(key));
    Object.assign(input, { min, max, step });
    input.value = value; // last, since the browser cuts it to the range
    input.disabled = model.get("disabled");
    name.textContent = model.get("description");
    output.textContent = words();
    output.hidden = !model.get("readout");
    input.setAttribute("aria-valuetext", words());
  }

  function send() {
    model.set(labels() ? "index" : "value", Number(input.value));
    model.save_changes();
    show();
  }

  // where every value costs a computation, only the last one is sent
  input.addEventListener("input", () => model.get("continuous_update") && send());
  input.addEventListener("change", () => model.get("continuous_update") || send());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // else JupyterLab takes the arrows
    if (event.key === "Escape") input.blur();
  });
  model.on("change", show);
  show();
  return () => model.off("change", show);
}

export default { render };
