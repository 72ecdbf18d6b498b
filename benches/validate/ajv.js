// Checks JSON lines by ajv, the schema compiled once: `node ajv.js SCHEMA LINES [all]`. It stops at the first fault of
// an event, its fastest mode, unless `all` is given.
"use strict";
const fs = require("fs");
const path = require("path");
const load = (name) => require(require.resolve(name, { paths: [process.env.PEERS || process.cwd()] }));
const Ajv = load("ajv/dist/2020").default;
const formats = load("ajv-formats").default;

const [schemaPath, linesPath, mode] = process.argv.slice(2);
const ajv = formats(new Ajv({ strict: false, allErrors: mode === "all" }));
const check = ajv.compile(JSON.parse(fs.readFileSync(path.resolve(schemaPath), "utf8")));

let events = 0;
let faulty = 0;
let rest = "";
const one = (line) => {
  if (line === "") return;
  events += 1;
  try {
    if (!check(JSON.parse(line))) faulty += 1;
  } catch {
    faulty += 1;
  }
};
const stream = fs.createReadStream(linesPath, { encoding: "utf8", highWaterMark: 1 << 20 });
stream.on("data", (part) => {
  const lines = (rest + part).split("\n");
  rest = lines.pop();
  lines.forEach(one);
});
stream.on("end", () => {
  one(rest);
  console.log(JSON.stringify({ events, faulty }));
});
