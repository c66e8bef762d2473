import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The newest V8 profile in a directory, as the functions in which most time was spent themselves. */
export function hottest(directory: string, most = 25): string {
  const names = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  const newest = names.sort().at(-1);
  if (newest === undefined) return `no profile in ${directory}`;
  const file = join(directory, newest);
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const functions = new Map(
    profile.nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || '(anonymous)'} ${callFrame.url.split('/').at(-1)}:${callFrame.lineNumber + 1}`,
    ]),
  );
  const time = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const name = functions.get(id) ?? '?';
    if (!name.startsWith('(idle)')) time.set(name, (time.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const total = [...time.values()].reduce((sum, one) => sum + one, 0);
  const lines = [...time]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, one]) => `${((one / total) * 100).toFixed(1).padStart(6)} %  ${name}`);
  return [`${file}, share of ${(total / 1e6).toFixed(1)} s of CPU:`, ...lines].join('\n');
}
