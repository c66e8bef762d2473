import { utf8DecodeStrict } from 'rm-protocol';
import { type Json, type JsonObject, JsonSyntaxError, parseJson, positionAt } from '../config/json.ts';
import { gatewayLimits } from '../config/limits.ts';
import type { Host } from '../host.ts';
import { messageOf } from '../log/log.ts';

/** Text that was read as JSON, and where what stands in it. */
export interface Source {
  readonly json: Json;
  /** `FILE:LINE:COLUMN: ` of a path in it, or of the nearest that is there. */
  place(path: string): string;
}

/** Reads a file as JSON; the error is one line. */
export function readSource(
  files: Pick<Host['files'], 'read'>,
  path: string,
  most: number,
): Source | { readonly error: string } {
  let text: string | null;
  try {
    text = utf8DecodeStrict(files.read(path, most));
  } catch (error) {
    return { error: `${path}: cannot be read: ${messageOf(error)}` };
  }
  if (text === null) return { error: `${path}: is not UTF-8 text` };
  return parseSource(text, path);
}

/**
 * As {@link readSource}, in the folder of the devices. Reading what is no file there, such as a FIFO, may wait for ever, and the
 * tunnels of all devices with it.
 */
export function readDeviceFile(
  files: Pick<Host['files'], 'read' | 'stat'>,
  path: string,
): Source | { readonly error: string } {
  try {
    if (files.stat(path)?.kind === 'other') return { error: `${path}: is no file` };
  } catch (error) {
    return { error: `${path}: cannot be read: ${messageOf(error)}` };
  }
  return readSource(files, path, gatewayLimits.fileBytes);
}

export function parseSource(text: string, path: string): Source | { readonly error: string } {
  const offsets = new Map<string, number>();
  const at = (offset: number): string => {
    const { line, column } = positionAt(text, offset);
    return `${path}:${line}:${column}: `;
  };
  try {
    const json = parseJson(text, (member, offset) => offsets.set(member, offset));
    return {
      json,
      place: (member) => {
        for (let name = member; name !== ''; name = name.replace(/(?:^|\.)[^.[\]]*$|\[[^[\]]*\]$/, '')) {
          const offset = offsets.get(name);
          if (offset !== undefined) return at(offset);
        }
        return at(offsets.get('') ?? 0);
      },
    };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { error: at(error.offset) + error.message };
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
