/** Milliseconds of drawing in one frame. */
const BUDGET = 7;
/** Part of the window that is drawn beyond each of its edges, to be there when the picture is moved. */
const BEYOND = 0.5;

const cssColors = () => {
  const style = getComputedStyle(document.documentElement), get = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(["paper", "panel", "line", "ink", "quiet", "accent", "service", "service-line", "channel", "channel-line", "domain", "domain-line", "missing", "sends", "receives", "added", "removed", "changed", "mark"].map((name) => [name, get(name)]));
};

/** Draws tens of thousands of boxes and arrows: into a picture larger than the window, some milliseconds per frame, while the last such picture is shown. */
const canvasPainter = (canvas) => {
  const context = canvas.getContext("2d", { alpha: false });
  let view = null, transform = { x: 0, y: 0, k: 1 }, found = new Set(), colors = cssColors(), front = null, job = null, stale = true, wanted = false;
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => { colors = cssColors(); stale = true; request(); });

  const request = () => { if (!wanted) { wanted = true; requestAnimationFrame(frame); } };
  const resize = () => {
    const ratio = devicePixelRatio || 1, width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; stale = true; }
    return ratio;
  };

  const stepsOf = (paint, world) => {
    const sees = (x1, y1, x2, y2) => x2 >= world.x1 && x1 <= world.x2 && y2 >= world.y1 && y1 <= world.y2;
    return [() => ground(paint, sees), ...chunks(view.arrows, 400, (part) => paintArrows(paint, part, sees, transformOf(paint))), ...chunks(view.boxes, 200, (part) => paintBoxes(paint, part, sees, transformOf(paint)))];
  };
  const transformOf = (paint) => paint.transformUsed;
  const chunks = (list, size, act) => Array.from({ length: Math.ceil(list.length / size) }, (_, number) => () => act(list.slice(number * size, (number + 1) * size)));

  const begin = (ratio) => {
    const buffer = document.createElement("canvas"), beyondX = canvas.clientWidth * BEYOND, beyondY = canvas.clientHeight * BEYOND;
    buffer.width = Math.max(1, Math.round((canvas.clientWidth + 2 * beyondX) * ratio));
    buffer.height = Math.max(1, Math.round((canvas.clientHeight + 2 * beyondY) * ratio));
    const paint = buffer.getContext("2d", { alpha: false }), { x, y, k } = transform;
    paint.fillStyle = colors.paper;
    paint.fillRect(0, 0, buffer.width, buffer.height);
    paint.setTransform(k * ratio, 0, 0, k * ratio, (x + beyondX) * ratio, (y + beyondY) * ratio);
    paint.transformUsed = { k };
    const world = { x1: -(x + beyondX) / k, y1: -(y + beyondY) / k, x2: (canvas.clientWidth + beyondX - x) / k, y2: (canvas.clientHeight + beyondY - y) / k };
    stale = false;
    return { buffer, x: world.x1, y: world.y1, right: world.x2, bottom: world.y2, k, ratio, steps: stepsOf(paint, world), next: 0 };
  };

  const ground = (paint, sees) => {
    paint.font = "12px Arial, 'Liberation Sans', Helvetica, sans-serif";
    for (const [domain, x, y, width, height] of view.frames) {
      if (!sees(x, y, x + width, y + height)) continue;
      paint.fillStyle = colors.panel; paint.strokeStyle = colors.line; paint.lineWidth = 1;
      paint.beginPath(); paint.roundRect(x, y, width, height, 8); paint.fill(); paint.stroke();
      paint.fillStyle = colors.quiet; paint.textAlign = "left";
      paint.fillText(domainName(domain), x + 12, y + 19);
    }
    paint.textAlign = "center"; paint.fillStyle = colors.quiet;
    for (const [words, x] of view.heads) paint.fillText(words, x, view.top - 12);
  };

  const trace = (paint, points, isFar) => {
    paint.moveTo(points[0], points[1]);
    for (let at = 2; at < points.length; at += 2) {
      const x = points[at - 2], toX = points[at], toY = points[at + 1];
      if (isFar || at % 4 === 0) paint.lineTo(toX, toY);
      else { const middle = (x + toX) / 2; paint.bezierCurveTo(middle, points[at - 1], middle, toY, toX, toY); }
    }
  };
  const tip = (paint, points, color) => {
    const x = points[points.length - 2], y = points[points.length - 1], way = x >= points[points.length - 4] ? -8 : 8;
    paint.fillStyle = color;
    paint.beginPath(); paint.moveTo(x, y); paint.lineTo(x + way, y - 3.5); paint.lineTo(x + way, y + 3.5); paint.fill();
  };
  const arrowColor = (arrow) => colors[COLORS[arrow.mark] ?? arrow.mark] || colors[arrow.kind];

  const paintArrows = (paint, list, sees, { k }) => {
    const isFar = k < 0.12, styles = new Map();
    for (const arrow of list) {
      const { points } = arrow, last = points.length - 2;
      if (arrowGone(arrow) || !sees(Math.min(points[0], points[last]), Math.min(points[1], points[last + 1]) - 400, Math.max(points[0], points[last]), Math.max(points[1], points[last + 1]) + 400)) continue;
      const dims = arrowDims(arrow);
      if (dims && isFar) continue;
      const key = `${arrowColor(arrow)}|${dims ? 1 : 0}|${arrow.back ? "6,4" : DASHES[arrow.mark] ?? ""}`;
      if (!styles.has(key)) styles.set(key, []);
      styles.get(key).push(arrow);
    }
    for (const [key, arrows] of styles) {
      const [color, dims, dashed] = key.split("|");
      paint.strokeStyle = color;
      paint.globalAlpha = dims === "1" ? 0.07 : shown.isAll && isFar ? 0.35 : 0.75;
      paint.lineWidth = isFar ? 0.8 / k : 1.3;
      paint.setLineDash(dashed && !isFar ? dashed.split(",").map(Number) : []);
      for (let at = 0; at < arrows.length; at += 40) {
        paint.beginPath();
        for (const arrow of arrows.slice(at, at + 40)) trace(paint, arrow.points, isFar);
        paint.stroke();
      }
      if (k > 0.35 && dims === "0") for (const arrow of arrows) tip(paint, arrow.points, color);
    }
    paint.globalAlpha = 1;
    paint.setLineDash([]);
  };

  const paintBoxes = (paint, list, sees, { k }) => {
    paint.textAlign = "center";
    for (const box of list) {
      if (boxGone(box) || !sees(box.x, box.y, box.x + box.w, box.y + box.h)) continue;
      const isChosen = box.node >= 0 && (box.node === state.focus || box.node === state.from || box.node === state.to), isFound = found.has(box.node);
      paint.globalAlpha = boxDims(box) ? 0.12 : 1;
      paint.fillStyle = colors[box.kind];
      paint.strokeStyle = isFound ? colors.mark : colors[changeClass(box.change)] || (box.missing ? colors.missing : colors[`${box.kind}-line`]);
      paint.lineWidth = isChosen || isFound ? Math.max(3, 2 / k) : box.change ? 2.4 : 1.2;
      paint.setLineDash(box.missing && !isChosen && k > 0.3 ? [5, 3] : []);
      paint.beginPath();
      if (k < 0.2) paint.rect(box.x, box.y, box.w, box.h); else paint.roundRect(box.x, box.y, box.w, box.h, box.kind === "channel" ? box.h / 2 : 5);
      paint.fill(); paint.stroke();
      if (k > 0.28) paintTexts(paint, box);
    }
    paint.globalAlpha = 1;
    paint.setLineDash([]);
  };
  const paintTexts = (paint, box) => {
    const middle = box.x + box.w / 2, centre = box.y + box.h / 2, gone = missingWords(box.missing), below = (view.inside && gone) || box.small;
    paint.fillStyle = colors.ink;
    paint.font = "13px Arial, 'Liberation Sans', Helvetica, sans-serif";
    paint.fillText(box.text, middle, centre + (below ? -3 : 4.5));
    paint.font = "11px Arial, 'Liberation Sans', Helvetica, sans-serif";
    if (below) { paint.fillStyle = view.inside && gone ? colors.missing : colors.quiet; paint.fillText(below, middle, centre + 13); }
    if (gone && !view.inside) {
      paint.fillStyle = colors.missing;
      if (box.missing !== 1) { paint.textAlign = "left"; paint.fillText("∅ no consumer", box.x + box.w + 8, centre + 4); }
      if (box.missing !== 2) { paint.textAlign = "right"; paint.fillText("∅ no producer", box.x - 8, centre + 4); }
      paint.textAlign = "center";
    }
  };

  /** Shows a picture where it belongs now. */
  const blit = (picture, ratio) => {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!picture) return;
    const scale = transform.k / picture.k * (ratio / picture.ratio);
    context.drawImage(picture.buffer, (picture.x * transform.k + transform.x) * ratio, (picture.y * transform.k + transform.y) * ratio, picture.buffer.width * scale, picture.buffer.height * scale);
  };
  /** Whether a picture shows all that is in the window, at its size. */
  const covers = (picture) => {
    if (!picture || picture.k !== transform.k) return false;
    const left = -transform.x / transform.k, top = -transform.y / transform.k;
    return left >= picture.x && top >= picture.y && left + canvas.clientWidth / transform.k <= picture.right && top + canvas.clientHeight / transform.k <= picture.bottom;
  };
  const frame = () => {
    wanted = false;
    if (!view || canvas.hidden) return;
    const ratio = resize();
    if (!job && (stale || !covers(front))) job = begin(ratio);
    else if (job && stale) job = begin(ratio);
    if (job) {
      const until = performance.now() + BUDGET;
      while (job.next < job.steps.length && performance.now() < until) job.steps[job.next++]();
      if (job.next === job.steps.length) { front = job; front.steps = []; job = null; canvas.dataset.drawn = String(+(canvas.dataset.drawn || 0) + 1); }
    }
    blit(front ?? job, ratio);
    if (job || !covers(front)) request();
  };
  return {
    mount: (next) => { view = next; front = null; job = null; stale = true; canvas.hidden = false; colors = cssColors(); request(); },
    update: (nodes) => { found = nodes; stale = true; request(); },
    move: (next) => { transform = next; request(); },
    remove: () => { canvas.hidden = true; view = null; front = null; job = null; },
  };
};
