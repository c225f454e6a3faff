/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeping the settings in force: writes the configuration file anew, whole or not at all (written
 * beside it, synced, renamed over it, folder synced). Comments and the order of an existing file
 * stay; settings that the file names stay in it, others are added when they differ from their
 * defaults.
 */
#ifndef MATLANGD_CONFIG_SAVE_H
#define MATLANGD_CONFIG_SAVE_H

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "tools/matlangd/attr.h"

/* Reactor: takes down the settings in force; the writing is left in *out. */
int config_save_begin(struct attr_env *env, struct attr_deferred **out,
		      struct errmsg *em) MUST_CHECK;

#endif
