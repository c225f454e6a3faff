/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and spans of time as people read and write them. Any thread. */
#ifndef COMMON_HUMAN_H
#define COMMON_HUMAN_H

#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

#define HUMAN_MAX 48

/* "512 B", "1.5 KiB", "98 GiB". */
void human_size(char out[static HUMAN_MAX], uint64_t bytes);
/* "0.3 s", "42 s", "5 min 03 s", "2 h 05 min", "3 d 4 h"; units translated. */
void human_duration(char out[static HUMAN_MAX], int64_t ns);

/* "4096", "64M", "100G", "2TiB", "1.5g": binary multiples. -EINVAL with message. */
int human_parse_size(const char *text, uint64_t *out, struct errmsg *em) MUST_CHECK;

#endif
