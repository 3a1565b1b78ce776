// Exercises whose answer is numbers are checked here; a prediction asks before its answer opens.
(() => {
const numbersOf = (text) => {
  const words = text.replaceAll("−", "-").replace(/[[\](),;]/g, " ").trim().split(/\s+/);
  const read = words.map((word) => {
    const [over, under = "1"] = word.split("/");
    return over && under ? Number(over) / Number(under) : NaN;
  });
  return read.every(Number.isFinite) ? read : null;
};
const like = (given, wanted) => given.length === wanted.length
  && given.every((v, n) => Math.abs(v - wanted[n]) <= 1e-3 * Math.max(1e-9, Math.abs(wanted[n])));

function exercise(form) {
  const { right, wrong, why } = JSON.parse(form.querySelector("script").textContent);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = numbersOf(form.elements.answer.value);
    const mistake = given && wrong.find(([, values]) => like(given, values));
    form.querySelector("output").textContent = !given ? "Type numbers, such as 0.5 or 3/4."
      : like(given, right) ? `✓ Right. ${why}`
      : given.length !== right.length ? `✗ The answer has ${right.length} numbers, you gave ${given.length}.`
      : `✗ Not right yet.${mistake ? ` Perhaps: ${mistake[0]}` : ""}`;
  });
}

function prediction(box) {
  const details = box.querySelector("details"), said = box.querySelector("output");
  const answer = box.dataset.answer;
  for (const button of box.querySelectorAll("button[type=button]")) {
    button.addEventListener("click", () => say(button.textContent));
  }
  box.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = event.target.elements.answer.value;
    numbersOf(text.replaceAll(",", "").replace("%", ""))?.length === 1 ? say(text) : (said.textContent = "Type a number, such as 0.5.");
  });
  function say(guess) {
    const number = (text) => numbersOf(text.replaceAll(",", "").replace("%", ""));
    const [a, b] = [number(guess), number(answer)];
    const same = a && b ? like(a, b) : guess === answer;
    said.textContent = same ? `Right: ${answer}.` : `You said ${guess}; it is ${answer}.`;
    details.open = true;
  }
}

addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".cnnbook-exercise form").forEach(exercise);
  document.querySelectorAll(".cnnbook-predict").forEach(prediction);
});
})();
