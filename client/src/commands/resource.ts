import { parseArgs } from 'node:util';
import { type Action, namesOf } from '../api/action.ts';
import { Api } from '../api/call.ts';
import { fieldsOf } from '../api/fields.ts';
import { resources } from '../api/resources.ts';
import { fieldOf, json, jsonList, plain, record, table } from '../api/show.ts';
import type { CommandContext } from '../command-line/command-context.ts';
import { authorizeAt, chooseReflector, reflectorOptions } from '../command-line/reflector-options.ts';
import { ExitStatus, Failure } from '../failure.ts';

/** `rm-client users add …`: one action of the API, by the table of resources. */
export async function runResource(
  resource: string,
  args: string[],
  context: CommandContext,
): Promise<number> {
  const actions = resources[resource] ?? {};
  const [usual = ''] = Object.keys(actions);
  const named = args[0] !== undefined && !args[0].startsWith('-') ? args[0] : usual;
  const action = Object.hasOwn(actions, named) ? actions[named] : undefined;
  if (!action) {
    const all = Object.keys(actions).join(', ');
    throw new Failure(
      `${resource} ${named}: must be one of ${all}; see rm-client ${resource} --help`,
      ExitStatus.usage,
    );
  }
  const { values, positionals } = parseArgs({
    args: named === args[0] ? args.slice(1) : args,
    options: { ...reflectorOptions, json: { type: 'boolean' }, ...optionsOf(action) },
    allowPositionals: true,
  });
  const names = namesOf(action);
  if (positionals.length !== names.length) {
    const typed = names.map((name) => ` ${name.toUpperCase()}`).join('');
    throw new Failure(`usage: rm-client ${resource} ${named}${typed}`, ExitStatus.usage);
  }
  const fields = fieldsOf(action, values as Parameters<typeof fieldsOf>[1], context.clock.date());
  const chosen = chooseReflector(values, context);
  const api = new Api(chosen.route, await authorizeAt(chosen, context));
  const given = new Map(names.map((name, i) => [name, positionals[i] ?? '']));
  const path = action.path.replaceAll(/\{([^}]+)\}/g, (_match, name: string) =>
    encodeURIComponent(given.get(name) ?? ''),
  );
  await runAction(api, action, { path, fields, given, asJson: values.json === true }, context);
  return ExitStatus.ok;
}

interface Asked {
  readonly path: string;
  readonly fields: Record<string, unknown>;
  readonly given: ReadonlyMap<string, string>;
  readonly asJson: boolean;
}

async function runAction(api: Api, action: Action, asked: Asked, context: CommandContext): Promise<void> {
  const { path, fields, given, asJson } = asked;
  const { method, columns, paged, only, done } = action;
  if (paged && columns) {
    const list = asJson ? jsonList() : table(columns);
    for await (const records of api.pages(path, fields)) context.print(list.page(records));
    context.print(list.end());
    return;
  }
  if (method === 'GET') {
    const { value } = await api.get(path, fields);
    context.print(asJson ? json(value) : record(value));
    return;
  }
  // Who removes something means it as it is now.
  const present = method === 'DELETE' ? '*' : null;
  const version = action.conditional ? (await api.get(path)).version : present;
  const body = action.options === undefined ? undefined : fields;
  const value = await api.change(method, path, body, version);
  if (asJson && value !== undefined) context.print(json(value));
  else if (done !== undefined) {
    context.print(`${done.replaceAll(/\{([^}]+)\}/g, (_match, name: string) => given.get(name) ?? '')}\n`);
  } else context.print(plain(only === undefined ? value : fieldOf(value, only)));
}

function optionsOf({ options = {} }: Action) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type }]) => [
      name,
      type === 'flag'
        ? ({ type: 'boolean' } as const)
        : ({ type: 'string', multiple: type === 'list' || type === 'pairs' } as const),
    ]),
  );
}

/** The help of a resource. */
export function resourceHelp(resource: string): string {
  const lines = Object.entries(resources[resource] ?? {}).flatMap(([name, action]) => {
    const names = namesOf(action).map((one) => ` ${one.toUpperCase()}`);
    const options = Object.entries(action.options ?? {}).map(([option, { placeholder }]) =>
      placeholder === undefined ? ` [--${option}]` : ` [--${option} ${placeholder}]`,
    );
    return [...wrapped(`  ${name}${names.join('')}`, options), `      ${action.help}`];
  });
  return `Usage: rm-client ${resource} [ACTION] [NAMES] [--json] [OPTIONS]

${lines.join('\n')}

Needs an rm-server, and the rights to it there. --reflector, --user, --ca, --proxy, --insecure: see rm-client --help
`;
}

/** Lines of at most 120 characters. */
function wrapped(begin: string, words: readonly string[]): string[] {
  const lines = [begin];
  for (const word of words) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length <= 118) lines[lines.length - 1] = last + word;
    else lines.push(`     ${word}`);
  }
  return lines;
}
