/*
 * Write the seccomp filter of core/sandbox.h as a C array, by libseccomp, at
 * build time: compiling it in each process would cost more than locking it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Computing, memory, and descriptors that are open. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(close),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What libraries try, and do without. */
static const int refused[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(ioctl),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),
};

static void
check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "sandbox filter: %s: %s\n", what, strerror(-r));
	exit(1);
}

static scmp_filter_ctx
make(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (c == NULL)
		check(-ENOMEM, "init");
	check(seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		check(seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0),
		    "allow");
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		check(
		    seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES), refused[i], 0),
		    "refuse");
	/* Nothing that is data becomes code. */
	check(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	    "mmap");
	check(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	    "mprotect");
	return c;
}

int
main(void)
{
	scmp_filter_ctx c = make();
	struct sock_filter op;
	FILE *f = tmpfile();

	if (f == NULL)
		check(-errno, "tmpfile");
	check(seccomp_export_bpf(c, fileno(f)), "export");
	rewind(f);
	printf("static const struct sock_filter sandbox_filter[] = {\n");
	while (fread(&op, sizeof op, 1, f) == 1)
		printf("    {0x%x, %u, %u, 0x%xu},\n", op.code, op.jt, op.jf,
		    op.k);
	printf("};\n");
	return ferror(f) || fflush(stdout) != 0;
}
