"use strict";
const R = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const PAGE = 40, NEIGHBOURS = 3;
// Okabe and Ito's palette, which people with any kind of colour vision can tell apart.
const COLOURS = { quote: "#0072b2", official_statement: "#d55e00", expert_opinion: "#009e73",
  navigation_clutter: "#8a8a8a", other: "#b59f00" };

/** An element; texts are set as text, so nothing in an article is ever read as HTML. */
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "circle", "text", "rect", "title"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") element.addEventListener("click", value);
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.map((c) => (c instanceof Node ? c : String(c))));
  return element;
}
const number = (value, digits = 3) => (value === null ? "–" : value.toFixed(digits));
const signed = (value) => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(3);
const range = (f) => (f.low === null ? "" : `${number(f.low)} to ${number(f.high)}`);
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
function table(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((h) => make("th", { scope: "col" }, h)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell, i) =>
      make(i ? "td" : "th", i ? {} : { scope: "row" }, cell))))));
}
const bar = (share, colour) => make("span", { class: "bar" },
  make("i", { style: `width:${100 * share}%` + (colour ? `;background:${colour}` : "") }));
const tag = (label, what) => make("span", { class: "tag", style: `border-left:.5rem solid ${COLOURS[label] || "#cc79a7"}` },
  what ? `${what} ` : "", label);

// Every segment, with its number in the data and its place in its article.
const segments = R.articles.flatMap((article) => article.segments.map((s, place) => ({ ...s, article, place })));
segments.forEach((s, i) => { s.number = i; s.confidence = s.probabilities[R.labels.indexOf(s.predicted)]; });
const comparison = R.comparison || null;

function summary() {
  $("about").textContent = `${plural(R.data.segments, "segment")} in ${plural(R.data.articles, "article")}; ` +
    `nutgraf ${R.nutgraf_version}; intervals of 95 % from ${R.resamples} resamples of articles`;
  if (R.gates.length) {
    const checked = R.gates.filter((g) => g.passed !== null), failed = checked.filter((g) => !g.passed);
    const box = make("div", { class: failed.length ? "gates failed" : "gates" },
      make("b", {}, failed.length ? `${failed.length} of ${checked.length} gates failed` : `All ${checked.length} gates passed`));
    if (failed.length) box.append(make("ul", {}, ...failed.map((g) => make("li", {}, g.message))));
    box.append(make("details", {}, make("summary", {}, "All gates"),
      make("ul", {}, ...R.gates.map((g) => make("li", {}, `${g.passed === null ? "skipped" : g.passed ? "passed" : "FAILED"}: ${g.message}`)))));
    $("gates").append(box);
  }
  for (const [name, title] of Object.entries(R.headline)) {
    const figure = R.figures[name];
    const card = make("div", { class: "card" }, make("span", {}, title), make("b", {}, number(figure.value)),
      make("span", {}, range(figure)));
    if (comparison) {
      const d = comparison.differences[name];
      if (d.value === null) continue;
      const sure = d.low !== null && (d.low > 0 || d.high < 0);
      const better = d.value > 0 === !["ece", "brier", "aurc"].includes(name);
      card.append(make("span", { class: sure ? (better ? "good" : "bad") : "" },
        `${signed(d.value)} against the baseline` + (d.low === null ? "" : ` (${signed(d.low)} to ${signed(d.high)})`)));
    }
    $("cards").append(card);
  }
  if (comparison) {
    const test = comparison.mcnemar;
    $("comparison").append(make("h3", {}, `Against ${comparison.baseline}`), make("p", {},
      make("button", { class: "link", type: "button", on: () => show({ change: "fixed" }) }, `${plural(test.fixed, "segment")} fixed`), ", ",
      make("button", { class: "link", type: "button", on: () => show({ change: "broken" }) }, `${test.broken} broken`),
      `; McNemar's test with articles as units p = ${number(test.p, 4)}, with segments as units ${number(test.p_segments, 4)}`));
  }
}

