import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { version } from '../bundle.mjs';
import { filledIn, recipes } from './recipes.mjs';
import { cmakeOptions, shellFunction } from './testing/bitbake.mjs';

const archive = Buffer.from('archive');
const licences = ['LICENSE', 'third-party/mbedtls/LICENSE', 'third-party/quickjs/LICENSE'];
const files = licences.map((path) => ({ path, mode: 0o644, content: Buffer.from(path) }));
/** @param {string} algorithm @param {string} text */
const hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

describe('a recipe', () => {
  it('gets the version and the hashes of the archive and of files in it', () => {
    expect(filledIn('v@VERSION@ @SHA256@', archive, files)).toBe(`v${version} ${hash('sha256', 'archive')}`);
    expect(filledIn('@MD5:LICENSE@', archive, files)).toBe(hash('md5', 'LICENSE'));
    expect(filledIn('a@b.example @D', archive, files)).toBe('a@b.example @D');
  });

  it('must not name a file that the archive does not have', () => {
    expect(() => filledIn('@MD5:COPYING@', archive, files)).toThrow(
      'names COPYING, which is not in the archive',
    );
  });

  it('of every system has no placeholder left, in its name or its text', () => {
    const written = recipes(archive, files);
    expect(written.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'buildroot/package/rm-agent/rm-agent.mk',
        `meta-rm-agent/recipes-connectivity/rm-agent/rm-agent_${version}.bb`,
        'openwrt/net/rm-agent/Makefile',
      ]),
    );
    for (const { path, content } of written) {
      expect(path + content.toString('utf8')).not.toMatch(/@(?:VERSION|SHA256|MD5)/);
    }
  });
});

describe('the recipe for BitBake, as the tests run it', () => {
  const recipe = `
EXTRA_OECMAKE = "-DA='1' \\
    -DB=2"
PACKAGECONFIG[inside] = "-DON,-DOFF,library"
do_install:append() {
	if \${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
		install \${S}/x \${D}/y
	fi
}
`;

  it('gives CMake its options, and those of PACKAGECONFIG', () => {
    expect(cmakeOptions(recipe, [])).toMatch(/^-DA='1' +-DB=2 -DOFF$/);
    expect(cmakeOptions(recipe, ['inside'])).toMatch(/ -DON$/);
  });

  it('gives the shell its functions', () => {
    const body = shellFunction(recipe, 'do_install:append', { S: '/s', D: '/d' }, []);
    expect(body).toBe('\tif false; then\n\t\tinstall /s/x /d/y\n\tfi');
    expect(() => shellFunction(recipe, 'do_compile', {}, [])).toThrow('no do_compile');
  });
});
