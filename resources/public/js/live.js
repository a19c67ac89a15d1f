// @ts-check
/** Tells when the city has changed: by the server's stream where it holds, else by the clock. */

const POLL_MS = 15_000;
const SILENT_MS = 30_000;
const AGAIN_MS = 5_000;

export class Live {
  /** @param {() => Record<string, string>} headers @param {() => void} changed */
  constructor(headers, changed) {
    this._headers = headers;
    this._changed = changed;
    this._stop = new AbortController();
    this._heard = 0;
    this._timer = setInterval(() => Math.abs(Date.now() - this._heard) > POLL_MS && this._changed(), POLL_MS);
    this._follow();
  }

  end() {
    clearInterval(this._timer);
    this._stop.abort();
  }

  async _follow() {
    while (!this._stop.signal.aborted) {
      try {
        await this._listen();
      } catch {
        // the clock goes on asking; the stream is tried again
      }
      await new Promise((resolve) => void setTimeout(resolve, AGAIN_MS));
    }
  }

  async _listen() {
    const ended = new AbortController();
    const silence = setInterval(() => Math.abs(Date.now() - this._heard) > SILENT_MS && ended.abort(), AGAIN_MS);
    this._stop.signal.addEventListener("abort", () => ended.abort(), { once: true });
    this._heard = Date.now();
    try {
      const answer = await fetch("/dispatch/v1/stream", { headers: this._headers(), signal: ended.signal });
      if (!answer.ok || !answer.body) return;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this._heard = Date.now();
        const lines = (rest + value).split("\n");
        rest = lines.pop() ?? "";
        if (lines.includes("event: seq")) this._changed();
      }
    } finally {
      clearInterval(silence);
      this._heard = 0;
    }
  }
}
