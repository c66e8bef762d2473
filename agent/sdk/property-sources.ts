import { nodeHost } from '../node/node-host.ts';
import type { PropertySource } from '../src/agent/custom-properties.ts';
import { ask, type Provider } from './provider.ts';

/** Functions of the application as sources of properties: what they give becomes text of one line. */
export function propertySources(
  functions: ReadonlyMap<string, Provider<string | number | boolean>>,
): Map<string, PropertySource> {
  return new Map(
    [...functions].map(([name, provide]): [string, PropertySource] => [
      name,
      (timeoutMs, done) =>
        ask(nodeHost.clock, provide, timeoutMs, (result) => {
          if ('error' in result) done(result);
          else if (!['string', 'number', 'boolean'].includes(typeof result.value))
            done({ error: 'the function gave neither text nor a number nor a flag' });
          else done({ value: (String(result.value).split('\n')[0] ?? '').trim() });
        }),
    ]),
  );
}
