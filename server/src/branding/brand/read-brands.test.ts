import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../limits.ts';
import { readBrands } from './read-brands.ts';

const example = fileURLToPath(new URL('../../../../examples/branding', import.meta.url));
const known = { 'devices.count.other': '{n} devices', 'devices.title': 'Devices' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-branding-'));
  write('branding.json', '{ "name": "Acme" }');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}
function writeAll(names: readonly string[], content: string): void {
  for (const name of names) write(name, content);
}
const read = (limits = defaultLimits) => readBrands(folder, known, limits);
/** The fault, without the path of the folder. */
function fault(limits = defaultLimits): string {
  try {
    read(limits);
  } catch (error) {
    return String(error)
      .replaceAll(folder, 'B')
      .replace(/^\w+: /, '');
  }
  return 'none';
}

const svg = (inside: string) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">${inside}</svg>`;
const withLogo = (content: string | Buffer, name = 'logo.svg') => {
  write('branding.json', `{ "name": "Acme", "logo": "${name}" }`);
  write(name, content);
};

test('the example is without a fault', () => {
  cpSync(example, folder, { recursive: true });
  const { main, domains } = readBrands(folder, null, defaultLimits);
  expect(main.languages).toEqual(['en', 'de', 'fr']);
  expect(main.pages.get('imprint')?.get('de')?.title).toBe('Impressum');
  const harbour = domains.get('harbour');
  expect([harbour?.name, harbour?.columns]).toEqual(['Lindholm Harbour', main.columns]);
  // What it does not say, it takes over.
  expect([harbour?.icon, harbour?.logo?.light === main.logo?.light]).toEqual([main.icon, false]);
  expect(harbour?.colors.light.get('page')).toBe(main.colors.light.get('page'));
  expect(harbour?.pages.get('footer')?.get('')?.markup).toContain('0133');
});

