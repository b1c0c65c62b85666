#include "send/author.h"

#include "core/json.h"
#include "mail/header.h"
#include "mail/mailbox.h"

enum {
	WINDOW = 32768,
};

/* The header's bytes, as far as they may be many. */
static int
read_header(const struct bulk *message, struct buf *bytes,
    struct header_scan *scan, struct err *e)
{
	int64_t got;

	do {
		buf_grow(bytes, WINDOW);
		got = bulk_read(message, (int64_t)bytes->len,
		    bytes->data + bytes->len, WINDOW, e);
		if (got == -1)
			return -1;
		bytes->len += (size_t)got;
	} while (
	    !header_scan(scan, bytes->data, bytes->len, got == 0) && got > 0);
	return 0;
}

static char *
first_address(struct slice value, struct err *e)
{
	defect_set defects = 0;
	json all = mailbox_list(json_array(), value, NULL, &defects);
	char *found = NULL;

	for (int i = 0, n = json_count(all); found == NULL && i < n; i++) {
		json one = json_at(all, i);
		const char *address = json_str(one, "address");

		if (address != NULL)
			found = xstrdup(address);
		json_free(one);
	}
	json_free(all);
	if (found == NULL)
		err_set(e, ERR_DATA, "its From has no address");
	return found;
}

static char *
find_author(const struct header *h, struct err *e)
{
	const struct header_field *from = header_next(h, "From", NULL);

	if (from == NULL) {
		err_set(e, ERR_DATA, "it has no From");
		return NULL;
	}
	if (header_next(h, "From", from) != NULL) {
		err_set(e, ERR_DATA, "it has two From");
		return NULL;
	}
	return first_address(from->value, e);
}

char *
author_of(const struct bulk *message, struct err *e)
{
	struct header_scan scan = {0};
	struct buf bytes = BUF_INIT;
	char *author = NULL;
	struct header h;

	if (read_header(message, &bytes, &scan, e) == 0) {
		header_parse(&h, bytes.data, &scan);
		author = find_author(&h, e);
		header_release(&h);
	}
	buf_release(&bytes);
	return author;
}
