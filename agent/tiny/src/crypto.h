/* Random bytes, digests, WebSocket masking: native.crypto. */
#ifndef RM_CRYPTO_H
#define RM_CRYPTO_H

#include "engine.h"

void rm_crypto_init(JSValueConst native);

#endif
