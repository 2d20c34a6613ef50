my %n; while (<>) { $n{lc $_}++ for /\w+/g } printf "%6d %s\n", $n{$_}, $_ for (sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n)[0..19];
