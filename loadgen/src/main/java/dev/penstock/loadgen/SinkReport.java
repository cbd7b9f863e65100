package dev.penstock.loadgen;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import tools.jackson.core.JsonGenerator;

/**
 * What a sink has seen so far. Immutable but for {@link #received}, a live view.
 *
 * @param connections  accepted since the start
 * @param open         sessions open now
 * @param messages     complete messages, answered or not
 * @param deliveries   recipients of messages that carried the generator's header, duplicates and damage included
 * @param foreign      messages without it, like bounces
 * @param deferred     recipients answered 4xx
 * @param bounced      recipients answered 5xx
 * @param dropped      messages cut off by behaviour
 * @param octets       of content, without stuffed dots
 * @param counted      deliveries that weren't part of a warm-up
 * @param firstMicros  end of the first counted message, microseconds since 1970
 * @param lastMicros   end of the last counted message
 * @param transit      from the generator's time stamp to the final dot, of counted deliveries
 * @param cpu          this process's CPU time since the first counted message
 * @param domains      deliveries by domain
 */
public record SinkReport(long connections, long open, long messages, long deliveries, long foreign, long deferred,
        long bounced, long dropped, long octets, long counted, long firstMicros, long lastMicros, Latency transit,
        Duration cpu, Map<String, DomainCount> domains, Deliveries received) {
    /** Recipients of one domain. */
    public record DomainCount(long received, long deferred, long bounced, long dropped) {}

    public SinkReport {
        domains = Map.copyOf(domains);
    }

    public long duplicates() {
        return received.duplicates();
    }

    public long corrupt() {
        return received.corrupt();
    }

    /** Counted deliveries per second between the first and the last. */
    public double rate() {
        return lastMicros > firstMicros ? counted * 1e6 / (lastMicros - firstMicros) : 0;
    }

    /** Seconds of CPU time per 1,000 counted deliveries. */
    public double cpuPerThousand() {
        return counted == 0 ? 0 : cpu.toNanos() / 1e6 / counted;
    }

    void write(JsonGenerator json) {
        json.writeStartObject();
        json.writeNumberProperty("connections", connections);
        json.writeNumberProperty("open", open);
        json.writeNumberProperty("messages", messages);
        json.writeNumberProperty("deliveries", deliveries);
        json.writeNumberProperty("distinct", received.size());
        json.writeNumberProperty("duplicates", duplicates());
        json.writeNumberProperty("corrupt", corrupt());
        json.writeNumberProperty("foreign", foreign);
        json.writeNumberProperty("deferred", deferred);
        json.writeNumberProperty("bounced", bounced);
        json.writeNumberProperty("dropped", dropped);
        json.writeNumberProperty("octets", octets);
        json.writeNumberProperty("counted", counted);
        json.writeNumberProperty("first_micros", firstMicros);
        json.writeNumberProperty("last_micros", lastMicros);
        json.writeNumberProperty("rate", rate());
        json.writeNumberProperty("cpu_seconds", cpu.toNanos() / 1e9);
        json.writeNumberProperty("cpu_seconds_per_1000", cpuPerThousand());
        transit.write("transit_micros", json);
        json.writeObjectPropertyStart("domains");
        new TreeMap<>(domains).forEach((domain, count) -> {
            json.writeObjectPropertyStart(domain);
            json.writeNumberProperty("received", count.received());
            json.writeNumberProperty("deferred", count.deferred());
            json.writeNumberProperty("bounced", count.bounced());
            json.writeNumberProperty("dropped", count.dropped());
            json.writeEndObject();
        });
        json.writeEndObject();
        json.writeEndObject();
    }

    String table() {
        return String.format(Locale.ROOT, """
                  connections  %d, open %d
                  deliveries   %d, different %d, duplicates %d, corrupt %d
                  messages     %d, foreign %d, %d octets
                  recipients   deferred %d, bounced %d; messages dropped %d
                  counted      %d deliveries: %.0f/s, %.4f CPU s per 1,000 (this process)
                  transit      %s
                """, connections, open, deliveries, received.size(), duplicates(), corrupt(), messages, foreign, octets,
                deferred, bounced, dropped, counted, rate(), cpuPerThousand(), transit);
    }
}
