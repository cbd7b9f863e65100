package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A real DNS server with a zone of the test's own below {@code test.}, on a loopback port. */
final class Unbound implements AutoCloseable {
    private static final String ADDRESS = "127.0.0.1";
    private final PeerProcess process;
    private final int port;

    private Unbound(PeerProcess process, int port) {
        this.process = process;
        this.port = port;
    }

    /** @param records as zone files write them: {@code "a.test. 300 IN MX 10 mx.a.test."} */
    static Unbound start(Path directory, List<String> records) throws IOException {
        int port = Peers.freePort(ADDRESS);
        StringBuilder config = new StringBuilder("""
                server:
                  directory: "%s"
                  chroot: ""
                  username: ""
                  pidfile: ""
                  use-syslog: no
                  do-daemonize: no
                  num-threads: 1
                  interface: %s@%d
                  access-control: 127.0.0.0/8 allow
                  do-not-query-localhost: no
                  module-config: "iterator"
                  local-zone: "test." static
                  local-data: "test. 300 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60"
                """.formatted(directory, ADDRESS, port));
        records.forEach(line -> config.append("  local-data: '").append(line).append("'\n"));
        config.append("remote-control:\n  control-enable: no\n");
        Path file = Files.writeString(directory.resolve("unbound.conf"), config);
        PeerProcess process = PeerProcess.start(directory, "unbound",
                List.of(Peers.require("unbound"), "-d", "-p", "-c", file.toString()));
        return new Unbound(process.awaitListening(ADDRESS, port), port);
    }

    /** As the configuration key {@code dns.servers} takes it. */
    String server() {
        return ADDRESS + ":" + port;
    }

    @Override
    public void close() {
        process.close();
    }
}
