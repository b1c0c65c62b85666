#!/usr/bin/env bats
# Whose mail it is where no -t says so: the configuration's "recipients".

setup() {
	load helpers
	mailpipe_setup
	export MAILPIPE_CONFIG=$PWD/config.json
	routes '{"orders@shop.example":"shop","orders+vip@shop.example":"vip",
		"@shop.example":"shop-rest","a+b@other.example":"tagged"}'
	mail >mail
}

# routes JSON: the configuration has them.
routes() { echo "{\"recipients\":$1}" >config.json; }

# tenant_of [OPTION]... RECIPIENT: of its record.
tenant_of() {
	mail-ingest "${@:1:$#-1}" -r "${!#}" mail | jq -r .tenant
}

@test "routes: address with tag, without it, domain, the rest" {
	while read -r recipient tenant; do
		[ "$(tenant_of "$recipient")" = "$tenant" ]
	done <<-'EOF'
		orders@shop.example shop
		orders+vip@shop.example vip
		orders+x@shop.example shop
		orders+vip+x@shop.example shop
		orders+@shop.example shop
		other@shop.example shop-rest
		other+orders@shop.example shop-rest
		+orders@shop.example shop-rest
		orders+x@y@shop.example shop
		"orders"@shop.example shop-rest
		a+b@other.example tagged
	EOF
	routes '{"*":"all","@shop.example":"shop"}'
	[ "$(tenant_of a@elsewhere.example)" = all ]
	[ "$(tenant_of a@sub.shop.example)" = all ]
	[ "$(tenant_of a@shop.example)" = shop ]
	[ "$(tenant_of root)" = all ]
	[ "$(tenant_of '*')" = all ]
	[ "$(tenant_of @shop.example)" = shop ]
}

@test "routes: recipients match in any case, and stay as they are" {
	run -0 mail-ingest -r 'Orders+X@SHOP.Example' mail
	[ "$(jq -r '"\(.tenant) \(.envelope.to)"' <<<"$output")" = \
		"shop Orders+X@SHOP.Example" ]
	routes '{"受注@例え.jp":"ja"}'
	[ "$(tenant_of 受注+x@例え.JP)" = ja ]
}

@test "routes: nobody's mail is 75, and the text says what to write" {
	for recipient in a@elsewhere.example a+c@other.example \
		a@sub.shop.example root; do
		run -75 --separate-stderr mail-ingest -r "$recipient" mail
		[ -z "$output" ]
		[ "$stderr" = "mail-ingest: mail: no tenant for recipient \
\"$recipient\": give -t, or a row in \"recipients\" of the configuration" ]
	done
	# The others of the same run are done; so is all with -t.
	printf 'Delivered-To: a@shop.example\nDate: x\n\n' >ours
	printf 'Delivered-To: a@nobody.example\nDate: x\n\n' >theirs
	run -75 --separate-stderr mail-ingest ours theirs ours
	[ "${#lines[@]}" = 2 ]
	[ "$(tenant_of -t forced a@elsewhere.example)" = forced ]
}

@test "routes: several recipients, each to its own tenant, or none at all" {
	run -0 --separate-stderr mail-ingest -r orders@shop.example \
		-r a@shop.example -r orders+vip@shop.example mail
	[ "$(jq -c '[.tenant, .of]' <<<"$output" | xargs)" = \
		"[shop,[1,3]] [shop-rest,[2,3]] [vip,[3,3]]" ]
	[ "$(jq -r .id <<<"$output" | sort -u | wc -l)" = 3 ]
	# The same id as with -t.
	[ "$(jq -r 'select(.of[0] == 1) | .id' <<<"$output")" = \
		"$(mail-ingest -t shop -r orders@shop.example mail | jq -r .id)" ]
	# None of them, where one has none.
	run -75 --separate-stderr mail-ingest -r orders@shop.example \
		-r a@nobody.example mail
	[ -z "$output" ]
	[[ $stderr == *"recipient \"a@nobody.example\""* ]]
}

