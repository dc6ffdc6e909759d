"use strict";
const start = JSON.parse(document.getElementById("start").textContent);
const state = { logits: [...start.logits], temperature: start.temperature, target: start.target };
const rows = [...document.querySelectorAll(".row[data-index]")];
const temperatureSlider = document.getElementById("temperature");
const temperatureField = document.getElementById("exact-temperature");

// The arithmetic of the library: the largest exponential is 1 and stays out of the sum, so a small loss keeps its digits.
function steps(logits, temperature, target) {
  const largest = Math.max(...logits);
  const shifted = logits.map((logit) => (logit - largest) / temperature);
  const exponentials = shifted.map(Math.exp);
  const top = logits.indexOf(largest);
  const sumWithout = (values, left) => values.reduce((sum, value, i) => (i === left ? sum : sum + value), 0);
  const rest = sumWithout(exponentials, top);
  const probabilities = exponentials.map((value) => value / (1 + rest));
  const gradient = probabilities.map((p, i) => (i === target ? -sumWithout(probabilities, target) : p));
  const gap = 0 - shifted[target];
  return { exponentials, total: 1 + rest, rest, probabilities, gradient, gap, loss: gap + Math.log1p(rest) };
}

function number(value) {
  const size = Math.abs(value);
  if (value === 0 || (size >= 5e-5 && size < 1e5)) return value.toFixed(size < 1000 ? 4 : 1);
  return value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2");
}

function advice(slope) {
  return slope === 0 ? "leave" : slope < 0 ? "raise" : "lower";
}

function write(parent, cell, words) {
  parent.querySelector(`[data-cell="${cell}"]`).textContent = words;
}

function showRow(row, i, seen) {
  row.classList.toggle("right", i === state.target);
  row.style.setProperty("--p", seen.probabilities[i]);
  row.style.setProperty("--g", seen.gradient[i]);
  write(row, "exponential", number(seen.exponentials[i]));
  write(row, "probability", number(seen.probabilities[i]));
  write(row, "gradient", number(seen.gradient[i]));
  write(row, "advice", advice(seen.gradient[i]));
}

function showLoss(seen) {
  const probability = seen.probabilities[state.target];
  write(document, "total", number(seen.total));
  write(document, "loss", number(seen.loss));
  write(document, "loss-again", number(seen.loss));
  write(document, "gap", number(seen.gap));
  write(document, "rest", number(seen.rest));
  write(document, "target-name", start.names[state.target]);
  write(document, "target-probability", number(probability));
  const [left, top, width, height] = start.frame;
  const x = left + probability * width;
  const y = top + (1 - Math.min(seen.loss, 5) / 5) * height;
  document.getElementById("guide").setAttribute("d", `M${x} ${top + height}L${x} ${y}`);
  document.getElementById("point").setAttribute("cx", x);
  document.getElementById("point").setAttribute("cy", y);
}

function showCompared() {
  const lines = [...document.querySelectorAll("#compared tbody tr")];
  const losses = document.querySelectorAll("#compared tfoot td");
  start.compared.forEach((temperature, column) => {
    const seen = steps(state.logits, temperature, state.target);
    lines.forEach((line, i) => (line.cells[column + 1].textContent = number(seen.probabilities[i])));
    losses[column].textContent = number(seen.loss);
  });
}

function show() {
  const seen = steps(state.logits, state.temperature, state.target);
  rows.forEach((row, i) => showRow(row, i, seen));
  showLoss(seen);
  showCompared();
}

function say() {
  const seen = steps(state.logits, state.temperature, state.target);
  const words = seen.probabilities.map((p, i) => `${start.names[i]} ${number(p)}`).join(", ");
  document.getElementById("status").textContent = `Probabilities: ${words}. Loss ${number(seen.loss)}.`;
}

function setControls() {
  rows.forEach((row, i) => {
    const [slider, field] = row.querySelectorAll(".logit input");
    slider.value = field.value = state.logits[i];
    row.querySelector("[type=radio]").checked = i === state.target;
  });
  temperatureSlider.value = Math.log10(state.temperature);
  temperatureField.value = state.temperature;
  temperatureSlider.setAttribute("aria-valuetext", number(state.temperature));
}

// The other control of the pair follows; a field that holds no valid number yet changes nothing.
function changeLogit(i, control, other) {
  if (control.value === "" || !control.validity.valid) return;
  state.logits[i] = Number(control.value);
  other.value = control.value;
  show();
}

function changeTemperature(value) {
  state.temperature = value;
  temperatureSlider.setAttribute("aria-valuetext", number(value));
  show();
}

rows.forEach((row, i) => {
  const [slider, field] = row.querySelectorAll(".logit input");
  slider.addEventListener("input", () => changeLogit(i, slider, field));
  field.addEventListener("input", () => changeLogit(i, field, slider));
  row.querySelector("[type=radio]").addEventListener("change", () => { state.target = i; show(); });
});
temperatureSlider.addEventListener("input", () => {
  const value = Number((10 ** Number(temperatureSlider.value)).toPrecision(3));
  temperatureField.value = value;
  changeTemperature(value);
});
temperatureField.addEventListener("input", () => {
  if (temperatureField.value === "" || !temperatureField.validity.valid) return;
  const value = Number(temperatureField.value);
  temperatureSlider.value = Math.log10(value);
  changeTemperature(value);
});
document.getElementById("reset").addEventListener("click", () => {
  Object.assign(state, { logits: [...start.logits], temperature: start.temperature, target: start.target });
  setControls();
  show();
  say();
});
document.addEventListener("change", say);
setControls();
show();
