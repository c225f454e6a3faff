/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlangd: from the command line to a running appliance, and back in good order. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "tools/matlangd/appliance.h"
#include "storage/replace.h"
#include "storage/scrub.h"
#include "tools/matlangd/attr_doc.h"
#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/changes.h"
#include "tools/matlangd/config.h"
#include "tools/matlangd/ctlfs.h"
#include "tools/matlangd/limits.h"
#include "tools/matlangd/log.h"
#include "tools/matlangd/notify.h"
#include "tools/matlangd/options.h"
#include "tools/matlangd/reactor_call.h"
#include "tools/matlangd/statusview.h"
#include "tools/matlangd/stopper.h"

#define CONTROL_GROUP "matlang"

struct daemon {
	struct options options;
	struct config config;
	struct box_settings settings;
	struct attr_env env;
	struct stopper stopper;
	struct log *log;
	struct changes *changes;
	struct reactor_calls *calls;
	struct ctlfs *ctlfs;
	struct statusview *view;
	struct notify_watchdog watchdog;
	struct reactor_timer end;
};

static int complain(const struct errmsg *em, int code)
{
	fprintf(stderr, "matlangd: %s\n", em->text);
	return code;
}

/* Command line over configuration file over defaults. */
static int read_settings(struct daemon *d, struct errmsg *em)
{
	const struct options *o = &d->options;
	int err = o->config ? config_read(&d->config, o->config, em) : 0;

	/* Nobody has to write a file: everything has a default. */
	if (err == -ENOENT && !o->config_given && access(o->config, F_OK))
		err = 0;
	for (size_t i = 0; !err && i < o->nset; i++)
		err = config_set(&d->config, o->set[i].path, o->set[i].value, o->set[i].origin, em);
	if (err)
		return err;
	strcpy(d->settings.store_dir, BOX_STORE_DIR);
	d->settings.commit_ms = 1000;
	d->settings.rebuild_mb_s = 100;
	d->settings.scrub_mb_s = 20;
	d->settings.warn_days = 7;
	if (o->config && strlen(o->config) >= sizeof(d->settings.config_file))
		return errmsg_set(em, -ENAMETOOLONG, "--config %.40s...: too long", o->config);
	/* `save` finds the file wherever the process may go: the default is absolute, what is there
	 * is resolved, and what is not there yet is taken as it was written. */
	if (o->config && !realpath(o->config, d->settings.config_file))
		strcpy(d->settings.config_file, o->config);
	d->env.settings = &d->settings;
	err = config_apply_start(&d->config, &d->env, em);
	/* Tried out before anything starts: a mistake in the last line records nothing. */
	return err ? err : config_apply_cameras(&d->config, &d->env, em);
}

static int create_box(struct daemon *d, struct errmsg *em)
{
	struct appliance_options ao = {
		.store_dir = d->settings.store_dir,
		.workers = d->settings.workers,
		.commit_ns = d->settings.commit_ms * NSEC_PER_MSEC,
		.warn_ns = d->settings.warn_days * 86400 * NSEC_PER_SEC,
		.log = log_line,
		.log_ctx = d->log,
		.changed = changes_add,
		.changed_ctx = d->changes,
	};
	int err = appliance_create(&d->env.box, &ao, em);

	if (err)
		return err;
	replace_set_rate(appliance_store(d->env.box), (uint64_t)d->settings.rebuild_mb_s << 20);
	scrub_set_rate(appliance_store(d->env.box), (uint64_t)d->settings.scrub_mb_s << 20);
	d->env.changed = changes_add;
	d->env.changed_ctx = d->changes;
	return config_apply_cameras(&d->config, &d->env, em);
}

/* Control files that were asked for by name must be there; without the default ones the box still
 * records, and says so. */
static int start_control(struct daemon *d, struct errmsg *em)
{
	struct ctlfs_options o = {
		.dir = d->options.control,
		.group = CONTROL_GROUP,
		.env = &d->env,
		.calls = d->calls,
		.changes = d->changes,
		.log = log_line,
		.log_ctx = d->log,
	};
	int err;

	if (!o.dir)
		return 0;
	err = ctlfs_start(&d->ctlfs, &o, em);
	if (!err || d->options.control_given)
		return err;
	log_printf(d->log, LOG_WARNING, "recording without control files: %s", em->text);
	return 0;
}

static void end_by_itself(struct reactor_timer *t)
{
	struct daemon *d = container_of(t, struct daemon, end);

	log_printf(d->log, LOG_NOTICE, "%" PRId64 " seconds are over: stopping in good order",
		   d->options.seconds);
	appliance_stop(d->env.box);
}

