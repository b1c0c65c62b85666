/* What the programs read from each other. */
#include "mail/record.h"
#include "core/utf8.h"
#include "fuzz.h"

/* What is written can be read, and is written the same again. */
static void
check_dump(json rec)
{
	struct buf text = BUF_INIT, same = BUF_INIT;
	struct err e = ERR_INIT;
	json again;

	json_dump(json_copy(rec), &text);
	CHECK(memchr(text.data, '\n', text.len) == NULL);
	CHECK(utf8_valid(text.data, text.len));
	CHECK(json_parse(text.data, text.len, &again, &e) == 0);
	json_dump(again, &same);
	CHECK(same.len == text.len);
	CHECK(memcmp(same.data, text.data, text.len) == 0);
	buf_release(&text);
	buf_release(&same);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	const char *id;
	json rec;

	if (json_parse((const char *)data, n, &rec, &e) == -1) {
		CHECK(e.class == ERR_DATA && e.text[0] != '\0');
		return 0;
	}
	if (json_kind(rec) == JSON_OBJECT) {
		id = record_id(rec);
		CHECK(strlen(id) > 0);
		if (record_check(rec, &e) == -1)
			CHECK(e.class == ERR_DATA);
		record_has_result(rec);
		record_status(rec);
	}
	check_dump(rec);
	json_free(rec);
	return 0;
}
