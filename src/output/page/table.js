/** Rows of the table at most; the rest is counted. */
const ROWS = 400;
const html = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};
const nodeLink = (node, go) => html("button", { class: "link", type: "button", onclick: () => go(node) }, label(node));
const joined = (edges, ends, go) => edges.flatMap((edge, number) => [(number ? ", " : "") + SIGNS[verdictOf(edge)], nodeLink(ends[edge], go)]);
const producers = (channel) => [...entering(channel)].filter((edge) => shown.edges[edge]);
const consumers = (channel) => [...leaving(channel)].filter((edge) => shown.edges[edge]);

/** The channels that are shown, one row each, in step with the picture. */
const drawTable = (host, go) => {
  const rows = [];
  let count = 0;
  for (let node = 0; node < nodeCount; node++) {
    if (isService(node) || !shown.nodes[node] || count++ >= ROWS) continue;
    const list = (edges, ends, words) => html("td", edges.length ? {} : { class: "none" }, ...(edges.length ? joined(edges, ends, go) : [N.missing[node] ? words : "–"]));
    rows.push(html("tr", { "aria-selected": node === state.focus ? "true" : undefined },
      list(producers(node), E.from, "∅ no producer"), html("td", {}, nodeLink(node, go)), list(consumers(node), E.to, "∅ no consumer"),
      html("td", {}, N.messages[node].map((message) => D.messages[message]).join(", ")), html("td", {}, N.domain[node] < 0 ? "" : domainName(N.domain[node])), live.cell && html("td", {}, live.cell(node)), hasChanges && html("td", {}, CHANGES[N.change[node]])));
  }
  const heads = ["Producers", "Channel", "Consumers", "Messages", "Domain", live.cell && "Events", hasChanges && "Change"].filter(Boolean);
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...heads.map((head) => html("th", { scope: "col" }, head)))), html("tbody", {}, ...rows));
  host.replaceChildren(table, count > ROWS && html("p", { class: "more" }, `${(count - ROWS).toLocaleString("en")} more channels: search or filter for them`) || "");
};

const drawDetails = (host, actions) => {
  const node = state.focus;
  host.hidden = node < 0;
  if (node < 0) return;
  const row = (name, ...value) => [html("dt", {}, name), html("dd", {}, ...value)];
  const facts = [["Title", N.title[node]], ["Version", N.version[node]], ["Domain", N.domain[node] >= 0 && domainName(N.domain[node])], ["System", N.protocol[node] >= 0 && D.protocols[N.protocol[node]]], ["Owner", N.owners[node].map((owner) => D.owners[owner]).join(", ")], ["Messages", N.messages[node].map((message) => D.messages[message]).join(", ")], ["Check", missingWords(N.missing[node])], ["Change", CHANGES[N.change[node]]]].filter(([, value]) => value);
  const list = (title, edges, ends) => edges.length ? [html("h3", {}, `${title} (${edges.length})`), html("ul", {}, ...edges.slice(0, 200).map((edge) => html("li", {}, nodeLink(ends[edge], actions.go), html("small", {}, [VERDICTS[verdictOf(edge)], live.words(edge), ...evidenceOf(edge).map(evidenceWords)].filter(Boolean).join(", "))))), ...(edges.length > 200 ? [html("p", { class: "quiet" }, `${edges.length - 200} more`)] : [])] : [];
  const depth = html("input", { type: "range", min: 1, max: 9, value: state.depth, "aria-label": "Services away from here", oninput: (event) => actions.depth(+event.target.value) });
  host.replaceChildren(
    html("h2", {}, label(node)), html("div", { class: "quiet" }, isService(node) ? "service" : "channel"),
    html("dl", {}, ...facts.flatMap(([name, value]) => row(name, value)), ...row("Shown", html("label", {}, depth, ` ${state.depth} service${state.depth > 1 ? "s" : ""} away`))),
    html("div", { class: "group" }, html("button", { type: "button", onclick: () => actions.end("from", node) }, "Way from here"), html("button", { type: "button", onclick: () => actions.end("to", node) }, "Way to here"), html("button", { type: "button", "aria-label": "Close details", onclick: actions.close }, "✕")),
    ...live.details(node),
    ...list(isService(node) ? "Receives from" : "Producers", [...entering(node)], E.from), ...list(isService(node) ? "Sends to" : "Consumers", [...leaving(node)], E.to),
    html("h3", {}, "Defined at"), html("ul", {}, ...N.at[node].map(([source, line]) => html("li", {}, html("small", {}, `${D.sources[source]}${line ? `:${line}` : ""}`)))));
};
