/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control files, mounted for real and used as a person or a script uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tests/unit/tools/fake_appliance.h"
#include "tools/matlangd/box_settings.h"
#include "tools/matlangd/ctlfs.h"

static struct {
	char dir[64];
	struct box_settings settings;
	struct attr_env env;
	struct changes *changes;
	struct reactor_calls *calls;
	struct ctlfs *fs;
	pthread_t reactor_thread;
	bool mounted;
	char log[1024];
} t;

static void keep_log(void *ctx, int level, const char *line)
{
	snprintf(t.log, sizeof(t.log), "%s", line);
}

static void *run_reactor(void *arg)
{
	return reactor_run(arg) ? arg : NULL;
}

static int mount_it(struct errmsg *em)
{
	struct ctlfs_options o = {
		.dir = t.dir,
		.env = &t.env,
		.calls = t.calls,
		.changes = t.changes,
		.log = keep_log,
	};

	return ctlfs_start(&t.fs, &o, em);
}

static int setup(void **state)
{
	struct errmsg em = {""};
	struct recorder *r;

	memset(&t, 0, sizeof(t));
	fake_reset();
	if (reactor_create(&fake.reactor, 64, &em)) {
		print_message("SKIP: no reactor here: %s\n", em.text);
		return 0;
	}
	t.settings = (struct box_settings){.store_dir = BOX_STORE_DIR,
					   .commit_ms = 1000,
					   .rebuild_mb_s = 100,
					   .scrub_mb_s = 20,
					   .warn_days = 7};
	strcpy(t.dir, "/tmp/test_ctlfs-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.settings.config_file, sizeof(t.settings.config_file), "%s.conf", t.dir);
	assert_int_equal(changes_create(&t.changes), 0);
	t.env = (struct attr_env){.box = &fake,
				  .settings = &t.settings,
				  .changed = changes_add,
				  .changed_ctx = t.changes};
	assert_int_equal(appliance_add_camera(&fake, "gate", &r, &em), 0);
	assert_int_equal(reactor_calls_create(&t.calls, fake.reactor), 0);
	if (mount_it(&em))
		print_message("SKIP: %s\n", em.text);
	else
		t.mounted = true;
	assert_int_equal(pthread_create(&t.reactor_thread, NULL, run_reactor, fake.reactor), 0);
	return 0;
}

static int teardown(void **state)
{
	if (!fake.reactor)
		return 0;
	reactor_stop(fake.reactor);
	pthread_join(t.reactor_thread, NULL);
	reactor_calls_close(t.calls);
	ctlfs_stop(t.fs);
	reactor_destroy(fake.reactor);
	reactor_calls_destroy(t.calls);
	changes_destroy(t.changes);
	unlink(t.settings.config_file);
	/* Nothing is mounted there any more, so that an empty folder is left. */
	assert_int_equal(rmdir(t.dir), 0);
	fake_reset();
	return 0;
}

#define NEEDS_MOUNT()           \
	do {                    \
		if (!t.mounted) \
			skip(); \
	} while (0)

static const char *at(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s/%s", t.dir, path);
	return full;
}

static void reads(const char *path, const char *value)
{
	char buf[ATTR_VALUE_MAX];
	int fd = open(at(path), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, value);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	close(fd);
}

/* 0 or errno of a write as `echo value > path` does it. */
static int writes(const char *path, const char *value, size_t len, int flags)
{
	int fd = open(at(path), O_WRONLY | flags, 0644);
	ssize_t n;
	int err;

	if (fd < 0)
		return errno;
	n = write(fd, value, len);
	err = n < 0 ? errno : 0;
	if (n >= 0)
		assert_int_equal(n, len);
	close(fd);
	return err;
}

static int echo(const char *value, const char *path)
{
	char line[256];

	snprintf(line, sizeof(line), "%s\n", value);
	return writes(path, line, strlen(line), O_CREAT | O_TRUNC);
}

static bool lists(const char *path, const char *name)
{
	DIR *d = opendir(at(path));
	struct dirent *e;
	bool found = false;

	assert_non_null(d);
	while ((e = readdir(d)))
		found |= !strcmp(e->d_name, name);
	closedir(d);
	return found;
}

static void values_are_files(void **state)
{
	struct stat st;

	NEEDS_MOUNT();
	reads("version", MATLANG_VERSION "\n");
	reads("state", "ok\n");
	reads("cameras/gate/motion/sensitivity", "50\n");
	assert_int_equal(stat(at("cameras/gate/motion/sensitivity"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_size, 4096);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(stat(at("version"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0444);
	assert_int_equal(stat(at("save"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0200);
	assert_int_equal(stat(at("cameras/gate"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(stat(at("cameras/nobody"), &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void folders_list_what_there_is(void **state)
{
	NEEDS_MOUNT();
	assert_true(lists("", "version"));
	assert_true(lists("", "storage"));
	assert_true(lists("", "cameras"));
	assert_false(lists("", "<camera>"));
	assert_true(lists("cameras", "gate"));
	assert_false(lists("cameras", "<camera>"));
	assert_true(lists("cameras/gate", "motion"));
	assert_true(lists("cameras/gate", "title"));
	assert_true(lists("cameras/gate/lost", "disk-late"));
	assert_false(lists("storage", "version"));
}

/* The box is the reactor thread's: only there may it be looked at. */
static void copy_note(void *out)
{
	memcpy(out, fake.last_note, sizeof(fake.last_note));
}

static void copy_applied(void *out)
{
	*(unsigned *)out = fake.camera[0]->applied;
}

static void writing_takes_effect(void **state)
{
	char note[sizeof(fake.last_note)];

	NEEDS_MOUNT();
	assert_int_equal(echo("70", "cameras/gate/motion/sensitivity"), 0);
	reads("cameras/gate/motion/sensitivity", "70\n");
	assert_int_equal(writes("cameras/gate/title", "  Cổng chợ \n", 15, O_TRUNC), 0);
	reads("cameras/gate/title", "Cổng chợ\n");
	assert_int_equal(writes("cameras/gate/title", "\n", 1, O_TRUNC), 0);
	reads("cameras/gate/title", "\n");
	/* Who did it is known. */
	assert_int_equal(echo("on", "cameras/gate/encode"), 0);
	assert_int_equal(reactor_call(t.calls, copy_note, note), 0);
	assert_non_null(strstr(note, "test_ctlfs["));
	assert_non_null(strstr(note, "uid "));
}

static void bad_values_are_refused(void **state)
{
	char big[ATTR_VALUE_MAX + 10];
	unsigned applied = 1;

	NEEDS_MOUNT();
	assert_int_equal(echo("900", "cameras/gate/motion/sensitivity"), EINVAL);
	reads("cameras/gate/motion/sensitivity", "50\n");
	reads("last_error",
	      "cameras/gate/motion/sensitivity: \"900\" is not a whole number within 1..100\n");
	assert_int_equal(writes("cameras/gate/title", "a\nb\n", 4, 0), EINVAL);
	assert_int_equal(writes("cameras/gate/title", "a\0b\n", 4, 0), EINVAL);
	memset(big, 'x', sizeof(big));
	assert_int_equal(writes("cameras/gate/motion/zones", big, sizeof(big), 0), EINVAL);
	assert_int_equal(writes("cameras/gate/title", "x\n", 2, O_APPEND), EINVAL);
	reads("last_error", "cameras/gate/title: a value is written whole and at once; use > "
			    "instead of >>\n");
	reads("cameras/gate/title", "\n");
	assert_int_equal(echo("1", "version"), EACCES);
	assert_int_equal(echo("1", "cameras/gate/motion/sensitivty"), ENOENT);
	reads("last_error", "unknown attribute \"cameras/gate/motion/sensitivty\"; did you mean "
			    "\"cameras/gate/motion/sensitivity\"?\n");
	assert_int_equal(reactor_call(t.calls, copy_applied, &applied), 0);
	assert_int_equal(applied, 0);
}

static void cameras_are_folders(void **state)
{
	NEEDS_MOUNT();
	assert_int_equal(mkdir(at("cameras/barn"), 0755), 0);
	assert_true(lists("cameras", "barn"));
	reads("cameras/barn/state", "off\n");
	assert_int_equal(echo("rack:", "cameras/barn/source"), 0);
	reads("cameras/barn/enabled", "1\n");
	assert_int_equal(mkdir(at("cameras/barn"), 0755), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(mkdir(at("cameras/a b"), 0755), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mkdir(at("cameras/barn/new"), 0755), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(mkdir(at("new"), 0755), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rmdir(at("cameras/barn/motion")), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(unlink(at("cameras/barn/title")), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rename(at("cameras/barn"), "/tmp"), -1);

	/* A file that is open while its camera goes says so; the others are untouched. */
	int fd = open(at("cameras/barn/state"), O_RDONLY);
	char c;
	assert_true(fd >= 0);
	assert_int_equal(rmdir(at("cameras/barn")), 0);
	assert_false(lists("cameras", "barn"));
	assert_int_equal(read(fd, &c, 1), -1);
	assert_int_equal(errno, ENODEV);
	close(fd);
	reads("cameras/gate/state", "off\n");
	assert_int_equal(rmdir(at("cameras/barn")), -1);
	assert_int_equal(errno, ENOENT);
}

static void pollers_wake(void **state)
{
	struct pollfd p = {.events = POLLPRI};
	char buf[64];

	NEEDS_MOUNT();
	p.fd = open(at("cameras/gate/state"), O_RDONLY);
	assert_true(p.fd >= 0);
	assert_int_equal(pread(p.fd, buf, sizeof(buf), 0), 4);
	assert_int_equal(poll(&p, 1, 0), 0);
	/* Another camera's change is none of ours. */
	changes_add(t.changes, "cameras/other/state");
	assert_int_equal(poll(&p, 1, 200), 0);
	changes_add(t.changes, "cameras/gate/state");
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_true(p.revents & POLLPRI);
	/* Until it is read again. */
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(pread(p.fd, buf, sizeof(buf), 0), 4);
	assert_int_equal(poll(&p, 1, 0), 0);
	changes_add(t.changes, NULL);
	assert_int_equal(poll(&p, 1, 20000), 1);
	close(p.fd);

	/* A setting wakes whoever watches it. */
	p.fd = open(at("cameras/gate/title"), O_RDONLY);
	assert_true(p.fd >= 0);
	assert_true(pread(p.fd, buf, sizeof(buf), 0) > 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(echo("new", "cameras/gate/title"), 0);
	assert_int_equal(poll(&p, 1, 20000), 1);
	close(p.fd);
}

static void *reader(void *arg)
{
	for (int i = 0; i < 200; i++) {
		FILE *f CLEANUP_FCLOSE = fopen(arg, "r");
		char line[64];

		if (!f || !fgets(line, sizeof(line), f) || atoi(line) < 1 || atoi(line) > 100)
			return arg;
	}
	return NULL;
}

static void readers_and_a_writer_at_once(void **state)
{
	pthread_t th[4];
	char path[512], value[16];

	NEEDS_MOUNT();
	snprintf(path, sizeof(path), "%s", at("cameras/gate/motion/sensitivity"));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&th[i], NULL, reader, path), 0);
	for (int i = 1; i <= 100; i++) {
		snprintf(value, sizeof(value), "%d", i);
		assert_int_equal(echo(value, "cameras/gate/motion/sensitivity"), 0);
	}
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(th[i], &failed);
		assert_null(failed);
	}
	reads("cameras/gate/motion/sensitivity", "100\n");
}

static void lose_config_folder(void *unused)
{
	strcpy(t.settings.config_file, "/nonexistent/x");
}

static void saving_writes_the_file(void **state)
{
	char line[256];
	FILE *f;

	NEEDS_MOUNT();
	assert_int_equal(echo("rack:", "cameras/gate/source"), 0);
	assert_int_equal(echo("1", "save"), 0);
	f = fopen(t.settings.config_file, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "cameras/gate/source = rack:\n");
	fclose(f);
	assert_int_equal(echo("2", "save"), EINVAL);
	assert_int_equal(reactor_call(t.calls, lose_config_folder, NULL), 0);
	assert_int_equal(echo("1", "save"), ENOENT);
}

static void a_second_mount_is_refused(void **state)
{
	struct ctlfs_options o = {.dir = t.dir,
				  .env = &t.env,
				  .calls = t.calls,
				  .changes = t.changes,
				  .log = keep_log};
	struct ctlfs *second;
	struct errmsg em;

	NEEDS_MOUNT();
	assert_int_equal(ctlfs_start(&second, &o, &em), -EBUSY);
	assert_non_null(strstr(em.text, "another matlangd"));
	o.dir = "/etc";
	assert_int_equal(ctlfs_start(&second, &o, &em), -ENOTEMPTY);
	o.dir = "/nonexistent/folder";
	assert_int_equal(ctlfs_start(&second, &o, &em), -ENOENT);
	assert_non_null(strstr(em.text, "--control DIR"));
	reads("state", "ok\n");
}

/* A process that held a mount and was killed leaves a folder that nobody can enter. */
static void what_a_crash_left_is_cleared(void **state)
{
	struct stat st;
	struct errmsg em;
	int status;
	pid_t pid;

	NEEDS_MOUNT();
#ifdef __SANITIZE_THREAD__
	print_message("SKIP: ThreadSanitizer does not follow a fork with threads\n");
	skip();
#endif
	ctlfs_stop(t.fs);
	t.fs = NULL;
	/* Between fork and kill the child only mounts: it has no other thread. */
	pid = fork();
	if (pid == 0) {
		if (mount_it(&em))
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 2000 && (stat(t.dir, &st) || st.st_ino != 1); i++)
		usleep(5000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(stat(t.dir, &st), -1);
	assert_int_equal(errno, ENOTCONN);
	if (mount_it(&em))
		fail_msg("%s", em.text);
	reads("state", "ok\n");
	assert_non_null(strstr(t.log, "crash"));
}

/* When the reactor has ended, nobody hangs: not those who wait, not those who come. */
static void *late_reader(void *arg)
{
	char c;
	int fd = open(arg, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, &c, 1);

	if (fd >= 0)
		close(fd);
	return n < 0 ? NULL : arg;
}

static void nobody_hangs_at_the_end(void **state)
{
	char path[512];
	pthread_t th[3];

	NEEDS_MOUNT();
	snprintf(path, sizeof(path), "%s", at("state"));
	reactor_stop(fake.reactor);
	pthread_join(t.reactor_thread, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&th[i], NULL, late_reader, path), 0);
	usleep(50000); /* so that some of them wait already; either way they must come back */
	reactor_calls_close(t.calls);
	ctlfs_stop(t.fs);
	t.fs = NULL;
	for (int i = 0; i < 3; i++) {
		void *answered;

		pthread_join(th[i], &answered);
		assert_null(answered);
	}
	assert_int_equal(pthread_create(&t.reactor_thread, NULL, run_reactor, fake.reactor), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_files, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_list_what_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(writing_takes_effect, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_values_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(cameras_are_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(pollers_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_and_a_writer_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(saving_writes_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_mount_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_crash_left_is_cleared, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_hangs_at_the_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
