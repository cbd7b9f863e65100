package dev.penstock.loadgen;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import tools.jackson.core.JsonGenerator;

/**
 * The figures of a run, final or so far. Immutable but for {@link #acknowledged}, a live view.
 *
 * <p>The ledger part counts deliveries (message times recipient), warm-up included, and balances:
 * {@code attempted = accepted + refused + unknown + aborted + in flight}. The figures part counts messages whose
 * transaction began, or by the open loop's plan should have begun, after the warm-up.
 *
 * @param run            identifies the run's messages
 * @param attempted      deliveries whose envelope was sent
 * @param accepted       deliveries acknowledged by a 250 to the final dot
 * @param refused        deliveries refused, by reply code
 * @param unknown        deliveries whose message was sent, perhaps wholly, and never answered
 * @param aborted        deliveries whose message content was never begun when the connection broke
 * @param samples        the first reply text seen for each refusing code
 * @param connections    connections opened
 * @param failures       connections that couldn't be opened or that broke
 * @param messages       counted messages that were accepted
 * @param startMicros    start of the counted part, microseconds since 1970, 0 before it
 * @param elapsed        from there to the last counted acceptance
 * @param accept         from the final dot, handed to the kernel, to its 250
 * @param transaction    from MAIL, in the open loop from the planned start, to the 250
 * @param cpu            this process's CPU time in the counted part
 * @param series         the run second by second, from its beginning; the last may be shorter
 */
public record LoadReport(int run, long attempted, long accepted, Map<Integer, Long> refused, long unknown, long aborted,
        Map<Integer, String> samples, long connections, long failures, long messages, long startMicros,
        Duration elapsed, Latency accept, Latency transaction, Duration cpu, Deliveries acknowledged,
        List<Interval> series) {
    public LoadReport {
        refused = Map.copyOf(refused);
        samples = Map.copyOf(samples);
        series = List.copyOf(series);
    }

    public long refusedTotal() {
        return refused.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Counted messages per second. */
    public double rate() {
        return elapsed.isPositive() ? messages * 1e9 / elapsed.toNanos() : 0;
    }

    /** Seconds of CPU time per 1,000 counted messages. */
    public double cpuPerThousand() {
        return messages == 0 ? 0 : cpu.toNanos() / 1e6 / messages;
    }

    void write(JsonGenerator json) {
        json.writeStartObject();
        json.writeStringProperty("run", runName());
        json.writeNumberProperty("attempted", attempted);
        json.writeNumberProperty("accepted", accepted);
        json.writeObjectPropertyStart("refused");
        new TreeMap<>(refused).forEach((code, count) -> json.writeNumberProperty(code.toString(), count));
        json.writeEndObject();
        json.writeObjectPropertyStart("refusal_samples");
        new TreeMap<>(samples).forEach((code, text) -> json.writeStringProperty(code.toString(), text));
        json.writeEndObject();
        json.writeNumberProperty("unknown", unknown);
        json.writeNumberProperty("aborted", aborted);
        json.writeNumberProperty("connections", connections);
        json.writeNumberProperty("connection_failures", failures);
        json.writeNumberProperty("messages", messages);
        json.writeNumberProperty("start_micros", startMicros);
        json.writeNumberProperty("elapsed_seconds", elapsed.toNanos() / 1e9);
        json.writeNumberProperty("rate", rate());
        json.writeNumberProperty("cpu_seconds", cpu.toNanos() / 1e9);
        json.writeNumberProperty("cpu_seconds_per_1000", cpuPerThousand());
        accept.write("accept_micros", json);
        transaction.write("transaction_micros", json);
        json.writeArrayPropertyStart("series");
        series.forEach(interval -> interval.write(json));
        json.writeEndArray();
        json.writeEndObject();
    }

    String runName() {
        return String.format(Locale.ROOT, "%08x", run);
    }

    String table() {
        StringBuilder text = new StringBuilder(512);
        text.append(String.format(Locale.ROOT, """
                run %s
                  deliveries   attempted %d, accepted %d, refused %d, unknown %d, aborted %d
                  connections  opened %d, failed or broken %d
                """, runName(), attempted, accepted, refusedTotal(), unknown, aborted, connections, failures));
        new TreeMap<>(refused).forEach((code, count) -> text.append(
                String.format(Locale.ROOT, "  refused      %d times %s%n", count, samples.getOrDefault(code, ""))));
        text.append(String.format(Locale.ROOT, """
                  counted      %d messages in %.2f s: %.0f messages/s, %.4f CPU s per 1,000 (this process)
                  accept       %s
                  transaction  %s
                """, messages, elapsed.toNanos() / 1e9, rate(), cpuPerThousand(), accept, transaction));
        return text.toString();
    }
}
