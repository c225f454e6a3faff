/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling people that volumes are missing. */
#include "storage/append.h"
#include "storage/stripe.h"

#include <stdio.h>

void store_tell_volumes(struct store *s)
{
	unsigned missing = s->io && stripe_is(s->io) ? stripe_missing(s->io) : 0;
	char why[ERRMSG_MAX / 2];

	if (!missing) {
		if (!outlook_tell(s))
			store_trouble(s, "%s", "");
		return;
	}
	stripe_explain(s->io, why, sizeof(why));
	unsigned more = s->super.parity_count > missing ? s->super.parity_count - missing : 0;

	if (more)
		store_trouble(s, "degraded: %s; %u more may be lost: replace what is missing", why,
			      more);
	else
		store_trouble(
			s,
			"degraded: %s; the next disk lost takes footage with it: replace what "
			"is missing now",
			why);
}

void store_watch_volumes(struct store *s)
{
	if (!s->io || !stripe_is(s->io))
		return;
	unsigned told = s->volumes_told;

	s->volumes_told = stripe_missing(s->io);
	STORE_SET(s, volumes_missing, s->volumes_told);
	if (told != s->volumes_told)
		store_trouble_over(s);
}
