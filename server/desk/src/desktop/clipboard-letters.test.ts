import { expect, test } from 'vitest';
import { notLatin1, takesUnicode } from './clipboard-letters.ts';

test.each([
  ['42 °C, Größe', []],
  ['5 € für Łódź, 😀 €', ['€', 'Ł', 'ź', '😀']],
  ['', []],
])('of %j, a server without the extended clipboard does not take %j', (text, letters) => {
  expect(notLatin1(text)).toEqual(letters);
});

test.each([
  ['none', {}, {}, false],
  ['text and notify', { 1: true }, { [1 << 27]: true }, true],
  ['no text', { 2: true }, { [1 << 27]: true }, false],
])('a server with %s', (_, formats, actions, takes) => {
  const server = {
    _clipboardServerCapabilitiesFormats: formats,
    _clipboardServerCapabilitiesActions: actions,
  };
  expect(takesUnicode(server)).toBe(takes);
});
