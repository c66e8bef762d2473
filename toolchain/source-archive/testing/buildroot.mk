# What Buildroot does with rm-agent.mk, without Buildroot: the steps of its pkg-cmake.mk and pkg-generic.mk, with a compiler
# of Debian. Needs SOURCE (the unpacked archive), BUILD, TARGET_DIR, CROSS, and the package file as PACKAGE.
PKG = RM_AGENT
HOSTCC = cc
INSTALL = install
qstrip = $(strip $(subst ",,$(1)))
#"
cmake-package =
BR2_EXTERNAL_RM_AGENT_PATH = $(abspath $(dir $(PACKAGE))/../..)
include $(PACKAGE)

# $(@D) of the package's commands is the folder of the source.
all: $(SOURCE)/.built
$(SOURCE)/.built:
	cmake -S $(SOURCE) -B $(BUILD) -G "Unix Makefiles" -DCMAKE_TOOLCHAIN_FILE=$(CROSS) -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_SHARED_LIBS=ON $(RM_AGENT_CONF_OPTS)
	cmake --build $(BUILD) -j2
	DESTDIR=$(TARGET_DIR) cmake --install $(BUILD) $(RM_AGENT_INSTALL_TARGET_OPTS)
	$(RM_AGENT_INSTALL_CONFIG)
	$(RM_AGENT_INSTALL_INIT_SYSV)
	$(RM_AGENT_INSTALL_INIT_SYSTEMD)
