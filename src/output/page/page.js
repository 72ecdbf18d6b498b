const $ = (id) => document.getElementById(id);
const stage = $("stage"), canvas = $("canvas");
const painters = { svg: svgPainter(stage), canvas: canvasPainter(canvas) };
let painter = null, mounted = null, transform = { x: 0, y: 0, k: 1 }, found = new Set();

const setTransform = (next) => { transform = next; painter?.move(transform); };
const zoomAt = (x, y, factor) => {
  const k = Math.min(8, Math.max(0.01, transform.k * factor)), ratio = k / transform.k;
  setTransform({ k, x: x - (x - transform.x) * ratio, y: y - (y - transform.y) * ratio });
};
const zoomBy = (factor) => zoomAt(stage.clientWidth / 2, stage.clientHeight / 2, factor);
/** The narrowest at which names can be read. */
const READABLE = 0.4;
/** Shows these boxes wholly, or the whole picture. */
const fit = (boxes) => {
  const view = scene(), list = boxes?.length ? boxes : null;
  const left = list ? Math.min(...list.map((box) => box.x)) : 0, right = list ? Math.max(...list.map((box) => box.x + box.w)) : view.width;
  const top = list ? Math.min(...list.map((box) => box.y)) : view.top - 40, bottom = list ? Math.max(...list.map((box) => box.y + box.h)) : view.height;
  const width = stage.clientWidth, height = stage.clientHeight - 48;
  const k = Math.min(list ? 1.2 : 1.4, (width - 24) / (right - left + (list ? 80 : 0)), (height - 16) / (bottom - top + (list ? 80 : 0)));
  setTransform({ k, x: (width - (left + right) * k) / 2, y: (height - (top + bottom) * k) / 2 });
};
/** Shows what is shown wholly if it can be read then, else what is open, else its beginning. */
const fitShown = () => {
  const view = scene();
  fit(shown.isAll || view.isPart ? null : view.boxes.filter((box) => box.node >= 0 && shown.nodes[box.node]).slice(0, 2000));
  if (transform.k >= READABLE) return;
  const open = state.focus >= 0 && view.boxes.find((box) => box.node === state.focus);
  if (open) return setTransform({ k: 0.7, x: stage.clientWidth / 2 - (open.x + open.w / 2) * 0.7, y: stage.clientHeight / 2 - (open.y + open.h / 2) * 0.7 });
  if (!(shown.isAll || view.isPart)) return;
  const across = (stage.clientWidth - 24) / view.width, down = (stage.clientHeight - 64) / (view.height - view.top + 40);
  const k = Math.min(1, Math.max(across, down, READABLE));
  setTransform({ k, x: Math.max(12, (stage.clientWidth - view.width * k) / 2), y: 12 - (view.top - 40) * k });
};

const counted = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
const say = () => {
  let services = 0, channels = 0;
  for (let node = 0; node < nodeCount; node++) if (shown.nodes[node]) { if (isService(node)) services++; else channels++; }
  const all = shown.isAll ? "" : ` of ${counted(nodeCount, "node")}`;
  const way = state.from >= 0 && state.to >= 0 && !shown.hasWay ? ` · no way leads from ${label(state.from)} to ${label(state.to)}` : "";
  $("counts").textContent = `${counted(services, "service")}, ${counted(channels, "channel")}, ${counted(shown.edgeCount, "connection")}${all}${way}`;
};

/** Brings everything in step with the state. */
const refresh = ({ keepHash = false, fits = false } = {}) => {
  choose();
  chooseScene();
  const view = scene();
  drawDetails($("details"), actions);
  $("table").hidden = !state.table;
  $("table-button").setAttribute("aria-pressed", state.table);
  if (state.table) drawTable($("table"), actions.go);
  $("filters").hidden = !state.filters;
  $("filters-button").setAttribute("aria-expanded", state.filters);
  if (mounted !== view) {
    const next = view.big ? painters.canvas : painters.svg;
    if (painter !== next) painter?.remove();
    painter = next;
    painter.mount(view);
    mounted = view;
    fits = true;
  }
  found = new Set(state.query ? search(state.query, nodeCount) : []);
  painter.update(found);
  if (fits) fitShown(); else painter.move(transform);
  live.drawn(view);
  say();
  for (const button of $("views").children) button.setAttribute("aria-pressed", button.dataset.view === state.view);
  syncFilters();
  drawLegend(view);
  if (!keepHash) history.replaceState(null, "", `#${toHash()}`);
};

