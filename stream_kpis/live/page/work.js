// Work that runs at the exporter, whether or not this page waits for it: a bar and a line say how far it is.

import { ask, el, set } from "./dom.js";
import { whole } from "./words.js";

const POLL_MS = 500;
const ELSEWHERE = "The exporter that answers now knows nothing of it: it was started anew, or is another one. Try again.";

/** What is shown of a piece of work.
 *
 * @param {string} name - of the bar.
 * @param {string} last - what is done once all records are read.
 */
export function build(name, last) {
  const bar = el("progress", { hidden: "", "aria-label": name });
  const line = el("p", { class: "verdict", role: "status" });

  function say(kind, text) {
    line.className = `verdict ${kind}`;
    set(line, text);
  }

  function far({ read, to_read: all, seconds }) {
    bar.hidden = false;
    if (all && read < all) [bar.max, bar.value] = [all, read];
    else bar.removeAttribute("value");
    say("", !all ? `Asking Kafka … ${Math.round(seconds)} s` : read < all ? `Reading Kafka: ${whole.format(read)} of ${whole.format(all)} records` : `${last} … ${Math.round(seconds)} s`);
  }

  /** The last answer: that of the ended work, or why there is none.
   *
   * @param {Promise} first - the answer to its begin.
   * @param {(data: object) => string} path - where to ask how far it is.
   * @param {() => boolean} gone - whether nobody waits any more.
   */
  async function ended(first, path, gone) {
    line.setAttribute("aria-busy", "true"); // each number need not be read aloud
    let answer = await first;
    while (answer.ok && answer.data.state === "running" && !gone()) {
      far(answer.data);
      await new Promise((done) => setTimeout(done, POLL_MS));
      answer = await ask(path(answer.data));
      if (answer.status === 404 || answer.data?.state === "none") answer = { ok: false, line: ELSEWHERE };
    }
    line.removeAttribute("aria-busy");
    bar.hidden = true;
    return answer;
  }

  return { element: el("div", { class: "proof" }, bar, line), say, ended };
}
