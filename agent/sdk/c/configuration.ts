import type { Json, JsonObject } from '../../src/config/json.ts';
import { JsonSyntaxError, parseJson, positionAt } from '../../src/config/json.ts';

/** Keys of the file that only the program heeds. */
const ofProgram: readonly string[] = ['control', 'notify', 'log', 'start', 'onDemand', 'mqtt'];

export interface Separated {
  /** As it would stand in the file. */
  readonly json: JsonObject;
  /** By the variable that stands for the secret in `json`: where it belongs. */
  readonly credentials: ReadonlyMap<string, string>;
  /** Keys that have no effect here. */
  readonly warnings: readonly string[];
}

/** Takes the text of a configuration apart. A fault is one line. */
export function separate(text: string): Separated | { readonly fault: string } {
  let json: Json;
  try {
    json = parseJson(text, () => undefined);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = positionAt(text, error.offset);
    return { fault: `line ${line}, column ${column}: ${error.message}` };
  }
  if (!isObject(json)) return { fault: 'the configuration: needed is an object' };
  const credentials = new Map<string, string>();
  const withVariable = (holder: Json | undefined, path: string): Json | undefined => {
    if (!isObject(holder) || !isCallback(holder.password)) return holder;
    const variable = `RM_AGENT_CREDENTIAL_${credentials.size + 1}`;
    credentials.set(variable, `${path}.password`);
    return { ...holder, password: { env: variable } };
  };
  const result: Record<string, Json> = Object.create(null);
  for (const [key, value] of Object.entries(json)) {
    if (ofProgram.includes(key)) continue;
    if (key === 'proxy' && Array.isArray(value))
      result[key] = value.map((entry: Json, index) => withVariable(entry, `proxy[${index}]`) ?? null);
    else result[key] = (key === 'device' || key === 'proxy' ? withVariable(value, key) : value) ?? null;
  }
  const given = json;
  const warnings = ofProgram
    .filter((key) => given[key] !== undefined && given[key] !== null)
    .map((key) => `${key}: only the program rm-agent heeds it`);
  return { json: result, credentials, warnings };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{ "callback": true }`: the program says it for each attempt. */
function isCallback(value: Json | undefined): boolean {
  return isObject(value) && value.callback === true && Object.keys(value).length === 1;
}
