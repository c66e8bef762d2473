// What is going on, for the person who waits.

/**
 * Says in one line what begins. A terminal shows the seconds since then behind it, if they fit into its line, until the
 * returned function is called; a log has the one line.
 *
 * @param {string} what as in `Compiling TypeScript`
 * @param {{ write(text: string): unknown, isTTY?: boolean, columns?: number | undefined }} [output]
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
    const text = `${what} … ${seconds} s`;
    // Beyond the line, the terminal would begin another one each second.
    if (text.length < (output.columns ?? 80)) output.write(`\r${text}`);
  }, 1000);
  tick.unref();
  return () => {
    clearInterval(tick);
    output.write('\n');
  };
}
