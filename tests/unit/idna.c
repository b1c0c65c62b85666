/* Unit tests of mail/idna.c: domains in ASCII, and those that stay. */
#include <stdio.h>
#include <string.h>

#include "mail/idna.h"

static const struct {
	const char *domain, *ascii; /* NULL: it can't be said */
} cases[] = {
    {"example.com", "example.com"},
    {"Example.COM", "Example.COM"},
    {"日本語.jp", "xn--wgv71a119e.jp"},
    {"日本語。jp", "xn--wgv71a119e.jp"},
    {"www.ドメイン名例.jp", "www.xn--eckwd4c7cu47r2wf.jp"},
    {"bücher.example", "xn--bcher-kva.example"},
    {"straße.de", "xn--strae-oqa.de"},
    {"παράδειγμα.gr", "xn--hxajbheg2az3al.gr"},
    {"пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
    {"실례.테스트", "xn--9n2bp8q.xn--9t4b11yi5a"},
    {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
    {"3年b組金八先生.jp", "xn--3b-ww4c5e180e575a65lsy2b.jp"},
    /* What would have to be mapped, or is no label. */
    {"BÜCHER.example", NULL},
    {"Bücher.example", NULL},
    {"ｅｘａｍｐｌｅ.jp", NULL},
    {"bu\u0308cher.example", NULL},
    {"か\u3099.jp", NULL},
    {"日本\u200b.jp", NULL},
    {"-日本.jp", NULL},
    {"日本-.jp", NULL},
    {"日本..jp", NULL},
    {"日本。", NULL},
    {"", NULL},
    {"日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語"
     "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語.jp",
	NULL},
};

int
main(void)
{
	int failures = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = BUF_INIT;
		bool is = idna_to_ascii(
		    cases[i].domain, strlen(cases[i].domain), &out);

		if (is != (cases[i].ascii != NULL) ||
		    (is && strcmp(out.data, cases[i].ascii) != 0) ||
		    (!is && out.len != 0)) {
			fprintf(stderr, "idna: %s: %s\n", cases[i].domain,
			    is ? out.data : "no");
			failures++;
		}
		buf_release(&out);
	}
	return failures > 0;
}