function labels() {
  const cell = (label, key) => {
    const f = R.figures[`labels.${label}.${key}`];
    return make("span", {}, number(f.value), make("span", { class: "soft" }, f.low === null ? "" : ` ${range(f)}`));
  };
  $("label-table").append(table(["label", "precision", "recall", "F1", "segments"], R.labels.map((label, i) => [
    tag(label), cell(label, "precision"), cell(label, "recall"), cell(label, "f1"),
    R.confusion[i].reduce((a, b) => a + b, 0).toLocaleString("en")])));
}

function heatMap() {
  $("heat-map").append(table(["true \\ predicted", ...R.labels], R.labels.map((gold, i) => {
    const total = R.confusion[i].reduce((a, b) => a + b, 0);
    return [gold, ...R.labels.map((predicted, j) => {
      const count = R.confusion[i][j], share = total ? count / total : 0;
      const colour = i === j ? `rgba(0,114,178,${share})` : `rgba(213,94,0,${Math.min(1, 2 * share)})`;
      const dark = i === j ? share > 0.55 : share > 0.4;
      return make("button", { type: "button", style: `background:${colour};color:${dark ? "#fff" : "#1b1b1b"}`,
        "aria-label": `${plural(count, "segment")} of ${gold} predicted as ${predicted}`,
        title: `${(100 * share).toFixed(1)} % of ${gold}`,
        on: () => show({ gold, predicted, only: "all" }) }, count.toLocaleString("en"));
    })];
  })));
}

/** Axes from 0 to 1 and lines through points of the unit square. */
function plot(title, caption, xTitle, yTitle, lines, top = 1) {
  const [w, h, left, bottom] = [320, 250, 44, 36];
  const x = (v) => left + v * (w - left - 8), y = (v) => h - bottom - (v / top) * (h - bottom - 10);
  const svg = make("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": title });
  for (let t = 0; t <= 4; t++) {
    const v = t / 4;
    svg.append(make("line", { x1: x(0), x2: x(1), y1: y(v * top), y2: y(v * top), stroke: "#e3e3e0" }),
      make("text", { x: x(0) - 6, y: y(v * top) + 4, "text-anchor": "end" }, +(v * top).toFixed(3)),
      make("text", { x: x(v), y: h - bottom + 15, "text-anchor": "middle" }, v));
  }
  svg.append(make("text", { x: x(0.5), y: h - 4, "text-anchor": "middle" }, xTitle),
    make("text", { x: 10, y: y(top / 2), "text-anchor": "middle", transform: `rotate(-90 10 ${y(top / 2)})` }, yTitle));
  for (const { points, colour, dash, dots } of lines) {
    svg.append(make("path", { d: points.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join(""),
      fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }));
    for (const p of dots ? points : []) svg.append(make("circle", { cx: x(p[0]), cy: y(p[1]), r: 3.5, fill: colour },
      make("title", {}, `${number(p[0])}, ${number(p[1])}`)));
  }
  return make("figure", {}, make("h3", {}, title), svg, make("figcaption", {}, caption));
}

function plots() {
  const bins = (list) => list.map((b) => [b.confidence, b.accuracy]);
  const before = R.calibration.before;
  $("plots").append(
    plot("Reliability", `Blue: as served (temperature ${R.model.temperature}), calibration error ${number(R.figures.ece.value)}. ` +
      `Orange, dashed: before temperature scaling, ${number(before.ece)}. On the diagonal, a segment called ` +
      "80 % sure is right 80 % of the time.", "confidence", "accuracy", [
      { points: [[0, 0], [1, 1]], colour: "#bbb", dash: "2 4" },
      { points: bins(before.bins), colour: "#d55e00", dash: "6 4" },
      { points: bins(R.calibration.bins), colour: "#0072b2", dots: true }]),
    plot("Risk and coverage", `Error rate when only the most confident segments are kept; ` +
      `${(100 * R.figures.coverage_at_95.value).toFixed(0)} % can be kept at an accuracy of 95 %. Area under the curve ${number(R.figures.aurc.value)}.`,
    "share of segments kept", "error rate", [
      { points: R.risk_coverage.map((p) => [p.coverage, p.risk]), colour: "#0072b2" }],
    Math.max(0.04, Math.ceil(25 * Math.max(...R.risk_coverage.map((p) => p.risk))) / 25)));
}

