import { createInterface } from 'node:readline';

// A balance at a serial line: it answers `S` with a weight, and anything else with `ES`, as many balances do (MT-SICS).
let grams = 1250;
for await (const command of createInterface({ input: process.stdin })) {
  grams += 1;
  process.stdout.write(command.trim() === 'S' ? `S S ${(grams / 100).toFixed(2)} g\r\n` : 'ES\r\n');
}
