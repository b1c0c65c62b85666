# The mails of the benchmark: DIR/0000 ... DIR/NNNN, the same every time.
#
#   LC_ALL=C awk -v dir=DIR -v count=N [-v fixed=SIZE] -f mails.awk
#
# Sizes are log-normal, median 12 KB, from 2 to 200 KB, so some 6 % are above the
# 64 KB that go inline; or all are of one SIZE.  Of 20 mails 9 are ISO-2022-JP
# text, 4 have a PDF, 4 are UTF-8 text and HTML in base64, 3 are ASCII.  Lines come
# from small pools.

function any(n) { return int(rand() * n) }

function letters(n, alphabet,    s) {
	while (n-- > 0) s = s substr(alphabet, 1 + any(length(alphabet)), 1)
	return s
}

# Base64 of printable ASCII.
function encode(s,    i, a, b, c, out) {
	for (i = 1; i < length(s); i += 3) {
		a = ord[substr(s, i, 1)]
		b = ord[substr(s, i + 1, 1)]
		c = ord[substr(s, i + 2, 1)]
		out = out substr(b64, 1 + int(a / 4), 1) \
			substr(b64, 1 + a % 4 * 16 + int(b / 16), 1) \
			substr(b64, 1 + b % 16 * 4 + int(c / 64), 1) \
			substr(b64, 1 + c % 64, 1)
	}
	return out
}

function make_pools(    i, kana) {
	b64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for (i = 32; i < 127; i++) ord[sprintf("%c", i)] = i
	kana = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for (i = 0; i < POOL; i++) {
		base64[i] = letters(76, b64)
		text64[i] = encode(letters(57, "etaoin shrdlu cmfwyp ETAOIN, ."))
		ascii[i] = letters(70, "etaoin shrdlu cmfwyp ETAOIN, .")
		# Each pair of bytes is a hiragana: row 24, any column.
		japanese[i] = letters(33, kana)
		gsub(/./, "$&", japanese[i])
		japanese[i] = "\033$B" japanese[i] "\033(B"
	}
}

function put(s) {
	print s >file
	size += length(s) + 1
}

# Lines of one kind until the mail has so many bytes.
function body(kind, until) {
	while (size < until)
		if (kind == "base64") put(base64[any(POOL)])
		else if (kind == "ascii") put(ascii[any(POOL)])
		else if (kind == "text64") put(text64[any(POOL)])
		else put(japanese[any(POOL)])
}

function part(type, encoding) {
	put("")
	put("--=_part")
	put("Content-Type: " type)
	put("Content-Transfer-Encoding: " encoding)
	put("")
}

function head(i) {
	put(sprintf("Received: from mx%d.example.jp ([192.0.2.%d])\n\t" \
		"by bench.test (Postfix) with ESMTPS id %08X\n\t" \
		"for <t@bench.test>; Sat, 21 Nov 2026 %02d:%02d:%02d +0900",
		any(9), any(254), any(2 ^ 31), any(24), any(60), any(60)))
	put("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.jp;")
	put("\ts=s1; h=from:to:subject:date:message-id; bh=" base64[any(POOL)])
	put("\tb=" base64[any(POOL)])
	put("\t" base64[any(POOL)])
	put("Message-ID: <" i "." any(2 ^ 31) "@example.jp>")
	put("Date: Sat, 21 Nov 2026 12:00:00 +0900")
	put("From: =?ISO-2022-JP?B?GyRCRURDZhsoQg==?= <user" any(9999) \
		"@example.jp>")
	put("To: t@bench.test")
	put("Subject: =?ISO-2022-JP?B?GyRCQ21KOBsoQg==?= " any(99999))
	put("MIME-Version: 1.0")
}

function gauss() {
	return sqrt(-2 * log(1 - rand())) * cos(6.283185307179586 * rand())
}

function mail(i,    want, kind) {
	file = sprintf("%s/%04d", dir, i)
	size = 0
	want = exp(log(12000) + gauss() * 1.1)
	want = want < 2048 ? 2048 : want > 200000 ? 200000 : want
	if (fixed > 0) want = fixed
	kind = any(20)
	head(i)
	if (kind < 9) {
		put("Content-Type: text/plain; charset=ISO-2022-JP\n")
		body("japanese", want)
	} else if (kind < 12) {
		put("Content-Type: text/plain; charset=US-ASCII\n")
		body("ascii", want)
	} else {
		put("Content-Type: multipart/mixed; boundary=\"=_part\"")
		if (kind < 16) {
			part("text/plain; charset=ISO-2022-JP", "7bit")
			body("japanese", size + 800)
			part("application/pdf; name=\"a.pdf\"", "base64")
			# "%PDF-1.4"
			put("JVBERi0xLjQK" substr(base64[any(POOL)], 1, 64))
			body("base64", want)
		} else {
			part("text/plain; charset=UTF-8", "base64")
			body("text64", size + (want - size) / 3)
			part("text/html; charset=UTF-8", "base64")
			body("text64", want)
		}
		put("\n--=_part--")
	}
	close(file)
}

BEGIN {
	POOL = 400
	srand(20261121)
	make_pools()
	for (i = 0; i < count; i++) mail(i)
}