static void start_timers(struct daemon *d)
{
	struct reactor *r = appliance_reactor(d->env.box);

	notify_watchdog_start(&d->watchdog, r);
	d->end.fire = end_by_itself;
	if (d->options.seconds)
		reactor_timer_arm(r, &d->end, monotime_now() + d->options.seconds * NSEC_PER_SEC);
}

static void say_started(struct daemon *d)
{
	char line[128];

	log_printf(d->log, LOG_NOTICE, "recording %zu cameras into %s; control files: %s",
		   appliance_camera_count(d->env.box), d->settings.store_dir,
		   d->ctlfs ? d->options.control : "none");
	snprintf(line, sizeof(line), "READY=1\nSTATUS=recording %zu cameras",
		 appliance_camera_count(d->env.box));
	notify_send(line);
}

static void say_ended(struct daemon *d)
{
	struct store_stats s;

	store_stats(appliance_store(d->env.box), &s);
	log_printf(d->log, LOG_NOTICE, "ended: %" PRIu64 " frames recorded, %.1f MB of pictures",
		   s.frames, (double)s.payload_bytes / 1e6);
}

/* Runs to the end; the box exists and its cameras are known. */
static int run_box(struct daemon *d, struct errmsg *em)
{
	bool on_terminal = d->options.status && isatty(STDOUT_FILENO);
	int code = EXIT_FAILED;
	int err = reactor_calls_create(&d->calls, appliance_reactor(d->env.box));

	if (err)
		return complain(em, errmsg_set(em, EXIT_FAILED, "out of memory"));
	if (start_control(d, em)) {
		code = complain(em, EXIT_CONTROL);
		goto out;
	}
	err = stopper_start(&d->stopper, d->env.box, d->log, on_terminal);
	if (err) {
		errmsg_set(em, err, "no thread for signals: %s", strerror(-err));
		complain(em, 0);
		goto out;
	}
	if (d->options.status && (err = statusview_start(&d->view, d->env.box, d->calls, d->log)))
		log_printf(d->log, LOG_WARNING, "no status table: %s", strerror(-err));
	start_timers(d);
	say_started(d);
	err = appliance_run(d->env.box);
	notify_send("STOPPING=1");
	code = err ? EXIT_FAILED : EXIT_DONE;
	if (err)
		log_printf(d->log, LOG_CRIT, "recording failed: %s", strerror(-err));
	reactor_calls_close(d->calls);
	statusview_stop(d->view);
	stopper_end(&d->stopper);
	say_ended(d);
out:
	reactor_calls_close(d->calls);
	ctlfs_stop(d->ctlfs);
	reactor_timer_disarm(appliance_reactor(d->env.box), &d->end);
	reactor_timer_disarm(appliance_reactor(d->env.box), &d->watchdog.timer);
	return code;
}

static int run_daemon(struct daemon *d)
{
	struct errmsg em = {""};
	int code, err;

	d->log = log_create();
	if (!d->log || changes_create(&d->changes)) {
		errmsg_set(&em, -ENOMEM, "out of memory");
		log_destroy(d->log);
		return complain(&em, EXIT_FAILED);
	}
	limits_raise(d->log);
	err = create_box(d, &em);
	if (!err)
		code = run_box(d, &em);
	else if (d->env.box)
		code = complain(&em, EXIT_USAGE);
	else
		/* The reactor's own troubles are not the store's. */
		code = complain(&em, err == -ENOSYS || err == -ENOMEM ? EXIT_FAILED : EXIT_STORE);
	appliance_destroy(d->env.box);
	reactor_calls_destroy(d->calls);
	changes_destroy(d->changes);
	log_destroy(d->log);
	return code;
}

static int list_attributes(const char *format)
{
	if (attr_doc_write(stdout, format)) {
		fprintf(stderr, "matlangd: standard output cannot be written\n");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct daemon d = {0};
	struct errmsg em = {""};
	int code;

	stopper_block(&d.stopper);
	if (options_parse(&d.options, argc, argv, &em))
		return complain(&em, EXIT_USAGE);
	switch (d.options.action) {
	case OPTIONS_HELP:
		options_help();
		code = EXIT_DONE;
		break;
	case OPTIONS_VERSION:
		puts("matlangd " MATLANG_VERSION);
		code = EXIT_DONE;
		break;
	case OPTIONS_LIST: code = list_attributes(d.options.list_format); break;
	case OPTIONS_CHECK:
	case OPTIONS_RUN:
	default:
		if (read_settings(&d, &em))
			code = complain(&em, EXIT_USAGE);
		else if (d.options.action == OPTIONS_CHECK)
			code = EXIT_DONE;
		else
			code = run_daemon(&d);
	}
	config_free(&d.config);
	options_free(&d.options);
	return code;
}
