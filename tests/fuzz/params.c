/* Fields with parameters. */
#include "core/utf8.h"
#include "fuzz.h"
#include "mail/param.h"

static void
check_param(const struct params *p, size_t i)
{
	const struct param *item = &p->items[i];

	CHECK(strlen(item->name) <= PARAM_NAME_MAX);
	for (const char *c = item->name; *c != '\0'; c++)
		CHECK(!(*c >= 'A' && *c <= 'Z') && *c != '*');
	CHECK(item->len <= PARAM_VALUE_MAX);
	CHECK(strlen(item->value) == item->len);
	CHECK(utf8_valid(item->value, item->len));
	CHECK(params_find(p, item->name) == item);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct params p;

	params_parse(&p, (struct slice){(const char *)data, n});
	CHECK(p.value != NULL && strlen(p.value) <= n * 6);
	CHECK(utf8_valid(p.value, strlen(p.value)));
	CHECK(p.n <= PARAM_MAX);
	for (size_t i = 0; i < p.n; i++)
		check_param(&p, i);
	params_release(&p);
	return 0;
}
