SUMMARY = "Remote access to the services of a device behind NAT"
DESCRIPTION = "The agent dials a reflector, through which the web interfaces, SSH, VNC and TCP services of \
this device become reachable."
SECTION = "net"
# SPDX's operators are refused by older releases, scarthgap among them, and "&" is deprecated in newer ones. Of the two
# licences that mbedTLS offers, this is the one to use.
LICENSE = "MIT ${@'AND' if os.path.exists(d.expand('${COREBASE}/meta/lib/oe/spdx_license.py')) else '&'} Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://LICENSE;md5=@MD5:LICENSE@ \
    file://third-party/mbedtls/LICENSE;md5=@MD5:third-party/mbedtls/LICENSE@ \
    file://third-party/quickjs/LICENSE;md5=@MD5:third-party/quickjs/LICENSE@ \
"

SRC_URI = "${RM_AGENT_SITE}/rm-agent-${PV}.tar.gz \
           file://run-ptest \
           "
SRC_URI[sha256sum] = "@SHA256@"

CVE_PRODUCT = "rm-agent"

inherit cmake ptest systemd update-rc.d ${@bb.utils.contains('DISTRO_FEATURES', 'sysvinit', 'useradd', '', d)}

# system-mbedtls: mbedtls 3.6 of meta-oe. system-quickjs: libquickjs of a recipe of yours; the script is then embedded as
# text. Without them, the pinned sources in the archive are compiled in. mqtt: the MQTT client, and the tunnel on demand.
PACKAGECONFIG ??= "mqtt"
PACKAGECONFIG[mqtt] = "-DRM_MQTT=ON,-DRM_MQTT=OFF"
PACKAGECONFIG[system-mbedtls] = ",-DMBEDTLS_SOURCE=bundled,mbedtls"
PACKAGECONFIG[system-quickjs] = "-DRM_EMBED=source,-DQUICKJS_SOURCE=bundled,quickjs"

# What compiles the script to bytecode runs on the build machine.
EXTRA_OECMAKE = "-DRM_BUILD_CC='${BUILD_CC}'"
OECMAKE_TARGET_COMPILE = "rm-agent"

# A file of your build directory that becomes /etc/rm-agent.json. Without it, another recipe or the factory brings the file.
RM_AGENT_CONFIG ?= ""

# With systemd alone, the user exists only while the agent runs, and the configuration stays root's.
USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --user-group --no-create-home --home-dir / --shell /bin/false rm-agent"

SYSTEMD_SERVICE:${PN} = "rm-agent.service"
INITSCRIPT_NAME = "rm-agent"
INITSCRIPT_PARAMS = "defaults 90 10"

do_install:append() {
	if [ -n "${RM_AGENT_CONFIG}" ]; then
		install -D -m 0600 ${RM_AGENT_CONFIG} ${D}${sysconfdir}/rm-agent.json
	fi
	if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
		install -D -m 0644 ${S}/init/systemd/usr/lib/systemd/system/rm-agent.service \
			${D}${systemd_system_unitdir}/rm-agent.service
	fi
	if ${@bb.utils.contains('DISTRO_FEATURES', 'sysvinit', 'true', 'false', d)}; then
		install -D -m 0755 ${S}/init/sysv/usr/lib/rm-agent/run ${D}${nonarch_libdir}/rm-agent/run
		install -D -m 0755 ${S}/init/sysv/etc/init.d/rm-agent ${D}${sysconfdir}/init.d/rm-agent
		if [ -n "${RM_AGENT_CONFIG}" ]; then
			chown rm-agent:rm-agent ${D}${sysconfdir}/rm-agent.json
		fi
	fi
}
do_install[file-checksums] += "${@(d.getVar('RM_AGENT_CONFIG') + ':True') if d.getVar('RM_AGENT_CONFIG') else ''}"

FILES:${PN} += "${nonarch_libdir}/rm-agent ${systemd_system_unitdir}"
FILES:${PN}-doc += "${datadir}/licenses"
CONFFILES:${PN} = "${sysconfdir}/rm-agent.json"
RRECOMMENDS:${PN} += "ca-certificates"
