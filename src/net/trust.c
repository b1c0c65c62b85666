#include "net/trust.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "core/buf.h"

struct trust {
	struct trust *next;
	char *file; /* NULL: the system's */
	X509_STORE *store;
};

/* What the callback is given is OpenSSL's only there. */
static bool
is_openssl(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	return v->ssl_version != NULL &&
	       strncmp(v->ssl_version, "OpenSSL/3", 9) == 0;
}

static bool
load(X509_STORE *store, const char *file)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	if (file != NULL)
		return X509_STORE_load_file(store, file) == 1;
	if (v->cainfo != NULL && X509_STORE_load_file(store, v->cainfo) == 1)
		return true;
	return X509_STORE_set_default_paths(store) == 1;
}

static X509_STORE *
read_store(const char *file, struct err *e)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		xnomem();
	/* As libcurl does: an authority's certificate that is not its own
	 * issuer is enough. */
	X509_STORE_set_flags(
	    store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	if (load(store, file))
		return store;
	X509_STORE_free(store);
	err_set(e, ERR_TEMP, "%s: no certificates can be read from it",
	    file != NULL ? file : "the system's authorities");
	return NULL;
}

static X509_STORE *
find_store(struct net *net, const char *file, struct err *e)
{
	struct trust *t;
	X509_STORE *store;

	for (t = net->trust; t != NULL; t = t->next)
		if (file == NULL || t->file == NULL
			? file == t->file
			: strcmp(file, t->file) == 0)
			return t->store;
	store = read_store(file, e);
	if (store == NULL)
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->file = file != NULL ? xstrdup(file) : NULL;
	t->store = store;
	t->next = net->trust;
	net->trust = t;
	return store;
}

static CURLcode
on_context(CURL *easy, void *context, void *store)
{
	(void)easy;
	return SSL_CTX_set1_verify_cert_store(context, store) == 1
		   ? CURLE_OK
		   : CURLE_ABORTED_BY_CALLBACK;
}

int
net_trust_use(struct net *net, CURL *easy, const struct smtp_server *server,
    struct err *e)
{
	X509_STORE *store;

	if (server->tls != SMTP_TLS_REQUIRED &&
	    server->tls != SMTP_TLS_IMPLICIT)
		return 0;
	if (!is_openssl()) {
		if (server->ca_file != NULL &&
		    curl_easy_setopt(easy, CURLOPT_CAINFO, server->ca_file) !=
			CURLE_OK)
			return err_set(e, ERR_TEMP,
			    "TLS: no file for its "
			    "authorities can be set");
		return 0;
	}
	store = find_store(net, server->ca_file, e);
	if (store == NULL)
		return -1;
	if (curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context) !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, store) != CURLE_OK)
		return err_set(
		    e, ERR_TEMP, "TLS: its authorities cannot be set");
	return 0;
}

void
net_trust_free(struct net *net)
{
	struct trust *t;

	while ((t = net->trust) != NULL) {
		net->trust = t->next;
		X509_STORE_free(t->store);
		free(t->file);
		free(t);
	}
}
