/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns on a terminal; widths are counted in screen cells, so Vietnamese lines up. */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "capture/core/compiler.h"

struct table;

/* `columns`: one character a column, 'l' left, 'r' right aligned. NULL: no memory (every other
 * call takes that). */
struct table *table_create(const char *columns);
/* NULL is fine. */
void table_destroy(struct table *t);
/* The next cell, row by row; copied. Characters that would move the cursor become '?'. */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* 0; -ENOMEM when a cell could not be kept; -EIO when `to` fails. */
int table_print(const struct table *t, FILE *to) MUST_CHECK;

/* Screen cells of a UTF-8 text. */
size_t table_width(const char *text);
/* Replaces control characters in place: what a device or a store says must not steer a terminal. */
void table_tame(char *text);

#endif
