// Packages of opkg, OpenWrt's package manager until 2025, Yocto's still: a tar archive of two tar archives.
import { sourceDate } from '../commit.mjs';
import { fileTree, totalBytes } from './file-tree.mjs';
import { opkgScripts } from './openwrt.mjs';
import { controlFile, textFile } from './package.mjs';
import { tarGz } from './tar.mjs';

/**
 * @param {import('./package.mjs').Package} content
 * @param {{ time?: number }} [options] of all files, seconds since 1970
 * @returns {Buffer}
 */
export function ipk(content, { time = sourceDate() } = {}) {
  const entries = fileTree(content.entries);
  const control = controlFile([
    ['Package', content.name],
    ['Version', `${content.version}-r1`],
    ['Depends', content.depends.join(', ')],
    ['License', content.licence],
    ['Section', content.section],
    ['Require-User', content.user],
    ['SourceDateEpoch', String(time)],
    ['URL', content.homepage],
    ['CPE-ID', content.cpe],
    ['Maintainer', content.maintainer],
    ['Architecture', content.architecture],
    ['Installed-Size', String(totalBytes(entries))],
    ['Description', [content.summary, ...content.details].join('\n ')],
  ]);
  const scripts = Object.entries(opkgScripts(content.scripts)).flatMap(([name, script]) =>
    script === undefined ? [] : [textFile(name, script, 0o755)],
  );
  const conffiles = content.conffiles.map((path) => `${path}\n`).join('');
  const about = [
    textFile('control', control),
    ...(conffiles === '' ? [] : [textFile('conffiles', conffiles)]),
    ...scripts,
  ];
  const options = { time, prefix: './' };
  return tarGz(
    [
      textFile('debian-binary', '2.0\n'),
      { path: 'control.tar.gz', mode: 0o644, content: tarGz(about, options) },
      { path: 'data.tar.gz', mode: 0o644, content: tarGz(entries, options) },
    ],
    options,
  );
}