describe('branding.json: one line with the path of the fault', () => {
  test.each([
    ['not JSON', '{ "name": ', /^B\/branding\.json: is not JSON: /],
    ['not an object', '[]', 'B/branding.json: must be object'],
    ['an unknown key', '{ "colours": {} }', 'B/branding.json: colours: is unknown'],
    ['a name on two lines', '{ "name": "A\\nB" }', /^B\/branding\.json: name: must match pattern/],
    [
      'an unknown colour',
      '{ "colors": { "dark": { "acent": "#fff" } } }',
      'B/branding.json: colors.dark.acent: is unknown',
    ],
    [
      'no colour',
      '{ "colors": { "light": { "accent": "red" } } }',
      /^B\/branding\.json: colors\.light\.accent: .*a colour such as/,
    ],
    [
      'a style in a colour',
      '{ "colors": { "light": { "accent": "#fff;}</style>" } } }',
      /^B\/branding\.json: colors\.light\.accent: /,
    ],
    [
      'text that is hard to read',
      '{ "colors": { "light": { "accent": "#ff9900" } } }',
      'B/branding.json: colors.light.accent: accent (#ff9900) on page (#f5f6f8) has a contrast of 1.97, and must have 4.5 (WCAG AA)',
    ],
    [
      'a ground that is hard to read on',
      '{ "colors": { "dark": { "surface": "#777777" } } }',
      /^B\/branding\.json: colors\.dark\.surface: text \(#e3e8ee\) on surface \(#777777\) has a contrast of/,
    ],
    [
      'a focus that is not seen',
      '{ "colors": { "light": { "focus": "#eeeeee" } } }',
      /focus \(#eeeeee\) on page .* must have 3 /,
    ],
    [
      'a link without an address',
      '{ "links": [{ "text": "Help" }] }',
      'B/branding.json: links.0: must have url or page',
    ],
    [
      'a link that runs something',
      '{ "links": [{ "text": "Help", "url": "javascript:alert(1)" }] }',
      /^B\/branding\.json: links\.0\.url: /,
    ],
    [
      'a link to no page',
      '{ "links": [{ "text": "Help", "page": "help" }] }',
      'B/branding.json: links.0.page: there is no page B/pages/help.md',
    ],
    [
      'words of no language',
      '{ "links": [{ "text": { "en": "Help", "it": "Aiuto" }, "url": "https://a.example" }] }',
      'B/branding.json: links.0.text.it: is none of the languages en, de',
    ],
    [
      'no words of the first language',
      '{ "links": [{ "text": { "de": "Hilfe" }, "url": "https://a.example" }] }',
      'B/branding.json: links.0.text: must have the language en',
    ],
    [
      'an unknown column',
      '{ "columns": ["state", "colour"] }',
      /^B\/branding\.json: columns\.1: .*property:NAME/,
    ],
    [
      'a password nobody can have',
      '{ "passwords": { "minLength": 1000 } }',
      'B/branding.json: passwords.minLength: must be <= 64',
    ],
    [
      'a password that is too short',
      '{ "passwords": { "minLength": 4 } }',
      'B/branding.json: passwords.minLength: must be >= 10',
    ],
    [
      'a language without texts',
      '{ "languages": ["en", "it"] }',
      'B/branding.json: languages.1: there are no texts: B/texts/it.json is missing',
    ],
    ['no language', '{ "languages": [] }', /^B\/branding\.json: languages: /],
    [
      'a logo that is not there',
      '{ "name": "A", "logo": "logo.svg" }',
      'B/branding.json: logo: there is no file B/logo.svg',
    ],
    ['a logo elsewhere', '{ "name": "A", "logo": "../logo.svg" }', /^B\/branding\.json: logo: /],
    ['a logo of the system', '{ "name": "A", "logo": "/etc/passwd" }', /^B\/branding\.json: logo: /],
  ])('%s', (_name, json, expected) => {
    write('branding.json', json);
    if (typeof expected === 'string') expect(fault()).toBe(expected);
    else expect(fault()).toMatch(expected);
  });

  test('is there', () => {
    rmSync(join(folder, 'branding.json'));
    expect(fault()).toBe('B/branding.json: no such file or directory');
    rmSync(folder, { recursive: true });
    expect(fault()).toBe('B: no such file or directory');
  });
});

describe('an image', () => {
  test.each([
    ['a script', svg('<script>alert(1)</script>'), 'must have no <script>'],
    ['a script of another prefix', svg('<s:script>alert(1)</s:script>'), 'must have no <script>'],
    ['a handler', svg('<g onload="alert(1)"/>'), 'must have no onload'],
    ['HTML in it', svg('<foreignObject/>'), 'must have no <foreignObject>'],
    [
      'an image from elsewhere',
      svg('<image href="https://evil.example/x.png"/>'),
      'must load nothing: https://evil.example/x.png',
    ],
    [
      'a link that runs something',
      svg('<a xlink:href="javascript:alert(1)"/>'),
      'must load nothing: javascript:alert(1)',
    ],
    [
      'a style from elsewhere',
      svg('<style>@import url(https://evil.example/x.css);</style>'),
      /^must load nothing: /,
    ],
    [
      'a font from elsewhere',
      svg('<style>*{fill:url(https://evil.example/x)}</style>'),
      'must load nothing: https://evil.example/x',
    ],
    ['entities', `<!DOCTYPE svg [<!ENTITY a "aaa">]>${svg('&a;')}`, /^must have no document type/],
    ['HTML', '<!doctype html><p>', /^must have no document type/],
    ['text', 'hello', 'is not an SVG image'],
    ['no namespace', '<svg viewBox="0 0 1 1"></svg>', /xmlns=.* is missing$/],
  ])('%s', (_name, content, expected) => {
    withLogo(content);
    const told = fault().replace('B/logo.svg: ', '');
    if (typeof expected === 'string') expect(told).toBe(expected);
    else expect(told).toMatch(expected);
  });

  test('may be drawn with its own parts and styles', () => {
    withLogo(
      svg('<style>.a{fill:url(#g)}</style><use href="#a"/><image href="data:image/png;base64,AA=="/>'),
    );
    expect(fault()).toBe('none');
  });

  test('is a PNG where it says so', () => {
    withLogo(svg(''), 'logo.png');
    expect(fault()).toBe('B/logo.png: is not a PNG image');
    withLogo(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]), 'logo.png');
    expect(fault()).toBe('none');
  });

  test('has words for those who do not see it', () => {
    write('branding.json', '{ "logo": "logo.svg" }');
    write('logo.svg', svg(''));
    expect(fault()).toBe('B/branding.json: name: is missing, and the logo needs it as its words');
  });
});

