/*
 * Names of files are bytes, nearly always UTF-8. As text, each byte that is not of UTF-8 is a lone surrogate U+DC80 to U+DCFF (as
 * PEP 383 does it), so that every file of a device can be named.
 */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const escapedFrom = 0xdc00;

export function decodeName(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodePieces(bytes);
  }
}

function decodePieces(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const [lead = 0] = bytes.subarray(at, at + 1);
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    // What cannot begin a character costs no exception.
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4) {
      text += String.fromCharCode(escapedFrom + lead);
      at++;
      continue;
    }
    try {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(escapedFrom + lead);
      at++;
    }
  }
  return text;
}

export function encodeName(text: string): Uint8Array {
  const parts = text
    .split(/([\udc80-\udcff]+)/u)
    .map((part, at) =>
      at % 2 === 0
        ? encoder.encode(part)
        : Uint8Array.from(part, (character) => character.charCodeAt(0) - escapedFrom),
    );
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Controls, what turns the direction of text, what is not seen, and bytes that are no text. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text of a device as it can be shown: what could be taken for something else is its number, such as `\u{202e}`. */
export function shown(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0) ?? 0;
    // A byte that is no text.
    return code >= 0xdc80 && code <= 0xdcff
      ? `\\x${(code - escapedFrom).toString(16)}`
      : `\\u{${code.toString(16)}}`;
  });
}

/** A name of one file: no path, and none of the two names that every folder has. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

/** A name for the disk of the reader: what systems do not take, or do not show as it is, becomes `_`. */
export function localName(name: string): string {
  const plain = shown(name)
    .replace(/[<>:"/\\|?*]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '_');
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain) ? `_${plain}` : plain || '_';
}

/** `folder`: absolute. */
export function join(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** The folder around, of an absolute path; that of `/` is `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
