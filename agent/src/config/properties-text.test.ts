import { describe, expect, it } from 'vitest';
import { parseProperties } from './properties-file.ts';
import { propertiesText } from './properties-text.ts';

describe('the text of a properties file', () => {
  it.each<[string, Uint8Array, string]>([
    ['ASCII', Buffer.from('name = Pump 7'), 'Pump 7'],
    ['UTF-8', Buffer.from('name = Pumpe Süd'), 'Pumpe Süd'],
    ['UTF-8 with a byte order mark', Buffer.from('\ufeffname = Pumpe Süd'), 'Pumpe Süd'],
    ['UTF-8 above U+00FF', Buffer.from('name = 泵 €'), '泵 €'],
    ['Latin-1', Buffer.from('name = Pumpe Süd', 'latin1'), 'Pumpe Süd'],
    ['Latin-1 at its end', Buffer.from('name = Caf\xe9', 'latin1'), 'Café'],
    ['Latin-1 with a comment', Buffer.from('# Süd\r\nname = Größe\r\n', 'latin1'), 'Größe'],
  ])('is read from %s', (_, bytes, name) => {
    expect(parseProperties(propertiesText(bytes)).get('name')).toBe(name);
  });
});
