// Play, Stop, Repeat and speed. The model is that of ipywidgets' Play: `value` goes from `min` to
// `max`, one step every `interval` milliseconds at `speed` 1, while it is `playing`.
const SPEEDS = { 0.5: "½ ×", 1: "1 ×", 2: "2 ×" };

function set(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

// one clock for a model, however often it is shown
function initialize({ model }) {
  let timer = null;

  function go() {
    const [value, min, max] = ["value", "min", "max"].map((name) => model.get(name));
    if (value < max) set(model, { value: value + model.get("step") });
    else if (model.get("repeat")) set(model, { value: min });
    else set(model, { playing: false });
  }

  function wind() {
    clearInterval(timer);
    if (!model.get("playing")) return;
    // at the end, it begins again
    if (model.get("value") >= model.get("max")) set(model, { value: model.get("min") });
    timer = setInterval(go, model.get("interval") / model.get("speed"));
  }

  model.on("change:playing", wind);
  model.on("change:interval change:speed", wind);
  wind();
  return () => clearInterval(timer);
}

function render({ model, el }) {
  const button = (flip) => {
    const made = document.createElement("button");
    made.className = "jupyter-button cnnbook-icon";
    made.dataset.lmSuppressShortcuts = "true"; // Notebook 7 takes keys before they are here
    made.append(document.createElement("i"), "");
    made.addEventListener("click", () => set(model, { [flip]: !model.get(flip) }));
    made.addEventListener("keydown", (event) => {
      if (event.key !== "Tab") event.stopPropagation(); // else JupyterLab takes the keys
    });
    return made;
  };
  const name = (made, words, icon) => {
    made.title = made.lastChild.data = words;
    made.firstChild.className = `fa fa-${icon}`;
  };
  const play = button("playing");
  const repeat = button("repeat");
  const speed = document.createElement("select");
  speed.className = "cnnbook-speed";
  speed.title = "Speed";
  speed.setAttribute("aria-label", "Speed");
  speed.dataset.lmSuppressShortcuts = "true";
  for (const [value, words] of Object.entries(SPEEDS)) speed.add(new Option(words, value));
  speed.addEventListener("change", () => set(model, { speed: Number(speed.value) }));
  speed.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") event.stopPropagation();
  });
  el.style.display = "flex";
  el.append(play, repeat, speed);

  function show() {
    const playing = model.get("playing");
    name(play, playing ? "Stop" : "Play", playing ? "stop" : "play");
    name(repeat, "Repeat", "retweet");
    repeat.setAttribute("aria-pressed", model.get("repeat"));
    repeat.classList.toggle("mod-active", model.get("repeat"));
    speed.value = model.get("speed");
    play.disabled = repeat.disabled = model.get("disabled");
  }

  model.on("change", show);
  show();
  return () => model.off("change", show);
}

export default { initialize, render };
