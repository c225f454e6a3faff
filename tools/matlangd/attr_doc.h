/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attribute table as text: docs/CONTROL_FILES.md, JSON lines, a plain list. */
#ifndef MATLANGD_ATTR_DOC_H
#define MATLANGD_ATTR_DOC_H

#include <stdio.h>

#include "capture/core/compiler.h"

/* `format`: "text", "markdown" or "json". 0, or -errno when `out` cannot be written. */
int attr_doc_write(FILE *out, const char *format) MUST_CHECK;

#endif
