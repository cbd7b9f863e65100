package dev.penstock.inbound;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.meters.PartMeters;

/** The SMTP server, as metrics name it. Stateless. */
public final class InboundMetrics {
    private InboundMetrics() {}

    public static PartMeters<InboundStats> of(Supplier<InboundStats> source, Supplier<HistogramSnapshot> acceptTimes) {
        PartMeters<InboundStats> part = PartMeters.of("penstock.inbound.", source);
        part.gauge("sessions.open", "SMTP sessions open", InboundStats::sessions);
        part.counter("sessions", "SMTP sessions greeted", InboundStats::sessionsTotal);
        part.counter("sessions.refused", "Sessions refused for the limits", InboundStats::sessionsRefused);
        part.counter("messages", "Messages answered with 250", InboundStats::messages);
        part.counter("bytes", "Octets of their content", InboundStats::octets);
        part.counter("recipients", "Their recipients", InboundStats::recipients);
        part.counter("recipients.refused", "RCPT answered with 4xx or 5xx", InboundStats::recipientsRefused);
        part.counter("messages.refused", "Messages answered with 5xx", InboundStats::messagesRefused);
        part.counter("messages.deferred", "Messages answered with 4xx for want of room",
                InboundStats::messagesDeferred);
        part.counter("messages.aborted", "Messages whose connection was lost", InboundStats::messagesAborted);
        part.counter("errors", "Commands answered with an error", InboundStats::errors);
        part.counter("timeouts", "Sessions closed for silence", InboundStats::timeouts);
        part.gauge("receiving.bytes", "Octets of messages being received", InboundStats::receivingOctets);
        hostility(part);
        part.histogram("accept.duration.seconds", "From the end of a message's content to its 250", acceptTimes);
        return part;
    }

    /** By listener: one label for each that is configured. */
    public static PartMeters<Map<String, ListenerStats>> ofListeners(Supplier<Map<String, ListenerStats>> source) {
        PartMeters<Map<String, ListenerStats>> part = PartMeters.of("penstock.listener.", source);
        List<String> tags = List.of("listener");
        part.gauges("sessions.open", "SMTP sessions open, by listener", tags, each(ListenerStats::open));
        part.counters("sessions", "SMTP sessions greeted, by listener", tags, each(ListenerStats::sessions));
        part.counters("sessions.refused", "Sessions refused for the limits or by policy, by listener", tags,
                each(ListenerStats::sessionsRefused));
        part.counters("messages", "Messages answered with 250, by listener", tags, each(ListenerStats::messages));
        part.counters("bytes", "Octets of their content, by listener", tags, each(ListenerStats::octets));
        part.counters("messages.refused", "Messages answered with 5xx, by listener", tags,
                each(ListenerStats::messagesRefused));
        part.counters("messages.deferred", "Messages answered with 4xx for want of room, by listener", tags,
                each(ListenerStats::messagesDeferred));
        return part;
    }

    private static Function<Map<String, ListenerStats>, Map<List<String>, Long>> each(
            ToLongFunction<ListenerStats> figure) {
        return listeners -> {
            Map<List<String>, Long> figures = new LinkedHashMap<>();
            listeners.forEach((name, stats) -> figures.put(List.of(name), figure.applyAsLong(stats)));
            return figures;
        };
    }

    private static void hostility(PartMeters<InboundStats> part) {
        for (SessionRefusal refusal : SessionRefusal.values()) {
            part.counter("refusals", "Sessions refused, by the limit", stats -> stats.hostility().refused()
                    .getOrDefault(refusal, 0L), "limit", PartMeters.label(refusal));
        }
        for (Slowness slowness : Slowness.values()) {
            part.counter("slow", "Sessions closed because the client took too long, by the deadline",
                    stats -> stats.hostility().slow().getOrDefault(slowness, 0L), "deadline",
                    PartMeters.label(slowness));
        }
        part.counter("messages.limited", "MAIL commands beyond the client's rate",
                stats -> stats.hostility().messagesLimited());
        part.counter("recipients.limited", "RCPT commands beyond the client's rate",
                stats -> stats.hostility().recipientsLimited());
        part.counter("proxy.failures", "Connections of proxies closed for want of a valid PROXY header",
                stats -> stats.hostility().proxyFailures());
        part.counter("early.talkers", "Clients that spoke before they were greeted",
                stats -> stats.hostility().earlyTalkers());
        part.counter("foreign.commands", "Sessions closed for a command of another protocol",
                stats -> stats.hostility().foreignCommands());
        part.counter("out.of.step", "Sessions closed for input behind a command that ends its group",
                stats -> stats.hostility().outOfStep());
        part.counter("stressed", "Times that sessions came near their limit", stats -> stats.hostility().stressed());
        part.gauge("stress", "1 while the stress limits apply", stats -> stats.hostility().stress() ? 1 : 0);
    }
}
