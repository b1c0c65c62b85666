#include "send/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/jq.h"
#include "core/json.h"
#include "core/utf8.h"
#include "send/template.h"

struct merging {
	struct template template;
	struct jq_program *jq;
};

static int
check_regular(int fd, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	return err_set(e, ERR_TEMP, "%.200s: not a regular file", name);
}

/* A body of its own, as a string. */
static int
read_body(int dir, json name, json *out, struct err *e)
{
	struct buf text = BUF_INIT;
	int fd = -1, r = -1;

	if (json_kind(name) != JSON_STRING)
		err_set(e, ERR_USAGE, "must be the name of a file");
	else
		fd = file_open_beneath(dir, json_string_value(name),
		    O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd != -1) {
		r = check_regular(fd, json_string_value(name), e);
		if (r == 0)
			r = file_read_fd(fd, MERGE_TEMPLATE_MAX, &text,
			    json_string_value(name), e);
		close(fd);
	}
	buf_addstr(&text, "");
	if (r == 0 && !utf8_valid(text.data, text.len))
		r = err_set(
		    e, ERR_USAGE, "%.200s: not UTF-8", json_string_value(name));
	if (r == 0)
		*out = json_stringn(text.data, text.len);
	buf_release(&text);
	return r;
}

/* "text_file" and "html_file" of an object become members of mail. */
static int
take_bodies(json *obj, json *mail, int dir, struct err *e)
{
	static const char *const files[] = {"text_file", "html_file"};
	static const char *const members[] = {"text", "html"};

	for (size_t i = 0; i < 2; i++) {
		json name = json_get(*obj, files[i]), body = json_none();
		int r;

		if (!json_is_valid(name))
			continue;
		r = read_body(dir, name, &body, e);
		json_free(name);
		if (r == -1)
			return err_prefix(e, "%s", files[i]);
		*obj = json_del(*obj, files[i]);
		*mail = json_set(*mail, members[i], body);
	}
	return 0;
}

static int
with_bodies(json *root, int dir, struct err *e)
{
	json mail = json_member(*root, "mail", JSON_OBJECT), inner;
	int r;

	if (!json_is_valid(mail))
		return err_set(e, ERR_USAGE, "it has no \"mail\"");
	inner = json_copy(mail);
	r = take_bodies(&inner, &mail, dir, e);
	if (r == 0)
		r = take_bodies(root, &mail, dir, e);
	json_free(inner);
	mail = json_del(json_del(mail, "text_file"), "html_file");
	*root = json_set(*root, "mail", mail);
	return r;
}

/* The directory of a path. */
static int
open_dir(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? xstrdup(".")
				  : xstrndup(path, (size_t)(slash - path) + 1);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		err_errno(e, "%.200s: open", dir);
	free(dir);
	return fd;
}

static int
read_template(const char *path, json *root, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = file_read_at(AT_FDCWD, path, MERGE_TEMPLATE_MAX, &text, e);

	if (r == 0)
		r = err_set(e, ERR_TEMP, "%.200s: no such file", path);
	else if (r == 1)
		r = json_parse(text.data, text.len, root, e);
	buf_release(&text);
	if (r == -1 && e->class == ERR_DATA)
		e->class = ERR_USAGE;
	return r;
}

static int
load(struct merging *m, const char *path, struct err *e)
{
	json root = json_none();
	int dir, r = read_template(path, &root, e);

	if (r == -1)
		return -1;
	dir = open_dir(path, e);
	r = dir != -1 ? with_bodies(&root, dir, e) : -1;
	if (dir != -1)
		close(dir);
	if (r == -1) {
		json_free(root);
		return -1;
	}
	return template_parse(&m->template, root, e);
}

/* Is this expression a jq program, alone?  The error names it. */
static int
check_expr(const struct merging *m, size_t index, struct err *e)
{
	char *text = xasprintf("(%s\n)", template_expr(&m->template, index));
	struct jq_program *alone = jq_program_open(text, e);
	bool is_good = alone != NULL;
	struct buf where = BUF_INIT;

	if (!is_good) {
		template_where(&m->template, index, &where);
		err_prefix(e, "%s", where.data);
	}
	jq_program_free(alone);
	buf_release(&where);
	free(text);
	return is_good ? 0 : -1;
}

/* All in one; where jq does not take it, which one is it? */
static int
compile(struct merging *m, struct err *e)
{
	struct buf text = BUF_INIT;
	struct err all = ERR_INIT;
	int r = 0;

	template_program(&m->template, &text);
	m->jq = jq_program_open(text.data, &all);
	buf_release(&text);
	if (m->jq != NULL)
		return 0;
	for (size_t i = 0;
	     r == 0 && all.class == ERR_USAGE && i < m->template.n_exprs; i++)
		r = check_expr(m, i, e);
	return err_set(e, all.class, "%s", all.text);
}

static int
merge_line(struct merging *m, json *line, struct err *e)
{
	json outputs = jq_program_run(m->jq, json_copy(*line), e);
	json answers = json_at(outputs, 0), rec;
	int r = -1;

	if (json_is_valid(outputs) && json_kind(answers) != JSON_ARRAY)
		err_set(e, ERR_DATA, "the template has no answer for it");
	else if (json_is_valid(outputs))
		r = template_fill(&m->template, answers, &rec, e);
	json_free(answers);
	json_free(outputs);
	if (r == 0) {
		json_free(*line);
		*line = rec;
	}
	return r;
}

static int
merge_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;

		if (merge_line(ctx, &items[i].rec, &bad) == -1)
			batch_refuse(&items[i], &bad);
	}
	return 0;
}

int
merge_run(const char *path, struct err *e)
{
	struct merging m = {.template = {.root = json_none()}};
	struct batch b = {
	    .work = merge_batch,
	    .ctx = &m,
	    .progress = "merged",
	    .is_any = true,
	};
	int r = load(&m, path, e);

	if (r == 0)
		r = compile(&m, e);
	if (r == -1)
		err_prefix(e, "%.200s", path);
	else
		r = batch_run(&b, e);
	jq_program_free(m.jq);
	template_release(&m.template);
	return r;
}
