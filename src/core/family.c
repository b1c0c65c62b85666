#include "core/family.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/spawn.h"

enum {
	STAT_MAX = 4096, /* of /proc/PID/stat */
	ENVIRON_MAX = 4 * 1024 * 1024,
	ROUNDS = 20, /* of SIGKILL: what forks faster than that stays */
};

struct process {
	pid_t pid, parent, group, session;
	unsigned long long
	    started; /* in ticks: no two of a pid have the same */
	bool is_dead; /* a zombie */
	bool is_theirs;
};

struct processes {
	struct process *items;
	size_t n, room;
};

void
family_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/*
 * A child of ours that has ended and is not reaped yet hides those behind it
 * from waitid(P_ALL): then they are asked for one by one.
 */
static void
reap_hidden(void)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char *at, *end;
	pid_t pid;

	/* A kernel without this file: the next time, when ours is reaped. */
	if (file_read_at(AT_FDCWD, "/proc/thread-self/children", ENVIRON_MAX,
		&text, &e) == 1 &&
	    text.len > 0)
		for (at = text.data;; at = end) {
			pid = (pid_t)strtol(at, &end, 10);
			if (end == at)
				break;
			if (!spawn_is_ours(pid))
				waitpid(pid, NULL, WNOHANG);
		}
	buf_release(&text);
}

void
family_reap(void)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ==
			-1 ||
		    info.si_pid == 0)
			return;
		if (spawn_is_ours(info.si_pid)) {
			reap_hidden();
			return;
		}
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* proc(5): PID (COMM) STATE PPID PGRP SESSION ... STARTTIME, the 22nd. */
static bool
parse_stat(struct process *p, const char *text)
{
	const char *at = strrchr(text, ')'); /* COMM may have any character */
	char state;
	int parent, group, session;

	if (at == NULL ||
	    sscanf(at + 1, /* NOLINT: the kernel's own numbers */
		" %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %*s %llu",
		&state, &parent, &group, &session, &p->started) != 5)
		return false;
	p->parent = (pid_t)parent;
	p->group = (pid_t)group;
	p->session = (pid_t)session;
	p->is_dead = state == 'Z' || state == 'X';
	return true;
}

static bool
read_process(struct process *p, pid_t pid)
{
	char path[48], text[STAT_MAX];
	ssize_t n;
	int fd;

	*p = (struct process){.pid = pid};
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_stat(p, text);
}

static void
read_processes(struct processes *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	struct process p;

	all->n = 0;
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)d->d_name[0]) ||
		    !read_process(&p, (pid_t)strtol(d->d_name, NULL, 10)))
			continue;
		if (all->n == all->room) {
			all->room += 256;
			all->items =
			    xrealloc(all->items, all->room, sizeof *all->items);
		}
		all->items[all->n++] = p;
	}
	closedir(dir);
}

static bool
has_mark(pid_t pid, const char *mark)
{
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char path[48];
	size_t at = 0;
	bool found = false;

	snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
	if (file_read_at(AT_FDCWD, path, ENVIRON_MAX, &text, &e) == 1)
		for (; !found && at < text.len;
		     at += strlen(text.data + at) + 1)
			found = strcmp(text.data + at, mark) == 0;
	buf_release(&text);
	return found;
}

/* Whatever its parent is. */
static bool
belongs(const struct process *p, const struct family *f, pid_t us)
{
	return p->pid == f->leader || p->group == f->leader ||
	       p->session == f->leader ||
	       (p->parent == us && !spawn_is_ours(p->pid) &&
		   has_mark(p->pid, f->mark));
}

static bool
has_parent(const struct processes *all, const struct process *p)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].is_theirs && all->items[i].pid == p->parent)
			return true;
	return false;
}

static void
find_theirs(struct processes *all, const struct family *families, size_t n)
{
	pid_t us = getpid();
	bool is_more = true;

	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < n && !all->items[i].is_theirs; k++)
			all->items[i].is_theirs =
			    belongs(&all->items[i], &families[k], us);
	/* And their children, and the children of these. */
	while (is_more) {
		is_more = false;
		for (size_t i = 0; i < all->n; i++)
			if (!all->items[i].is_theirs &&
			    has_parent(all, &all->items[i]))
				all->items[i].is_theirs = is_more = true;
	}
}

/* It may have ended since, and its number be another's. */
static void
signal_process(const struct process *p, int sig)
{
	struct process now;
	long fd = syscall(SYS_pidfd_open, p->pid, 0);

	if (fd == -1)
		return;
	if (read_process(&now, p->pid) && now.started == p->started)
		syscall(SYS_pidfd_send_signal, (int)fd, sig, NULL, 0);
	close((int)fd);
}

static bool
is_in_group(const struct process *p, const struct family *families, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p->group == families[i].leader)
			return true;
	return false;
}

/* How many were there.  A group has had its signal, and need not see two. */
static size_t
signal_once(
    struct processes *all, const struct family *families, size_t n, int sig)
{
	size_t found = 0;

	read_processes(all);
	find_theirs(all, families, n);
	for (size_t i = 0; i < all->n; i++) {
		const struct process *p = &all->items[i];

		if (!p->is_theirs || p->is_dead)
			continue;
		if (sig == SIGKILL || !is_in_group(p, families, n))
			signal_process(p, sig);
		found++;
	}
	return found;
}

void
family_signal(const struct family *families, size_t n, int sig)
{
	struct processes all = {0};

	/* The most of them, and at once. */
	for (size_t i = 0; i < n; i++)
		kill(-families[i].leader, sig);
	for (int round = 0; round < ROUNDS; round++)
		if (signal_once(&all, families, n, sig) == 0 || sig != SIGKILL)
			break;
	free(all.items);
}
