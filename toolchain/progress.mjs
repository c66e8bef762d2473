// What is going on, for the person who waits.

/**
 * Says in one line what begins. A terminal shows the seconds since then behind it, until the returned function is called;
 * a log has the one line.
 *
 * @param {string} what as in `Compiling TypeScript`
 * @param {{ write(text: string): unknown, isTTY?: boolean }} [output]
 * @returns {() => void} call it once, when this has ended
 */
export function announce(what, output = process.stderr) {
  if (!output.isTTY) {
    output.write(`${what} …\n`);
    return () => {};
  }
  let seconds = 0;
  output.write(`${what} …`);
  const tick = setInterval(() => {
    seconds++;
    output.write(`\r${what} … ${seconds} s`);
  }, 1000);
  tick.unref();
  return () => {
    clearInterval(tick);
    output.write('\n');
  };
}
