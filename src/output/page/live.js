/** What only a page has that is served: it follows the documents and the systems, and shows events of a channel when asked. */
const LIVE = JSON.parse($("live").textContent);
const KEPT = "eddy-kept", MOST_EVENTS = 200;
let speeds = new Map(), arriving = new Map(), pulse = null, tail = null;

const perSecond = (rate) => (rate >= 99.5 ? Math.round(rate).toLocaleString("en") : rate >= 9.95 ? rate.toFixed(0) : rate > 0 && rate < 0.05 ? "< 0.1" : rate.toFixed(1));
const rateWords = ({ rate, others }) => (rate === null ? "" : `${perSecond(rate)}/s${others ? ` with ${others} other${others > 1 ? "s" : ""}` : ""}`);
const lagWords = ({ lag }) => (lag === null ? "" : `lag ${lag.toLocaleString("en")}`);
const bothWords = (speed) => (speed ? [rateWords(speed), lagWords(speed)].filter(Boolean).join(", ") : "");

live.words = (edge) => bothWords(speeds.get(edge));
live.cell = (node) => { const speed = arriving.get(node); return speed ? rateWords(speed) : ""; };
live.details = (node) => {
  const parts = [];
  if (arriving.has(node)) parts.push(html("p", { class: "speed" }, `${rateWords(arriving.get(node))} come in`));
  if (LIVE.tails && !isService(node)) parts.push(html("button", { type: "button", id: "tail-button", onclick: () => openTail(N.id[node], label(node)) }, "Show events"));
  return parts;
};

/** Somewhere on the way of an arrow, from 0 to 1; across the gap that it leaves by. */
const pointOf = ({ points: [x, y, toX, toY] }, at) => {
  const middle = (x + toX) / 2, mix = (a, b, c, d) => a * (1 - at) ** 3 + 3 * b * at * (1 - at) ** 2 + 3 * c * at * at * (1 - at) + d * at ** 3;
  return [mix(x, middle, middle, toX), mix(y, y, toY, toY)];
};
/** Writes rates and lags beside their arrows; of two that would cover each other the slower one is left to the arrow's title. */
const drawSpeeds = (view) => {
  const world = document.querySelector("#stage > svg > g");
  world?.querySelector(".speeds")?.remove();
  if (!world || view.big) return;
  const group = svgElement("g", { class: "speeds", "aria-hidden": "true" }), taken = view.boxes.map(({ x, y, w, h }) => [x, y, x + w, y + h]);
  const said = view.arrows.filter((arrow) => speeds.has(arrow.edge) && !arrowDims(arrow) && !arrowGone(arrow)).map((arrow) => ({ arrow, speed: speeds.get(arrow.edge) }));
  for (const { arrow, speed } of said.sort((one, other) => (other.speed.lag ?? 0) - (one.speed.lag ?? 0) || (other.speed.rate ?? 0) - (one.speed.rate ?? 0))) {
    const words = [speed.rate !== null && `${perSecond(speed.rate)}/s${speed.others ? "*" : ""}`, speed.lag > 0 && `lag ${speed.lag.toLocaleString("en")}`].filter(Boolean).join(" · ");
    const half = words.length * 2.9 + 4;
    const place = words && [0.5, 0.35, 0.65, 0.22, 0.78].map((at) => pointOf(arrow, at)).find(([x, y]) => taken.every(([left, top, right, bottom]) => x + half < left || x - half > right || y + 8 < top || y - 8 > bottom));
    if (!place) continue;
    const [x, y] = place;
    taken.push([x - half, y - 8, x + half, y + 8]);
    group.append(svgElement("rect", { x: x - half, y: y - 8, width: 2 * half, height: 16, rx: 8 }), svgElement("text", { class: speed.lag > 0 ? "lag" : "rate", x, y: y + 3.5, "text-anchor": "middle" }, words));
  }
  world.append(group);
};
live.drawn = (view) => {
  drawSpeeds(view);
  for (const group of document.querySelectorAll("#stage [data-edge]")) if (+group.dataset.edge >= 0) group.querySelector("title").textContent = edgeWords(+group.dataset.edge);
};

