/* How SQLite finds what a filter asks for: never by reading all rows. */
#include <sqlite3.h>

#include "ledger.h"
#include "ledger/mail_sqlite.h"

static const struct {
	struct mail_filter filter;
	bool by_id;
} filters[] = {
    {{.state = -1}, false},
    {{.state = MAIL_DEAD}, false},
    {{.state = -1, .tenant = "t"}, false},
    {{.state = -1, .queue = "q"}, false},
    {{.state = -1, .before = 1}, false},
    {{.state = -1, .after = 1}, false},
    {{.state = -1, .sender = "a@x"}, false},
    {{.state = -1, .recipient = "a@x"}, false},
    {{.state = -1, .message_id = "1@x"}, false},
    {{.state = -1, .is_failed = true}, false},
    {{.state = -1, .is_kept = true}, false},
    {{.state = MAIL_DEAD,
	 .tenant = "t",
	 .queue = "q",
	 .before = 2,
	 .after = 1,
	 .sender = "a@x",
	 .recipient = "b@x",
	 .message_id = "1@x",
	 .is_kept = true},
	false},
    {{.state = -1, .id = "a"}, true},
    {{.state = MAIL_DEAD, .id = "a", .tenant = "t", .is_kept = true}, true},
};

/* Its steps, a line each. */
static void
explain(struct ledger *l, const struct mail_filter *f, struct buf *plan)
{
	struct mail_sqlite *m = (struct mail_sqlite *)l->m;
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st;

	buf_reset(plan);
	buf_addstr(&sql, "EXPLAIN QUERY PLAN ");
	mail_sqlite_list_sql(f, &sql);
	if (CHECK(l, sqlite3_prepare_v2(
			 m->db.sqlite, sql.data, -1, &st, NULL) == SQLITE_OK))
		while (sqlite3_step(st) == SQLITE_ROW)
			buf_addf(plan, "%s\n",
			    (const char *)sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	buf_release(&sql);
}

int
main(void)
{
	struct buf plan = BUF_INIT;
	struct ledger l;

	ledger_open(&l, "sqlite:", "state");
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		bool is_good;

		explain(&l, &filters[i].filter, &plan);
		is_good =
		    filters[i].by_id
			? strstr(plan.data, "(id=?)") != NULL
			: strstr(plan.data, "SEARCH mail USING COVERING INDEX "
					    "mail_find (seq>?)") != NULL &&
			      strstr(plan.data,
				  "SEARCH mail USING INTEGER PRIMARY "
				  "KEY (rowid=?)") != NULL;
		if (!CHECK(&l, is_good && strstr(plan.data, "SCAN") == NULL &&
				   strstr(plan.data, "TEMP B-TREE") == NULL))
			fprintf(stderr, "filter %zu: %s", i, plan.data);
	}
	buf_release(&plan);
	ledger_close(&l);
	return failures > 0;
}
