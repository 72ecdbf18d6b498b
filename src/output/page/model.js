const D = JSON.parse(document.getElementById("data").textContent);
const N = D.node, E = D.edge;
E.messages ??= []; N.change ??= []; E.change ??= [];
const nodeCount = N.id.length, edgeCount = E.from.length;
/** What a served page adds; see live.js. */
const live = { words: () => "", details: () => [], drawn: () => {}, cell: null };
const CHANGES = ["", "added", "removed", "modified", "versioned"];
const MISSING = ["", "no producer", "no consumer", "unused"];
/** What came of comparing declared with observed: words, signs in lists, styles of arrows. */
const VERDICTS = ["", "undocumented", "missing", "not observable", "confirmed"], SIGNS = ["", "+ ", "− ", "? ", "✓ "], STYLES = ["", "undocumented", "absent", "unseen", ""];
const verdictOf = (edge) => E.verdict?.[edge] ?? 0;
N.id.forEach((id, node) => { if (!id) N.id[node] = N.kind[node] ? `channel:${N.protocol[node] < 0 ? "-" : D.protocols[N.protocol[node]]}/${N.label[node]}` : `service:${N.label[node]}`; });
const byId = new Map(N.id.map((id, index) => [id, index]));

const isService = (node) => N.kind[node] === 0;
const domainName = (domain) => (domain < 0 ? "no domain" : D.domains[domain] || "(unnamed)");
const label = (node) => N.label[node] || "(unnamed)";

/** Edges of each node, as ranges of one array. */
const adjacency = (ends) => {
  const starts = new Int32Array(nodeCount + 1);
  for (const end of ends) starts[end + 1]++;
  for (let node = 0; node < nodeCount; node++) starts[node + 1] += starts[node];
  const next = starts.slice(), edges = new Int32Array(ends.length);
  ends.forEach((end, edge) => { edges[next[end]++] = edge; });
  return (node) => edges.subarray(starts[node], starts[node + 1]);
};
const leaving = adjacency(E.from), entering = adjacency(E.to);

/** The second line of a box: title and version of a service, messages of a channel. */
const smallOf = (node) => {
  if (N.small[node] !== undefined) return N.small[node];
  if (isService(node)) return [N.title[node].toLowerCase() !== label(node).toLowerCase() && N.title[node], N.version[node]].filter(Boolean).join(" · ");
  const names = N.messages[node].map((message) => D.messages[message]), more = names.length - 3;
  return names.slice(0, 3).join(", ") + (more > 0 ? ` +${more} more` : "");
};

/** What an edge is known by: evidence is triples of kind, source and line. */
const evidenceOf = (edge) => {
  const list = E.evidence[edge], found = [];
  for (let at = 0; at < list.length; at += 3) found.push({ kind: list[at], source: list[at + 1], line: list[at + 2] });
  return found;
};
const changeClass = (change) => (change > 2 ? "changed" : CHANGES[change]);
/** The style of an arrow beside its kind, the colours that styles have by other names, and their dashes. */
const markOf = (edge) => (edge < 0 ? "" : changeClass(E.change[edge]) || STYLES[verdictOf(edge)]);
const COLORS = { undocumented: "mark", absent: "missing" }, DASHES = { removed: [3, 3], absent: [2, 4], unseen: [1.5, 3.5] };
const hasChanges = N.change.some(Boolean) || E.change.some(Boolean);

const NOTHING = { view: D.first, focus: -1, depth: 2, from: -1, to: -1, domain: "", owner: "", protocol: "", kind: "", evidence: "", status: "", moment: 1, table: false, filters: false, query: "" };
const state = { ...NOTHING };
const shown = { nodes: new Uint8Array(nodeCount), edges: new Uint8Array(edgeCount), gone: new Uint8Array(nodeCount), goneEdges: new Uint8Array(edgeCount), isAll: true, nodeCount, edgeCount };

