// The ten scores of Glass LeNet, or their gradients, as bars.
import lenet from "./lenet.js";
import glassPicture from "./glass_picture.js";
import glassWords from "./glass_words.js";
const { element } = glassPicture;
const { largest, percent, written } = glassWords;

/** Build a heading and ten rows; return the rows. */
function build(box) {
  const rows = Array.from({ length: 11 }, () => element("div", { class: "score" }, box));
  rows.forEach((row, n) => (row.dataset.score = n - 1));
  rows[0].className = "score heads";
  delete rows[0].dataset.score;
  return rows.slice(1);
}

/**
 * Show a bar for each score. A thin bar is the `shares` of a unit in it, if there are any; a line
 * stands where the score of the given network on the drawing was.
 */
function show(rows, { run, plain, back, shares }) {
  const { scores } = run.values;
  const [softmax, read] = [lenet.softmax(scores), largest(scores)];
  const values = back ? back.values.scores : scores;
  const lines = back ? [] : plain.values.scores;
  const all = [0, ...values, ...lines, ...(shares ?? [])];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const across = (value) => (100 * (value - least)) / (most - least || 1);
  const bar = (tag, value, role) => {
    const [left, right] = [across(Math.min(value, 0)), across(Math.max(value, 0))];
    const look = `left:${left}%;width:${right - left}%;background:var(--cnn-${role})`;
    return `<${tag} style="${look}"></${tag}>`;
  };
  const head = rows[0].previousSibling;
  const words = back ? "gradient" : shares ? "share" : "score";
  head.innerHTML = `<b>scores</b><span class="m">${words}</span><span class="m">softmax</span>`;
  rows.forEach((row, n) => {
    const role = values[n] < 0 ? "negative" : back ? "gradient" : "output";
    const thin = shares ? bar("u", shares[n], "ink") : "";
    const line = back ? "" : `<s style="left:${across(lines[n])}%"></s>`;
    row.classList.toggle("best", n === read);
    row.innerHTML =
      `<b>${n}</b><span class="track">${bar("i", values[n], role)}${thin}${line}</span>` +
      `<span class="m">${written((shares ?? values)[n], 2, true)}</span>` +
      `<span class="m">${percent(softmax[n])}</span>`;
  });
}

export default { build, show };
