/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as text: parsing without locale, whole strings only. Used where a value has passed, or is
 * about to pass, an attribute's check. */
#ifndef MATLANGD_ATTR_VALUE_H
#define MATLANGD_ATTR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

/* "1", "on", "yes", "true" and their opposites, any case. -EINVAL otherwise. */
int attr_value_bool(const char *text, bool *out) MUST_CHECK;
/* Decimal digits with an optional sign; -EINVAL, -ERANGE. */
int attr_value_int(const char *text, int64_t *out) MUST_CHECK;
/* Finite decimal number with a point, never a comma; -EINVAL. */
int attr_value_double(const char *text, double *out) MUST_CHECK;
/* At least 0 decimals, no needless zeros: "5", "0.25". */
void attr_value_format(double v, char *out, size_t size);

/* Valid UTF-8 without control characters. */
bool attr_value_is_text(const char *text);
/* `text` in quotes, for messages: long values cut, unprintable bytes as '?'. */
#define ATTR_VALUE_QUOTED 80
const char *attr_value_quote(const char *text, char out[static ATTR_VALUE_QUOTED]);

/* Damerau-Levenshtein distance (optimal string alignment), case-insensitive, capped at `cap`. */
unsigned attr_value_distance(const char *a, const char *b, unsigned cap);

#endif
