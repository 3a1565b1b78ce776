// A slider from 0 to 100 behind its label: the browser's own, so that keys and names come with it.
function render({ model, el }) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  label.className = "cnnbook-ruler";
  Object.assign(input, { type: "range", min: 0, max: 100 });
  input.dataset.lmSuppressShortcuts = "true"; // the keys of the notebook stay out
  label.append(model.get("label"), input);
  el.append(label);
  const show = () => { input.value = model.get("value"); };
  input.addEventListener("input", () => {
    model.set("value", Number(input.value));
    model.save_changes();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") event.stopPropagation(); // else JupyterLab takes the keys
    if (event.key === "Escape") input.blur();
  });
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
