#!/usr/bin/env bats
# mail-send --merge: records of a template, and what comes after them.

load helpers

# template [JQ]: t.json, changed by a jq program.
template() {
	jq -n '{tenant:"t",key:"may-{{ .id }}",mail:{from:"shop@example.com",
		to:{name:"{{ .name }}",address:"{{ .email }}"},
		subject:"{{ .name }}様",text:"Hello {{ .name }}"}} | '"${1:-.}" >t.json
}
# recipients N: so many lines.
recipients() {
	jq -cn --argjson n "$1" 'range($n) | {id:., name:"N \(.)",
		email:"r\(.)@example.jp", n:., list:[1,{a:null}], yes:true}'
}
merge() { mail-send --merge t.json; }
# line JQ: what the template with one expression makes of one line.
line() {
	template ".mail.subject=$1"
	recipients 1 | merge | jq -c .mail.subject
}

@test "merge: a line is a record, which mail-store put takes" {
	template
	recipients 3 | merge >out
	[ "$(jq -c '[.key,.mail.to.address,.mail.subject,.mail.text]' out | sed -n 2p)" = \
		'["may-1","r1@example.jp","N 1様","Hello N 1"]' ]
	mail-store put <out | mail-queue put outbound
	[ "$(states)" = "ready 3" ]
	# Run again, nothing is there twice.
	recipients 3 | merge | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 3" ]
}

@test "merge: a string that is one expression becomes the value" {
	while IFS='~' read -r string want; do
		[ "$(line "$string")" = "$want" ] || echo "$string" >>wrong
	done <<-'END'
		"{{ .n }}"~0
		"{{.n}}"~0
		" {{ .n }}"~" 0"
		"{{ .list }}"~[1,{"a":null}]
		"{{ .yes }} {{ .n }}"~"true 0"
		"{{ false }}"~false
		"{{ .nothing // \"\" }}"~""
		"{{ \"}}\" + \"{{\" }}"~"}}{{"
		"{{ {a:{b:1}} }}"~{"a":{"b":1}}
		"{{ \"\\(\"}}\")\" }}!"~"}}!"
		"{{ .n # comment\n }}"~0
		"a } b {{ .n }} }} {"~"a } b 0 }} {"
		"{{{ .name }}} <"~"N 0 <"
		"{{ def f: 1; f }}{{ [1,2] | add }}"~"13"
		"{{ .name }}\r\nBcc: x@example.com"~"N 0\r\nBcc: x@example.com"
	END
	[ ! -s wrong ] || {
		cat wrong
		false
	}
}

@test "merge: html is escaped, unless it is to be raw" {
	template '.mail.html="{{ .x }}|{{{ .x }}}"'
	jq -cn '{id:1,name:"n",email:"e@example.jp",x:"<a href=\"?b&c\">'"'"'"}' >in
	[ "$(merge <in | jq -r .mail.html)" = \
		'&lt;a href=&quot;?b&amp;c&quot;&gt;&#39;|<a href="?b&c">'"'" ]
	template '.mail.html="{{ .x }}"'
	[ "$(merge <in | jq -r .mail.html)" = \
		'&lt;a href=&quot;?b&amp;c&quot;&gt;&#39;' ]
}

@test "merge: bodies in files of their own, beside the template and nowhere else" {
	mkdir -p dir/sub
	echo 'Text {{ .name }}' >dir/body.txt
	echo '<p>{{ .name }}</p>' >dir/sub/body.html
	echo secret >secret
	ln -s ../secret dir/link
	template 'del(.mail.text) | .text_file="body.txt" | .mail.html_file="sub/body.html"'
	mv t.json dir/
	echo '{"id":1,"name":"<n>","email":"e@example.jp"}' >in
	mail-send --merge dir/t.json <in >out
	[ "$(jq -c '[.mail.text,.mail.html]' out)" = \
		'["Text <n>\n","<p>&lt;n&gt;</p>\n"]' ]
	[ "$(jq -c '.. | objects | has("text_file") or has("html_file")' out | sort -u)" = false ]
	printf 'caf\351 {{ .name }}' >dir/latin
	template 'del(.mail.text) | .text_file="latin"'
	mv t.json dir/
	run -64 --separate-stderr mail-send --merge dir/t.json <in
	[[ $stderr == *"text_file: latin: not UTF-8"* ]]
	for file in ../secret /etc/passwd link none sub; do
		template "del(.mail.text) | .text_file=\"$file\""
		mv t.json dir/
		run -75 --separate-stderr mail-send --merge dir/t.json <in
		[[ $stderr == *text_file* && -z $output ]]
	done
}

@test "merge: what is missing is named with its line, the others go on" {
	template '.mail.text="{{ .name }} {{ .a.b }} {{ .n + 1 }}"'
	{
		echo '{"id":1,"name":"x","email":"e","a":{"b":1},"n":1}'
		echo '{"id":2,"name":"x","email":"e","n":1}'
		echo '{"id":3,"name":"x","email":"e","a":{"b":1},"n":"z"}'
		echo '{"id":4,"name":"x","email":"e","a":{"b":[]},"n":1}'
		echo '[]'
		echo '{'
		echo '{"id":7,"name":"x","email":"e","a":{"b":1},"n":1,"v":9}'
	} >in
	run -65 --separate-stderr merge <in
	[ "$(jq -r .key <<<"$output" | xargs)" = "may-1 may-7" ]
	[[ $stderr == *"line 2: mail.text: {{ .a.b }}: it is missing, or null"* ]]
	[[ $stderr == *"line 3: mail.text: {{ .n + 1 }}: "*"cannot be added"* ]]
	[[ $stderr == *"line 4: mail.text: {{ .a.b }}: an array cannot stand in text"* ]]
	[[ $stderr == *"line 5: not a JSON object"* && $stderr == *"line 6: "* ]]
	template '.note="{{ empty }}"'
	run -65 --separate-stderr merge < <(recipients 1)
	[[ $stderr == *"note: {{ empty }}: it has no value"* ]]
	template '.note="{{ .id, .id }}"'
	run -65 --separate-stderr merge < <(recipients 1)
	[[ $stderr == *"it has several values"* ]]
}