function slices() {
  if (R.slices.some((s) => s.few)) $("few").textContent = `† marks slices with fewer than ${R.few} segments.`;
  const groups = new Map();
  R.slices.forEach((s, i) => groups.set(s.group, [...(groups.get(s.group) || []), { ...s, index: i }]));
  for (const [group, parts] of groups) {
    $("slice-tables").append(make("details", parts.length > 12 ? {} : { open: "" }, make("summary", {}, make("b", {}, group)),
      make("div", { class: "wide" }, table(["", "accuracy", "", "95 % interval", "macro-F1 of its labels", "segments", "articles"], parts.map((p) => [
        make("button", { class: "link", type: "button", on: () => show({ slice: String(p.index) }) }, p.name + (p.few ? " †" : "")),
        number(p.accuracy.value), bar(p.accuracy.value), range(p.accuracy), number(p.macro_f1.value),
        p.segments.toLocaleString("en"), p.articles])))));
  }
}

function behaviour() {
  if (!R.behaviour) { $("behaviour").hidden = true; return; }
  const { rates, cases } = R.behaviour;
  const passed = cases.filter((c) => c.passed).length;
  $("cases").append(make("p", {}, `${passed} of ${cases.length} passed.`),
    make("div", { class: "wide" }, table(["capability", "kind", "passed", ""], rates.map((r) =>
      [r.capability, r.kind, `${r.passed} of ${r.cases}`, bar(r.passed / r.cases)]))));
  const failed = cases.filter((c) => !c.passed);
  if (failed.length) $("cases").append(make("details", {}, make("summary", {}, plural(failed.length, "failed case")),
    make("ul", {}, ...failed.map((c) => make("li", {}, make("b", {}, c.name), ` (${c.capability}): `, c.explanation)))));
}

/** Articles that were asked for by name, segment by segment. */
function seed() {
  for (const article of R.seed || []) {
    $("behaviour").after(make("section", { class: "seed" },
      make("h2", {}, `${article.id}: ${article.right} of ${article.segments.length} right`),
      make("p", {}, `With every segment cut once more at a random word, ${(100 * article.right_when_cut).toFixed(1)} % are right (20 random cuts).`),
      make("div", {}, ...article.segments.map((s) => make("p", { class: "text" }, tag(s.label, "true"),
        tag(s.predicted, `${s.label === s.predicted ? "right," : "WRONG,"} predicted ${number(s.probability, 2)}`), s.text)))));
  }
}

const FILTERS = { only: "wrong", gold: "", predicted: "", slice: "", least: "0", most: "1", change: "", text: "" };
let shown = PAGE;

function filters() {
  const select = (key, title, options) => make("label", {}, title,
    make("select", { name: key }, ...options.map((o) => (o instanceof Node ? o : make("option", { value: o[0] }, o[1])))));
  const field = (key, title, attributes) => make("label", {}, title, make("input", { name: key, ...attributes }));
  const labelled = [["", "any"], ...R.labels.map((l) => [l, l])];
  const groups = [...new Set(R.slices.map((s) => s.group))].map((group) => make("optgroup", { label: group },
    ...R.slices.flatMap((s, i) => (s.group === group ? [make("option", { value: i }, s.name)] : []))));
  $("filters").append(
    select("only", "Show", [["wrong", "errors"], ["right", "right answers"], ["all", "all segments"]]),
    select("gold", "True label", labelled), select("predicted", "Predicted", labelled),
    select("slice", "Slice", [["", "any"], ...groups]),
    field("least", "Confidence from", { type: "number", min: 0, max: 1, step: 0.05 }),
    field("most", "to", { type: "number", min: 0, max: 1, step: 0.05 }));
  if (comparison) $("filters").append(select("change", "Against the baseline", [["", "any"], ["fixed", "fixed"], ["broken", "broken"]]));
  $("filters").append(field("text", "Text contains", { type: "search" }),
    make("button", { type: "button", id: "reset", on: () => show({}, false) }, "Reset filters"));
  // Drivers of browsers, and some browsers, tell of a choice in a select by "change" alone.
  for (const event of ["input", "change"])
    $("filters").addEventListener(event, () => { shown = PAGE; remember(); list(); });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", () => { shown += PAGE; list(); });
}
const chosen = () => Object.fromEntries(Object.entries(FILTERS).map(([key, value]) =>
  [key, $("filters").elements[key] ? $("filters").elements[key].value : value]));

