# With `BuildPackage,NAME` the package of the chosen variant is built.
define BuildPackage
  $(eval VARIANT :=)
  $(eval $(Package/$(1)))
  ifeq ($(VARIANT),$(BUILD_VARIANT))
    all:
	cmake -S $(SOURCE) -B $(BUILD) $(CMAKE_OPTIONS)
	ninja -C $(BUILD)
	DESTDIR=$(PKG_INSTALL_DIR) ninja -C $(BUILD) install
	$(call Package/$(1)/install,$(TARGET_DIR))
  endif
endef
