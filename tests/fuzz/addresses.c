/* Lists of addresses. */
#include "fuzz.h"
#include "mail/mailbox.h"

static void
check_member(jv mailbox, const char *name)
{
	size_t len;
	const char *s = json_strn(mailbox, name, &len);

	CHECK(s != NULL || !json_has(mailbox, name));
	if (s != NULL)
		CHECK(utf8_valid(s, len));
}

static void
check_mailbox(jv mailbox)
{
	CHECK(jv_get_kind(mailbox) == JV_KIND_OBJECT);
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
	jv list = mailbox_list(jv_array(), value, NULL, &defects), mailbox;

	CHECK(jv_get_kind(list) == JV_KIND_ARRAY);
	CHECK(jv_array_length(jv_copy(list)) <= MAILBOX_LIST_MAX);
	for (int i = 0; i < jv_array_length(jv_copy(list)); i++) {
		mailbox = jv_array_get(jv_copy(list), i);
		check_mailbox(mailbox);
		jv_free(mailbox);
	}
	jv_free(list);
	return 0;
}
