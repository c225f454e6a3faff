// SPDX-License-Identifier: GPL-2.0
/* Faults on order and at random: what goes wrong is decided here, how it looks elsewhere. */
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "rack.h"

static const char *const fault_names[RACK_FAULTS] = {
	[RACK_DROP] = "drop",   [RACK_ERROR] = "error",     [RACK_TORN] = "torn",
	[RACK_SHORT] = "short", [RACK_LATE] = "late",       [RACK_JUMP] = "jump",
	[RACK_STALL] = "stall", [RACK_WRAP] = "wrap",       [RACK_STREAMON] = "streamon",
	[RACK_QBUF] = "qbuf",   [RACK_REQBUFS] = "reqbufs", [RACK_CHANGE] = "change",
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

bool rack_fault(struct rack_faults *f, enum rack_fault what)
{
	bool now = false;

	spin_lock_bh(&f->lock);
	if (f->pending[what]) {
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

int rack_faults_order(struct rack_faults *f, const char *text)
{
	char name[16];
	u32 count = 1;
	int what;

	if (sscanf(text, "%15s %u", name, &count) < 1)
		return -EINVAL;
	what = match_string(fault_names, RACK_FAULTS, name);
	if (what < 0 || !count)
		return -EINVAL;
	spin_lock_bh(&f->lock);
	f->pending[what] = count;
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
