// What OpenWrt expects of a package besides its format. Its own functions (`/lib/functions.sh`) enable and start the
// service, run `uci-defaults` and make the user; a package's script only calls them, as those of OpenWrt's own build do.

const functions = `[ -s "\${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "\${IPKG_INSTROOT}/lib/functions.sh"
`;
const notInImageBuilder = '[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0\n';

/** @param {import('./package.mjs').Scripts} scripts */
export function opkgScripts({ preinst, postinst, prerm, postrm }) {
  return {
    preinst: preinst && `#!/bin/sh\n${preinst}`,
    postinst: `#!/bin/sh\n${notInImageBuilder}${functions}default_postinst "$0" "$@"\n`,
    // Called by the functions above.
    'postinst-pkg': postinst && `#!/bin/sh\n${postinst}`,
    prerm: `#!/bin/sh\n${functions}default_prerm "$0" "$@"\n`,
    'prerm-pkg': prerm && `#!/bin/sh\n${prerm}`,
    postrm: postrm && `#!/bin/sh\n${postrm}`,
  };
}

/**
 * By the names that apk has for them.
 * @param {string} name of the package
 * @param {import('./package.mjs').Scripts} scripts
 * @returns {Readonly<Record<string, string | undefined>>}
 */
export function apkScripts(name, { preinst, postinst = '', prerm = '', postrm }) {
  const named = `export root="\${IPKG_INSTROOT}"\nexport pkgname="${name}"\n`;
  const installed = `${notInImageBuilder}${functions}${named}add_group_and_user\ndefault_postinst\n${postinst}`;
  const upgrade = 'export PKG_UPGRADE=1\n';
  return {
    'pre-install': preinst && `#!/bin/sh\n${preinst}`,
    'post-install': `#!/bin/sh\n${installed}`,
    'pre-deinstall': `#!/bin/sh\n${functions}${named}default_prerm\n${prerm}`,
    'post-deinstall': postrm && `#!/bin/sh\n${postrm}`,
    'pre-upgrade': preinst && `#!/bin/sh\n${upgrade}${preinst}`,
    'post-upgrade': `#!/bin/sh\n${upgrade}${installed}`,
  };
}
