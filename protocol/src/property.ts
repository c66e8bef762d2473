import { ProtocolError, UsageError } from './errors.ts';
import { latin1Decode, latin1Encode, utf8Decode, utf8Encode } from './text.ts';
import { FRAME_HEADER_BYTES, Opcode, writeFrameHeader } from './webtunnel-frame.ts';

/** Device properties (`webtunnel.md` sections 1 and 2): in the upgrade as header lines, later as an update frame. */
export interface Property {
  readonly name: string;
  readonly value: string;
}

/** The properties that go unquoted into the header. */
const unquoted = new Set([
  'targetHost',
  'targetPorts',
  'httpPort',
  'sshPort',
  'vncPort',
  'rdpPort',
  'vpnPort',
  'appPort',
]);

/** A space for each control character, so that a value can neither end its header line nor start another. */
function withoutControls(text: string): string {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    result += unit < 32 || unit === 127 ? ' ' : text.charAt(i);
  }
  return result;
}

/** The value of one `X-PTTH-Set-Property` header: `device;<name>=<value>`, one code unit for each byte of its UTF-8. */
export function encodePropertyHeader(property: Property): string {
  const value = withoutControls(property.value);
  const encoded = unquoted.has(property.name) ? value : `"${value.replaceAll('"', '\\"')}"`;
  return latin1Decode(utf8Encode(`device;${property.name}=${encoded}`));
}

/**
 * The reverse of {@link encodePropertyHeader}. Throws `RM_PROPERTY` for anything without `device;`, a name and `=`.
 * A quoted value loses its quotes, and `\"` inside becomes `"`; a backslash before anything else stands for itself.
 */
export function decodePropertyHeader(field: string): Property {
  const header = utf8Decode(latin1Encode(field));
  const equals = header.indexOf('=');
  if (!header.startsWith('device;') || equals <= 'device;'.length) {
    throw new ProtocolError('RM_PROPERTY', 'property header without "device;<name>=<value>"');
  }
  const name = header.slice('device;'.length, equals).trim();
  const raw = header.slice(equals + 1).trim();
  const quoted = raw.length >= 2 && raw.startsWith('"') && raw.endsWith('"');
  return { name, value: quoted ? raw.slice(1, -1).replaceAll('\\"', '"') : raw };
}

function encodeLength(length: number): number[] {
  const bytes: number[] = [];
  for (; length > 0x7f; length = Math.floor(length / 128)) bytes.push((length & 0x7f) | 0x80);
  bytes.push(length);
  return bytes;
}

/** The frame of a properties update: at most 255 properties. */
export function encodePropertiesUpdate(properties: readonly Property[]): Uint8Array {
  if (properties.length > 255) throw new UsageError('more than 255 properties in one update');
  const strings = properties.flatMap(({ name, value }) => [utf8Encode(name), utf8Encode(value)]);
  const lengths = strings.map((bytes) => encodeLength(bytes.length));
  const size = strings.reduce((sum, bytes, i) => sum + bytes.length + (lengths[i]?.length ?? 0), 1);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + size);
  writeFrameHeader(frame, 0, Opcode.properties, 0);
  frame[FRAME_HEADER_BYTES] = properties.length;
  let at = FRAME_HEADER_BYTES + 1;
  strings.forEach((bytes, i) => {
    const length = lengths[i] ?? [];
    frame.set(length, at);
    frame.set(bytes, at + length.length);
    at += length.length + bytes.length;
  });
  return frame;
}

/** The properties after the header of an update frame; `null` when they cannot be read or bytes are left over. */
export function decodeProperties(bytes: Uint8Array): Property[] | null {
  let at = 0;
  const text = (): string | null => {
    let length = 0;
    // Four groups of 7 bits hold 256 MiB, more than any bound on the frame.
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 21) return null;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (at + length > bytes.length) return null;
    at += length;
    return utf8Decode(bytes, at - length, at);
  };
  const count = bytes[at++];
  if (count === undefined) return null;
  const properties: Property[] = [];
  for (let i = 0; i < count; i++) {
    const name = text();
    const value = text();
    if (name === null || value === null) return null;
    properties.push({ name, value });
  }
  return at === bytes.length ? properties : null;
}
