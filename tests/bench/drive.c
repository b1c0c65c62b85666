/*
 * drive: run a command once for each message, as an MTA runs a pipe command,
 * and print on one line what that took.
 *
 *   drive [-n N] [-p P] [-m DIR] [-o FILE] [-w FILE] [-e FILE] COMMAND [ARG]...
 *
 *   -n N     so many runs (100)
 *   -p P     so many at once: P workers, each starts one, feeds it, waits (1)
 *   -m DIR   run i reads DIR/0000 + i on its stdin, through a pipe; after the
 *            last file comes the first again.  Without it: /dev/null
 *   -o FILE  what the commands print (/dev/null)
 *   -w FILE  after a run, wait until FILE has grown, ten seconds at most
 *   -e FILE  when each run ended: CLOCK_MONOTONIC in nanoseconds, a line each
 *
 * cpu_ms and rss_kb are those of a command and all it waited for.  A process's
 * peak memory counts from before its exec, so this program is linked statically
 * and copies through one small window.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WINDOW = 65536,
	LOOK_NS = 200000,
	LOOKS = 50000,
};

static struct {
	long runs, workers, messages;
	const char *dir, *out, *ends, *growing;
	char **argv;
} opt = {.runs = 100, .workers = 1, .out = "/dev/null"};

/* Between the workers. */
static struct {
	atomic_long next, failed, cpu_us, rss_kb;
} * shared;
static double *wall_ms; /* of each run */
static long long *ended_ns; /* each run */

static char window[WINDOW];

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static long long
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double
now_ms(void)
{
	return (double)now_ns() / 1e6;
}

static void *
share(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static int
open_message(long i)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%04ld", opt.dir, i);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 && errno != ENOENT)
		die(path);
	return fd;
}

static void
count_messages(void)
{
	int fd;

	while ((fd = open_message(opt.messages)) != -1) {
		close(fd);
		opt.messages++;
	}
	if (opt.messages == 0) {
		fprintf(stderr, "drive: no %s/0000\n", opt.dir);
		exit(1);
	}
}