const reveal = (node) => {
  const box = scene().boxes.find((one) => one.node === node);
  if (!box) return;
  const x = (box.x + box.w / 2) * transform.k + transform.x, y = (box.y + box.h / 2) * transform.k + transform.y;
  if (transform.k < 0.5 || x < 40 || y < 40 || x > stage.clientWidth - 40 || y > stage.clientHeight - 60) fitShown();
};
const actions = {
  go: (node) => { if (state.view === "overview") state.view = D.views.flow ? "flow" : "columns"; Object.assign(state, { focus: node, from: -1, to: -1 }); refresh(); reveal(node); },
  depth: (depth) => { state.depth = depth; refresh(); $("details").querySelector("input")?.focus(); },
  end: (which, node) => { state[which] = node; if (state.from >= 0 && state.to >= 0) state.focus = -1; state.filters = true; refresh({ fits: state.from >= 0 && state.to >= 0 }); },
  close: () => { state.focus = -1; refresh(); },
  domain: (domain) => { Object.assign(state, { view: "columns", domain: String(domain) }); refresh({ fits: true }); },
};

const drawLegend = (view) => {
  const entries = view.name === "overview" ? [["domain", "domain"], ["line sends", "channels, the more the wider"]] : [["service", "service"], ["channel", "channel"], ["missing", "one end missing"], ["line sends", "sends"], ["line receives", "receives"]];
  if (view.arrows.some((arrow) => arrow.back)) entries.push(["line sends back", "closes a cycle"]);
  STYLES.forEach((style, verdict) => style && view.name !== "overview" && E.verdict?.includes(verdict) && entries.push([`line ${style}`, VERDICTS[verdict]]));
  if (hasChanges) entries.push(["line added", "added"], ["line removed", "removed"], ["line changed", "changed"]);
  $("legend").replaceChildren(...entries.map(([kind, words]) => html("span", {}, html("i", { class: kind }), words)));
};

const selects = {};
const buildFilters = () => {
  const host = $("filters");
  const select = (key, title, options) => {
    if (options.length < (key === "domain" || key === "owner" ? 1 : 2)) return;
    selects[key] = html("select", { id: `filter-${key}`, onchange: (event) => { state[key] = event.target.value; refresh({ fits: true }); } }, html("option", { value: "" }, "all"), ...options.map(([value, words]) => html("option", { value }, words)));
    host.append(html("label", {}, title, selects[key]));
  };
  const list = (texts) => texts.map((text, index) => [String(index), text || "(unnamed)"]);
  select("domain", "Domain", D.domains.length ? [...list(D.domains), ["-1", "no domain"]] : []);
  select("owner", "Owner", list(D.owners));
  select("protocol", "System", list(D.protocols));
  select("kind", "Kind", [["service", "services"], ["channel", "channels"], ...[2, 1, 3].filter((missing) => N.missing.includes(missing)).map((missing) => [MISSING[missing], `channels: ${MISSING[missing]}`])]);
  select("evidence", "Evidence", list(D.evidence));
  select("status", "Drift", VERDICTS.filter((words, verdict) => words && E.verdict?.includes(verdict)).map((words) => [words, words]));
  const ends = ["from", "to"].map((which) => {
    const names = html("datalist", { id: `names-${which}` });
    selects[which] = html("input", { id: `path-${which}`, list: names.id, autocomplete: "off", placeholder: "service or channel", oninput: (event) => names.replaceChildren(...search(event.target.value, 20).map((node) => html("option", { value: label(node) }))), onchange: (event) => { state[which] = event.target.value ? named(event.target.value) : -1; if (state.from >= 0 && state.to >= 0) state.focus = -1; refresh({ fits: true }); } });
    return html("label", {}, which === "from" ? "Way from" : "to", selects[which], names);
  });
  host.append(...ends);
  if (hasChanges) {
    selects.moment = html("input", { id: "filter-moment", type: "range", min: 0, max: 2, step: 1, oninput: (event) => { state.moment = +event.target.value; refresh(); } });
    host.append(html("label", {}, html("span", { id: "moment-words" }), selects.moment));
  }
  host.append(html("div", { class: "row" }, html("button", { id: "reset", type: "button", onclick: () => { Object.assign(state, NOTHING, { view: state.view, filters: true, table: state.table }); $("query").value = ""; refresh({ fits: true }); } }, "Show everything")));
};
const syncFilters = () => {
  for (const [key, element] of Object.entries(selects)) {
    if (key === "from" || key === "to") { if (document.activeElement !== element) element.value = state[key] >= 0 ? label(state[key]) : ""; } else element.value = state[key];
  }
  if (selects.moment) $("moment-words").textContent = `Moment: ${["before", "before and after", "after"][state.moment]}`;
};

