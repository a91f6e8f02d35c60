// The life on XState: one parallel machine, the states and their stamps. No settings, no refusals. node xstate.mjs LIVES
// It prints the nanoseconds of an event, those of a life with its creation, and the states in the end. Run it in build/node.

import { assign, createActor, createMachine } from "xstate";

const machine = createMachine({
  id: "session",
  type: "parallel",
  context: {},
  states: {
    leg: {
      initial: "none",
      states: {
        none: { on: { alerting: { target: "alerting", actions: assign({ alerted: ({ event }) => event.received }) } } },
        alerting: { on: { connected: { target: "connected", actions: assign({ connected: ({ event }) => event.received }) } } },
        connected: {
          on: {
            updated: { actions: assign({ controlling: ({ event }) => event.controlling }) },
            disconnected: { target: "disconnected", actions: assign({ ended: ({ event }) => event.at, controlling: [] }) },
          },
        },
        disconnected: {},
      },
    },
    work: {
      initial: "absent",
      states: {
        absent: { on: { disconnected: { target: "pending", actions: assign({ started: ({ event }) => event.at }) } } },
        pending: {
          on: { wrapup: { target: "complete", actions: assign({ done: ({ event }) => event.at, code: ({ event }) => event.code }) } },
        },
        complete: { on: { wrapup: { actions: assign({ code: ({ event }) => event.code }) } } },
      },
    },
  },
});

const life = [
  { type: "alerting", at: 0, received: 30 },
  { type: "connected", at: 3000, received: 3030 },
  { type: "updated", at: 303000, controlling: ["page-1"] },
  { type: "disconnected", at: 723000 },
  { type: "wrapup", at: 737220, code: "sale" },
  { type: "wrapup", at: 797220, code: "resolved" },
];

const lives = Number(process.argv[2]);
function round() {
  const began = processorTime();
  const actors = Array.from({ length: lives }, () => createActor(machine).start());
  const created = processorTime();
  for (const actor of actors) for (const event of life) actor.send(event);
  const ended = processorTime();
  const [last] = actors.slice(-1);
  return [(ended - created) / lives / life.length, (ended - began) / lives, last.getSnapshot()];
}

// In nanoseconds, as Python's `process_time_ns`.
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

round(); // the compiler of the engine has seen it now
const [event, whole, { value, context }] = round();
console.log(JSON.stringify({ event, life: whole, leg: value.leg, work: value.work, ...context }));
