// Measures a page of `eddy graph` in Chromium: its size, when it can be used, and frames per second while it is moved.
//
//     npm install playwright-core
//     benches/topology/topology.py target/release/eddy --sizes 30/55 --page big.html     (10,000 boxes, 50,000 arrows)
//     node benches/topology/page.mjs big.html [/path/to/chromium]
//
// `ready` is milliseconds from the beginning of the load until the page can be used, aimed at below 1,000; `perSecond` are
// frames, aimed at above 30: `near` where it opens, `whole` with everything in sight.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

const [, , file, program = "/usr/bin/chromium"] = process.argv;
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
const complaints = [];
page.on("console", (message) => complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(error.message));

/** Frames per second and the longest pause, in milliseconds, while the pointer drags the picture about. */
const moved = async () => {
  await page.evaluate(() => {
    window.frames_seen = [];
    const look = (time) => { window.frames_seen.push(time); window.going = requestAnimationFrame(look); };
    window.going = requestAnimationFrame(look);
  });
  await page.mouse.move(700, 500);
  await page.mouse.down();
  for (let step = 0; step < 120; step++) await page.mouse.move(700 + 300 * Math.sin(step / 10), 500 + 250 * Math.cos(step / 7));
  await page.mouse.up();
  return page.evaluate(() => {
    cancelAnimationFrame(window.going);
    const times = window.frames_seen, gaps = times.slice(1).map((time, at) => time - times[at]).sort((one, other) => one - other);
    return { perSecond: Math.round((times.length - 1) * 1000 / (times.at(-1) - times[0])), median: Math.round(gaps[gaps.length >> 1]), longest: Math.round(gaps.at(-1)) };
  });
};

const results = { megabytes: +(statSync(file).size / 1e6).toFixed(1), views: {} };
for (const view of ["columns", "flow", "overview"]) {
  await page.goto("about:blank");
  await page.goto(`file://${resolve(file)}#view=${view}`);
  await page.waitForFunction(() => document.documentElement.dataset.ready);
  const ready = await page.evaluate(() => +document.documentElement.dataset.ready);
  const near = await moved();
  await page.keyboard.press("0");
  const whole = await moved();
  results.views[view] = { ready, near, whole };
}
const views = Object.values(results.views);
results.interactive = views.every(({ ready }) => ready < 1000) ? "met" : "missed";
results.frames = views.every(({ near, whole }) => Math.min(near.perSecond, whole.perSecond) > 30) ? "met" : "missed";
results.complaints = complaints;
console.log(JSON.stringify(results, null, 2));
await browser.close();
