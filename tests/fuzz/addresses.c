/* Lists of addresses. */
#include "core/utf8.h"
#include "fuzz.h"
#include "mail/mailbox.h"

static void
check_member(json mailbox, const char *name)
{
	size_t len;
	const char *s = json_strn(mailbox, name, &len);

	CHECK(s != NULL || !json_has(mailbox, name));
	if (s != NULL)
		CHECK(utf8_valid(s, len));
}

static void
check_mailbox(json mailbox)
{
	CHECK(json_kind(mailbox) == JSON_OBJECT);
	CHECK(json_has(mailbox, "name") || json_has(mailbox, "address") ||
	      json_has(mailbox, "group"));
	check_member(mailbox, "name");
	check_member(mailbox, "address");
	check_member(mailbox, "group");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice value = {(const char *)data, n};
	defect_set defects = 0;
	json list = mailbox_list(json_array(), value, NULL, &defects), mailbox;

	CHECK(json_kind(list) == JSON_ARRAY);
	CHECK(json_count(list) <= MAILBOX_LIST_MAX);
	for (int i = 0; i < json_count(list); i++) {
		mailbox = json_at(list, i);
		check_mailbox(mailbox);
		json_free(mailbox);
	}
	json_free(list);
	return 0;
}
