/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `matlang detect --compare` found, as tables or as JSON. */
#ifndef MATLANG_COMPARE_SHOW_H
#define MATLANG_COMPARE_SHOW_H

#include "tools/matlang/compare.h"

/* After compare_match. CLI_OK or an exit code after saying why. */
int compare_show(const struct compare *p) MUST_CHECK;

#endif
