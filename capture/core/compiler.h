/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small language helpers that every module uses. No functions with state. */
#ifndef CORE_COMPILER_H
#define CORE_COMPILER_H

#include <stddef.h>

/* The caller must look at the result: every function that can fail carries it. */
#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ALIGN_UP(x, a) (((x) + ((a)-1)) & ~((__typeof__(x))(a)-1))

#endif