describe('a file', () => {
  test('outside of the folder is not read, whatever leads to it', () => {
    withLogo(svg(''));
    rmSync(join(folder, 'logo.svg'));
    symlinkSync('/etc/hostname', join(folder, 'logo.svg'));
    expect(fault()).toBe('B/logo.svg: is outside of the folder B');
    rmSync(join(folder, 'logo.svg'));
    write('logo.svg', svg(''));
    symlinkSync(tmpdir(), join(folder, 'texts'));
    expect(fault()).toBe('B/texts: is outside of the folder B');
  });

  test('may be a link within it, as in a ConfigMap of Kubernetes', () => {
    write('..2026/branding.json', '{ "name": "Linked" }');
    symlinkSync('..2026', join(folder, '..data'));
    rmSync(join(folder, 'branding.json'));
    symlinkSync('..data/branding.json', join(folder, 'branding.json'));
    expect(read().main.name).toBe('Linked');
  });

  test('is a file: a pipe does not hold the server up', () => {
    withLogo(svg(''));
    rmSync(join(folder, 'logo.svg'));
    mkdirSync(join(folder, 'logo.svg'));
    expect(fault()).toBe('B/logo.svg: is not a file');
  });

  test('is UTF-8', () => {
    write('texts/de.json', Buffer.from([0x7b, 0xff, 0x7d]));
    expect(fault()).toBe('B/texts/de.json: is not UTF-8');
  });

  const small = { brandFileBytes: 400, brandFiles: 2, brandBytes: 500, brandDomains: 1 };
  test.each([
    [
      'brandFileBytes: a file that is too long',
      { brandFileBytes: 400 },
      () => write('texts/de.json', `{}${' '.repeat(399)}`),
      'B/texts/de.json: is longer than 400 bytes',
    ],
    [
      'brandFiles: too many files',
      { brandFiles: 2 },
      () => writeAll(['texts/en.json', 'texts/de.json'], '{}'),
      /^B\/texts\/en\.json: is one of more than 2 files/,
    ],
    [
      'brandBytes: too much in all',
      { brandBytes: 500 },
      () => writeAll(['texts/en.json', 'texts/de.json'], `{}${' '.repeat(300)}`),
      /^B\/texts\/en\.json: with it, the branding is larger than 500 bytes/,
    ],
    [
      'brandDomains: too many domains',
      { brandDomains: 1 },
      () => writeAll(['domains/a/branding.json', 'domains/b/branding.json'], '{}'),
      'B/domains: has more than 1 domains',
    ],
  ])('%s', (_name, limits, prepare, expected) => {
    prepare();
    const told = fault({ ...defaultLimits, ...limits });
    if (typeof expected === 'string') expect(told).toBe(expected);
    else expect(told).toMatch(expected);
    expect(Object.keys(small)).toContain(Object.keys(limits)[0]);
  });
});

describe('texts', () => {
  test.each([
    ['not JSON', '{', /^is not JSON/],
    ['a list', '[]', 'must be an object of texts by key'],
    ['a number', '{ "logIn.title": 1 }', 'logIn.title: must be a text'],
    ['an unknown key', '{ "logIn.titel": "x" }', 'logIn.titel: is no text of the server'],
    ['a key of every object', '{ "constructor": "x" }', 'constructor: is no text of the server'],
    [
      'an unknown value',
      '{ "refusal.offline": "{name} is away" }',
      'refusal.offline: {name} is unknown: this text has {device}',
    ],
    [
      'a value where there is none',
      '{ "logIn.name": "{user}" }',
      'logIn.name: {user} is unknown: this text has no values',
    ],
    [
      'a subject on two lines',
      '{ "mail.reset.subject": "a\\r\\nBcc: b@c.example" }',
      'mail.reset.subject: must be one line',
    ],
    [
      'a mail without its link',
      '{ "mail.reset.text": "Hello {user}" }',
      /^mail\.reset\.text: must have \{link\}/,
    ],
  ])('%s', (_name, json, expected) => {
    write('texts/de.json', json);
    const told = fault().replace('B/texts/de.json: ', '');
    if (typeof expected === 'string') expect(told).toBe(expected);
    else expect(told).toMatch(expected);
  });

  test('count as each language counts, and those of the dashboard are known too', () => {
    write('texts/pl.json', '{ "devices.count.few": "{n} urządzenia", "devices.title": "Urządzenia" }');
    expect(read().main.languages).toEqual(['en', 'de', 'pl']);
  });

  test('are called by their language', () => {
    write('texts/german.json', '{}');
    expect(fault()).toBe('B/texts/german.json: must be called LANGUAGE.json, such as de.json');
  });
});

