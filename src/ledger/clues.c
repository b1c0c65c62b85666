#include "ledger/clues.h"

#include <strings.h>

#include "ledger/clue.h"
#include "ledger/sealed.h"

struct clues
clues_of(const char *record, size_t len)
{
	struct err bad = ERR_INIT;
	struct clues c = {0};
	json rec, envelope;

	if (json_parse(record, len, &rec, &bad) == -1)
		return c;
	envelope = json_member(rec, "envelope", JSON_OBJECT);
	c.sender = clue_address(json_str(envelope, "from"));
	c.recipient = clue_address(json_str(envelope, "to"));
	c.message_id = sealed_is(record, len) ? sealed_clue(record, len)
					      : clue_of_message(rec);
	json_free(envelope);
	json_free(rec);
	return c;
}

static bool
is_address(const char *wanted, json envelope, const char *key)
{
	const char *s = json_str(envelope, key);

	return wanted == NULL || (s != NULL && strcasecmp(s, wanted) == 0);
}

bool
clues_match(const char *record, size_t len, const char *sender,
    const char *recipient, const char *message_id)
{
	struct err bad = ERR_INIT;
	json rec, envelope;
	bool is_it;

	if (json_parse(record, len, &rec, &bad) == -1)
		return false;
	envelope = json_member(rec, "envelope", JSON_OBJECT);
	is_it = is_address(sender, envelope, "from") &&
		is_address(recipient, envelope, "to") &&
		(sealed_is(record, len)
			? message_id == NULL || sealed_clue(record, len) ==
						    clue_message_id(message_id)
			: clue_is_message(message_id, rec));
	json_free(envelope);
	json_free(rec);
	return is_it;
}
