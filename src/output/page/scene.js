/** Boxes by their nodes: producers, channels, consumers. */
const boxColumns = (boxes) => {
  const columns = [new Map(), new Map(), new Map()], middle = boxes.find((box) => box.kind === "channel")?.x ?? Infinity;
  for (const box of boxes) columns[box.x < middle ? 0 : box.x === middle ? 1 : 2].set(box.node, box);
  return columns;
};
/** The arrows of columns, by how far below the tops of their boxes they end. */
const decodePorts = (ends, boxes, add) => {
  const columns = boxColumns(boxes);
  for (let edge = 0; edge < edgeCount; edge++) {
    const side = isService(E.from[edge]) ? 0 : 1, from = columns[side].get(E.from[edge]), to = columns[side + 1].get(E.to[edge]);
    add(edge, 0, [from.x + from.w, from.y + ends[2 * edge], to.x, to.y + ends[2 * edge + 1]]);
  }
};

/** Whether a picture is painted, for a page slows down by its elements. */
const isBig = (boxes, arrows) => boxes.length > D.svg || arrows.length > 6 * D.svg;

/** The boxes and arrows of a view; places come with the page. */
const decode = (name) => {
  const view = D.views[name], boxes = [], arrows = [];
  for (let at = 0; at < view.boxes.length; at += 5) {
    const [index, x, y, w, h] = view.boxes.slice(at, at + 5);
    if (view.texts) { boxes.push({ node: -1, domain: index, kind: "domain", x, y, w, h, text: view.texts[index][0], small: view.texts[index][1], missing: 0, change: 0 }); continue; }
    const kind = isService(index) ? "service" : "channel";
    boxes.push({ node: index, kind, x, y, w, h, text: N.short[index] ?? label(index), small: smallOf(index), missing: N.missing[index], change: N.change[index] });
  }
  const add = (edge, back, points, width = 0, words = null) => arrows.push({ edge, back, points, width, words, kind: edge < 0 || isService(E.from[edge]) ? "sends" : "receives", mark: markOf(edge) });
  if (view.ports) decodePorts(view.ports, boxes, add);
  const list = view.arrows ?? [];
  for (let at = 0, number = 0; at < list.length; number++) {
    const edge = list[at++], back = list[at++], count = list[at++], points = [];
    let x = 0, y = 0;
    for (let point = 0; point < count; point++) {
      x += list[at++];
      if (point === 0 || point % 2) y += list[at++];
      points.push(x, y);
    }
    if (!view.flows) { add(edge, back, points); continue; }
    const [from, to, channels] = view.flows[number];
    add(edge, back, points, Math.min(8, 1.3 + Math.log2(channels) * 0.9), `${channels} channel${channels === 1 ? "" : "s"} from ${view.texts[from][0]} to ${view.texts[to][0]}`);
  }
  return { name, width: view.size[0], height: view.size[1], top: view.top, frames: view.frames, heads: view.heads, inside: view.inside, boxes, arrows, big: isBig(boxes, arrows) };
};
const scenes = {};
const whole = (name) => (scenes[name] ??= decode(name));

/** Above so many boxes the columns of a part are set anew; below it the rest is only faded. */
const SET_ANEW = 80;
const GAP = 10, HEADING = 30, PADDING = 12, PORT = 7;

/** Boxes of one band that stay, in their columns from top to bottom. */
const stack = (boxes, top) => {
  const columns = new Map();
  for (const box of boxes) columns.set(box.x, [...(columns.get(box.x) ?? []), { ...box }]);
  const heightOf = (list) => list.reduce((sum, box) => sum + box.h + GAP, -GAP);
  const height = Math.max(...[...columns.values()].map(heightOf));
  for (const list of columns.values()) {
    let y = top + (height - heightOf(list)) / 2;
    for (const box of list.sort((left, right) => left.y - right.y)) { box.y = y; y += box.h + GAP; }
  }
  return { height, boxes: [...columns.values()].flat() };
};

/** Heights at which arrows meet their boxes: those of one box ordered by where they go. */
const ports = (arrows, own, other) => {
  const byBox = new Map();
  for (const arrow of arrows) byBox.set(own(arrow), [...(byBox.get(own(arrow)) ?? []), arrow]);
  const heights = new Map();
  for (const [box, list] of byBox) {
    list.sort((left, right) => other(left).y - other(right).y);
    const step = list.length > 1 ? Math.min(PORT, (box.h - 12) / (list.length - 1)) : 0;
    list.forEach((arrow, place) => heights.set(arrow, box.y + box.h / 2 + (place - (list.length - 1) / 2) * step));
  }
  return heights;
};

