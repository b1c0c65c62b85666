<?php
// A handler that keeps what it gets: receive.php TENANT DIR.
[, $tenant, $dir] = $argv;
$mail = stream_get_contents(STDIN);
// One mail has one name, whenever it is piped: not its From line, which has
// the time of this try.
$name = $dir . '/' . $tenant . '.' . md5(substr($mail, strpos($mail, "\n")));
$env = getenv();
ksort($env);
file_put_contents($name . '.env', json_encode($env, JSON_PRETTY_PRINT
    | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
// Twice the same mail is seen as twice its bytes.
file_put_contents($name . '.mail', $mail, FILE_APPEND);
exit(0);
