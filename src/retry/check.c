#include "retry/check.h"

#include <unistd.h>

#include "core/json.h"
#include "ledger/parts.h"
#include "queue/content.h"

/* The blob of a record or part, if it has one.  As check_blobs. */
static int
check_blob(struct queue *q, json obj, struct err *why, struct err *e)
{
	json blob = json_member(obj, "blob", JSON_OBJECT);
	const char *ref = json_str(blob, "ref");
	int fd = -1, r = 1;

	if (ref != NULL) {
		fd = queue_open_stored(q, ref, why);
		if (fd == -1)
			r = why->class == ERR_DATA
				? 0
				: err_set(e, why->class, "%s", why->text);
	}
	if (fd != -1)
		close(fd);
	json_free(blob);
	return r;
}

static int
check_parts(struct queue *q, json rec, struct err *why, struct err *e)
{
	int r = 1;

	for (int k = 0; r == 1 && k < PARTS_KINDS; k++) {
		json parts = parts_list(rec, &parts_kinds[k]);

		for (int i = 0, n = json_count(parts); r == 1 && i < n; i++) {
			json part = json_glance_at(parts, i);

			r = check_blob(q, part, why, e);
			json_free(part);
		}
		json_free(parts);
	}
	return r;
}

int
check_blobs(
    struct queue *q, const struct mail_row *row, struct err *why, struct err *e)
{
	json rec;
	int r;

	if (json_parse(row->record, row->record_len, &rec, why) == -1)
		return 0;
	r = check_blob(q, rec, why, e);
	if (r == 1)
		r = check_parts(q, rec, why, e);
	json_free(rec);
	return r;
}
