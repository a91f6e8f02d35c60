// XState runs the exported machines on the streams of streams.py: node xstate.mjs DIRECTORY

import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createMachine, getInitialSnapshot, transition } from "xstate";

const directory = process.argv[2];
const read = (name) => JSON.parse(readFileSync(join(directory, name), "utf8"));
const actionsOf = read("actions.json");

// The guards answer as ours did. One that ours did not ask is a difference.
const answer = (event, name) => {
  assert.ok(name in event.answers, `${event.type} asks ${name}`);
  return event.answers[name];
};
const names = (json) => new Set(JSON.stringify(json).match(/"[a-z_]+"/g).map((name) => name.slice(1, -1)));

const machines = ["connection", "after-call-work"].map((picture) => {
  const json = read(`${picture}.xstate.json`);
  const guards = Object.fromEntries([...names(json)].map((name) => [name, ({ event }) => answer(event, name)]));
  const all = ({ event }, { guards: some }) => some.every((name) => answer(event, name));
  return createMachine(json).provide({ guards: { ...guards, all } });
});

let [streams, steps] = [0, 0];
for await (const line of createInterface({ input: createReadStream(join(directory, "streams.jsonl")) })) {
  const here = machines.map((machine) => getInitialSnapshot(machine));
  for (const [place, type, row, state, answers] of JSON.parse(line)) {
    const [next, actions] = transition(machines[place], here[place], { type, answers });
    assert.equal(next.value, state, line);
    assert.deepEqual(actions.map((action) => action.type), actionsOf[place][row], line);
    here[place] = next;
    steps += 1;
  }
  streams += 1;
}
console.log(`xstate   ${streams} streams, ${steps} steps`);