const status = html("p", { id: "pulse", role: "status" });
document.querySelector(".name").append(status);
const sayPulse = (words, isLost) => { status.textContent = words; status.classList.toggle("lost", isLost); };

/** Takes the page anew and comes back to the same place of it. */
const renew = () => {
  sessionStorage.setItem(KEPT, JSON.stringify({ transform, filters: state.filters, view: state.view, size: [scene().width, scene().height], tail: tail && [tail.id, tail.name] }));
  location.reload();
};
const comeBack = () => {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (!kept) return;
  if (kept.filters) { state.filters = true; refresh(); }
  if (kept.view === state.view && kept.size[0] === scene().width && kept.size[1] === scene().height) setTransform(kept.transform);
  if (kept.tail && byId.has(kept.tail[0])) openTail(...kept.tail);
};

const onSpeeds = ({ edges, channels, silent }) => {
  speeds = new Map(edges.map(([edge, rate, others, lag]) => [edge, { rate, others, lag }]));
  arriving = new Map(channels.map(([node, rate, others]) => [node, { rate, others }]));
  document.documentElement.dataset.looks = String(+(document.documentElement.dataset.looks ?? 0) + 1);
  sayPulse(silent.length ? `not reached: ${silent.join("; ")}` : `live · asked every ${LIVE.every} s`, silent.length > 0);
  if (document.activeElement?.closest?.("#details") === null || !document.activeElement) drawDetails($("details"), actions);
  if (state.table) drawTable($("table"), actions.go);
  live.drawn(scene());
};
const listen = () => {
  pulse = new EventSource("pulse");
  pulse.addEventListener("version", (event) => { if (event.data === LIVE.version) sayPulse("live", false); else renew(); });
  pulse.addEventListener("speeds", (event) => onSpeeds(JSON.parse(event.data)));
  pulse.addEventListener("fine", () => sayPulse("live", false));
  pulse.addEventListener("problem", (event) => sayPulse(event.data, true));
  pulse.addEventListener("error", () => sayPulse("not connected: is `eddy serve` still running?", true));
};

const closeTail = () => { tail?.source.close(); tail?.host.remove(); tail = null; };
const eventRow = ({ time, channel, key, headers, payload, note }) => html("li", {},
  html("div", { class: "quiet" }, html("time", {}, time), ` ${channel}`, key !== null && ` · key ${key}`, note && ` · ${note}`),
  headers.length > 0 && html("dl", {}, ...headers.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value ?? "null")])),
  html("pre", {}, payload ?? "null"));
const openTail = (id, name) => {
  closeTail();
  const list = html("ol", { id: "tail-events", "aria-label": "Events, the newest first" }), words = html("span", { class: "quiet", role: "status" }, "connecting");
  const host = html("section", { id: "tail", "aria-label": `Events of ${name}` }, html("div", { class: "row" }, html("h2", {}, name), words, html("button", { type: "button", id: "tail-close", onclick: closeTail }, "Close")), list);
  $("table").after(host);
  const source = new EventSource(`tail?${new URLSearchParams({ channel: id })}`);
  let count = 0, left = 0;
  const say = () => { words.textContent = `${count ? counted(count, "event") : "listening: no event yet"}${left ? `, ${left.toLocaleString("en")} more went by too fast to show` : ""}`; };
  source.addEventListener("listening", say);
  source.addEventListener("event", (event) => {
    count++;
    list.prepend(eventRow(JSON.parse(event.data)));
    while (list.children.length > MOST_EVENTS) list.lastChild.remove();
    say();
  });
  source.addEventListener("left", (event) => { left += +event.data; say(); });
  source.addEventListener("trouble", (event) => { words.textContent = event.data; source.close(); });
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) words.textContent = "the events are not shown: the connection was refused"; });
  tail = { id, name, host, source };
};

listen();
comeBack();
addEventListener("pagehide", () => { pulse.close(); tail?.source.close(); });
