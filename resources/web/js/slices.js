// @ts-check
/** Work that no frame and no key has to wait for, done in short slices between them. */

const SLICE_MS = 5;

/** A job stops at each `yield`; between two it may take about a millisecond. @typedef {Generator<void, void, void>} Job */

export class Slices {
  /** @param {() => void} onIdle everything that was asked for is done */
  constructor(onIdle) {
    this._onIdle = onIdle;
    /** @type {Job[]} */
    this._jobs = [];
    this._asked = false;
    this._channel = new MessageChannel(); // a message is a task of its own; timers are slowed down, idle callbacks starve
    this._channel.port1.onmessage = () => this._run();
  }

  /** Whether a job is not done yet. */
  get busy() {
    return this._jobs.length > 0;
  }

  /** These are wanted now, in this order, and no others; one that was begun goes on. @param {Job[]} jobs */
  want(jobs) {
    this._jobs = jobs;
    if (this.busy) this._ask();
  }

  _ask() {
    if (this._asked) return;
    this._asked = true;
    this._channel.port2.postMessage(0);
  }

  _run() {
    this._asked = false;
    const until = performance.now() + SLICE_MS;
    while (this._jobs[0] && performance.now() < until) if (this._jobs[0].next().done) this._jobs.shift();
    if (this.busy) this._ask();
    else this._onIdle();
  }
}
