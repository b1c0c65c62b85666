# Mail::DKIM's opinion: KEYS FILE...; a line for each file, "NAME WORD WORD".
use strict;
use warnings;
use File::Basename;
use Mail::DKIM::Verifier;
use Mail::DKIM::PublicKey;

my ($keys, @files) = @ARGV;
my %record;
open my $in, '<', $keys or die "$keys: $!";
while (<$in>) {
	chomp;
	my ($name, $text) = split / /, $_, 2;
	$record{$name} = $text;
}
{
	no warnings 'redefine';
	*Mail::DKIM::PublicKey::fetch_async = sub {
		my ($class, %of) = @_;
		my $text = $record{"$of{Selector}._domainkey.$of{Domain}"};
		return sub {
			my $key = Mail::DKIM::PublicKey->parse($text);
			$key->{Selector} = $of{Selector};
			$key->{Domain} = $of{Domain};
			my $then = $of{Callbacks}{Success};
			return $then ? $then->($key) : $key;
		};
	};
}
for my $file (@files) {
	my $dkim = Mail::DKIM::Verifier->new;
	open my $message, '<:raw', $file or die "$file: $!";
	while (<$message>) {
		$dkim->PRINT($_);
	}
	$dkim->CLOSE;
	print join(' ', basename($file), map { $_->result } $dkim->signatures),
	    "\n";
}