describe('pages', () => {
  test.each([
    ['HTML', '# A\n\nsome <b>bold</b> words', 'line 3: HTML is not possible: <b>'],
    ['a script', '# A\n\n<script>alert(1)</script>', 'line 3: HTML is not possible: <script>'],
    ['a comment', '# A\n\n<!-- note -->', 'line 3: HTML is not possible: <!--'],
    [
      'a link that runs something',
      '# A\n\n[x](javascript:alert(1))',
      /^line 3: a link leads to PAGE\.md, .* and not to javascript:alert\(1\)/,
    ],
    ['the same in capitals', '# A\n\n[x](JavaScript:alert(1))', /^line 3: a link leads to/],
    ['a link with data', '# A\n\n[x](data:text/html,x)', /^line 3: a link leads to/],
    ['another host without saying so', '# A\n\n[x](//evil.example)', /^line 3: a link leads to/],
    ['a page that is not there', '# A\n\n[x](help.md)', 'line 3: there is no page help'],
    [
      'an image from elsewhere',
      '# A\n\n![x](https://evil.example/x.png)',
      /^an image is a file of the folder/,
    ],
    ['an image outside', '# A\n\n![x](../../x.png)', /^an image is a file of the folder/],
    ['an image that is not there', '# A\n\n![x](../x.png)', 'there is no file B/x.png'],
    [
      'an image without words',
      '# A\n\n![](../x.png)',
      'line 3: an image needs words for those who do not see it: ![WORDS](FILE)',
    ],
    ['no title', 'text', 'line 1: a page begins with a title: # TITLE'],
    ['a small title', '## A', 'line 1: the first heading is the title, and begins with one #'],
    ['two titles', '# A\n\n# B', 'line 3: there is one title: other headings begin with ##'],
  ])('%s', (_name, markdown, expected) => {
    write('pages/about.md', markdown);
    const told = fault().replace('B/pages/about.md: ', '');
    if (typeof expected === 'string') expect(told).toBe(expected);
    else expect(told).toMatch(expected);
  });

  test('lead to each other and to the server', () => {
    write(
      'pages/about.md',
      '# About\n\n[help](help.md), [account](/account), `<b>`, 1 < 2, [home](https://a.example)',
    );
    write('pages/help.md', '# Help');
    const markup = read().main.pages.get('about')?.get('')?.markup ?? '';
    expect(markup).toContain('href="\uE000/pages/help"');
    expect(markup).toContain('href="\uE000/account"');
    expect(markup).toContain('<code>&lt;b&gt;</code>, 1 &lt; 2');
  });

  test('are parts of others without headings', () => {
    write('pages/footer.md', '# Foot');
    expect(fault()).toBe('B/pages/footer.md: line 1: headings are for pages of their own');
  });

  test.each(['About us.md', 'about.txt', 'about.deutsch.md'])('are not called %s', (name) => {
    write(`pages/${name}`, '# A');
    expect(fault()).toMatch(/must be called NAME\.md or NAME\.LANGUAGE\.md/);
  });

  test('are in languages of the brand', () => {
    write('pages/about.it.md', '# A');
    expect(fault()).toBe('B/pages/about.it.md: it is none of the languages en, de');
  });
});

describe('a domain', () => {
  test('has its own faults', () => {
    write('domains/acme/branding.json', '{ "colors": { "light": { "text": "#999999" } } }');
    expect(fault()).toMatch(/^B\/domains\/acme\/branding\.json: colors\.light\.text: /);
  });

  test('is judged with what it takes over', () => {
    write('branding.json', '{ "colors": { "light": { "accent": "#0b645f" } } }');
    write('domains/acme/branding.json', '{ "colors": { "light": { "on-accent": "#333333" } } }');
    expect(fault()).toMatch(/on-accent \(#333333\) on accent \(#0b645f\)/);
  });

  test('is called as one', () => {
    write('domains/a b/branding.json', '{}');
    expect(fault()).toBe('B/domains/a b: must be called as a domain of devices');
  });
});
