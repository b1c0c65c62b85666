/* Unit tests of mail/compose.c: what becomes of a record's "mail", what is
 * refused, and what holds for every message. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/json.h"
#include "mail/compose.h"

#define ABC64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"
#define MINIMAL "\"from\":\"a@x.jp\",\"to\":\"b@y.jp\""
#define HEAD                                                                   \
	"Date: Sat, 21 Nov 2026 23:06:00 +0000\r\nFrom: a@x.jp\r\n"            \
	"To: b@y.jp\r\n"
#define ID "Message-ID: <r1@x.jp>\r\n"
#define MIME "MIME-Version: 1.0\r\n"
#define PLAIN                                                                  \
	"Content-Type: text/plain; charset=UTF-8\r\n"                          \
	"Content-Transfer-Encoding: 7bit\r\n\r\n"

static int failures;

static void
fail(const char *what, const char *in, const char *got)
{
	fprintf(stderr, "compose: %s: %.300s\n  got: %s\n", what, in, got);
	failures++;
}

static const char *file_data; /* of every attachment */
static size_t file_size;

static int
open_file(void *ctx, json attachment, struct err *e)
{
	const char *path = json_str(attachment, "path");
	int fd = memfd_create("attachment", MFD_CLOEXEC);

	(void)ctx;
	if (path != NULL && strcmp(path, "gone") == 0) {
		close(fd);
		return err_set(e, ERR_DATA, "there is no such blob");
	}
	if (path != NULL && strcmp(path, "busy") == 0) {
		close(fd);
		return err_set(e, ERR_TEMP, "busy");
	}
	if (file_data == NULL
		? ftruncate(fd, (off_t)file_size) == -1
		: write(fd, file_data, file_size) != (ssize_t)file_size)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* The message is out->memory, as text; the error's class, or 0. */
static int
compose(const char *text, struct bulk *out, struct err *e)
{
	const struct compose how = {
	    "r1", INT64_C(1795302360000), open_file, NULL};
	json mail = json_none();
	int r;

	bulk_init(out, NULL, NULL);
	buf_addstr(&out->memory, "");
	*e = (struct err)ERR_INIT;
	if (json_parse(text, strlen(text), &mail, e) == -1)
		return -1;
	r = compose_message(mail, &how, out, e);
	json_free(mail);
	return r;
}

/* Whole messages. */
static const struct {
	const char *mail, *message;
} whole[] = {
    {"{" MINIMAL ",\"text\":\"hi\"}", HEAD ID MIME PLAIN "hi\r\n"},
    {"{" MINIMAL ",\"subject\":\"s\",\"text\":\"a\\nb\\r\\nc\\rd\\n\\n\"}",
	HEAD "Subject: s\r\n" ID MIME PLAIN "a\r\nb\r\nc\r\nd\r\n\r\n"},
    {"{\"from\":[\"A B <a@x.jp>\"],\"cc\":{\"address\":\"b@y.jp\"},"
     "\"date\":\"2000-02-29T01:02:03-03:30\",\"message_id\":\"<m@n>\","
     "\"in_reply_to\":\"<p@q>\",\"references\":[\"<n@o>\",\"p@q\"],"
     "\"sender\":\"s@x.jp\",\"reply_to\":[\"r@x.jp\",\"q@x.jp\"],"
     "\"auto_submitted\":true,\"headers\":{\"X-A\":\"1\",\"X-B\":\"\"},"
     "\"html\":\"<p>\"}",
	"Date: Tue, 29 Feb 2000 01:02:03 -0330\r\nFrom: A B <a@x.jp>\r\n"
	"Sender: s@x.jp\r\nReply-To: r@x.jp, q@x.jp\r\nCc: b@y.jp\r\n"
	"Message-ID: <m@n>\r\nIn-Reply-To: <p@q>\r\n"
	"References: <n@o> <p@q>\r\nX-A: 1\r\nX-B:\r\n"
	"Auto-Submitted: auto-generated\r\n" MIME
	"Content-Type: text/html; charset=UTF-8\r\n"
	"Content-Transfer-Encoding: 7bit\r\n\r\n<p>\r\n"},
    {"{\"from\":\"a@x.jp\",\"bcc\":\"b@y.jp\",\"text\":\"x\"}",
	"Date: Sat, 21 Nov 2026 23:06:00 +0000\r\nFrom: a@x.jp\r\n"
	"To: undisclosed-recipients:;\r\n" ID MIME PLAIN "x\r\n"},
};

static void
check_whole(size_t i)
{
	struct bulk out;
	struct err e;

	if (compose(whole[i].mail, &out, &e) == -1)
		fail("refused", whole[i].mail, e.text);
	else if (strcmp(out.memory.data, whole[i].message) != 0)
		fail("message", whole[i].mail, out.memory.data);
	bulk_release(&out);
}

/* What is in the message, beside From, To and "text":"hi" or "file". */
static const struct {
	const char *members, *has;
} parts[] = {
    /* Names. */
    {"\"reply_to\":\"山田 太郎 <y@x.jp>\"",
	"\r\nReply-To: =?UTF-8?B?5bGx55SwIOWkqumDjg==?= <y@x.jp>\r\n"},
    {"\"reply_to\":\"山田 太郎 <y@x.jp>\",\"charset\":\"ISO-2022-JP\"",
	"\r\nReply-To: =?ISO-2022-JP?B?GyRCOzNFRBsoQiAbJEJCQE86GyhC?= "
	"<y@x.jp>\r\n"},
    {"\"reply_to\":{\"name\":\"A, \\\"B\\\" \\\\\",\"address\":\"y@x.jp\"}",
	"\r\nReply-To: \"A, \\\"B\\\" \\\\\" <y@x.jp>\r\n"},
    {"\"reply_to\":{\"name\":\"=?x\",\"address\":\"y@x.jp\"}",
	"\r\nReply-To: =?UTF-8?B?PT94?= <y@x.jp>\r\n"},
    {"\"reply_to\":{\"name\":\"A  B\",\"address\":\"y@x.jp\"}",
	"\r\nReply-To: \"A  B\" <y@x.jp>\r\n"},
    {"\"reply_to\":{\"name\":\"\",\"address\":\"y@x.jp\"}",
	"\r\nReply-To: y@x.jp\r\n"},
    {"\"reply_to\":{\"name\":\"Zoë\",\"address\":\"y@x.jp\"}",
	"\r\nReply-To: =?UTF-8?Q?Zo=C3=AB?= <y@x.jp>\r\n"},
    /* Addresses. */
    {"\"reply_to\":\"a..b.@docomo.ne.jp\"",
	"\r\nReply-To: \"a..b.\"@docomo.ne.jp\r\n"},
    {"\"reply_to\":\"\\\"a b\\\"@x.jp\"", "\r\nReply-To: \"a b\"@x.jp\r\n"},
    {"\"reply_to\":\"i@日本語.jp\"", "\r\nReply-To: i@xn--wgv71a119e.jp\r\n"},
    {"\"reply_to\":\"受注@日本語.jp\"",
	"\r\nReply-To: 受注@xn--wgv71a119e.jp\r\n"},
    {"\"reply_to\":\"受注@BÜCHER.de\"", "\r\nReply-To: 受注@BÜCHER.de\r\n"},
    {"\"reply_to\":\"y@[192.0.2.1]\"", "\r\nReply-To: y@[192.0.2.1]\r\n"},
    /* Text in fields. */
    {"\"subject\":\"\"", "\r\nSubject:\r\n"},
    {"\"subject\":\"Re: 受注 order-1\"",
	"\r\nSubject: Re: =?UTF-8?B?5Y+X5rOo?= order-1\r\n"},
    {"\"subject\":\"受注 x 番号\"",
	"\r\nSubject: =?UTF-8?B?5Y+X5rOoIHgg55Wq5Y+3?=\r\n"},
    {"\"subject\":\"a  受注\"", "\r\nSubject: a =?UTF-8?B?IOWPl+azqA==?=\r\n"},
    {"\"subject\":\" a\"", "\r\nSubject: =?UTF-8?Q?_a?=\r\n"},
    {"\"subject\":\"a \"", "\r\nSubject: =?UTF-8?Q?a_?=\r\n"},
    {"\"subject\":\"a  b\"", "\r\nSubject: a  b\r\n"},
    {"\"subject\":\"=?utf-8?q?a?=\"",
	"\r\nSubject: =?UTF-8?B?PT91dGYtOD9xP2E/PQ==?=\r\n"},
    {"\"subject\":\"受注〜①\",\"charset\":\"iso-2022-jp\"",
	"\r\nSubject: =?UTF-8?B?5Y+X5rOo44Cc4pGg?=\r\n"},
    {"\"subject\":\"" ABC64 " " ABC64 "\"",
	"\r\nSubject: " ABC64 "\r\n " ABC64 "\r\n"},
    {"\"headers\":[{\"name\":\"X-A\",\"value\":\"1\"},"
     "{\"name\":\"X-A\",\"value\":\"é\"}]",
	"\r\nX-A: 1\r\nX-A: =?UTF-8?B?w6k=?=\r\n"},
    /* Links are neither encoded nor broken. */
    {"\"list_unsubscribe\":{\"url\":\"https://x.jp/" ABC64 ABC64
     "?a=?b,c\",\"mailto\":\"u@x.jp\",\"one_click\":true}",
	"\r\nList-Unsubscribe:\r\n <https://x.jp/" ABC64 ABC64
	"?a=?b,c>,\r\n <mailto:u@x.jp>\r\n"
	"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"},
    {"\"list_unsubscribe\":{\"mailto\":\"mailto:u@x.jp?subject=x\"}",
	"\r\nList-Unsubscribe: <mailto:u@x.jp?subject=x>\r\nMIME"},
    {"\"auto_submitted\":\"auto-replied\"",
	"\r\nAuto-Submitted: auto-replied\r\n"},
    {"\"date\":\"@0\"", "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
    /* Encodings of text. */
    {"\"html\":\".dot\"", "\r\n\r\n=2Edot\r\n"},
    {"\"html\":\"From x\"", "\r\n\r\n=46rom x\r\n"},
    {"\"html\":\"x \\ny\\t\\nz\"", "\r\n\r\nx=20\r\ny=09\r\nz\r\n"},
    {"\"html\":\"a=b\\u0001\\u007f " ABC64 "\"",
	"\r\n\r\na=3Db=01=7F " ABC64 "\r\n"},
    {"\"html\":\"" ABC64 ABC64 "\"",
	"\r\n\r\n" ABC64 "abcdefghijk=\r\nlmnopqrstuvwxyz"},
    {"\"html\":\"日本\"", "base64\r\n\r\n5pel5pysDQo=\r\n"},
    {"\"html\":\"é " ABC64 "\"",
	"quoted-printable\r\n\r\n=C3=A9 " ABC64 "\r\n"},
    {"\"html\":\"日本\\n.\\n\",\"charset\":\"iso-2022-jp\"",
	"charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	"\33$BF|K\\\33(B\r\n.\r\n"},
    {"\"html\":\"日本\\nFrom \",\"charset\":\"iso-2022-jp\"",
	"charset=ISO-2022-JP\r\nContent-Transfer-Encoding: base64\r\n\r\n"},
    {"\"html\":\"①\",\"charset\":\"iso-2022-jp\"",
	"text/html; charset=UTF-8\r\nContent-Transfer-Encoding: base64"},
    /* Attachments. */
    {"\"attachments\":[{\"path\":\"x\"}]",
	"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"
	"Content-Disposition: attachment\r\n\r\nZmlsZQ==\r\n"},
    {"\"attachments\":[{\"path\":\"x\",\"name\":\"a b.txt\",\"type\":"
     "\"Text/CSV; charset=shift_jis\"}]",
	"Content-Type: text/csv;\r\n charset=\"shift_jis\";\r\n "
	"name=\"a b.txt\"\r\nContent-Transfer-Encoding: base64\r\n"
	"Content-Disposition: attachment;\r\n filename=\"a b.txt\"\r\n"},
    {"\"attachments\":[{\"path\":\"x\",\"name\":\"表.pdf\",\"type\":"
     "\"application/pdf\"}]",
	";\r\n name=\"=?UTF-8?B?6KGoLnBkZg==?=\"\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"Content-Disposition: attachment;\r\n "
	"filename*=UTF-8''%E8%A1%A8.pdf\r\n"},
    {"\"attachments\":[{\"path\":\"x\",\"name\":\"a\\\"b\",\"type\":"
     "\"image/png\",\"disposition\":\"inline\",\"cid\":\"<c@d>\"}]",
	"Content-Disposition: inline;\r\n filename*=UTF-8''a%22b\r\n"
	"Content-ID: <c@d>\r\n"},
    {"\"html\":\"x\",\"attachments\":[{\"path\":\"x\",\"cid\":\"c\"}]",
	"\r\nContent-Type: multipart/related; type=\"text/html\";\r\n"},
    {"\"html\":\"x\",\"attachments\":[{\"path\":\"x\",\"cid\":\"c\","
     "\"disposition\":\"attachment\"}]",
	"\r\nContent-Type: multipart/mixed;\r\n"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"message/rfc822\"}]",
	"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n"
	"Content-Disposition: attachment\r\n\r\nfile\r\n--"},
};

static void
check_part(size_t i)
{
	bool has_text = strstr(parts[i].members, "\"html\"") == NULL;
	char *mail = xasprintf("{" MINIMAL ",%s%s}", parts[i].members,
	    has_text ? ",\"text\":\"hi\"" : "");
	struct bulk out;
	struct err e;

	if (compose(mail, &out, &e) == -1)
		fail("refused", mail, e.text);
	else if (strstr(out.memory.data, parts[i].has) == NULL)
		fail(parts[i].has, mail, out.memory.data);
	bulk_release(&out);
	free(mail);
}

/* "from" and "to" are there unless the mail begins with '{'. */
static const struct {
	const char *mail, *error;
} refused[] = {
    {"{\"to\":\"b@y.jp\",\"text\":\"x\"}", "mail.from: is missing"},
    {"{\"from\":[],\"to\":\"b@y.jp\",\"text\":\"x\"}", "mail.from: is empty"},
    {"{\"from\":[\"a@x.jp\",\"b@x.jp\"],\"to\":\"b@y.jp\",\"text\":\"x\"}",
	"mail.from: must be one address, not 2"},
    {"{\"from\":\"a@x.jp, b@x.jp\",\"to\":\"b@y.jp\",\"text\":\"x\"}",
	"mail.from: is not one address: write an array of them"},
    {"{\"from\":\"a@x.jp\",\"text\":\"x\"}",
	"mail: no recipient: to, cc and bcc are empty"},
    {"{\"from\":\"a@x.jp\",\"to\":[],\"cc\":[],\"text\":\"x\"}",
	"mail: no recipient: to, cc and bcc are empty"},
    {"{\"from\":\"a@x.jp\",\"to\":[\"b@y.jp\",\"\"],\"text\":\"x\"}",
	"mail.to[1]: is no address"},
    {"{\"from\":\"a@x.jp\",\"to\":[\"b@y.jp\",null],\"text\":\"x\"}",
	"mail.to[1]: is null, must be an address"},
    {"{\"from\":\"a@x.jp\",\"to\":null,\"text\":\"x\"}",
	"mail.to: is null, must be an address"},
    {"{\"from\":\"a@x.jp\",\"to\":\"b\",\"text\":\"x\"}",
	"mail.to: is no address"},
    {"{\"from\":\"a@x.jp\",\"to\":\"g:b@y.jp;\",\"text\":\"x\"}",
	"mail.to: is a group"},
    {"{\"from\":\"a@x.jp\",\"to\":\"b@y..jp\",\"text\":\"x\"}",
	"mail.to: is no address: its domain is none"},
    {"{\"from\":\"a@x.jp\",\"to\":\"b@y.jp\\nBcc: c@z.jp\",\"text\":\"x\"}",
	"mail.to: has a line end in it, at byte 7"},
    {"{\"from\":\"a@x.jp\",\"to\":{\"address\":\"b@y.jp (c)\"},\"text\":"
     "\"x\"}",
	"mail.to.address: has more in it than an address"},
    {"{\"from\":\"a@x.jp\",\"to\":{\"name\":\"a\\r\",\"address\":\"b@y.jp\"},"
     "\"text\":\"x\"}",
	"mail.to.name: has a line end in it, at byte 2"},
    {"{\"from\":\"a@x.jp\",\"to\":{\"name\":\"a\"},\"text\":\"x\"}",
	"mail.to: has no address"},
    {"{\"from\":\"a@x.jp\",\"to\":\"=?utf-8?q?a=0D=0Ab?= <b@y.jp>\",\"text\":"
     "\"x\"}",
	"mail.to: has a line end in it, at byte 2"},
    {"{\"from\":\"a@x.jp\",\"to\":{\"adress\":\"b@y.jp\"},\"text\":\"x\"}",
	"mail.to: unknown member \"adress\": did you mean \"address\"?"},
    {"{\"from\":\"a@x.jp\",\"to\":\"b@BÜCHER.de\",\"text\":\"x\"}",
	"mail.to: write its domain in ASCII (xn--…): it has letters that have "
	"to be mapped first"},
    {"[]", "mail: is an array, must be an object"},
    {"\"x\"", "mail: is a string, must be an object"},
    {"", "mail: has no text, no html and no attachments"},
    {"\"attachments\":[]", "mail: has no text, no html and no attachments"},
    {"\"text\":\"\"", "mail.text: is empty"},
    {"\"text\":\" \\n\"", "mail.text: is empty"},
    {"\"text\":\"x\",\"html\":\"\"", "mail.html: is empty"},
    {"\"text\":null", "mail.text: is null, must be a string"},
    {"\"text\":[\"x\"]", "mail.text: is an array, must be a string"},
    {"\"text\":\"a\\u0000b\"", "mail.text: has a NUL character in it (U+0000)"},
    {"\"text\":\"x\",\"charset\":\"euc-jp\"",
	"mail.charset: must be \"utf-8\" or \"iso-2022-jp\""},
    {"\"text\":\"x\",\"charset\":1", "mail.charset: is a number, must be a "
				     "string"},
    {"\"text\":\"x\",\"subject\":\"a\\nb\"",
	"mail.subject: has a line end in it, at byte 2"},
    {"\"text\":\"x\",\"subject\":\"a\\u0000\"",
	"mail.subject: has a control character in it (U+0000), at byte 2"},
    {"\"text\":\"x\",\"subject\":\"\\u0085\"",
	"mail.subject: has a control character in it (U+0085), at byte 1"},
    {"\"text\":\"x\",\"subject\":\"a\\u007f\"",
	"mail.subject: has a control character in it (U+007F), at byte 2"},
    {"\"text\":\"x\",\"subject\":{}", "mail.subject: is an object, must be a "
				      "string"},
    {"\"text\":\"x\",\"subjct\":\"a\"",
	"mail: unknown member \"subjct\": did you mean \"subject\"?"},
    {"\"text\":\"x\",\"zzzzzzzz\":\"a\"",
	"mail: unknown member \"zzzzzzzz\"; there are from to cc bcc reply_to "
	"sender return_path subject text html charset headers date message_id "
	"in_reply_to references auto_submitted list_unsubscribe attachments"},
    {"\"text\":\"x\",\"text\":\"y\"", "mail: has the member \"text\" twice"},
    {"\"text\":\"x\",\"date\":\"tomorrow\"",
	"mail.date: is no time: write 2026-11-21T23:06:00+09:00"},
    {"\"text\":\"x\",\"date\":\"+2h\"",
	"mail.date: is no time: write 2026-11-21T23:06:00+09:00"},
    {"\"text\":\"x\",\"date\":\"2026-02-30T00:00:00Z\"",
	"mail.date: is a time that does not exist"},
    {"\"text\":\"x\",\"date\":\"@999999999999\"",
	"mail.date: is a time that does not exist"},
    {"\"text\":\"x\",\"message_id\":\"<a b>\"",
	"mail.message_id: is no message id: write <…@…>, in ASCII without "
	"blanks"},
    {"\"text\":\"x\",\"references\":[\"<a@b>\",\"<a@b><c@d>\"]",
	"mail.references[1]: is no message id: write <…@…>, in ASCII without "
	"blanks"},
    {"\"text\":\"x\",\"in_reply_to\":{}",
	"mail.in_reply_to: is an object, must be a string"},
    {"\"text\":\"x\",\"auto_submitted\":\"yes\"",
	"mail.auto_submitted: must be \"auto-generated\", \"auto-replied\" or "
	"true"},
    {"\"text\":\"x\",\"return_path\":\"A <a@b>\"",
	"mail.return_path: must be an address alone"},
    {"\"text\":\"x\",\"sender\":[\"a@b\",\"c@d\"]",
	"mail.sender: must be one address, not 2"},
    {"\"text\":\"x\",\"list_unsubscribe\":{}",
	"mail.list_unsubscribe: has neither url nor mailto"},
    {"\"text\":\"x\",\"list_unsubscribe\":\"https://x\"",
	"mail.list_unsubscribe: is a string, must be an object"},
    {"\"text\":\"x\",\"list_unsubscribe\":{\"url\":\"ftp://x\"}",
	"mail.list_unsubscribe.url: must begin with https://"},
    {"\"text\":\"x\",\"list_unsubscribe\":{\"url\":\"https://x y\"}",
	"mail.list_unsubscribe.url: must be ASCII without blanks, quotes and "
	"<>: write others as %XX"},
    {"\"text\":\"x\",\"list_unsubscribe\":{\"url\":\"http://x\",\"one_click\":"
     "true}",
	"mail.list_unsubscribe.url: must be one that begins with https://, for "
	"one_click (RFC 8058)"},
    {"\"text\":\"x\",\"list_unsubscribe\":{\"url\":\"https://x\","
     "\"one_click\":1}",
	"mail.list_unsubscribe.one_click: is a number, must be true or false"},
    {"\"text\":\"x\",\"headers\":{\"bcc\":\"c@z.jp\"}",
	"mail.headers: bcc is no field of your own: write it as mail.bcc"},
    {"\"text\":\"x\",\"headers\":{\"Content-Foo\":\"1\"}",
	"mail.headers: Content-Foo is no field of your own: is written by "
	"mailpipe alone"},
    {"\"text\":\"x\",\"headers\":{\"X-A\":\"a\\nBcc: c\"}",
	"mail.headers.X-A: has a line end in it, at byte 2"},
    {"\"text\":\"x\",\"headers\":{\"X-A:\":\"a\"}",
	"mail.headers: is no name of a header field: 1 to 76 of printable "
	"ASCII without blanks and colon"},
    {"\"text\":\"x\",\"headers\":{\"\":\"a\"}",
	"mail.headers: is no name of a header field: 1 to 76 of printable "
	"ASCII without blanks and colon"},
    {"\"text\":\"x\",\"headers\":{\"X-A\":5}",
	"mail.headers.X-A: is a number, must be a string"},
    {"\"text\":\"x\",\"headers\":{\"X-A\":\"1\",\"X-A\":\"2\"}",
	"mail.headers: has a member twice: for that write an array"},
    {"\"text\":\"x\",\"headers\":[{\"name\":\"To\",\"value\":\"1\"}]",
	"mail.headers[0].name: To is no field of your own: write it as "
	"mail.to"},
    {"\"text\":\"x\",\"headers\":[{\"name\":\"X-A\"}]",
	"mail.headers[0].value: is missing"},
    {"\"text\":\"x\",\"headers\":[{\"value\":\"1\"}]",
	"mail.headers[0].name: is no name of a header field: 1 to 76 of "
	"printable ASCII without blanks and colon"},
    {"\"text\":\"x\",\"headers\":\"X-A: 1\"",
	"mail.headers: is a string, must be an object or an array"},
    {"\"text\":\"x\",\"attachments\":{}",
	"mail.attachments: is an object, must be an array"},
    {"\"text\":\"x\",\"attachments\":[\"x\"]",
	"mail.attachments[0]: is a string, must be an object"},
    {"\"attachments\":[{\"name\":\"x\"}]",
	"mail.attachments[0]: has no bytes: none of blob, content, path and "
	"base64"},
    {"\"attachments\":[{\"blob\":\"x\"}]",
	"mail.attachments[0].blob: is a string, must be an object"},
    {"\"attachments\":[{\"path\":\"x\"},{\"path\":\"x\",\"name\":\"a\\tb\"}]",
	"mail.attachments[1].name: has a control character in it (U+0009), at "
	"byte 2"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"text\"}]",
	"mail.attachments[0].type: is no MIME type: write type/subtype"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"multipart/mixed\"}]",
	"mail.attachments[0].type: has parts of its own: attach a "
	"message/rfc822"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"text/plain; name=x\"}]",
	"mail.attachments[0].type: has a parameter that can't be used there "
	"(the name is a member of its own)"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"text/plain; "
     "a*=us-ascii''b%0D%0AX-C:%20d\"}]",
	"mail.attachments[0].type: has a parameter that can't be used there "
	"(the name is a member of its own)"},
    {"\"attachments\":[{\"path\":\"x\",\"type\":\"text/plain; "
     "a==?utf-8?q?b=0Ac?=\"}]",
	"mail.attachments[0].type: has a parameter that can't be used there "
	"(the name is a member of its own)"},
    {"\"attachments\":[{\"path\":\"x\",\"disposition\":\"form-data\"}]",
	"mail.attachments[0].disposition: must be \"attachment\" or "
	"\"inline\""},
    {"\"attachments\":[{\"path\":\"x\",\"cid\":\"a b\"}]",
	"mail.attachments[0].cid: is no message id: write <…@…>, in ASCII "
	"without blanks"},
    {"\"attachments\":[{\"path\":\"x\",\"cid\":\"c\"},{\"path\":\"x\","
     "\"cid\":\"<c>\"}]",
	"mail.attachments[1].cid: is that of attachment 0 as well"},
    {"\"attachments\":[{\"path\":\"gone\"}]",
	"mail.attachments[0]: there is no such blob"},
    {"\"attachments\":[{\"path\":\"gone\",\"type\":\"a/b\"}]",
	"mail.attachments[0]: there is no such blob"},
};

static void
check_refused(size_t i)
{
	const char *m = refused[i].mail;
	bool is_whole = *m == '{' || *m == '[' || strcmp(m, "\"x\"") == 0;
	char *mail =
	    is_whole ? xstrdup(m)
		     : xasprintf("{" MINIMAL "%s%s}", *m != '\0' ? "," : "", m);
	struct bulk out;
	struct err e;

	if (compose(mail, &out, &e) != -1)
		fail("not refused", mail, out.memory.data);
	else if (e.class != ERR_DATA || strcmp(e.text, refused[i].error) != 0)
		fail("error", mail, e.text);
	bulk_release(&out);
	free(mail);
}

static void
check_addresses(void)
{
	static const char text[] =
	    "{\"from\":\"F <f@x.jp>\",\"to\":[\"B <b@y.jp>\",\"c@Y.jp\"],"
	    "\"cc\":\"B@Y.JP\",\"bcc\":[\"i@日本語.jp\",\"C@y.jp\",\"d@z\"],"
	    "\"text\":\"x\"%s}";
	static const struct {
		const char *more, *sender;
	} senders[] = {
	    {"", "f@x.jp"},
	    {",\"sender\":\"s@x.jp\"", "s@x.jp"},
	    {",\"sender\":\"s@x.jp\",\"return_path\":\"<r@x.jp>\"", "r@x.jp"},
	    {",\"return_path\":\"\"", ""},
	};

	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		char *line = xasprintf(
		    "%.*s%s}", (int)(sizeof text - 4), text, senders[i].more);
		struct err e = ERR_INIT;
		struct buf list = BUF_INIT;
		char *sender, *author;
		json mail;

		if (json_parse(line, strlen(line), &mail, &e) == -1)
			abort();
		sender = compose_sender(mail, &e);
		author = compose_author(mail, &e);
		json_dump(compose_recipients(mail, &e), &list);
		if (e.class != ERR_NONE || compose_check(mail, &e) == -1)
			fail("addresses", line, e.text);
		else if (strcmp(sender, senders[i].sender) != 0 ||
			 strcmp(author, "f@x.jp") != 0)
			fail("sender", line, sender);
		else if (strcmp(list.data,
			     "[\"b@y.jp\",\"c@Y.jp\",\"i@xn--wgv71a119e.jp\","
			     "\"d@z\"]") != 0)
			fail("recipients", line, list.data);
		free(sender);
		free(author);
		buf_release(&list);
		json_free(mail);
		free(line);
	}
}

/* All of it, for what follows. */
static const char rich[] =
    "{\"from\":\"山田 <a@x.jp>\",\"to\":[\"b@y.jp\",{\"name\":\"n\","
    "\"address\":\"c@y.jp\"}],\"cc\":\"d@y.jp\",\"bcc\":\"secret@y.jp\","
    "\"reply_to\":\"e@y.jp\",\"sender\":\"f@y.jp\",\"return_path\":\"g@y.jp\","
    "\"subject\":\"受注\",\"text\":\"本文\\n\",\"html\":\"<p>\","
    "\"charset\":\"iso-2022-jp\",\"headers\":{\"X-A\":\"é\"},"
    "\"date\":\"2026-11-21T23:06:00Z\",\"message_id\":\"<m@x.jp>\","
    "\"in_reply_to\":\"<i@x.jp>\",\"references\":[\"<r@x.jp>\"],"
    "\"auto_submitted\":true,\"list_unsubscribe\":{\"url\":\"https://x\","
    "\"mailto\":\"u@x\",\"one_click\":true},\"attachments\":[{\"name\":\"表\","
    "\"type\":\"image/png\",\"cid\":\"c\",\"disposition\":\"inline\","
    "\"path\":\"x\"},{\"name\":\"b\",\"path\":\"x\"}]}";

/* Any value in place of any other: an error, or a message, and no crash. */
static void
check_values(json mail)
{
	static const char *const values[] = {"null", "true", "0", "\"\"",
	    "\"\\n\"", "\"\\u0000\"", "[]", "{}", "[[]]", "[{}]", "[null]",
	    "{\"name\":1}", "[{\"address\":{}}]", "\"a@b\"", "[\"\\r\\n\"]",
	    "{\"\":\"\"}", "{\"a\\nb\":\"c\"}", "1e999"};
	size_t len;

	for (int i = 0; i < json_count(mail); i++)
		for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
			json other, value;
			struct buf text = BUF_INIT;
			struct err e = ERR_INIT;
			struct bulk out;

			if (json_parse(values[k], strlen(values[k]), &value,
				&e) == -1 ||
			    json_parse(rich, strlen(rich), &other, &e) == -1)
				abort();
			other =
			    json_set(other, json_key_at(mail, i, &len), value);
			json_dump(other, &text);
			if (compose(text.data, &out, &e) == -1 &&
			    (e.class != ERR_DATA ||
				strncmp(e.text, "mail", 4) != 0))
				fail("value", text.data, e.text);
			bulk_release(&out);
			buf_release(&text);
		}
}

static void
check_hostile(void)
{
	struct err e = ERR_INIT;
	struct bulk out;
	json mail;
	char *cut;

	if (json_parse(rich, strlen(rich), &mail, &e) == -1)
		abort();
	check_values(mail);
	json_free(mail);
	for (size_t n = 0; n < strlen(rich); n++) {
		cut = xstrndup(rich, n);
		if (compose(cut, &out, &e) != -1)
			fail("cut", cut, "a message");
		bulk_release(&out);
		free(cut);
	}
}

static void
check_same(void)
{
	struct bulk a, b;
	struct err e;

	if (compose(rich, &a, &e) == -1 || compose(rich, &b, &e) == -1)
		fail("refused", rich, e.text);
	else if (a.size != b.size ||
		 memcmp(a.memory.data, b.memory.data, (size_t)a.size) != 0)
		fail("not the same", rich, a.memory.data);
	if (strstr(a.memory.data, "secret") != NULL)
		fail("Bcc", rich, a.memory.data);
	bulk_release(&a);
	bulk_release(&b);
}

/* A message enclosed: as it is, or as bytes, but never something illegal. */
static void
check_enclosed(const char *data, size_t n, const char *has)
{
	static const char mail[] =
	    "{" MINIMAL ",\"text\":\"x\",\"attachments\":[{\"path\":\"x\","
	    "\"type\":\"message/rfc822\"}]}";
	struct bulk out;
	struct err e;

	file_data = data;
	file_size = n;
	if (compose(mail, &out, &e) == -1)
		fail("refused", mail, e.text);
	else if (strstr(out.memory.data, has) == NULL)
		fail(has, data, out.memory.data);
	bulk_release(&out);
	file_data = "file";
	file_size = 4;
}

static void
check_messages(void)
{
	static const char bytes[] = "Content-Type: application/octet-stream\r\n"
				    "Content-Transfer-Encoding: base64\r\n";
	char line[1200];

	check_enclosed("A: b\n\n.\nFrom x\r\n", 16,
	    "message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n"
	    "Content-Disposition: attachment\r\n\r\n"
	    "A: b\r\n\r\n.\r\nFrom x\r\n\r\n--=_1");
	check_enclosed("A: \xc3\xa9\n", 6, bytes);
	check_enclosed("A: b\n\n\xe9\n", 8, bytes);
	check_enclosed("A: b\0\n", 6, bytes);
	memset(line, 'x', sizeof line);
	check_enclosed(line, 998, "message/rfc822");
	check_enclosed(line, 999, bytes);
}

/* What is too large is said to be that, and what just fits is sent. */
static void
check_size(size_t size, bool is_too_large)
{
	static const char mail[] =
	    "{" MINIMAL ",\"text\":\"x\",\"attachments\":[{\"path\":\"x\","
	    "\"type\":\"a/b\"}]}";
	struct bulk out;
	struct err e;
	int r;

	file_data = NULL;
	file_size = size;
	r = compose(mail, &out, &e);
	if ((r == -1) != is_too_large)
		fail("size", mail, e.text);
	else if (r == -1 &&
		 strcmp(e.text, "mail: is over 75497472 bytes (72 MiB) when "
				"encoded") != 0)
		fail("size", mail, e.text);
	bulk_release(&out);
	file_data = "file";
	file_size = 4;
}

static void
check_temporary(void)
{
	static const char mail[] =
	    "{" MINIMAL ",\"attachments\":[{\"path\":\"busy\"}]}";
	struct bulk out;
	struct err e;

	if (compose(mail, &out, &e) != -1 || e.class != ERR_TEMP)
		fail("busy", mail, e.text);
	bulk_release(&out);
}

int
main(void)
{
	file_data = "file";
	file_size = 4;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		check_whole(i);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		check_part(i);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		check_refused(i);
	check_addresses();
	check_hostile();
	check_same();
	check_messages();
	check_size(50 * 1024 * 1024, false);
	check_size(55200000, true);
	check_size(100 * 1000 * 1000, true);
	check_temporary();
	return failures > 0;
}