@test "merge: a template that is none is told before the first line" {
	recipients 1 >in
	run -75 mail-send --merge none <in
	echo '{' >t.json
	run -64 merge <in
	echo '[]' >t.json
	run -64 merge <in
	template 'del(.mail)'
	run -64 --separate-stderr merge <in
	[[ $stderr == *'t.json: it has no "mail"'* ]]
	template '.mail.text="{{ .a"'
	run -64 --separate-stderr merge <in
	[[ $stderr == *'mail.text: "{{" without an end'* ]]
	template '.mail.text="{{ .a | | .b }}"'
	run -64 --separate-stderr merge <in
	[[ $stderr == *'mail.text: {{ .a | | .b }}: jq: '* ]]
	template '.key="k" | .mail.to="a@b" | .mail.subject="s" | .mail.text="t"'
	run -64 --separate-stderr merge <in
	[[ $stderr == *"each line would make the same mail"* ]]
	run -64 mail-send --merge t.json -x maildir:x <in
	run -64 mail-send --merge t.json --compose <in
}

@test "merge: an expression sees no secrets and opens nothing" {
	export SECRET=x
	template '.note="{{ env.SECRET // \"none\" }}"'
	[ "$(recipients 1 | merge | jq -r .note)" = none ]
	template '.note="{{ [limit(3; repeat(1))] | length }}{{ input? // \"end\" }}"'
	[ "$(recipients 1 | merge | jq -r .note)" = 3end ]
}

@test "merge: an expression that never ends costs its line" {
	need_release
	template '.note="{{ if .n == 1 then last(repeat(1)) else 2 end }}"'
	run -65 --separate-stderr merge < <(recipients 3)
	[ "$(wc -l <<<"$output")" = 2 ]
	[[ $stderr == *"line 2: "* ]]
}

@test "merge: ten thousand recipients, in memory that does not grow" {
	need_release
	template '.mail.text="{{ .name }}" + ("x" * 2000)'
	peak() {
		recipients "$1" >in
		python3 -c 'import resource, subprocess
subprocess.run(["mail-send", "--merge", "t.json"], stdin=open("in"),
    stdout=open("out", "w"), check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'
	}
	small=$(peak 1000)
	large=$(peak 10000)
	[ "$(wc -l <out)" = 10000 ]
	echo "$small KiB, $large KiB"
	[ "$large" -lt $((small + 8192)) ]
	mail-store put <out | mail-queue put -a +1h outbound
	[ "$(mail-queue stats outbound | jq -c '[.ready,.scheduled]')" = "[0,10000]" ]
	[ "$(mail-queue drop --key-prefix may-1 -e outbound | wc -l)" = 1111 ]
	mail-queue drop --key-prefix may- outbound
	[ "$(mail-queue stats outbound | jq .scheduled)" = 0 ]
}

@test "merge: a one-time password overtakes a campaign" {
	template '.priority=-10'
	recipients 500 | merge | mail-store put | mail-queue put outbound
	jq -cn '{tenant:"t",key:"otp",mail:{from:"shop@example.com",
		to:"a@example.jp",subject:"1234",text:"1234"}}' |
		mail-store put | mail-queue put outbound
	[ "$(mail-queue take -c 1 outbound | jq -r .key)" = otp ]
}

@test "merge: killed in the middle, the list run again makes it whole" {
	need_release
	template
	recipients 3000 >in
	mkfifo feed pipe
	mail-send --merge t.json <feed >pipe &
	pid=$!
	mail-store put <pipe | mail-queue put outbound &
	exec 9>feed
	head -n 2000 in >&9
	wait_for 20 sh -c '[ "$(mail-store stats | jq .mails)" = 2000 ]'
	kill -KILL $pid
	exec 9>&-
	wait || true
	merge <in | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 3000" ]
}

@test "merge: a body is a file, or the template is none" {
	template '.html_file="page"'
	recipients 1 >in
	mkfifo page
	run -75 --separate-stderr timeout 10 mail-send --merge t.json <in
	[[ $stderr == *"html_file: page: not a regular file"* ]]
}

@test "drop: keys that begin with a text, together with other choices" {
	template
	recipients 12 | merge | mail-store put | mail-queue put outbound
	[ "$(mail-queue drop -n --key-prefix may-1 outbound | wc -l)" = 3 ]
	[ "$(mail-queue drop -n --key-prefix may-1 -k may-11 outbound | wc -l)" = 1 ]
	[ "$(mail-queue drop -n --key-prefix june outbound | wc -l)" = 0 ]
	[ "$(mail-queue drop -n --key-prefix may-1 --key-prefix may-2 outbound | wc -l)" = 4 ]
}

@test "drop: a prefix that is empty, as of a variable that is not set, is misuse" {
	template
	recipients 3 | merge | mail-store put | mail-queue put outbound
	run -64 --separate-stderr mail-queue drop --key-prefix "" outbound
	[[ $stderr == *"--key-prefix: it is empty"* ]]
	[ "$(states)" = "ready 3" ]
}
