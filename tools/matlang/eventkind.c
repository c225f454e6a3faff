/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/eventkind.h"

#include <stddef.h>
#include <string.h>

#include "capture/core/compiler.h"
#include "tools/common/i18n.h"

static const struct {
	const char *name, *text;
} kinds[] = {
	[RECORD_EVENT_MOTION] = {"motion", N_("motion")},
	[RECORD_EVENT_COVERED] = {"covered", N_("view lost: covered")},
	[RECORD_EVENT_DEFOCUSED] = {"defocused", N_("view lost: out of focus")},
	[RECORD_EVENT_MOVED] = {"moved", N_("view lost: camera turned")},
	[RECORD_EVENT_BLINDED] = {"blinded", N_("view lost: blinded by light")},
};

const char *eventkind_name(enum record_event_what what)
{
	return (unsigned)what < ARRAY_SIZE(kinds) ? kinds[what].name : "unknown";
}

const char *eventkind_text(enum record_event_what what)
{
	return (unsigned)what < ARRAY_SIZE(kinds) ? _(kinds[what].text) : _("of an unknown kind");
}

const char *eventkind_text_of(const char *name)
{
	for (size_t i = RECORD_EVENT_COVERED; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return _(kinds[i].text);
	return "";
}