/** Steps from a node along or against the flow, up to a limit; -1 where it does not lead. */
const distances = (start, edgesOf, ends, limit, passes) => {
  const steps = new Int32Array(nodeCount).fill(-1);
  steps[start] = 0;
  let front = [start];
  for (let step = 1; front.length && step <= limit; step++) {
    const next = [];
    for (const node of front) for (const edge of edgesOf(node)) {
      const end = ends[edge];
      if (passes(edge) && steps[end] < 0) { steps[end] = step; next.push(end); }
    }
    front = next;
  }
  return steps;
};

const keepFocus = (nodes, edges) => {
  const limit = 2 * state.depth - (isService(state.focus) ? 0 : 1);
  const passes = (edge) => edges[edge];
  const down = distances(state.focus, leaving, E.to, limit, passes);
  const up = distances(state.focus, entering, E.from, limit, passes);
  for (let node = 0; node < nodeCount; node++) nodes[node] &= down[node] >= 0 || up[node] >= 0;
};

/** The shortest ways only; `true` when there is one. */
const keepPath = (nodes, edges) => {
  const passes = (edge) => edges[edge];
  const after = distances(state.from, leaving, E.to, nodeCount, passes);
  const before = distances(state.to, entering, E.from, nodeCount, passes);
  const length = after[state.to];
  for (let edge = 0; edge < edgeCount; edge++) {
    const start = after[E.from[edge]], end = before[E.to[edge]];
    edges[edge] &= length > 0 && start >= 0 && end >= 0 && start + 1 + end === length;
  }
  for (let node = 0; node < nodeCount; node++) {
    nodes[node] &= node === state.from || node === state.to || (length > 0 && after[node] >= 0 && before[node] >= 0 && after[node] + before[node] === length);
  }
  return length > 0;
};

/** What a filter is about stays with what it is directly connected with. */
const keepAround = (nodes, edges, hits) => {
  const near = new Uint8Array(nodeCount);
  for (let edge = 0; edge < edgeCount; edge++) {
    edges[edge] &= hits(E.from[edge]) || hits(E.to[edge]);
    if (edges[edge]) near[E.from[edge]] = near[E.to[edge]] = 1;
  }
  for (let node = 0; node < nodeCount; node++) nodes[node] &= hits(node) || near[node];
};

const keepEdges = (nodes, edges, hits) => {
  const ends = new Uint8Array(nodeCount);
  for (let edge = 0; edge < edgeCount; edge++) {
    edges[edge] &= hits(edge);
    if (edges[edge]) ends[E.from[edge]] = ends[E.to[edge]] = 1;
  }
  for (let node = 0; node < nodeCount; node++) nodes[node] &= ends[node];
};

const hitsKind = (node) => {
  if (state.kind === "service") return isService(node);
  if (state.kind === "channel") return !isService(node);
  return N.missing[node] > 0 && MISSING[N.missing[node]] === state.kind;
};

/** Finds what is shown by all that is asked for. */
const choose = () => {
  const { nodes, edges, gone, goneEdges } = shown;
  nodes.fill(1); edges.fill(1); gone.fill(0); goneEdges.fill(0);
  shown.hasWay = true;
  const other = state.moment === 0 ? 1 : state.moment === 2 ? 2 : -1;
  for (let node = 0; node < nodeCount; node++) if (N.change[node] === other) { gone[node] = 1; nodes[node] = 0; }
  for (let edge = 0; edge < edgeCount; edge++) {
    if (E.change[edge] === other || gone[E.from[edge]] || gone[E.to[edge]]) { goneEdges[edge] = 1; edges[edge] = 0; }
  }
  if (state.status) keepEdges(nodes, edges, (edge) => VERDICTS[verdictOf(edge)] === state.status);
  if (state.evidence !== "") keepEdges(nodes, edges, (edge) => E.evidence[edge].some((kind, at) => at % 3 === 0 && kind === +state.evidence));
  if (state.domain !== "") keepAround(nodes, edges, (node) => N.domain[node] === +state.domain);
  if (state.owner !== "") keepAround(nodes, edges, (node) => N.owners[node].includes(+state.owner));
  if (state.protocol !== "") keepAround(nodes, edges, (node) => N.protocol[node] === +state.protocol);
  if (state.kind === "service" || state.kind === "channel") for (let node = 0; node < nodeCount; node++) nodes[node] &= hitsKind(node);
  else if (state.kind) keepAround(nodes, edges, hitsKind);
  if (state.focus >= 0) keepFocus(nodes, edges);
  if (state.from >= 0 && state.to >= 0) shown.hasWay = keepPath(nodes, edges);
  let keptNodes = 0, keptEdges = 0;
  for (let node = 0; node < nodeCount; node++) keptNodes += nodes[node];
  for (let edge = 0; edge < edgeCount; edge++) { edges[edge] &= nodes[E.from[edge]] & nodes[E.to[edge]]; keptEdges += edges[edge]; }
  Object.assign(shown, { nodeCount: keptNodes, edgeCount: keptEdges, isAll: keptNodes === nodeCount && keptEdges === edgeCount });
};