const query = $("query"), list = $("found");
let chosen = -1;
const closeList = () => { list.hidden = true; query.setAttribute("aria-expanded", "false"); chosen = -1; };
const drawList = () => {
  const nodes = search(state.query, 12);
  chosen = -1;
  list.replaceChildren(...nodes.map((node, number) => html("li", { role: "option", id: `found-${number}`, "data-node": node, onpointerdown: (event) => { event.preventDefault(); closeList(); actions.go(node); } }, label(node), html("small", {}, isService(node) ? "service" : D.protocols[N.protocol[node]] ?? "channel"))));
  if (state.query && !nodes.length) list.append(html("li", { class: "quiet" }, "nothing is called so"));
  else if (nodes.length && shown.foundCount > nodes.length) list.append(html("li", { class: "quiet" }, `${(shown.foundCount - nodes.length).toLocaleString("en")} more`));
  list.hidden = !state.query;
  query.setAttribute("aria-expanded", String(!list.hidden));
};
query.addEventListener("input", () => { state.query = query.value; drawList(); refresh(); });
query.addEventListener("blur", closeList);
query.addEventListener("keydown", (event) => {
  const options = [...list.querySelectorAll("[data-node]")];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + options.length) % (options.length || 1);
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === chosen)));
    query.setAttribute("aria-activedescendant", options[chosen]?.id ?? "");
  } else if (event.key === "Enter" && options.length) { const node = +options[Math.max(0, chosen)].dataset.node; closeList(); query.blur(); actions.go(node); }
});

const boxAt = (event) => {
  const place = stage.getBoundingClientRect(), x = (event.clientX - place.left - transform.x) / transform.k, y = (event.clientY - place.top - transform.y) / transform.k;
  return scene().boxes.find((box) => !boxGone(box) && x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h);
};
const open = (box) => { if (box.node >= 0) actions.go(box.node); else actions.domain(D.views.overview.domains[box.domain]); };
const pointers = new Map();
let moved = 0;
stage.addEventListener("pointerdown", (event) => {
  if (event.target.closest("#zoom")) return;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  moved = 0;
});
stage.addEventListener("pointermove", (event) => {
  const tip = $("tip"), before = pointers.get(event.pointerId);
  if (!before) {
    const box = scene().big ? boxAt(event) : null;
    tip.hidden = !box;
    if (box) { const place = stage.getBoundingClientRect(); tip.textContent = box.node < 0 ? `${box.text}\n${box.small}` : nodeWords(box.node); tip.style.left = `${Math.min(event.clientX - place.left + 14, place.width - 280)}px`; tip.style.top = `${event.clientY - place.top + 14}px`; }
    return;
  }
  tip.hidden = true;
  const [x, y] = before, place = stage.getBoundingClientRect();
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  moved += Math.abs(event.clientX - x) + Math.abs(event.clientY - y);
  if (moved > 4 && !stage.hasPointerCapture(event.pointerId)) { stage.setPointerCapture(event.pointerId); stage.classList.add("pan"); }
  if (other) {
    const length = (px, py) => Math.hypot(px - other[0], py - other[1]) || 1;
    zoomAt((event.clientX + other[0]) / 2 - place.left, (event.clientY + other[1]) / 2 - place.top, length(event.clientX, event.clientY) / length(x, y));
  } else if (moved > 4) setTransform({ ...transform, x: transform.x + event.clientX - x, y: transform.y + event.clientY - y });
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
const release = (event) => {
  const isClick = pointers.delete(event.pointerId) && moved <= 4 && event.type === "pointerup";
  stage.classList.remove("pan");
  if (!isClick || event.target.closest("#zoom")) return;
  const box = boxAt(event);
  if (box) open(box); else if (state.focus >= 0) actions.close();
};
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const place = stage.getBoundingClientRect();
  zoomAt(event.clientX - place.left, event.clientY - place.top, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : event.deltaMode ? 0.05 : 0.0016)));
}, { passive: false });
stage.addEventListener("keydown", (event) => {
  const group = event.target.closest?.("[data-box]");
  if (group && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); open(scene().boxes[+group.dataset.box]); }
});

