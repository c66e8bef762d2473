################################################################################
#
# rm-agent
#
################################################################################

RM_AGENT_VERSION = @VERSION@
# The archive is beside this tree. Your BR2_PRIMARY_SITE comes first.
RM_AGENT_SITE = $(realpath $(BR2_EXTERNAL_RM_AGENT_PATH)/..)
RM_AGENT_SITE_METHOD = file
RM_AGENT_LICENSE = MIT
RM_AGENT_LICENSE_FILES = LICENSE
RM_AGENT_CPE_ID_VENDOR = rm-agent
RM_AGENT_INSTALL_TARGET_OPTS = --component runtime
# Compiles the script to bytecode on the build machine.
RM_AGENT_CONF_OPTS = -DRM_BUILD_CC="$(HOSTCC)"

ifneq ($(BR2_PACKAGE_RM_AGENT_MQTT),y)
RM_AGENT_CONF_OPTS += -DRM_MQTT=OFF
endif

ifeq ($(BR2_PACKAGE_RM_AGENT_SYSTEM_MBEDTLS),y)
RM_AGENT_DEPENDENCIES += mbedtls
else
RM_AGENT_LICENSE += , Apache-2.0 or GPL-2.0+ (mbedTLS)
RM_AGENT_LICENSE_FILES += third-party/mbedtls/LICENSE
RM_AGENT_CONF_OPTS += -DMBEDTLS_SOURCE=bundled
endif

ifeq ($(BR2_PACKAGE_RM_AGENT_SYSTEM_QUICKJS),y)
RM_AGENT_DEPENDENCIES += quickjs
RM_AGENT_CONF_OPTS += -DRM_EMBED=source
else
RM_AGENT_LICENSE += , MIT (QuickJS)
RM_AGENT_LICENSE_FILES += third-party/quickjs/LICENSE
RM_AGENT_CONF_OPTS += -DQUICKJS_SOURCE=bundled
endif

# With systemd the user exists only while the agent runs, and the
# configuration stays root's.
ifeq ($(BR2_INIT_SYSTEMD),y)
RM_AGENT_OWNER = root
else
RM_AGENT_OWNER = rm-agent
define RM_AGENT_USERS
	rm-agent -1 rm-agent -1 * - - - remote access
endef
endif

RM_AGENT_CONFIG = $(call qstrip,$(BR2_PACKAGE_RM_AGENT_CONFIG))
ifneq ($(RM_AGENT_CONFIG),)
define RM_AGENT_INSTALL_CONFIG
	$(INSTALL) -D -m 0600 $(RM_AGENT_CONFIG) \
		$(TARGET_DIR)/etc/rm-agent.json
endef
RM_AGENT_POST_INSTALL_TARGET_HOOKS += RM_AGENT_INSTALL_CONFIG

define RM_AGENT_PERMISSIONS
	/etc/rm-agent.json f 600 $(RM_AGENT_OWNER) $(RM_AGENT_OWNER) - - - - -
endef
endif

define RM_AGENT_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 \
		$(@D)/init/systemd/usr/lib/systemd/system/rm-agent.service \
		$(TARGET_DIR)/usr/lib/systemd/system/rm-agent.service
endef

define RM_AGENT_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/init/busybox/usr/lib/rm-agent/run \
		$(TARGET_DIR)/usr/lib/rm-agent/run
	$(INSTALL) -D -m 0755 $(@D)/init/busybox/etc/init.d/S90rm-agent \
		$(TARGET_DIR)/etc/init.d/S90rm-agent
endef

define RM_AGENT_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/init/openrc/usr/lib/rm-agent/run \
		$(TARGET_DIR)/usr/lib/rm-agent/run
	$(INSTALL) -D -m 0755 $(@D)/init/openrc/etc/init.d/rm-agent \
		$(TARGET_DIR)/etc/init.d/rm-agent
endef

$(eval $(cmake-package))
