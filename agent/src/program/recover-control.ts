import { utf8Decode } from 'rm-protocol';
import { configurationSchema } from '../config/configuration.ts';
import { expansion } from '../config/expand.ts';
import { type Json, parseJson } from '../config/json.ts';
import { maxFileBytes } from '../config/load.ts';
import { validate } from '../config/validate.ts';
import { placeOf } from '../config/written-files.ts';
import type { Host } from '../host.ts';
import { defaultConfigurationPath } from './run-line.ts';

const schema = configurationSchema.keys.control;

/**
 * The `control` of a configuration that is wrong: the agent that runs was started with one that was right. `undefined`
 * when it is unknown. A file that cannot be read has the default where it is the default file; any other may be a
 * slip of the pen, and the agent at the default socket not the one that is meant.
 */
export function recoverControl(
  host: Pick<Host, 'files' | 'system'>,
  path: string,
): string | null | undefined {
  let text = '';
  try {
    text = utf8Decode(host.files.read(path, maxFileBytes));
  } catch {
    if (path !== defaultConfigurationPath) return undefined;
  }
  const judged = validate(schema, controlIn(text), expansion(host));
  if (!('value' in judged)) return undefined;
  return judged.value === null ? null : placeOf(host, judged.value);
}

function controlIn(text: string): Json {
  let at = -1;
  let reached = 0;
  try {
    parseJson(text, (path, offset) => {
      reached = offset;
      if (path === 'control') at = offset;
    });
  } catch {
    // What stands behind the mistake cannot be parsed, but is there to be read; a setting that is commented out is not.
    const rest = text
      .slice(reached)
      .replace(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm, (comment) => ' '.repeat(comment.length));
    const key = /"control"\s*:\s*/.exec(rest);
    if (at < 0 && key) at = reached + key.index + key[0].length;
  }
  if (at < 0) return schema.default;
  const [source = '0'] = /^(?:null\b|"(?:[^"\\\n]|\\["\\/bfnrt])*")/.exec(text.slice(at)) ?? [];
  return JSON.parse(source);
}