@test "routes: a recipient out of the header or the environment counts as well" {
	printf 'Delivered-To: orders+1@shop.example\nDate: x\n\n' >mail
	run -0 mail-ingest mail
	[ "$(jq -r .tenant <<<"$output")" = shop ]
	sed -i 's/Delivered-To/X-Original-To/' mail
	run -0 mail-ingest mail
	[ "$(jq -r .tenant <<<"$output")" = shop ]
	RECIPIENT=orders+vip@shop.example run -0 mail-ingest mail
	[ "$(jq -r .tenant <<<"$output")" = vip ]
	# What comes with the mail does not.
	mail >mail
	sed -i 's/^To: .*/To: orders@shop.example/' mail
	run -75 mail-ingest mail
	routes '{"*":"all"}'
	run -0 mail-ingest mail
	[ "$(jq -r '"\(.tenant) \(.message.defects[])"' <<<"$output")" = \
		"all no-recipient" ]
}

@test "routes: a large mail without a route leaves no file" {
	mail big 100000 >mail
	run -75 mail-ingest -r a@nobody.example mail
	[ -z "$(find state/spool -type f)" ]
}

@test "routes: mail-deliver takes them, too" {
	mail-deliver inbound <<-'EOF'
		Delivered-To: orders@shop.example
		Date: Sat, 21 Nov 2026 23:06:00 +0900

	EOF
	[ "$(mail-store list | jq -r .tenant)" = shop ]
	run -75 mail-deliver inbound <mail
}

@test "routes: what is wrong with them is said with its path" {
	while IFS='|' read -r text want; do
		routes "$text"
		run -75 --separate-stderr mail-ingest -r orders@shop.example mail
		[ -z "$output" ]
		[[ $stderr == "mail-ingest: $PWD/config.json: .recipients$want"* ]]
	done <<-'EOF'
		{"Orders@shop.example":"t"}|.Orders@shop.example: must be in lower case
		{"@Shop.example":"t"}|.@Shop.example: must be in lower case
		{"orders":"t"}|.orders: must be an address, "@domain" or "*"
		{"":"t"}|.: must be an address, "@domain" or "*"
		{"a@x":1}|.a@x: must be a tenant
		{"a@x":null}|.a@x: must be a tenant
		{"a@x":{"tenant":"t"}}|.a@x: must be a tenant
		{"a@x":""}|.a@x: must be a tenant
		{"a@x":"../t"}|.a@x: must be a tenant
		{"a@x":"t\u0000"}|.a@x: must be a tenant
		["a@x"]|: must be an object
		"a@x"|: must be an object
	EOF
	# With -t nobody needs them, until a large mail needs the configuration.
	run -0 mail-ingest -t t -r a@x mail
}

@test "routes: none at all is 75, and the text says what to write" {
	for text in '{}' '{"limits":{}}'; do
		echo "$text" >config.json
		run -75 --separate-stderr mail-ingest mail
		[ "$stderr" = "mail-ingest: whose mail is it? give -t TENANT, \
or \"recipients\" in $PWD/config.json" ]
	done
	routes '{}'
	run -75 --separate-stderr mail-ingest -r a@x mail
	[[ $stderr == *"no tenant for recipient \"a@x\""* ]]
}

@test "routes: a Maildir's mails go each to its tenant" {
	mkdir -p box/{new,cur,tmp}
	printf 'Delivered-To: orders@shop.example\n\n1\n' >box/new/1
	printf 'Delivered-To: nobody@elsewhere.example\n\n2\n' >box/new/2
	printf 'Delivered-To: x@shop.example\n\n3\n' >box/new/3
	run -75 --separate-stderr mail-ingest maildir:box
	[ "$(jq -r '"\(.origin.maildir) \(.tenant)"' <<<"$output" | xargs)" = \
		"1 shop 3 shop-rest" ]
	[[ $stderr == *"2: no tenant for recipient"* ]]
	[ -e box/claimed/2 ]
}
