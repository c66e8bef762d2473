// What is going on, for the person who waits.

/**
 * @typedef {object} Output
 * @property {(text: string) => unknown} write
 * @property {boolean} [isTTY]
 * @property {number | undefined} [columns]
 */

/** @typedef {{ readonly what: string, seconds: number }} Step */

/**
 * The steps in progress that share the last line of a terminal.
 * @type {WeakMap<Output, Set<Step>>}
 */
const inProgress = new WeakMap();

/** @param {Step} step */
const text = ({ what, seconds }) => (seconds === 0 ? `${what} …` : `${what} … ${seconds} s`);

/**
 * Draws the last line anew: all steps in progress, those first that began first, as far as they fit into it. Beyond the
 * line, the terminal would begin another one each second.
 * @param {Output} output
 * @param {Set<Step>} steps
 */
function draw(output, steps) {
  const width = (output.columns ?? 80) - 1;
  output.write(`\r\x1b[K${[...steps].map(text).join(' · ').slice(0, width)}`);
}

/**
 * Says in one line what begins. A terminal shows the seconds since then behind it, until the returned function is called;
 * steps that run side by side share its last line. A log has one line for each step.
 *
 * @param {string} what as in `Compiling TypeScript`
 * @param {Output} [output]
 * @returns {() => void} call it once, when this has ended
 */
export function announce(what, output = process.stderr) {
  if (!output.isTTY) {
    output.write(`${what} …\n`);
    return () => {};
  }
  const steps = inProgress.get(output) ?? new Set();
  inProgress.set(output, steps);
  const step = { what, seconds: 0 };
  steps.add(step);
  draw(output, steps);
  const tick = setInterval(() => {
    step.seconds++;
    draw(output, steps);
  }, 1000);
  tick.unref();
  return () => {
    clearInterval(tick);
    steps.delete(step);
    output.write(`\r\x1b[K${text(step)}\n`);
    if (steps.size > 0) draw(output, steps);
  };
}
