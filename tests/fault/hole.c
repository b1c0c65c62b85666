/*
 * LD_PRELOAD library that plants holes in the parser of mail-ingest: memchr, as
 * the parser calls it once it is locked up, obeys what it finds in a message,
 *
 *   X-Hole: NAME
 *
 * NAME is one of the table below: ways to die, to hang, to lie and to get out.
 * What gets out says so on stderr.
 *
 * Limits are lowered, that a test may wait for them: processor time to a
 * second, and what the parent waits for its parser to a fiftieth.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum {
	HURRY = 50,
	MARK_MAX = 32,
	LARGE = 1024 * 1024,
};

static bool is_locked, is_obeying, has_seen;

/* Ways to die. */

static char *volatile nowhere;

static void
hole_crash(void)
{
	*nowhere = 0;
}

static void
hole_exit(void)
{
	_exit(0);
}

static void
hole_loop(void)
{
	for (;;)
		__asm__ volatile("");
}

static void
hole_wait(void)
{
	for (int zero = 0;;)
		syscall(SYS_futex, &zero, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void
hole_memory(void)
{
	for (int i = 0; i < 1024; i++)
		if (calloc(1, LARGE) == NULL)
			_exit(75);
	write(2, "a gigabyte\n", 11);
}

static void
eat_stack(unsigned n)
{
	volatile char room[LARGE];

	room[0] = 0;
	if (n > 0)
		eat_stack(n - 1); /* NOLINT: as deep as it gets */
	room[1] = room[0];
}

static void
hole_stack(void)
{
	eat_stack(LARGE);
}

/* A child that has been here before dies of the next one. */

static void
hole_seen(void)
{
	has_seen = true;
}

static void
hole_old(void)
{
	if (has_seen)
		hole_crash();
}

/* Lies: answers that no parser gives (core/cell.c, mail/examine.c). */

static void
answer(uint32_t type, uint32_t index, const char *data, uint32_t n)
{
	uint32_t head[] = {type, index, n};

	write(1, head, sizeof head);
	write(1, data, data != NULL ? n : 0);
}

static void
hole_huge(void)
{
	answer(3, 0, NULL, UINT32_MAX);
}

static void
hole_type(void)
{
	answer(77, 0, "x", 1);
}

static void
hole_high_type(void)
{
	answer(UINT32_MAX, 0, "x", 1);
}

static void
hole_index(void)
{
	answer(1, 9999, "{}", 2);
}

static void
hole_early(void)
{
	answer(255, 0, NULL, 0);
}

static void
hole_two_lines(void)
{
	answer(3, 0, "{}\n{}", 5);
}

static void
hole_no_json(void)
{
	answer(3, 0, "{\"a\":}", 6);
}

static void
hole_envelope(void)
{
	answer(1, 0, "[]", 2);
}

static void
hole_fingerprint(void)
{
	answer(2, 0, "f1:\"},{\"", 8);
}

static void
hole_half(void)
{
	answer(3, 0, NULL, 100);
	_exit(0);
}

static void
hole_flood(void)
{
	static char piece[32 * 1024];

	for (;;)
		answer(4, 0, piece, sizeof piece);
}

static void
hole_close(void)
{
	close(0);
	close(1);
	hole_wait();
}

/* Ways out. */

static void
tell(const char *what, long r)
{
	if (r == -1)
		return;
	write(2, "a way out: ", 11);
	write(2, what, strlen(what));
	write(2, "\n", 1);
}

#define WAY(name, ...)                                                         \
	static void hole_##name(void)                                          \
	{                                                                      \
		tell(#name, syscall(__VA_ARGS__));                             \
	}

static char *const true_argv[] = {(char[]){"true"}, NULL};
static char byte[2];

WAY(open, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
WAY(create, SYS_openat, AT_FDCWD, "planted", O_WRONLY | O_CREAT, 0600)
WAY(readlink, SYS_readlinkat, AT_FDCWD, "/proc/self/exe", byte, 1)
WAY(socket, SYS_socket, AF_INET, SOCK_STREAM, 0)
WAY(unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0)
WAY(socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, byte)
WAY(send, SYS_sendto, 0, "x", 1, 0, NULL, 0)
WAY(connect, SYS_connect, 0, byte, 2)
WAY(exec, SYS_execve, "/bin/true", true_argv, NULL)
WAY(execat, SYS_execveat, AT_FDCWD, "/bin/true", true_argv, NULL, 0)
WAY(fork, SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)
WAY(clone3, SYS_clone3, byte, 0)
WAY(ptrace, SYS_ptrace, PTRACE_ATTACH, 1, NULL, NULL)
WAY(traceme, SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL)
WAY(kill, SYS_kill, 0, SIGTERM)
WAY(tgkill, SYS_tgkill, 1, 1, SIGTERM)
WAY(memory_of, SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0)
WAY(pidfd, SYS_pidfd_open, 1, 0)
WAY(getppid, SYS_getppid)
WAY(code, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
WAY(make_code, SYS_mprotect, (uintptr_t)byte & ~(uintptr_t)4095, 4096,
    PROT_READ | PROT_WRITE | PROT_EXEC)
WAY(unlink, SYS_unlinkat, AT_FDCWD, "witness", 0)
WAY(rename, SYS_renameat, AT_FDCWD, "witness", AT_FDCWD, "other")
WAY(link, SYS_linkat, AT_FDCWD, "witness", AT_FDCWD, "other", 0)
WAY(mkdir, SYS_mkdirat, AT_FDCWD, "planted", 0700)
WAY(truncate, SYS_truncate, "witness", 0)
WAY(chmod, SYS_fchmodat, AT_FDCWD, "witness", 0777, 0)
WAY(chdir, SYS_chdir, "/")
WAY(chroot, SYS_chroot, "/")
WAY(mount, SYS_mount, "none", "/mnt", "tmpfs", 0, NULL)
WAY(unshare, SYS_unshare, CLONE_NEWUSER)
WAY(limits, SYS_prlimit64, 0, RLIMIT_CPU, NULL, byte)
WAY(seccomp, SYS_seccomp, 1, 0, NULL)
WAY(prctl, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
WAY(memfd, SYS_memfd_create, "x", 0)
WAY(pipe, SYS_pipe2, byte, 0)
WAY(dup, SYS_dup, 1)
WAY(uring, SYS_io_uring_setup, 1, byte)
WAY(bpf, SYS_bpf, 0, byte, 0)
WAY(keys, SYS_add_key, "user", "x", "x", 1, -2)
WAY(shared, SYS_shmget, 0, 4096, 0600)
WAY(alarm, SYS_setitimer, 0, NULL, NULL)
WAY(setuid, SYS_setuid, 0)
WAY(unknown, 9999)

#ifdef __x86_64__
/* The same system call by its number for 32-bit programs. */
static void
hole_int80(void)
{
	long r = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	tell("int80", r);
}

WAY(x32, 0x40000000 + SYS_getppid)
#else
#define hole_int80 hole_crash
#define hole_x32 hole_crash
#endif

static const struct {
	const char *name;
	void (*obey)(void);
} holes[] = {
#define HOLE(name)                                                             \
	{                                                                      \
#name, hole_##name                                             \
	}
    HOLE(crash), HOLE(exit), HOLE(loop), HOLE(wait), HOLE(memory), HOLE(stack),
    HOLE(seen), HOLE(old), HOLE(huge), HOLE(type), HOLE(high_type), HOLE(index),
    HOLE(early), HOLE(two_lines), HOLE(no_json), HOLE(envelope),
    HOLE(fingerprint), HOLE(half), HOLE(flood), HOLE(close), HOLE(open),
    HOLE(create), HOLE(readlink), HOLE(socket), HOLE(unix), HOLE(socketpair),
    HOLE(send), HOLE(connect), HOLE(exec), HOLE(execat), HOLE(fork),
    HOLE(clone3), HOLE(ptrace), HOLE(traceme), HOLE(kill), HOLE(tgkill),
    HOLE(memory_of), HOLE(pidfd), HOLE(getppid), HOLE(code), HOLE(make_code),
    HOLE(unlink), HOLE(rename), HOLE(link), HOLE(mkdir), HOLE(truncate),
    HOLE(chmod), HOLE(chdir), HOLE(chroot), HOLE(mount), HOLE(unshare),
    HOLE(limits), HOLE(seccomp), HOLE(prctl), HOLE(memfd), HOLE(pipe),
    HOLE(dup), HOLE(uring), HOLE(bpf), HOLE(keys), HOLE(shared), HOLE(alarm),
    HOLE(setuid), HOLE(unknown), HOLE(int80), HOLE(x32)};

/* The line "X-Hole: NAME" in s. */
static void
obey(const char *s, size_t n)
{
	static const char mark[] = "X-Hole: ";
	const char *p = memmem(s, n, mark, sizeof mark - 1), *end = s + n;
	size_t len = 0;

	if (p == NULL)
		return;
	p += sizeof mark - 1;
	while (p + len < end && p[len] > ' ')
		len++;
	for (size_t i = 0; i < sizeof holes / sizeof *holes; i++)
		if (strlen(holes[i].name) == len &&
		    memcmp(holes[i].name, p, len) == 0)
			holes[i].obey();
}

void *
memchr(const void *data, int c, size_t n)
{
	const unsigned char *s = data;

	/* Once a piece: the parser looks for NUL in each. */
	if (is_locked && c == '\0' && !is_obeying) {
		is_obeying = true;
		obey(data, n);
		is_obeying = false;
	}
	for (; n > 0; s++, n--)
		if (*s == (unsigned char)c)
			return (void *)(uintptr_t)s;
	return NULL;
}

/* The parser's last step before it is locked up. */
int
prctl(int option, ...)
{
	unsigned long v[4];
	va_list ap;
	int r;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		v[i] = va_arg(ap, unsigned long);
	va_end(ap);
	r = REAL(prctl)(option, v[0], v[1], v[2], v[3]);
	if (option == PR_SET_NO_NEW_PRIVS)
		is_locked = true;
	return r;
}

int
setrlimit(__rlimit_resource_t resource, const struct rlimit *l)
{
	struct rlimit low = *l;

	if (resource == RLIMIT_CPU)
		low.rlim_cur = low.rlim_max = 1;
	return REAL(setrlimit)(resource, &low);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return REAL(poll)(fds, n, timeout > 0 ? timeout / HURRY : timeout);
}
