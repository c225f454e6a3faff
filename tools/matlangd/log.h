/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running log, to standard error: with the journal's priority prefixes when the journal reads
 * it, with time and level for people otherwise. Levels are syslog's; debugging lines
 * go to the journal only. Any thread.
 */
#ifndef MATLANGD_LOG_H
#define MATLANGD_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/core/compiler.h"

struct log;

/* NULL when out of memory. */
struct log *log_create(void) MUST_CHECK;
void log_destroy(struct log *l);

/* `log` is a struct log: the form that appliance_options.log wants. */
void log_line(void *log, int level, const char *line);
void log_printf(struct log *l, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* While the screen belongs to the status table, lines are kept for it instead of written. */
#define LOG_KEPT 6
void log_keep(struct log *l, bool keep);
/* The kept lines, oldest first, each NUL-terminated; returns how many. */
#define LOG_LINE_MAX 512
size_t log_kept(struct log *l, char out[LOG_KEPT][LOG_LINE_MAX]);

#endif
