package dev.penstock.endtoend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** What a gateway's metrics say. Stateless. */
final class Metrics {
    private Metrics() {}

    /** Values by series, as Prometheus's text form writes them: {@code name} or {@code name{label="value"}}. */
    static Map<String, Double> of(InetSocketAddress http) {
        URI uri = URI.create("http://" + http.getAddress().getHostAddress() + ":" + http.getPort() + "/metrics");
        try (var in = uri.toURL().openStream()) {
            Map<String, Double> values = new TreeMap<>();
            new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith("#"))
                    .forEach(line -> {
                        int space = line.lastIndexOf(' ');
                        values.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
                    });
            return values;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