const KEYS = [["/", "search"], ["1 2 3", "columns, flow, overview"], ["+ − 0", "zoom in, zoom out, whole picture"], ["← ↑ → ↓", "move the picture"], ["Tab, Enter", "go to a box, open it"], ["[ ]", "show less or more around what is open"], ["f", "filters"], ["t", "table"], ["Esc", "close, one thing at a time"], ["?", "these keys"]];
const toggleHelp = () => ($("help").open ? $("help").close() : $("help").showModal());
const escape = () => {
  if (state.query) { state.query = query.value = ""; closeList(); query.blur(); }
  else if (state.focus >= 0) state.focus = -1;
  else if (state.from >= 0 || state.to >= 0) state.from = state.to = -1;
  else if (state.table) state.table = false;
  else if (state.filters) state.filters = false;
  refresh();
};
const setView = (name) => { if (D.views[name]) { state.view = name; refresh({ fits: true }); } };
const viewNames = ["columns", "flow", "overview"].filter((name) => D.views[name]);
const keys = {
  "/": () => { query.focus(); query.select(); }, "?": toggleHelp, Escape: escape, "0": () => fit(), "+": () => zoomBy(1.3), "=": () => zoomBy(1.3), "-": () => zoomBy(1 / 1.3),
  "1": () => setView("columns"), "2": () => setView("flow"), "3": () => setView("overview"),
  t: () => { state.table = !state.table; refresh(); }, f: () => { state.filters = !state.filters; refresh(); },
  "[": () => state.focus >= 0 && actions.depth(Math.max(1, state.depth - 1)), "]": () => state.focus >= 0 && actions.depth(Math.min(9, state.depth + 1)),
  ArrowLeft: () => setTransform({ ...transform, x: transform.x + 60 }), ArrowRight: () => setTransform({ ...transform, x: transform.x - 60 }),
  ArrowUp: () => setTransform({ ...transform, y: transform.y + 60 }), ArrowDown: () => setTransform({ ...transform, y: transform.y - 60 }),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target.closest?.("input, select") && event.key !== "Escape") return;
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

$("views").append(...viewNames.map((name) => html("button", { type: "button", "data-view": name, onclick: () => setView(name) }, name[0].toUpperCase() + name.slice(1))));
$("help").append(html("h2", {}, "Keys"), html("dl", {}, ...KEYS.flatMap(([key, words]) => [html("dt", {}, html("kbd", {}, key)), html("dd", {}, words)])), html("button", { type: "button", onclick: toggleHelp }, "Close"));
$("in").addEventListener("click", () => zoomBy(1.3));
$("out").addEventListener("click", () => zoomBy(1 / 1.3));
$("fit").addEventListener("click", () => fit());
$("help-button").addEventListener("click", toggleHelp);
$("table-button").addEventListener("click", keys.t);
$("filters-button").addEventListener("click", keys.f);
$("export").addEventListener("change", (event) => { if (event.target.value) download(event.target.value); event.target.value = ""; });
addEventListener("hashchange", () => { fromHash(location.hash); query.value = state.query; refresh({ keepHash: true, fits: true }); });
new ResizeObserver(() => painter?.move(transform)).observe(stage);

buildFilters();
fromHash(location.hash);
query.value = state.query;
refresh({ keepHash: true, fits: true });
document.documentElement.dataset.ready = String(Math.round(performance.now()));
