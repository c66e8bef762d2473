import { chaos } from './chaos.ts';
import { commandFor } from './repeat.ts';

/** The program of `npm run chaos`: seeds from `first` on. Returns the exit status. */
export async function main(first: number, runs: number, tell: (text: string) => void): Promise<number> {
  const seen: Record<string, number> = {};
  let recovered = 0;
  for (let done = 0; done < runs; done++) {
    const seed = first + done;
    const report = await chaos(seed);
    if (report.violation !== null) {
      tell(`${report.violation}\n\nFaults, by simulated ms:\n  ${report.faults.join('\n  ')}\n`);
      tell(`Again: ${commandFor(seed)}\n`);
      return 1;
    }
    for (const [what, count] of Object.entries(report.seen)) seen[what] = (seen[what] ?? 0) + count;
    recovered = Math.max(recovered, report.recoveredAfterMs ?? 0);
    if ((done + 1) % 100 === 0) tell(`${done + 1} of ${runs}\n`);
  }
  tell(`${runs} runs from seed ${first} on: nothing found, recovered within ${recovered} simulated ms\n`);
  for (const [what, count] of Object.entries(seen)) tell(`  ${what}: ${count}\n`);
  return 0;
}
