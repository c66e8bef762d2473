// A fresh Debian with systemd, as debootstrap makes it, for tests that install packages. As a program it prints the folder.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from '../cache.mjs';
import { needPackages } from '../debian.mjs';
import { run } from '../subprocess.mjs';

/** The same release of Debian as this machine, from its mirror. */
async function mirror() {
  const format = ['--format', '$(REPO_URI) $(RELEASE)', 'Created-By: Packages'];
  const lines = (await run('apt-get', ['indextargets', ...format])).trim().split('\n');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const [uri = ''] = lines.find((line) => line.endsWith(` ${codename}`))?.split(' ') ?? [];
  return { uri, codename };
}

/** The folder of its file system, which nobody may change; boot.sh lays another one over it. */
export async function debianRoot() {
  await needPackages(['debootstrap']);
  const { uri, codename } = await mirror();
  const folder = await cached(`debian-${codename}`, [codename, 'systemd'], async (unfinished) => {
    console.error(`Making a Debian ${codename}, which takes some minutes …`);
    const root = join(unfinished, 'root');
    const include = '--include=systemd,systemd-sysv';
    await run('debootstrap', ['--variant=minbase', include, codename, root, uri]);
    rmSync(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
  });
  return join(folder, 'root');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await debianRoot());
