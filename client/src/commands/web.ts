import { parseArgs } from 'node:util';
import type { HttpUri } from 'rm-protocol';
import type { CommandContext } from '../command-line/command-context.ts';
import { authorizeAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { readDevice } from '../command-line/target.ts';
import { ExitStatus, Failure } from '../failure.ts';
import { checkPage } from '../tunnel/check-page.ts';
import { findProgram } from './local-program.ts';
import { startDetached } from './start-detached.ts';
import { browserOf } from './viewers.ts';

/** Where a browser finds the web interface of a device. */
export function webAddress({ secure, host, port }: HttpUri, device: string): string {
  const standard = port === (secure ? 443 : 80);
  return `${secure ? 'https' : 'http'}://${device}.${host}${standard ? '' : `:${port}`}/`;
}

/**
 * `rm-client web`: opens the browser at the device, which logs the user in. Before that it makes sure
 * that there is something to see.
 */
export async function web(args: string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { ...reflectorOptions, print: { type: 'boolean' }, program: { type: 'string' } },
    allowPositionals: true,
  });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) {
    throw new Failure('usage: rm-client web DEVICE [--print]', ExitStatus.usage);
  }
  const chosen = chooseReflector(values, context);
  const { reflector } = chosen.route;
  const device = readDevice(name, reflector);
  const url = webAddress(reflector, device);
  if (!values.print) await checkPage(chosen.route, await authorizeAt(chosen, context), device);
  context.print(`${url}\n`);
  if (values.print) return ExitStatus.ok;
  const browser = browserOf(process.platform);
  const file = findProgram([values.program ?? browser.file], context.environment.PATH ?? '');
  if (file === null) {
    throw new Failure(
      `${values.program ?? browser.file}: not installed: open the address yourself`,
      ExitStatus.noProgram,
    );
  }
  await startDetached(file, values.program === undefined ? browser.arguments(url) : [url]);
  return ExitStatus.ok;
}
