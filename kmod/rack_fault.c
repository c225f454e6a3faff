// SPDX-License-Identifier: GPL-2.0
/* Faults on order and at random: what goes wrong is decided here, how it looks elsewhere. */
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "rack.h"

static const char *const fault_names[RACK_FAULTS] = {
	[RACK_DROP] = "drop",     [RACK_ERROR] = "error",     [RACK_TORN] = "torn",
	[RACK_SHORT] = "short",   [RACK_LATE] = "late",       [RACK_JUMP] = "jump",
	[RACK_STALL] = "stall",   [RACK_WRAP] = "wrap",       [RACK_STREAMON] = "streamon",
	[RACK_QBUF] = "qbuf",     [RACK_REQBUFS] = "reqbufs", [RACK_CHANGE] = "change",
	[RACK_UNPLUG] = "unplug",
};

void rack_faults_init(struct rack_faults *f)
{
	spin_lock_init(&f->lock);
	rack_faults_seed(f, 1);
}

void rack_faults_seed(struct rack_faults *f, u64 seed)
{
	spin_lock_bh(&f->lock);
	f->random = seed * 0x9e3779b97f4a7c15ULL | 1; /* never zero: xorshift stays there */
	spin_unlock_bh(&f->lock);
}

/* Marsaglia's xorshift64. */
static u32 draw(struct rack_faults *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random >> 32;
}

bool rack_fault(struct rack_faults *f, enum rack_fault what, u64 frame)
{
	bool now = false;

	spin_lock_bh(&f->lock);
	if (f->pending[what] && frame >= f->from[what]) {
		f->pending[what]--;
		now = true;
	} else if (f->permille[what]) {
		now = draw(f) % 1000 < f->permille[what];
	}
	if (now)
		f->happened[what]++;
	spin_unlock_bh(&f->lock);
	return now;
}

/* Faults of calls have no frame. */
static bool is_of_frames(int what)
{
	return what != RACK_STREAMON && what != RACK_QBUF && what != RACK_REQBUFS &&
	       what != RACK_WRAP;
}

struct order {
	int what;
	u32 count;
	u64 from;
};

static int read_order(const char *line, struct order *o)
{
	char name[16];
	int n;

	*o = (struct order){.count = 1};
	n = sscanf(line, "%15s %u at %llu", name, &o->count, &o->from);
	if (n < 1)
		return -EINVAL;
	if (n == 1 && sscanf(line, "%15s at %llu", name, &o->from) == 2)
		n = 3;
	o->what = match_string(fault_names, RACK_FAULTS, name);
	if (o->what < 0 || !o->count || (n == 3 && !is_of_frames(o->what)))
		return -EINVAL;
	return 0;
}

int rack_faults_order(struct rack_faults *f, const char *text)
{
	struct order orders[RACK_FAULTS];
	u32 n = 0, i;
	int err;

	for (text = skip_spaces(text); *text; text = skip_spaces(text)) {
		if (n == RACK_FAULTS)
			return -EINVAL;
		err = read_order(text, &orders[n++]);
		if (err)
			return err;
		text += strcspn(text, "\n");
	}
	if (!n)
		return -EINVAL;
	spin_lock_bh(&f->lock);
	for (i = 0; i < n; i++) {
		f->pending[orders[i].what] = orders[i].count;
		f->from[orders[i].what] = orders[i].from;
	}
	spin_unlock_bh(&f->lock);
	return 0;
}

int rack_word(const char **text, char *word, size_t size)
{
	const char *at = skip_spaces(*text);
	size_t len = strcspn(at, " \t\n");

	if (len >= size)
		return -EINVAL;
	memcpy(word, at, len);
	word[len] = '\0';
	*text = at + len;
	return len;
}

int rack_faults_set_rates(struct rack_faults *f, const char *text)
{
	u32 rates[RACK_FAULTS] = {0};
	char word[24], *value;
	int len, what;
	u32 rate;

	while ((len = rack_word(&text, word, sizeof(word))) > 0) {
		value = strchr(word, '=');
		if (!value || kstrtou32(value + 1, 10, &rate) || rate > 1000)
			return -EINVAL;
		*value = '\0';
		what = match_string(fault_names, RACK_FAULTS, word);
		if (what < 0)
			return -EINVAL;
		rates[what] = rate;
	}
	if (len < 0)
		return len;
	spin_lock_bh(&f->lock);
	memcpy(f->permille, rates, sizeof(rates));
	spin_unlock_bh(&f->lock);
	return 0;
}

ssize_t rack_faults_show_rates(struct rack_faults *f, char *page)
{
	ssize_t at = 0;
	int i;

	for (i = 0; i < RACK_FAULTS; i++)
		if (f->permille[i])
			at += sysfs_emit_at(page, at, "%s%s=%u", at ? " " : "", fault_names[i],
					    f->permille[i]);
	return at + sysfs_emit_at(page, at, "\n");
}

ssize_t rack_faults_show_counts(struct rack_faults *f, char *page)
{
	ssize_t at = 0;
	int i;

	for (i = 0; i < RACK_FAULTS; i++)
		at += sysfs_emit_at(page, at, "%s %llu\n", fault_names[i], f->happened[i]);
	return at;
}
