package dev.penstock.loadgen;

import java.nio.file.Path;
import java.util.concurrent.Callable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Compares the files of {@code load --acks} and {@code sink --received}. */
@Command(name = "ledger", mixinStandardHelpOptions = true, description = "Proves loss, duplicates and damage from the files of load --acks and sink --received.", exitCodeListHeading = "Exit codes:%n", exitCodeList = {
    "0:everything acknowledged was received once and sound", "1:something is missing, doubled or damaged"})
public final class LedgerCommand implements Callable<Integer> {
    @Option(names = "--acks", required = true, description = "what the generator got a 250 for")
    private Path acks = Path.of("");

    @Option(names = "--received", required = true, description = "what the sink received")
    private Path received = Path.of("");

    @Option(names = "--allow-missing", description = "deliveries known to be queued or bounced (default: 0)")
    private long allowed;

    @Override
    public Integer call() throws Exception {
        Ledger ledger = Ledger.compare(Deliveries.read(acks), Deliveries.read(received));
        System.out.println(ledger);
        return ledger.balances(allowed) ? 0 : 1;
    }
}
