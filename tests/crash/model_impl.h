/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the model share: model.c appends, model_read.c compares what is shown. */
#ifndef TESTS_CRASH_MODEL_IMPL_H
#define TESTS_CRASH_MODEL_IMPL_H

#include "tests/crash/model.h"

extern const char *const model_names[MODEL_CAMERAS];

/* The bytes of item `id`: the same for the same seed. */
void model_fill(uint8_t *p, size_t n, uint64_t seed, uint32_t id);

#endif
