include $(sort $(wildcard $(BR2_EXTERNAL_RM_AGENT_PATH)/package/*/*.mk))
