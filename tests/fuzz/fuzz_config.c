/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a configuration file: refused with a message, or accepted and tried out. */
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/tools/fake_appliance.h"
#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct box_settings settings = {.store_dir = BOX_STORE_DIR, .commit_ms = 1000};
	struct attr_env env = {.settings = &settings};
	struct errmsg em = {""};
	struct config c;

	if (config_parse(&c, (const char *)data, size, "input", &em)) {
		/* Never refused without saying where and why. */
		if (strncmp(em.text, "input:", 6))
			abort();
		return 0;
	}
	if (config_apply_start(&c, &env, &em) || config_apply_cameras(&c, &env, &em)) {
		config_free(&c);
		return 0;
	}
	/* What can be tried out can be done. */
	env.box = &fake;
	if (config_apply_cameras(&c, &env, &em))
		abort();
	config_free(&c);
	fake_reset();
	return 0;
}
