/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every command of `matlang` shares: options, help, errors, JSON lines and exit codes.
 * A command is one const entry of the table in commands.c and one file cmd_*.c.
 */
#ifndef MATLANG_CLI_H
#define MATLANG_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

/* Exit codes, also in the man pages. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1, /* it went wrong, or a problem was found */
	CLI_USAGE = 2,  /* the command line was wrong; nothing was done */
};

/* Options that several commands have; which ones a command has is in command.uses. */
enum {
	CLI_USES_JSON = 1u << 0,
	CLI_USES_STORE = 1u << 1,
	CLI_USES_CONTROL = 1u << 2,
	CLI_USES_RANGE = 1u << 3,   /* --from, --to */
	CLI_USES_CAMERAS = 1u << 4, /* --camera, may be given again, patterns allowed */
	CLI_USES_CAMERA = 1u << 5,  /* --camera, one, required by the command */
};

struct cli_option {
	const char *name; /* without "--"; NULL ends a list */
	int key;          /* a letter is a short option too; others start at CLI_KEY */
	const char *arg;  /* NULL: takes none */
	const char *help;
};
#define CLI_KEY         256 /* first key of a command's own long options */
#define CLI_END         (-1)
#define CLI_STOP        (-2) /* help was shown or the usage is wrong: return cli->exit_code */
#define CLI_OPTIONS_MAX 32
#define CLI_CAMERAS_MAX 64

struct cli;
struct command {
	const char *name;    /* "find", "store create" */
	const char *args;    /* "--camera C [options]", behind the name in the usage line */
	const char *summary; /* N_() */
	const char *details; /* N_(), may be NULL */
	unsigned uses;
	const struct cli_option *options; /* its own; may be NULL */
	int (*run)(struct cli *c, int argc, char **argv);
};

struct cli {
	const struct command *command;
	int exit_code;
	bool json;
	const char *store, *control, *from, *to; /* NULL: not given */
	const char *camera[CLI_CAMERAS_MAX];
	unsigned ncameras;
};

extern const struct command cli_commands[]; /* ends with name NULL */
/* The command `argv[0]` (and `argv[1]` for "store create") names; *words: how many it used. */
const struct command *cli_find(int argc, char **argv, int *words);

/*
 * The next option as getopt_long gives it: its key with optarg set, CLI_END (operands are
 * argv[optind..]), or CLI_STOP. Options of cli_uses and --help are taken care of inside.
 */
int cli_getopt(struct cli *c, int argc, char **argv);

void cli_help(const struct command *command);
void cli_overview(FILE *to);

/* "matlang find: text" on standard error; returns CLI_FAILED or CLI_USAGE for `return`. */
int cli_fail(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
int cli_usage(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void cli_warn(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One JSON object, one line; takes `object` (NULL: no memory). 0 or -errno. */
int cli_json(json_t *object) MUST_CHECK;
/* Flushes standard output; `code`, or CLI_FAILED with a message when output was lost. */
int cli_finish(const struct cli *c, int code);

/* "4" in 1..max; -EINVAL with message naming the option and the range. */
int cli_number(const char *option, const char *text, long min, long max, long *out,
	       struct errmsg *em) MUST_CHECK;

#endif
