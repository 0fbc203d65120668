#!/usr/bin/perl
# Runs QEMU and stands between it and the caller's stdout and stderr.
#
#   supervise.pl OUTCOME-FILE BOOT-SECONDS COMMAND-SECONDS QEMU ARGUMENT...
#
# QEMU gets three pipes: descriptor 10 for what the VM says to the lab (lines), 11 for stdout, 12 for stderr.
# The VM says 'ready' before it starts the command, 'exit STATUS OUT ERR' after it, with the numbers of bytes
# that the command wrote: both streams are complete when that many have arrived, and only then is QEMU ended.
# (A shell cannot count bytes that pass by. Perl is in every Debian; nothing beyond perl-base is used.)
#
# OUTCOME-FILE gets one line: 'exit STATUS', 'refused REASON' (the VM could not prepare), 'no-boot' (it never
# got ready), 'timeout', or 'died' (ready, but QEMU ended before the command did).
use strict;
use warnings;
use POSIX ();
use Time::HiRes ();

my ($outcome_file, $boot_limit, $command_limit, @qemu) = @ARGV;
my $started = Time::HiRes::time();

my (%from, @for_qemu);
for my $name (qw(control out err)) {
    pipe(my $read, my $write) or die "pipe: $!";
    $from{$name} = $read;
    push @for_qemu, $write;
}

my $parent = $$;
my $pid = fork() // die "fork: $!";
if ($pid == 0) {
    POSIX::dup2(fileno($for_qemu[$_]), 10 + $_) for 0 .. 2;
    POSIX::dup2(2, 1);    # what QEMU itself says is no output of the command
    # Whatever ends this process, SIGKILL included, ends QEMU.
    { exec 'setpriv', '--pdeathsig', 'KILL', '--', 'sh', '-c', "[ \$PPID = $parent ] && exec \"\$@\"", 'sh', @qemu }
    POSIX::_exit(127);
}
close $_ for @for_qemu;

my ($control, $ready, @totals) = ('', 0);
my %count = (out => 0, err => 0);
my %to = (out => \*STDOUT, err => \*STDERR);

sub finish {
    my ($outcome) = @_;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    open my $file, '>', $outcome_file or die "$outcome_file: $!";
    print $file "$outcome\n";
    close $file or die "$outcome_file: $!";
    printf STDERR "lab: command started after %.1f s, VM ended after %.1f s\n", $ready, Time::HiRes::time() - $started
        if $ENV{GUESTCAM_LAB_TIMES};
    exit 0;
}

# Deadlines come as a signal, so that they hold even while a reader of our output does not read.
$SIG{ALRM} = sub { finish($ready ? 'timeout' : 'no-boot') };
$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { finish('stopped') };
$SIG{PIPE} = 'IGNORE';    # a reader that has left shows as a failed write
alarm $boot_limit;

sub on_control {
    my ($line) = @_;
    if ($line eq 'ready') {
        $ready = Time::HiRes::time() - $started;
        alarm $command_limit;
    } elsif ($line =~ /^exit (\d+) (\d+) (\d+)$/) {
        @totals = ($1, $2, $3);
    } elsif ($line =~ /^refused /) {
        finish($line);
    }
}

sub pass_on {
    my ($name) = @_;
    my $got = sysread $from{$name}, my $bytes, 1 << 16;
    return if !defined $got && $!{EINTR};
    if (!$got) {
        delete $from{$name};
        return;
    }
    if ($name eq 'control') {
        $control .= $bytes;
        on_control($1) while $control =~ s/^(.*)\n//;
        return;
    }
    $count{$name} += $got;
    for (my $done = 0; $done < $got;) {
        my $wrote = syswrite $to{$name}, $bytes, $got - $done, $done;
        next if !defined $wrote && $!{EINTR};
        defined $wrote or finish("exit 141");
        $done += $wrote;
    }
}

while (%from) {
    finish("exit $totals[0]") if @totals && $count{out} >= $totals[1] && $count{err} >= $totals[2];
    my $wanted = '';
    vec($wanted, fileno $_, 1) = 1 for values %from;
    my $found = select(my $set = $wanted, undef, undef, undef);
    next if $found < 0;
    for my $name (sort keys %from) {
        pass_on($name) if vec($set, fileno $from{$name}, 1);
    }
}
finish($ready ? 'died' : 'no-boot');
