// Mermaid's own parser, XState and a JSON schema read what was printed: node check.mjs DIRECTORY

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";
import { JSDOM } from "jsdom";
import { createMachine, transition } from "xstate";

const directory = process.argv[2];
const read = (name) => readFileSync(join(directory, name), "utf8");
const expected = JSON.parse(read("expected.json"));
const pictures = Object.keys(expected);
const files = readdirSync(directory);

// --- Mermaid -----------------------------------------------------------------------------------------------------------------

const { window } = new JSDOM("<!doctype html>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
mermaid.initialize({});

const plain = (text) => text.replace(/ﬂ°°?(\d+)¶ß/g, (_, sign) => String.fromCharCode(sign)); // as Mermaid keeps `#58;` until it draws

async function edgesOfMermaid(name, picture) {
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(read(name));
  const labels = new Map([...db.getStates()].map(([id, state]) => [id, plain((state.descriptions ?? []).join(""))]));
  const arrows = db.getRelations().map(({ id1, id2, relationTitle }) => [id1, id2, plain(relationTitle ?? "")]);
  const onward = new Map(arrows.filter(([id]) => id.includes("__")));
  const frames = new Map(expected[picture].frames.map((id) => [`${id}_states`, id]));
  const frame = (id) => frames.get(id) ?? id;
  const annotation = /__annotation_\d+$/;
  const edges = arrows
    .filter(([id1, id2]) => !/^root_/.test(id1) && !/^root_/.test(id2) && !id1.includes("__") && !annotation.test(id2))
    .map(([id1, id2, label]) => [frame(id1), frame(onward.get(id2) ?? id2), onward.has(id2) ? labels.get(id2) : label]);
  return { db, edges, annotations: arrows.filter(([, id]) => annotation.test(id)).length, picture };
}

for (const picture of pictures) {
  const { db, edges, annotations } = await edgesOfMermaid(`${picture}.mmd`, picture);
  const told = expected[picture];
  assert.equal(db.getAccTitle(), told.title);
  assert.equal(plain(db.getAccDescription()), told.description);
  const label = (edge) => edge.label.join("<br>");
  assert.deepEqual(
    edges.map(([source, target, text]) => [source, target, text.replace(/^◷ /, "")]).sort(),
    told.edges.map((edge) => [edge.source, edge.target, label(edge)]).sort(),
  );
  assert.equal(annotations, 0);
  const ways = files.filter((name) => name.startsWith(picture) && name.endsWith(".way.mmd"));
  for (const name of ways) {
    const shown = await edgesOfMermaid(name, picture);
    assert.deepEqual(shown.edges.map(([a, b]) => [a, b]).sort(), edges.map(([a, b]) => [a, b]).sort(), name);
  }
  console.log(`mermaid  ${picture}: ${edges.length} edges, ${ways.length} ways`);
}

// --- XState ------------------------------------------------------------------------------------------------------------------

// Each guard's answer comes with the event; so this proves order, targets, actions and refusals, not the guards.
const answers = (names) =>
  Array.from({ length: 2 ** names.length }, (_, bits) => Object.fromEntries(names.map((name, place) => [name, !!((bits >> place) & 1)])));

for (const picture of pictures) {
  const { moves, initial, states } = expected[picture];
  const holds = (name) => ({ event }) => event.answers[name];
  const named = [...new Set(moves.flatMap((move) => move.guards))];
  const all = ({ event }, { guards }) => guards.every((name) => event.answers[name]);
  const machine = createMachine(JSON.parse(read(`${picture}.xstate.json`))).provide({
    guards: { all, ...Object.fromEntries(named.map((name) => [name, holds(name)])) },
  });
  assert.deepEqual(Object.keys(machine.states), states);
  assert.equal(machine.config.initial, initial);
  let asked = 0;
  for (const state of states) {
    const here = machine.resolveState({ value: state });
    for (const event of new Set(moves.map((move) => move.event))) {
      const rows = moves.filter((move) => move.source === state && move.event === event);
      for (const answer of answers([...new Set(rows.flatMap((row) => row.guards))])) {
        const row = rows.find(({ guards }) => guards.every((name) => answer[name]));
        const [next, actions] = transition(machine, here, { type: event, answers: answer });
        assert.equal(next.value, row?.target ?? state);
        assert.deepEqual(actions.map((action) => action.type), row?.actions ?? []);
        asked += 1;
      }
    }
  }
  console.log(`xstate   ${picture}: ${asked} answers`);
}

// --- Chrome trace ------------------------------------------------------------------------------------------------------------

const schema = JSON.parse(readFileSync(new URL("chrome-trace.schema.json", import.meta.url)));
const validate = new Ajv({ allErrors: true }).compile(schema);
const replay = JSON.parse(read("replay.perfetto.json"));
assert.ok(validate(replay), JSON.stringify(validate.errors));
assert.ok(!validate({ traceEvents: [{ ph: "X", name: "no length", pid: 1, tid: 1, ts: 1 }] })); // it can say no
console.log(`perfetto ${replay.traceEvents.length} items`);

// --- AsyncAPI ----------------------------------------------------------------------------------------------------------------

const wrong = (diagnostics) => diagnostics.filter(({ severity }) => severity < 2).map(({ message, path }) => [message, path]);
const asyncapi = readFileSync(new URL("../../examples/schemas/asyncapi.json", import.meta.url), "utf8");
const parsed = await new Parser().parse(asyncapi);
assert.deepEqual(wrong(parsed.diagnostics), []);
const channels = parsed.document.channels().all().map((channel) => channel.address());
assert.deepEqual(channels, ["/events", "/changes"]);
const broken = await new Parser().parse(asyncapi.replace('"action": "send"', '"action": "sing"'));
assert.notDeepEqual(wrong(broken.diagnostics), []); // it can say no
console.log(`asyncapi ${channels.join(" ")}`);