static pid_t
start(int in, int out)
{
	posix_spawn_file_actions_t fds;
	posix_spawnattr_t attr;
	sigset_t defaults;
	pid_t pid;

	posix_spawn_file_actions_init(&fds);
	posix_spawn_file_actions_adddup2(&fds, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fds, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	errno = posix_spawnp(&pid, opt.argv[0], &fds, &attr, opt.argv, environ);
	if (errno != 0)
		die(opt.argv[0]);
	posix_spawn_file_actions_destroy(&fds);
	posix_spawnattr_destroy(&attr);
	return pid;
}

/* A command need not read all of it. */
static void
feed(int message, int to)
{
	ssize_t n, w, done;

	while ((n = read(message, window, sizeof window)) > 0) {
		for (done = 0; done < n; done += w) {
			w = write(to, window + done, (size_t)(n - done));
			if (w == -1)
				return;
		}
	}
	if (n == -1)
		die("read");
}

static long
cpu_us(const struct rusage *ru)
{
	return (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000 +
	       ru->ru_utime.tv_usec + ru->ru_stime.tv_usec;
}

static void
wait_for(pid_t pid)
{
	struct rusage ru;
	long seen;
	int status;

	while (wait4(pid, &status, 0, &ru) == -1)
		if (errno != EINTR)
			die("wait4");
	if (status != 0)
		atomic_fetch_add(&shared->failed, 1);
	atomic_fetch_add(&shared->cpu_us, cpu_us(&ru));
	seen = atomic_load(&shared->rss_kb);
	while (ru.ru_maxrss > seen && !atomic_compare_exchange_weak(
					  &shared->rss_kb, &seen, ru.ru_maxrss))
		continue;
}

static void
run_one(long i, int out)
{
	int message, ends[2];
	double before;
	pid_t pid;

	if (opt.dir == NULL) {
		before = now_ms();
		message = open("/dev/null", O_RDONLY | O_CLOEXEC);
		wait_for(start(message, out));
		close(message);
	} else {
		message = open_message(i % opt.messages);
		before = now_ms();
		if (message == -1 || pipe2(ends, O_CLOEXEC) == -1)
			die("message");
		pid = start(ends[0], out);
		close(ends[0]);
		feed(message, ends[1]);
		close(ends[1]);
		close(message);
		wait_for(pid);
	}
	ended_ns[i] = now_ns();
	wall_ms[i] = (double)ended_ns[i] / 1e6 - before;
}

static off_t
size_of_growing(void)
{
	struct stat st;

	if (opt.growing == NULL)
		return 0;
	if (stat(opt.growing, &st) == -1)
		die(opt.growing);
	return st.st_size;
}

static void
wait_until_grown(off_t was)
{
	struct timespec t = {.tv_nsec = LOOK_NS};

	if (opt.growing == NULL)
		return;
	for (int i = 0; i < LOOKS && size_of_growing() == was; i++)
		nanosleep(&t, NULL);
}

_Noreturn static void
work(void)
{
	int out =
	    open(opt.out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	off_t size;
	long i;

	if (out == -1)
		die(opt.out);
	while ((i = atomic_fetch_add(&shared->next, 1)) < opt.runs) {
		size = size_of_growing();
		run_one(i, out);
		wait_until_grown(size);
	}
	exit(0);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print(double total_ms)
{
	double n = (double)opt.runs;

	qsort(wall_ms, (size_t)opt.runs, sizeof *wall_ms, compare);
	printf("rate=%.2f p50_ms=%.3f p99_ms=%.3f cpu_ms=%.3f rss_kb=%ld "
	       "failed=%ld\n",
	    n * 1e3 / total_ms, wall_ms[opt.runs / 2],
	    wall_ms[opt.runs * 99 / 100], (double)shared->cpu_us / 1e3 / n,
	    (long)shared->rss_kb, (long)shared->failed);
}

static void
write_ends(void)
{
	FILE *f = fopen(opt.ends, "w");

	if (f == NULL)
		die(opt.ends);
	for (long i = 0; i < opt.runs; i++)
		fprintf(f, "%lld\n", ended_ns[i]);
	if (fclose(f) != 0)
		die(opt.ends);
}

static void
read_options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "+n:p:m:o:w:e:")) != -1) {
		switch (ch) {
		case 'n':
			opt.runs = strtol(optarg, NULL, 10);
			break;
		case 'p':
			opt.workers = strtol(optarg, NULL, 10);
			break;
		case 'm':
			opt.dir = optarg;
			break;
		case 'o':
			opt.out = optarg;
			break;
		case 'w':
			opt.growing = optarg;
			break;
		case 'e':
			opt.ends = optarg;
			break;
		default:
			exit(64);
		}
	}
	opt.argv = argv + optind;
	if (optind == argc || opt.runs < 1 || opt.workers < 1) {
		fprintf(stderr, "usage: drive [-n N] [-p P] [-m DIR] "
				"[-o FILE] [-w FILE] [-e FILE] COMMAND "
				"[ARG]...\n");
		exit(64);
	}
}

int
main(int argc, char **argv)
{
	bool is_broken = false;
	double before;
	int status;

	read_options(argc, argv);
	if (opt.dir != NULL)
		count_messages();
	shared = share(sizeof *shared);
	wall_ms = share((size_t)opt.runs * sizeof *wall_ms);
	ended_ns = share((size_t)opt.runs * sizeof *ended_ns);
	signal(SIGPIPE, SIG_IGN);
	before = now_ms();
	for (long i = 0; i < opt.workers; i++) {
		pid_t pid = fork();

		if (pid == -1)
			die("fork");
		if (pid == 0)
			work();
	}
	while (wait(&status) > 0)
		is_broken = is_broken || status != 0;
	if (is_broken)
		return 1;
	print(now_ms() - before);
	if (opt.ends != NULL)
		write_ends();
	return 0;
}
