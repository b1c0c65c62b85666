#include "send/signing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/secret.h"
#include "mail/dkim.h"
#include "send/envelope.h"

struct signer_set {
	char *name; /* "tenants.T.dkim" or "dkim.DOMAIN" */
	struct dkim_signer *signers;
	struct dkim_key **keys;
	size_t n;
	char *domain; /* of the author, where the configuration has no other */
	struct err err; /* why its keys cannot be had */
};

static void
set_free(struct signer_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		dkim_key_free(set->keys[i]);
	free(set->keys);
	free(set->signers);
	free(set->name);
	free(set->domain);
	free(set);
}

static struct dkim_key *
load_key(json from, struct err *e)
{
	struct secret secret = SECRET_INIT;
	struct dkim_key *key = NULL;

	if (secret_get(&secret, config_in(from, "key"), e) == 0)
		key = dkim_key_parse(secret.data, secret.len, e);
	secret_release(&secret);
	return key;
}

/* from is borrowed from the configuration. */
static int
add_signer(struct signer_set *set, json from, struct err *e)
{
	struct dkim_key *key = load_key(from, e);

	if (key == NULL)
		return err_prefix(e, ".%s", set->name);
	set->keys[set->n] = key;
	set->signers[set->n++] = (struct dkim_signer){
	    .key = key,
	    .domain = config_in_str(from, "domain", set->domain),
	    .selector = config_in_str(from, "selector", ""),
	};
	return 0;
}

static void
load(struct signer_set *set, json from)
{
	bool is_list = json_kind(from) == JSON_ARRAY;
	int n = is_list ? json_count(from) : 1, r = 0;

	set->signers = xcalloc((size_t)n, sizeof *set->signers);
	set->keys = xcalloc((size_t)n, sizeof *set->keys);
	for (int i = 0; r == 0 && i < n; i++) {
		json one = is_list ? json_at(from, i) : json_copy(from);

		r = add_signer(set, one, &set->err);
		json_free(one); /* the configuration still holds it */
	}
}

/* Consumes name. */
static struct signer_set *
find_set(struct signing *s, char *name, const char *domain, json from)
{
	struct signer_set *set;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->sets[i]->name, name) == 0) {
			free(name);
			return s->sets[i];
		}
	set = xcalloc(1, sizeof *set);
	set->name = name;
	set->domain = xstrdup(domain);
	load(set, from);
	s->sets = xrealloc(s->sets, s->n + 1, sizeof(void *));
	s->sets[s->n++] = set;
	return set;
}

/* NULL: nobody signs. */
static struct signer_set *
signers_of(struct signing *s, const struct letter *l)
{
	json from = config_in(config_tenant(s->config, l->tenant), "dkim");
	struct signer_set *set = NULL;
	char *domain;

	if (json_is_valid(from))
		return find_set(
		    s, xasprintf("tenants.%s.dkim", l->tenant), "", from);
	domain = xstrdup(envelope_domain(l->author));
	for (char *p = domain; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	from = config_dkim(s->config, domain);
	if (json_is_valid(from))
		set = find_set(s, xasprintf("dkim.%s", domain), domain, from);
	free(domain);
	return set;
}

int
signing_sign(struct signing *s, struct letter *l, struct err *e)
{
	struct signer_set *set = signers_of(s, l);
	struct buf fields = BUF_INIT;
	int r;

	if (set == NULL)
		return 0;
	if (set->err.class != ERR_NONE)
		return err_set(e, ERR_TEMP, "%s", set->err.text);
	r = dkim_sign(&l->message, set->signers, set->n, clock_now_ms() / 1000,
	    &fields, e);
	if (r == 0) {
		buf_add(&fields, l->head.data, l->head.len);
		buf_release(&l->head);
		l->head = fields;
		return 0;
	}
	buf_release(&fields);
	return -1;
}

void
signing_release(struct signing *s)
{
	for (size_t i = 0; i < s->n; i++)
		set_free(s->sets[i]);
	free(s->sets);
	*s = (struct signing){.n = 0};
}
