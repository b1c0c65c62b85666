/*
 * Sends messages with net/smtp.h and prints what became of each, one JSON line
 * an answer: tests/smtp.bats uses it.
 *
 *   drive [OPTION]... HOST PORT FILE...
 *
 *   -l            LMTP; -u PATH: on this UNIX socket
 *   -T TLS        required, opportunistic, never (default), implicit
 *   -C FILE       CA        -e NAME  HELO
 *   -U USER -W PASSWORD -A MECHANISM
 *   -L NAME=MS    a limit: connect, command, data, block, end; repeated
 *   -f SENDER -t RECIPIENT   "{n}" in them is the mail's number, from 1
 *   -H TEXT       head      -D ENVID,NOTIFY,RET
 *   -n N          send each file so often (default 1)
 *   -P N          so many connections (default 1)
 *   -r N          so many may fail to open, then a connection is given up
 *   -i MS         afterwards wait so long for the server to close
 *   -q            only the sum: {"accepted":N,…,"connections":N,"ms":MS,
 *                 "rss_kb":KB}
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "net/smtp.h"

static const char *const outcomes[] = {
    "accepted", "refused", "broken", "unknown", "impossible"};
static const char *const stages[] = {
    "connect", "auth", "mail", "rcpt", "data", "end"};
static const char *const states[] = {"opening", "idle", "busy", "closed"};

struct work {
	struct smtp *c;
	struct smtp_mail mail;
	char *sender, *recipient;
	int number; /* of the mail, 0: none */
	const char *file;
	int opened;
};

static struct smtp_server server = {.tls = SMTP_TLS_NEVER};
static struct smtp_mail model = {
    .sender = "a@example.com", .recipient = "b@example.jp", .head = ""};
static struct net *net;
static struct bulk *bulks;
static char **files;
static int n_files, repeat = 1, parallel = 1, idle_ms, next = 1, total;
static int counts[5], connections, failures;
static bool is_quiet;

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "drive: %s\n", what);
	exit(64);
}

static int
number(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

static void
set_limit(const char *s)
{
	static const char *const names[] = {
	    "connect", "command", "data", "block", "end"};
	int64_t *const limits[] = {&server.limits.connect,
	    &server.limits.command, &server.limits.data, &server.limits.block,
	    &server.limits.end};
	const char *is = strchr(s, '=');

	for (size_t i = 0; is != NULL && i < 5; i++)
		if (strlen(names[i]) == (size_t)(is - s) &&
		    strncmp(names[i], s, (size_t)(is - s)) == 0) {
			*limits[i] = number(is + 1);
			return;
		}
	die("-L");
}

static void
set_tls(const char *s)
{
	static const char *const names[] = {
	    "required", "opportunistic", "never", "implicit"};

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(s, names[i]) == 0) {
			server.tls = (enum smtp_tls)i;
			return;
		}
	die("-T");
}

static void
set_dsn(char *s)
{
	char *notify = strchr(s, ';'), *ret;

	if (notify == NULL || (ret = strchr(notify + 1, ';')) == NULL)
		die("-D ENVID;NOTIFY;RET");
	*notify++ = '\0';
	*ret++ = '\0';
	model.envid = s;
	model.notify = *notify != '\0' ? notify : NULL;
	model.ret = *ret != '\0' ? ret : NULL;
}

static void
set_option(int ch)
{
	switch (ch) {
	case 'l':
		server.is_lmtp = true;
		break;
	case 'u':
		server.path = optarg;
		break;
	case 'T':
		set_tls(optarg);
		break;
	case 'C':
		server.ca_file = optarg;
		break;
	case 'e':
		server.helo = optarg;
		break;
	case 'U':
		server.user = optarg;
		break;
	case 'W':
		server.password = optarg;
		break;
	case 'A':
		server.auth = optarg;
		break;
	case 'L':
		set_limit(optarg);
		break;
	case 'f':
		model.sender = optarg;
		break;
	case 't':
		model.recipient = optarg;
		break;
	case 'H':
		model.head = optarg;
		break;
	case 'D':
		set_dsn(optarg);
		break;
	case 'n':
		repeat = number(optarg);
		break;
	case 'P':
		parallel = number(optarg);
		break;
	case 'i':
		idle_ms = number(optarg);
		break;
	case 'r':
		failures = number(optarg);
		break;
	case 'q':
		is_quiet = true;
		break;
	default:
		die("what option?");
	}
}

static void
print(int conn, const char *file, int n, const struct smtp_answer *a,
    const char *outcome, const char *state)
{
	struct buf line = BUF_INIT;
	json j = json_object();

	if (file != NULL)
		j = json_set_str(j, "file", file);
	if (n > 0)
		j = json_set(j, "n", json_number(n));
	j = json_set(j, "connection", json_number(conn));
	j = json_set_str(j, "outcome", outcome);
	j = json_set_str(j, "stage", stages[a->reply.stage]);
	j = json_set(j, "code", json_number(a->reply.code));
	j = json_set_str(j, "enhanced", a->reply.enhanced);
	j = json_set_str(j, "text", a->reply.text);
	j = json_set_str(j, "error", a->error.text);
	j = json_set_str(j, "state", state);
	json_dump(j, &line);
	puts(line.data);
	fflush(stdout);
	buf_release(&line);
}

/* "{n}" becomes the number. */
static char *
fill_in(const char *s, int n)
{
	const char *at = strstr(s, "{n}");

	if (at == NULL)
		return xstrdup(s);
	return xasprintf("%.*s%d%s", (int)(at - s), s, n, at + 3);
}

