const SVG = "http://www.w3.org/2000/svg";
const svgElement = (name, attributes = {}, text) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};

const tipMarker = (kind) => {
  const marker = svgElement("marker", { id: `tip-${kind}`, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" });
  marker.append(svgElement("path", { class: `tip-${kind}`, d: "M0 .5L8 4L0 7.5z" }));
  return marker;
};

/** A box as elements; the page and the exported picture have the same. */
const boxElements = (box, inside) => {
  const middle = box.x + box.w / 2, centre = box.y + box.h / 2, gone = missingWords(box.missing);
  const below = (inside && gone) || box.small;
  const text = (attributes, words) => svgElement("text", { "text-anchor": "middle", x: middle, ...attributes }, words);
  const parts = [svgElement("rect", { x: box.x, y: box.y, width: box.w, height: box.h, rx: box.kind === "channel" ? box.h / 2 : 5 }), text({ class: "label", y: centre + (below ? -3 : 4.5) }, box.text)];
  if (below) parts.push(text({ class: inside && gone ? "gone" : "small", y: centre + 13 }, below));
  if (gone && !inside) {
    if (box.missing !== 1) parts.push(svgElement("text", { class: "gone", x: box.x + box.w + 8, y: centre + 4 }, "∅ no consumer"));
    if (box.missing !== 2) parts.push(svgElement("text", { class: "gone", x: box.x - 8, y: centre + 4, "text-anchor": "end" }, "∅ no producer"));
  }
  return parts;
};
const boxClass = (box) => ["box", box.kind, box.missing && "missing", changeClass(box.change)].filter(Boolean).join(" ");
const arrowClass = (arrow) => ["arrow", arrow.kind, arrow.back && "back", arrow.mark].filter(Boolean).join(" ");

/** Backgrounds and headings of a view. */
const groundElements = (view) => {
  const parts = view.frames.flatMap(([domain, x, y, width, height]) => [svgElement("rect", { class: "frame", x, y, width, height, rx: 8 }), svgElement("text", { class: "frame-name", x: x + 12, y: y + 19 }, domainName(domain))]);
  return parts.concat(view.heads.map(([words, x]) => svgElement("text", { class: "head", x, y: view.top - 12, "text-anchor": "middle" }, words)));
};

/** Draws up to some hundreds of boxes as elements. */
const svgPainter = (host) => {
  let root, world, boxes = [], arrows = [], byNode = new Map();
  const mount = (view) => {
    root?.remove();
    root = svgElement("svg", { role: "graphics-document document", "aria-label": `${D.title}, ${view.name}` });
    const defs = svgElement("defs");
    defs.append(tipMarker("sends"), tipMarker("receives"));
    world = svgElement("g");
    byNode = new Map();
    arrows = view.arrows.map((arrow) => {
      const way = wayOf(arrow), group = svgElement("g", { "data-edge": arrow.edge });
      const line = svgElement("path", { class: arrowClass(arrow), d: way, "marker-end": `url(#tip-${arrow.kind})` });
      if (arrow.width) line.style.strokeWidth = `${arrow.width}px`;
      group.append(svgElement("title", {}, arrowWords(arrow)), svgElement("path", { d: way, fill: "none", stroke: "transparent", "stroke-width": 9 }), line);
      if (arrow.edge >= 0) for (const node of [E.from[arrow.edge], E.to[arrow.edge]]) byNode.set(node, [...(byNode.get(node) ?? []), line]);
      return { arrow, group };
    });
    boxes = view.boxes.map((box, number) => {
      const spoken = box.node < 0 ? `domain ${box.text}` : `${box.kind} ${label(box.node)}`;
      const group = svgElement("g", { class: boxClass(box), role: "button", tabindex: 0, "aria-label": spoken, "data-box": number });
      group.append(svgElement("title", {}, box.node < 0 ? `${box.text}\n${box.small}` : nodeWords(box.node)), ...boxElements(box, view.inside));
      const strong = (on) => byNode.get(box.node)?.forEach((line) => line.classList.toggle("strong", on));
      group.addEventListener("pointerenter", () => strong(true));
      group.addEventListener("pointerleave", () => strong(false));
      return { box, group };
    });
    world.append(...groundElements(view), ...arrows.map((one) => one.group), ...boxes.map((one) => one.group));
    root.append(defs, world);
    host.prepend(root);
  };
  const update = (found) => {
    for (const { arrow, group } of arrows) { group.classList.toggle("dim", arrowDims(arrow)); group.classList.toggle("gone-now", arrowGone(arrow)); }
    for (const { box, group } of boxes) {
      group.classList.toggle("dim", boxDims(box));
      group.classList.toggle("gone-now", boxGone(box));
      group.classList.toggle("chosen", box.node >= 0 && (box.node === state.focus || box.node === state.from || box.node === state.to));
      group.classList.toggle("found", found.has(box.node));
    }
  };
  const move = ({ x, y, k }) => world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  return { mount, update, move, remove: () => { root?.remove(); root = null; } };
};
