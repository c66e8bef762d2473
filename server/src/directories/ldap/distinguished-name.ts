/**
 * A distinguished name (RFC 4514) in one spelling, so that two are of the same entry if they are equal as text: attribute
 * types and values in lower case, escapes resolved, no blanks around `,`, `=` and `+`, those within a value as one.
 * What cannot be read stays as it is, in lower case.
 */
export function normalDn(name: string): string {
  const parts: string[] = [];
  let part = '';
  let escaped: number[] = [];
  const flush = () => {
    part += Buffer.from(escaped)
      .toString('utf8')
      .replaceAll(/[\\,+=]/g, '\\$&');
    escaped = [];
  };
  for (let at = 0; at < name.length; at++) {
    const character = name.charAt(at);
    const pair = /^[0-9a-f]{2}/i.exec(name.slice(at + 1));
    if (character === '\\' && pair) {
      escaped.push(Number.parseInt(pair[0], 16));
      at += 2;
      continue;
    }
    flush();
    if (character === '\\') {
      at++;
      escaped.push(...Buffer.from(name.charAt(at)));
    } else if (character === ',' || character === ';' || character === '+') {
      parts.push(part, character === '+' ? '+' : ',');
      part = '';
    } else {
      part += character;
    }
  }
  flush();
  parts.push(part);
  return parts.map(normalPart).join('');
}

function normalPart(part: string): string {
  return part
    .replace(/^\s*([^=\s]*)\s*=\s*/, '$1=')
    .trim()
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
}
