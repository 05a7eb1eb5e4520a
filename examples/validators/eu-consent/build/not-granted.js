// What a component does not get: what waits or calls says so, at the line that wanted it, and the clock stands still at 1970, as it
// does for components in other languages. You need not change this file.

const NO_NETWORK = "a component has no network: what a check needs comes with its arguments";
const NO_WAITING = "a component cannot wait: a check answers at once";

for (const [names, why] of [
  [["fetch", "WebSocket", "XMLHttpRequest", "EventSource"], NO_NETWORK],
  [["setTimeout", "setInterval", "setImmediate"], NO_WAITING],
]) {
  for (const name of names) {
    globalThis[name] = function () {
      throw new Error(`${name}: ${why}`);
    };
  }
}

// Without this, the clock would stand at the moment of the build. The time of a request is profile.now.
const EngineDate = Date;
EngineDate.now = () => 0;
globalThis.Date = new Proxy(EngineDate, {
  apply: () => new EngineDate(0).toString(),
  construct: (target, values, made) => Reflect.construct(target, values.length === 0 ? [0] : values, made),
});
EngineDate.prototype.constructor = globalThis.Date;
if (globalThis.performance) {
  Object.defineProperty(globalThis.performance, "now", { value: () => 0 });
}