/** The columns of what is shown alone. */
const part = () => {
  const base = whole("columns"), middle = base.boxes.find((box) => box.kind === "channel")?.x ?? Infinity;
  const sends = new Uint8Array(nodeCount), receives = new Uint8Array(nodeCount);
  for (let edge = 0; edge < edgeCount; edge++) if (shown.edges[edge]) { sends[E.from[edge]] = 1; receives[E.to[edge]] = 1; }
  const stays = ({ node, x }) => shown.nodes[node] && (!isService(node) || (x < middle ? sends[node] || !receives[node] : receives[node]));
  const bands = base.frames.length ? base.frames : [[-2, 0, base.top, base.width, base.height]];
  const inBand = bands.map(() => []);
  let band = 0;
  for (const box of base.boxes.filter(stays).sort((one, other) => one.y - other.y)) {
    while (band + 1 < bands.length && box.y >= bands[band + 1][2]) band++;
    inBand[band].push(box);
  }
  const frames = [], boxes = [];
  let y = base.top;
  bands.forEach(([domain, x, , width], number) => {
    if (!inBand[number].length) return;
    const heading = domain === -2 ? 0 : HEADING, stacked = stack(inBand[number], y + heading);
    boxes.push(...stacked.boxes);
    const height = heading + stacked.height + (domain === -2 ? 0 : PADDING);
    if (domain !== -2) frames.push([domain, x, y, width, height]);
    y += height + 14;
  });
  const at = boxColumns(boxes);
  const arrows = base.arrows.filter((arrow) => shown.edges[arrow.edge]).map((arrow) => ({ ...arrow }));
  const from = (arrow) => at[arrow.kind === "sends" ? 0 : 1].get(E.from[arrow.edge]), to = (arrow) => at[arrow.kind === "sends" ? 1 : 2].get(E.to[arrow.edge]);
  const leave = ports(arrows, from, to), arrive = ports(arrows, to, from);
  for (const arrow of arrows) arrow.points = [from(arrow).x + from(arrow).w, leave.get(arrow), to(arrow).x, arrive.get(arrow)];
  return { ...base, frames, boxes, arrows, height: y, big: isBig(boxes, arrows), isPart: true };
};

let current = null;
const chooseScene = () => {
  const view = whole(state.view);
  current = state.view === "columns" && !shown.isAll && shown.nodeCount && view.boxes.length > SET_ANEW ? part() : view;
};
const scene = () => current;

const missingWords = (missing) => (missing ? `∅ ${MISSING[missing]}` : "");
const boxDims = (box) => box.node >= 0 && !shown.nodes[box.node];
const boxGone = (box) => box.node >= 0 && shown.gone[box.node] > 0;
const arrowDims = (arrow) => arrow.edge >= 0 && !shown.edges[arrow.edge];
const arrowGone = (arrow) => arrow.edge >= 0 && shown.goneEdges[arrow.edge] > 0;

/** The way of an arrow: curves across gaps, straight lines between. */
const wayOf = ({ points }) => {
  let way = `M${points[0]} ${points[1]}`;
  for (let at = 2; at < points.length; at += 2) {
    const [x, y, toX, toY] = points.slice(at - 2, at + 2);
    if (at % 4) { const middle = (x + toX) / 2; way += `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`; }
    else way += `L${toX} ${toY}`;
  }
  return way;
};

const messagesOf = (edge) => (!E.messages[edge] ? [] : E.messages[edge] === 1 ? N.messages[isService(E.from[edge]) ? E.to[edge] : E.from[edge]] : E.messages[edge]);
const edgeWords = (edge) => {
  const [from, to] = [label(E.from[edge]), label(E.to[edge])];
  const messages = messagesOf(edge).length ? ` ${messagesOf(edge).map((message) => D.messages[message]).join(", ")}` : "";
  const first = isService(E.from[edge]) ? `${from} sends${messages} to ${to}` : `${to} receives${messages} from ${from}`;
  return [first, live.words(edge), VERDICTS[verdictOf(edge)], CHANGES[E.change[edge]], ...evidenceOf(edge).map(evidenceWords)].filter(Boolean).join("\n");
};
const evidenceWords = ({ kind, source, line }) => `${D.evidence[kind]}: ${D.sources[source]}${line ? `:${line}` : ""}`;
const arrowWords = (arrow) => arrow.words ?? edgeWords(arrow.edge);
const nodeWords = (node) => [label(node), N.title[node], N.version[node] && `version ${N.version[node]}`, N.domain[node] >= 0 && `domain ${domainName(N.domain[node])}`, missingWords(N.missing[node]), CHANGES[N.change[node]]].filter(Boolean).join("\n");
