package dev.penstock.preflight;

import java.util.concurrent.CompletableFuture;

import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordType;

/** Who knows DNS: {@link dev.penstock.routing.DnsRouter#records}. Thread-safe. */
@FunctionalInterface
public interface Records {
    /** Never fails; complete at once when it is known. */
    CompletableFuture<RecordSet> find(String name, RecordType type);
}
