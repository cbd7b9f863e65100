package dev.penstock.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.delivery.DeliveryStats;
import dev.penstock.loadgen.Latency;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.SinkReport;
import dev.penstock.queue.QueueStats;

/**
 * What the demo ends with. Immutable. The ledger balances when every acknowledged delivery reached the sink once and
 * whole, or is still queued, or has bounced.
 *
 * @param queued  deliveries still in the gateway's queue; reports to the sender, known by what of them reached the sink,
 *                are left out
 * @param bounced recipients the gateway gave up, their hosts having refused them
 * @param deliveredRate deliveries per second while load was sent
 */
record DemoResult(Ledger ledger, LoadReport load, SinkReport sink, long queued, long bounced,
        double deliveredRate) {
    static DemoResult of(LoadReport load, SinkReport sink, DeliveryStats.Snapshot delivery, QueueStats queue,
            double deliveredRate) {
        return new DemoResult(Ledger.compare(load.acknowledged(), sink.received()), load, sink,
                queue.queued() - (delivery.reports() - sink.foreign()),
                delivery.bounced() + delivery.expired(), deliveredRate);
    }

    boolean balances() {
        return load.accepted() > 0 && lost() == 0 && ledger.duplicates() == 0 && ledger.corrupt() == 0;
    }

    /** What is unaccounted for; a negative number would be a message in two places, and balances as little. */
    long lost() {
        return ledger.missing() - queued - bounced;
    }

    String table() {
        return String.format(Locale.ROOT, """

                ledger
                  accepted    %10d   acknowledged with 250 after the sync
                  delivered   %10d   of these, received and checked by number and CRC
                  queued      %10d   waiting for their next attempt or their throttle
                  bounced     %10d   refused by their host, reported to the sender
                  lost        %10d
                  duplicates  %10d
                  damaged     %10d
                rates
                  accepted    %10.0f   messages/s
                  delivered   %10.0f   messages/s while load was sent
                accept   (final dot to 250)              %s
                transit  (first sent to taken by host)   %s
                %s
                """, ledger.acknowledged(), ledger.acknowledged() - ledger.missing(), queued, bounced, lost(),
                ledger.duplicates(), ledger.corrupt(), load.rate(), deliveredRate, load.accept(), sink.transit(),
                balances()
                        ? "accepted = delivered + queued + bounced: nothing was lost, doubled or damaged"
                        : "THE LEDGER DOES NOT BALANCE: " + ledger);
    }

    void writeJson(Path file) throws IOException {
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(),
                Files.newBufferedWriter(file))) {
            json.writeStartObject();
            json.writeBooleanProperty("balances", balances());
            json.writeNumberProperty("accepted", ledger.acknowledged());
            json.writeNumberProperty("delivered", ledger.acknowledged() - ledger.missing());
            json.writeNumberProperty("queued", queued);
            json.writeNumberProperty("bounced", bounced);
            json.writeNumberProperty("lost", lost());
            json.writeNumberProperty("duplicates", ledger.duplicates());
            json.writeNumberProperty("corrupt", ledger.corrupt());
            json.writeNumberProperty("accepted_per_second", load.rate());
            json.writeNumberProperty("delivered_per_second", deliveredRate);
            write(json, "accept_micros", load.accept());
            write(json, "transit_micros", sink.transit());
            json.writeEndObject();
        }
    }

    private static void write(JsonGenerator json, String name, Latency latency) {
        json.writeObjectPropertyStart(name);
        json.writeNumberProperty("p50", latency.p50());
        json.writeNumberProperty("p90", latency.p90());
        json.writeNumberProperty("p99", latency.p99());
        json.writeNumberProperty("p999", latency.p999());
        json.writeNumberProperty("max", latency.max());
        json.writeEndObject();
    }
}