static void
begin_mail(struct work *w)
{
	if (w->number == 0) {
		w->number = next++;
		w->mail = model;
		w->file = files[(w->number - 1) % n_files];
		w->mail.message = &bulks[(w->number - 1) % n_files];
		w->mail.head_len = strlen(model.head);
		w->mail.sender = w->sender = fill_in(model.sender, w->number);
		w->mail.recipient = w->recipient =
		    fill_in(model.recipient, w->number);
	}
	smtp_send(w->c, &w->mail);
}

static void
end_mail(struct work *w)
{
	free(w->sender);
	free(w->recipient);
	w->number = 0;
}

static void
open_one(struct work *w)
{
	struct err e = ERR_INIT;

	w->c = smtp_open(net, &server, &e);
	if (w->c == NULL) {
		fprintf(stderr, "drive: %s\n", e.text);
		exit(75);
	}
	connections++;
	w->opened++;
}

/* false: it has nothing to do any more. */
static bool
advance(struct work *w, int i, short revents, int64_t now)
{
	struct smtp_answer a;
	enum smtp_state before = smtp_state(w->c), state;

	if (smtp_step(w->c, revents, now, &a)) {
		counts[a.outcome]++;
		if (!is_quiet)
			print(i, w->file, w->number, &a, outcomes[a.outcome],
			    states[smtp_state(w->c)]);
		end_mail(w);
	}
	state = smtp_state(w->c);
	if (state == SMTP_IDLE && next <= total)
		begin_mail(w);
	if (state != SMTP_CLOSED)
		return true;
	if (before == SMTP_OPENING) {
		print(i, NULL, 0, smtp_why(w->c), "unopened", "closed");
		if (failures-- <= 0)
			return false;
	}
	if (before == SMTP_IDLE && !is_quiet)
		print(i, NULL, 0, smtp_why(w->c), "closed", "closed");
	smtp_close(w->c);
	w->c = NULL;
	return next <= total;
}

static void
run(void)
{
	struct work *w = xcalloc((size_t)parallel, sizeof *w);
	struct pollfd *fds = xcalloc((size_t)parallel, sizeof *fds);
	struct err e = ERR_INIT;
	int64_t idle_until = 0;

	for (int i = 0; i < parallel; i++)
		open_one(&w[i]);
	for (;;) {
		int64_t due = INT64_MAX, now;
		bool is_idle = true, lives = false;

		for (int i = 0; i < parallel; i++) {
			fds[i] = (struct pollfd){.fd = -1};
			if (w[i].c == NULL)
				continue;
			lives = true;
			smtp_watch(w[i].c, &fds[i]);
			if (smtp_due(w[i].c) < due)
				due = smtp_due(w[i].c);
			if (smtp_state(w[i].c) != SMTP_IDLE)
				is_idle = false;
		}
		if (!lives)
			break;
		now = clock_mono_ms();
		if (is_idle && next > total) {
			if (idle_until == 0)
				idle_until = now + idle_ms;
			if (now >= idle_until)
				break;
			due = idle_until;
		}
		if (net_wait(net, fds, (size_t)parallel,
			due == INT64_MAX ? -1
			: due <= now     ? 0
					 : (int)(due - now),
			&e) == -1)
			die(e.text);
		now = clock_mono_ms();
		for (int i = 0; i < parallel; i++) {
			if (w[i].c == NULL ||
			    (fds[i].revents == 0 && smtp_due(w[i].c) > now))
				continue;
			if (advance(&w[i], i, fds[i].revents, now)) {
				if (w[i].c == NULL)
					open_one(&w[i]);
			} else {
				smtp_close(w[i].c);
				w[i].c = NULL;
			}
		}
	}
	for (int i = 0; i < parallel; i++)
		smtp_close(w[i].c);
	free(w);
	free(fds);
}

static void
load(void)
{
	struct err e = ERR_INIT;

	bulks = xcalloc((size_t)n_files, sizeof *bulks);
	for (int i = 0; i < n_files; i++) {
		struct bulk file;
		char data[65536];
		int64_t n;
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		if (fd == -1 || bulk_init_file(&file, fd, &e) == -1)
			die("cannot read a message");
		if (file.size > BULK_MEMORY) {
			bulks[i] = file;
			continue;
		}
		bulk_init(&bulks[i], NULL, NULL);
		while ((n = bulk_read(
			    &file, bulks[i].size, data, sizeof data, &e)) > 0)
			bulk_add(&bulks[i], data, (size_t)n, &e);
		bulk_release(&file);
	}
}

int
main(int argc, char *argv[])
{
	struct err e = ERR_INIT;
	struct rusage used;
	int64_t start;
	int ch;

	while ((ch = getopt(
		    argc, argv, "A:C:D:H:L:P:T:U:W:e:f:i:ln:qr:t:u:")) != -1)
		set_option(ch);
	if (argc - optind < 3)
		die("HOST PORT FILE...");
	server.host = argv[optind];
	server.port = number(argv[optind + 1]);
	files = argv + optind + 2;
	n_files = argc - optind - 2;
	total = n_files * repeat;
	load();
	net = net_open(&e);
	if (net == NULL)
		die(e.text);
	start = clock_mono_ms();
	run();
	getrusage(RUSAGE_SELF, &used);
	if (is_quiet)
		printf("{\"accepted\":%d,\"refused\":%d,\"broken\":%d,"
		       "\"unknown\":%d,\"impossible\":%d,\"connections\":%d,"
		       "\"ms\":%" PRId64 ",\"rss_kb\":%ld}\n",
		    counts[0], counts[1], counts[2], counts[3], counts[4],
		    connections, clock_mono_ms() - start, used.ru_maxrss);
	for (int i = 0; i < n_files; i++)
		bulk_release(&bulks[i]);
	free(bulks);
	net_close(net);
	return 0;
}