/** Names with a text in them: those that begin with it first, then the shorter ones. */
const search = (text, limit) => {
  const wanted = text.trim().toLowerCase(), found = [];
  if (!wanted) return found;
  for (let node = 0; node < nodeCount; node++) {
    const name = label(node).toLowerCase(), at = name.indexOf(wanted);
    const other = at < 0 && ((N.title[node] || "").toLowerCase().includes(wanted) || N.messages[node].some((message) => D.messages[message].toLowerCase().includes(wanted)));
    if (at >= 0 || other) found.push({ node, rank: at === 0 ? 0 : at > 0 ? 1 : 2, length: name.length });
  }
  found.sort((left, right) => left.rank - right.rank || left.length - right.length || left.node - right.node);
  shown.foundCount = found.length;
  return found.slice(0, limit).map((one) => one.node);
};

/** The node that a text names, or -1. */
const named = (text) => {
  if (byId.has(text)) return byId.get(text);
  const exact = N.label.indexOf(text);
  return exact >= 0 ? exact : search(text, 1)[0] ?? -1;
};

/** The state as the fragment of the address. */
const toHash = () => {
  const parts = new URLSearchParams();
  if (state.view !== NOTHING.view) parts.set("view", state.view);
  if (state.focus >= 0) parts.set("focus", N.id[state.focus]);
  if (state.focus >= 0 && state.depth !== 2) parts.set("depth", state.depth);
  if (state.from >= 0) parts.set("from", N.id[state.from]);
  if (state.to >= 0) parts.set("to", N.id[state.to]);
  if (state.domain !== "") parts.set("domain", +state.domain < 0 ? "" : D.domains[state.domain]);
  if (state.owner !== "") parts.set("owner", D.owners[state.owner]);
  if (state.protocol !== "") parts.set("system", D.protocols[state.protocol]);
  if (state.evidence !== "") parts.set("evidence", D.evidence[state.evidence]);
  if (state.kind) parts.set("kind", state.kind);
  if (state.status) parts.set("drift", state.status);
  if (state.moment !== 1) parts.set("moment", state.moment ? "after" : "before");
  if (state.table) parts.set("table", "1");
  if (state.query) parts.set("q", state.query);
  return parts.toString();
};

const fromHash = (hash) => {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const place = (list, key) => { const at = parts.has(key) ? list.indexOf(parts.get(key)) : -1; return at < 0 ? "" : String(at); };
  const node = (key) => (parts.has(key) ? byId.get(parts.get(key)) ?? -1 : -1);
  Object.assign(state, NOTHING, { filters: state.filters });
  if (D.views[parts.get("view")]) state.view = parts.get("view");
  Object.assign(state, { focus: node("focus"), from: node("from"), to: node("to"), owner: place(D.owners, "owner"), protocol: place(D.protocols, "system"), evidence: place(D.evidence, "evidence") });
  state.domain = parts.get("domain") === "" ? "-1" : place(D.domains, "domain");
  state.depth = Math.min(9, Math.max(1, parseInt(parts.get("depth"), 10) || 2));
  state.kind = parts.get("kind") || "";
  state.status = parts.get("drift") ?? "";
  state.moment = { before: 0, after: 2 }[parts.get("moment")] ?? 1;
  state.table = parts.get("table") === "1";
  state.query = parts.get("q") || "";
};
