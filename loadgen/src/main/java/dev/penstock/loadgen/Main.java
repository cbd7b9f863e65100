package dev.penstock.loadgen;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Starts the generator, the sink, the relay or the ledger by name. */
@Command(name = "penstock", subcommands = {LoadCommand.class, InjectCommand.class, SinkCommand.class,
    RelayCommand.class, LedgerCommand.class})
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
    }
}
