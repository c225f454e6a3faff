/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Little-endian and big-endian integers at unaligned addresses. */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BYTES_ACCESSORS(bits)                                            \
	static inline uint##bits##_t bytes_le##bits(const void *p)       \
	{                                                                \
		uint##bits##_t v;                                        \
		memcpy(&v, p, sizeof(v));                                \
		return le##bits##toh(v);                                 \
	}                                                                \
	static inline void bytes_put_le##bits(void *p, uint##bits##_t v) \
	{                                                                \
		v = htole##bits(v);                                      \
		memcpy(p, &v, sizeof(v));                                \
	}                                                                \
	static inline uint##bits##_t bytes_be##bits(const void *p)       \
	{                                                                \
		uint##bits##_t v;                                        \
		memcpy(&v, p, sizeof(v));                                \
		return be##bits##toh(v);                                 \
	}

BYTES_ACCESSORS(16)
BYTES_ACCESSORS(32)
BYTES_ACCESSORS(64)

#endif
