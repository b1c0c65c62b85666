#include "send/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail.h"

enum {
	/* RFC 5321 4.5.3.2. */
	COMMAND_S = 300,
	DATA_S = 120,
	BLOCK_S = 180,
	END_S = 600,
	/* A server that does not even take a connection by then is not there;
	   the greeting may take what the RFC says. */
	CONNECT_S = 60,
};

static int64_t
limit_ms(json config, const char *key, int64_t fallback_s)
{
	return config_in_duration_s(config, key, fallback_s) * 1000;
}

static void
read_limits(struct transport *t)
{
	struct smtp_limits *l = &t->server.limits;

	l->connect = limit_ms(t->config, "time_limits.connect", CONNECT_S);
	l->command = limit_ms(t->config, "time_limits.command", COMMAND_S);
	l->data = limit_ms(t->config, "time_limits.data", DATA_S);
	l->block = limit_ms(t->config, "time_limits.block", BLOCK_S);
	l->end = limit_ms(t->config, "time_limits.end", END_S);
	t->command_ms = limit_ms(t->config, "time_limit_s", TRANSPORT_LIMIT_S);
}

int64_t
transport_mail_ms(const struct transport *t, int64_t size)
{
	if (t->url.kind == TRANSPORT_COMMAND)
		return t->command_ms;
	/* With CRs and dots that it gets on its way. */
	return smtp_mail_ms(&t->server, 2 * size);
}

static void
read_dsn(struct transport *t)
{
	static const struct {
		const char *word, *notify;
	} words[] = {
	    {"never", "NEVER"},
	    {"failure", "FAILURE"},
	    {"failure,delay", "FAILURE,DELAY"},
	    {"success,failure", "SUCCESS,FAILURE"},
	    {"success,failure,delay", "SUCCESS,FAILURE,DELAY"},
	};
	const char *notify = config_in_str(t->config, "dsn.notify", NULL);
	const char *ret = config_in_str(t->config, "dsn.return", NULL);

	for (size_t i = 0; notify != NULL && i < sizeof words / sizeof *words;
	     i++)
		if (strcmp(notify, words[i].word) == 0)
			t->dsn_notify = words[i].notify;
	if (ret != NULL)
		t->dsn_ret = strcmp(ret, "full") == 0 ? "FULL" : "HDRS";
}

static void
read_server(struct transport *t)
{
	struct smtp_server *s = &t->server;

	s->is_lmtp = t->url.is_lmtp;
	s->host = t->url.host;
	s->port = t->url.port;
	s->path = t->url.path;
	s->tls = t->url.tls;
	s->ca_file = config_in_str(t->config, "ca_file", NULL);
	s->helo = config_in_str(t->config, "helo", NULL);
	s->user = config_in_str(t->config, "user", NULL);
	s->auth = config_in_str(t->config, "auth", NULL);
}

static void
transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	secret_release(&t->password);
	transport_url_release(&t->url);
	free(t->name);
	free(t);
}

static struct transport *
add(struct transports *all, struct transport *t)
{
	read_limits(t);
	read_dsn(t);
	if (t->url.kind == TRANSPORT_SMTP)
		read_server(t);
	all->items = xrealloc(all->items, all->n + 1, sizeof(void *));
	all->items[all->n++] = t;
	return t;
}

static struct transport *
new_named(struct transports *all, const char *name, json config, struct err *e)
{
	struct transport *t = xcalloc(1, sizeof *t);

	t->name = xstrdup(name);
	t->config = config;
	if (all->word != NULL)
		snprintf(t->route, sizeof t->route, MAIL_ROUTE_COMMAND);
	else
		snprintf(t->route, sizeof t->route, "@%s", name);
	if (transport_url_parse(&t->url, config_in_str(config, "url", ""), e) ==
	    0)
		return add(all, t);
	e->class = ERR_TEMP;
	err_prefix(e, "%.200s: .transports.%s.url", all->config->file, name);
	transport_free(t);
	return NULL;
}

static struct transport *
new_url(struct transports *all, struct err *e)
{
	struct transport *t = xcalloc(1, sizeof *t);

	t->name = xstrdup(all->word);
	t->config = json_none();
	snprintf(t->route, sizeof t->route, MAIL_ROUTE_COMMAND);
	if (transport_url_parse(&t->url, all->word, e) == 0)
		return add(all, t);
	err_prefix(e, "-x");
	transport_free(t);
	return NULL;
}

static const char *
tenants_word(struct transports *all, const char *tenant)
{
	if (all->word != NULL)
		return all->word;
	return config_tenant_str(all->config, tenant, "transport", "default");
}

static void
no_such_transport(
    struct transports *all, const char *tenant, const char *name, struct err *e)
{
	if (all->word != NULL)
		err_set(e, ERR_USAGE,
		    "-x %.64s: there is no transport of this name in %.200s, "
		    "and a URL has a ':'",
		    name, all->config->file);
	else
		err_set(e, ERR_TEMP,
		    "tenant %s has no transport: add tenants.%s.transport or "
		    "transports.default to %.200s, or use -x",
		    tenant, tenant, all->config->file);
}

struct transport *
transports_find(struct transports *all, const char *tenant, struct err *e)
{
	const char *name = tenants_word(all, tenant);
	json config; /* borrowed */

	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i]->name, name) == 0)
			return all->items[i];
	if (strchr(name, ':') != NULL)
		return new_url(all, e);
	config = config_transport(all->config, name);
	if (json_is_valid(config))
		return new_named(all, name, config, e);
	no_such_transport(all, tenant, name, e);
	return NULL;
}

const struct smtp_server *
transport_server(struct transport *t, struct err *e)
{
	json from = config_in(t->config, "password"); /* borrowed */

	if (json_is_valid(from) && t->password.data == NULL &&
	    secret_get(&t->password, from, e) == -1) {
		err_prefix(e, "transport %s: password", t->name);
		return NULL;
	}
	t->server.password = t->password.data;
	return &t->server;
}

void
transport_forget_password(struct transport *t)
{
	secret_release(&t->password);
	t->server.password = NULL;
}

void
transports_release(struct transports *all)
{
	for (size_t i = 0; i < all->n; i++)
		transport_free(all->items[i]);
	free(all->items);
	*all = (struct transports){.n = 0};
}
