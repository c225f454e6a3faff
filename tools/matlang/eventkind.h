/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an event is about, and how a box names what is the matter with a camera's view. */
#ifndef MATLANG_EVENTKIND_H
#define MATLANG_EVENTKIND_H

#include <stdbool.h>

#include "storage/record.h"

/* A fixed word for programs: "motion", "covered", ... "unknown" for what a later program wrote. */
const char *eventkind_name(enum record_event_what what);
/* In a person's words, translated. */
const char *eventkind_text(enum record_event_what what);
/* The same by the fixed word; "none" and "" are no trouble: "". */
const char *eventkind_text_of(const char *name);

#endif