/** Keep the filters in the address, so that a view can be sent to somebody. */
function remember() {
  const changed = Object.entries(chosen()).filter(([key, value]) => value !== FILTERS[key]);
  history.replaceState(null, "", "#browser" + (changed.length ? "?" + new URLSearchParams(changed) : ""));
}
function set(values) {
  for (const [key, value] of Object.entries({ ...FILTERS, ...values }))
    if ($("filters").elements[key]) $("filters").elements[key].value = value;
}
/** Set the filters, and go to the list unless told not to. */
function show(values, go = true) {
  set("change" in values ? { only: "all", ...values } : values);
  shown = PAGE;
  remember();
  list();
  if (go) {
    $("browser").scrollIntoView();
    $("filters").elements.only.focus({ preventScroll: true });
  }
}

function matching() {
  const f = chosen();
  const inside = f.slice === "" ? null : new Set(R.members[+f.slice]);
  const changed = f.change && comparison ? new Set(comparison[f.change]) : null;
  const words = f.text.toLowerCase();
  return segments.filter((s) => (f.only === "all" || (s.label === s.predicted) === (f.only === "right")) &&
    (!f.gold || s.label === f.gold) && (!f.predicted || s.predicted === f.predicted) &&
    (!inside || inside.has(s.number)) && (!changed || changed.has(s.number)) &&
    s.confidence >= +f.least && s.confidence <= (f.most === "" ? 1 : +f.most) + 1e-9 &&
    (!words || s.text.toLowerCase().includes(words)))
    .sort((a, b) => b.confidence - a.confidence);
}

function list() {
  const found = matching();
  $("found").textContent = plural(found.length, "segment") + (found.length ? ", the most confident first" : "");
  $("segments").replaceChildren(...found.slice(0, shown).map(item));
  $("more").hidden = found.length <= shown;
}

function item(s) {
  const text = s.text.length > 220 ? s.text.slice(0, 219) + "…" : s.text;
  const details = make("details", {}, make("summary", {}, tag(s.label, "true"), tag(s.predicted, `predicted ${number(s.confidence, 2)}`),
    make("span", { class: "text" }, text)));
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(inArticle(s)); });
  return make("li", {}, details);
}

function inArticle(s, neighbours = NEIGHBOURS) {
  const box = make("div", {}, make("div", { class: "soft" }, `${s.article.title ? `${s.article.title} (${s.article.id})` : s.article.id}, ` +
    `segment ${s.place + 1} of ${s.article.segments.length}`));
  box.append(make("div", { class: "probabilities" }, ...R.labels.flatMap((label, i) => [
    make("span", {}, label), bar(s.probabilities[i], COLOURS[label]), make("span", {}, number(s.probabilities[i]))])));
  const context = make("div", { class: "context" });
  s.article.segments.forEach((other, place) => {
    if (Math.abs(place - s.place) > neighbours) return;
    const line = make("div", place === s.place ? { class: "this" } : {}, tag(other.label));
    if (other.predicted !== other.label) line.append(tag(other.predicted, "predicted"));
    line.append(make("span", { class: "text" }, other.text));
    context.append(line);
  });
  box.append(context);
  if (s.article.segments.length > context.children.length)
    box.append(make("button", { type: "button", on: () => box.replaceWith(inArticle(s, Infinity)) }, "Show the whole article"));
  return box;
}

/** Take the filters from the address; a plain anchor is left to the browser. */
function fromAddress() {
  const [, query] = location.hash.split("?");
  if (query === undefined) return;
  set(Object.fromEntries(new URLSearchParams(query)));
  $("browser").scrollIntoView();
}

summary(); labels(); heatMap(); plots(); slices(); behaviour(); seed(); filters(); set({}); fromAddress(); list();
addEventListener("hashchange", () => { fromAddress(); list(); });
