const LIGHT = { service: ["#e6f0fa", "#2b6cb0"], channel: ["#fff4dc", "#b7791f"], domain: ["#eef2f7", "#44566a"], sends: "#2b6cb0", receives: "#0f766e", missing: "#c53030", added: "#15803d", removed: "#c53030", changed: "#9333ea", mark: "#d97706" };

/** What is shown now as an SVG file of its own, in the colours of paper. */
const exportSvg = () => {
  const view = scene(), margin = 24;
  const boxes = view.boxes.filter((box) => !boxDims(box) && !boxGone(box)), arrows = view.arrows.filter((arrow) => !arrowDims(arrow) && !arrowGone(arrow));
  const root = svgElement("svg", { xmlns: SVG, viewBox: `0 ${view.top - 60} ${view.width} ${view.height - view.top + 60 + margin}`, "font-family": "Arial, 'Liberation Sans', Helvetica, sans-serif" });
  const defs = svgElement("defs");
  for (const kind of ["sends", "receives"]) { const marker = tipMarker(kind); marker.firstChild.setAttribute("fill", LIGHT[kind]); marker.firstChild.removeAttribute("class"); defs.append(marker); }
  root.append(svgElement("title", {}, D.title), defs, svgElement("rect", { x: 0, y: view.top - 60, width: "100%", height: "100%", fill: "#ffffff" }));
  const plain = (element) => {
    const kind = element.getAttribute("class");
    if (element.tagName === "text") { element.setAttribute("fill", kind === "gone" ? LIGHT.missing : kind === "label" ? "#1b2733" : "#5a6b7b"); element.setAttribute("font-size", kind === "label" ? 13 : kind === "frame-name" ? 12 : 11); }
    if (kind === "frame") { element.setAttribute("fill", "#f6f8fa"); element.setAttribute("stroke", "#dde3e9"); }
    element.removeAttribute("class");
    return element;
  };
  root.append(...groundElements(view).map(plain));
  for (const arrow of arrows) root.append(svgElement("path", { d: wayOf(arrow), fill: "none", stroke: LIGHT[COLORS[arrow.mark] ?? arrow.mark] || LIGHT[arrow.kind], "stroke-width": arrow.width || 1.3, "stroke-opacity": 0.8, "stroke-dasharray": arrow.back ? "6 4" : DASHES[arrow.mark]?.join(" "), "marker-end": `url(#tip-${arrow.kind})` }));
  for (const box of boxes) {
    const parts = boxElements(box, view.inside).map(plain), [fill, line] = LIGHT[box.kind];
    parts[0].setAttribute("fill", fill);
    parts[0].setAttribute("stroke", LIGHT[changeClass(box.change)] || (box.missing ? LIGHT.missing : line));
    if (box.missing) parts[0].setAttribute("stroke-dasharray", "5 3");
    root.append(...parts);
  }
  return new XMLSerializer().serializeToString(root);
};

const exportMermaid = () => {
  const escape = (text) => text.replace(/["#<>&;`\\$]/g, (mark) => `#${mark.codePointAt(0)};`);
  const lines = ["flowchart LR"];
  for (let node = 0; node < nodeCount; node++) if (shown.nodes[node]) lines.push(isService(node) ? `  n${node}["${escape(label(node))}"]` : `  n${node}(["${escape(label(node))}"])`);
  for (let edge = 0; edge < edgeCount; edge++) if (shown.edges[edge]) lines.push(`  n${E.from[edge]} --> n${E.to[edge]}`);
  return `${lines.join("\n")}\n`;
};

const exportJson = () => {
  const nodes = {}, edges = [];
  for (let node = 0; node < nodeCount; node++) if (shown.nodes[node]) {
    nodes[N.id[node]] = { label: label(node), metadata: { kind: isService(node) ? "service" : "channel", ...(N.version[node] && { version: N.version[node] }), ...(N.domain[node] >= 0 && { domain: D.domains[N.domain[node]] }), ...(N.protocol[node] >= 0 && { protocol: D.protocols[N.protocol[node]] }), owners: N.owners[node].map((owner) => D.owners[owner]), messages: N.messages[node].map((message) => D.messages[message]) } };
  }
  for (let edge = 0; edge < edgeCount; edge++) if (shown.edges[edge]) {
    edges.push({ source: N.id[E.from[edge]], target: N.id[E.to[edge]], relation: isService(E.from[edge]) ? "sends" : "receives", directed: true, metadata: { evidence: evidenceOf(edge).map(({ kind, source, line }) => ({ kind: D.evidence[kind], source: D.sources[source], line })) } });
  }
  return `${JSON.stringify({ graph: { directed: true, type: "service-event-topology", label: D.title, nodes, edges } }, null, 2)}\n`;
};

const download = (kind) => {
  const [make, name, type] = { svg: [exportSvg, "topology.svg", "image/svg+xml"], mermaid: [exportMermaid, "topology.mmd", "text/plain"], json: [exportJson, "topology.json", "application/json"] }[kind];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([make()], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
