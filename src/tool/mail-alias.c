/* mail-alias: aliases files and the configuration.  Manual: man/mail-alias.1 */
#include <string.h>
#include <unistd.h>

#include "alias/check.h"
#include "alias/import.h"
#include "alias/line.h"
#include "core/config.h"
#include "core/file.h"
#include "core/self.h"
#include "core/tool.h"

static struct {
	struct string_list queues;
	struct option_word form;
	const char *queue, *dir, *smrsh;
	bool is_aliases;
} option = {.queue = "inbound", .form = {"deliver line", "deliver"}};

/* The tools are where this one is, unless --bin says otherwise. */
static int
choose_form(struct line_form *f, char dir[PATH_MAX], struct err *e)
{
	*f = (struct line_form){
	    .dir = option.dir,
	    .queue = option.queue,
	    .state = tool_state_option(),
	    .is_pipeline = strcmp(option.form.value, "line") == 0,
	};
	if (f->dir != NULL)
		return 0;
	f->dir = dir;
	return self_directory(dir, e);
}

static int
write_out(const struct buf *b, struct err *e)
{
	return b->len > 0
		   ? file_write(STDOUT_FILENO, b->data, b->len, -1, "stdout", e)
		   : 0;
}

static int
import(const char *path, const struct config *config, struct err *e)
{
	struct import_how how = {.smrsh = option.smrsh, .config = config};
	struct import_result result;
	char dir[PATH_MAX];
	int r;

	if (choose_form(&how.form, dir, e) == -1)
		return -1;
	r = import_aliases(path, &how, &result, e);
	if (r == 0)
		r = write_out(
		    option.is_aliases ? &result.aliases : &result.config, e);
	import_release(&result);
	return r;
}

static int
run_import(int argc, char **argv, struct err *e)
{
	struct config config;
	int r = config_load(&config, e);

	(void)argc;
	if (r == 0)
		r = import(argv[0], &config, e);
	config_release(&config);
	return r;
}

static int
run_check(int argc, char **argv, struct err *e)
{
	struct check_how how = {.queues = &option.queues};
	struct config config;
	char dir[PATH_MAX];
	int r = config_load(&config, e);

	(void)argc;
	how.config = &config;
	if (option.queues.n > 0)
		option.queue = option.queues.items[0];
	if (r == 0)
		r = choose_form(&how.form, dir, e);
	if (r == 0)
		r = check_aliases(argv, &how, e);
	config_release(&config);
	return r;
}

static int export(const struct config *config, struct err *e)
{
	json tenants = config_in(config->root, "tenants"); /* borrowed */
	struct buf out = BUF_INIT;
	struct line_form form;
	char dir[PATH_MAX];
	size_t len;
	int r;

	if (choose_form(&form, dir, e) == -1 || line_check_form(&form, e) == -1)
		return -1;
	for (int i = 0; i < json_count(tenants); i++) {
		const char *name = json_key_at(tenants, i, &len);

		if (config_tenant_str(config, name, "handler", NULL) == NULL)
			continue;
		line_add_name(&out, name);
		line_add_target(&out, &form, name);
		buf_addch(&out, '\n');
	}
	r = write_out(&out, e);
	buf_release(&out);
	return r;
}

static int
run_export(int argc, char **argv, struct err *e)
{
	struct config config;
	int r = config_load(&config, e);

	(void)argc;
	(void)argv;
	if (r == 0)
		r = export(&config, e);
	config_release(&config);
	return r;
}

/* How the lines look. */
/* clang-format off */
#define LINE_ROWS \
    {0, "form", "FORM", "deliver: by mail-deliver; line: by a shell", \
	OPTION_WORD, &option.form, 0, 0}, \
    {0, "bin", "DIR", "where the tools are (beside this one)", OPTION_STRING, \
	&option.dir, 0, 0}
#define QUEUE_ROW \
    {'q', NULL, "QUEUE", "the queue of the lines (inbound)", OPTION_STRING, \
	&option.queue, 0, 0}
/* clang-format on */

static const struct option_row import_options[] = {
    {0, "aliases", NULL, "print the new lines, not the configuration",
	OPTION_FLAG, &option.is_aliases, 0, 0},
    QUEUE_ROW,
    LINE_ROWS,
    {0, "smrsh", "DIR", "the programs are in this directory of smrsh",
	OPTION_STRING, &option.smrsh, 0, 0},
    {0},
};

static const struct option_row check_options[] = {
    {'q', NULL, "QUEUE", "lines may name this queue (all the same)",
	OPTION_LIST, &option.queues, 0, 0},
    LINE_ROWS,
    {0},
};

static const struct option_row export_options[] = {
    QUEUE_ROW,
    LINE_ROWS,
    {0},
};

static const struct verb verbs[] = {
    {"import", "FILE",
	"the configuration that runs the commands of an aliases file",
	import_options, "  mail-alias import /etc/aliases >config.json\n",
	run_import, 1, 1, false},
    {"check", "FILE...", "what does not fit between aliases and configuration",
	check_options, "  mail-alias check /etc/mailpipe-aliases/aliases\n",
	run_check, 1, -1, false},
    {"export", "", "the alias lines that the configuration needs",
	export_options, "  mail-alias export >aliases\n", run_export, 0, 0,
	false},
    {0},
};

static const struct tool tool = {
    .name = "mail-alias",
    .summary = "Commands in aliases files, and the configuration.",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
