/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of matlangd. */
#ifndef MATLANGD_OPTIONS_H
#define MATLANGD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

/* Exit codes; scripts and docs/man/matlangd.8 know them. */
enum matlangd_exit {
	EXIT_DONE = 0,    /* an orderly end */
	EXIT_FAILED = 1,  /* failed while running */
	EXIT_USAGE = 2,   /* command line or configuration file */
	EXIT_STORE = 3,   /* the store cannot be opened: nothing was recorded */
	EXIT_CONTROL = 4, /* the control files that were asked for cannot be had */
};

enum options_action { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_LIST, OPTIONS_CHECK };

/* One --set, --camera or --store: a path and a value for config_set(). */
struct options_set {
	char *path, *value;
	const char *origin; /* "--set", ... */
};

struct options {
	enum options_action action;
	const char *config;      /* file; NULL: none */
	bool config_given;       /* it must exist then */
	const char *control;     /* folder; NULL: none */
	bool control_given;      /* not having it is an error then */
	const char *list_format; /* "text", "markdown", "json" */
	int64_t seconds;         /* end by itself; 0: no */
	bool status;
	struct options_set *set;
	size_t nset;
};

/* -EINVAL with message. Strings point into argv or belong to the options. */
int options_parse(struct options *out, int argc, char **argv, struct errmsg *em) MUST_CHECK;
void options_free(struct options *o);
void options_help(void);

#endif
