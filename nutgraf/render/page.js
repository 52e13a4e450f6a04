"use strict";
const $ = (id) => document.getElementById(id);
const name = (element) => element.querySelector("bdi").textContent;
const segments = [...document.querySelectorAll(".nutgraf-segment")].map((element) => ({
  element, label: name(element), probability: Number(element.querySelector(".nutgraf-label b").textContent),
}));
const buttons = [...document.querySelectorAll(".filter button[class]")];
const chosen = new Set();
let onlyUnsure = false;

/** Show the state of the filter on every segment and control. With no label chosen, all are. */
function update() {
  const least = Number($("least").value);
  let unsure = 0, shown = 0;
  for (const { element, label, probability } of segments) {
    const doubtful = probability < least;
    const out = (chosen.size > 0 && !chosen.has(label)) || (onlyUnsure && !doubtful);
    element.classList.toggle("unsure", doubtful);
    element.classList.toggle("dim", out);
    element.hidden = out && $("hide").checked;
    unsure += doubtful;
    shown += !out;
  }
  for (const button of buttons) button.ariaPressed = chosen.has(name(button));
  $("all").ariaPressed = chosen.size === 0 && !onlyUnsure;
  $("unsure").ariaPressed = onlyUnsure;
  $("unsure").querySelector("b").textContent = unsure;
  $("level").textContent = least.toFixed(2);
  $("shown").textContent = `${shown} of ${segments.length} shown`;
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    if (!chosen.delete(name(button))) chosen.add(name(button));
    update();
  });
}
$("all").addEventListener("click", () => { chosen.clear(); onlyUnsure = false; update(); });
$("unsure").addEventListener("click", () => { onlyUnsure = !onlyUnsure; update(); });
$("least").addEventListener("input", update);
$("hide").addEventListener("change", update);

// Escape puts the tooltip away until something else is pointed at or focused.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.body.classList.add("quiet");
});
for (const kind of ["focusin", "pointerover"]) {
  document.addEventListener(kind, () => document.body.classList.remove("quiet"));
}
update();
