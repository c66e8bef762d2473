# What OpenWrt does with the feed's Makefile, without OpenWrt: the steps of its package.mk and cmake.mk, with a compiler of
# Debian. Needs SOURCE (the unpacked archive), BUILD, TARGET_DIR and CROSS; BUILD_VARIANT as there.
INCLUDE_DIR := $(TOPDIR)/include
PKG_BUILD_DIR := $(SOURCE)
PKG_INSTALL_DIR := $(BUILD)/ipkg-install
HOSTCC_NOCACHE := cc
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
CP := cp -fpR
